//! One worker's second: counts and waits of what was written down in it.
//!
//! Made by `Recorder::roll`, read by the `Collector`, and used again. An event belongs to the second
//! in which it happened, so a request and its reply may be in different ones.

use super::phase::Phase;
use super::samples::Samples;
use super::shape::{RequestShape, Shape};

/// What happened from `start` to `end`, ns since the run's epoch.
#[derive(Debug, Clone)]
pub struct Interval {
    /// Its beginning.
    pub start: u64,
    /// Its end; the same instant is the beginning of the next one.
    pub end: u64,
    /// The phase in which it began.
    pub phase: Phase,
    /// One for each request of the shape.
    pub requests: Vec<IntervalRequest>,
    /// Connections that are up at the end.
    pub connected: u64,
    /// Time that the worker did not wait in, ns; merged: of the busiest. A turn of its loop counts
    /// where it ends.
    pub busy_ns: u64,
}

/// What happened to one request definition in an interval.
#[derive(Debug, Clone)]
pub struct IntervalRequest {
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
    /// Requests in flight at the end.
    pub in_flight: u64,
    /// Longest certain wait among those that ended here without an answer, ns.
    pub longest_unanswered_ns: u64,
    /// Response times of the answers of this interval; unused where the lag is the response time.
    pub response: Samples,
    /// Schedule lag of what was written in this interval.
    pub lag: Samples,
    /// The longest part of it until the worker came to a request, ns.
    pub pacer_lag_max_ns: u64,
    /// The longest rest of it, ns.
    pub back_pressure_lag_max_ns: u64,
}

impl Interval {
    /// Empty, with a row for each request of `shape`.
    pub fn new(shape: &Shape) -> Self {
        let bounds = shape.bounds();
        let row = || IntervalRequest {
            planned: 0,
            sent: 0,
            ok: 0,
            error: 0,
            timeout: 0,
            failed: 0,
            dropped: 0,
            in_flight: 0,
            longest_unanswered_ns: 0,
            response: Samples::new(bounds),
            lag: Samples::new(bounds),
            pacer_lag_max_ns: 0,
            back_pressure_lag_max_ns: 0,
        };
        let requests = shape.requests.iter().map(|_| row()).collect();
        Self {
            start: 0,
            end: 0,
            phase: Phase::Connect,
            requests,
            connected: 0,
            busy_ns: 0,
        }
    }

    /// The second of the run, counted from its epoch, in which it ends.
    pub fn second(&self) -> u64 {
        self.end.saturating_sub(1) / 1_000_000_000
    }

    /// Adds another worker's interval of the same second.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            start,
            end,
            phase,
            requests,
            connected,
            busy_ns,
        } = other;
        self.start = self.start.min(*start);
        self.end = self.end.max(*end);
        self.phase = self.phase.min(*phase);
        for (mine, theirs) in self.requests.iter_mut().zip(requests) {
            mine.merge(theirs);
        }
        self.connected += connected;
        self.busy_ns = self.busy_ns.max(*busy_ns);
    }

    /// Empties it and keeps the memory.
    pub fn reset(&mut self) {
        let Self {
            start,
            end,
            phase,
            requests,
            connected,
            busy_ns,
        } = self;
        (*start, *end, *phase) = (0, 0, Phase::Connect);
        (*connected, *busy_ns) = (0, 0);
        requests.iter_mut().for_each(IntervalRequest::reset);
    }
}

impl IntervalRequest {
    fn merge(&mut self, other: &Self) {
        let Self {
            planned,
            sent,
            ok,
            error,
            timeout,
            failed,
            dropped,
            in_flight,
            longest_unanswered_ns,
            response,
            lag,
            pacer_lag_max_ns,
            back_pressure_lag_max_ns,
        } = other;
        self.planned += planned;
        self.sent += sent;
        self.ok += ok;
        self.error += error;
        self.timeout += timeout;
        self.failed += failed;
        self.dropped += dropped;
        self.in_flight += in_flight;
        self.longest_unanswered_ns = self.longest_unanswered_ns.max(*longest_unanswered_ns);
        self.response.merge(response);
        self.lag.merge(lag);
        self.pacer_lag_max_ns = self.pacer_lag_max_ns.max(*pacer_lag_max_ns);
        self.back_pressure_lag_max_ns =
            self.back_pressure_lag_max_ns.max(*back_pressure_lag_max_ns);
    }

    fn reset(&mut self) {
        let Self {
            planned,
            sent,
            ok,
            error,
            timeout,
            failed,
            dropped,
            in_flight,
            longest_unanswered_ns,
            response,
            lag,
            pacer_lag_max_ns,
            back_pressure_lag_max_ns,
        } = self;
        for count in [
            planned,
            sent,
            ok,
            error,
            timeout,
            failed,
            dropped,
            in_flight,
            longest_unanswered_ns,
            pacer_lag_max_ns,
            back_pressure_lag_max_ns,
        ] {
            *count = 0;
        }
        response.reset();
        lag.reset();
    }

    /// A request was written at `sent`, to which the worker came at `due`.
    pub(super) fn late(&mut self, intended: u64, due: u64, sent: u64) {
        self.pacer_lag_max_ns = self.pacer_lag_max_ns.max(due.saturating_sub(intended));
        self.back_pressure_lag_max_ns = self.back_pressure_lag_max_ns.max(sent.saturating_sub(due));
    }

    /// Response times of what was answered or complete here. A message that is complete when it is
    /// written has no wait but its lag, which is not written down twice (see `fired`).
    pub(super) fn waits(&self, shape: &RequestShape) -> &Samples {
        if shape.ends_with_write() {
            &self.lag
        } else {
            &self.response
        }
    }

    /// Requests that ended in this interval without an answer.
    pub fn unanswered(&self) -> u64 {
        self.timeout + self.failed + self.dropped
    }
}
