//! `errors.csv`: the distinct failures of each request, over all phases.
//!
//! Texts come from the target: they are cut when they are counted, and made harmless here.

use super::table::{Table, harmless};
use crate::measure::{Shape, Tally};

/// The whole file; `first_at_s` counts from the run's epoch, as `second` of `intervals.csv` does.
pub fn errors_csv(shape: &Shape, tally: &Tally) -> String {
    let mut table = Table::new(["request", "status", "reason", "count", "first_at_s"]);
    for (name, request) in shape.names().zip(&tally.requests) {
        for row in request.errors.rows() {
            let status = harmless(row.status.as_deref().unwrap_or_default());
            let first_at_s = format!("{:.3}", row.first_at as f64 / 1e9);
            table.row([
                name,
                &status,
                &harmless(&row.reason),
                &row.count.to_string(),
                &first_at_s,
            ]);
        }
    }
    table.finish()
}
