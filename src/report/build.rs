//! From what was measured and what was asked to the result.
//!
//! A pure function: the same inputs give the same result. Not here: rendering it.

use jiff::Timestamp;

use super::environment::Environment;
use super::exit::exit_of;
use super::recovery::RecoveryResult;
use super::result::{
    ConnectionsResult, Generator, InboundResult, LoadResult, PhaseLengths, ProfileId,
    RequestResult, RunResult,
};
use super::stages::stages;
use crate::measure::{
    Ceiling, ConnectFailure, DeliveryFigures, Distribution, Evidence, FailReason, Gates, Health,
    Judged, LedgerCounts, Named, OfCeiling, Pacing, Population, RequestTally, Seconds, Shape,
    Statistics, Tally, Threshold, Verdict, Worst, builtin,
};

/// Everything that a result is made of.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// Rows of the tally.
    pub shape: &'a Shape,
    /// All workers', merged.
    pub tally: &'a Tally,
    /// Second by second.
    pub seconds: &'a Seconds,
    /// What was run.
    pub profile: ProfileId,
    /// Of schedule and generators.
    pub seed: u64,
    /// URLs.
    pub targets: Vec<String>,
    /// The target was started by this run.
    pub simulated_tenant: bool,
    /// Wall clock at the run's epoch, ns since 1970.
    pub started_unix_ns: u64,
    /// Wall clock at the end, ns since 1970.
    pub finished_unix_ns: u64,
    /// The signal that stopped the run before its end.
    pub stopped_by: Option<String>,
    /// Where it ran.
    pub environment: Environment,
    /// Mean arrival rate over measure that the profile asks for; `None` where it asks for none.
    pub asked_per_s: Option<f64>,
    /// How long each phase took; a stopped run has a shorter measure phase.
    pub phases: PhaseLengths,
    /// Connections of the plan.
    pub connections_planned: u64,
    /// What paced the run.
    pub pacing: Pacing,
    /// With `"max"` and the closed model: this program set the pace.
    pub generator_limited: bool,
    /// Which of our own filters overlap, and what that means.
    pub overlap: Option<String>,
    /// The machine's side.
    pub health: &'a Health,
    /// What this machine was found to manage; `None` where that is not known.
    pub ceiling: Option<&'a Ceiling>,
    /// How much may go wrong on our side.
    pub gates: Gates,
    /// Of the profile.
    pub thresholds: &'a [Threshold],
    /// What the simulated tenant reported at its exit.
    pub tenant: Option<serde_json::Value>,
}

impl RunResult {
    /// Puts the result together, verdict, thresholds and exit code included.
    pub fn build(inputs: Inputs) -> Self {
        let Inputs {
            shape,
            tally,
            seconds,
            health,
            pacing,
            generator_limited,
            gates,
            ..
        } = inputs;
        let total = tally.total(shape.bounds());
        let figures = total.figures();
        let planned = figures.response_time_us.planned;
        let statistics = Statistics::of(shape, &seconds.together, planned);
        let worst = Worst::of(shape, tally, seconds, health.hiccup_max_us);
        let of_ceiling = of_ceiling(&inputs);
        let mut result = Self {
            format: 1,
            midge: env!("CARGO_PKG_VERSION").to_owned(),
            seed: inputs.seed.to_string(),
            started: rfc3339(inputs.started_unix_ns),
            finished: rfc3339(inputs.finished_unix_ns),
            exit_code: 0,
            verdict: Verdict::of(&Evidence {
                shape,
                tally,
                health,
                worst: &worst,
                statistics: &statistics,
                of_ceiling: of_ceiling.as_ref(),
                gates,
                threshold_ms: strictest_ms(inputs.thresholds),
                pacing,
                generator_limited,
                overlap: inputs.overlap.as_deref(),
            }),
            load: load(&inputs),
            connections: connections(tally, inputs.connections_planned),
            total: figures,
            whole_run: LedgerCounts::of(&total.whole_run),
            stages: stages(shape, tally, inputs.phases, inputs.asked_per_s),
            requests: named(
                shape
                    .names()
                    .zip(tally.requests.iter().zip(&shape.requests)),
                |(tally, shape)| request(tally, shape.reactive),
            ),
            inbound: inbound(shape, tally),
            generator: generator(tally, health, of_ceiling),
            health: Box::new(worst),
            statistics: Box::new(statistics),
            thresholds: Vec::new(),
            profile: inputs.profile,
            targets: inputs.targets,
            simulated_tenant: inputs.simulated_tenant,
            stopped_by: inputs.stopped_by,
            environment: inputs.environment,
            tenant: inputs.tenant,
            witness: None,
            raw_log: None,
            kernel_timestamps: None,
        };
        result.thresholds = thresholds(&result, shape, tally, inputs.thresholds);
        result.exit_code = exit_of(&result, result.stopped_by.as_deref()).code();
        result
    }
}

/// The strictest upper bound on a response time, ms.
fn strictest_ms(thresholds: &[Threshold]) -> Option<f64> {
    let bounds = thresholds
        .iter()
        .filter_map(Threshold::response_time_below_ms);
    bounds.reduce(f64::min)
}

fn named<'a, T, U>(rows: impl Iterator<Item = (&'a str, T)>, value: impl Fn(T) -> U) -> Named<U> {
    Named(
        rows.map(|(name, row)| (name.to_owned(), value(row)))
            .collect(),
    )
}

fn rfc3339(unix_ns: u64) -> String {
    Timestamp::from_nanosecond(i128::from(unix_ns))
        .map(|at| format!("{at:.3}"))
        .unwrap_or_default()
}

/// Per second; 0 over no time, because JSON has no infinity.
fn per_s(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        (count as f64 / seconds * 1000.0).round() / 1000.0
    } else {
        0.0
    }
}

fn load(inputs: &Inputs) -> LoadResult {
    let rows = inputs.tally.requests.iter().zip(&inputs.shape.requests);
    let scheduled: Vec<&RequestTally> = rows
        .filter(|(_, shape)| !shape.reactive)
        .map(|(tally, _)| tally)
        .collect();
    let measure_s = inputs.phases.measure_s;
    let sum = |of: fn(&RequestTally) -> u64| scheduled.iter().map(|tally| of(tally)).sum();
    LoadResult {
        asked_per_s: inputs.asked_per_s,
        planned_per_s: per_s(sum(|tally| tally.measured.planned), measure_s),
        achieved_per_s: per_s(sum(|tally| tally.measured.ok), measure_s),
        measure_s,
        phases: inputs.phases,
    }
}

fn connections(tally: &Tally, planned: u64) -> ConnectionsResult {
    let of = &tally.connections;
    ConnectionsResult {
        planned,
        connected: of.connected,
        failed: of.failed,
        failed_by: Named::by_reason::<ConnectFailure>(&of.failed_by),
        lost: of.lost,
        lost_by: Named::by_reason::<FailReason>(&of.lost_by),
        reconnects: of.reconnects,
        connect_time_us: Distribution::of(
            &of.connect_time,
            Population {
                planned,
                longest_unanswered_ns: 0,
            },
        ),
        close_codes: Named(
            of.close_codes
                .iter()
                .map(|(code, count)| (code.to_string(), *count))
                .collect(),
        ),
        recovery: RecoveryResult::of(tally),
        // Whoever knows about TLS, and where they left from, adds it.
        tls: None,
        source_addresses: Vec::new(),
    }
}

fn request(tally: &RequestTally, reactive: bool) -> RequestResult {
    RequestResult {
        figures: tally.figures(),
        reactive,
        status_codes: named(tally.status.rows(), |count| count),
        whole_run: LedgerCounts::of(&tally.whole_run),
    }
}

fn inbound(shape: &Shape, tally: &Tally) -> Named<InboundResult> {
    let rows = tally.inbound.iter().enumerate();
    named(
        shape.inbound.iter().map(String::as_str).zip(rows),
        |(place, inbound)| {
            let deliveries = tally.deliveries.get(place).and_then(Option::as_ref);
            InboundResult {
                delivery: deliveries.map(|of| Box::new(DeliveryFigures::of(of, shape, tally))),
                ..InboundResult::from(*inbound)
            }
        },
    )
}

/// The load against what this machine was found to manage.
fn of_ceiling(inputs: &Inputs) -> Option<OfCeiling> {
    let (shape, tally, seconds) = (inputs.shape, inputs.tally, inputs.seconds);
    let measure_s = inputs.phases.measure_s;
    inputs
        .ceiling?
        .held_against(shape, tally, seconds, measure_s)
}

fn generator(tally: &Tally, health: &Health, of_ceiling: Option<OfCeiling>) -> Generator {
    let traffic = tally.traffic;
    Generator {
        workers: health.workers,
        cpu_s: health.cpu_s,
        busy_max: health.busy_max,
        peak_rss_bytes: health.peak_rss_bytes,
        bytes_sent: traffic.bytes_sent,
        bytes_received: traffic.bytes_received,
        unrecognised: traffic.unrecognised,
        writes: traffic.writes,
        wakeups: traffic.wakeups,
        hiccup_max_us: health.hiccup_max_us,
        waiting: health.waiting.to_owned(),
        spin: health.spin,
        spin_looks: traffic.looks,
        calibration: of_ceiling.map(Box::new),
        calibration_ignored: None,
    }
}

fn thresholds(
    result: &RunResult,
    shape: &Shape,
    tally: &Tally,
    of_profile: &[Threshold],
) -> Vec<Judged> {
    let oks = |request: usize| {
        let tally = &tally.requests[request];
        if tally.measured.planned > 0 {
            tally.measured.ok
        } else {
            tally.whole_run.ok
        }
    };
    let mut judged = builtin(
        shape,
        result.connections.connected,
        result.connections.planned,
        oks,
    );
    judged.extend(of_profile.iter().map(|threshold| {
        if let Some(inbound) = threshold.inbound() {
            let found = result.inbound.0.get(usize::from(inbound));
            return threshold.judge_delivery(found.and_then(|(_, of)| of.delivery.as_deref()));
        }
        let of_request = threshold
            .request()
            .and_then(|request| result.requests.0.get(usize::from(request)));
        let figures = of_request.map_or(&result.total, |(_, request)| &request.figures);
        threshold.judge(figures, result.load.measure_s)
    }));
    judged
}
