//! Which attempts to connect may begin now: first ones, and those to come back.
//!
//! By default one limit paces both. Not here: who waits for it, and for how long before.

use super::limiter::Limiter;
use crate::profile::{Fleet, ReconnectRate};

/// How much of a rate is even, and how much of a second's rate may begin at once after a pause: together
/// no more than the rate in any second.
const EVEN: f64 = 0.99;
const AT_ONCE_S: f64 = 0.009;

/// The limits of one worker.
#[derive(Debug)]
pub(super) struct Admission {
    first: Limiter,
    again: Again,
}

#[derive(Debug)]
enum Again {
    AsFirst,
    Own(Limiter),
    Unlimited,
}

impl Admission {
    /// Those of a worker with this portion of the fleet.
    pub(super) fn new(fleet: &Fleet, portion: f64) -> Self {
        let limiter = |rate: f64| Limiter::new(rate * portion * EVEN, AT_ONCE_S);
        Self {
            first: limiter(fleet.connect_rate.0),
            again: match fleet.reconnect.rate {
                ReconnectRate::AsConnects => Again::AsFirst,
                ReconnectRate::Own(rate) => Again::Own(limiter(rate.0)),
                ReconnectRate::Unlimited => Again::Unlimited,
            },
        }
    }

    /// Asks for an attempt at `now`, of a connection that was tried before or not.
    ///
    /// # Errors
    /// The earliest instant at which asking again may help.
    pub(super) fn check(&mut self, again: bool, now: u64) -> Result<(), u64> {
        match &mut self.again {
            Again::Own(limiter) if again => limiter.check(now),
            Again::Unlimited if again => Ok(()),
            _ => self.first.check(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn fleet(sets: &[&str]) -> Fleet {
        let sets: Vec<String> = sets.iter().map(|set| format!("fleet.{set}")).collect();
        let loaded = crate::profile::load("mqtt-publish", &sets, &|_| unreachable!("shipped"));
        loaded.unwrap().profile.fleet
    }

    /// The most that began in any second, when somebody asks each 50 us for four seconds, but not in
    /// a pause in the middle.
    fn peak(fleet: &Fleet, again: bool) -> usize {
        let mut admission = Admission::new(fleet, 1.0);
        let asked = (0..4 * SECOND).step_by(50_000);
        let asked = asked.filter(|at| !(SECOND..SECOND + SECOND / 2).contains(at));
        let began: Vec<u64> = asked
            .filter(|at| admission.check(again, *at).is_ok())
            .collect();
        let within = |from: &u64| began.partition_point(|at| *at < from + SECOND);
        let counts = began
            .iter()
            .enumerate()
            .map(|(index, from)| within(from) - index);
        counts.max().expect("some began")
    }

    #[test]
    fn no_second_has_more_attempts_than_the_rate_and_hardly_fewer() {
        for rate in [1, 10, 97, 500, 5_000, 15_000] {
            let set = format!("connect_rate={rate}/s");
            for again in [false, true] {
                let peak = peak(&fleet(&[set.as_str()]), again);
                assert!((rate * 97 / 100..=rate).contains(&peak), "{rate}: {peak}");
            }
        }
    }

    #[test]
    fn a_rate_of_its_own_is_kept_apart_and_none_is_no_limit() {
        let own = fleet(&["connect_rate=500/s", "reconnect_rate=50/s"]);
        assert_eq!(peak(&own, true), 50);
        assert!(peak(&own, false) > 480);
        let storm = fleet(&["connect_rate=500/s", "reconnect_rate=none"]);
        assert_eq!(peak(&storm, true), 20_000);
        assert!(peak(&storm, false) <= 500);
    }
}
