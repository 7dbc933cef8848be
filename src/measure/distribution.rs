//! A distribution in a dozen numbers, over everything that was planned and not only what was answered.
//!
//! Requests that got no answer rank above every answered one. A percentile among them is a lower
//! bound and says so; a percentile that so few requests cannot carry is left out and says so.
//! Not here: the waits themselves (see `samples`).

use serde::{Deserialize, Serialize};

use super::samples::Samples;

/// One number of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Statistic {
    /// Shortest, of the answered.
    Min,
    /// Arithmetic mean, of the answered.
    Mean,
    /// Median.
    P50,
    /// 90 %.
    P90,
    /// 95 %.
    P95,
    /// 99 %.
    P99,
    /// 99.9 %.
    P999,
    /// 99.99 %.
    P9999,
    /// Longest.
    Max,
}

/// Percentiles: per 10,000, and how many requests it takes until the value stands with 95 %
/// confidence for the percentile at all: `n >= ln(0.05) / ln(q)`, so that at least one of n lies
/// beyond it in 95 of 100 runs.
const PERCENTILES: [(Statistic, u16, u64); 6] = [
    (Statistic::P50, 5_000, 5),
    (Statistic::P90, 9_000, 29),
    (Statistic::P95, 9_500, 59),
    (Statistic::P99, 9_900, 299),
    (Statistic::P999, 9_990, 2_995),
    (Statistic::P9999, 9_999, 29_956),
];

impl Statistic {
    /// Every one, in the order of the result files.
    pub const ALL: [Self; 9] = [
        Self::Min,
        Self::Mean,
        Self::P50,
        Self::P90,
        Self::P95,
        Self::P99,
        Self::P999,
        Self::P9999,
        Self::Max,
    ];

    /// The word in result files and thresholds.
    pub fn name(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Mean => "mean",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p999",
            Self::P9999 => "p9999",
            Self::Max => "max",
        }
    }
}

impl Statistic {
    /// How many requests this percentile needs; `None` for what is no percentile.
    pub fn needed(self) -> Option<u64> {
        let mut rows = PERCENTILES.iter();
        rows.find(|row| row.0 == self).map(|row| row.2)
    }
}

/// Confidence with which at least one request has to lie beyond a percentile.
const BEYOND: f64 = 0.95;

/// Whether so many requests carry this quantile (0 to 1), by the rule of all percentiles here. None
/// carry 1: that is the longest wait that was seen, and not one that nobody exceeds.
pub fn carries(planned: u64, quantile: f64) -> bool {
    quantile < 1.0 && (1.0 - BEYOND).ln() >= planned as f64 * quantile.ln()
}

/// The highest quantile that so many requests carry.
pub(super) fn highest_carried(planned: u64) -> Option<f64> {
    (planned > 0).then(|| (1.0 - BEYOND).powf(1.0 / planned as f64))
}

/// Whom a distribution is about, answered or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Population {
    /// How many there are; never fewer than the samples.
    pub planned: u64,
    /// Longest certain wait among those without an answer, ns; 0 if nothing is known.
    pub longest_unanswered_ns: u64,
}

/// Summary in microseconds; serialised as the result files have it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Distribution {
    /// Shortest of the answered.
    pub min: Option<f64>,
    /// Mean of the answered.
    pub mean: Option<f64>,
    /// Over planned ones, as are all percentiles.
    pub p50: Option<f64>,
    /// 90 %.
    pub p90: Option<f64>,
    /// 95 %.
    pub p95: Option<f64>,
    /// 99 %.
    pub p99: Option<f64>,
    /// 99.9 %.
    pub p999: Option<f64>,
    /// 99.99 %.
    pub p9999: Option<f64>,
    /// Longest; a lower bound if anything is unanswered.
    pub max: Option<f64>,
    /// How many were answered.
    pub count: u64,
    /// How many there are, answered or not.
    pub planned: u64,
    /// These numbers are lower bounds.
    pub at_least: Vec<Statistic>,
    /// These numbers are null because there are too few requests for them.
    pub too_few: Vec<Statistic>,
}

impl Distribution {
    /// Summarises. Without anything planned all numbers are null; without any answer the percentiles
    /// are lower bounds, and there is no shortest and no mean.
    pub fn of(samples: &Samples, population: Population) -> Self {
        let count = samples.count();
        let planned = population.planned.max(count);
        let mut summary = Self {
            count,
            planned,
            ..Self::default()
        };
        if planned == 0 {
            return summary;
        }
        let answered_max = samples.max_ns().unwrap_or(0);
        let certain = answered_max.max(population.longest_unanswered_ns);
        summary.min = samples.min_ns().map(micros);
        summary.mean = samples.mean_ns().map(|mean| mean.round() / 1000.0);
        let carried = PERCENTILES
            .iter()
            .filter(|(_, _, needed)| planned >= *needed);
        let ranks = carried.map(|(_, per_10k, _)| rank(planned, *per_10k));
        let answered: Vec<u64> = ranks.take_while(|rank| *rank <= count).collect();
        let mut waits = samples.at_ranks(&answered).into_iter();
        for (statistic, _, needed) in PERCENTILES {
            if planned < needed {
                summary.too_few.push(statistic);
            } else if let Some(wait) = waits.next() {
                *summary.place(statistic) = Some(micros(wait));
            } else {
                summary.bound(statistic, certain);
            }
        }
        if count < planned {
            summary.bound(Statistic::Max, certain);
        } else {
            summary.max = Some(micros(answered_max));
        }
        summary
    }

    fn bound(&mut self, statistic: Statistic, certain_ns: u64) {
        *self.place(statistic) = Some(micros(certain_ns));
        self.at_least.push(statistic);
    }

    /// One number, us.
    pub fn value(&self, statistic: Statistic) -> Option<f64> {
        let mut copy = Self {
            at_least: Vec::new(),
            too_few: Vec::new(),
            ..*self
        };
        *copy.place(statistic)
    }

    /// Whether this number is a lower bound.
    pub fn is_at_least(&self, statistic: Statistic) -> bool {
        self.at_least.contains(&statistic)
    }

    fn place(&mut self, statistic: Statistic) -> &mut Option<f64> {
        match statistic {
            Statistic::Min => &mut self.min,
            Statistic::Mean => &mut self.mean,
            Statistic::P50 => &mut self.p50,
            Statistic::P90 => &mut self.p90,
            Statistic::P95 => &mut self.p95,
            Statistic::P99 => &mut self.p99,
            Statistic::P999 => &mut self.p999,
            Statistic::P9999 => &mut self.p9999,
            Statistic::Max => &mut self.max,
        }
    }
}

/// The wait at a percentile, us, however few there are: for single seconds. `None` without any.
pub(super) fn wait_at(samples: &Samples, population: Population, per_10k: u16) -> Option<f64> {
    let planned = population.planned.max(samples.count());
    if planned == 0 {
        return None;
    }
    let answered = samples.at_ranks(&[rank(planned, per_10k)]).first().copied();
    // Nothing certain is no number: a zero would look like a fast answer.
    let certain = || {
        let longest = samples
            .max_ns()
            .unwrap_or(0)
            .max(population.longest_unanswered_ns);
        (longest > 0).then_some(longest)
    };
    answered.or_else(certain).map(micros)
}

/// The smallest rank (from 1) that has at least this share of `planned` at or below it.
pub(super) fn rank(planned: u64, per_10k: u16) -> u64 {
    let rank = (u128::from(planned) * u128::from(per_10k)).div_ceil(10_000);
    (rank as u64).max(1)
}

/// Nanoseconds to the microseconds of the result files.
pub(super) fn micros(ns: u64) -> f64 {
    ns as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::Bounds;
    use super::*;

    const MS: u64 = 1_000_000;

    fn summary(answered: &[u64], planned: u64, longest_unanswered_ns: u64) -> Distribution {
        let mut samples = Samples::new(Bounds::up_to(0));
        for wait in answered {
            samples.record(*wait);
        }
        Distribution::of(
            &samples,
            Population {
                planned,
                longest_unanswered_ns,
            },
        )
    }

    fn near(found: Option<f64>, expected_ns: u64) -> bool {
        let error_us = expected_ns.div_ceil(1000).max(64) as f64 / 1000.0;
        found.is_some_and(|us| (us - micros(expected_ns)).abs() <= error_us)
    }

    #[test]
    fn without_anything_planned_every_number_is_null() {
        assert_eq!(summary(&[], 0, 0), Distribution::default());
    }

    #[test]
    fn when_nobody_answers_the_percentiles_say_how_long_was_waited_at_least() {
        let dead = summary(&[], 500, 5_000 * MS);
        assert_eq!((dead.count, dead.planned), (0, 500));
        assert_eq!((dead.min, dead.mean), (None, None));
        assert_eq!((dead.p99, dead.max), (Some(5_000_000.0), Some(5_000_000.0)));
        assert!(dead.is_at_least(Statistic::P50) && dead.is_at_least(Statistic::Max));
        assert_eq!(dead.too_few, [Statistic::P999, Statistic::P9999]);
    }

    #[test]
    fn a_second_in_which_everything_was_dropped_has_no_wait() {
        let dropped = Population {
            planned: 5,
            longest_unanswered_ns: 0,
        };
        assert_eq!(
            wait_at(&Samples::new(Bounds::up_to(0)), dropped, 9_900),
            None
        );
        let timed_out = Population {
            planned: 5,
            longest_unanswered_ns: 2 * MS,
        };
        assert_eq!(
            wait_at(&Samples::new(Bounds::up_to(0)), timed_out, 9_900),
            Some(2_000.0)
        );
    }

    #[test]
    fn it_is_serialised_with_exactly_the_agreed_keys() {
        let json = serde_json::to_value(summary(&[1_000, 3_000], 2, 0)).unwrap();
        let expected = serde_json::json!({"min": 1.0, "mean": 2.0, "p50": null, "p90": null, "p95": null, "p99": null,
            "p999": null, "p9999": null, "max": 3.0, "count": 2, "planned": 2, "at_least": [],
            "too_few": ["p50", "p90", "p95", "p99", "p999", "p9999"]});
        assert_eq!(json, expected);
    }

    #[test]
    fn a_percentile_needs_enough_requests() {
        for (statistic, per_10k, needed) in PERCENTILES {
            let quantile = f64::from(per_10k) / 10_000.0;
            assert_eq!(
                (0.05_f64.ln() / quantile.ln()).ceil() as u64,
                needed,
                "{statistic:?}"
            );
            let few = summary(&vec![MS; needed as usize - 1], needed - 1, 0);
            assert!(few.value(statistic).is_none() && few.too_few.contains(&statistic));
            let enough = summary(&vec![MS; needed as usize], needed, 0);
            assert!(near(enough.value(statistic), MS) && !enough.too_few.contains(&statistic));
        }
    }

    #[test]
    fn every_quantile_needs_what_the_table_says_of_the_usual_ones() {
        for (statistic, per_10k, needed) in PERCENTILES {
            let quantile = f64::from(per_10k) / 10_000.0;
            assert!(carries(needed, quantile) && !carries(needed - 1, quantile));
            assert_eq!(statistic.needed(), Some(needed));
            let highest = highest_carried(needed).unwrap();
            assert!(highest >= quantile && highest_carried(needed - 1).unwrap() < quantile);
        }
        assert!(!carries(u64::MAX, 1.0) && Statistic::Max.needed().is_none());
        assert_eq!(highest_carried(0), None);
    }

    #[test]
    fn three_percent_of_drops_do_not_vanish_from_p99() {
        let drops = summary(&vec![2 * MS; 970], 1000, 0);
        assert!(near(drops.p95, 2 * MS) && near(drops.p99, 2 * MS));
        assert_eq!(drops.at_least, [Statistic::P99, Statistic::Max]);
    }

    #[test]
    fn a_percentile_among_timeouts_is_the_longest_certain_wait() {
        let timeouts = summary(&vec![2 * MS; 980], 1000, 5_000 * MS);
        assert_eq!(
            (timeouts.p99, timeouts.max),
            (Some(5_000_000.0), Some(5_000_000.0))
        );
        let slow = summary(&vec![7_000 * MS; 980], 1000, 5_000 * MS);
        assert_eq!(slow.p99, Some(7_000_000.0));
    }

    /// method 1.2: 60 s at 1000/s, 2 ms of service, one freeze of 2 s.
    #[test]
    fn a_known_stall_gives_the_analytic_percentiles() {
        let (freeze, thaw) = (20_000 * MS, 22_000 * MS);
        let waits: Vec<u64> = (0..60_000_u64)
            .map(|i| i * MS)
            .map(|at| {
                if (freeze..thaw).contains(&at) {
                    thaw - at + 2 * MS
                } else {
                    2 * MS
                }
            })
            .collect();
        let stall = summary(&waits, 60_000, 0);
        assert!(near(stall.p50, 2 * MS) && near(stall.p95, 2 * MS));
        assert!(
            (stall.p99.unwrap() - 1_402_000.0).abs() < 2_500.0,
            "{:?}",
            stall.p99
        );
        assert!(
            (stall.p999.unwrap() - 1_942_000.0).abs() < 3_000.0,
            "{:?}",
            stall.p999
        );
        assert!(near(stall.max, 2_002 * MS) && stall.at_least.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn percentiles_agree_with_an_exact_sort(
            mut waits in prop::collection::vec(1_u64..30_000_000_000, 1..900),
            unanswered in 0_u64..60,
            longest in 0_u64..60_000_000_000,
        ) {
            let planned = waits.len() as u64 + unanswered;
            let found = summary(&waits, planned, longest);
            waits.sort_unstable();
            let certain = longest.max(waits[waits.len() - 1]);
            for (statistic, per_10k, needed) in PERCENTILES {
                let place = rank(planned, per_10k) as usize;
                if planned < needed {
                    prop_assert_eq!(found.value(statistic), None);
                } else if place <= waits.len() {
                    prop_assert!(near(found.value(statistic), waits[place - 1]));
                    prop_assert!(!found.is_at_least(statistic));
                } else {
                    prop_assert_eq!(found.value(statistic), Some(micros(certain)));
                    prop_assert!(found.is_at_least(statistic));
                }
            }
            let ascending: Vec<f64> = Statistic::ALL.iter().filter(|s| **s != Statistic::Mean).filter_map(|s| found.value(*s)).collect();
            prop_assert!(ascending.is_sorted());
        }
    }
}
