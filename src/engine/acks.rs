//! Published messages whose QoS 1 or 2 handshake is not over: one table for all connections.
//!
//! Rows are threaded into a list per connection, oldest first, because acknowledgements come in
//! order. A connection holds two row numbers instead of a queue of its own: most have nothing to be
//! acknowledged at any moment, and a queue that was used once keeps its room.
//! Of connections whose sessions outlive them, the frames are kept too, to be sent again.
//! Not here: clocks, and what an acknowledgement means.

use super::exchange::{NONE, Ticket};
use crate::event::room;

/// A published QoS 1 or 2 message whose handshake is not over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ack {
    pub packet_id: u16,
    pub request: u16,
    /// PUBREC is in and PUBREL is out.
    pub released: bool,
    /// The exchange that ends with the acknowledgement, if one does.
    pub completes: Option<Ticket>,
    pub intended: u64,
    /// 0 until the kernel took it.
    pub sent: u64,
}

/// One connection's rows, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AckList {
    first: u32,
    last: u32,
}

impl AckList {
    pub(super) const EMPTY: Self = Self {
        first: NONE,
        last: NONE,
    };
}

#[derive(Debug, Clone, Copy)]
struct Row {
    ack: Ack,
    previous: u32,
    /// In a free row: the next free one.
    next: u32,
}

/// All unfinished handshakes of one worker.
#[derive(Debug)]
pub(super) struct Acks {
    rows: Vec<Row>,
    /// By row: the message as it was written, if it is kept. A row's buffer is used again.
    frames: Vec<Vec<u8>>,
    free: u32,
}

impl Acks {
    pub(super) const fn new() -> Self {
        Self {
            rows: Vec::new(),
            frames: Vec::new(),
            free: NONE,
        }
    }

    /// Keeps the frame of the youngest handshake of a list.
    pub(super) fn keep(&mut self, list: AckList, frame: &[u8]) {
        if list.last == NONE {
            return;
        }
        if self.frames.len() < self.rows.len() {
            self.frames.resize_with(self.rows.len(), Vec::new);
        }
        let kept = &mut self.frames[list.last as usize];
        kept.clear();
        kept.extend_from_slice(frame);
    }

    /// The handshakes of a list, oldest first, with the frames that are kept of them.
    pub(super) fn of(&self, list: AckList) -> impl Iterator<Item = (&Ack, &[u8])> {
        let rows = std::iter::successors(some(list.first), move |slot| {
            some(self.rows[*slot as usize].next)
        });
        rows.map(move |slot| {
            let frame = self
                .frames
                .get(slot as usize)
                .map_or(&[][..], Vec::as_slice);
            (&self.rows[slot as usize].ack, frame)
        })
    }

    /// The handshakes of a list that began before this one.
    pub(super) fn older(&self, slot: u32) -> impl Iterator<Item = &Ack> {
        let before = move |slot: &u32| some(self.rows[*slot as usize].previous);
        let rows = std::iter::successors(before(&slot), before);
        rows.map(move |slot| &self.rows[slot as usize].ack)
    }

    /// Takes out the handshakes of a list whose messages the kernel never took.
    pub(super) fn forget_unsent(&mut self, list: &mut AckList) {
        let mut slot = list.first;
        while slot != NONE {
            let Row { ack, next, .. } = self.rows[slot as usize];
            if ack.sent == 0 {
                self.remove(list, slot);
            }
            slot = next;
        }
    }

    /// Adds the youngest handshake of a connection.
    pub(super) fn push(&mut self, list: &mut AckList, ack: Ack) {
        let row = Row {
            ack,
            previous: list.last,
            next: NONE,
        };
        let slot = if self.free == NONE {
            room::grow(&mut self.rows);
            self.rows.push(row);
            (self.rows.len() - 1) as u32
        } else {
            let slot = self.free;
            self.free = self.rows[slot as usize].next;
            self.rows[slot as usize] = row;
            slot
        };
        match list.last {
            NONE => list.first = slot,
            before => self.rows[before as usize].next = slot,
        }
        list.last = slot;
    }

    /// The handshake with this packet ID; the oldest is tried first.
    pub(super) fn find(&self, list: AckList, packet_id: u16) -> Option<u32> {
        let mut slot = list.first;
        while slot != NONE {
            let row = &self.rows[slot as usize];
            if row.ack.packet_id == packet_id {
                return Some(slot);
            }
            slot = row.next;
        }
        None
    }

    /// The same, where it is most likely one of the youngest.
    pub(super) fn find_young(&mut self, list: AckList, packet_id: u16) -> Option<&mut Ack> {
        let mut slot = list.last;
        while slot != NONE {
            let row = &self.rows[slot as usize];
            if row.ack.packet_id == packet_id {
                return Some(&mut self.rows[slot as usize].ack);
            }
            slot = row.previous;
        }
        None
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Ack {
        &mut self.rows[slot as usize].ack
    }

    /// Takes a row out of its connection's list.
    pub(super) fn remove(&mut self, list: &mut AckList, slot: u32) {
        let Row { previous, next, .. } = self.rows[slot as usize];
        match previous {
            NONE => list.first = next,
            previous => self.rows[previous as usize].next = next,
        }
        match next {
            NONE => list.last = previous,
            next => self.rows[next as usize].previous = previous,
        }
        self.rows[slot as usize].next = self.free;
        self.free = slot;
    }

    /// Takes out all rows of a connection.
    pub(super) fn clear(&mut self, list: &mut AckList) {
        if list.last != NONE {
            self.rows[list.last as usize].next = self.free;
            self.free = list.first;
            *list = AckList::EMPTY;
        }
    }

    /// The first packet ID after `latest` that no unfinished handshake of the list uses; `None` when
    /// there is none (section 2.3.1).
    pub(super) fn free_packet_id(&self, list: AckList, latest: u16) -> Option<u16> {
        let after = |id: u16| id.checked_add(1).unwrap_or(1);
        let id = after(latest);
        if self.find(list, id).is_none() {
            return Some(id);
        }
        // Came round to one that is still in use. One walk for all candidates, or a long list would be
        // walked for each.
        let mut used = vec![false; usize::from(u16::MAX) + 1];
        let mut slot = list.first;
        while slot != NONE {
            let row = &self.rows[slot as usize];
            used[usize::from(row.ack.packet_id)] = true;
            slot = row.next;
        }
        let candidates = std::iter::successors(Some(id), |id| Some(after(*id)));
        candidates
            .take(usize::from(u16::MAX))
            .find(|id| !used[usize::from(*id)])
    }
}

/// The row of a number, if there is one.
fn some(slot: u32) -> Option<u32> {
    (slot != NONE).then_some(slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(packet_id: u16) -> Ack {
        Ack {
            packet_id,
            request: 0,
            released: false,
            completes: None,
            intended: 0,
            sent: 0,
        }
    }

    fn ids(acks: &Acks, list: AckList) -> Vec<u16> {
        let mut ids = Vec::new();
        let mut slot = list.first;
        while slot != NONE {
            ids.push(acks.rows[slot as usize].ack.packet_id);
            slot = acks.rows[slot as usize].next;
        }
        ids
    }

    #[test]
    fn lists_of_two_connections_share_the_rows_and_keep_their_order() {
        let mut acks = Acks::new();
        let (mut one, mut two) = (AckList::EMPTY, AckList::EMPTY);
        for id in 1..=4 {
            acks.push(&mut one, ack(id));
            acks.push(&mut two, ack(10 + id));
        }
        for (id, left) in [(2, &[1, 3, 4][..]), (1, &[3, 4]), (4, &[3]), (3, &[])] {
            let slot = acks.find(one, id).unwrap();
            acks.remove(&mut one, slot);
            assert_eq!(ids(&acks, one), left);
        }
        assert_eq!(one, AckList::EMPTY);
        assert_eq!(ids(&acks, two), [11, 12, 13, 14]);
        acks.find_young(two, 13).unwrap().sent = 7;
        let slot = acks.find(two, 13).unwrap();
        assert_eq!(acks.get_mut(slot).sent, 7);
        assert!(acks.find_young(two, 3).is_none() && acks.find(two, 3).is_none());
    }

    #[test]
    fn rows_are_used_again_after_a_removal_and_after_a_loss() {
        let mut acks = Acks::new();
        let mut list = AckList::EMPTY;
        for round in 0..3 {
            for id in 1..=5 {
                acks.push(&mut list, ack(id));
            }
            let slot = acks.find(list, 3).unwrap();
            acks.remove(&mut list, slot);
            acks.push(&mut list, ack(6 + round));
            acks.clear(&mut list);
            acks.clear(&mut list);
            assert_eq!((list, acks.rows.len()), (AckList::EMPTY, 5));
        }
    }

    #[test]
    fn what_was_sent_stays_with_its_frame_and_in_its_order() {
        let mut acks = Acks::new();
        let mut list = AckList::EMPTY;
        for (id, sent) in [(1, 10), (2, 0), (3, 30), (4, 0)] {
            acks.push(&mut list, Ack { sent, ..ack(id) });
            acks.keep(list, &[id as u8; 3]);
        }
        let third = acks.find(list, 3).unwrap();
        let older: Vec<u16> = acks.older(third).map(|ack| ack.packet_id).collect();
        assert_eq!(older, [2, 1]);
        acks.forget_unsent(&mut list);
        let kept = |acks: &Acks, list| -> Vec<(u16, Vec<u8>)> {
            let rows = acks.of(list);
            rows.map(|(ack, frame)| (ack.packet_id, frame.to_vec()))
                .collect()
        };
        assert_eq!(kept(&acks, list), [(1, vec![1; 3]), (3, vec![3; 3])]);
        // The next user of a row has its own frame.
        acks.push(&mut list, ack(5));
        acks.keep(list, &[5]);
        assert_eq!(kept(&acks, list)[2], (5, vec![5]));
        assert_eq!(acks.rows.len(), 4);
    }

    #[test]
    fn packet_ids_skip_zero_and_those_in_use() {
        let mut acks = Acks::new();
        let mut list = AckList::EMPTY;
        acks.push(&mut list, ack(u16::MAX));
        acks.push(&mut list, ack(1));
        assert_eq!(acks.free_packet_id(list, u16::MAX - 1), Some(2));
    }

    #[test]
    fn no_packet_id_is_left_when_all_are_in_use() {
        let mut acks = Acks::new();
        let mut list = AckList::EMPTY;
        (1..=u16::MAX).for_each(|id| acks.push(&mut list, ack(id)));
        assert_eq!(acks.free_packet_id(list, 0), None);
    }
}
