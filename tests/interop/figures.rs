//! Reads figures out of a result, and says what they should be.

use crate::support::Outcome;

/// A time of the result, in milliseconds: `ms(&outcome, "/total/response_time_us/p99")`.
#[track_caller]
pub fn ms(outcome: &Outcome, pointer: &str) -> f64 {
    let us = outcome.at(pointer).as_f64();
    us.unwrap_or_else(|| panic!("{pointer} is no number\n{outcome}")) / 1000.0
}

/// A list of words of the result.
#[track_caller]
pub fn names<'a>(outcome: &'a Outcome, pointer: &str) -> Vec<&'a str> {
    let list = outcome.at(pointer).as_array();
    let list = list.unwrap_or_else(|| panic!("{pointer} is no list\n{outcome}"));
    list.iter().filter_map(|word| word.as_str()).collect()
}

/// The response time at a quantile when requests come evenly, take `service` each, and the far side
/// stands still once for `stall` of the whole time `over`: those that come during the stall wait
/// for what is left of it. All in ms. Below the share of the stall it is the service time.
pub fn tail_ms(quantile: f64, service: f64, stall: f64, over: f64) -> f64 {
    service + (stall - (1.0 - quantile) * over).max(0.0)
}

/// The share of a request's answers that took longer than this, from `histogram.csv`.
#[track_caller]
pub fn share_above(outcome: &Outcome, metric: &str, request: &str, above_ms: f64) -> f64 {
    let (mut above, mut all) = (0, 0);
    for row in rows(outcome, "histogram.csv") {
        if row[0] != request || row[1] != metric {
            continue;
        }
        let from_us: f64 = row[2].parse().expect("a number");
        let count: u64 = row[4].parse().expect("a count");
        all += count;
        above += if from_us >= above_ms * 1000.0 {
            count
        } else {
            0
        };
    }
    assert!(all > 0, "no {metric} of {request}\n{outcome}");
    above as f64 / all as f64
}

/// The rows of one of its tables, without the header.
#[track_caller]
pub fn rows(outcome: &Outcome, file: &str) -> Vec<Vec<String>> {
    let text = outcome.file(file);
    let rows = text.lines().skip(1);
    rows.map(|row| row.split(',').map(str::to_owned).collect())
        .collect()
}
