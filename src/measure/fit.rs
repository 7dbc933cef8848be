//! Are these instants a Poisson process of the rate that was planned? Distances, not opinions.
//!
//! The time-rescaling theorem: measured in expected arrivals instead of seconds, the gaps of any
//! Poisson process, ramps included, are exponential with mean 1, and sums of k of them are Erlang-k.
//! The distance is that of Kolmogorov and Smirnov: the largest difference between the share of gaps
//! that are shorter than some length and the share that should be. It sees what a mean, a variance
//! or a count per interval does not, such as a timer that ticks. Constant arrivals have no
//! distribution to compare with: how late each of them is, is their schedule lag.
//! Not here: where instants come from, and which distance is small enough.

use statrs::distribution::{ContinuousCDF, Erlang};
use statrs::stats_tests::NaNPolicy;
use statrs::stats_tests::ks_test::{KSOneSampleAlternativeMethod, ks_onesample};

/// How many gaps are summed where single ones are shorter than a write takes.
pub const SUMMED: u32 = 10;

/// How far gaps are from those of a Poisson process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// Of Kolmogorov and Smirnov, 0 to 1.
    pub distance: f64,
    /// How many gaps, or sums of gaps, it is about.
    pub count: usize,
}

impl Fit {
    /// Of the sums of `summed` gaps each, against Erlang; 1 compares single gaps with the exponential
    /// distribution. `positions` are what [`positions`] makes of instants. `None`: not one sum.
    pub fn of(positions: &[f64], summed: u32) -> Option<Self> {
        let erlang = Erlang::new(u64::from(summed), 1.0).ok()?;
        // Sums that overlapped would not be independent.
        let ends: Vec<f64> = positions.iter().step_by(summed as usize).copied().collect();
        let sums: Vec<f64> = ends.windows(2).map(|ends| ends[1] - ends[0]).collect();
        let count = sums.len();
        let distance = distance(sums, &erlang)?;
        Some(Self { distance, count })
    }

    /// What a perfect process exceeds in one of a hundred samples of this size: 1.63 by the root of n.
    /// No limit of a distance can be below it.
    pub fn critical(&self) -> f64 {
        1.63 / (self.count as f64).sqrt()
    }

    /// Whether a perfect process may look like this.
    pub fn is_good(&self) -> bool {
        self.distance <= self.critical()
    }
}

fn distance(sample: Vec<f64>, from: &impl ContinuousCDF<f64, f64>) -> Option<f64> {
    let two_sided = KSOneSampleAlternativeMethod::TwoSidedAsymptotic;
    let tested = ks_onesample(sample, from, two_sided, NaNPolicy::Error);
    tested.ok().map(|(distance, _)| distance)
}

/// How many arrivals are expected until each of these instants, ascending. `expected` is the rate's
/// integral: for a constant rate the instant times the rate.
pub fn positions(instants: &[u64], expected: impl Fn(u64) -> f64) -> Vec<f64> {
    let mut positions: Vec<f64> = instants.iter().map(|at| expected(*at)).collect();
    positions.sort_unstable_by(f64::total_cmp);
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where exponential gaps must end so that their shares are those of the distribution.
    fn perfect(count: u32) -> Vec<f64> {
        let mut at = 0.0;
        let ends = (0..count).map(|gap| {
            let share = (f64::from(gap) + 0.5) / f64::from(count);
            at -= (1.0 - share).ln();
            at
        });
        std::iter::once(0.0).chain(ends).collect()
    }

    #[test]
    fn the_distance_of_perfect_gaps_is_half_a_step() {
        let fit = Fit::of(&perfect(1_000), 1).expect("there are gaps");
        assert_eq!(fit.count, 1_000);
        assert!((fit.distance - 0.000_5).abs() < 1e-9, "{fit:?}");
        assert!(fit.is_good() && (fit.critical() - 0.051_545).abs() < 1e-5);
    }

    #[test]
    fn equal_gaps_are_far_from_exponential_and_equal_sums_from_erlang() {
        let equal: Vec<f64> = (0..=1_000).map(f64::from).collect();
        let fit = Fit::of(&equal, 1).expect("there are gaps");
        // All gaps are 1, and 1 - 1/e of them should be shorter.
        assert!((fit.distance - (1.0 - (-1.0_f64).exp())).abs() < 1e-9);
        let fit = Fit::of(&equal, 10).expect("there are sums");
        assert_eq!(fit.count, 100);
        // P(Erlang-10 < 10) = 1 - sum of 10^k e^-10 / k! for k < 10, worked out by hand.
        let mut term = (-10.0_f64).exp();
        let mut shorter = 1.0 - term;
        for k in 1..10 {
            term *= 10.0 / f64::from(k);
            shorter -= term;
        }
        assert!((fit.distance - shorter).abs() < 1e-9, "{fit:?} {shorter}");
        assert!(!fit.is_good());
    }

    #[test]
    fn too_few_instants_have_no_distance() {
        for (positions, summed) in [(&[][..], 1), (&[1.0][..], 1), (&[1.0, 2.0][..], 2)] {
            assert_eq!(Fit::of(positions, summed), None);
        }
        assert_eq!(Fit::of(&[1.0, 2.0], 0), None);
    }

    #[test]
    fn positions_ascend_whatever_the_order_of_the_instants() {
        let found = positions(&[30, 10, 20], |at| at as f64 / 10.0);
        assert!(found.iter().eq(&[1.0, 2.0, 3.0]));
    }
}
