//! The coordinator's side of the seconds: merges workers' intervals into rows and keeps them.
//!
//! A second is closed when every worker has delivered it (or when it is long overdue); what comes
//! later counts in the next one, so that no count is lost. Not here: drawing the progress line.

use std::collections::BTreeMap;
use std::sync::Arc;

use hdrhistogram::serialization::V2Serializer;

use super::distribution::{Population, wait_at};
use super::interval::{Interval, IntervalRequest};
use super::machine::{MachineLimits, MachineSecond, longest};
use super::phase::Phase;
use super::samples::Samples;
use super::shape::{RequestShape, Shape};

/// Seconds that may wait for a slow worker at once.
const PENDING_MAX: usize = 8;
/// Seconds that are kept: a week. Beyond it, only the totals go on.
const SECONDS_MAX: u64 = 7 * 86_400;

/// One line of `intervals.csv`. Percentiles are over what ended in the second: requests that ended
/// without an answer rank above every answered one, and stand with their longest certain wait.
#[derive(Debug, Clone, PartialEq)]
pub struct IntervalRow {
    /// Counted from the run's epoch.
    pub second: u64,
    /// The phase in which the second began.
    pub phase: Phase,
    /// Index in the shape.
    pub request: u16,
    /// Requests that came due.
    pub planned: u64,
    /// Requests that were written.
    pub sent: u64,
    /// Requests that ended with success.
    pub ok: u64,
    /// Requests that ended with an error reply.
    pub error: u64,
    /// Requests whose deadline passed.
    pub timeout: u64,
    /// Requests that ended for another reason.
    pub failed: u64,
    /// Requests that were not written.
    pub dropped: u64,
    /// Requests in flight at the end of the second.
    pub in_flight: u64,
    /// Half of them were answered within this, us.
    pub response_time_p50_us: Option<f64>,
    /// us.
    pub response_time_p99_us: Option<f64>,
    /// us.
    pub response_time_max_us: Option<f64>,
    /// Over what was written in the second, us.
    pub schedule_lag_p99_us: Option<f64>,
    /// The longest part of a schedule lag until a worker came to the request, us.
    pub pacer_lag_max_us: Option<f64>,
    /// The longest rest of a schedule lag: behind a socket, us.
    pub back_pressure_lag_max_us: Option<f64>,
    /// Connections of the whole fleet that are up at the end of the second.
    pub connected: u64,
}

/// Response times of one request in one second, in the V2 format of `HdrHistogram` (values in ns).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredHistogram {
    /// Beginning of the interval, ns since the run's epoch.
    pub start: u64,
    /// Its end.
    pub end: u64,
    /// Index in the shape.
    pub request: u16,
    /// Serialised, uncompressed.
    pub v2: Vec<u8>,
}

/// All seconds of a run.
#[derive(Debug, Clone, Default)]
pub struct Seconds {
    /// Ordered by second, then by request; one for each request and second.
    pub rows: Vec<IntervalRow>,
    /// All requests of each second together, in the same order.
    pub together: Vec<Live>,
    /// In the same order, only those that are not empty.
    pub histograms: Vec<StoredHistogram>,
    /// The machine, as often as it was looked at.
    pub machine: Vec<MachineSecond>,
    /// How much there is of what `machine` says is in use.
    pub limits: MachineLimits,
    /// Share of the measured time that each worker was busy, 0 to 1.
    pub busy: Vec<f64>,
    /// Seconds that were not kept because the run is longer than a week.
    pub not_kept: u64,
}

/// All requests of one complete second together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Live {
    /// Counted from the run's epoch.
    pub second: u64,
    /// Its beginning, ns since the run's epoch.
    pub start: u64,
    /// Its end.
    pub end: u64,
    /// The phase in which it began.
    pub phase: Phase,
    /// Requests that came due, per second, without reactive ones.
    pub asked_per_s: f64,
    /// Requests that ended with success, per second, without reactive ones.
    pub achieved_per_s: f64,
    /// All requests in flight at its end.
    pub in_flight: u64,
    /// Response time, without reactive requests, us.
    pub p50_us: Option<f64>,
    /// The same, us.
    pub p99_us: Option<f64>,
    /// Dropped, failed, timed out or answered with an error since the run began, warm-up included.
    pub failures: u64,
    /// Connections that are up at its end.
    pub connected: u64,
    /// Share of it that the busiest worker was busy, 0 to 1.
    pub busy_max: f64,
}

/// A second that some workers still owe.
#[derive(Debug)]
struct Pending {
    merged: Box<Interval>,
    delivered: Vec<bool>,
}

/// Merges the intervals of all workers. One per run.
#[derive(Debug)]
pub struct Collector {
    shape: Arc<Shape>,
    workers: usize,
    pending: BTreeMap<u64, Pending>,
    #[allow(
        clippy::vec_box,
        reason = "boxes travel to workers and back; they are reused too"
    )]
    spare: Vec<Box<Interval>>,
    /// First second that is not closed.
    open_from: u64,
    failures: u64,
    live: Option<Live>,
    /// Of each worker: measured time, and how much of it was busy, ns.
    measured: Vec<(u64, u64)>,
    /// Response times of all scheduled requests in the second that is looked at.
    scheduled: Samples,
    seconds: Seconds,
}

impl Collector {
    /// For this many workers, numbered from 0.
    pub fn new(shape: Arc<Shape>, workers: usize) -> Self {
        Self {
            scheduled: Samples::new(shape.bounds()),
            shape,
            workers,
            pending: BTreeMap::new(),
            spare: Vec::new(),
            open_from: 0,
            failures: 0,
            live: None,
            measured: vec![(0, 0); workers],
            seconds: Seconds::default(),
        }
    }

    /// Takes a worker's interval and returns an empty one, to be given to `Recorder::recycle`.
    pub fn add(&mut self, worker: usize, mut interval: Box<Interval>) -> Box<Interval> {
        let second = interval.second().max(self.open_from);
        if let (Phase::Measure, Some((length, busy))) =
            (interval.phase, self.measured.get_mut(worker))
        {
            *length += interval.end.saturating_sub(interval.start);
            *busy += interval.busy_ns;
        }
        if let Some(pending) = self.pending.get_mut(&second) {
            pending.merged.merge(&interval);
            interval.reset();
            self.spare.push(interval);
        } else {
            let pending = Pending {
                merged: interval,
                delivered: vec![false; self.workers],
            };
            self.pending.insert(second, pending);
        }
        if let Some(delivered) = self
            .pending
            .get_mut(&second)
            .and_then(|pending| pending.delivered.get_mut(worker))
        {
            *delivered = true;
        }
        while let Some(oldest) = self.pending.first_entry() {
            let complete = oldest.get().delivered.iter().all(|delivered| *delivered);
            if !complete && self.pending.len() <= PENDING_MAX {
                break;
            }
            self.close_oldest();
        }
        // After closing, so that what was closed just now is used again: each interval holds two
        // histograms for each request.
        self.spare
            .pop()
            .unwrap_or_else(|| Box::new(Interval::new(&self.shape)))
    }

    /// The last complete second, if there is one.
    pub fn live(&self) -> Option<Live> {
        self.live
    }

    /// Closes what is still open and hands out all seconds.
    pub fn finish(mut self) -> Seconds {
        while !self.pending.is_empty() {
            self.close_oldest();
        }
        let shares = self.measured.iter();
        self.seconds.busy = shares
            .filter(|(length, _)| *length > 0)
            .map(|(length, busy)| share(*busy, *length))
            .collect();
        self.seconds
    }

    fn close_oldest(&mut self) {
        let Some((
            second,
            Pending {
                mut merged,
                delivered: _,
            },
        )) = self.pending.pop_first()
        else {
            return;
        };
        self.open_from = second + 1;
        let failures = merged
            .requests
            .iter()
            .map(|request| request.error + request.unanswered());
        self.failures += failures.sum::<u64>();
        let live = self.look_at(second, &merged);
        self.live = Some(live);
        if second < SECONDS_MAX {
            self.seconds.together.push(live);
            self.keep(second, &merged);
        } else {
            self.seconds.not_kept += 1;
        }
        merged.reset();
        self.spare.push(merged);
    }

    fn keep(&mut self, second: u64, merged: &Interval) {
        let mut serializer = V2Serializer::new();
        let rows = merged.requests.iter().zip(&self.shape.requests);
        for (index, (request, shape)) in rows.enumerate() {
            let index = index as u16;
            let row = row(second, merged, index, request, shape);
            self.seconds.rows.push(row);
            let Interval { start, end, .. } = *merged;
            let v2 = request.waits(shape).v2(&mut serializer);
            let stored = v2.map(|v2| StoredHistogram {
                start,
                end,
                request: index,
                v2,
            });
            self.seconds.histograms.extend(stored);
        }
    }

    fn look_at(&mut self, second: u64, merged: &Interval) -> Live {
        let length_s = merged.end.saturating_sub(merged.start).max(1) as f64 / 1e9;
        let shape = self.shape.clone();
        let rows = || {
            let rows = merged.requests.iter().zip(&shape.requests);
            rows.filter(|(_, shape)| !shape.reactive)
        };
        let scheduled = || rows().map(|(request, _)| request);
        let response = &mut self.scheduled;
        response.reset();
        rows().for_each(|(request, shape)| response.merge(request.waits(shape)));
        let population = Population {
            planned: response.count() + scheduled().map(IntervalRequest::unanswered).sum::<u64>(),
            longest_unanswered_ns: scheduled()
                .map(|request| request.longest_unanswered_ns)
                .max()
                .unwrap_or(0),
        };
        Live {
            second,
            start: merged.start,
            end: merged.end,
            phase: merged.phase,
            asked_per_s: scheduled().map(|request| request.planned).sum::<u64>() as f64 / length_s,
            achieved_per_s: scheduled().map(|request| request.ok).sum::<u64>() as f64 / length_s,
            in_flight: merged
                .requests
                .iter()
                .map(|request| request.in_flight)
                .sum(),
            p50_us: wait_at(response, population, 5_000),
            p99_us: wait_at(response, population, 9_900),
            failures: self.failures,
            connected: merged.connected,
            busy_max: share(merged.busy_ns, merged.end.saturating_sub(merged.start)),
        }
    }
}

/// To four decimals. A turn of a loop that began in an earlier second counts where it ends: 1 at most.
fn share(busy: u64, length: u64) -> f64 {
    let share = busy as f64 / length.max(1) as f64;
    (share.min(1.0) * 1e4).round() / 1e4
}

fn row(
    second: u64,
    interval: &Interval,
    request: u16,
    of: &IntervalRequest,
    shape: &RequestShape,
) -> IntervalRow {
    let waits = of.waits(shape);
    let ended = Population {
        planned: waits.count() + of.unanswered(),
        longest_unanswered_ns: of.longest_unanswered_ns,
    };
    let written = Population {
        planned: of.lag.count(),
        longest_unanswered_ns: 0,
    };
    IntervalRow {
        second,
        phase: interval.phase,
        request,
        planned: of.planned,
        sent: of.sent,
        ok: of.ok,
        error: of.error,
        timeout: of.timeout,
        failed: of.failed,
        dropped: of.dropped,
        in_flight: of.in_flight,
        response_time_p50_us: wait_at(waits, ended, 5_000),
        response_time_p99_us: wait_at(waits, ended, 9_900),
        response_time_max_us: wait_at(waits, ended, 10_000),
        schedule_lag_p99_us: wait_at(&of.lag, written, 9_900),
        pacer_lag_max_us: longest(of.pacer_lag_max_ns, of.sent),
        back_pressure_lag_max_us: longest(of.back_pressure_lag_max_ns, of.sent),
        connected: interval.connected,
    }
}
