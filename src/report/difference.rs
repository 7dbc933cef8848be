//! What is not equal about two runs besides their numbers.
//!
//! Some differences rule out a decision, the others are to be known before believing one. Not here:
//! the numbers (see `change`).

use serde::Serialize;

use super::result::RunResult;

/// Rates that differ by less than this share are the same one, written differently.
const SAME_RATE: f64 = 0.001;

/// What follows from a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing can be decided.
    NotComparable,
    /// It may be the cause of a change.
    Noted,
}

/// One thing that is not as it should be for a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Stable word for scripts.
    pub code: &'static str,
    /// What follows from it.
    pub effect: Effect,
    /// What the first run has, in words.
    pub a: String,
    /// What the second run has, in words.
    pub b: String,
    /// What it means.
    pub detail: &'static str,
}

/// All of them; those that rule out a decision come first.
pub(super) fn differences(a: &RunResult, b: &RunResult) -> Vec<Difference> {
    let mut found = not_comparable(a, b);
    found.extend(noted(a, b));
    found
}

fn not_comparable(a: &RunResult, b: &RunResult) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut add = |code, of: &dyn Fn(&RunResult) -> String, detail| {
        found.push(Difference {
            code,
            effect: Effect::NotComparable,
            a: of(a),
            b: of(b),
            detail,
        });
    };
    if !(a.verdict.valid && b.verdict.valid) {
        add(
            "invalid",
            &verdict,
            "an INVALID run says nothing about its target",
        );
    }
    if a.stopped_by.is_some() || b.stopped_by.is_some() {
        add(
            "stopped",
            &|run| or(run.stopped_by.as_ref(), "ran to its end"),
            "a run that was stopped is a part of one",
        );
    }
    if !same_rate(a.load.asked_per_s, b.load.asked_per_s) {
        add(
            "asked_rate",
            &|run| {
                run.load
                    .asked_per_s
                    .map_or("no rate".to_owned(), |rate| format!("{rate:.1}/s"))
            },
            "different arrival rates were asked for: that is another load",
        );
    }
    if a.connections.planned != b.connections.planned {
        add(
            "connections",
            &|run| run.connections.planned.to_string(),
            "the fleets have different numbers of connections: that is another load",
        );
    }
    if requests(a) != requests(b) {
        add(
            "requests",
            &|run| requests(run).join(", "),
            "different requests were made: that is another load",
        );
    }
    found
}

/// Code, value in words, and what it means that it differs.
type Aspect = (&'static str, fn(&RunResult) -> String, &'static str);

/// What should be equal and only makes the comparison weaker where it is not.
const ASPECTS: [Aspect; 10] = [
    (
        "profile",
        |run| format!("{} (sha256 {})", run.profile.name, run.profile.sha256),
        "it is the profile that differs; compare the two profile.toml",
    ),
    (
        "seed",
        |run| run.seed.clone(),
        "another seed gives other values at other instants",
    ),
    (
        "simulated_tenant",
        |run| {
            if run.simulated_tenant {
                "simulated"
            } else {
                "real"
            }
            .to_owned()
        },
        "one target is the simulated tenant of its run, the other is not",
    ),
    (
        "midge",
        |run| run.midge.clone(),
        "different versions of this program measured",
    ),
    (
        "host",
        |run| or(run.environment.host.as_ref(), "unknown"),
        "they ran on different machines",
    ),
    (
        "cpus",
        |run| run.environment.cpus.to_string(),
        "different numbers of processors were there to use",
    ),
    (
        "build",
        |run| run.environment.build.clone(),
        "this program was built differently",
    ),
    (
        "workers",
        |run| run.generator.workers.to_string(),
        "different numbers of threads drove the fleet",
    ),
    (
        "waiting",
        waiting,
        "the threads came to their instants in different ways, and so not equally late",
    ),
    (
        "generator_limited",
        |run| {
            if run.verdict.generator_limited {
                "yes"
            } else {
                "no"
            }
            .to_owned()
        },
        "in one run this program set the pace, and not the target",
    ),
];

fn noted(a: &RunResult, b: &RunResult) -> Vec<Difference> {
    ASPECTS
        .iter()
        .map(|&(code, of, detail)| Difference {
            code,
            effect: Effect::Noted,
            a: of(a),
            b: of(b),
            detail,
        })
        .filter(|difference| difference.a != difference.b)
        .collect()
}

/// `nanoseconds`, `timer with --spin`
fn waiting(run: &RunResult) -> String {
    let way = match run.generator.waiting.as_str() {
        "" => "unknown",
        way => way,
    };
    let spin = if run.generator.spin {
        " with --spin"
    } else {
        ""
    };
    format!("{way}{spin}")
}

/// Their names, whatever their order.
fn requests(run: &RunResult) -> Vec<&str> {
    let mut names: Vec<&str> = run.requests.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    names
}

/// `VALID`, `INVALID (hiccup)`
fn verdict(run: &RunResult) -> String {
    if run.verdict.valid {
        return "VALID".to_owned();
    }
    let reasons = run.verdict.reasons.iter();
    let codes: Vec<&str> = reasons.map(|reason| reason.code.as_str()).collect();
    format!("INVALID ({})", codes.join(", "))
}

fn or(text: Option<&String>, otherwise: &str) -> String {
    text.map_or_else(|| otherwise.to_owned(), Clone::clone)
}

fn same_rate(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= SAME_RATE * a.abs().max(b.abs()),
        (a, b) => a.is_none() && b.is_none(),
    }
}
