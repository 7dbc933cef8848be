//! What happened to messages where connections were lost, by tenths of a second.
//!
//! So that an outage has its own counts, wherever its ends are found out to be. Not here: what an outage is
//! (`recovery`), and accounts of requests (`ledger`).

use std::collections::BTreeMap;
use std::ops::{AddAssign, RangeInclusive};

/// ns
const TENTH_NS: u64 = 100_000_000;
/// Tenths that a worker keeps, a day and more; what comes in others is counted.
const KEPT_MAX: usize = 1_000_000;

/// Counts of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Across {
    /// Sent, and failed with their connection.
    pub lost: u64,
    /// Planned while their connection was not up, and not sent; at their intended instants.
    pub not_connected: u64,
    /// Sent once more, because nothing had acknowledged them when their connection was lost.
    pub sent_again: u64,
    /// The same of PUBREL.
    pub released_again: u64,
    /// Of the target, and marked by it as sent before.
    pub redelivered: u64,
    /// Replies and pushed items that came more than once.
    pub duplicate: u64,
    /// Acknowledgements that came before that of an older message of their connection.
    pub reordered: u64,
}

impl AddAssign for Across {
    fn add_assign(&mut self, other: Self) {
        let Self {
            lost,
            not_connected,
            sent_again,
            released_again,
            redelivered,
            duplicate,
            reordered,
        } = other;
        self.lost += lost;
        self.not_connected += not_connected;
        self.sent_again += sent_again;
        self.released_again += released_again;
        self.redelivered += redelivered;
        self.duplicate += duplicate;
        self.reordered += reordered;
    }
}

/// The same by when it happened.
#[derive(Debug, Clone, Default)]
pub(super) struct Tenths {
    kept: BTreeMap<u64, Across>,
    beyond: Across,
}

impl Tenths {
    /// The counts of the tenth of this instant, to be added to.
    pub(super) fn at(&mut self, at: u64) -> &mut Across {
        self.of(at / TENTH_NS)
    }

    fn of(&mut self, tenth: u64) -> &mut Across {
        if self.kept.len() >= KEPT_MAX && !self.kept.contains_key(&tenth) {
            return &mut self.beyond;
        }
        self.kept.entry(tenth).or_default()
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (tenth, counts) in &other.kept {
            *self.of(*tenth) += *counts;
        }
        self.beyond += other.beyond;
    }

    /// Everything.
    pub(super) fn total(&self) -> Across {
        let mut sum = self.within(0..=u64::MAX);
        sum += self.beyond;
        sum
    }

    /// What happened between these instants, in whole tenths of a second.
    pub(super) fn within(&self, span: RangeInclusive<u64>) -> Across {
        let tenths = span.start() / TENTH_NS..=span.end() / TENTH_NS;
        let mut sum = Across::default();
        for counts in self.kept.range(tenths).map(|(_, counts)| counts) {
            sum += *counts;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_belongs_to_the_span_that_its_tenth_touches() {
        let mut tenths = Tenths::default();
        tenths.at(1_050_000_000).lost += 1;
        tenths.at(1_150_000_000).duplicate += 2;
        let mut other = Tenths::default();
        other.at(1_099_999_999).lost += 1;
        tenths.merge(&other);
        let lost = |span| tenths.within(span).lost;
        assert_eq!(lost(1_000_000_000..=1_000_000_000), 2);
        assert_eq!(lost(1_099_000_000..=u64::MAX), 2);
        assert_eq!(lost(1_100_000_000..=u64::MAX), 0);
        assert_eq!(lost(0..=999_999_999), 0);
        let total = tenths.total();
        assert_eq!((total.lost, total.duplicate), (2, 2));
    }
}
