//! The last screen of a run: one page, aligned, readable without colour.
//!
//! The verdict comes first, then the target, which is also the last line. A `>` before a wait means
//! "at least", `-` means "too few to tell". Not here: progress while the run goes on.

use std::fmt::Write;

use super::deliveries;
use super::ink::{Colour, Ink};
use super::kernel_timestamps;
use super::raw_log;
use super::result::RunResult;
use super::stages_text::stages;
use super::thresholds_text::thresholds;
use super::witness;
use crate::measure::{Distribution, Figures, Finding, Named, Statistic};

/// Rows of requests on the screen; the rest is in `summary.csv`.
const REQUESTS_MAX: usize = 16;
/// Entries of a list.
pub(super) const LIST_MAX: usize = 8;
/// What is shown of each request.
const OF_REQUESTS: [Statistic; 4] = [
    Statistic::P50,
    Statistic::P99,
    Statistic::P999,
    Statistic::Max,
];
/// What is shown of all requests together.
const OF_TOTAL: [(Statistic, &str); 7] = [
    (Statistic::Mean, "mean"),
    (Statistic::P50, "p50"),
    (Statistic::P90, "p90"),
    (Statistic::P99, "p99"),
    (Statistic::P999, "p99.9"),
    (Statistic::P9999, "p99.99"),
    (Statistic::Max, "max"),
];
/// Findings with their advice.
const FINDINGS_MAX: usize = 4;

/// The whole screen, with a line feed at its end; `folder` is where the result files are.
pub fn screen(result: &RunResult, folder: Option<&str>, colour: Colour) -> String {
    let ink = Ink::new(result.verdict.valid, colour);
    let mut lines = vec![verdict(result), target(result)];
    lines.extend(head(result));
    let tls = result.connections.tls.iter();
    lines.extend(tls.map(|tls| field("tls", &tls.in_words())));
    let recovery = result.connections.recovery.iter();
    let recovery = recovery.flat_map(|of| of.in_words());
    lines.extend(recovery.map(|(name, text)| field(name, &text)));
    lines.push(String::new());
    lines.extend(requests(result, ink));
    lines.push(String::new());
    lines.extend(waits(&result.total, ink));
    lines.push(String::new());
    let witness = result.witness.iter().flat_map(|of| witness::lines(of));
    let more = stages(&result.stages).into_iter().chain(witness);
    lines.extend(more.map(|line| ink.waits(line)));
    lines.extend(too_few(result));
    lines.extend(lists(result));
    lines.extend(deliveries::lines(result));
    lines.extend(thresholds(&result.thresholds));
    lines.extend(findings("reason", &result.verdict.reasons));
    lines.extend(findings("warning", &result.verdict.warnings));
    let timestamps = result.kernel_timestamps.iter();
    lines.extend(timestamps.map(kernel_timestamps::line));
    let ceiling = result.generator.calibration.iter();
    lines.extend(ceiling.map(|of| field("ceiling", &of.to_string())));
    lines.extend(result.raw_log.iter().map(raw_log::line));
    lines.extend(folder.map(|folder| field("results", folder)));
    lines.push(target(result));
    let mut text = String::new();
    for line in lines {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

pub(super) fn field(name: &str, value: &str) -> String {
    format!("{name:<12}{value}")
}

fn target(result: &RunResult) -> String {
    let urls = result.targets.join(", ");
    if result.simulated_tenant {
        field(
            "target",
            &format!("the simulated tenant, started by this run ({urls})"),
        )
    } else {
        field("target", &urls)
    }
}

fn verdict(result: &RunResult) -> String {
    let said = if !result.verdict.valid {
        "INVALID: do not believe these numbers; the reasons are below"
    } else if result.verdict.generator_limited {
        "VALID, but limited by this program: the target may be able to do more"
    } else {
        "VALID"
    };
    let stopped = result
        .stopped_by
        .as_ref()
        .map(|by| format!("; stopped by {by}, partial"))
        .unwrap_or_default();
    field("verdict", &format!("{said}{stopped}"))
}

fn head(result: &RunResult) -> [String; 3] {
    let (load, connections) = (&result.load, &result.connections);
    let asked = load
        .asked_per_s
        .map_or("no rate".to_owned(), |asked| format!("{asked:.1}/s"));
    let phases = load.phases;
    [
        field(
            "profile",
            &format!("{}, seed {}", result.profile.name, result.seed),
        ),
        field(
            "load",
            &format!(
                "asked {asked}, planned {:.1}/s, achieved {:.1}/s over {:.1} s (warm-up {:.1} s, drain {:.1} s)",
                load.planned_per_s,
                load.achieved_per_s,
                load.measure_s,
                phases.warm_up_s,
                phases.drain_s
            ),
        ),
        field(
            "connections",
            &format!(
                "{} of {} connected in {:.1} s{}{}, {} reconnects",
                connections.connected,
                connections.planned,
                phases.connect_s,
                by(", failed", connections.failed, &connections.failed_by),
                by(", lost", connections.lost, &connections.lost_by),
                connections.reconnects
            ),
        ),
    ]
}

/// `, lost 3 (reset 2, closed 1)`
fn by(name: &str, count: u64, reasons: &Named<u64>) -> String {
    if count == 0 {
        format!("{name} 0")
    } else {
        format!("{name} {count} ({})", list(reasons.iter()))
    }
}

fn list<'a>(pairs: impl Iterator<Item = (&'a str, &'a u64)>) -> String {
    let pairs: Vec<String> = pairs
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    let more = pairs.len().saturating_sub(LIST_MAX);
    let shown = pairs[..pairs.len() - more].join(", ");
    if more > 0 {
        format!("{shown} and {more} more")
    } else {
        shown
    }
}

fn requests(result: &RunResult, ink: Ink) -> Vec<String> {
    let all = || {
        result
            .requests
            .iter()
            .map(|(name, request)| (name, &request.figures))
    };
    let width = all()
        .take(REQUESTS_MAX)
        .map(|(name, _)| name.len())
        .chain([11])
        .max()
        .unwrap_or(11);
    let columns = [
        "planned", "ok", "error", "timeout", "failed", "dropped", "p50", "p99", "p99.9", "max",
    ]
    .map(String::from);
    let mut lines = vec![columns_of("request", width, &columns)];
    lines.extend(
        all()
            .take(REQUESTS_MAX)
            .map(|(name, figures)| request(name, width, figures, ink)),
    );
    let more = result.requests.0.len().saturating_sub(REQUESTS_MAX);
    if more > 0 {
        lines.push(format!("... and {more} more, in summary.csv"));
    }
    if result.requests.0.len() > 1 {
        lines.push(request("total", width, &result.total, ink));
    }
    lines
}

fn request(name: &str, width: usize, figures: &Figures, ink: Ink) -> String {
    let of = &figures.ledger;
    let counts = [
        of.planned, of.ok, of.error, of.timeout, of.failed, of.dropped,
    ]
    .map(|count| count.to_string());
    let waits = OF_REQUESTS.map(|statistic| wait(&figures.response_time_us, statistic));
    columns_of(name, width, &counts) + &ink.waits(columns_of("", 0, &waits))
}

pub(super) fn columns_of(name: &str, width: usize, cells: &[String]) -> String {
    let mut line = format!("{name:<width$}");
    for cell in cells {
        write!(line, " {cell:>9}").expect("a string takes everything");
    }
    line
}

fn waits(total: &Figures, ink: Ink) -> Vec<String> {
    let rows = [
        ("response time", &total.response_time_us),
        ("service time", &total.service_time_us),
        ("schedule lag", &total.schedule_lag_us),
        ("acknowledge time", &total.acknowledge_time_us),
        ("first reply time", &total.first_reply_time_us),
        ("client share", &total.client_share_us),
    ];
    let mut lines = vec![columns_of(
        "total",
        16,
        &OF_TOTAL.map(|(_, name)| name.to_owned()),
    )];
    let measured = rows
        .iter()
        .filter(|(_, distribution)| distribution.planned > 0);
    lines.extend(measured.map(|(name, distribution)| {
        let cells = OF_TOTAL.map(|(statistic, _)| wait(distribution, statistic));
        format!("{name:<16}") + &ink.waits(columns_of("", 0, &cells))
    }));
    lines
}

/// What `-` stands for, if a request or the total lacks a percentile for want of requests.
fn too_few(result: &RunResult) -> Option<String> {
    let total = &result.total.response_time_us;
    let lacks = |statistic: Statistic| {
        let requests = result.requests.iter().take(REQUESTS_MAX);
        let mut shown = requests.map(|(_, of)| &of.figures.response_time_us);
        let of_requests = OF_REQUESTS.contains(&statistic)
            && shown.any(|distribution| distribution.too_few.contains(&statistic));
        of_requests || total.too_few.contains(&statistic)
    };
    let lacking = OF_TOTAL.iter().filter(|(statistic, _)| lacks(*statistic));
    let needs = lacking
        .filter_map(|(statistic, name)| Some(format!("{name} needs {}", statistic.needed()?)))
        .collect::<Vec<_>>()
        .join(", ");
    (!needs.is_empty()).then(|| {
        field(
            "n too small",
            &format!("where a - stands: {needs} requests"),
        )
    })
}

/// `1.40 s`, `>5.00 s`, `-`
pub(super) fn wait(distribution: &Distribution, statistic: Statistic) -> String {
    let Some(us) = distribution.value(statistic) else {
        return "-".to_owned();
    };
    let bound = if distribution.is_at_least(statistic) {
        ">"
    } else {
        ""
    };
    format!("{bound}{}", duration(us))
}

/// Three digits, give or take.
pub(super) fn duration(us: f64) -> String {
    match us {
        us if us < 1e3 => format!("{us:.0} us"),
        us if us < 1e4 => format!("{:.2} ms", us / 1e3),
        us if us < 1e5 => format!("{:.1} ms", us / 1e3),
        us if us < 1e6 => format!("{:.0} ms", us / 1e3),
        us => format!("{:.2} s", us / 1e6),
    }
}

fn lists(result: &RunResult) -> Vec<String> {
    let mut codes: Vec<(&str, u64)> = Vec::new();
    for (code, count) in result
        .requests
        .iter()
        .flat_map(|(_, request)| request.status_codes.iter())
    {
        match codes.iter_mut().find(|(known, _)| *known == code) {
            Some((_, sum)) => *sum += count,
            None => codes.push((code, *count)),
        }
    }
    codes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let of = &result.total.ledger;
    let beside = [
        ("late", of.late),
        ("duplicate", of.duplicate),
        ("copies", of.copies),
        ("orphan", of.orphan),
        ("unattributed errors", of.unattributed_errors),
        ("left in flight", of.in_flight),
    ];
    let inbound = result.inbound.iter().map(|(name, inbound)| {
        format!(
            "{name} {} ({} duplicate, {} answered)",
            inbound.received, inbound.duplicate, inbound.answered
        )
    });
    let found = [
        (
            "status",
            list(codes.iter().map(|(code, count)| (*code, count))),
        ),
        ("dropped", list(of.dropped_by.iter())),
        ("failed", list(of.failed_by.iter())),
        (
            "beside",
            list(
                beside
                    .iter()
                    .filter(|(_, count)| *count > 0)
                    .map(|(name, count)| (*name, count)),
            ),
        ),
        (
            "inbound",
            inbound.take(LIST_MAX).collect::<Vec<_>>().join(", "),
        ),
    ];
    found
        .iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(name, list)| field(name, list))
        .collect()
}

fn findings(name: &str, findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    for Finding {
        figure,
        limit,
        unit,
        detail,
        advice,
        ..
    } in findings.iter().take(FINDINGS_MAX)
    {
        lines.push(field(
            name,
            &format!("{detail} ({figure:.1} {unit}, limit {limit:.1} {unit})"),
        ));
        lines.push(field("", &format!("hint: {advice}")));
    }
    let more = findings.len().saturating_sub(FINDINGS_MAX);
    if more > 0 {
        lines.push(field("", &format!("and {more} more, in run.json")));
    }
    lines
}
