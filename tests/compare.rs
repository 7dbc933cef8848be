//! `midge compare` on the folders of real runs.
//!
//! Service times are fixed and far apart, and requests are few, so that no disturbance of this
//! machine changes what comes out. Not here: the rules, which are tested where they are.

mod support;

use std::ffi::OsStr;
use std::path::Path;

use serde_json::Value;
use support::{Midge, Outcome};

/// A valid run against a tenant that takes this long. So few requests have no p99, which fails a
/// threshold of the profile; a comparison has its own limits.
fn run(service_time: &str) -> Outcome {
    let outcome = Midge::small()
        .brief()
        .gentle()
        .set("tenant.service_time", service_time)
        .go_undisturbed();
    assert!(outcome.is_valid(), "{outcome}");
    outcome
}

fn compare(a: &Path, b: &Path) -> Midge {
    Midge::call([OsStr::new("compare"), a.as_os_str(), b.as_os_str()])
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}\n{outcome}"))
}

#[test]
fn two_runs_of_one_profile_are_compared_and_none_is_worse() {
    // A limit that only a change of the tenant exceeds.
    let (a, b) = (run("fixed:50ms"), run("fixed:50ms"));
    let outcome = compare(&a.folder, &b.folder)
        .argument("--strict")
        .argument("--max-change=80%")
        .go()
        .ends_with(0);
    assert_eq!(outcome.stderr, "", "{outcome}");
    for words in [
        "weak: not interleaved",
        "alternating",
        "no regression",
        "dcx-json",
        "metadata-get",
        "total",
        "response time p50",
        "connect time p99",
    ] {
        assert!(outcome.stdout.contains(words), "{words}\n{outcome}");
    }
    assert!(!outcome.stdout.contains("difference"), "{outcome}");
}

#[test]
fn a_tenant_that_became_slower_is_a_regression_and_a_faster_one_is_not() {
    let (fast, slow) = (run("fixed:5ms"), run("fixed:20ms"));
    let worse = compare(&fast.folder, &slow.folder).go().ends_with(97);
    assert!(worse.stdout.contains("decision    REGRESSION"), "{worse}");
    assert!(
        worse.stdout.contains("it is the profile that differs"),
        "{worse}"
    );
    let better = compare(&slow.folder, &fast.folder)
        .argument("--strict")
        .go()
        .ends_with(0);
    assert!(better.stdout.contains("no regression"), "{better}");
    let worse = compare(&fast.folder, &slow.folder)
        .argument("--json")
        .go()
        .ends_with(97);
    let worse = json(&worse);
    assert_eq!(worse["decision"], "regression");
    let p50 = &worse["requests"]["dcx-json"]["response_time_p50_us"];
    assert_eq!(p50["judgement"], "regression", "{worse}");
}

#[test]
fn a_run_is_no_worse_than_itself_and_an_invalid_one_is_only_a_matter_for_the_strict() {
    let run = run("fixed:5ms");
    let outcome = compare(&run.folder, &run.folder)
        .argument("--json")
        .argument("--strict")
        .go()
        .ends_with(0);
    let same = json(&outcome);
    assert_eq!(same["format"], 1);
    assert_eq!(same["kind"], "stored");
    assert_eq!(same["weak"], true);
    assert_eq!(same["decision"], "no_regression");
    assert_eq!(same["differences"], serde_json::json!([]));
    assert_eq!(
        same["requests"].as_object().map(serde_json::Map::len),
        Some(run.requests().len())
    );

    let mut result = run.result().clone();
    result["verdict"]["valid"] = false.into();
    let other = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(other.path().join("run.json"), result.to_string()).expect("a file");
    let lenient = compare(&run.folder, other.path()).go().ends_with(0);
    assert!(lenient.stdout.contains("INCONCLUSIVE"), "{lenient}");
    compare(&run.folder, other.path())
        .argument("--strict")
        .go()
        .ends_with(98);
}

#[test]
fn a_folder_without_a_run_is_refused() {
    let nothing = tempfile::tempdir().expect("a temporary folder");
    let missing = nothing.path().join("nowhere");
    for folder in [nothing.path(), &missing] {
        let outcome = compare(folder, folder).go().ends_with(104);
        assert!(outcome.stderr.contains("no complete run"), "{outcome}");
        assert_eq!(outcome.stdout, "", "{outcome}");
    }
}

#[test]
fn a_change_that_is_no_number_is_refused() {
    let outcome = compare(Path::new("a"), Path::new("b"))
        .argument("--max-change=lots")
        .go()
        .ends_with(104);
    assert!(outcome.stderr.contains("such as 20"), "{outcome}");
}
