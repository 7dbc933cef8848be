//! Which endpoints one process of a run owns.
//!
//! A shard is a contiguous range, cut between connections and never through one. Not here: which
//! worker inside a process owns what (the engine cuts its shard again the same way).

use std::ops::Range;

/// Part `index` of `count` equal parts of the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0; less than `count`.
    pub index: u32,
    /// At least 1.
    pub count: u32,
}

impl Shard {
    /// The whole fleet.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// The part's endpoints out of `range`, in units of `endpoints_per_connection` (0 counts as 1).
    ///
    /// The parts of one `count` are disjoint and together are `range`; sizes differ by at most one
    /// unit. An `index` that is not less than `count` has no endpoints.
    pub fn of(self, range: Range<u32>, endpoints_per_connection: u32) -> Range<u32> {
        let unit = u64::from(endpoints_per_connection.max(1));
        let count = u64::from(self.count.max(1));
        let total = u64::from(range.end.saturating_sub(range.start));
        let units = total.div_ceil(unit);
        let cut = |index: u64| {
            let offset = (units * index.min(count) / count * unit).min(total);
            range.start + offset as u32
        };
        cut(u64::from(self.index))..cut(u64::from(self.index) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shards_are_disjoint_whole_connections_and_cover_the_fleet(
            start in 0_u32..100, total in 0_u32..500, count in 1_u32..12, unit in 1_u32..60,
        ) {
            let fleet = start..start + total;
            let mut next = fleet.start;
            for index in 0..count {
                let part = Shard { index, count }.of(fleet.clone(), unit);
                prop_assert_eq!(part.start, next);
                prop_assert!(part.end == fleet.end || (part.end - start).is_multiple_of(unit));
                next = part.end;
            }
            prop_assert_eq!(next, fleet.end);
        }

        #[test]
        fn shards_are_balanced(total in 1_u32..10_000, count in 1_u32..16) {
            let sizes = (0..count).map(|index| Shard { index, count }.of(0..total, 1).len());
            let (least, most) = (sizes.clone().min().unwrap_or(0), sizes.max().unwrap_or(0));
            prop_assert!(most - least <= 1);
        }
    }

    #[test]
    fn the_whole_fleet_is_one_shard() {
        assert_eq!(Shard::WHOLE.of(0..1000, 50), 0..1000);
        assert_eq!(Shard { index: 3, count: 3 }.of(0..9, 1), 9..9);
    }
}
