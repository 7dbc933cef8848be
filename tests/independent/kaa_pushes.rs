//! What the simulated tenant sends a Kaa endpoint by itself, and how Paho deals with it as an
//! endpoint would: commands until none is outstanding, configurations until they are applied.
//!
//! How often the tenant pushes is a rate; nothing here depends on the instants.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Client, Message};
use crate::support::Tenant;

/// What the topics of these endpoints begin with.
pub const PREFIX: &str = "kp1/bspu542ikfmmfgrk47s0-v1";
/// More often than any push can get between question and answer.
pub const ATTEMPTS: u32 = 50;

fn tenant(delivery: &str, flag: &str) -> Tenant {
    Tenant::start(["--delivery", delivery, flag, "5/s"])
}

/// An endpoint that the tenant knows. As a broker it only reaches those who subscribed.
fn endpoint(tenant: &Tenant, delivery: &str) -> Client {
    let mut client = Client::connect(&tenant.url);
    if delivery == "broker" {
        client.subscribe("kp1/+/+/ep-1/#", 1);
    }
    client.publish(&format!("{PREFIX}/dcx/ep-1/json"), "{}", 1);
    client
}

/// The next message on this topic.
#[track_caller]
pub fn awaited(client: &mut Client, topic: &str) -> Message {
    loop {
        let message = client.next();
        if message.topic == topic {
            return message;
        }
        // A broker brings our own requests back; no reply to them is an error.
        assert!(!message.topic.ends_with("/error"), "{message:?}");
    }
}

/// Commands in the payload of a push or of a reply.
#[track_caller]
pub fn commands(message: &Message) -> BTreeSet<u64> {
    let Value::Array(commands) = message.json() else {
        panic!("{message:?}")
    };
    let id = |command: &Value| {
        let keys: Vec<_> = command.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["id", "payload"], "{message:?}");
        command["id"].as_u64().expect("an id")
    };
    commands.iter().map(id).collect()
}

#[track_caller]
fn a_command_is_outstanding_until_it_has_a_result(delivery: &str) {
    let tenant = tenant(delivery, "--commands");
    let mut client = endpoint(&tenant, delivery);
    let pushed = awaited(
        &mut client,
        &format!("{PREFIX}/cex/ep-1/command/set_power/status"),
    );
    let first = commands(&pushed);
    assert_eq!(first.len(), 1, "{pushed:?}");
    let mut finished = BTreeSet::new();
    for id in 1..ATTEMPTS {
        let poll = format!("{PREFIX}/cex/ep-1/command/set_power/{id}");
        client.publish(&poll, "{}", 0);
        let outstanding = commands(&awaited(&mut client, &format!("{poll}/status")));
        if id == 1 {
            assert!(outstanding.is_superset(&first), "{outstanding:?} {first:?}");
        }
        assert!(outstanding.is_disjoint(&finished), "{finished:?}");
        if outstanding.is_empty() {
            let report = tenant.stop();
            let results = report["results"]["completed"].as_u64();
            assert_eq!(results, Some(finished.len() as u64), "{report}");
            assert_eq!(report["rejected"], json!({}), "{report}");
            return;
        }
        let results: Vec<_> = outstanding
            .iter()
            .map(|id| json!({"id": id, "statusCode": 200, "reasonPhrase": "Ok"}))
            .collect();
        let result = format!("{PREFIX}/cex/ep-1/result/set_power");
        client.publish(&result, &Value::Array(results).to_string(), 0);
        finished.extend(outstanding);
    }
    panic!("commands are always outstanding: {finished:?}");
}

#[test]
fn a_command_is_outstanding_until_it_has_a_result_without_any_subscription() {
    a_command_is_outstanding_until_it_has_a_result("kpc");
}

#[test]
fn a_command_is_outstanding_until_it_has_a_result_over_a_broker() {
    a_command_is_outstanding_until_it_has_a_result("broker");
}

/// Asks until no newer configuration was pushed in between.
#[track_caller]
fn unchanged_if_it_is_the_latest(client: &mut Client, pushed: &Message) -> Value {
    let mut known = pushed.json()["configId"].clone();
    for id in 1..ATTEMPTS {
        let ask = format!("{PREFIX}/cmx/ep-1/config/json/{id}");
        client.publish(&ask, &json!({"configId": known}).to_string(), 0);
        let answer = awaited(client, &format!("{ask}/status")).json();
        if answer == json!({}) {
            return known;
        }
        assert_ne!(answer["configId"], known);
        known = answer["configId"].clone();
    }
    panic!("it always has another configuration: {known}");
}

#[track_caller]
fn a_configuration_is_pushed_and_reported_as_applied(delivery: &str) {
    let tenant = tenant(delivery, "--config-push");
    let mut client = endpoint(&tenant, delivery);
    let pushed = awaited(
        &mut client,
        &format!("{PREFIX}/cmx/ep-1/config/json/status"),
    );
    let config = pushed.json();
    // Some endpoints drop a push without the status code.
    assert_eq!(config["statusCode"], 200, "{config}");
    assert_eq!(config["reasonPhrase"], "ok", "{config}");
    assert!(config["config"].is_object(), "{config}");
    let known = unchanged_if_it_is_the_latest(&mut client, &pushed);
    let ask = format!("{PREFIX}/cmx/ep-1/config/json/99");
    client.publish(
        &ask,
        r#"{"configId":"97016dbe8bb4adff8f754ecbf24612f2"}"#,
        0,
    );
    let whole = awaited(&mut client, &format!("{ask}/status")).json();
    assert!(whole["config"].is_object(), "{whole}");

    let report = |id: u32| format!("{PREFIX}/cmx/ep-1/applied/json/{id}");
    for (id, result) in [
        (1, json!({"configId": known})),
        (2, json!({"configId": known, "statusCode": 200})),
        (
            3,
            json!({"configId": known, "statusCode": 500, "reasonPhrase": "No room"}),
        ),
    ] {
        client.publish(&report(id), &result.to_string(), 1);
        let reply = awaited(&mut client, &format!("{}/status", report(id)));
        assert_eq!((&*reply.payload, reply.qos), ("", 1), "{result}");
    }
    // Without an ID it is done and not answered.
    let without_id = format!("{PREFIX}/cmx/ep-1/applied/json");
    client.publish(&without_id, &json!({"configId": known}).to_string(), 1);
    let unanswered = format!("{without_id}/status");
    assert!(client.rest().iter().all(|rest| rest.topic != unanswered));
    let report = tenant.stop();
    assert_eq!(report["results"]["applied"], 3, "{report}");
    assert_eq!(report["results"]["not-applied"], 1, "{report}");
}

#[test]
fn a_configuration_is_pushed_and_reported_as_applied_without_any_subscription() {
    a_configuration_is_pushed_and_reported_as_applied("kpc");
}

#[test]
fn a_configuration_is_pushed_and_reported_as_applied_over_a_broker() {
    a_configuration_is_pushed_and_reported_as_applied("broker");
}

#[test]
fn software_is_pushed_to_those_who_have_asked_for_some() {
    let tenant = tenant("kpc", "--config-push");
    let mut client = endpoint(&tenant, "kpc");
    let ask = format!("{PREFIX}/cmx_ota/ep-1/config/json/1");
    client.publish(&ask, "{}", 0);
    awaited(&mut client, &format!("{ask}/status"));
    let pushed = awaited(
        &mut client,
        &format!("{PREFIX}/cmx_ota/ep-1/config/json/status"),
    );
    let software = pushed.json();
    assert_eq!(software["statusCode"], 200, "{software}");
    assert!(software["config"]["link"].is_string(), "{software}");
    let applied = format!("{PREFIX}/cmx_ota/ep-1/applied/json/2");
    let result = json!({"configId": software["configId"]});
    client.publish(&applied, &result.to_string(), 0);
    let reply = awaited(&mut client, &format!("{applied}/status"));
    assert_eq!(reply.payload, "");
    assert_eq!(tenant.stop()["results"]["applied"], 1);
}
