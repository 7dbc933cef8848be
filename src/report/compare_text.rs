//! The screen of a comparison: what it is worth, the decision, and the numbers side by side.
//!
//! `>` before a value or a change means "at least", `<` "at most", `-` "not known". Not here: what is
//! compared and how it is judged (see `compare`).

use super::change::{Certainty, Change, Judgement};
use super::compare::{Comparison, Decision, Side};
use super::difference::{Difference, Effect};
use super::text::{columns_of, duration, field};
use crate::measure::Named;

/// Requests on the screen; all of them are in the JSON.
const REQUESTS_MAX: usize = 10;
/// Regressions that are named one by one.
const REGRESSIONS_MAX: usize = 10;
/// Of the names of the numbers.
const WIDTH: usize = 23;

/// The whole screen, with a line feed at its end; `folders` are those of A and B.
pub fn comparison_screen(comparison: &Comparison, folders: [&str; 2]) -> String {
    let mut lines = vec![
        field("compared", comparison.note),
        field("better", comparison.advice),
        field("A", &side(&comparison.a, folders[0])),
        field("B", &side(&comparison.b, folders[1])),
    ];
    lines.extend(comparison.differences.iter().map(difference));
    lines.extend(only_in("A", &comparison.only_in_a));
    lines.extend(only_in("B", &comparison.only_in_b));
    lines.extend(decision(comparison));
    lines.push(field("limits", &limits(comparison)));
    for (name, changes) in tables(comparison, REQUESTS_MAX) {
        lines.push(String::new());
        lines.extend(table(name, changes));
    }
    let more = comparison.requests.0.len().saturating_sub(REQUESTS_MAX);
    if more > 0 {
        lines.push(String::new());
        lines.push(format!("... and {more} more requests; --json has all"));
    }
    let mut text = String::new();
    for line in lines {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `before: VALID, soil, seed 42, 2026-09-01T12:00:00.000Z, mqtt://127.0.0.1:1883`
fn side(side: &Side, folder: &str) -> String {
    let target = if side.simulated_tenant {
        "the simulated tenant".to_owned()
    } else {
        side.targets.join(", ")
    };
    let verdict = if side.valid { "VALID" } else { "INVALID" };
    format!(
        "{folder}: {verdict}, {}, seed {}, {}, {target}",
        side.profile, side.seed, side.started
    )
}

fn difference(difference: &Difference) -> String {
    let Difference {
        effect, a, b, code, ..
    } = difference;
    let ruled_out = match effect {
        Effect::NotComparable => "NOT COMPARABLE: ",
        Effect::Noted => "",
    };
    // Digests are long, and their beginnings differ.
    let both = if *code == "profile" {
        String::new()
    } else {
        format!(" (A: {a}; B: {b})")
    };
    field(
        "difference",
        &format!("{ruled_out}{}{both}", difference.detail),
    )
}

fn only_in(run: &str, requests: &[String]) -> Option<String> {
    (!requests.is_empty()).then(|| field(&format!("only in {run}"), &requests.join(", ")))
}

fn decision(comparison: &Comparison) -> Vec<String> {
    let said = match comparison.decision {
        Decision::Inconclusive => {
            "INCONCLUSIVE: nothing is judged, because the two runs are not comparable".to_owned()
        }
        Decision::Regression => "REGRESSION: B is worse than the limits allow".to_owned(),
        Decision::NoRegression => {
            let unknown = comparison
                .judgements()
                .filter(|judgement| *judgement == Judgement::Unknown)
                .count();
            let unjudged = if unknown > 0 {
                format!("; {unknown} could not be judged")
            } else {
                String::new()
            };
            format!(
                "no regression: no number of B is known to be worse than the limits allow{unjudged}"
            )
        }
    };
    let mut lines = vec![field("decision", &said)];
    let worse: Vec<String> = tables(comparison, usize::MAX)
        .flat_map(|(name, changes)| changes.iter().map(move |(key, change)| (name, key, change)))
        .filter(|(_, _, change)| change.judgement == Some(Judgement::Regression))
        .map(|(name, key, change)| {
            let [a, b, by, percent] = cells(key, change);
            format!("{name} {}: {a} to {b} ({by}, {percent})", label(key))
        })
        .collect();
    let shown = worse.iter().take(REGRESSIONS_MAX);
    lines.extend(shown.map(|worse| field("", worse)));
    let more = worse.len().saturating_sub(REGRESSIONS_MAX);
    if more > 0 {
        lines.push(field("", &format!("and {more} more; --json has all")));
    }
    lines
}

fn limits(comparison: &Comparison) -> String {
    let limits = &comparison.limits;
    format!(
        "response time p50 +{} %, p99 +{} %, and +{} at least; failure rate +{} pp (percentage points)",
        limits.response_time_p50_percent,
        limits.response_time_p99_percent,
        duration(limits.response_time_least_us),
        limits.failure_rate * 100.0
    )
}

/// Tables of so many requests: the total first, unless it says the same as the only request.
fn tables(
    comparison: &Comparison,
    requests_max: usize,
) -> impl Iterator<Item = (&str, &Named<Change>)> {
    let same = comparison.requests.0.len() == 1
        && comparison.only_in_a.is_empty()
        && comparison.only_in_b.is_empty();
    let total = (!same).then_some(("total", &comparison.total));
    let requests = comparison.requests.iter().take(requests_max);
    total
        .into_iter()
        .chain(requests)
        .chain([("connections", &comparison.connections)])
}

fn table(name: &str, changes: &Named<Change>) -> Vec<String> {
    let columns = ["A", "B", "change", "in %"].map(str::to_owned);
    let mut lines = vec![columns_of(name, WIDTH, &columns)];
    lines.extend(changes.iter().map(|(key, change)| {
        let name = format!("  {}", label(key));
        let mark = match change.judgement {
            Some(Judgement::Regression) => "  REGRESSION",
            _ => "",
        };
        columns_of(&name, WIDTH, &cells(key, change)) + mark
    }));
    lines
}

/// `response_time_p999_us` is `response time p99.9`
fn label(key: &str) -> String {
    key.trim_end_matches("_us")
        .trim_end_matches("_per_s")
        .replace('_', " ")
        .replace("p999", "p99.9")
}

/// A, B, their difference, and the same in percent.
fn cells(key: &str, change: &Change) -> [String; 4] {
    let value = |value: Option<f64>, bound: bool| match value {
        None => "-".to_owned(),
        Some(value) => format!("{}{}", if bound { ">" } else { "" }, in_unit(key, value)),
    };
    let bound = match change.certainty {
        Certainty::AtLeast => ">",
        Certainty::AtMost => "<",
        Certainty::Exact | Certainty::Unknown => "",
    };
    let by = |change: Option<f64>, text: &dyn Fn(f64) -> String| match change {
        None => "-".to_owned(),
        Some(change) => format!("{bound}{}{}", sign(change), text(change.abs())),
    };
    [
        value(change.a, change.a_is_at_least),
        value(change.b, change.b_is_at_least),
        by(change.change, &|size| {
            // A difference of two shares is no share of anything.
            in_unit(key, size).replace('%', "pp")
        }),
        by(change.change_percent, &|size| format!("{size:.1} %")),
    ]
}

fn sign(change: f64) -> &'static str {
    if change > 0.0 {
        "+"
    } else if change < 0.0 {
        "-"
    } else {
        ""
    }
}

fn in_unit(key: &str, value: f64) -> String {
    if key.ends_with("_us") {
        duration(value)
    } else if key.ends_with("_rate") {
        format!("{:.3} %", value * 100.0)
    } else {
        format!("{value:.1}/s")
    }
}
