//! Our fleet and our callers against a far side that is not ours: Paho behind Mosquitto, as a tenant
//! of Kaa's kind and as Enapter's devices.
//!
//! Counts on both sides must agree. How long replies take is no question here: they come from Python.

use serde_json::Value;

use crate::client::port;
use crate::interop::{Mosquitto, alone};
use crate::script::Script;
use crate::support::{Midge, Outcome};

/// Long enough for any reply.
const DEADLINE: (&str, &str) = ("request.*.deadline", "30s");

/// Fails if anything but a time is not as the profile asks for.
#[track_caller]
fn is_content_but_for_times(outcome: &Outcome) {
    let judged = outcome.at("/thresholds").as_array().expect("a list");
    let mut slow = false;
    for threshold in judged.iter().filter(|one| one["passed"] == false) {
        let expression = threshold["expression"].as_str().expect("a text");
        assert!(
            expression.contains("response_time"),
            "{expression}\n{outcome}"
        );
        slow = true;
    }
    let expected = match (outcome.is_disturbed(), slow) {
        (true, _) => 96,
        (false, true) => 99,
        (false, false) => 0,
    };
    assert_eq!(outcome.code, expected, "{outcome}");
}

fn count(counts: &Value, name: &str) -> u64 {
    counts[name].as_u64().expect("a count")
}

fn metadata(broker: &Mosquitto, qos: u8) -> Outcome {
    Midge::run("kaa-metadata")
        .target(&broker.url)
        .set("fleet.endpoints", "20")
        .set("fleet.subscribe", "auto")
        .set("load.arrival_rate", "100/s")
        .set("load.warm_up", "200ms")
        .set("load.measure", "2s")
        .set("load.drain", "30s")
        .set("load.in_flight_max", "200")
        .set("request.*.qos", &qos.to_string())
        .set(DEADLINE.0, DEADLINE.1)
        .go()
}

fn answerer(broker: &Mosquitto, refused: &[&str]) -> Script {
    let port = port(&broker.url).to_string();
    let mut script = Script::start("answerer.py", [&[&*port], refused].concat());
    script.await_ready();
    script
}

#[track_caller]
fn every_request_gets_the_reply_of_a_tenant_that_is_not_ours(qos: u8) {
    let _alone = alone();
    let broker = Mosquitto::start();
    let tenant = answerer(&broker, &[]);
    let outcome = metadata(&broker, qos);
    let counts = tenant.end();
    outcome.keeps_its_accounts();
    let of = |name: &str| outcome.count(&format!("/whole_run/{name}"));
    assert!(of("planned") > 100, "{outcome}");
    assert_eq!(of("ok"), of("planned"), "{outcome}");
    for none in ["duplicate", "orphan", "late", "unattributed_errors"] {
        assert_eq!(of(none), 0, "{none}\n{outcome}");
    }
    assert_eq!(count(&counts, "ok"), of("sent"), "{counts}\n{outcome}");
    assert_eq!(count(&counts, "own"), of("ok"), "the broker brings it back");
    assert_eq!(count(&counts, "without_id"), 0, "{counts}");
    is_content_but_for_times(&outcome);
}

#[test]
fn every_request_gets_the_reply_of_a_tenant_that_is_not_ours_with_qos_0() {
    every_request_gets_the_reply_of_a_tenant_that_is_not_ours(0);
}

#[test]
fn every_request_gets_the_reply_of_a_tenant_that_is_not_ours_with_qos_2() {
    every_request_gets_the_reply_of_a_tenant_that_is_not_ours(2);
}

#[test]
fn errors_of_a_tenant_that_is_not_ours_are_counted_with_their_status() {
    let _alone = alone();
    let broker = Mosquitto::start();
    let tenant = answerer(&broker, &["/delete/keys/"]);
    let outcome = metadata(&broker, 1);
    let counts = tenant.end();
    outcome.keeps_its_accounts();
    let of = |name: &str| outcome.count(&format!("/whole_run/{name}"));
    let errors = count(&counts, "error");
    assert!(errors > 0, "{counts}");
    assert_eq!(of("error"), errors, "{outcome}");
    assert_eq!(of("ok"), count(&counts, "ok"), "{outcome}");
    assert_eq!(of("ok") + of("error"), of("planned"), "{outcome}");
    let deletes = |name: &str| outcome.count(&format!("/requests/metadata-delete/{name}"));
    assert_eq!(deletes("whole_run/error"), errors, "{outcome}");
    assert!(deletes("error") > 0, "{outcome}");
    assert_eq!(deletes("status_codes/403"), deletes("error"), "{outcome}");
}

/// Callers alone: the endpoints neither report nor answer.
const COMMANDS: &str = r#"
format = 1
name = "commands"
description = "Commands to devices that somebody else plays"
platforms = ["enapter"]

[fleet]
endpoints = 20
subscribe = "none"

[load]
warm_up = "200ms"
measure = "2s"
drain = "30s"
in_flight_max = 200

[[request]]
use = "enapter/set-power"
rate = "50/s"
deadline = "30s"
"#;

#[test]
fn callers_measure_the_final_answers_of_devices_that_are_not_ours() {
    let _alone = alone();
    let broker = Mosquitto::start();
    let port = port(&broker.url).to_string();
    let mut devices = Script::start("device.py", [&*port, "4000"]);
    devices.await_ready();
    let midge = Midge::run("./commands.toml").file("commands.toml", COMMANDS);
    let outcome = midge.target(&broker.url).go();
    let counts = devices.end();
    outcome.keeps_its_accounts();
    let of = |name: &str| outcome.count(&format!("/requests/set-power/whole_run/{name}"));
    assert!(of("planned") > 50, "{outcome}");
    assert_eq!(of("ok"), count(&counts, "completed"), "{counts}\n{outcome}");
    assert_eq!(of("error"), count(&counts, "error"), "{counts}\n{outcome}");
    assert!(of("ok") > 0 && of("error") > 0, "{counts}\n{outcome}");
    assert_eq!(of("ok") + of("error"), of("planned"), "{outcome}");
    assert_eq!(count(&counts, "ids"), of("sent"), "IDs are unique");
    assert_eq!((of("duplicate"), of("orphan"), of("late")), (0, 0, 0));
    // Finals are measured, not logs: one response time for each command.
    let measured = outcome.count("/requests/set-power/response_time_us/count");
    let answered =
        outcome.count("/requests/set-power/ok") + outcome.count("/requests/set-power/error");
    assert_eq!(measured, answered, "{outcome}");
    is_content_but_for_times(&outcome);
}
