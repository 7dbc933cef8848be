//! `midge selftest` as people call it: what it prints, keeps and ends with.
//!
//! In virtual time every figure has to hold. On real sockets tests that only count are used, and a test
//! that found no run to be believed says so and is no failure here: this machine may be busy.
#![allow(clippy::print_stdout, reason = "`tests/run` shows the table")]

mod support;

use std::time::{Duration, Instant};

use midge::selftest::Test;
use serde_json::Value;
use support::Midge;

/// The row of a test whose runs were all disturbed.
const UNBELIEVED: &str = "runs to be believed";

fn selftest(tests: &[&str]) -> Midge {
    let midge = Midge::call(["selftest", "--out", "rows.json"]);
    tests
        .iter()
        .fold(midge, |midge, test| midge.argument("--only").argument(test))
}

/// The same in virtual time.
fn virtually(tests: &[&str]) -> Midge {
    selftest(tests).argument("--virtual")
}

fn what(row: &Value) -> &str {
    row["what"].as_str().expect("a text")
}

fn passed(row: &Value) -> bool {
    row["passed"].as_bool().expect("yes or no")
}

/// Whether a test had to give up on this machine.
fn gave_up(rows: &[Value]) -> bool {
    rows.iter().any(|row| what(row).starts_with(UNBELIEVED))
}

#[test]
fn tests_that_hold_end_with_0_and_keep_their_rows() {
    let outcome = selftest(&["T6", "t11"]).go();
    let rows = outcome.rows();
    let names = ["id", "what", "expected", "got", "tolerance", "n", "passed"];
    for row in &rows {
        let keys: Vec<&String> = row.as_object().expect("an object").keys().collect();
        assert_eq!(keys, names);
        assert!(outcome.stdout.contains(what(row)), "{row}\n{outcome}");
        assert!(
            passed(row) || what(row).starts_with(UNBELIEVED),
            "{row}\n{outcome}"
        );
    }
    let ids: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    assert!(ids.contains(&"T6") && ids.contains(&"T11"), "{outcome}");
    assert!(ids.iter().all(|id| ["T6", "T11"].contains(id)), "{outcome}");
    let code = if gave_up(&rows) { 96 } else { 0 };
    assert_eq!(outcome.code, code, "{outcome}");
}

#[test]
fn a_row_that_does_not_hold_ends_with_96() {
    // Replies go astray that no account of the test knows of.
    let change = "tenant.misdirect=5%";
    let outcome = selftest(&["T6"]).argument("--set").argument(change).go();
    let rows = outcome.rows();
    let failed: Vec<&str> = rows.iter().filter(|row| !passed(row)).map(what).collect();
    assert_eq!(failed, ["timeouts, lost by the tenant"], "{outcome}");
    assert!(outcome.stdout.contains("DOES NOT HOLD"), "{outcome}");
    outcome.ends_with(96);
}

#[test]
fn the_queue_is_none_with_arrivals_that_are_not_poisson() {
    let outcome = selftest(&["T3"])
        .argument("--set=load.arrivals=constant")
        .argument("--set=load.measure=4s")
        .go();
    let rows = outcome.rows();
    let p90 = rows.iter().find(|row| what(row) == "M/M/1, p90, ms");
    let found = p90.map_or_else(|| gave_up(&rows), |row| !passed(row));
    assert!(found, "{outcome}");
    outcome.ends_with(96);
}

#[test]
fn in_virtual_time_every_figure_holds() {
    let begin = Instant::now();
    let outcome = virtually(&[]).go().ends_with(0);
    let took = begin.elapsed();
    let rows = outcome.rows();
    println!("{}{took:.1?}", outcome.stdout);
    assert!(rows.iter().all(passed), "{outcome}");
    let mut ids: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    ids.dedup();
    let all = Test::ALL.map(|test| test.id);
    assert_eq!(ids, all, "{outcome}");
    // Many times that in real time.
    assert!(took < Duration::from_mins(1), "{took:?}");
}

#[test]
fn in_virtual_time_the_same_rows_come_each_time() {
    let [one, two] = [(); 2].map(|()| virtually(&["T3", "T7", "T11"]).go().rows());
    assert_eq!(one, two);
}

#[test]
fn in_virtual_time_the_queue_is_none_with_arrivals_that_are_not_poisson() {
    let change = "--set=load.arrivals=constant";
    let outcome = virtually(&["T3"]).argument(change).go().ends_with(96);
    let rows = outcome.rows();
    assert!(rows.len() >= 4 && !rows.iter().any(passed), "{outcome}");
}

/// The other half is in `tests/planted.rs`.
#[cfg(not(feature = "planted"))]
#[test]
fn a_build_without_planted_mistakes_has_no_trace_of_them() {
    assert!(!support::program_contains("MIDGE_PLANTED"));
    assert!(!support::program_contains("unanswered-left-out"));
}

#[test]
fn what_it_cannot_do_is_refused_before_anything_runs() {
    let outcome = selftest(&["T13"]).go().ends_with(104);
    assert!(outcome.stderr.contains("T1, T2, T3"), "{outcome}");
    let nowhere = ["selftest", "--only", "T6", "--out", "nowhere/rows.json"];
    let outcome = Midge::call(nowhere).go().ends_with(104);
    assert!(outcome.stderr.contains("nowhere/rows.json"), "{outcome}");
    assert_eq!(outcome.stdout, "", "{outcome}");
}
