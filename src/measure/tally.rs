//! Everything that one worker (or, merged, the whole fleet) counted and timed in a run.
//!
//! Written through a `Recorder` by one worker; merged once, at the end. Not here: per-second values
//! (see `interval`) and any summary (see `figures`).

use super::client_share::ClientShares;
use super::connection::{Connections, Inbound, Traffic};
use super::delivery::Deliveries;
use super::distribution::{Distribution, Population};
use super::errors::ErrorTable;
use super::figures::{Figures, LedgerCounts};
use super::first_reply::FirstReplies;
use super::ledger::{Imbalance, Ledger};
use super::reason::DropReason;
use super::samples::{Bounds, Samples};
use super::shape::Shape;
use super::stage::StageTally;
use super::status::StatusTable;
use crate::planted::{self, Mistake};

/// The measurement of a run. All tallies of one run have the rows of one `Shape`.
#[derive(Debug, Clone)]
pub struct Tally {
    /// One for each request of the shape, in its order.
    pub requests: Vec<RequestTally>,
    /// Connections of the whole run.
    pub connections: Connections,
    /// One for each inbound message of the shape, in its order.
    pub inbound: Vec<Inbound>,
    /// The same order; `None`: not accounted for.
    pub deliveries: Vec<Option<Deliveries>>,
    /// Bytes and system calls of the whole run.
    pub traffic: Traffic,
    /// The part of the schedule lag until the worker came to the request, before back-pressure: the
    /// pacer's. Of all scheduled requests of the measure phase together: it is judged, not shown.
    pub pacer_lag: Samples,
    /// Error replies in the measure phase that name no request.
    pub unattributed: u64,
    /// The same over the whole run.
    pub unattributed_whole_run: u64,
}

/// The measurement of one request definition.
#[derive(Debug, Clone)]
pub struct RequestTally {
    /// Counts of requests whose intended instant is in the measure phase.
    pub measured: Ledger,
    /// Counts of all phases.
    pub whole_run: Ledger,
    /// Status codes of the measure phase.
    pub status: StatusTable,
    /// Distinct failures of all phases.
    pub errors: ErrorTable,
    /// Replied minus intended; measure phase, as are all waits below.
    pub response: Samples,
    /// Replied minus sent.
    pub service: Samples,
    /// Sent minus intended.
    pub lag: Samples,
    /// PUBACK or PUBCOMP minus sent.
    pub acknowledge: Samples,
    /// Measured requests that were sent with `QoS` 1 or 2, so that an acknowledgement is due.
    pub acknowledgeable: u64,
    /// Measured requests that succeeded by silence: they have no wait.
    pub silent: u64,
    /// Longest certain waits of measured requests that got no answer, ns.
    pub unanswered: Unanswered,
    /// The wait for the first reply, where intermediate ones may come.
    pub first_reply: FirstReplies,
    /// The client's own share of the times of replies that were sampled for it.
    pub client: ClientShares,
    /// One for each stage of the load; empty if it has not more than one.
    pub stages: Vec<StageTally>,
}

/// Longest certain waits of requests that were not answered (or not sent), ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_field_names, reason = "the unit comes last")]
pub struct Unanswered {
    /// Since the intended instant.
    pub response_ns: u64,
    /// Since the write.
    pub service_ns: u64,
    /// From the intended instant, never written.
    pub lag_ns: u64,
}

impl Unanswered {
    /// Keeps the longer one of each.
    pub(super) fn merge(&mut self, other: &Self) {
        let Self {
            response_ns,
            service_ns,
            lag_ns,
        } = other;
        self.response_ns = self.response_ns.max(*response_ns);
        self.service_ns = self.service_ns.max(*service_ns);
        self.lag_ns = self.lag_ns.max(*lag_ns);
    }
}

impl Tally {
    /// Nothing yet, with a row for everything in `shape`.
    pub fn new(shape: &Shape) -> Self {
        let bounds = shape.bounds();
        Self {
            requests: shape
                .requests
                .iter()
                .map(|_| RequestTally::new(bounds, shape.stages_apart()))
                .collect(),
            connections: Connections::new(bounds),
            inbound: vec![Inbound::default(); shape.inbound.len()],
            deliveries: Self::deliveries_of(shape),
            traffic: Traffic::default(),
            pacer_lag: Samples::new(bounds),
            unattributed: 0,
            unattributed_whole_run: 0,
        }
    }

    /// Adds another worker's tally of the same shape.
    pub fn merge(&mut self, other: &Self) {
        // Every field is named on purpose: one that is added later and not merged does not compile.
        let Self {
            requests,
            connections,
            inbound,
            deliveries,
            traffic,
            pacer_lag,
            unattributed,
            unattributed_whole_run,
        } = other;
        debug_assert_eq!(
            self.requests.len(),
            requests.len(),
            "tallies of one run have one shape"
        );
        for (mine, theirs) in self.requests.iter_mut().zip(requests) {
            mine.merge(theirs);
        }
        self.connections.merge(connections);
        for (mine, theirs) in self.inbound.iter_mut().zip(inbound) {
            mine.merge(theirs);
        }
        let deliveries = deliveries.iter().flatten();
        for (mine, theirs) in self.deliveries.iter_mut().flatten().zip(deliveries) {
            mine.merge(theirs);
        }
        self.traffic.merge(traffic);
        self.pacer_lag.merge(pacer_lag);
        self.unattributed += unattributed;
        self.unattributed_whole_run += unattributed_whole_run;
    }

    /// All requests in one row, with the error replies that name no request.
    pub fn total(&self, bounds: Bounds) -> RequestTally {
        let stages = self.requests.first().map_or(0, |first| first.stages.len());
        let mut total = RequestTally::new(bounds, stages);
        for request in &self.requests {
            total.merge(request);
        }
        total.measured.unattributed_errors = self.unattributed;
        total.whole_run.unattributed_errors = self.unattributed_whole_run;
        total
    }

    /// Every ledger equation that does not hold: index of the request, and which. Empty in a run
    /// that may be believed.
    pub fn imbalances(&self) -> Vec<(usize, Imbalance)> {
        let ledgers =
            |request: &RequestTally| [request.measured.check(), request.whole_run.check()];
        let rows = self.requests.iter().enumerate();
        rows.flat_map(|(row, request)| {
            ledgers(request)
                .into_iter()
                .filter_map(move |check| Some((row, check.err()?)))
        })
        .collect()
    }

    /// Waits that were longer than the histograms' range, over all requests.
    pub fn clamped(&self) -> u64 {
        let of = |request: &RequestTally| {
            let kinds = [
                &request.response,
                &request.service,
                &request.lag,
                &request.acknowledge,
                &request.first_reply.waits,
                &request.client.shares,
            ];
            kinds.map(Samples::clamped).iter().sum::<u64>()
        };
        self.requests.iter().map(of).sum()
    }
}

impl RequestTally {
    fn new(bounds: Bounds, stages: usize) -> Self {
        Self {
            measured: Ledger::default(),
            whole_run: Ledger::default(),
            status: StatusTable::default(),
            errors: ErrorTable::default(),
            response: Samples::new(bounds),
            service: Samples::new(bounds),
            lag: Samples::new(bounds),
            acknowledge: Samples::new(bounds),
            acknowledgeable: 0,
            silent: 0,
            unanswered: Unanswered::default(),
            first_reply: FirstReplies::new(bounds),
            client: ClientShares::new(bounds),
            stages: vec![StageTally::new(bounds); stages],
        }
    }

    fn merge(&mut self, other: &Self) {
        let Self {
            measured,
            whole_run,
            status,
            errors,
            response,
            service,
            lag,
            acknowledge,
            acknowledgeable,
            silent,
            unanswered,
            first_reply,
            client,
            stages,
        } = other;
        self.measured.merge(measured);
        self.whole_run.merge(whole_run);
        self.status.merge(status);
        self.errors.merge(errors);
        self.response.merge(response);
        self.service.merge(service);
        self.lag.merge(lag);
        self.acknowledge.merge(acknowledge);
        self.acknowledgeable += acknowledgeable;
        self.silent += silent;
        self.unanswered.merge(unanswered);
        self.first_reply.merge(first_reply);
        self.client.merge(client);
        for (mine, theirs) in self.stages.iter_mut().zip(stages) {
            mine.merge(theirs);
        }
    }

    /// Whom each kind of wait is about, in the order response, service, lag, acknowledge, first
    /// reply, client share: all planned requests; those sent; those sent or not sent because we were late; those
    /// that want an acknowledgement; those planned that may get intermediate replies; those whose share is
    /// known. Success by silence has no response time and is left out of the first two.
    pub fn populations(&self) -> [Population; 6] {
        let Unanswered {
            response_ns,
            service_ns,
            lag_ns,
        } = self.unanswered;
        let ledger = &self.measured;
        let late = ledger.dropped_by[DropReason::Late.index()];
        let population = |planned, longest_unanswered_ns| Population {
            planned,
            longest_unanswered_ns,
        };
        let planned = if planted::is_made(Mistake::UnansweredLeftOut) {
            ledger.ok + ledger.error
        } else {
            ledger.planned
        };
        [
            population(planned.saturating_sub(self.silent), response_ns),
            population(ledger.sent.saturating_sub(self.silent), service_ns),
            population(ledger.sent + late, lag_ns),
            population(self.acknowledgeable, 0),
            self.first_reply.population(),
            self.client.population(),
        ]
    }

    /// Counts, rates and distributions of the measure phase.
    pub fn figures(&self) -> Figures {
        let ledger = &self.measured;
        let share = |part: u64| (ledger.planned > 0).then(|| part as f64 / ledger.planned as f64);
        let [response, service, lag, acknowledge, first_reply, client] = self.populations();
        Figures {
            ledger: LedgerCounts::of(ledger),
            error_rate: share(ledger.error),
            failure_rate: share(ledger.planned.saturating_sub(ledger.ok)),
            response_time_us: Distribution::of(&self.response, response),
            service_time_us: Distribution::of(&self.service, service),
            schedule_lag_us: Distribution::of(&self.lag, lag),
            acknowledge_time_us: Distribution::of(&self.acknowledge, acknowledge),
            first_reply_time_us: Distribution::of(&self.first_reply.waits, first_reply),
            client_share_us: Distribution::of(&self.client.shares, client),
        }
    }
}
