//! Where a worker writes down what happens, event by event.
//!
//! One recorder per worker, which is its only writer: nothing here is shared or locked, and after the
//! first use of a row nothing allocates. An event belongs to the phase of its *intended* instant;
//! in the per-second intervals it belongs to the second in which it was written down.
//! Not here: decisions. Whether a reply is late or a duplicate is the worker's to know.

use std::sync::Arc;

use super::entry::End;
use super::interval::Interval;
use super::logbook::Logbook;
use super::phase::Phases;
use super::reason::{DropReason, FailReason};
use super::row::Row;
use super::shape::{Replies, Shape};
use super::stage::StageTally;
use super::tally::{Tally, Unanswered};
use crate::planted::{self, Mistake};

/// How a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Success, or completion where no reply is expected.
    Ok,
    /// A reply that says error.
    Error,
}

/// Intervals kept for reuse; more would mean that the coordinator gave back what it never got.
const SPARE_MAX: usize = 4;

/// One worker's measurement. `request` and `inbound` are indices of the `Shape`; an index beyond it
/// is a defect and panics. Instants are ns since the run's epoch.
#[derive(Debug)]
pub struct Recorder {
    shape: Arc<Shape>,
    pub(super) phases: Phases,
    pub(super) tally: Tally,
    interval: Box<Interval>,
    #[allow(
        clippy::vec_box,
        reason = "boxes travel to the collector and back; they are reused too"
    )]
    spare: Vec<Box<Interval>>,
    pub(super) connected_now: u32,
    /// Busy until the last interval ended, ns.
    busy_before: u64,
    pub(super) log: Option<Logbook>,
}

impl Recorder {
    /// Nothing recorded, in the connect phase.
    pub fn new(shape: Arc<Shape>) -> Self {
        let (mut tally, interval) = (Tally::new(&shape), Box::new(Interval::new(&shape)));
        let stages = tally.requests.iter_mut().flat_map(|row| &mut row.stages);
        stages.for_each(StageTally::prepare);
        Self {
            shape,
            phases: Phases::connecting(),
            tally,
            interval,
            spare: Vec::with_capacity(SPARE_MAX),
            connected_now: 0,
            busy_before: 0,
            log: None,
        }
    }

    /// Warm-up begins at `load_start`, measure after it, drain after that, as long as the shape says.
    pub fn begin_load(&mut self, load_start: u64) {
        self.phases = Phases::begun(load_start, self.shape.warm_up_ns, self.shape.measure_ns);
        self.tally.pacer_lag.prepare();
    }

    pub(super) fn row(&mut self, request: u16, intended: u64) -> Row<'_> {
        let index = usize::from(request);
        Row {
            shape: &self.shape.requests[index],
            tally: &mut self.tally.requests[index],
            interval: &mut self.interval.requests[index],
            pacer_lag: &mut self.tally.pacer_lag,
            measured: self.phases.measures(intended),
            stage: self.shape.stage_at(self.phases.since_measure(intended)),
        }
    }

    /// A request is due at `intended`, by the schedule or by a trigger.
    pub fn planned(&mut self, request: u16, intended: u64) {
        let mut row = self.row(request, intended);
        row.count(|ledger| ledger.planned += 1);
        row.interval.planned += 1;
        if row.measured && row.shape.replies == Replies::Several {
            row.tally.first_reply.planned += 1;
        }
    }

    /// A planned request is not written, and never will be.
    pub fn dropped(&mut self, request: u16, intended: u64, reason: DropReason) {
        let mut row = self.row(request, intended);
        // What was dropped as late has certainly waited for its deadline.
        let late = reason == DropReason::Late;
        let wait_ns = if late { row.shape.deadline_ns } else { 0 };
        row.count(|ledger| {
            ledger.dropped += 1;
            ledger.dropped_by[reason.index()] += 1;
        });
        row.interval.dropped += 1;
        row.interval.longest_unanswered_ns = row.interval.longest_unanswered_ns.max(wait_ns);
        if row.measured {
            row.longest(&Unanswered {
                response_ns: wait_ns,
                service_ns: 0,
                lag_ns: wait_ns,
            });
            row.tally.first_reply.unanswered(wait_ns);
        }
    }

    /// A planned request is written at `sent`; the worker came to it at `due` (pacer lag is
    /// `due - intended`; what is between `due` and `sent` is back-pressure and earlier writes).
    pub fn sent(&mut self, request: u16, intended: u64, due: u64, sent: u64) {
        let mut row = self.row(request, intended);
        row.count(|ledger| ledger.sent += 1);
        row.interval.sent += 1;
        let lag = sent.saturating_sub(intended);
        row.interval.lag.record(lag);
        row.interval.late(intended, due, sent);
        // In warm-up already, so that measuring does not begin with page faults.
        row.tally.lag.prepare();
        if row.measured {
            row.tally.lag.record(lag);
            row.paced(due.saturating_sub(intended), 1);
            row.tally.acknowledgeable += u64::from(row.shape.qos > 0);
        }
        if let Some(stage) = row.stage() {
            stage.lag.record(lag);
        }
    }

    /// PUBACK or PUBCOMP was read at `at`. Does not complete the request: see [`Recorder::completed`].
    pub fn acknowledged(&mut self, request: u16, intended: u64, sent: u64, at: u64) {
        let row = self.row(request, intended);
        row.tally.acknowledge.prepare();
        if row.measured {
            row.tally.acknowledge.record(at.saturating_sub(sent));
        }
    }

    /// A request ends with an answer at `at`, or without one where none is expected (then `at` is
    /// that of the acknowledgement, the write, or, where silence is success, the deadline).
    /// A reply without a code counts as status `ok` or `error`.
    pub fn completed(
        &mut self,
        request: u16,
        intended: u64,
        sent: u64,
        at: u64,
        outcome: Outcome,
        status: Option<&str>,
    ) {
        let silence_is_ok = self.shape.requests[usize::from(request)].silence_is_ok;
        // Silence has no duration: its "wait" would be the deadline and hide real replies.
        let silent = silence_is_ok && outcome == Outcome::Ok && status.is_none();
        let end = match outcome {
            Outcome::Ok if silent => End::Silent,
            Outcome::Ok => End::Ok,
            Outcome::Error => End::Error,
        };
        self.log(request, [intended, sent, at], end, 1);
        let mut row = self.row(request, intended);
        match outcome {
            Outcome::Ok => {
                row.count(|ledger| ledger.ok += 1);
                row.interval.ok += 1;
            }
            Outcome::Error => {
                row.count(|ledger| ledger.error += 1);
                row.interval.error += 1;
            }
        }
        if row.measured {
            match (status, outcome) {
                (Some(code), _) => row.tally.status.add(code),
                (None, Outcome::Ok) => row.tally.status.add_ok(1),
                (None, Outcome::Error) => row.tally.status.add("error"),
            }
            row.tally.silent += u64::from(silent);
        }
        if let Some(stage) = row.stage() {
            stage.silent += u64::from(silent);
        }
        if silent {
            return;
        }
        let begun = if planted::is_made(Mistake::FromTheSend) {
            sent
        } else {
            intended
        };
        let response = at.saturating_sub(begun);
        row.interval.response.record(response);
        row.tally.response.prepare();
        row.tally.service.prepare();
        if row.measured {
            row.tally.response.record(response);
            row.tally.service.record(at.saturating_sub(sent));
        }
        if let Some(stage) = row.stage() {
            stage.response.record(response);
        }
    }

    /// The first reply of any kind to a request that may get several was read at `at`. Does not
    /// complete the request: see [`Recorder::completed`].
    pub fn first_reply(&mut self, request: u16, intended: u64, at: u64) {
        let row = self.row(request, intended);
        row.tally.first_reply.waits.prepare();
        if row.measured {
            let wait_ns = at.saturating_sub(intended);
            row.tally.first_reply.waits.record(wait_ns);
        }
    }

    /// A request that may get several replies ends at `at` without a single one (beside what it
    /// ends with).
    pub fn no_first_reply(&mut self, request: u16, intended: u64, at: u64) {
        let row = self.row(request, intended);
        if row.measured {
            let wait_ns = at.saturating_sub(intended);
            row.tally.first_reply.unanswered(wait_ns);
        }
    }

    /// The deadline of a sent request passed at `at` without an answer.
    pub fn timed_out(&mut self, request: u16, intended: u64, sent: u64, at: u64) {
        let mut row = self.row(request, intended);
        row.count(|ledger| ledger.timeout += 1);
        row.interval.timeout += 1;
        row.unanswered(intended, sent, at);
        self.log(request, [intended, sent, at], End::Timeout, 1);
    }

    /// A sent request ends at `at` without an answer because of `reason`.
    pub fn failed(&mut self, request: u16, intended: u64, sent: u64, at: u64, reason: FailReason) {
        let mut row = self.row(request, intended);
        row.count(|ledger| {
            ledger.failed += 1;
            ledger.failed_by[reason.index()] += 1;
        });
        row.interval.failed += 1;
        row.unanswered(intended, sent, at);
        self.log(request, [intended, sent, at], End::Failed, 1);
    }

    /// The run ends at `at` while a sent request has neither answer nor deadline behind it.
    pub fn left_in_flight(&mut self, request: u16, intended: u64, sent: u64, at: u64) {
        let mut row = self.row(request, intended);
        row.count(|ledger| ledger.in_flight += 1);
        row.unanswered(intended, sent, at);
        self.log(request, [intended, sent, at], End::InFlight, 1);
    }

    /// A reply after the deadline; the request has been counted as timed out.
    pub fn late(&mut self, request: u16, intended: u64) {
        let count = if planted::is_made(Mistake::LateTwice) {
            2
        } else {
            1
        };
        self.row(request, intended)
            .count(|ledger| ledger.late += count);
    }

    /// Another reply to a request that was answered. Its intended instant, or now if that is forgotten.
    pub fn duplicate(&mut self, request: u16, intended_or_now: u64) {
        self.row(request, intended_or_now)
            .count(|ledger| ledger.duplicate += 1);
    }

    /// Another reply to a request that was answered, on a topic that several of our filters match.
    pub fn copy(&mut self, request: u16, intended_or_now: u64) {
        self.row(request, intended_or_now)
            .count(|ledger| ledger.copies += 1);
    }

    /// A reply of this request's kind to something that was never sent, or long forgotten.
    pub fn orphan(&mut self, request: u16, at: u64) {
        self.row(request, at).count(|ledger| ledger.orphan += 1);
    }

    /// An error reply that names no request.
    pub fn unattributed_error(&mut self, at: u64) {
        self.tally.unattributed_whole_run += 1;
        self.tally.unattributed += u64::from(self.phases.measures(at));
    }

    /// What a failure said of itself, for `errors.csv`; counted in no ledger.
    pub fn error_detail(&mut self, request: u16, status: Option<&str>, reason: &str, at: u64) {
        self.tally.requests[usize::from(request)]
            .errors
            .add(status, reason, at);
    }

    /// Ends the interval at `second_end` and begins the next one. Boundaries are best at whole seconds
    /// after `load_start`, the same for all workers, so that no second straddles two phases.
    ///
    /// Allocates only while fewer than two intervals are in circulation: see [`Recorder::recycle`].
    pub fn roll(&mut self, second_end: u64) -> Box<Interval> {
        let mut next = self
            .spare
            .pop()
            .unwrap_or_else(|| Box::new(Interval::new(&self.shape)));
        next.start = second_end;
        let mut done = std::mem::replace(&mut self.interval, next);
        done.end = second_end;
        done.phase = self.phases.of(done.start);
        done.connected = u64::from(self.connected_now);
        let busy = self.tally.traffic.busy_ns;
        done.busy_ns = busy - std::mem::replace(&mut self.busy_before, busy);
        for (interval, tally) in done.requests.iter_mut().zip(&self.tally.requests) {
            interval.in_flight = tally.whole_run.open();
        }
        done
    }

    /// Takes back an interval that [`super::Collector::add`] has emptied.
    pub fn recycle(&mut self, mut interval: Box<Interval>) {
        if self.spare.len() < SPARE_MAX && interval.requests.len() == self.shape.requests.len() {
            interval.reset();
            self.spare.push(interval);
        }
    }

    /// Everything counted so far, for a look while the run goes on.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The end of the run. Call [`Recorder::roll`] before it, for the last interval.
    pub fn finish(mut self) -> Tally {
        self.tally.fill_fired(&self.shape);
        if planted::is_made(Mistake::FromTheOthers) {
            for row in &mut self.tally.requests {
                for ledger in [&mut row.measured, &mut row.whole_run] {
                    ledger.in_flight += ledger.open();
                }
            }
        }
        self.tally
    }
}
