//! Was the run steady enough for one number to describe it? Over its seconds, not its requests.
//!
//! Three questions: did waits still settle when measuring began (the warm-up was too short), did the
//! requests in flight grow or fall (a backlog), and did waits differ between the halves. Each has a
//! test that is wrong by chance once in a hundred runs, and a change below which nobody would care.
//! An answer of no is a warning: it says nothing about the instrument. Not here: the verdict.

use serde::{Deserialize, Serialize};
use statrs::stats_tests::Alternative;
use statrs::stats_tests::mannwhitneyu::{MannWhitneyUMethod, mannwhitneyu};

use super::collector::Live;
use super::distribution::{Statistic, highest_carried};
use super::figures::Named;
use super::phase::Phase;
use super::shape::Shape;
use super::trend::{CONFIDENCE, POINTS_MIN, Trend, rounded};

/// A shorter second, the last one of a run, is left out, ns.
const SECOND_MIN_NS: u64 = 999_000_000;
/// More seconds than these are taken together, each window by its median: neighbours resemble each
/// other less, and a long run takes no longer to judge.
const WINDOWS_MAX: usize = 100;
/// The measured part shows whether it began settled in its first half, but not after these windows.
const SETTLING_MAX: usize = 10;
/// With fewer windows on a side the test below never reaches `CONFIDENCE`, however they differ.
const SIDE_MIN: usize = 6;
/// Change of p50 that matters, share of its mean; and of p99, which varies more.
const MATTERS: [f64; 2] = [0.05, 0.10];
/// Shorter than this no change of a wait matters, us.
const WAIT_MATTERS_US: f64 = 100.0;
/// Change of what is in flight that matters: share of its mean, and requests.
const IN_FLIGHT_MATTERS: (f64, f64) = (0.05, 1.0);

/// Steadiness of the measured part and what its sample can carry; serialised as the result files
/// have it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Statistics {
    /// Of every interval and test below, 0 to 1.
    pub confidence: f64,
    /// Full seconds of the measure phase.
    pub seconds: u64,
    /// Why steadiness was not looked at; null if it was.
    pub not_checked: Option<String>,
    /// Nothing below contradicts; null if nothing could be looked at.
    pub steady: Option<bool>,
    /// The first measured seconds; null if they were too few.
    pub warm_up: Option<WarmUp>,
    /// Requests in flight at the end of each second.
    pub in_flight: Option<Trend>,
    /// The first half of the measured seconds against the second.
    pub halves: Option<Halves>,
    /// Which percentiles there are requests enough for.
    pub sample_size: SampleSize,
}

/// Had waits settled when measuring began?
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WarmUp {
    /// How many of the first measured seconds were looked at.
    pub seconds: u64,
    /// Of the median of each.
    pub p50_us: Option<Trend>,
    /// Of the p99 of each.
    pub p99_us: Option<Trend>,
}

/// Both halves of the measured part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Halves {
    /// Of the median of each second.
    pub p50_us: Option<Shift>,
    /// Of the p99 of each second.
    pub p99_us: Option<Shift>,
}

/// A percentile of single seconds in the first half and in the second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// In the middle one of the seconds of the first half.
    pub first: f64,
    /// The same of the second half.
    pub second: f64,
    /// How often seconds that do not differ look at least as different (Mann and Whitney).
    pub p_value: f64,
    /// No difference, or one that is too small to matter.
    pub steady: bool,
}

/// Which percentiles the number of requests carries.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SampleSize {
    /// Requests of the measure phase that percentiles of the response time are over.
    pub planned: u64,
    /// The highest quantile that so many carry, 0 to 1; null without any.
    pub highest_quantile: Option<f64>,
    /// How many each percentile needs.
    pub needed: Named<u64>,
}

impl Statistics {
    /// Of a run with these seconds, whose response times are over `planned` requests.
    pub fn of(shape: &Shape, seconds: &[Live], planned: u64) -> Self {
        let is_full = |live: &&Live| {
            live.phase == Phase::Measure && live.end.saturating_sub(live.start) >= SECOND_MIN_NS
        };
        let measured: Vec<&Live> = seconds.iter().filter(is_full).collect();
        let statistics = Self {
            confidence: CONFIDENCE,
            seconds: measured.len() as u64,
            sample_size: SampleSize::of(planned),
            ..Self::default()
        };
        let because = |why: &str| Some(why.to_owned());
        if !is_level(shape) {
            return Self {
                not_checked: because("the arrival rate is meant to change"),
                ..statistics
            };
        }
        if measured.len() < POINTS_MIN {
            return Self {
                not_checked: because("fewer than 4 seconds were measured"),
                ..statistics
            };
        }
        statistics.checked(&measured)
    }

    fn checked(self, measured: &[&Live]) -> Self {
        let (p50, p99) = (waits(measured, |l| l.p50_us), waits(measured, |l| l.p99_us));
        let settling = (measured.len() / 2).min(SETTLING_MAX);
        let until = measured[settling].start as f64 / 1e9;
        let trend = |waits: &[(f64, f64)], matters: f64| {
            let begin = waits.iter().copied().filter(|(at, _)| *at <= until);
            Trend::of(&begin.collect::<Vec<_>>(), |mean| {
                wait_matters(mean, matters)
            })
        };
        let warm_up = WarmUp {
            seconds: settling as u64,
            p50_us: trend(&p50, MATTERS[0]),
            p99_us: trend(&p99, MATTERS[1]),
        };
        let middle = measured[measured.len() / 2].start as f64 / 1e9;
        let halves = Halves {
            p50_us: Shift::of(&p50, middle, MATTERS[0]),
            p99_us: Shift::of(&p99, middle, MATTERS[1]),
        };
        let in_flight = waits(measured, |live| Some(live.in_flight as f64));
        let (share, requests) = IN_FLIGHT_MATTERS;
        let in_flight = Trend::of(&windows(&in_flight), |mean| (mean * share).max(requests));
        let trends = [warm_up.p50_us, warm_up.p99_us, in_flight];
        let shifts = [halves.p50_us, halves.p99_us];
        let found = trends.iter().flatten().map(|trend| trend.steady);
        let found = found.chain(shifts.iter().flatten().map(|shift| shift.steady));
        Self {
            steady: found.reduce(|all, one| all && one),
            warm_up: (trends[0].is_some() || trends[1].is_some()).then_some(warm_up),
            in_flight,
            halves: (shifts[0].is_some() || shifts[1].is_some()).then_some(halves),
            ..self
        }
    }
}

impl SampleSize {
    fn of(planned: u64) -> Self {
        let needed = Statistic::ALL
            .iter()
            .filter_map(|statistic| Some((statistic.name().to_owned(), statistic.needed()?)));
        Self {
            planned,
            // Down, so that it is one that they do carry.
            highest_quantile: highest_carried(planned).map(|of| (of * 1e6).floor() / 1e6),
            needed: Named(needed.collect()),
        }
    }
}

impl Shift {
    /// Of points (s, us) before and from the instant `middle` on, in s. `None`: too few of one side.
    fn of(points: &[(f64, f64)], middle: f64, matters: f64) -> Option<Self> {
        let split = points.partition_point(|(at, _)| *at <= middle);
        let (before, after) = points.split_at(split);
        if before.len() < SIDE_MIN || after.len() < SIDE_MIN {
            return None;
        }
        let values = |points: &[(f64, f64)]| -> Vec<f64> {
            windows(points).iter().map(|(_, value)| *value).collect()
        };
        let (first, second) = (values(before), values(after));
        // Not `Automatic`: for few values that is statrs 0.19's exact method, which takes the wrong
        // tail where the first sample is not the larger one.
        let method = MannWhitneyUMethod::AsymptoticInclContinuityCorrection;
        let tested = mannwhitneyu(&first, &second, method, Alternative::TwoSided);
        let (_, p_value) = tested.ok()?;
        let (first, second) = (median(first), median(second));
        let differs = p_value < 1.0 - CONFIDENCE;
        let matters = (second - first).abs() >= wait_matters(first.min(second), matters);
        Some(Self {
            first: rounded(first),
            second: rounded(second),
            p_value: (p_value * 1e6).round() / 1e6,
            steady: !(differs && matters),
        })
    }

    /// By how much the second half is above the first, percent.
    pub fn percent(&self) -> f64 {
        100.0 * (self.second - self.first) / self.first.max(f64::MIN_POSITIVE)
    }
}

/// Whether one rate was asked for all the time.
fn is_level(shape: &Shape) -> bool {
    let rates = shape.stages.iter().flat_map(|stage| {
        let (from, to) = (stage.asked_from_per_s, stage.asked_to_per_s);
        [from, to]
    });
    let rates: Vec<f64> = rates.collect();
    rates.windows(2).all(|two| (two[0] - two[1]).abs() < 1e-9)
}

fn wait_matters(us: f64, share: f64) -> f64 {
    (us * share).max(WAIT_MATTERS_US)
}

/// End of each second, s, and its value.
fn waits(measured: &[&Live], of: impl Fn(&Live) -> Option<f64>) -> Vec<(f64, f64)> {
    let points = measured
        .iter()
        .map(|live| (live.end as f64 / 1e9, of(live)));
    points
        .filter_map(|(at, value)| Some((at, value?)))
        .collect()
}

/// At most `WINDOWS_MAX` of equally many points, each with the middle of its instants and values.
fn windows(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let length = points.len().div_ceil(WINDOWS_MAX).max(1);
    let middle = |chunk: &[(f64, f64)]| {
        let at = f64::midpoint(chunk[0].0, chunk[chunk.len() - 1].0);
        (at, median(chunk.iter().map(|(_, value)| *value).collect()))
    };
    points.chunks_exact(length).map(middle).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 {
        values[half]
    } else {
        f64::midpoint(values[half - 1], values[half])
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::StageShape;
    use super::*;

    const S: u64 = 1_000_000_000;

    fn shape(rates: &[f64]) -> Shape {
        let stage = |rate: &f64| StageShape {
            from_ns: 0,
            to_ns: S,
            asked_from_per_s: *rate,
            asked_to_per_s: *rate,
        };
        Shape {
            requests: vec![],
            inbound: vec![],
            deliveries: vec![],
            stages: rates.iter().map(stage).collect(),
            warm_up_ns: 0,
            measure_ns: S,
        }
    }

    /// Uniform from 0 to 1, reproducible (the generator of Knuth's MMIX).
    struct Noise(u64);

    impl Noise {
        fn next(&mut self) -> f64 {
            const FACTOR: u64 = 6_364_136_223_846_793_005;
            let next = self.0.wrapping_mul(FACTOR);
            self.0 = next.wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }

        /// About normal around 1.
        fn around_one(&mut self, deviation: f64) -> f64 {
            let sum: f64 = (0..12).map(|_| self.next()).sum();
            1.0 + (sum - 6.0) * deviation
        }
    }

    /// Seconds of a run: two of warm-up, then `count` with in flight, p50 and p99 (us) by number.
    fn seconds(count: u64, mut of: impl FnMut(u64) -> (f64, f64, f64)) -> Vec<Live> {
        let second = |number: u64| {
            let (in_flight, p50, p99) = of(number.saturating_sub(2));
            Live {
                second: number,
                start: number * S,
                end: (number + 1) * S,
                phase: if number < 2 {
                    Phase::WarmUp
                } else {
                    Phase::Measure
                },
                asked_per_s: 1000.0,
                achieved_per_s: 1000.0,
                in_flight: in_flight.round() as u64,
                p50_us: Some(p50),
                p99_us: Some(p99),
                failures: 0,
                connected: 1,
                busy_max: 0.1,
            }
        };
        (0..count + 2).map(second).collect()
    }

    fn checked(seconds: &[Live]) -> Statistics {
        Statistics::of(&shape(&[]), seconds, 1000)
    }

    /// A quiet run: waits vary by 3 and 10 percent, what is in flight by a tenth.
    fn quiet(count: u64, seed: u64) -> Statistics {
        let mut noise = Noise(seed);
        checked(&seconds(count, |_| {
            (
                50.0 * noise.around_one(0.1),
                2_000.0 * noise.around_one(0.03),
                9_000.0 * noise.around_one(0.1),
            )
        }))
    }

    #[test]
    fn a_steady_run_is_hardly_ever_called_anything_else() {
        for count in [8, 30, 300] {
            let steady = (0..400).filter(|seed| quiet(count, *seed).steady == Some(true));
            let steady = steady.count();
            // Five tests, each wrong once in a hundred at most: 5 % and three deviations of chance.
            assert!(steady >= 400 - 33, "{count} s: {steady} of 400");
        }
    }

    #[test]
    fn a_growing_backlog_is_seen_although_no_wait_says_so() {
        let mut noise = Noise(7);
        let found = checked(&seconds(20, |second| {
            let backlog = 50.0 + 4.0 * second as f64;
            (backlog * noise.around_one(0.05), 2_000.0, 9_000.0)
        }));
        let trend = found.in_flight.unwrap();
        assert!(!trend.steady && found.steady == Some(false), "{found:?}");
        assert!(trend.slope_low_per_s > 0.0 && trend.slope_high_per_s > 4.0);
        assert!(found.halves.unwrap().p99_us.unwrap().steady);
    }

    #[test]
    fn a_p99_that_rises_half_way_is_seen() {
        let mut noise = Noise(3);
        let found = checked(&seconds(20, |second| {
            let p99 = if second < 10 { 9_000.0 } else { 12_000.0 };
            (50.0, 2_000.0, p99 * noise.around_one(0.1))
        }));
        let shift = found.halves.unwrap().p99_us.unwrap();
        assert!(!shift.steady && found.steady == Some(false), "{found:?}");
        assert!((shift.percent() - 33.0).abs() < 12.0, "{shift:?}");
    }

    #[test]
    fn halves_are_compared_as_soon_as_a_difference_could_show() {
        let halves = |count: u64| {
            let half = count / 2;
            let of = |second| if second < half { 1_000.0 } else { 9_000.0 };
            checked(&seconds(count, |second| {
                (0.0, of(second) + second as f64, 20_000.0)
            }))
            .halves
        };
        assert_eq!(halves(11), None);
        let halves = halves(12).unwrap();
        let (p50, p99) = (halves.p50_us.unwrap(), halves.p99_us.unwrap());
        // By hand: U is 36, its mean 18, its deviation the root of 39; half a step less for continuity
        // makes z = 17.5 / 6.245 = 2.802, which both tails exceed with a probability of 0.00508.
        assert!(
            !p50.steady && (p50.p_value - 0.00508).abs() < 0.00002,
            "{p50:?}"
        );
        assert!(p99.steady && (p99.p_value - 1.0).abs() < 1e-9, "{p99:?}");
    }

    #[test]
    fn one_bad_second_is_no_drift() {
        let mut noise = Noise(5);
        let found = checked(&seconds(20, |second| {
            let stall = if second == 15 { 50.0 } else { 1.0 };
            (50.0, 2_000.0, 9_000.0 * stall * noise.around_one(0.1))
        }));
        assert_eq!(found.steady, Some(true), "{found:?}");
    }

    #[test]
    fn waits_that_still_settle_when_measuring_begins_are_seen() {
        let mut noise = Noise(11);
        let found = checked(&seconds(20, |second| {
            let settling = 1.0 + (-(second as f64) / 4.0).exp();
            (50.0, 2_000.0 * settling * noise.around_one(0.02), 9_000.0)
        }));
        let warm_up = found.warm_up.unwrap();
        assert_eq!(warm_up.seconds, 10);
        assert!(!warm_up.p50_us.unwrap().steady, "{warm_up:?}");
        assert!(warm_up.p99_us.unwrap().steady);
    }

    #[test]
    fn a_change_of_microseconds_is_none() {
        let found = checked(&seconds(20, |second| (0.0, 7.0 + second as f64, 90.0)));
        assert_eq!(found.steady, Some(true), "{found:?}");
    }

    #[test]
    fn where_it_cannot_be_known_it_is_not_said() {
        let few = checked(&seconds(3, |_| (1.0, 1.0, 1.0)));
        assert!(few.steady.is_none() && few.not_checked.is_some() && few.seconds == 3);
        let ramp = Statistics::of(&shape(&[1.0, 2.0]), &seconds(30, |_| (1.0, 1.0, 1.0)), 9);
        assert!(ramp.steady.is_none() && ramp.not_checked.unwrap().contains("meant to change"));
        let level = Statistics::of(&shape(&[2.0, 2.0]), &seconds(30, |_| (1.0, 1.0, 1.0)), 9);
        assert_eq!(level.steady, Some(true));
        let mut silent = seconds(30, |_| (0.0, 1.0, 1.0));
        for live in &mut silent {
            (live.p50_us, live.p99_us) = (None, None);
        }
        let silent = checked(&silent);
        assert!(silent.warm_up.is_none() && silent.halves.is_none());
        assert!(silent.in_flight.is_some());
    }

    #[test]
    fn the_sample_size_says_which_percentiles_it_carries() {
        let of = SampleSize::of(299);
        assert!((of.highest_quantile.unwrap() - 0.99).abs() < 0.0001);
        let needed: Vec<_> = of.needed.iter().map(|(name, n)| (name, *n)).collect();
        assert_eq!(needed[3], ("p99", 299));
        assert_eq!(needed.len(), 6);
    }

    #[test]
    fn a_long_run_is_judged_by_windows() {
        let points: Vec<_> = (0..1000).map(|x| (f64::from(x), f64::from(x))).collect();
        let windows = windows(&points);
        assert_eq!((windows.len(), windows[0]), (100, (4.5, 4.5)));
    }
}
