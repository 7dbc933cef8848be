//! Waits of one kind (response time, schedule lag, ...) as a histogram with an exact edge.
//!
//! Nanoseconds; 64 ns steps below 131 us, three significant digits above, at most `Bounds::high`.
//! Smallest, largest and sum are kept exactly beside the buckets. Not here: how wide a count is (see
//! `counts`), which waits are missing and what a percentile then means (see `distribution`).

use hdrhistogram::serialization::V2Serializer;

use super::counts::Counts;

/// Longest range: a day. Longer deadlines are legal; their waits are clamped and counted.
const HIGH_MAX_NS: u64 = 86_400_000_000_000;
/// Shortest range: a minute, so that lag and connect times fit whatever the deadlines are.
const HIGH_MIN_NS: u64 = 60_000_000_000;
/// Finest step. Smaller ones cost memory and tell nothing: reading the clock takes about this long.
const LOW_NS: u64 = 64;
const SIGNIFICANT_DIGITS: u8 = 3;

/// Range of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    high_ns: u64,
}

impl Bounds {
    /// Holds waits of up to `longest_ns`, between a minute and a day.
    pub fn up_to(longest_ns: u64) -> Self {
        Self {
            high_ns: longest_ns.clamp(HIGH_MIN_NS, HIGH_MAX_NS),
        }
    }

    /// Longest wait that is not clamped, ns.
    pub fn high_ns(self) -> u64 {
        self.high_ns
    }

    fn counts(self) -> Counts {
        Counts::new(LOW_NS, self.high_ns, SIGNIFICANT_DIGITS)
    }
}

/// A bucket that is not empty: `from_ns <= wait < to_ns`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Smallest wait of the bucket, ns.
    pub from_ns: u64,
    /// First wait beyond the bucket, ns.
    pub to_ns: u64,
    /// Waits in it.
    pub count: u64,
}

/// A step of the spectrum of waits, over one bucket or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Longest wait of the step's last bucket, ns.
    pub up_to_ns: u64,
    /// Waits in the step.
    pub count: u64,
}

/// Waits of one kind. The histogram is made at the first use, so unused ones cost nothing.
#[derive(Debug, Clone)]
pub struct Samples {
    bounds: Bounds,
    counts: Option<Box<Counts>>,
    min_ns: u64,
    max_ns: u64,
    sum_ns: u128,
    clamped: u64,
}

impl Samples {
    /// Empty.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            counts: None,
            min_ns: u64::MAX,
            max_ns: 0,
            sum_ns: 0,
            clamped: 0,
        }
    }

    /// Makes the histogram now, so that a later `record` does not allocate.
    pub fn prepare(&mut self) {
        let bounds = self.bounds;
        self.counts.get_or_insert_with(|| Box::new(bounds.counts()));
    }

    /// Adds one wait.
    pub fn record(&mut self, wait_ns: u64) {
        self.record_many(wait_ns, 1);
    }

    /// Adds the same wait so many times, at the price of one.
    pub fn record_many(&mut self, wait_ns: u64, count: u64) {
        let bounds = self.bounds;
        let counts = self.counts.get_or_insert_with(|| Box::new(bounds.counts()));
        // The crate accepts values somewhat above `high` without a word: clamp and count here.
        let wait_ns = if wait_ns > bounds.high_ns {
            self.clamped += count;
            bounds.high_ns
        } else {
            wait_ns
        };
        counts.record(wait_ns, count);
        self.min_ns = self.min_ns.min(wait_ns);
        self.max_ns = self.max_ns.max(wait_ns);
        self.sum_ns += u128::from(wait_ns) * u128::from(count);
    }

    /// Adds all waits of another one.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            bounds,
            counts,
            min_ns,
            max_ns,
            sum_ns,
            clamped,
        } = other;
        if let Some(theirs) = counts.as_deref().filter(|counts| counts.len() > 0) {
            self.bounds.high_ns = self.bounds.high_ns.max(bounds.high_ns);
            let bounds = self.bounds;
            let mine = self.counts.get_or_insert_with(|| Box::new(bounds.counts()));
            mine.merge(theirs);
        }
        self.min_ns = self.min_ns.min(*min_ns);
        self.max_ns = self.max_ns.max(*max_ns);
        self.sum_ns += sum_ns;
        self.clamped += clamped;
    }

    /// Empties it and keeps the memory.
    pub fn reset(&mut self) {
        if let Some(counts) = &mut self.counts {
            counts.reset();
        }
        (self.min_ns, self.max_ns, self.sum_ns, self.clamped) = (u64::MAX, 0, 0, 0);
    }

    /// How many waits.
    pub fn count(&self) -> u64 {
        self.counts.as_ref().map_or(0, |counts| counts.len())
    }

    /// Waits that were longer than the range and count as its end.
    pub fn clamped(&self) -> u64 {
        self.clamped
    }

    /// Shortest wait, ns.
    pub fn min_ns(&self) -> Option<u64> {
        (self.count() > 0).then_some(self.min_ns)
    }

    /// Longest wait, ns.
    pub fn max_ns(&self) -> Option<u64> {
        (self.count() > 0).then_some(self.max_ns)
    }

    /// Arithmetic mean, ns.
    pub fn mean_ns(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.sum_ns as f64 / self.count() as f64)
    }

    /// The waits at these ranks (1 is the shortest; ascending, none above `count`), ns: the upper end
    /// of the bucket, but never outside of the shortest and the longest wait.
    pub fn at_ranks(&self, ranks: &[u64]) -> Vec<u64> {
        let mut found = Vec::with_capacity(ranks.len());
        let mut seen = 0;
        for bucket in self.buckets() {
            seen += bucket.count;
            while ranks.get(found.len()).is_some_and(|rank| *rank <= seen) {
                found.push((bucket.to_ns - 1).clamp(self.min_ns, self.max_ns));
            }
        }
        found
    }

    /// Every bucket that is not empty, ascending.
    pub fn buckets(&self) -> Vec<Bucket> {
        let counts = self.counts.as_ref();
        counts.map_or_else(Vec::new, |counts| counts.buckets())
    }

    /// The spectrum in so many steps for each halving of what is left above, those without waits left out.
    pub fn spectrum(&self, steps_per_half: u32) -> Vec<Step> {
        let counts = self.counts.as_ref().filter(|counts| counts.len() > 0);
        counts.map_or_else(Vec::new, |counts| counts.spectrum(steps_per_half))
    }

    /// In the V2 format of `HdrHistogram`, uncompressed; `None` without any wait.
    pub fn v2(&self, serializer: &mut V2Serializer) -> Option<Vec<u8>> {
        let counts = self.counts.as_ref().filter(|counts| counts.len() > 0)?;
        Some(counts.v2(serializer))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn samples(waits: impl IntoIterator<Item = u64>) -> Samples {
        let mut samples = Samples::new(Bounds::up_to(0));
        waits.into_iter().for_each(|wait| samples.record(wait));
        samples
    }

    #[test]
    fn an_empty_one_has_no_numbers() {
        let empty = samples([]);
        assert_eq!(
            (
                empty.count(),
                empty.min_ns(),
                empty.max_ns(),
                empty.mean_ns()
            ),
            (0, None, None, None)
        );
        assert_eq!(empty.buckets(), []);
    }

    #[test]
    fn the_edges_and_the_mean_are_exact() {
        let some = samples([1_234_567, 7, 987_654_321]);
        assert_eq!((some.min_ns(), some.max_ns()), (Some(7), Some(987_654_321)));
        assert_eq!(
            some.mean_ns(),
            Some((1_234_567.0 + 7.0 + 987_654_321.0) / 3.0)
        );
    }

    #[test]
    fn a_wait_beyond_the_range_is_clamped_and_counted() {
        let some = samples([1, 700_000_000_000]);
        assert_eq!((some.clamped(), some.max_ns()), (1, Some(60_000_000_000)));
    }

    #[test]
    fn microseconds_and_three_digits_are_kept() {
        for wait in [1_000, 35_000, 999_000, 12_345_678, 59_999_999_999] {
            let found = samples([wait, 60_000_000_000]).at_ranks(&[1])[0];
            assert!(
                found.abs_diff(wait) <= (wait / 1000).max(64),
                "{wait} became {found}"
            );
        }
    }

    #[test]
    fn merging_equals_recording_everything_in_one() {
        let (a, b) = ([5, 900, 17_000_000], [1, 2_000_000_000, 61_000_000_000]);
        let mut merged = samples(a);
        merged.merge(&samples(b));
        merged.merge(&samples([]));
        let whole = samples(a.into_iter().chain(b));
        assert_eq!(merged.buckets(), whole.buckets());
        assert_eq!(
            (merged.min_ns(), merged.max_ns()),
            (whole.min_ns(), whole.max_ns())
        );
        assert_eq!(
            (merged.mean_ns(), merged.clamped()),
            (whole.mean_ns(), whole.clamped())
        );
    }

    #[test]
    fn different_ranges_merge_too() {
        let mut short = samples([5]);
        let mut long = Samples::new(Bounds::up_to(HIGH_MAX_NS));
        long.record(3_000_000_000_000);
        short.merge(&long);
        assert_eq!(
            (short.count(), short.max_ns()),
            (2, Some(3_000_000_000_000))
        );
    }

    #[test]
    fn different_ranges_merge_too_where_32_bits_do_not_hold_the_counts() {
        let mut long = Samples::new(Bounds::up_to(HIGH_MAX_NS));
        long.record(3_000_000_000_000);
        let mut grown = narrow(&[(1_000, u32::MAX.into())]);
        grown.merge(&long);
        grown.record(2_000_000_000_000);
        assert_eq!(grown.count(), u64::from(u32::MAX) + 2);
        let mut grown_before = narrow(&[]);
        grown_before.merge(&long);
        grown_before.record(2_000_000_000_000);
        grown_before.record_many(1_000, u32::MAX.into());
        assert!(!is_narrow(&grown) && !is_narrow(&grown_before));
        assert_eq!(grown.buckets(), grown_before.buckets());
        assert_eq!(grown.max_ns(), Some(3_000_000_000_000));
    }

    #[test]
    fn a_reset_one_is_like_a_new_one() {
        let mut some = samples([5, 6]);
        some.reset();
        some.record(9_000);
        assert_eq!(
            (some.count(), some.min_ns(), some.max_ns()),
            (1, Some(9_000), Some(9_000))
        );
    }

    /// The same waits in 64-bit counts from the beginning.
    fn wide(waits: &[(u64, u64)]) -> Samples {
        let mut samples = Samples::new(Bounds::up_to(0));
        samples.prepare();
        samples.counts.as_mut().unwrap().widen();
        record_all(&mut samples, waits);
        samples
    }

    fn narrow(waits: &[(u64, u64)]) -> Samples {
        let mut samples = Samples::new(Bounds::up_to(0));
        samples.prepare();
        record_all(&mut samples, waits);
        samples
    }

    fn record_all(samples: &mut Samples, waits: &[(u64, u64)]) {
        for (wait, count) in waits {
            samples.record_many(*wait, *count);
        }
    }

    fn is_narrow(samples: &Samples) -> bool {
        matches!(samples.counts.as_deref(), Some(Counts::Narrow(_)))
    }

    /// Everything that can be learnt of them.
    fn told(samples: &Samples) -> impl PartialEq + std::fmt::Debug + use<> {
        let ranks: Vec<u64> = (1..=40)
            .map(|part| (samples.count() * part / 40).max(1))
            .filter(|rank| *rank <= samples.count())
            .collect();
        (
            (samples.count(), samples.clamped(), samples.mean_ns()),
            (samples.min_ns(), samples.max_ns()),
            samples.at_ranks(&ranks),
            samples.buckets(),
            samples.spectrum(10),
            samples.v2(&mut V2Serializer::new()),
        )
    }

    /// Waits from nanoseconds to beyond the range, all magnitudes alike, and how often each occurs.
    fn some_waits() -> impl Strategy<Value = Vec<(u64, u64)>> {
        let wait = (0_u32..38, 0_u64..1 << 37).prop_map(|(bits, wait)| wait >> (37 - bits.min(37)));
        prop::collection::vec((wait, 1_u64..1_000_000), 0..60)
    }

    proptest! {
        #[test]
        fn narrow_and_wide_counts_tell_the_same_and_merge_exactly(
            first in some_waits(),
            second in some_waits(),
        ) {
            let small = narrow(&first);
            prop_assert!(is_narrow(&small) && !is_narrow(&wide(&first)));
            prop_assert_eq!(told(&small), told(&wide(&first)));
            let whole = wide(&[first.clone(), second.clone()].concat());
            for mut merged in [small, wide(&first)] {
                for other in [narrow(&second), wide(&second)] {
                    let mut merged = merged.clone();
                    merged.merge(&other);
                    prop_assert_eq!(told(&merged), told(&whole));
                }
                merged.reset();
                prop_assert_eq!(told(&merged), told(&narrow(&[])));
                record_all(&mut merged, &second);
                prop_assert_eq!(told(&merged), told(&wide(&second)));
            }
        }
    }

    #[test]
    fn no_count_is_lost_where_32_bits_do_not_hold_it() {
        const FULL: u64 = u32::MAX as u64;
        let counts = |samples: &Samples| -> Vec<u64> {
            let buckets = samples.buckets();
            buckets.iter().map(|bucket| bucket.count).collect()
        };
        let mut some = narrow(&[(1_000, FULL)]);
        assert!(is_narrow(&some));
        some.record(1_000);
        some.record(5_000_000);
        assert_eq!(counts(&some), [FULL + 1, 1]);
        assert_eq!(some.count(), FULL + 2);

        let at_once = narrow(&[(9_000, 3), (1_000, 10_000_000_000)]);
        assert_eq!(counts(&at_once), [10_000_000_000, 3]);

        let mut merged = narrow(&[(1_000, FULL)]);
        merged.merge(&narrow(&[(1_000, FULL), (9_000, 1)]));
        assert_eq!(counts(&merged), [2 * FULL, 1]);
        assert_eq!(merged.count(), 2 * FULL + 1);
    }
}
