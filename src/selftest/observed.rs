//! What a run has yielded, as far as tests look at it.
//!
//! Not here: what it should be.

use std::time::Duration;

use crate::measure::{Bucket, Entry, LedgerCounts};
use crate::report::RunResult;

/// Everything that is known of a run after its end.
#[derive(Debug)]
pub struct Observed {
    /// The result as users get it.
    pub result: RunResult,
    /// Buckets of the response time, ascending, measure phase.
    pub response: Vec<Bucket>,
    /// What was in flight at the end of each second of the measure phase.
    pub in_flight: Vec<u64>,
    /// Every message, if instants were wanted.
    pub log: Vec<Entry>,
    /// When the tenant read each message, if instants were wanted; ns of the log's clock.
    pub received: Vec<u64>,
    /// How long the generator was held for at the longest.
    pub held: Option<Duration>,
}

impl Observed {
    /// Planned in the measure phase.
    pub fn planned(&self) -> u64 {
        self.result.total.ledger.planned
    }

    /// The ledger of the whole run.
    pub fn ledger(&self) -> &LedgerCounts {
        &self.result.whole_run
    }

    /// A count that the tenant gives for all requests together; `None`: it has given none.
    pub fn tenant(&self, count: &str) -> Option<u64> {
        let all = self.result.tenant.as_ref()?;
        let Some(by_name) = all.get(count) else {
            // Rare faults are left out where there were none.
            return Some(0);
        };
        by_name
            .as_object()?
            .values()
            .map(serde_json::Value::as_u64)
            .sum()
    }

    /// Share of the planned requests of the measure phase whose answer took longer than this, ms.
    pub fn share_above(&self, ms: f64) -> f64 {
        self.share_between(ms, f64::INFINITY)
    }

    /// Share of them whose answer took longer than `from` and not longer than `to`, ms.
    pub fn share_between(&self, from: f64, to: f64) -> f64 {
        let inside = |bucket: &&Bucket| {
            let [begins, ends] = [bucket.from_ns, bucket.to_ns].map(|ns| ns as f64 / 1e6);
            begins >= from && ends <= to
        };
        let count: u64 = self.response.iter().filter(inside).map(|b| b.count).sum();
        count as f64 / self.planned().max(1) as f64
    }

    /// Messages of the log that were due in the measure phase.
    pub fn measured(&self) -> impl Iterator<Item = &Entry> {
        self.log.iter().filter(|entry| entry.measured)
    }

    /// When the load began, on the clock of the log, ns.
    pub fn load_start(&self) -> Option<u64> {
        self.result.raw_log.as_ref()?.load_start_ns.parse().ok()
    }
}

/// A time of the result, ms.
pub fn ms(us: Option<f64>) -> Option<f64> {
    us.map(|us| us / 1e3)
}
