//! `percentiles.csv`: the full spectrum of every wait, measure phase.
//!
//! Quantiles are over planned requests: where some were not answered, the spectrum ends below 1.
//! Rows of quantiles that so few requests cannot carry say so.

use super::table::{DELIVERY_TIME, Table, for_deliveries, for_rows, waits};
use crate::measure::{Samples, Shape, Tally, carries};

/// Steps for each halving of what is left above the quantile.
const STEPS_PER_HALF: u32 = 10;

/// In the column `note` of a row that another run of the same load need not repeat.
const TOO_SMALL: &str = "n too small";

/// The whole file; `count` is how many waits are at or below the value.
pub fn percentiles_csv(shape: &Shape, tally: &Tally) -> String {
    let mut table = Table::new(["request", "metric", "quantile", "value_us", "count", "note"]);
    for_rows(shape, tally, |request, tally| {
        for (metric, samples, planned) in waits(tally) {
            spectrum(&mut table, request, metric, samples, planned);
        }
    });
    for_deliveries(shape, tally, |inbound, samples, planned| {
        spectrum(&mut table, inbound, DELIVERY_TIME, samples, planned);
    });
    table.finish()
}

fn spectrum(table: &mut Table, request: &str, metric: &str, samples: &Samples, planned: u64) {
    let Some(max_ns) = samples.max_ns() else {
        return;
    };
    let planned = planned.max(samples.count());
    let mut count = 0;
    for step in samples.spectrum(STEPS_PER_HALF) {
        count += step.count;
        let quantile = count as f64 / planned as f64;
        let value_us = step.up_to_ns.min(max_ns) as f64 / 1000.0;
        table.row([
            request,
            metric,
            &quantile.to_string(),
            &value_us.to_string(),
            &count.to_string(),
            if carries(planned, quantile) {
                ""
            } else {
                TOO_SMALL
            },
        ]);
    }
}
