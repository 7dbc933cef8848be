//! The places that one event of a request is written to: run, interval, and stage if there are any.
//!
//! Private to `recorder`. Not here: which event it is.

use super::interval::IntervalRequest;
use super::ledger::Ledger;
use super::samples::Samples;
use super::shape::RequestShape;
use super::stage::StageTally;
use super::tally::{RequestTally, Unanswered};

/// The places that one event of a request writes to.
pub(super) struct Row<'a> {
    pub shape: &'a RequestShape,
    pub tally: &'a mut RequestTally,
    pub interval: &'a mut IntervalRequest,
    /// Of all requests together.
    pub pacer_lag: &'a mut Samples,
    pub measured: bool,
    /// Index of the stage; none is counted apart unless the load has several.
    pub stage: usize,
}

impl Row<'_> {
    /// Counts an event in the ledger of the run and, if measured, of the measure phase.
    pub(super) fn count(&mut self, event: impl Fn(&mut Ledger)) {
        event(&mut self.tally.whole_run);
        if self.measured {
            event(&mut self.tally.measured);
        }
        if let Some(stage) = self.stage() {
            event(&mut stage.ledger);
        }
    }

    /// The worker came to so many measured messages so long after their intended instant. Reactive ones
    /// have no schedule, so they say nothing about the pacer.
    pub(super) fn paced(&mut self, lag_ns: u64, count: u64) {
        if !self.shape.reactive {
            self.pacer_lag.record_many(lag_ns, count);
        }
    }

    /// The stage of a measured request, if the load has several.
    pub(super) fn stage(&mut self) -> Option<&mut StageTally> {
        if self.measured {
            self.tally.stages.get_mut(self.stage)
        } else {
            None
        }
    }

    /// A request that was sent and ends without an answer.
    pub(super) fn unanswered(&mut self, intended: u64, sent: u64, at: u64) {
        let (response_ns, service_ns) = (at.saturating_sub(intended), at.saturating_sub(sent));
        self.interval.longest_unanswered_ns = self.interval.longest_unanswered_ns.max(response_ns);
        if self.measured {
            let longest = Unanswered {
                response_ns,
                service_ns,
                lag_ns: 0,
            };
            self.longest(&longest);
        }
    }

    /// A measured request got no answer for so long.
    pub(super) fn longest(&mut self, unanswered: &Unanswered) {
        self.tally.unanswered.merge(unanswered);
        if let Some(stage) = self.stage() {
            stage.unanswered.merge(unanswered);
        }
    }
}
