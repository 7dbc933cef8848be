//! What the tenant publishes to a broker and is subscribed to itself: it comes back, and is no request.
//!
//! A limited number of such messages is remembered, each until it has come back. Not here: which
//! topics are subscribed to.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

use foldhash::HashMap;

/// Messages that may be on their way; the oldest are forgotten first.
const LIMIT: usize = 65_536;

/// Messages on their way back.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    hasher: RandomState,
    /// How often a message is on its way.
    awaited: HashMap<u64, u32>,
    order: VecDeque<u64>,
    /// How many have come back.
    pub seen: u64,
}

impl Echoes {
    /// A message was published that will come back.
    pub(super) fn await_one(&mut self, topic: &str, payload: &[u8]) {
        let message = self.hasher.hash_one((topic, payload));
        *self.awaited.entry(message).or_default() += 1;
        self.order.push_back(message);
        if self.order.len() > LIMIT
            && let Some(oldest) = self.order.pop_front()
        {
            self.forget(oldest);
        }
    }

    /// Whether a message that came is one that was published; it is not awaited any more then.
    pub(super) fn is_one(&mut self, topic: &str, payload: &[u8]) -> bool {
        if self.awaited.is_empty() {
            return false;
        }
        let message = self.hasher.hash_one((topic, payload));
        let found = self.forget(message);
        if found {
            self.seen += 1;
            // Nearly always among the oldest.
            if let Some(place) = self.order.iter().position(|other| *other == message) {
                self.order.remove(place);
            }
        }
        found
    }

    fn forget(&mut self, message: u64) -> bool {
        let Some(count) = self.awaited.get_mut(&message) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.awaited.remove(&message);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_as_often_as_it_was_published() {
        let mut echoes = Echoes::default();
        assert!(!echoes.is_one("a", b"1"));
        for _ in 0..2 {
            echoes.await_one("a", b"1");
        }
        assert!(!echoes.is_one("a", b"2") && !echoes.is_one("a1", b""));
        assert!(echoes.is_one("a", b"1") && echoes.is_one("a", b"1"));
        assert!(!echoes.is_one("a", b"1"));
        assert_eq!(echoes.seen, 2);
        assert!(echoes.awaited.is_empty() && echoes.order.is_empty());
    }

    #[test]
    fn what_never_comes_back_is_forgotten_at_the_limit() {
        let mut echoes = Echoes::default();
        for number in 0..=LIMIT {
            echoes.await_one("a", &number.to_le_bytes());
        }
        assert_eq!(echoes.awaited.len(), LIMIT);
        assert!(!echoes.is_one("a", &0_usize.to_le_bytes()));
        assert!(echoes.is_one("a", &LIMIT.to_le_bytes()));
    }
}
