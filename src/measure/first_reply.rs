//! The wait for the first reply of any kind, where intermediate ones may come before the final one.
//!
//! Of requests whose replies are always final nothing is kept: their first reply is the answer.

use super::distribution::Population;
use super::samples::{Bounds, Samples};

/// First replies of one request definition, measure phase.
#[derive(Debug, Clone)]
pub struct FirstReplies {
    /// First reply minus intended.
    pub waits: Samples,
    /// Planned requests that may get intermediate replies.
    pub planned: u64,
    /// Longest certain wait of one that got no reply at all, ns.
    pub longest_unanswered_ns: u64,
}

impl FirstReplies {
    /// Nothing yet.
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            waits: Samples::new(bounds),
            planned: 0,
            longest_unanswered_ns: 0,
        }
    }

    /// Adds another worker's, or another request's.
    pub(super) fn merge(&mut self, other: &Self) {
        let Self {
            waits,
            planned,
            longest_unanswered_ns,
        } = other;
        self.waits.merge(waits);
        self.planned += planned;
        self.unanswered(*longest_unanswered_ns);
    }

    /// One waited for so long, in vain. Of no concern where no intermediate replies may come.
    pub(super) fn unanswered(&mut self, wait_ns: u64) {
        if self.planned > 0 {
            self.longest_unanswered_ns = self.longest_unanswered_ns.max(wait_ns);
        }
    }

    /// Whom the waits are about.
    pub(super) fn population(&self) -> Population {
        Population {
            planned: self.planned,
            longest_unanswered_ns: self.longest_unanswered_ns,
        }
    }
}
