//! Runs that are interrupted or frozen: what they keep, and what they say of themselves.

mod support;

use std::time::Duration;

use rustix::process::{Pid, kill_process};
use support::{FakeBroker, Midge, Outcome, Peer, Signal};

const FILES: [&str; 9] = [
    "run.json",
    "summary.csv",
    "intervals.csv",
    "percentiles.csv",
    "histogram.csv",
    "status.csv",
    "errors.csv",
    "histograms.hlog",
    "profile.toml",
];

/// Long enough to be interrupted wherever a test wants it.
fn long() -> Midge {
    Midge::small().brief().gentle().set("load.measure", "100s")
}

#[track_caller]
fn is_stopped_by(outcome: Outcome, signal: &str) -> Outcome {
    let outcome = outcome.ends_with(105);
    assert_eq!(outcome.at("/stopped_by"), signal);
    assert_eq!(outcome.at("/exit_code"), 105);
    for file in FILES {
        assert!(!outcome.file(file).is_empty(), "{file}");
    }
    outcome.keeps_its_accounts();
    outcome
}

/// Interrupts a run in its measure phase.
fn interrupted_by(signal: Signal, midge: Midge) -> Outcome {
    let mut running = midge.spawn();
    running.process.await_words("measure  asked");
    running.process.signal(signal);
    running.finish()
}

#[test]
fn an_interrupted_run_drains_and_keeps_everything() {
    let outcome = is_stopped_by(interrupted_by(Signal::INT, long()), "SIGINT");
    assert!(outcome.count("/total/ok") > 0);
    assert_eq!(outcome.count("/whole_run/in_flight"), 0);
    let measured = outcome.at("/load/measure_s").as_f64().expect("a number");
    assert!(measured < 100.0, "{measured}");
}

#[test]
fn a_terminated_run_drains_and_keeps_everything() {
    let outcome = is_stopped_by(interrupted_by(Signal::TERM, long()), "SIGTERM");
    assert!(outcome.count("/total/ok") > 0);
}

#[test]
fn an_interrupted_run_agrees_with_the_tenant_s_own_counts() {
    let outcome = is_stopped_by(interrupted_by(Signal::INT, long()), "SIGINT");
    for request in outcome.requests() {
        assert_eq!(
            outcome.count(&format!("/requests/{request}/whole_run/sent")),
            outcome.count(&format!("/tenant/received/{request}")),
            "{request}"
        );
    }
}

#[test]
fn a_second_interrupt_ends_the_drain_at_once() {
    let mut running = long()
        .set("tenant.loss", "100%")
        .set("request.*.deadline", "100s")
        .set("load.drain", "100s")
        .spawn();
    running.process.await_words("measure  asked");
    running.process.signal(Signal::INT);
    running.process.await_words("stopping");
    running.process.signal(Signal::INT);
    let outcome = is_stopped_by(running.finish(), "SIGINT");
    let drained = outcome.at("/load/phases/drain_s").as_f64();
    assert!(drained.expect("a number") < 90.0, "{drained:?}");
    assert!(outcome.count("/whole_run/in_flight") > 0, "{outcome}");
}

#[test]
fn a_run_that_is_interrupted_while_it_connects_keeps_everything() {
    let mut running = long().set("fleet.connect_rate", "1/s").spawn();
    running.process.await_words("connecting: 1 of 50");
    running.process.signal(Signal::INT);
    let outcome = is_stopped_by(running.finish(), "SIGINT");
    assert_eq!(outcome.count("/total/planned"), 0);
}

#[test]
fn a_run_that_is_interrupted_while_nobody_answers_ends_without_waiting() {
    let broker = FakeBroker::start(Peer::swallow);
    let mut running = long()
        .target(&broker.url)
        .set("target.connect_timeout", "1000s")
        .spawn();
    running.process.await_words("connecting: 0 of 50");
    running.process.signal(Signal::INT);
    let outcome = is_stopped_by(running.finish(), "SIGINT");
    assert_eq!(outcome.count("/connections/connected"), 0);
}

#[test]
fn an_interrupt_that_reaches_the_tenant_too_costs_no_reply() {
    // As Ctrl-C on a terminal does.
    let mut running = long().set("tenant.service_time", "fixed:200ms").spawn();
    running.process.await_words("measure  asked");
    for tenant in children_of(running.process.id()) {
        let tenant = i32::try_from(tenant).ok().and_then(Pid::from_raw);
        kill_process(tenant.expect("a process"), Signal::INT).expect("it is there");
    }
    running.process.signal(Signal::INT);
    let outcome = is_stopped_by(running.finish(), "SIGINT");
    assert_eq!(
        outcome.count("/whole_run/ok"),
        outcome.count("/whole_run/sent"),
        "{outcome}"
    );
}

/// Freezes the program for half a second in the middle of measure.
fn frozen(midge: Midge) -> support::Running {
    let mut running = midge.spawn();
    running.process.await_words("measure  asked");
    running.process.signal(Signal::STOP);
    std::thread::sleep(Duration::from_millis(500));
    running.process.signal(Signal::CONT);
    running
}

/// At a rate at which something is due as soon as the program is frozen.
fn brisk() -> Midge {
    Midge::small().brief().set("load.measure", "3s")
}

#[track_caller]
fn says_that_it_was_frozen(outcome: &Outcome) {
    assert!(!outcome.is_valid());
    let reasons = outcome.reasons();
    let of_time = |code: &&str| *code == "hiccup" || code.starts_with("pacer");
    assert!(reasons.iter().any(of_time), "{reasons:?}");
    let lag = outcome.at("/total/schedule_lag_us/max").as_f64();
    assert!(lag.expect("a number") >= 490_000.0, "{lag:?}");
}

#[test]
fn a_run_that_was_frozen_must_not_be_believed_and_says_why() {
    let outcome = frozen(brisk()).finish().ends_with(96);
    says_that_it_was_frozen(&outcome);
    assert!(outcome.stdout.contains("INVALID"), "{outcome}");
    outcome.keeps_its_accounts();
}

#[test]
fn a_run_that_must_not_be_believed_outranks_a_failed_threshold() {
    let midge = brisk().set("thresholds.response_time.max", "< 1ns");
    let outcome = frozen(midge).finish().ends_with(96);
    says_that_it_was_frozen(&outcome);
    let thresholds = outcome.at("/thresholds").as_array().expect("a list");
    assert!(
        thresholds
            .iter()
            .any(|threshold| threshold["passed"] == false)
    );
}

#[test]
fn what_is_overdue_on_one_connection_leaves_in_a_few_writes() {
    let gateway = Midge::run("mqtt-publish")
        .brief()
        .set("fleet.connections", "{ endpoints_per_connection = 50 }")
        .set("request.publish.qos", "0")
        .set("load.arrival_rate", "2_000/s")
        .set("load.measure", "3s");
    let outcome = frozen(gateway).finish();
    outcome.keeps_its_accounts();
    let sent = outcome.count("/whole_run/sent");
    let writes = outcome.count("/generator/writes");
    // A thousand messages came due in the half second; each of them on time would be a write.
    assert!(writes + 800 < sent, "{writes} writes for {sent} messages");
}

#[test]
fn a_signal_outranks_a_run_that_must_not_be_believed() {
    let running = frozen(brisk().set("load.measure", "100s"));
    running.process.signal(Signal::INT);
    let outcome = is_stopped_by(running.finish(), "SIGINT");
    // What was overdue when the signal came was sent late or dropped; the pause shows either way.
    assert!(!outcome.is_valid());
    assert!(outcome.reasons().contains(&"hiccup"), "{outcome}");
}

#[test]
fn the_simulated_tenant_dies_with_a_run_that_is_killed() {
    let mut running = long().spawn();
    running.await_load();
    let tenants = children_of(running.process.id());
    assert_eq!(tenants.len(), 1, "one child, the tenant");
    running.process.signal(Signal::KILL);
    let ended = running.finish();
    assert_eq!(ended.code, -9);
    let gone = (0..2000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        !is_alive(tenants[0])
    });
    assert!(gone, "the tenant {} outlives the run", tenants[0]);
}

#[test]
fn the_simulated_tenant_is_gone_when_the_run_has_ended() {
    let mut running = long().spawn();
    running.await_load();
    let tenants = children_of(running.process.id());
    running.process.signal(Signal::INT);
    running.finish().ends_with(105);
    assert!(tenants.iter().all(|tenant| !is_alive(*tenant)));
}

/// The fields of /proc/PID/stat after the name: state, parent, ...
fn stat(process: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn children_of(parent: u32) -> Vec<u32> {
    let parent = parent.to_string();
    let entries = std::fs::read_dir("/proc").expect("a list of processes");
    let processes = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    processes
        .filter(|process| stat(*process).is_some_and(|fields| fields[1] == parent))
        .collect()
}

/// A dead process whose parent has not looked yet counts as dead.
fn is_alive(process: u32) -> bool {
    stat(process).is_some_and(|fields| fields[0] != "Z" && fields[0] != "X")
}
