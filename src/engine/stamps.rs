//! Which requests ask the kernel when they left and when their replies came in, and what it said.
//!
//! A share of all writes, at gaps that seed, worker and number of the sample decide, so that each request is
//! sampled with the same probability, whatever connection it leaves on. Where its reply is to
//! come, reads ask until it has come. All other writes and reads are the same system calls as without any of
//! this. Not here: how the kernel is asked (`event`), and what its answers mean (`measure`).

use std::io;
use std::ops::RangeInclusive;

use super::connection::Part;
use super::outbox::{Marker, Meaning};
use super::worker::Worker;
use crate::event::{Aside, Clock, Socket, wall_clock_ns};
use crate::measure::{KernelInstant, LeftOut, client_share};
use crate::plan::hash;

/// What is known of a sampled request until it ends.
#[derive(Debug, Clone, Copy)]
struct Note {
    /// When it left, or why that is not known.
    left: Result<KernelInstant, LeftOut>,
    /// The connection on which its reply may come, and whether it may come on the next one as well.
    reply_on: (u32, bool),
}

impl Note {
    /// The connections on which its reply may come.
    fn expects(&self) -> RangeInclusive<usize> {
        let (first, next) = self.reply_on;
        first as usize..=first as usize + usize::from(next)
    }
}

/// What was said of the read at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said {
    /// When its last byte came in, on the wall clock.
    at: Option<i64>,
    /// The same with the clocks' reading, once that was made.
    came: Option<KernelInstant>,
    /// Whether it brought one packet, the whole of it, and nothing else.
    alone: bool,
}

/// The sampling of one worker.
#[derive(Debug)]
pub(super) struct Stamps {
    /// Of the writes, that are sampled.
    share: f64,
    /// Of the gaps.
    key: u64,
    /// Writes that were sampled.
    sampled: u64,
    /// Writes to the next one that is sampled, itself included: never 0.
    next: u64,
    /// By slot of the exchange. Empty until the first sample, as is what follows.
    notes: Vec<Option<Note>>,
    /// By connection: sampled requests whose reply is expected there.
    expected: Vec<u32>,
    aside: Aside,
    /// Of the read at hand, if it has asked.
    said: Option<Said>,
}

impl Stamps {
    /// For so large a share of the writes, 0 to 1.
    pub(super) fn new(share: f64, key: u64) -> Self {
        Self {
            share,
            key,
            sampled: 0,
            next: gap(share, hash::hash(key, 0, 0)),
            notes: Vec::new(),
            expected: Vec::new(),
            aside: Aside::new(),
            said: None,
        }
    }

    /// Whether any write is sampled, so that sockets have to be told.
    pub(super) fn are_wanted(&self) -> bool {
        self.share > 0.0
    }

    /// Whether the write that comes now is sampled.
    #[inline]
    pub(super) fn is_turn(&mut self) -> bool {
        self.next -= 1;
        self.next == 0 && self.begin()
    }

    #[cold]
    fn begin(&mut self) -> bool {
        self.sampled += 1;
        self.next = gap(self.share, hash::hash(self.key, self.sampled, 0));
        self.are_wanted()
    }

    /// Writes, and learns when that left. `sent` becomes the clock just before the write itself.
    pub(super) fn transmit(
        &mut self,
        socket: &mut Socket,
        bytes: &[u8],
        clock: &Clock,
        sent: &mut u64,
    ) -> (io::Result<usize>, Result<KernelInstant, LeftOut>) {
        if !socket.note_departure() {
            return (socket.transmit(bytes), Err(LeftOut::NoTimestamp));
        }
        let (before, wall) = (clock.now(), wall_clock_ns());
        *sent = clock.now();
        let taken = socket.transmit(bytes);
        let count = *taken.as_ref().unwrap_or(&0);
        let left = socket
            .departed(count, &mut self.aside)
            .filter(|_| count == bytes.len())
            .map(|at| KernelInstant::new(at, before, wall, *sent));
        (taken, left.ok_or(LeftOut::HeldBack))
    }

    /// One read of a connection.
    #[inline]
    pub(super) fn receive(
        &mut self,
        connection: u32,
        socket: &mut Socket,
        into: &mut [u8],
    ) -> io::Result<usize> {
        match self.expected.get(connection as usize) {
            Some(1..) => self.receive_stamped(socket, into),
            _ => socket.receive(into),
        }
    }

    #[cold]
    fn receive_stamped(&mut self, socket: &mut Socket, into: &mut [u8]) -> io::Result<usize> {
        let (count, at) = socket.receive_stamped(into, &mut self.aside)?;
        self.said = (count > 0).then_some(Said {
            at,
            came: None,
            alone: count < into.len(),
        });
        Ok(count)
    }

    /// The read at hand returned at `at`; `whole`: what it brought begins with a packet's beginning.
    #[inline]
    pub(super) fn read_at(&mut self, at: u64, clock: &Clock, whole: bool) {
        if let Some(said) = &mut self.said {
            let look = |came| KernelInstant::new(came, at, wall_clock_ns(), clock.now());
            said.came = said.at.map(look);
            said.alone &= whole;
        }
    }

    /// The first packet of the read at hand is all of it, or it is not.
    #[inline]
    pub(super) fn packet(&mut self, all: bool) {
        if let Some(said) = &mut self.said {
            said.alone &= all;
        }
    }

    /// Everything of the read at hand has been dealt with.
    #[inline]
    pub(super) fn done(&mut self) {
        self.said = None;
    }

    /// Notes a sampled request.
    fn note(&mut self, slot: u32, note: Note) {
        let (slot, expects) = (slot as usize, note.expects());
        if self.notes.len() <= slot {
            self.notes.resize(slot + 1, None);
        }
        if self.expected.len() <= *expects.end() {
            self.expected.resize(expects.end() + 1, 0);
        }
        for connection in &mut self.expected[expects] {
            *connection += 1;
        }
        self.notes[slot] = Some(note);
    }

    /// The exchange in this slot has ended: what was noted of it, if it was sampled.
    #[inline]
    pub(super) fn forget(&mut self, slot: u32) {
        if let Some(note) = self.notes.get_mut(slot as usize)
            && let Some(note) = note.take()
        {
            for connection in &mut self.expected[note.expects()] {
                *connection -= 1;
            }
        }
    }

    /// The client's share of a sampled request whose reply the read at hand has brought.
    fn share(&self, note: &Note, service_ns: u64) -> Result<u64, LeftOut> {
        let left = note.left?;
        let said = self.said.ok_or(LeftOut::NoTimestamp)?;
        let came = said.came.ok_or(LeftOut::NoTimestamp)?;
        if said.alone {
            client_share(service_ns, left, came)
        } else {
            Err(LeftOut::SharedRead)
        }
    }
}

impl Worker<'_> {
    /// A sampled write has been made, or put behind others that the socket has not taken.
    #[cold]
    pub(super) fn note_sampled(
        &mut self,
        connection: u32,
        markers: &[Marker],
        left: Result<KernelInstant, LeftOut>,
    ) {
        let left = if markers.len() > 1 {
            Err(LeftOut::SharedWrite)
        } else {
            left
        };
        // A subscriber stands behind its publisher; without a SUBSCRIBE replies may come to either.
        let part = self.connections[connection as usize].part;
        let reply_on = (connection, part == Part::Publisher);
        for marker in markers {
            let Meaning::Exchange { ticket, .. } = marker.meaning else {
                continue;
            };
            // It has ended if the connection was lost by the write.
            if self.exchanges.live(ticket).is_some() {
                self.stamps.note(ticket.slot, Note { left, reply_on });
            }
        }
    }

    /// An exchange has got the reply that completes it, by the read at hand.
    #[inline]
    pub(super) fn sample(&mut self, slot: u32, at: u64) {
        if let Some(Some(note)) = self.stamps.notes.get(slot as usize) {
            let exchange = self.exchanges.get(slot);
            let share = self.stamps.share(note, at.saturating_sub(exchange.sent));
            self.recorder
                .sampled(exchange.request, exchange.intended, share);
        }
    }

    /// The kernel says that a connection is closed or has failed, which may be an instant that came late.
    pub(super) fn shed_stamps(&mut self, connection: u32) {
        if self.stamps.are_wanted()
            && let Some(stream) = &self.connections[connection as usize].stream
        {
            stream.shed(&mut self.stamps.aside);
        }
    }
}

/// From one write that is sampled to the next, if each is with this probability, whatever the others are: a
/// geometric number, from uniform bits.
fn gap(share: f64, bits: u64) -> u64 {
    if share <= 0.0 {
        return u64::MAX;
    }
    // Above 0, so that its logarithm is finite.
    let uniform = ((bits >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    // The cast saturates.
    ((uniform.ln() / (-share).ln_1p()) as u64).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_writes_ask_or_none() {
        for bits in [0, 1, u64::MAX / 2, u64::MAX] {
            assert_eq!(gap(1.0, bits), 1);
            assert_eq!(gap(0.0, bits), u64::MAX);
            assert!(gap(1e-300, bits) >= 1);
        }
    }

    #[test]
    fn gaps_are_those_of_independent_choices() {
        const SHARE: f64 = 0.1;
        const COUNT: u64 = 100_000;
        let gaps: Vec<u64> = (0..COUNT)
            .map(|number| gap(SHARE, hash::hash(7, number, 0)))
            .collect();
        let mean = gaps.iter().sum::<u64>() as f64 / COUNT as f64;
        // Standard deviation of the mean: sqrt(0.9) / 0.1 / sqrt(100,000) = 0.03.
        assert!((mean - 1.0 / SHARE).abs() < 0.15, "{mean}");
        let at_once = gaps.iter().filter(|gap| **gap == 1).count() as f64 / COUNT as f64;
        assert!((at_once - SHARE).abs() < 0.005, "{at_once}");
    }

    #[test]
    fn seed_and_worker_decide_which() {
        let first = |key| (0..20).map(move |number| gap(0.01, hash::hash(key, number, 0)));
        assert!(first(1).eq(first(1)));
        assert!(first(1).ne(first(2)));
    }

    /// Ends of a connection in a network without a kernel.
    fn ends() -> (Socket, crate::event::memory::Stream) {
        use crate::event::memory::Network;
        let network = Network::new(64);
        let place = network.place(Clock::standing(0), std::time::Duration::ZERO);
        let address = ([127, 0, 0, 1], 1).into();
        let listener = place.listen(address).unwrap();
        let near = place.dial(address).unwrap();
        let far = listener.accept().unwrap();
        (Socket::Memory(Box::new(near)), far)
    }

    #[test]
    fn without_a_kernel_bytes_go_both_ways_and_nothing_is_said() {
        let (mut near, far) = ends();
        let (mut stamps, mut buffer, clock) = (Stamps::new(1.0, 7), [0; 8], Clock::standing(5));
        assert!(stamps.is_turn());
        let mut sent = 3;
        let (taken, left) = stamps.transmit(&mut near, b"ask", &clock, &mut sent);
        assert_eq!(
            (taken.unwrap(), left, sent),
            (3, Err(LeftOut::NoTimestamp), 3)
        );
        far.transmit(b"four").unwrap();
        let note = Note {
            left,
            reply_on: (1, true),
        };
        stamps.note(9, note);
        assert_eq!(stamps.receive(2, &mut near, &mut buffer).unwrap(), 4);
        stamps.read_at(0, &clock, true);
        let nothing = Said {
            at: None,
            came: None,
            alone: true,
        };
        assert_eq!(stamps.said, Some(nothing));
        assert_eq!(stamps.share(&note, 1), Err(LeftOut::NoTimestamp));
        stamps.done();
        assert!(stamps.receive(2, &mut near, &mut buffer).is_err());
        assert_eq!(stamps.said, None);
    }

    #[test]
    fn reads_ask_as_long_as_a_reply_is_expected() {
        let (mut near, far) = ends();
        let mut stamps = Stamps::new(0.5, 7);
        let left = Err(LeftOut::SharedWrite);
        for (slot, reply_on) in [(4, (0, false)), (2, (0, true)), (3, (1, false))] {
            stamps.note(slot, Note { left, reply_on });
        }
        let mut asks = |stamps: &mut Stamps| {
            far.transmit(b"x").unwrap();
            stamps.receive(0, &mut near, &mut [0; 8]).unwrap();
            let asked = stamps.said.is_some();
            stamps.done();
            asked
        };
        assert!(asks(&mut stamps));
        // An exchange that was not sampled, and one that was, twice.
        for slot in [1, 70, 4, 4] {
            stamps.forget(slot);
        }
        assert!(asks(&mut stamps));
        stamps.forget(2);
        assert!(!asks(&mut stamps));
    }

    #[test]
    fn a_share_is_known_if_write_and_read_were_the_requests_own() {
        let mut stamps = Stamps::new(1.0, 7);
        let left = KernelInstant::new(1_002, 0, 1_000, 1);
        let came = KernelInstant::new(1_012, 20, 1_020, 21);
        let said = |alone| {
            Some(Said {
                at: Some(1_012),
                came: Some(came),
                alone,
            })
        };
        let note = |left| Note {
            left,
            reply_on: (0, false),
        };
        stamps.said = said(true);
        assert_eq!(stamps.share(&note(Ok(left)), 19), Ok(9));
        let held = Err(LeftOut::HeldBack);
        assert_eq!(stamps.share(&note(held), 19), Err(LeftOut::HeldBack));
        // The first of two packets, and what is more than a packet.
        stamps.packet(false);
        assert_eq!(stamps.share(&note(Ok(left)), 19), Err(LeftOut::SharedRead));
        stamps.packet(true);
        assert_eq!(stamps.share(&note(Ok(left)), 19), Err(LeftOut::SharedRead));
        stamps.done();
        assert_eq!(stamps.share(&note(Ok(left)), 19), Err(LeftOut::NoTimestamp));
    }
}
