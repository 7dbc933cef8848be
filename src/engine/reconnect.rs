//! The next wait before an attempt to come back, as a value: what the profile says, what was before,
//! and random bits.
//!
//! Not here: clocks, timers, and the limit on attempts of the whole fleet (`admission`).

use crate::plan::hash::unit;
use crate::profile::{Jitter, Policy, Reconnect};

/// What one connection's waits were since it was up, or since it was first tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Waits {
    /// How many there were.
    count: u32,
    /// The last one, ns.
    last_ns: u64,
}

impl Waits {
    /// The next one, ns, drawn by `bits`; `None`: the connection is given up.
    pub(super) fn next(&mut self, reconnect: &Reconnect, bits: u64) -> Option<u64> {
        let limit = reconnect.give_up_after;
        if limit.is_some_and(|limit| self.count >= limit) {
            return None;
        }
        let wait = self.draw(reconnect, unit(bits));
        self.count = self.count.saturating_add(1);
        self.last_ns = wait;
        Some(wait)
    }

    /// `share` is uniform in [0, 1).
    fn draw(self, reconnect: &Reconnect, share: f64) -> u64 {
        let first = reconnect.initial_delay.as_nanos() as f64;
        let longest = match reconnect.policy {
            Policy::Fixed => f64::INFINITY,
            Policy::Exponential => reconnect.max_delay.as_nanos() as f64,
        };
        let grown = match reconnect.policy {
            Policy::Fixed => first,
            Policy::Exponential => first * 2_f64.powf(f64::from(self.count.min(62))),
        };
        let between = |low: f64, high: f64| low + (high - low) * share;
        let wait = match reconnect.jitter {
            // So that what is above the middle is not cut off: all of it would be one instant.
            Jitter::Around(part) => {
                let middle = grown.min(longest / (1.0 + part));
                between(middle * (1.0 - part), middle * (1.0 + part))
            }
            Jitter::Full => between(0.0, grown.min(longest)),
            Jitter::Decorrelated => {
                let last = (self.last_ns as f64).max(first);
                between(first, (last * 3.0).min(longest))
            }
        };
        wait.min(longest) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::plan::hash::hash;
    use crate::profile::ReconnectRate;

    const MS: u64 = 1_000_000;

    fn told(policy: Policy, jitter: Jitter, first_ms: u64, longest_ms: u64) -> Reconnect {
        Reconnect {
            policy,
            jitter,
            initial_delay: Duration::from_millis(first_ms),
            max_delay: Duration::from_millis(longest_ms),
            give_up_after: None,
            rate: ReconnectRate::AsConnects,
        }
    }

    /// The waits of one connection, in ns.
    fn waits(reconnect: &Reconnect, seed: u64, count: u64) -> Vec<u64> {
        let mut waits = Waits::default();
        (0..count)
            .map_while(|number| waits.next(reconnect, hash(seed, number, 0)))
            .collect()
    }

    const NONE: Jitter = Jitter::Around(0.0);

    #[test]
    fn without_jitter_waits_are_the_same_or_double_up_to_the_longest() {
        let in_ms = |policy| {
            let waits = waits(&told(policy, NONE, 500, 3_000), 1, 5);
            waits.iter().map(|wait| wait / MS).collect::<Vec<_>>()
        };
        assert_eq!(in_ms(Policy::Fixed), [500; 5]);
        assert_eq!(
            in_ms(Policy::Exponential),
            [500, 1_000, 2_000, 3_000, 3_000]
        );
    }

    #[test]
    fn a_connection_is_given_up_after_so_many_waits() {
        let limited = Reconnect {
            give_up_after: Some(3),
            ..told(Policy::Exponential, Jitter::Full, 10, 1_000)
        };
        assert_eq!(waits(&limited, 1, 10).len(), 3);
    }

    #[test]
    fn even_after_very_many_waits_the_longest_is_kept() {
        let mut waits = Waits {
            count: u32::MAX - 1,
            last_ns: u64::MAX,
        };
        for jitter in [NONE, Jitter::Decorrelated] {
            let reconnect = told(Policy::Exponential, jitter, 1, 3_600_000);
            waits.count = u32::MAX - 1;
            let wait = waits.next(&reconnect, u64::MAX).expect("never given up");
            assert!((3_599_000 * MS..=3_600_000 * MS).contains(&wait), "{wait}");
        }
    }

    /// The share of the first waits of a fleet that lie below each quarter of a range, in percent.
    fn quarters(jitter: Jitter, range: std::ops::Range<u64>) -> [u64; 4] {
        let reconnect = told(Policy::Exponential, jitter, 1_000, 60_000);
        let mut found = [0; 4];
        for seed in 0..10_000 {
            let wait = waits(&reconnect, seed, 1)[0];
            assert!(range.contains(&wait), "{wait}");
            let quarter = (wait - range.start) * 4 / (range.end - range.start);
            found[quarter as usize] += 1;
        }
        found.map(|count| (count + 50) / 100)
    }

    #[test]
    fn first_waits_are_spread_evenly_over_the_range_that_the_jitter_names() {
        for (jitter, range) in [
            (Jitter::Around(0.25), 750 * MS..1_250 * MS),
            (Jitter::Full, 0..1_000 * MS),
            (Jitter::Decorrelated, 1_000 * MS..3_000 * MS),
        ] {
            let found = quarters(jitter, range);
            assert!(
                found.iter().all(|share| (23..=27).contains(share)),
                "{jitter:?}: {found:?}"
            );
        }
    }

    fn jitters() -> impl Strategy<Value = Jitter> {
        prop_oneof![
            (0.0..=1.0).prop_map(Jitter::Around),
            Just(Jitter::Full),
            Just(Jitter::Decorrelated),
        ]
    }

    proptest! {
        #[test]
        fn waits_depend_on_their_seed_alone_and_keep_their_bounds(
            first_ms in 1_u64..10_000,
            more_ms in 0_u64..100_000,
            jitter in jitters(),
            seed: u64,
        ) {
            let reconnect = told(Policy::Exponential, jitter, first_ms, first_ms + more_ms);
            let drawn = waits(&reconnect, seed, 40);
            prop_assert_eq!(&drawn, &waits(&reconnect, seed, 40));
            let longest = (first_ms + more_ms) * MS;
            let mut last = first_ms * MS;
            for (number, wait) in drawn.into_iter().enumerate() {
                prop_assert!(wait <= longest);
                let grown = (first_ms * MS) as f64 * 2_f64.powf(number as f64);
                match jitter {
                    Jitter::Around(part) => {
                        let middle = grown.min(longest as f64 / (1.0 + part));
                        let off = (wait as f64 - middle).abs();
                        prop_assert!(off <= middle * part + 2.0, "{wait} around {middle}");
                    }
                    Jitter::Full => prop_assert!(wait as f64 <= grown),
                    Jitter::Decorrelated => {
                        prop_assert!(wait >= first_ms * MS && wait <= last.max(first_ms * MS) * 3);
                        last = wait;
                    }
                }
            }
        }

        #[test]
        fn waits_of_a_fixed_policy_never_grow(
            first_ms in 1_u64..3_600_000,
            part in 0.0..=1.0,
            seed: u64,
        ) {
            let around = Jitter::Around(part);
            let middle = (first_ms * MS) as f64;
            for wait in waits(&told(Policy::Fixed, around, first_ms, 1), seed, 40) {
                prop_assert!((wait as f64 - middle).abs() <= middle * part + 1.0);
            }
        }
    }
}
