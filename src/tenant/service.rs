//! The servers behind the tenant: when a reply that was asked for now is ready.
//!
//! Infinite servers (each reply takes its own time) or one first-in first-out queue in front of
//! N servers. Pure: the instant is an argument. Not here: the wheel that waits for the instant.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::random::{Random, Stream};
use crate::delay::Delay;

/// Draws service times and keeps the servers' queue.
#[derive(Debug)]
pub struct Service {
    delay: Delay,
    random: Random,
    /// Instants at which each server becomes free; empty: infinite servers.
    free_at: BinaryHeap<Reverse<u64>>,
}

impl Service {
    /// `servers` = 0: infinite servers.
    pub fn new(delay: Delay, servers: u32, seed: u64) -> Self {
        Self {
            delay,
            random: Random::new(seed, Stream::Service),
            free_at: (0..servers).map(|_| Reverse(0)).collect(),
        }
    }

    /// The instant (nanoseconds) at which a reply that is asked for at `now` is ready; not before
    /// `now`. Calls must come in order of `now`: it is the order of the queue.
    pub fn ready_at(&mut self, now: u64) -> u64 {
        let duration = self.delay.draw(self.random.word());
        let Some(mut first_free) = self.free_at.peek_mut() else {
            return now.saturating_add(duration);
        };
        let ready = now.max(first_free.0).saturating_add(duration);
        first_free.0 = ready;
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const TEN_NS: Delay = Delay::Fixed(Duration::from_nanos(10));

    #[test]
    fn infinite_servers_do_not_queue() {
        let mut service = Service::new(TEN_NS, 0, 1);
        assert_eq!(
            [
                service.ready_at(0),
                service.ready_at(0),
                service.ready_at(5)
            ],
            [10, 10, 15]
        );
    }

    #[test]
    fn one_server_answers_one_after_the_other() {
        let mut service = Service::new(TEN_NS, 1, 1);
        let ready: Vec<u64> = [0, 0, 5, 100].map(|now| service.ready_at(now)).into();
        assert_eq!(ready, [10, 20, 30, 110]);
    }

    #[test]
    fn two_servers_share_one_queue() {
        let mut service = Service::new(TEN_NS, 2, 1);
        let ready: Vec<u64> = [0, 1, 2, 3].map(|now| service.ready_at(now)).into();
        assert_eq!(ready, [10, 11, 20, 21]);
    }
}
