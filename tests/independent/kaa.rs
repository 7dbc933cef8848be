//! Kaa's requests, one by one, from Paho to the simulated tenant, and what comes back.
//!
//! Not here: what the tenant sends by itself (`kaa_pushes`), and Mosquitto's clients (`mosquitto`).

use std::collections::BTreeSet;

use crate::client::{Client, Message};
use crate::fixtures::{Group, Step, kaa};
use crate::support::Tenant;

const APPLICATION: &str = "bspu542ikfmmfgrk47s0-v1";

fn tenant(group: &Group, delivery: &str) -> Tenant {
    let delivery = ["--delivery", delivery].map(str::to_owned);
    Tenant::start(group.tenant.iter().cloned().chain(delivery))
}

/// Every step of every case of a group, in each QoS: the place to name in failures, and the step.
fn steps(group: &Group) -> Vec<(String, u8, Step)> {
    let mut all = Vec::new();
    for qos in 0..=2 {
        for (number, case) in group.cases.iter().enumerate() {
            let token = format!("ep-{qos}-{number}");
            let place = format!("row {}, QoS {qos}: {}", case.row, case.name);
            for step in &case.steps {
                all.push((place.clone(), qos, step.of(&token)));
            }
        }
    }
    all
}

#[track_caller]
fn is_right(step: &Step, messages: &[Message], qos: u8, place: &str) {
    match messages {
        [] => assert!(step.may_be_silent(), "no reply: {place}\n{step:?}"),
        [message] => {
            assert!(step.reply.is_some(), "{place}\n{message:?}");
            step.is_answered_by(message, qos, place);
        }
        _ => panic!("{place}\n{messages:?}"),
    }
}

#[test]
fn every_row_of_the_table_has_cases() {
    let groups = kaa();
    let rows: BTreeSet<u32> = groups
        .iter()
        .flat_map(|group| group.cases.iter().map(|case| case.row))
        .collect();
    assert!(rows.is_superset(&(1..=14).collect()), "{rows:?}");
}

#[test]
fn a_client_that_never_subscribes_gets_every_reply_of_a_communication_service() {
    for group in kaa() {
        let tenant = tenant(&group, "kpc");
        let mut client = Client::connect(&tenant.url);
        for (place, qos, step) in steps(&group) {
            client.publish(&step.send, &step.payload, qos);
            let messages = client.rest();
            is_right(&step, &messages, qos, &place);
        }
        let report = tenant.stop();
        assert_eq!(report["lost"], serde_json::json!({}), "{report}");
    }
}

#[test]
fn a_broker_brings_every_reply_to_those_who_subscribed_to_it_and_to_nobody_else() {
    for group in kaa() {
        let tenant = tenant(&group, "broker");
        let mut asks = Client::connect(&tenant.url);
        asks.subscribe("kp1/+/+/somebody-else/#", 2);
        let mut listens = Client::connect(&tenant.url);
        listens.subscribe("kp1/#", 2);
        for (place, qos, step) in steps(&group) {
            asks.publish(&step.send, &step.payload, qos);
            // The tenant has handled the request when the first one is back, and what it made of it
            // is here when the second one is.
            let to_asker = asks.rest();
            let messages = listens.rest();
            // A broker passes the request on as well, to whoever subscribed to it.
            let (request, replies) = messages.split_first().expect("the request");
            assert_eq!(request, &Message::new(&step.send, &step.payload, qos));
            is_right(&step, replies, qos, &place);
            assert_eq!(to_asker, [], "{place}");
        }
        drop(listens);
        drop(tenant);
    }
}

#[test]
fn a_broker_tells_nothing_to_a_client_that_subscribed_to_nothing() {
    let tenant = Tenant::start(["--delivery", "broker"]);
    let mut client = Client::connect(&tenant.url);
    for qos in 0..=2 {
        let topic = format!("kp1/{APPLICATION}/epmx/ep-1/get/{qos}");
        client.publish(&topic, "", qos);
        assert_eq!(client.rest(), []);
    }
    // What nobody took is not forgotten: it is counted.
    let topic = format!("kp1/{APPLICATION}/epmx/ep-1/get/+/status");
    client.subscribe(&topic, 1);
    client.publish(&topic.replace("/+/status", "/7"), "", 1);
    let expected = Message::new(&topic.replace('+', "7"), "{}", 1);
    assert_eq!(client.rest(), [expected]);
    let report = tenant.stop();
    assert_eq!(report["lost"]["metadata-get"], 3, "{report}");
    assert_eq!(report["replied_ok"]["metadata-get"], 1, "{report}");
}

#[test]
fn a_subscription_lowers_the_qos_of_a_broker_and_does_not_raise_it() {
    let tenant = Tenant::start(["--delivery", "broker"]);
    let mut client = Client::connect(&tenant.url);
    client.subscribe("kp1/+/dcx/ep-1/json/+/status", 1);
    for (qos, of_reply) in [(0, 0), (1, 1), (2, 1)] {
        let topic = format!("kp1/{APPLICATION}/dcx/ep-1/json/{qos}");
        client.publish(&topic, "{}", qos);
        let expected = Message::new(&format!("{topic}/status"), "", of_reply);
        assert_eq!(client.rest(), [expected]);
    }
}

#[test]
fn replies_follow_an_endpoint_to_the_connection_that_spoke_for_it_last() {
    let tenant = Tenant::start(["--delivery", "kpc"]);
    let mut first = Client::connect(&tenant.url);
    let mut second = Client::connect(&tenant.url);
    let topic = |token: &str, id: u32| format!("kp1/{APPLICATION}/epmx/{token}/get/{id}");
    let reply = |token: &str, id: u32, payload: &str| {
        Message::new(&format!("{}/status", topic(token, id)), payload, 0)
    };
    // One connection may speak for many endpoints, each with its own metadata.
    let update = format!("kp1/{APPLICATION}/epmx/ep-1/update");
    first.publish(&update, r#"{"name":"one"}"#, 0);
    first.publish(&topic("ep-1", 1), "", 0);
    first.publish(&topic("ep-2", 1), "", 0);
    let expected = [
        reply("ep-1", 1, r#"{"name":"one"}"#),
        reply("ep-2", 1, "{}"),
    ];
    assert_eq!(first.rest(), expected);
    second.publish(&topic("ep-1", 2), "", 0);
    assert_eq!(second.rest(), [reply("ep-1", 2, r#"{"name":"one"}"#)]);
    assert_eq!(first.rest(), []);
}
