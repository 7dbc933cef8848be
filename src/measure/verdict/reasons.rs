//! Why a run is INVALID: each cause on our side, with figure, limit and what to do.
//!
//! Not here: the limits (see `gates`), and what is only worth knowing (see `warnings`).

use super::{Evidence, Finding, Pacing, finding, near_ceiling};
use crate::measure::distribution::rank;
use crate::measure::ledger::Imbalance;
use crate::measure::reason::ConnectFailure;

/// From this many requests on p99 is judged, from the second number on p99.9 too.
const PACER_SAMPLES: (u64, u64) = (100, 1000);

/// All that were found: defects first, then what the machine lacked, then what followed from that.
pub(super) fn reasons(evidence: &Evidence) -> Vec<Finding> {
    let mut reasons = ledger(evidence);
    let panics = evidence.health.panics.iter();
    reasons.extend(panics.map(|said| panicked(said)));
    reasons.extend(resources(evidence));
    reasons.extend(throttled(evidence));
    reasons.extend(memory(evidence));
    reasons.extend(hiccup(evidence));
    if evidence.pacing == Pacing::OpenRate {
        reasons.extend(not_written(evidence));
        reasons.extend(pacer(evidence));
        reasons.extend(busy(evidence));
        reasons.extend(ceiling(evidence));
    }
    reasons
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
            ConnectFailure::TlsCredentials,
            "a certificate or key that could be read when the run began",
            "leave the files of target.certificate and target.key where they are",
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

fn not_written(evidence: &Evidence) -> Option<Finding> {
    let (tally, limit) = (evidence.tally, evidence.gates.not_written_percent);
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
    (percent > limit).then(|| finding("not_written", percent, limit, "%", detail, advice))
}

fn pacer(evidence: &Evidence) -> Vec<Finding> {
    let gates = evidence.gates;
    let p99_limit = gates.pacer_lag_p99_ms_with(evidence.threshold_ms);
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
        let advice =
            "free the CPU (close other programs; plug a laptop in), lower the rate, or add workers";
        (ms > limit).then(|| finding(code, ms, limit, "ms", detail, advice))
    };
    let (few, many) = PACER_SAMPLES;
    let found = if count < few {
        [
            judge("pacer_lag_max", "some", 10_000, gates.pacer_lag_max_ms),
            None,
        ]
    } else {
        let p999 = (count >= many)
            .then(|| judge("pacer_lag_p999", "0.1 %", 9_990, gates.pacer_lag_p999_ms))
            .flatten();
        [judge("pacer_lag_p99", "1 %", 9_900, p99_limit), p999]
    };
    found.into_iter().flatten().collect()
}

fn busy(evidence: &Evidence) -> Option<Finding> {
    let (percent, limit) = (
        evidence.health.busy_max * 100.0,
        evidence.gates.busy_percent,
    );
    let detail = format!("the busiest worker worked {percent:.0} % of the time");
    let advice = "add workers or lower the rate: replies wait for such a worker, and look slower than they are";
    (percent > limit).then(|| finding("busy", percent, limit, "%", detail, advice))
}

fn ceiling(evidence: &Evidence) -> Option<Finding> {
    let (of, limit) = (evidence.of_ceiling?, evidence.gates.ceiling_percent);
    (of.percent() > limit).then(|| near_ceiling(of, limit))
}

fn hiccup(evidence: &Evidence) -> Option<Finding> {
    let (ms, limit) = (
        evidence.health.hiccup_max_us / 1000.0,
        evidence.gates.hiccup_ms,
    );
    let detail = format!("the machine kept this process from running for {ms:.1} ms");
    let advice = "stop what else runs on this machine (a laptop also saves power: plug it in), and look for \
                  quotas, swapping and suspended processes";
    (ms > limit).then(|| finding("hiccup", ms, limit, "ms", detail, advice))
}

fn throttled(evidence: &Evidence) -> Option<Finding> {
    let limit = evidence.gates.throttled_periods;
    let periods = evidence.worst.throttled_periods? as f64;
    let stopped_s = evidence.worst.throttled_s.unwrap_or(0.0);
    let detail = format!(
        "a CPU quota stopped this process in {periods} periods since measuring began, for {stopped_s:.3} s in all"
    );
    let advice = "raise the CPU quota of the container or control group, or lower the rate";
    (periods > limit).then(|| finding("throttled", periods, limit, "periods", detail, advice))
}

fn memory(evidence: &Evidence) -> Option<Finding> {
    let limit = evidence.gates.memory_percent;
    let (used, may) = (
        evidence.worst.rss_max_bytes?,
        evidence.worst.memory_limit_bytes?,
    );
    let percent = 100.0 * used as f64 / may.max(1) as f64;
    let detail = format!("{} of {} MiB of memory were in use", used >> 20, may >> 20);
    let advice = "give the container or machine more memory, or lower fleet.endpoints";
    (percent > limit).then(|| finding("memory_share", percent, limit, "%", detail, advice))
}
