//! `intervals.csv`: one row per second and request, all phases.

use super::table::{Table, optional};
use crate::measure::{Seconds, Shape};

const HEADER: [&str; 16] = [
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
        table.row(cells);
    }
    table.finish()
}
