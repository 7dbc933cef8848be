//! `intervals.csv`: one row per second and request, all phases.
//!
//! `connected`, and all columns from `busy_max` on, are about the whole program, and equal in all rows of
//! a second.

use super::table::{Table, optional};
use crate::measure::{MachineSecond, Seconds, Shape};

const HEADER: [&str; 24] = [
    "second",
    "phase",
    "request",
    "planned",
    "sent",
    "ok",
    "error",
    "timeout",
    "failed",
    "dropped",
    "in_flight",
    "response_time_p50_us",
    "response_time_p99_us",
    "response_time_max_us",
    "schedule_lag_p99_us",
    "connected",
    "pacer_lag_max_us",
    "back_pressure_lag_max_us",
    "busy_max",
    "hiccup_max_us",
    "throttled_periods",
    "rss_bytes",
    "descriptors",
    "ports_left",
];

/// The whole file.
pub fn intervals_csv(shape: &Shape, seconds: &Seconds) -> String {
    let mut table = Table::new(HEADER);
    for row in &seconds.rows {
        let counts = [
            row.planned,
            row.sent,
            row.ok,
            row.error,
            row.timeout,
            row.failed,
            row.dropped,
            row.in_flight,
        ];
        let waits = [
            row.response_time_p50_us,
            row.response_time_p99_us,
            row.response_time_max_us,
            row.schedule_lag_p99_us,
        ];
        let name = &shape.requests[usize::from(row.request)].name;
        let mut cells = vec![
            row.second.to_string(),
            row.phase.name().to_owned(),
            name.clone(),
        ];
        cells.extend(counts.map(|count| count.to_string()));
        cells.extend(waits.map(optional));
        cells.push(row.connected.to_string());
        cells.extend([row.pacer_lag_max_us, row.back_pressure_lag_max_us].map(optional));
        cells.extend(machine(seconds, row.second, row.connected));
        table.row(cells);
    }
    table.finish()
}

/// What is known of the machine in this second; both lists are in the order of time.
fn machine(seconds: &Seconds, second: u64, connected: u64) -> [String; 6] {
    let together = &seconds.together;
    let live = together.binary_search_by_key(&second, |live| live.second);
    let live = live.ok().map(|at| together[at]);
    let seen = live.and_then(|live| seconds.machine_in(&live));
    let count = |of: fn(MachineSecond) -> Option<u64>| {
        let count = seen.and_then(of);
        count.map(|count| count.to_string()).unwrap_or_default()
    };
    let ports = seconds.limits.ports_left(connected);
    [
        optional(live.map(|live| live.busy_max)),
        optional(seen.map(|seen| seen.hiccup_ns as f64 / 1000.0)),
        count(|seen| seen.throttled_periods),
        count(|seen| seen.rss_bytes),
        count(|seen| seen.descriptors),
        ports.map(|ports| ports.to_string()).unwrap_or_default(),
    ]
}
