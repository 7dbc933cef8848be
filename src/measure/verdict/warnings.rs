//! What to know before believing a run: nothing here makes it INVALID.
//!
//! Not here: what does (see `reasons`).

use super::{Evidence, Finding, Pacing, finding, near_ceiling};
use crate::measure::reason::DropReason;
use crate::measure::statistics::{Shift, Statistics};
use crate::measure::trend::Trend;

/// Share of its time that a worker may work before the screen warns, percent.
const BUSY_WARN_PERCENT: f64 = 80.0;
/// Share of the machine's ceiling that a load may take before the screen warns, percent.
const CEILING_WARN_PERCENT: f64 = 50.0;
/// Share of descriptors or ports that may be in use before the screen warns, percent.
const USED_WARN_PERCENT: f64 = 90.0;

/// All that were found.
pub(super) fn warnings(evidence: &Evidence, generator_limited: bool) -> Vec<Finding> {
    let found = [
        busy(evidence),
        ceiling(evidence),
        capped(evidence),
        clamped(evidence),
        overlapping(evidence),
        generator_limited.then(|| limited(evidence)),
        used(
            "descriptors_left",
            "file descriptors",
            evidence.worst.descriptors_max,
            evidence.worst.descriptors_limit,
            "raise the limit (ulimit -n) before the fleet grows",
        ),
        used(
            "ports_left",
            "local ports",
            evidence.worst.ports_max(),
            evidence.worst.ports,
            "add source addresses (target.bind) before the fleet grows",
        ),
        unsteady(evidence.statistics),
    ];
    let loosened = evidence.gates.loosened();
    let loosened = loosened.map(|(key, limit, default, unit)| {
        let detail = format!("the profile lets more pass than usual: gates.{key}");
        let advice = "compare such a run with runs of the same gates only";
        finding("gate_loosened", limit, default, unit, detail, advice)
    });
    let failures = super::tls::failures(evidence).chain(super::websocket::failures(evidence));
    found
        .into_iter()
        .flatten()
        .chain(loosened)
        .chain(failures)
        .collect()
}

/// Between the two limits: beyond the gate it is a reason.
fn busy(evidence: &Evidence) -> Option<Finding> {
    let (percent, limit) = (evidence.health.busy_max * 100.0, BUSY_WARN_PERCENT);
    let paced = evidence.pacing == Pacing::OpenRate;
    let detail = format!("the busiest worker worked {percent:.0} % of the time");
    let advice = "add workers, or lower the rate, before trusting more load";
    (paced && percent > limit && percent <= evidence.gates.busy_percent)
        .then(|| finding("busy", percent, limit, "%", detail, advice))
}

/// Between the two limits, as above.
fn ceiling(evidence: &Evidence) -> Option<Finding> {
    let of = evidence.of_ceiling?;
    let (percent, limit) = (of.percent(), CEILING_WARN_PERCENT);
    let paced = evidence.pacing == Pacing::OpenRate;
    (paced && percent > limit && percent <= evidence.gates.ceiling_percent)
        .then(|| near_ceiling(of, limit))
}

fn capped(evidence: &Evidence) -> Option<Finding> {
    let requests = evidence.tally.requests.iter();
    let count: u64 = requests
        .map(|request| request.measured.dropped_by[DropReason::Cap.index()])
        .sum();
    let detail = format!("limits.messages_per_s kept {count} planned requests from being sent");
    let advice = "raise limits.messages_per_s if the target may be loaded more";
    (count > 0).then(|| finding("cap", count as f64, 0.0, "requests", detail, advice))
}

fn clamped(evidence: &Evidence) -> Option<Finding> {
    let count = evidence.tally.clamped();
    let detail =
        format!("{count} waits were longer than the histograms reach and count as their end");
    let advice = "read the maximum as a lower bound";
    (count > 0).then(|| finding("clamped", count as f64, 0.0, "samples", detail, advice))
}

fn overlapping(evidence: &Evidence) -> Option<Finding> {
    let detail = evidence.overlap?.to_owned();
    let requests = evidence.tally.requests.iter();
    let copies: u64 = requests.map(|request| request.whole_run.copies).sum();
    let advice = "list filters that do not overlap, or leave them to fleet.subscribe = \"auto\"";
    let code = "overlapping_filters";
    Some(finding(code, copies as f64, 0.0, "copies", detail, advice))
}

fn limited(evidence: &Evidence) -> Finding {
    let percent = evidence.health.busy_max * 100.0;
    let detail = "the rate that was reached is this program's, not the target's".to_owned();
    let advice = "add workers or machines to find the target's limit";
    let code = "generator_limited";
    finding(code, percent, BUSY_WARN_PERCENT, "%", detail, advice)
}

/// Something of which nearly all is in use.
fn used(
    code: &str,
    what: &str,
    used: Option<u64>,
    limit: Option<u64>,
    advice: &str,
) -> Option<Finding> {
    let (used, limit) = (used?, limit?);
    let percent = 100.0 * used as f64 / limit.max(1) as f64;
    let detail = format!("{used} of {limit} {what} were in use");
    let allowed = USED_WARN_PERCENT;
    (percent > allowed).then(|| finding(code, percent, allowed, "%", detail, advice))
}

/// One finding at most, the gravest: a backlog makes waits differ too.
fn unsteady(statistics: &Statistics) -> Option<Finding> {
    let seconds = statistics.seconds;
    backlog(statistics)
        .or_else(|| {
            let halves = statistics.halves?;
            let p50 = halves.p50_us.and_then(|of| differ("p50", of));
            p50.or_else(|| halves.p99_us.and_then(|of| differ("p99", of)))
        })
        .or_else(|| {
            let warm_up = statistics.warm_up?;
            let of = |name, trend: Option<Trend>| settling(name, trend?, warm_up.seconds, seconds);
            of("p50", warm_up.p50_us).or_else(|| of("p99", warm_up.p99_us))
        })
}

fn backlog(statistics: &Statistics) -> Option<Finding> {
    let trend = statistics.in_flight.filter(|trend| !trend.steady)?;
    let (ends, slope) = (trend.change / 2.0, trend.slope_per_s);
    let detail = format!(
        "requests in flight went from about {:.0} to {:.0} while it was measured, by {} to {} per second",
        (trend.mean - ends).max(0.0),
        (trend.mean + ends).max(0.0),
        trend.slope_low_per_s,
        trend.slope_high_per_s
    );
    let advice = "no number describes such a run: lower the rate if they grow, or lengthen load.warm_up if they fall";
    Some(finding(
        "in_flight_trend",
        slope,
        0.0,
        "per second",
        detail,
        advice,
    ))
}

fn differ(percentile: &str, shift: Shift) -> Option<Finding> {
    let detail = format!(
        "a second's {percentile} of the response time was {:.3} ms in the first half of the measured part and {:.3} ms in \
         the second (the middle ones)",
        shift.first / 1000.0,
        shift.second / 1000.0
    );
    let advice =
        "something changed meanwhile: intervals.csv shows when; measure longer, and warm up longer";
    let percent = shift.percent();
    (!shift.steady).then(|| finding("halves_differ", percent, 0.0, "%", detail, advice))
}

fn settling(percentile: &str, trend: Trend, first: u64, all: u64) -> Option<Finding> {
    let detail = format!(
        "{percentile} of the response time still changed, by {:.3} ms, in the first {first} of {all} measured seconds",
        trend.change / 1000.0
    );
    let percent = 100.0 * trend.change / trend.mean.max(f64::MIN_POSITIVE);
    let advice = "lengthen load.warm_up";
    (!trend.steady).then(|| finding("warm_up_short", percent, 0.0, "%", detail, advice))
}
