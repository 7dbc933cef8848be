//! What one request did in one stage of the load: counts and waits by intended instant.
//!
//! Only a load of several stages has these. Not here: when a stage begins and ends (see `shape`).

use serde::{Deserialize, Serialize};

use super::distribution::{Distribution, Population};
use super::figures::LedgerCounts;
use super::ledger::Ledger;
use super::reason::DropReason;
use super::samples::{Bounds, Samples};
use super::tally::{RequestTally, Unanswered};

/// The measurement of one request definition in one stage.
#[derive(Debug, Clone)]
pub struct StageTally {
    /// Counts of requests whose intended instant is in the stage.
    pub ledger: Ledger,
    /// Replied minus intended.
    pub response: Samples,
    /// Sent minus intended.
    pub lag: Samples,
    /// Requests that succeeded by silence: they have no wait.
    pub silent: u64,
    /// Longest certain waits of requests that got no answer, ns.
    pub unanswered: Unanswered,
}

impl StageTally {
    /// Nothing yet.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            ledger: Ledger::default(),
            response: Samples::new(bounds),
            lag: Samples::new(bounds),
            silent: 0,
            unanswered: Unanswered::default(),
        }
    }

    /// Makes the histograms now, so that the first request of a stage does not allocate.
    pub(super) fn prepare(&mut self) {
        self.response.prepare();
        self.lag.prepare();
    }

    /// Adds another worker's, or another request's.
    pub(super) fn merge(&mut self, other: &Self) {
        let Self {
            ledger,
            response,
            lag,
            silent,
            unanswered,
        } = other;
        self.ledger.merge(ledger);
        self.response.merge(response);
        self.lag.merge(lag);
        self.silent += silent;
        self.unanswered.merge(unanswered);
    }

    /// Counts, rates and distributions of a stage that went on for `lasted_s`.
    pub fn figures(&self, lasted_s: f64) -> StageFigures {
        let Self {
            ledger,
            response,
            lag,
            silent,
            unanswered,
        } = self;
        let late = ledger.dropped_by[DropReason::Late.index()];
        StageFigures {
            ledger: LedgerCounts::of(ledger),
            throughput_per_s: per_s(ledger.ok, lasted_s),
            failure_rate: (ledger.planned > 0)
                .then(|| ledger.planned.saturating_sub(ledger.ok) as f64 / ledger.planned as f64),
            response_time_us: Distribution::of(
                response,
                Population {
                    planned: ledger.planned.saturating_sub(*silent),
                    longest_unanswered_ns: unanswered.response_ns,
                },
            ),
            schedule_lag_us: Distribution::of(
                lag,
                Population {
                    planned: ledger.sent + late,
                    longest_unanswered_ns: unanswered.lag_ns,
                },
            ),
        }
    }
}

/// What one request, or all together, did in one stage; serialised as the result files have it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StageFigures {
    /// The counts.
    #[serde(flatten)]
    pub ledger: LedgerCounts,
    /// Answered with success, per second of the stage.
    pub throughput_per_s: f64,
    /// What did not succeed per planned request, 0 to 1; null if nothing was planned.
    pub failure_rate: Option<f64>,
    /// Replied minus intended; over planned requests.
    pub response_time_us: Distribution,
    /// Sent minus intended; over requests that were sent, or not sent because we were late.
    pub schedule_lag_us: Distribution,
}

impl RequestTally {
    /// The figures of a load that has one stage: those of the whole measure phase.
    pub fn only_stage(&self, measure_s: f64) -> StageFigures {
        let figures = self.figures();
        StageFigures {
            throughput_per_s: per_s(figures.ledger.ok, measure_s),
            ledger: figures.ledger,
            failure_rate: figures.failure_rate,
            response_time_us: figures.response_time_us,
            schedule_lag_us: figures.schedule_lag_us,
        }
    }
}

/// To a thousandth; 0 over no time, because JSON has no infinity.
fn per_s(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        (count as f64 / seconds * 1000.0).round() / 1000.0
    } else {
        0.0
    }
}
