//! Each planted mistake is caught by the selftest in virtual time: by which test, and by which figure.
//!
//! Needs the feature `planted`. Not here: what holds without a mistake (`tests/selftest.rs`), but that
//! it is the mistake that is caught: the same tests hold in the same build if none is made.

mod support;

use serde_json::Value;
use support::{Midge, Outcome};

/// Mistake, test, and a figure that must not hold.
const CAUGHT: [(&str, &str, &str); 6] = [
    (
        "from-the-send",
        "T7",
        "stopped for 500 ms, share above 50 ms, %",
    ),
    ("unanswered-left-out", "T4", "p50, longest certain wait, ms"),
    ("late-twice", "T11", "late, timeouts = late + gone"),
    ("catch-up", "T7", "stopped for 500 ms, share above 50 ms, %"),
    ("ticks", "T5", "1000/s, sent, distance of gaps"),
    ("averages", "T1", "100 connections, p99, ms"),
];

fn selftest() -> Midge {
    Midge::call(["selftest", "--virtual", "--out", "rows.json"])
}

#[track_caller]
fn rows(outcome: &Outcome) -> Vec<Value> {
    let text = std::fs::read_to_string(outcome.home().join("rows.json"));
    let text = text.unwrap_or_else(|error| panic!("{error}\n{outcome}"));
    serde_json::from_str(&text).expect("a list")
}

#[test]
fn every_planted_mistake_is_caught() {
    for (mistake, test, what) in CAUGHT {
        let outcome = selftest()
            .argument("--only")
            .argument(test)
            .environment("MIDGE_PLANTED", mistake)
            .go()
            .ends_with(96);
        let rows = rows(&outcome);
        let row = rows.iter().find(|row| row["what"] == what);
        let row = row.unwrap_or_else(|| panic!("{mistake}: no row {what}\n{outcome}"));
        assert_eq!(row["passed"], false, "{mistake}: {what}\n{outcome}");
    }
}

#[test]
fn without_a_mistake_the_same_tests_hold_in_the_same_build() {
    let tests = CAUGHT.map(|(_, test, _)| test);
    let all = tests.iter().fold(selftest(), |midge, test| {
        midge.argument("--only").argument(test)
    });
    all.go().ends_with(0);
}

#[test]
fn a_mistake_that_is_not_known_is_none_that_is_not_made() {
    let outcome = selftest().environment("MIDGE_PLANTED", "send").go();
    assert!(outcome.stderr.contains("no such mistake"), "{outcome}");
    outcome.ends_with(107);
}
