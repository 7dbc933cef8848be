//! `summary.csv`: one row per request and one total, measure phase.

use super::result::RunResult;
use super::table::{Table, optional};
use crate::measure::{Figures, Statistic};

const COUNTS: [&str; 13] = [
    "request",
    "planned",
    "dropped",
    "sent",
    "ok",
    "error",
    "timeout",
    "failed",
    "in_flight",
    "late",
    "duplicate",
    "orphan",
    "throughput_per_s",
];

const METRICS: [&str; 6] = [
    "response_time",
    "service_time",
    "schedule_lag",
    "acknowledge_time",
    "first_reply_time",
    "client_share",
];

/// The whole file.
pub fn summary_csv(result: &RunResult) -> String {
    let waits = METRICS
        .iter()
        .flat_map(|metric| Statistic::ALL.map(|s| format!("{metric}_{}_us", s.name())));
    let mut table = Table::new(COUNTS.iter().map(ToString::to_string).chain(waits));
    for (name, request) in result.requests.iter() {
        table.row(row(name, &request.figures, result.load.measure_s));
    }
    table.row(row("total", &result.total, result.load.measure_s));
    table.finish()
}

fn row(name: &str, figures: &Figures, measure_s: f64) -> Vec<String> {
    let of = &figures.ledger;
    let throughput = if measure_s > 0.0 {
        of.ok as f64 / measure_s
    } else {
        0.0
    };
    let counts = [
        of.planned,
        of.dropped,
        of.sent,
        of.ok,
        of.error,
        of.timeout,
        of.failed,
        of.in_flight,
        of.late,
        of.duplicate,
        of.orphan,
    ];
    let distributions = [
        &figures.response_time_us,
        &figures.service_time_us,
        &figures.schedule_lag_us,
        &figures.acknowledge_time_us,
        &figures.first_reply_time_us,
        &figures.client_share_us,
    ];
    let mut cells = vec![name.to_owned()];
    cells.extend(counts.map(|count| count.to_string()));
    cells.push(format!("{throughput:.3}"));
    cells.extend(
        distributions
            .iter()
            .flat_map(|d| Statistic::ALL.map(|s| optional(d.value(s)))),
    );
    cells
}
