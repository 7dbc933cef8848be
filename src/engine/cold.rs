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
    /// Packet IDs of QoS 2 messages received and not yet released.
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
        self.tail.shrink_to(ROOM_KEPT);
        self.outbox.empty(ROOM_KEPT);
        self.incoming.clear();
        self.incoming.shrink_to(ROOM_KEPT / size_of::<u16>());
    }
}

/// How many are kept for the next connections, and how much room each of their buffers keeps: about a
/// megabyte for each worker, and no allocation for each packet that comes in two pieces.
const KEPT: usize = 256;
const ROOM_KEPT: usize = 1024;

/// Those that no connection uses.
#[derive(Debug)]
pub(super) struct Pool(
    #[allow(clippy::vec_box, reason = "boxes go to connections and come back")] Vec<Box<Cold>>,
);

impl Pool {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// What a connection has, or an empty one from here.
    pub(super) fn lend<'a>(&mut self, place: &'a mut Option<Box<Cold>>) -> &'a mut Cold {
        place.get_or_insert_with(|| self.0.pop().unwrap_or_default())
    }

    /// Takes a connection's back if nothing of it is in use.
    pub(super) fn collect(&mut self, place: &mut Option<Box<Cold>>) {
        if place.as_ref().is_some_and(|cold| cold.is_unused()) {
            self.take_back(place);
        }
    }

    /// Takes a connection's back, whatever was in it.
    pub(super) fn take_back(&mut self, place: &mut Option<Box<Cold>>) {
        if let Some(mut cold) = place.take()
            && self.0.len() < KEPT
        {
            cold.empty();
            self.0.push(cold);
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
        assert!(place.is_none());
        let again = pool.lend(&mut place);
        assert!(again.is_unused() && again.tail.capacity() <= ROOM_KEPT);
        assert!(pool.0.is_empty());
    }

    #[test]
    fn only_so_many_are_kept() {
        let mut pool = Pool::new();
        let mut places: Vec<Option<Box<Cold>>> = (0..KEPT + 5).map(|_| None).collect();
        for place in &mut places {
            pool.lend(place).incoming.push(1);
        }
        for place in &mut places {
            pool.take_back(place);
        }
        assert_eq!(pool.0.len(), KEPT);
        assert!(pool.0.iter().all(|cold| cold.is_unused()));
    }
}
