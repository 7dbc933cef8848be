//! `midge calibrate` as people call it, and runs that quote what it has found out.
//!
//! Loads are so short here that their figures mean nothing. Not here: what a share of the ceiling is
//! (beside its code), and how large this machine's is.

mod support;

use std::sync::LazyLock;

use midge::calibration::Calibration;
use serde_json::Value;
use support::{Midge, Outcome, Signal};

/// Where it is kept, in a test's folder.
const FILE: &str = "state/midge/calibration.toml";

fn calibrate() -> Midge {
    Midge::call(["calibrate", "--quick", "--measure", "200ms"])
}

/// What it finds out about this machine; found out once.
static FOUND: LazyLock<Calibration> = LazyLock::new(|| read(&calibrate().go().ends_with(0)));

#[track_caller]
fn read(outcome: &Outcome) -> Calibration {
    let text = std::fs::read_to_string(outcome.home().join(FILE));
    let text = text.unwrap_or_else(|error| panic!("{error}\n{outcome}"));
    Calibration::read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A run of 60 requests per second, evenly spaced, which are all replied to, and a calibration.
fn run_with(calibration: &Calibration) -> Midge {
    let text = calibration.text().expect("it can be written");
    Midge::small()
        .brief()
        .gentle()
        .set("load.arrivals", "constant")
        .file("mine.toml", &text)
        .argument("--calibration=mine.toml")
}

fn with_ceiling(request_reply_per_s: f64) -> Calibration {
    let mut calibration = FOUND.clone();
    calibration.request_reply.per_s = request_reply_per_s;
    calibration
}

/// Codes of the warnings.
fn warnings(outcome: &Outcome) -> Vec<&str> {
    let warnings = outcome.at("/verdict/warnings").as_array();
    let warnings = warnings.expect("a list").iter();
    warnings
        .filter_map(|warning| warning["code"].as_str())
        .collect()
}

#[test]
fn what_it_finds_out_is_kept_where_runs_look_for_it() {
    let outcome = calibrate().go().ends_with(0);
    for said in [
        "QoS 0, one message per write",
        "request and reply",
        "connects",
        "lag          at 20,000/s",
        FILE,
    ] {
        assert!(outcome.stdout.contains(said), "{said}\n{outcome}");
    }
    let found = read(&outcome);
    for of in [
        &found.qos0,
        &found.qos0_batched,
        &found.qos1,
        &found.qos2,
        &found.request_reply,
        &found.connects,
    ] {
        assert!(of.per_s >= of.lowest_per_s && of.midge_cpus > 0.0, "{of:?}");
        assert!(of.busier.is_some(), "{of:?}");
    }
    assert_eq!(found.request_reply.far, "simulated tenant");
    assert!(found.connections.opened >= 1_000 && found.connections.fit > 0);
    assert_eq!(found.lag.len(), 2, "{found:?}");
    assert!(found.lag.iter().all(|lag| lag.messages > 0), "{found:?}");

    let state = outcome.home().join("state");
    let state = state.to_str().expect("a path of letters");
    let run = Midge::small().brief().environment("XDG_STATE_HOME", state);
    let run = run.go();
    let at = |name: &str| run.at(&format!("/generator/calibration/{name}"));
    let number = |name: &str| at(name).as_f64().unwrap_or_else(|| panic!("{name}\n{run}"));
    assert_eq!(at("date"), &Value::from(found.date), "{run}");
    let ceiling = number("ceiling_per_s");
    assert!((ceiling - found.request_reply.per_s).abs() < 0.1, "{run}");
    let share = number("planned_per_s") / ceiling;
    assert!((number("share") / share - 1.0).abs() < 0.01, "{run}");
    let load = run.at("/load/planned_per_s").as_f64().expect("a rate");
    // To a tenth.
    let planned = number("planned_per_s") + 0.1;
    assert!(planned >= load, "when it was busiest\n{run}");
}

#[test]
fn a_run_near_the_ceiling_is_warned_and_one_beyond_the_gate_is_invalid() {
    let beyond = run_with(&with_ceiling(40.0)).go().ends_with(96);
    assert!(beyond.reasons().contains(&"ceiling"), "{beyond}");
    assert!(!warnings(&beyond).contains(&"ceiling"), "{beyond}");
    assert!(beyond.stdout.contains("calibrated"), "{beyond}");

    let near = run_with(&with_ceiling(92.0)).go();
    assert!(!near.reasons().contains(&"ceiling"), "{near}");
    assert!(warnings(&near).contains(&"ceiling"), "{near}");

    let far = run_with(&with_ceiling(1_000.0)).go();
    assert!(!far.reasons().contains(&"ceiling"), "{far}");
    assert!(!warnings(&far).contains(&"ceiling"), "{far}");

    let strict = run_with(&with_ceiling(1_000.0)).set("gates.ceiling", "1%");
    let strict = strict.go().ends_with(96);
    assert!(strict.reasons().contains(&"ceiling"), "{strict}");
}

#[test]
fn without_rates_it_is_quoted_and_judges_nothing() {
    let closed = run_with(&with_ceiling(1.0))
        .set("load.model", "closed")
        .set("fleet.endpoints", "5")
        .go();
    assert!(!closed.reasons().contains(&"ceiling"), "{closed}");
    let share = closed.at("/generator/calibration/share").as_f64();
    assert!(share > Some(1.0), "{closed}");
}

#[test]
fn one_that_does_not_hold_here_is_ignored_with_a_note() {
    let mut other = with_ceiling(1.0);
    other.machine.kernel.push_str("-other");
    let mut older = with_ceiling(1.0);
    older.midge = "0.0.1".to_owned();
    let mut more = with_ceiling(1.0);
    more.workers = 7;
    for (calibration, why) in [(other, "kernel"), (older, "0.0.1"), (more, "--workers 7")] {
        let run = run_with(&calibration).go();
        assert!(run.stderr.contains("is ignored"), "{run}");
        assert!(run.stderr.contains(why), "{run}");
        assert_eq!(run.at("/generator/calibration"), &Value::Null, "{run}");
        let ignored = run.at("/generator/calibration_ignored").as_str();
        assert!(ignored.is_some_and(|said| said.contains(why)), "{run}");
        assert!(!run.reasons().contains(&"ceiling"), "{run}");
    }
}

#[test]
fn what_cannot_be_read_or_kept_is_refused_before_anything_is_sent() {
    for calibration in ["nowhere.toml", "broken.toml"] {
        let run = Midge::small()
            .file("broken.toml", "format = 1\n")
            .argument("--calibration")
            .argument(calibration);
        let refused = run.go().ends_with(104);
        assert!(refused.stderr.contains(calibration), "{refused}");
        assert!(refused.stderr.contains("nothing was sent"), "{refused}");
    }
    let kept = calibrate()
        .file("a-file", "")
        .argument("--out=a-file/x.toml");
    let refused = kept.go().ends_with(104);
    assert!(refused.stderr.contains("a-file/x.toml"), "{refused}");
    assert_eq!(refused.stdout, "", "{refused}");
    calibrate().argument("--measure=1h").go().ends_with(104);
}

#[test]
fn one_that_is_stopped_keeps_nothing() {
    let mut running = Midge::call(["calibrate", "--out", "mine.toml"]).spawn();
    running.process.await_words("QoS 0, one message per write");
    running.process.signal(Signal::INT);
    let outcome = running.finish().ends_with(105);
    assert!(!outcome.home().join("mine.toml").exists(), "{outcome}");
}
