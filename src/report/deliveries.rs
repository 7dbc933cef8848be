//! What became of messages that were published to be heard by others: lines on the screen.
//!
//! Not here: how they are told apart.

use std::fmt::Write as _;

use super::result::RunResult;
use super::text::{field, wait};
use crate::measure::{DeliveryFigures, Statistic};

/// Lines on the screen; the rest is in `run.json`.
const LINES_MAX: usize = 4;

/// `delivery    heard 960 of 960 (0 lost, 0 duplicate, 0 reordered); p50 103 us, p99 410 us, max 1.20 ms`
pub(super) fn lines(result: &RunResult) -> Vec<String> {
    let all = result.inbound.iter();
    let told = all.filter_map(|(name, inbound)| Some((name, inbound.delivery.as_deref()?)));
    told.take(LINES_MAX)
        .map(|(name, of)| line(name, of))
        .collect()
}

fn line(name: &str, of: &DeliveryFigures) -> String {
    let beside = [
        ("retained", of.retained),
        ("foreign", of.foreign),
        ("untracked", of.untracked),
    ];
    let mut more = String::new();
    for (name, count) in beside.iter().filter(|(_, count)| *count > 0) {
        // Writing into a String cannot fail.
        let _ = write!(more, ", {count} {name}");
    }
    let time = |statistic| wait(&of.delivery_time_us, statistic);
    let said = format!(
        "{name} {} of {} ({} lost, {} duplicate, {} reordered{more}); p50 {}, p99 {}, max {}",
        of.delivered,
        of.expected,
        of.lost,
        of.duplicate,
        of.reordered,
        time(Statistic::P50),
        time(Statistic::P99),
        time(Statistic::Max),
    );
    field("delivery", &said)
}
