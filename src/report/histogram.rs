//! `histogram.csv`: every bucket that is not empty of every wait, measure phase.

use super::table::{DELIVERY_TIME, Table, for_deliveries, for_rows, waits};
use crate::measure::{Samples, Shape, Tally};

/// The whole file; a bucket holds `from_us <= wait < to_us`.
pub fn histogram_csv(shape: &Shape, tally: &Tally) -> String {
    let mut table = Table::new(["request", "metric", "from_us", "to_us", "count"]);
    for_rows(shape, tally, |request, tally| {
        for (metric, samples, _) in waits(tally) {
            buckets(&mut table, request, metric, samples);
        }
    });
    for_deliveries(shape, tally, |inbound, samples, _| {
        buckets(&mut table, inbound, DELIVERY_TIME, samples);
    });
    table.finish()
}

fn buckets(table: &mut Table, request: &str, metric: &str, samples: &Samples) {
    for bucket in samples.buckets() {
        let [from, to] = [bucket.from_ns, bucket.to_ns].map(|ns| (ns as f64 / 1000.0).to_string());
        table.row([request, metric, &from, &to, &bucket.count.to_string()]);
    }
}
