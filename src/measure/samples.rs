//! Waits of one kind (response time, schedule lag, ...) as a histogram with an exact edge.
//!
//! Nanoseconds; 64 ns steps below 131 us, three significant digits above, at most `Bounds::high`.
//! Smallest, largest and sum are kept exactly beside the buckets. Not here: which waits are missing
//! and what a percentile then means (see `distribution`).

use hdrhistogram::Histogram;

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

    fn histogram(self) -> Histogram<u64> {
        Histogram::new_with_bounds(LOW_NS, self.high_ns, SIGNIFICANT_DIGITS)
            .expect("1 <= low, 2 * low <= high and three digits are valid for every Bounds")
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

/// Waits of one kind. The histogram is made at the first use, so unused ones cost nothing.
#[derive(Debug, Clone)]
pub struct Samples {
    bounds: Bounds,
    histogram: Option<Box<Histogram<u64>>>,
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
            histogram: None,
            min_ns: u64::MAX,
            max_ns: 0,
            sum_ns: 0,
            clamped: 0,
        }
    }

    /// Makes the histogram now, so that a later `record` does not allocate.
    pub fn prepare(&mut self) {
        let bounds = self.bounds;
        self.histogram
            .get_or_insert_with(|| Box::new(bounds.histogram()));
    }

    /// Adds one wait.
    pub fn record(&mut self, wait_ns: u64) {
        self.record_many(wait_ns, 1);
    }

    /// Adds the same wait so many times, at the price of one.
    pub fn record_many(&mut self, wait_ns: u64, count: u64) {
        let bounds = self.bounds;
        let histogram = self
            .histogram
            .get_or_insert_with(|| Box::new(bounds.histogram()));
        // The crate accepts values somewhat above `high` without a word: clamp and count here.
        let wait_ns = if wait_ns > bounds.high_ns {
            self.clamped += count;
            bounds.high_ns
        } else {
            wait_ns
        };
        histogram.saturating_record_n(wait_ns, count);
        self.min_ns = self.min_ns.min(wait_ns);
        self.max_ns = self.max_ns.max(wait_ns);
        self.sum_ns += u128::from(wait_ns) * u128::from(count);
    }

    /// Adds all waits of another one.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            bounds,
            histogram,
            min_ns,
            max_ns,
            sum_ns,
            clamped,
        } = other;
        if let Some(theirs) = histogram {
            self.bounds.high_ns = self.bounds.high_ns.max(bounds.high_ns);
            let bounds = self.bounds;
            let mine = self
                .histogram
                .get_or_insert_with(|| Box::new(bounds.histogram()));
            if mine.add(theirs.as_ref()).is_err() {
                // Only with different bounds, which one run never has: grow once and add again.
                mine.auto(true);
                mine.add(theirs.as_ref())
                    .expect("a growing histogram takes every value");
                mine.auto(false);
            }
        }
        self.min_ns = self.min_ns.min(*min_ns);
        self.max_ns = self.max_ns.max(*max_ns);
        self.sum_ns += sum_ns;
        self.clamped += clamped;
    }

    /// Empties it and keeps the memory.
    pub fn reset(&mut self) {
        if let Some(histogram) = self
            .histogram
            .as_mut()
            .filter(|histogram| !histogram.is_empty())
        {
            histogram.reset();
        }
        (self.min_ns, self.max_ns, self.sum_ns, self.clamped) = (u64::MAX, 0, 0, 0);
    }

    /// How many waits.
    pub fn count(&self) -> u64 {
        self.histogram
            .as_ref()
            .map_or(0, |histogram| histogram.len())
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
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        self.histogram.iter().flat_map(|histogram| {
            histogram.iter_recorded().map(|step| Bucket {
                from_ns: histogram.lowest_equivalent(step.value_iterated_to()),
                to_ns: histogram.next_non_equivalent(step.value_iterated_to()),
                count: step.count_at_value(),
            })
        })
    }

    /// The histogram itself, for serialisation; `None` if nothing was ever recorded.
    pub fn histogram(&self) -> Option<&Histogram<u64>> {
        self.histogram
            .as_deref()
            .filter(|histogram| !histogram.is_empty())
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(empty.buckets().count(), 0);
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
        assert_eq!(
            merged.buckets().collect::<Vec<_>>(),
            whole.buckets().collect::<Vec<_>>()
        );
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
    fn a_reset_one_is_like_a_new_one() {
        let mut some = samples([5, 6]);
        some.reset();
        some.record(9_000);
        assert_eq!(
            (some.count(), some.min_ns(), some.max_ns()),
            (1, Some(9_000), Some(9_000))
        );
    }
}
