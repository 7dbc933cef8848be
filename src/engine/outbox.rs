//! Bytes that a socket did not take at once, with what they mean.
//!
//! Every frame has a marker, so that the moment its first byte goes out can be noted, and so that a
//! frame that nobody waits for any more can be taken out before it has begun.
//! Not here: the socket, the clock, the limit (the worker asks `len` before it adds).

use std::collections::VecDeque;

use super::exchange::Ticket;

/// What a frame is, for the moment when the kernel takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// An acknowledgement, a ping, a subscription: nobody counts it.
    Control,
    /// A request whose exchange is in the table. `packet_id` is 0 for QoS 0.
    Exchange { ticket: Ticket, packet_id: u16 },
    /// A message that is complete once it is written.
    Fire {
        intended: u64,
        deadline: u64,
        request: u16,
    },
}

impl Meaning {
    pub(super) fn is_exchange(&self) -> bool {
        matches!(self, Self::Exchange { .. })
    }
}

/// One frame in a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    /// Bytes of the frame that are still here.
    pub len: u32,
    /// Whether the kernel has taken some of it.
    pub begun: bool,
    /// When the worker came to it; the difference to the intended instant is the pacer's lag.
    pub due: u64,
    pub meaning: Meaning,
}

/// Frames in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    taken: usize,
    markers: VecDeque<Marker>,
}

impl Outbox {
    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.taken
    }

    /// Whether nothing waits, not even a marker.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && self.markers.is_empty()
    }

    pub(super) fn pending(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    pub(super) fn markers(&self) -> impl Iterator<Item = &Marker> {
        self.markers.iter()
    }

    /// Adds frames at the end.
    pub(super) fn push(&mut self, bytes: &[u8], markers: impl IntoIterator<Item = Marker>) {
        if self.taken > 0 && self.taken == self.bytes.len() {
            self.bytes.clear();
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
        self.markers.extend(markers);
    }

    /// Notes that the kernel took `count` bytes; calls nothing, but appends the markers of the frames
    /// that began with them to `begun`.
    pub(super) fn advance(&mut self, count: usize, begun: &mut Vec<Marker>) {
        self.taken += count;
        let mut left = count as u32;
        while left > 0 {
            let Some(front) = self.markers.front_mut() else {
                break;
            };
            if !front.begun {
                front.begun = true;
                begun.push(*front);
            }
            if front.len > left {
                front.len -= left;
                break;
            }
            left -= front.len;
            self.markers.pop_front();
        }
        if self.taken == self.bytes.len() {
            self.bytes.clear();
            self.taken = 0;
        }
    }

    /// Takes out the frames that have not begun and for which `keep` says no.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Marker) -> bool) {
        let mut kept = Vec::with_capacity(self.len());
        let mut at = self.taken;
        let bytes = &self.bytes;
        self.markers.retain(|marker| {
            let frame = &bytes[at..at + marker.len as usize];
            at += marker.len as usize;
            let stays = marker.begun || keep(marker);
            if stays {
                kept.extend_from_slice(frame);
            }
            stays
        });
        self.bytes = kept;
        self.taken = 0;
    }

    /// Empties the box and keeps its room.
    pub(super) fn empty(&mut self) {
        drop(self.clear());
    }

    /// Bytes that its buffers take, used or not.
    pub(super) fn room(&self) -> usize {
        self.bytes.capacity() + self.markers.capacity() * size_of::<Marker>()
    }

    /// Empties the box and returns what had not begun.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = Marker> + '_ {
        self.bytes.clear();
        self.taken = 0;
        self.markers.drain(..).filter(|marker| !marker.begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(len: u32, due: u64) -> Marker {
        Marker {
            len,
            begun: false,
            due,
            meaning: Meaning::Control,
        }
    }

    #[test]
    fn a_frame_begins_with_its_first_byte_and_only_once() {
        let mut outbox = Outbox::default();
        outbox.push(b"aaabb", [frame(3, 1), frame(2, 2)]);
        let mut begun = Vec::new();
        outbox.advance(1, &mut begun);
        assert_eq!(
            begun.iter().map(|marker| marker.due).collect::<Vec<_>>(),
            [1]
        );
        outbox.advance(2, &mut begun);
        assert_eq!(begun.len(), 1);
        assert_eq!(outbox.pending(), b"bb");
        outbox.advance(2, &mut begun);
        assert_eq!(begun.len(), 2);
        assert_eq!(outbox.len(), 0);
    }

    #[test]
    fn a_frame_that_has_begun_is_never_taken_out() {
        let mut outbox = Outbox::default();
        outbox.push(b"aaabbc", [frame(3, 1), frame(2, 2), frame(1, 3)]);
        outbox.advance(1, &mut Vec::new());
        outbox.retain(|marker| marker.due == 3);
        assert_eq!(outbox.pending(), b"aac");
        let mut begun = Vec::new();
        outbox.advance(3, &mut begun);
        assert_eq!(
            begun.iter().map(|marker| marker.due).collect::<Vec<_>>(),
            [3]
        );
    }

    #[test]
    fn clearing_returns_what_was_not_sent() {
        let mut outbox = Outbox::default();
        outbox.push(b"aabb", [frame(2, 1), frame(2, 2)]);
        outbox.advance(1, &mut Vec::new());
        assert_eq!(
            outbox.clear().map(|marker| marker.due).collect::<Vec<_>>(),
            [2]
        );
        assert_eq!(outbox.len(), 0);
    }
}
