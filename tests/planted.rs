//! Each planted mistake is caught by the selftest in virtual time: by which test, and by which figure.
//!
//! Needs the feature `planted`. Not here: what holds without a mistake (`tests/selftest.rs`), but that
//! it is the mistake that is caught: every test holds in the same build if none is made.
#![allow(clippy::print_stdout, reason = "README.md shows what it prints")]

mod support;

use support::Midge;

/// A mistake, and who must see it.
struct Planted {
    /// What `MIDGE_PLANTED` calls it.
    name: &'static str,
    /// What midge then does.
    does: &'static str,
    /// The test that catches it.
    test: &'static str,
    /// A figure of that test that must not hold.
    figure: &'static str,
}

const fn planted(
    name: &'static str,
    does: &'static str,
    test: &'static str,
    figure: &'static str,
) -> Planted {
    Planted {
        name,
        does,
        test,
        figure,
    }
}

const CAUGHT: [Planted; 9] = [
    planted(
        "from-the-send",
        "measures from the send instead of the plan",
        "T7",
        "stopped for 500 ms, share above 50 ms, %",
    ),
    planted(
        "unanswered-left-out",
        "leaves the unanswered out of the percentiles",
        "T4",
        "p50, longest certain wait, ms",
    ),
    planted(
        "catch-up",
        "makes a backlog good at twice the rate, and calls that the plan",
        "T7",
        "stopped for 500 ms, share above 50 ms, %",
    ),
    planted(
        "averages",
        "averages percentiles of seconds",
        "T1",
        "100 connections, p99, ms",
    ),
    planted(
        "ticks",
        "sends at whole milliseconds",
        "T5",
        "1000/s, sent, distance of gaps",
    ),
    planted(
        "wall-clock",
        "takes the time from the wall clock",
        "T7",
        "clock set by 500 ms, longest schedule lag, ms",
    ),
    planted(
        "one-reading",
        "reads the clock once for a burst",
        "T7",
        "writes take 50 us, mean schedule lag, us",
    ),
    planted(
        "late-twice",
        "counts a late reply twice",
        "T11",
        "late, timeouts = late + gone",
    ),
    planted(
        "from-the-others",
        "works a count out from the others",
        "T6",
        "one without an end, ledgers that miss it",
    ),
];

fn selftest() -> Midge {
    Midge::call(["selftest", "--virtual", "--out", "rows.json"])
}

#[test]
fn every_planted_mistake_is_caught() {
    let mut kept = Vec::new();
    for planted in CAUGHT {
        let outcome = selftest()
            .argument("--only")
            .argument(planted.test)
            .environment("MIDGE_PLANTED", planted.name)
            .go()
            .ends_with(96);
        let rows = outcome.rows();
        let name = planted.name;
        let row = rows.iter().find(|row| row["what"] == planted.figure);
        let row = row.unwrap_or_else(|| panic!("{name}: no row {}\n{outcome}", planted.figure));
        assert_eq!(row["passed"], false, "{name}: {row}\n{outcome}");
        println!("{name}: caught by {}", planted.test);
        for row in rows.iter().filter(|row| row["passed"] == false) {
            let [what, expected, got, tolerance] =
                ["what", "expected", "got", "tolerance"].map(|key| &row[key]);
            println!("    {what}: {expected} expected, {got} found, {tolerance} allowed");
        }
        let mut row = row.clone();
        row["mistake"] = planted.does.into();
        kept.push(row);
    }
    // For the table of README.md, see tests/prove.
    if let Some(file) = std::env::var_os("KEEP") {
        let text = serde_json::to_string_pretty(&kept).expect("plain values");
        std::fs::write(file, text + "\n").expect("the file can be written");
    }
}

#[test]
fn without_a_mistake_every_test_holds_in_the_same_build() {
    let outcome = selftest().go().ends_with(0);
    let rows = outcome.rows();
    for planted in CAUGHT {
        let mut rows = rows.iter();
        let held = rows.any(|row| row["id"] == planted.test && row["what"] == planted.figure);
        assert!(
            held,
            "{}: no row {}\n{outcome}",
            planted.name, planted.figure
        );
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
