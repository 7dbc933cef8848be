//! `histogram.csv`: every bucket that is not empty of every wait, measure phase.

use super::table::{Table, for_rows, waits};
use crate::measure::{Shape, Tally};

/// The whole file; a bucket holds `from_us <= wait < to_us`.
pub fn histogram_csv(shape: &Shape, tally: &Tally) -> String {
    let mut table = Table::new(["request", "metric", "from_us", "to_us", "count"]);
    for_rows(shape, tally, |request, tally| {
        for (metric, samples, _) in waits(tally) {
            for bucket in samples.buckets() {
                let [from, to] =
                    [bucket.from_ns, bucket.to_ns].map(|ns| (ns as f64 / 1000.0).to_string());
                table.row([request, metric, &from, &to, &bucket.count.to_string()]);
            }
        }
    });
    table.finish()
}
