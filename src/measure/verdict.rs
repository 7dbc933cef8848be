//! Whether the instrument may be believed: VALID or INVALID, with figures, limits and advice.
//!
//! Only causes on our side make a run INVALID. A target that refuses, resets, slows down or pushes
//! back gives a VALID run with bad results. Not here: what the user wants the target to reach
//! (see `threshold`).

use serde::{Deserialize, Serialize};

use super::distribution::rank;
use super::ledger::Imbalance;
use super::reason::{ConnectFailure, DropReason};
use super::shape::Shape;
use super::tally::Tally;

/// Planned requests that we may fail to write, percent.
const NOT_WRITTEN_MAX_PERCENT: f64 = 1.0;
/// Pacer lag that 99 % of the requests must keep, ms.
const PACER_P99_MAX_MS: f64 = 1.0;
/// Pacer lag that 99.9 % of the requests must keep, ms.
const PACER_P999_MAX_MS: f64 = 5.0;
/// Pacer lag that all must keep where there are too few for a percentile, ms.
const PACER_MAX_MS: f64 = 50.0;
/// From this many requests on p99 is judged, from the second number on p99.9 too.
const PACER_SAMPLES: (u64, u64) = (100, 1000);
/// Longest time that the machine may have kept us from running, ms.
const HICCUP_MAX_MS: f64 = 50.0;
/// Share of its time that a worker may work before the screen warns, percent.
const BUSY_WARN_PERCENT: f64 = 80.0;

/// What paces the run: gates on rate and lag make sense only where a rate is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pacing {
    /// An open model with rates in numbers.
    OpenRate,
    /// As fast as the sockets take.
    AsFastAsPossible,
    /// The next request after the reply.
    Closed,
}

/// What the machine and the process said of themselves during the run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Health {
    /// Worker threads.
    pub workers: u32,
    /// How they waited for events and instants, in a word; empty if that is not known.
    pub waiting: &'static str,
    /// Whether they spent the last microseconds before each instant awake.
    pub spin: bool,
    /// CPU time of this process (the simulated tenant is another one), s.
    pub cpu_s: f64,
    /// Largest share of its time that a worker was busy, 0 to 1.
    pub busy_max: f64,
    /// Largest resident size of the process, bytes.
    pub peak_rss_bytes: u64,
    /// Longest time that a thread which only sleeps and looks was kept from looking, us.
    pub hiccup_max_us: f64,
    /// Descriptors, ports and memory that could not be had elsewhere than in connecting.
    pub resource_failures: u64,
    /// What panicked workers said.
    pub panics: Vec<String>,
}

/// Everything that the verdict looks at.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Rows of the tally.
    pub shape: &'a Shape,
    /// The merged measurement.
    pub tally: &'a Tally,
    /// The machine's side.
    pub health: &'a Health,
    /// What paced the run.
    pub pacing: Pacing,
    /// With `AsFastAsPossible` and `Closed`: this program, and not the target, set the pace.
    pub generator_limited: bool,
    /// Which of our own filters overlap, and what that means; `None` if none do.
    pub overlap: Option<&'a str>,
}

/// VALID or INVALID, and why; serialised as the result files have it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Verdict {
    /// False: do not believe the instrument.
    pub valid: bool,
    /// The rate that was reached is ours, not the target's.
    pub generator_limited: bool,
    /// Why it is not valid; empty if it is.
    pub reasons: Vec<Finding>,
    /// What to know before believing it.
    pub warnings: Vec<Finding>,
}

/// One finding, with what to do about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable word for scripts.
    pub code: String,
    /// What was found.
    pub figure: f64,
    /// What is allowed.
    pub limit: f64,
    /// Of both: `ms`, `%`, ...
    pub unit: String,
    /// What it means here.
    pub detail: String,
    /// What to do.
    pub advice: String,
}

impl Verdict {
    /// Weighs the evidence.
    pub fn of(evidence: &Evidence) -> Self {
        let mut reasons = ledger(evidence);
        reasons.extend(evidence.health.panics.iter().map(|said| panicked(said)));
        reasons.extend(resources(evidence));
        if evidence.pacing == Pacing::OpenRate {
            reasons.extend(not_written(evidence.tally));
            reasons.extend(pacer(evidence));
        }
        reasons.extend(hiccup(evidence.health));
        let generator_limited = evidence.generator_limited && evidence.pacing != Pacing::OpenRate;
        Self {
            valid: reasons.is_empty(),
            generator_limited,
            reasons,
            warnings: warnings(evidence, generator_limited),
        }
    }
}

fn finding(
    code: &str,
    figure: f64,
    limit: f64,
    unit: &str,
    detail: String,
    advice: &str,
) -> Finding {
    Finding {
        code: code.into(),
        figure,
        limit,
        unit: unit.into(),
        detail,
        advice: advice.into(),
    }
}

fn ledger(evidence: &Evidence) -> Vec<Finding> {
    let found = |(row, imbalance): (usize, Imbalance)| {
        let Imbalance { left, right, .. } = imbalance;
        let detail = format!("{}: {imbalance}", evidence.shape.requests[row].name);
        let advice = "this is a defect of the instrument; report it with the run's folder";
        finding(
            "ledger",
            left.abs_diff(right) as f64,
            0.0,
            "requests",
            detail,
            advice,
        )
    };
    evidence.tally.imbalances().into_iter().map(found).collect()
}

fn panicked(said: &str) -> Finding {
    let advice = "this is a defect of the instrument; report it with the run's folder";
    finding(
        "worker_panicked",
        1.0,
        0.0,
        "workers",
        format!("a worker ended early: {said}"),
        advice,
    )
}

fn resources(evidence: &Evidence) -> Vec<Finding> {
    let failed_by = &evidence.tally.connections.failed_by;
    let connects = |failure: ConnectFailure, lacking: &str, advice: &str| {
        let count = failed_by[failure.index()];
        let detail = format!("{count} attempts to connect failed for lack of {lacking}");
        (count > 0).then(|| {
            finding(
                failure.name(),
                count as f64,
                0.0,
                "connects",
                detail,
                advice,
            )
        })
    };
    let elsewhere = evidence.health.resource_failures;
    let found = [
        connects(
            ConnectFailure::Descriptors,
            "file descriptors",
            "raise the limit (ulimit -n) or lower fleet.endpoints",
        ),
        connects(
            ConnectFailure::Ports,
            "local ports",
            "add source addresses (target.bind) or targets, widen net.ipv4.ip_local_port_range, \
             or lower fleet.endpoints",
        ),
        connects(
            ConnectFailure::SourceAddress,
            "a source address",
            "give the addresses of target.bind back to this machine, or leave them out",
        ),
        connects(
            ConnectFailure::Memory,
            "memory",
            "lower fleet.endpoints or give the machine more memory",
        ),
        (elsewhere > 0).then(|| {
            let detail =
                format!("{elsewhere} times the system refused descriptors, ports or memory");
            finding(
                "resources",
                elsewhere as f64,
                0.0,
                "failures",
                detail,
                "raise the limits or lower the load",
            )
        }),
    ];
    found.into_iter().flatten().collect()
}

fn not_written(tally: &Tally) -> Option<Finding> {
    let planned: u64 = tally
        .requests
        .iter()
        .map(|request| request.measured.planned)
        .sum();
    let ours: u64 = tally
        .requests
        .iter()
        .map(|request| request.measured.dropped_by_us())
        .sum();
    let percent = 100.0 * ours as f64 / planned.max(1) as f64;
    let detail =
        format!("{ours} of {planned} planned requests were not written because we came too late");
    let advice = "lower the rate, add workers, or use a machine with more free CPU";
    (percent > NOT_WRITTEN_MAX_PERCENT).then(|| {
        finding(
            "not_written",
            percent,
            NOT_WRITTEN_MAX_PERCENT,
            "%",
            detail,
            advice,
        )
    })
}

fn pacer(evidence: &Evidence) -> Vec<Finding> {
    let lag = &evidence.tally.pacer_lag;
    let count = lag.count();
    let judge = |code, what, per_10k, limit: f64| {
        let ms = lag
            .at_ranks(&[rank(count, per_10k)])
            .first()
            .map_or(0.0, |ns| *ns as f64 / 1e6);
        let detail = format!(
            "{what} of {count} requests were picked up {ms:.3} ms after their intended instant or later"
        );
        let advice = "free the CPU, lower the rate, or add workers; schedule lag in the result shows the effect";
        (ms > limit).then(|| finding(code, ms, limit, "ms", detail, advice))
    };
    let (few, many) = PACER_SAMPLES;
    let found = if count < few {
        [judge("pacer_lag_max", "some", 10_000, PACER_MAX_MS), None]
    } else {
        let p999 = (count >= many)
            .then(|| judge("pacer_lag_p999", "0.1 %", 9_990, PACER_P999_MAX_MS))
            .flatten();
        [judge("pacer_lag_p99", "1 %", 9_900, PACER_P99_MAX_MS), p999]
    };
    found.into_iter().flatten().collect()
}

fn hiccup(health: &Health) -> Option<Finding> {
    let ms = health.hiccup_max_us / 1000.0;
    let detail = format!("the machine kept this process from running for {ms:.1} ms");
    let advice = "stop what else runs on this machine, or look for CPU quotas, swapping and suspended processes";
    (ms > HICCUP_MAX_MS).then(|| finding("hiccup", ms, HICCUP_MAX_MS, "ms", detail, advice))
}

fn warnings(evidence: &Evidence, generator_limited: bool) -> Vec<Finding> {
    let dropped = |reason: DropReason| -> u64 {
        evidence
            .tally
            .requests
            .iter()
            .map(|request| request.measured.dropped_by[reason.index()])
            .sum()
    };
    let busy = evidence.health.busy_max * 100.0;
    let paced = evidence.pacing == Pacing::OpenRate;
    let (cap, clamped) = (dropped(DropReason::Cap), evidence.tally.clamped());
    let counted = |count: u64, code: &str, unit: &str, detail: String, advice: &str| {
        (count > 0).then(|| finding(code, count as f64, 0.0, unit, detail, advice))
    };
    let found = [
        (paced && busy > BUSY_WARN_PERCENT).then(|| {
            let detail = format!("the busiest worker worked {busy:.0} % of the time");
            finding(
                "busy",
                busy,
                BUSY_WARN_PERCENT,
                "%",
                detail,
                "add workers, or lower the rate, before trusting more load",
            )
        }),
        counted(
            cap,
            "cap",
            "requests",
            format!("limits.messages_per_s kept {cap} planned requests from being sent"),
            "raise limits.messages_per_s if the target may be loaded more",
        ),
        counted(
            clamped,
            "clamped",
            "samples",
            format!("{clamped} waits were longer than the histograms reach and count as their end"),
            "read the maximum as a lower bound",
        ),
        evidence.overlap.map(|detail| {
            let copies = evidence.tally.requests.iter();
            let copies: u64 = copies.map(|request| request.whole_run.copies).sum();
            finding(
                "overlapping_filters",
                copies as f64,
                0.0,
                "copies",
                detail.to_owned(),
                "list filters that do not overlap, or leave them to fleet.subscribe = \"auto\"",
            )
        }),
        generator_limited.then(|| {
            let detail = "the rate that was reached is this program's, not the target's".to_owned();
            finding(
                "generator_limited",
                busy,
                BUSY_WARN_PERCENT,
                "%",
                detail,
                "add workers or machines to find the target's limit",
            )
        }),
    ];
    found.into_iter().flatten().collect()
}
