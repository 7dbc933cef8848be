//! What a connection needs only at times: while it comes up, while the socket does not take or give
//! all of a packet, while a QoS 2 message from the target is open.
//!
//! Nearly all connections of a fleet are idle nearly always, and an idle one has none of this: it is
//! taken from a pool when it is needed and given back when nothing of it is in use. Not here: when.

use super::outbox::Outbox;
use crate::event::Handle;

/// One connection's.
#[derive(Debug, Default)]
pub(super) struct Cold {
    /// While it comes up.
    pub attempt: Option<Attempt>,
    /// The beginning of a packet whose end has not come yet.
    pub tail: Vec<u8>,
    pub outbox: Outbox,
    /// Packet IDs of QoS 2 messages received and not yet released: the session's, not the socket's.
    pub incoming: Vec<u16>,
}

/// An attempt to connect that goes on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    /// ns since the run's epoch.
    pub started: u64,
    /// From the connect call to CONNACK, ns.
    pub took: u64,
    /// Ends it.
    pub timeout: Handle,
    pub subacks_missing: u16,
    /// When its TLS handshake began, ns since the run's epoch; 0: it did not, or is over.
    pub securing_since: u64,
    /// Whether the handshake waits for its turn.
    pub queued: bool,
}

impl Cold {
    fn is_unused(&self) -> bool {
        self.attempt.is_none()
            && self.tail.is_empty()
            && self.outbox.is_empty()
            && self.incoming.is_empty()
    }

    fn empty(&mut self) {
        self.attempt = None;
        self.tail.clear();
        self.outbox.empty();
        self.incoming.clear();
    }

    /// Bytes that it takes, used or not.
    fn room(&self) -> usize {
        size_of::<Self>()
            + self.tail.capacity()
            + self.outbox.room()
            + self.incoming.capacity() * size_of::<u16>()
    }
}

/// Bytes that are kept for the next connections, so that a target that stops reading now and then
/// does not make each stop an allocation.
const KEPT: usize = 4 << 20;

/// Those that no connection uses.
#[derive(Debug)]
pub(super) struct Pool {
    #[allow(clippy::vec_box, reason = "boxes go to connections and come back")]
    unused: Vec<Box<Cold>>,
    /// Bytes of all of them.
    room: usize,
    /// How many of them, from the first on, nobody has needed since the last `give_back`.
    idle: usize,
}

impl Pool {
    pub(super) const fn new() -> Self {
        Self {
            unused: Vec::new(),
            room: 0,
            idle: 0,
        }
    }

    /// What a connection has, or an empty one from here.
    pub(super) fn lend<'a>(&mut self, place: &'a mut Option<Box<Cold>>) -> &'a mut Cold {
        place.get_or_insert_with(|| {
            let cold = self.unused.pop().unwrap_or_default();
            self.idle = self.idle.min(self.unused.len());
            self.room = self.room.saturating_sub(cold.room());
            cold
        })
    }

    /// Frees what was needed in a burst (a connect storm, a stall) and not since the last call.
    pub(super) fn give_back(&mut self) {
        for cold in self.unused.drain(..self.idle) {
            self.room = self.room.saturating_sub(cold.room());
        }
        self.unused.shrink_to(self.unused.len() * 2);
        self.idle = self.unused.len();
    }

    /// Takes a connection's back if nothing of it is in use.
    pub(super) fn collect(&mut self, place: &mut Option<Box<Cold>>) {
        if place.as_ref().is_some_and(|cold| cold.is_unused()) {
            self.take_back(place);
        }
    }

    /// Takes back what ends with a connection's socket; what is left is its session's.
    pub(super) fn take_back_all_but_session(&mut self, place: &mut Option<Box<Cold>>) {
        if let Some(cold) = place {
            cold.attempt = None;
            cold.tail.clear();
            cold.outbox.empty();
        }
        self.collect(place);
    }

    /// Takes a connection's back, whatever was in it.
    pub(super) fn take_back(&mut self, place: &mut Option<Box<Cold>>) {
        if let Some(mut cold) = place.take() {
            let room = cold.room();
            if self.room + room <= KEPT {
                cold.empty();
                self.room += room;
                self.unused.push(cold);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_stays_and_what_is_not_goes_back_empty() {
        let mut pool = Pool::new();
        let mut place = None;
        pool.collect(&mut place);
        pool.lend(&mut place).tail.extend_from_slice(&[0; 9000]);
        pool.collect(&mut place);
        assert_eq!(place.as_ref().map(|cold| cold.tail.len()), Some(9000));
        pool.lend(&mut place).tail.clear();
        pool.collect(&mut place);
        assert!(place.is_none() && pool.room > 9000);
        assert!(pool.lend(&mut place).is_unused());
        assert_eq!((pool.unused.len(), pool.room), (0, 0));
    }

    #[test]
    fn a_session_keeps_its_packet_ids_and_nothing_else() {
        let mut pool = Pool::new();
        let mut place = None;
        let cold = pool.lend(&mut place);
        cold.incoming.push(7);
        cold.tail.push(1);
        pool.take_back_all_but_session(&mut place);
        let left = place.as_mut().expect("an ID is kept");
        assert_eq!((&left.incoming[..], left.tail.len()), (&[7][..], 0));
        left.incoming.clear();
        left.tail.push(1);
        pool.take_back_all_but_session(&mut place);
        assert!(place.is_none());
    }

    #[test]
    fn what_only_a_burst_needed_is_freed() {
        let mut pool = Pool::new();
        let mut places: Vec<Option<Box<Cold>>> = (0..100).map(|_| None).collect();
        let mut burst = |pool: &mut Pool, size: usize| {
            for place in &mut places[..size] {
                pool.lend(place);
            }
            for place in &mut places {
                pool.take_back(place);
            }
        };
        burst(&mut pool, 100);
        pool.give_back();
        assert_eq!(pool.unused.len(), 100);
        burst(&mut pool, 7);
        pool.give_back();
        assert_eq!(pool.unused.len(), 7);
        pool.give_back();
        assert_eq!((pool.unused.len(), pool.room), (0, 0));
    }

    #[test]
    fn only_so_much_is_kept() {
        let mut pool = Pool::new();
        let mut places: Vec<Option<Box<Cold>>> = (0..200).map(|_| None).collect();
        for place in &mut places {
            pool.lend(place).tail.resize(50_000, 0);
        }
        for place in &mut places {
            pool.take_back(place);
        }
        assert!(places.iter().all(Option::is_none));
        assert!(pool.unused.iter().all(|cold| cold.is_unused()));
        assert!((KEPT - 51_000..=KEPT).contains(&pool.room));
        let rooms = pool.unused.iter().map(|cold| cold.room());
        assert_eq!(pool.room, rooms.sum::<usize>());
    }
}
