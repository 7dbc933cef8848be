//! The comparison of instruction counts: it can fail, and it says so where it cannot be made.
//!
//! Not here: counting, which `cargo bench --bench instructions` does; it proves in each run that an
//! allocation or a copy more would be seen.

#[path = "../benches/instructions/counts.rs"]
mod counts;

use std::collections::BTreeMap;

use counts::{Counts, Finding, MadeWith};

fn counts(all: &[(&str, f64)]) -> Counts {
    Counts {
        made_with: MadeWith {
            compiler: "rustc 1".into(),
            c_library: "glibc 2".into(),
            valgrind: "valgrind-3".into(),
            processor: "any".into(),
        },
        instructions: all
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect::<BTreeMap<_, _>>(),
    }
}

fn compared(stored: &[(&str, f64)], now: &[(&str, f64)]) -> Vec<Finding> {
    let findings = counts(stored).compare(&counts(now));
    findings.expect("made with the same things")
}

#[test]
fn more_than_one_percent_is_told_and_more_than_four_percent_fails() {
    let stored = [("a", 1_000.0), ("b", 1_000.0), ("c", 1_000.0)];
    assert_eq!(compared(&stored, &stored), []);
    let near = [("a", 1_009.0), ("b", 991.0), ("c", 1_000.0)];
    assert_eq!(compared(&stored, &near), []);
    let far = compared(&stored, &[("a", 1_041.0), ("b", 945.0), ("c", 1_011.0)]);
    assert_eq!(
        far,
        [
            Finding::Risen("a".into(), 1_000.0, 1_041.0),
            Finding::Fallen("b".into(), 1_000.0, 945.0),
            Finding::Risen("c".into(), 1_000.0, 1_011.0),
        ]
    );
    assert_eq!(
        far.iter().map(Finding::is_failure).collect::<Vec<_>>(),
        [true, false, false]
    );
    assert_eq!(far[0].to_string(), "RISEN   a: 1000.0 to 1041.0 (+4.1 %)");
    assert_eq!(far[2].to_string(), "risen   c: 1000.0 to 1011.0 (+1.1 %)");
}

#[test]
fn many_rises_that_are_each_too_small_fail_together() {
    let stored = [("a", 100.0), ("b", 10_000.0), ("c", 1_000.0), ("d", 50.0)];
    let two = [("a", 100.9), ("b", 10_090.0), ("c", 1_000.0), ("d", 50.0)];
    assert_eq!(compared(&stored, &two), [], "0.4 % on average");
    let three = [("a", 100.9), ("b", 10_090.0), ("c", 1_009.0), ("d", 50.0)];
    let findings = compared(&stored, &three);
    assert!(matches!(findings[..], [Finding::RisenTogether(_)]));
    assert!(findings[0].is_failure());
    assert_eq!(findings[0].to_string(), "RISEN   all together: +0.67 %");
}

#[test]
fn an_operation_without_a_stored_count_fails_and_so_does_one_that_is_gone() {
    let findings = compared(&[("old", 1.0)], &[("new", 1.0)]);
    assert_eq!(
        findings,
        [Finding::Gone("old".into()), Finding::New("new".into())]
    );
    assert!(findings.iter().all(Finding::is_failure));
}

#[test]
fn counts_made_with_other_things_are_not_compared() {
    let stored = counts(&[("a", 1.0)]);
    let changes: [fn(&mut MadeWith) -> &mut String; 4] = [
        |with| &mut with.compiler,
        |with| &mut with.c_library,
        |with| &mut with.valgrind,
        |with| &mut with.processor,
    ];
    for change in changes {
        let mut other = stored.clone();
        change(&mut other.made_with).push_str(" of another make");
        let why = stored.compare(&other).expect_err("no comparison");
        assert!(why.contains("of another make"), "{why}");
    }
}

#[test]
fn the_stored_counts_can_be_read_and_written_again() {
    let stored = include_str!("../benches/instructions.toml");
    let counts = Counts::read(stored).expect("a file that was written by the benchmark");
    assert!(!counts.instructions.is_empty());
    let renew = stored
        .lines()
        .find_map(|line| line.strip_prefix("# Written by: "));
    assert_eq!(counts.text(renew.expect("it says how")), stored);
}
