//! Each planted mistake is caught by the selftest in virtual time: by which test, and by which figure.
//!
//! Needs the feature `planted`. Not here: what holds without a mistake (`tests/selftest.rs`), but that
//! it is the mistake that is caught: every test holds in the same build if none is made.
#![allow(clippy::print_stdout, reason = "README.md shows what it prints")]

mod support;

use serde_json::Value;
use support::{Midge, Outcome};

/// Mistake, test, and a figure that must not hold.
const CAUGHT: [(&str, &str, &str); 9] = [
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
    (
        "wall-clock",
        "T7",
        "clock set by 500 ms, longest schedule lag, ms",
    ),
    (
        "one-reading",
        "T7",
        "writes take 50 us, mean schedule lag, us",
    ),
    (
        "from-the-others",
        "T6",
        "one without an end, ledgers that miss it",
    ),
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
        println!("{mistake}: caught by {test}");
        for row in rows.iter().filter(|row| row["passed"] == false) {
            let [what, expected, got, tolerance] =
                ["what", "expected", "got", "tolerance"].map(|key| &row[key]);
            println!("    {what}: {expected} expected, {got} found, {tolerance} allowed");
        }
    }
}

#[test]
fn without_a_mistake_every_test_holds_in_the_same_build() {
    let outcome = selftest().go().ends_with(0);
    for (mistake, test, what) in CAUGHT {
        let rows = rows(&outcome);
        let mut rows = rows.iter();
        let held = rows.any(|row| row["id"] == test && row["what"] == what);
        assert!(held, "{mistake}: no row {what}\n{outcome}");
    }
}

#[test]
fn a_mistake_that_is_not_known_is_none_that_is_not_made() {
    let outcome = selftest().environment("MIDGE_PLANTED", "send").go();
    assert!(outcome.stderr.contains("no such mistake"), "{outcome}");
    outcome.ends_with(107);
}

#[test]
fn this_build_can_make_mistakes_as_others_cannot() {
    assert!(support::program_contains("MIDGE_PLANTED"));
    assert!(support::program_contains("unanswered-left-out"));
}
