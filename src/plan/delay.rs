//! Delays as pure functions of 64 random bits.
//!
//! Used for answers to pushed messages. Not here: where the bits come from, and waiting.

use std::time::Duration;

use crate::plan::hash::{mix, normal, unit, unit_above_zero};
use crate::profile::Delay;

/// The delay that `bits` stand for, in nanoseconds; at most an hour, so that a heavy tail cannot
/// outlive every run.
pub fn draw(delay: Delay, bits: u64) -> u64 {
    let seconds = match delay {
        Delay::Fixed(fixed) => return nanoseconds(fixed).min(HOUR_NS),
        Delay::Exponential(mean) => -mean.as_secs_f64() * unit_above_zero(bits).ln(),
        Delay::Lognormal(median, sigma) => median.as_secs_f64() * (sigma * normal(bits)).exp(),
        Delay::Bimodal(usual, rare, share) => {
            let chosen = if unit(mix(bits)) < share { rare } else { usual };
            return nanoseconds(chosen).min(HOUR_NS);
        }
    };
    // The cast saturates; not-a-number becomes 0.
    ((seconds * 1e9).round() as u64).min(HOUR_NS)
}

const HOUR_NS: u64 = 3_600_000_000_000;

/// Saturates after 584 years.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::hash::hash;

    const MS: Duration = Duration::from_millis(1);

    fn sorted(delay: Delay) -> Vec<u64> {
        let mut all: Vec<u64> = (0..20_000).map(|n| draw(delay, hash(1, 0, n))).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn fixed_delays_are_fixed_and_capped() {
        assert_eq!(draw(Delay::Fixed(MS), 7), 1_000_000);
        assert_eq!(draw(Delay::Fixed(Duration::MAX), 7), HOUR_NS);
    }

    #[test]
    fn exponential_delays_have_their_mean() {
        let all = sorted(Delay::Exponential(MS));
        let mean = all.iter().sum::<u64>() / 20_000;
        assert!((970_000..1_030_000).contains(&mean), "{mean}");
    }

    #[test]
    fn lognormal_delays_have_their_median_and_spread() {
        let all = sorted(Delay::Lognormal(MS, 0.5));
        assert!(
            (980_000..1_020_000).contains(&all[10_000]),
            "{}",
            all[10_000]
        );
        // 84.13 % lie below median * e^sigma.
        assert!(
            (1_600_000..1_700_000).contains(&all[16_827]),
            "{}",
            all[16_827]
        );
    }

    #[test]
    fn bimodal_delays_keep_their_share() {
        let rare = sorted(Delay::Bimodal(MS, MS * 50, 0.01))
            .iter()
            .filter(|ns| **ns > 1_000_000)
            .count();
        assert!((150..250).contains(&rare), "{rare}");
    }
}
