//! Thresholds on the screen: how many were kept, and which were not.
//!
//! Not here: judging them.

use super::text::{LIST_MAX, duration, field};
use crate::measure::Judged;

/// One line, and one more for each that failed.
pub(super) fn thresholds(all: &[Judged]) -> Vec<String> {
    let failed: Vec<&Judged> = all.iter().filter(|judged| !judged.passed).collect();
    let summary = format!("{} of {} kept", all.len() - failed.len(), all.len());
    let mut lines = vec![field("thresholds", &summary)];
    lines.extend(failed.iter().take(LIST_MAX).map(|judged| {
        let value = judged.value.map_or("no data".to_owned(), |value| {
            format!("it is {}", judged_value(&judged.expression, value))
        });
        field("", &format!("FAILED {} ({value})", judged.expression))
    }));
    lines
}

/// A judged value with its unit: the metric's name in the expression tells which.
fn judged_value(expression: &str, value: f64) -> String {
    let timed = [
        "response_time.",
        "service_time.",
        "schedule_lag.",
        "acknowledge_time.",
        "first_reply_time.",
        "delivery_time.",
    ];
    if timed.iter().any(|metric| expression.contains(metric)) {
        duration(value)
    } else if expression.contains("_rate") {
        format!("{:.3} %", value * 100.0)
    } else {
        format!("{}", (value * 1000.0).round() / 1000.0)
    }
}
