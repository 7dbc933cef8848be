//! The witness beside the fleet: two clients of different make against one tenant that is known.
//!
//! Needs the feature `witness`. Counts must agree to the message on any machine; waits are compared
//! only in runs that the program itself believes, with bounds that follow from the number of samples.
//! Not here: when a difference is called one (unit tests of `measure`).

mod interop;
mod support;

use interop::{alone, believed, ends_with_unless_disturbed, ms};
use serde_json::Value;
use support::{FakeBroker, Midge, Outcome, Tenant};

/// A fleet of fifty with a witness.
fn witnessed() -> Midge {
    Midge::small()
        .brief()
        .set("load.in_flight_max", "200")
        .set("load.drain", "10s")
        .argument("--witness")
        .argument("--witness-rate=100/s")
}

#[track_caller]
fn said(outcome: &Outcome, count: &str) -> u64 {
    let pointer = format!("/witness/{count}");
    let value = outcome.at(&pointer).as_u64();
    value.unwrap_or_else(|| panic!("{pointer} is no count\n{outcome}"))
}

/// Fails unless every probe has its end.
#[track_caller]
fn every_probe_is_accounted_for(outcome: &Outcome) {
    let of = |names: &[&str]| -> u64 { names.iter().map(|name| said(outcome, name)).sum() };
    assert_eq!(
        of(&["probes_planned"]),
        of(&["probes_sent", "probes_skipped"]),
        "{outcome}"
    );
    let ends = ["ok", "error", "timeout", "failed", "in_flight"];
    assert_eq!(of(&["probes_sent"]), of(&ends), "{outcome}");
    outcome.keeps_its_accounts();
}

fn sum(table: &Value) -> u64 {
    let rows = table.as_object().expect("a table");
    rows.values().filter_map(Value::as_u64).sum()
}

/// Codes of the warnings that come from the witness.
fn warnings(outcome: &Outcome) -> Vec<&str> {
    let all = outcome.at("/verdict/warnings").as_array().expect("a list");
    let codes = all.iter().filter_map(|warning| warning["code"].as_str());
    codes.filter(|code| code.starts_with("witness_")).collect()
}

#[test]
fn the_tenant_has_counted_what_fleet_and_witness_say_they_have_sent() {
    let outcome = witnessed()
        .set("request.*.deadline", "2s")
        .set("tenant.loss", "5%")
        .set("tenant.error_rate", "5%")
        .set("tenant.duplicate", "5%")
        .go();
    every_probe_is_accounted_for(&outcome);
    assert!(said(&outcome, "probes_sent") > 50, "{outcome}");
    assert_eq!(said(&outcome, "connected"), 32, "{outcome}");
    for (fleet, witness, tenant) in [
        ("sent", "probes_sent", "received"),
        ("ok", "ok", "replied_ok"),
        ("error", "error", "replied_error"),
        ("timeout", "timeout", "lost"),
    ] {
        let counted = outcome.count(&format!("/whole_run/{fleet}")) + said(&outcome, witness);
        let there = sum(outcome.at(&format!("/tenant/{tenant}")));
        assert_eq!(counted, there, "{fleet} here, {tenant} there\n{outcome}");
    }
    // Nothing of the witness reached the fleet.
    for none in ["orphan", "late", "unattributed_errors"] {
        assert_eq!(outcome.count(&format!("/whole_run/{none}")), 0, "{none}");
    }
}

/// Share of a normal distribution's standard deviation by which the median of `count` samples may be
/// off: the rank of the median is off by at most 3 standard deviations of sqrt(n)/2, in 997 of 1,000
/// runs, and near the middle a share d of the ranks is d * sqrt(2 pi) deviations wide (a tenth more
/// covers the curvature up to a share of 0.1).
fn median_deviations(count: u64) -> f64 {
    let share = 3.0 * 0.5 / (count as f64).sqrt();
    assert!(share < 0.1, "{count} samples are too few");
    share * std::f64::consts::TAU.sqrt() * 1.1
}

#[test]
fn two_clients_see_the_service_time_that_the_tenant_was_told_to_have() {
    const MEDIAN_MS: f64 = 5.0;
    const SIGMA: f64 = 0.5;
    // Wake-ups of two processes on a machine that is in use; the tenant adds its own to every draw.
    const WAKE_UPS_MS: f64 = 2.0;
    let _alone = alone();
    let (outcome, ()) = believed(|| {
        let run = witnessed()
            .set("load.arrival_rate", "300/s")
            .set("load.measure", "6s")
            .set("tenant.service_time", "lognormal:5ms,0.5");
        (run.go(), ())
    });
    every_probe_is_accounted_for(&outcome);
    assert_eq!(said(&outcome, "ok"), said(&outcome, "probes_planned"));
    for (whose, answered) in [
        ("service_time_us", said(&outcome, "ok")),
        ("fleet_service_time_us", outcome.count("/total/ok")),
    ] {
        let counted = outcome.count(&format!("/witness/{whose}/count"));
        assert_eq!(counted, answered, "{whose} counts every answer\n{outcome}");
        let median = ms(&outcome, &format!("/witness/{whose}/p50"));
        let factor = (SIGMA * median_deviations(answered)).exp();
        // Delays on the way make it longer only: below is nothing but chance.
        assert!(median >= MEDIAN_MS / factor, "{whose}: {median}\n{outcome}");
        let most = MEDIAN_MS * factor + WAKE_UPS_MS;
        assert!(median <= most, "{whose}: {median} above {most}\n{outcome}");
    }
    // Both medians within the bounds above are no contradiction, unless the machine stalled one.
    assert!(!warnings(&outcome).contains(&"witness_silent"), "{outcome}");
    assert!(
        outcome
            .stdout
            .contains("witness     mqtt-async-client sent")
    );
}

#[test]
fn nobody_sees_an_answer_before_the_tenant_gave_it() {
    let outcome = witnessed().set("tenant.service_time", "fixed:20ms").go();
    every_probe_is_accounted_for(&outcome);
    for whose in ["service_time_us", "fleet_service_time_us"] {
        let shortest = ms(&outcome, &format!("/witness/{whose}/min"));
        assert!(shortest >= 20.0, "{whose}: {shortest}\n{outcome}");
    }
}

#[test]
fn the_rate_is_kept_and_the_cap_holds_for_both_together() {
    let outcome = witnessed()
        .set("limits.messages_per_s", "300/s")
        .set("load.arrival_rate", "max")
        .go();
    every_probe_is_accounted_for(&outcome);
    let planned = said(&outcome, "probes_planned");
    // One second at 100/s: each part of a slot has one, so only the ends are uncertain.
    assert!((98..=102).contains(&planned), "{planned}\n{outcome}");
    let received = sum(outcome.at("/tenant/received"));
    // 1.2 s of load, the limiter's burst of 20 ms, and a moment until the last message has left.
    assert!(received <= 300 * 3 / 2, "{received}\n{outcome}");
}

#[test]
fn a_tenant_that_knows_only_the_fleet_gets_a_warning_and_the_run_passes() {
    let tokens: Vec<String> = (0..50).map(|endpoint| format!("ep-{endpoint}")).collect();
    let outcome = witnessed().set("tenant.tokens", &tokens.join(",")).go();
    ends_with_unless_disturbed(&outcome, 0);
    every_probe_is_accounted_for(&outcome);
    assert_eq!(said(&outcome, "ok"), 0, "{outcome}");
    assert_eq!(warnings(&outcome), ["witness_no_success"], "{outcome}");
}

#[test]
fn identities_of_a_list_come_from_the_rows_after_the_fleets() {
    let list = |rows: usize| -> String {
        let rows = (0..rows).map(|row| format!("device-{row}\n"));
        std::iter::once("token\n".to_owned()).chain(rows).collect()
    };
    let run = |rows: usize| {
        let midge = Midge::run("./list.toml").file("list.toml", PROFILE);
        midge
            .file("fleet.csv", &list(rows))
            .argument("--witness")
            .argument("--witness-rate=100/s")
    };
    let outcome = run(42).go();
    every_probe_is_accounted_for(&outcome);
    assert!(said(&outcome, "ok") > 50, "{outcome}");
    let refused = run(41).go().ends_with(104);
    let help = "the witness's endpoints are the 32 rows after the 10 of the fleet";
    assert!(refused.stderr.contains(help), "{refused}");
}

const PROFILE: &str = r#"
format = 1
name = "list"
platforms = ["kaa"]

[fleet]
endpoints = 10
identities = "fleet.csv"
subscribe = "none"

[load]
arrival_rate = "20/s"
warm_up = "200ms"
measure = "1s"

[[request]]
use = "kaa/dcx-json"
"#;

#[test]
fn it_subscribes_where_the_fleet_subscribes() {
    let outcome = witnessed()
        .set("fleet.subscribe", "auto")
        .set("tenant.delivery", "broker")
        .go();
    every_probe_is_accounted_for(&outcome);
    assert!(said(&outcome, "ok") > 50, "{outcome}");
    assert_eq!(said(&outcome, "timeout"), 0, "{outcome}");
}

#[test]
fn what_it_cannot_do_is_refused_before_anything_is_sent() {
    let tenant = Tenant::start(["--service-time=1ms"]);
    let refused = |midge: Midge, saying: &str| {
        let outcome = midge.go().ends_with(104);
        assert!(outcome.stderr.contains(saying), "{outcome}");
        assert!(outcome.result.is_none(), "{outcome}");
    };
    let here = |profile: &str| {
        let midge = Midge::run(profile).target(&tenant.url);
        midge.argument("--witness")
    };
    refused(here("mqtt-publish"), "publish: it has no reply");
    refused(here("enapter-commands"), "callers send it");
    refused(
        here("kaa-fleet").set("request.*.qos", "1"),
        "does not read while it waits",
    );
    refused(
        here("kaa-fleet").argument("--witness-rate=1_000/s"),
        "a witness is no load",
    );
    refused(
        here("kaa-fleet").set("limits.messages_per_s", "10/s"),
        "leaves no room",
    );
    refused(
        Midge::small()
            .target("mqtt://[::1]:1883")
            .argument("--witness"),
        "IPv6",
    );
    refused(Midge::small().argument("--witness-rate=5/s"), "--witness");
    let counts = tenant.stop();
    assert_eq!(counts["connections"], 0, "{counts}");
}

#[test]
fn a_target_that_closes_connections_ends_the_witness_and_not_the_run() {
    let outcome = witnessed().set("tenant.disconnect_rate", "100/s").go();
    every_probe_is_accounted_for(&outcome);
    assert!(said(&outcome, "probes_skipped") > 0, "{outcome}");
    assert!(warnings(&outcome).contains(&"witness_skipped"), "{outcome}");
    // A client that reads the end of a stream over and over would take a processor to itself.
    let cpu = outcome.at("/generator/cpu_s").as_f64().expect("a time");
    assert!(cpu < 1.0, "{cpu} s\n{outcome}");
}

#[test]
fn bytes_that_break_its_client_end_the_witness_and_not_the_run() {
    // A PUBLISH that is too short for its topic's length.
    const BROKEN: [u8; 3] = [0x30, 1, 0];
    let broker = FakeBroker::start(|peer| {
        peer.welcome();
        while let Some((first, body)) = peer.next_packet() {
            match first >> 4 {
                10 => peer.send(&[0xB0, 2, body[0], body[1]]),
                3 => peer.send(&BROKEN),
                _ => {}
            }
        }
    });
    let outcome = witnessed()
        .gentle()
        .set("request.*.deadline", "500ms")
        .target(&broker.url)
        .go();
    every_probe_is_accounted_for(&outcome);
    assert_eq!(said(&outcome, "connected"), 32, "{outcome}");
    assert_eq!(said(&outcome, "ok"), 0, "{outcome}");
    assert!(said(&outcome, "failed") > 0, "{outcome}");
}

#[test]
fn a_target_where_nobody_listens_leaves_a_silent_witness() {
    let outcome = witnessed().target(&FakeBroker::closed_port()).go();
    every_probe_is_accounted_for(&outcome);
    assert_eq!(said(&outcome, "connected"), 0, "{outcome}");
    assert_eq!(warnings(&outcome), ["witness_silent"], "{outcome}");
}
