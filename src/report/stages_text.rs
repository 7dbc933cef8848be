//! The stages of a run as a table on the screen.
//!
//! Not here: the rest of the screen, and the file (see `stages`).

use super::result::StageResult;
use super::text::{columns_of, wait};
use crate::measure::Statistic;

/// Stages on the screen; the rest is in `stages.csv`.
const STAGES_MAX: usize = 20;

/// What was asked and obtained in each stage, if there is more than one, and an empty line.
pub(super) fn stages(stages: &[StageResult]) -> Vec<String> {
    if stages.len() < 2 {
        return Vec::new();
    }
    let columns = [
        "from",
        "to",
        "asked/s",
        "achieved",
        "p50",
        "p99",
        "failure rate",
    ];
    let mut lines = vec![columns_of("stage", 6, &columns.map(String::from))];
    lines.extend(stages.iter().take(STAGES_MAX).map(stage));
    let more = stages.len().saturating_sub(STAGES_MAX);
    if more > 0 {
        lines.push(format!("... and {more} more, in stages.csv"));
    }
    lines.push(String::new());
    lines
}

fn stage(of: &StageResult) -> String {
    let rate = |rate: Option<f64>| rate.map_or("-".to_owned(), |rate| format!("{rate:.0}"));
    let (from, to) = (rate(of.asked_from_per_s), rate(of.asked_to_per_s));
    let total = &of.total;
    let failures = total.failure_rate;
    let failures = failures.map_or("-".to_owned(), |share| format!("{:.2} %", share * 100.0));
    columns_of(
        &of.stage.to_string(),
        6,
        &[
            format!("{:.1} s", of.from_s),
            format!("{:.1} s", of.to_s),
            if from == to {
                from
            } else {
                format!("{from}-{to}")
            },
            format!("{:.1}/s", of.achieved_per_s),
            wait(&total.response_time_us, Statistic::P50),
            wait(&total.response_time_us, Statistic::P99),
            format!("{failures:>12}"),
        ],
    )
}
