//! How often each wait occurred: 32-bit counts, which become 64-bit ones before any could overflow.
//!
//! Narrow counts take half the memory, and few runs ever need more; no count is lost either way.
//! Not here: the exact smallest, largest and sum (see `samples`).

use hdrhistogram::serialization::{Serializer, V2Serializer};
use hdrhistogram::{Counter, Histogram};

use super::samples::{Bucket, Step};

/// As many waits as a narrow histogram may hold in all, so that no single count can overflow.
const NARROW_MAX: u64 = u32::MAX as u64;

/// Waits by bucket.
#[derive(Debug, Clone)]
pub(super) enum Counts {
    /// At most [`NARROW_MAX`] waits.
    Narrow(Histogram<u32>),
    /// It has held more, or was merged with one that has.
    Wide(Histogram<u64>),
}

impl Counts {
    /// None yet. `low_ns` is the finest step, `high_ns` the longest wait.
    pub fn new(low_ns: u64, high_ns: u64, significant_digits: u8) -> Self {
        let counts = Histogram::new_with_bounds(low_ns, high_ns, significant_digits);
        Self::Narrow(counts.expect("1 <= low, 2 * low <= high and three digits are valid"))
    }

    /// Adds the same wait so many times; it is not beyond the range.
    #[inline]
    pub fn record(&mut self, wait_ns: u64, count: u64) {
        match self {
            Self::Narrow(narrow) if count <= NARROW_MAX - narrow.len() => {
                narrow.saturating_record_n(wait_ns, count as u32);
            }
            Self::Narrow(_) => self.widen().saturating_record_n(wait_ns, count),
            Self::Wide(wide) => wide.saturating_record_n(wait_ns, count),
        }
    }

    /// Adds all waits of another one.
    pub fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Narrow(mine), Self::Narrow(theirs))
                if theirs.len() <= NARROW_MAX - mine.len() =>
            {
                add(mine, theirs);
            }
            (_, Self::Narrow(theirs)) => add(self.widen(), &widened(theirs)),
            (_, Self::Wide(theirs)) => add(self.widen(), theirs),
        }
    }

    /// Empties it and keeps the memory.
    pub fn reset(&mut self) {
        match self {
            _ if self.len() == 0 => {}
            Self::Narrow(narrow) => narrow.reset(),
            Self::Wide(wide) => wide.reset(),
        }
    }

    /// How many waits.
    #[inline]
    pub fn len(&self) -> u64 {
        match self {
            Self::Narrow(narrow) => narrow.len(),
            Self::Wide(wide) => wide.len(),
        }
    }

    /// Every bucket that is not empty, ascending.
    pub fn buckets(&self) -> Vec<Bucket> {
        match self {
            Self::Narrow(narrow) => buckets(narrow),
            Self::Wide(wide) => buckets(wide),
        }
    }

    /// Steps of the spectrum in which waits lie: so many for each halving of what is left above.
    pub fn spectrum(&self, steps_per_half: u32) -> Vec<Step> {
        match self {
            Self::Narrow(narrow) => spectrum(narrow, steps_per_half),
            Self::Wide(wide) => spectrum(wide, steps_per_half),
        }
    }

    /// The V2 format of `HdrHistogram`; it does not say how wide the counts were.
    pub fn v2(&self, serializer: &mut V2Serializer) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Narrow(narrow) => serializer.serialize(narrow, &mut bytes),
            Self::Wide(wide) => serializer.serialize(wide, &mut bytes),
        }
        .expect("memory takes every histogram");
        bytes
    }

    /// The wide counts, made of the narrow ones if it had those.
    #[cold]
    pub(super) fn widen(&mut self) -> &mut Histogram<u64> {
        if let Self::Narrow(narrow) = self {
            *self = Self::Wide(widened(narrow));
        }
        match self {
            Self::Wide(wide) => wide,
            Self::Narrow(_) => unreachable!("it was widened above"),
        }
    }
}

/// The same counts, wider.
fn widened(narrow: &Histogram<u32>) -> Histogram<u64> {
    let mut wide = Histogram::new_from(narrow);
    for step in narrow.iter_recorded() {
        // One of the same buckets, so never clamped.
        wide.saturating_record_n(step.value_iterated_to(), step.count_at_value().into());
    }
    wide
}

fn add<C: Counter>(mine: &mut Histogram<C>, theirs: &Histogram<C>) {
    if mine.add(theirs).is_err() {
        // Only with different bounds, which one run never has: grow once and add again.
        mine.auto(true);
        mine.add(theirs)
            .expect("a growing histogram takes every value");
        mine.auto(false);
    }
}

fn buckets<C: Counter>(histogram: &Histogram<C>) -> Vec<Bucket> {
    let steps = histogram.iter_recorded();
    let buckets = steps.map(|step| Bucket {
        from_ns: histogram.lowest_equivalent(step.value_iterated_to()),
        to_ns: histogram.next_non_equivalent(step.value_iterated_to()),
        count: step.count_at_value().as_u64(),
    });
    buckets.collect()
}

fn spectrum<C: Counter>(histogram: &Histogram<C>, steps_per_half: u32) -> Vec<Step> {
    let steps = histogram.iter_quantiles(steps_per_half);
    let steps = steps.map(|step| Step {
        up_to_ns: step.value_iterated_to(),
        count: step.count_since_last_iteration(),
    });
    steps.filter(|step| step.count > 0).collect()
}
