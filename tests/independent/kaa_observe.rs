//! Named configurations and observed commands, from Paho to the simulated tenant.
//!
//! Not here: configurations without a name, and commands that nobody asked to observe (`kaa`,
//! `kaa_pushes`).

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, Message};
use crate::kaa_pushes::{ATTEMPTS, PREFIX, awaited, commands};
use crate::support::Tenant;

/// What came on this topic with this payload, in the request's QoS.
#[track_caller]
fn only(client: &mut Client, topic: &str, qos: u8) -> Message {
    let mut messages = client.rest();
    assert_eq!(messages.len(), 1, "{topic}: {messages:?}");
    let message = messages.remove(0);
    assert_eq!((&*message.topic, message.qos), (topic, qos));
    message
}

/// `{"statusCode":..,"reasonPhrase":".."}` and nothing else.
#[track_caller]
fn is_error(message: &Message) {
    let error = message.json();
    assert_eq!(error.as_object().expect("an object").len(), 2, "{error}");
    let status = error["statusCode"].as_u64().expect("a status code");
    assert!((400..600).contains(&status), "{error}");
    assert!(error["reasonPhrase"].is_string(), "{error}");
}

#[test]
fn who_has_no_configuration_of_a_name_learns_so_with_an_id_and_without() {
    let tenant = Tenant::start(["--delivery", "kpc"]);
    let mut client = Client::connect(&tenant.url);
    for (qos, name) in [(0, "network"), (1, "Alarm_limits"), (2, "site-7")] {
        for id in ["", "/42", "/0"] {
            let ask = format!("{PREFIX}/cmx/ep-1/config/json/{name}{id}");
            client.publish(&ask, "{}", qos);
            let reply = only(&mut client, &format!("{ask}/status"), qos).json();
            assert_eq!(reply["configId"], "", "{reply}");
            assert_eq!(reply["config"], Value::Null, "{reply}");
        }
        // 007 is 7 behind a name too.
        let ask = format!("{PREFIX}/cmx/ep-1/config/json/{name}");
        client.publish(&format!("{ask}/007"), r#"{"observe":false}"#, qos);
        only(&mut client, &format!("{ask}/7/status"), qos);
    }
}

#[test]
fn what_is_no_name_of_a_configuration_is_an_error() {
    let tenant = Tenant::start(["--delivery", "kpc"]);
    let mut client = Client::connect(&tenant.url);
    for name in ["net work", "net/work", "net.work", "größe"] {
        for resource in ["config", "applied"] {
            let ask = format!("{PREFIX}/cmx/ep-1/{resource}/json/{name}/42");
            client.publish(&ask, r#"{"configId":"c1"}"#, 1);
            is_error(&only(&mut client, &format!("{ask}/error"), 1));
        }
    }
}

/// Digits alone are taken for the ID of a request for the configuration without a name.
#[test]
fn a_name_of_digits_is_an_id() {
    let tenant = Tenant::start(["--delivery", "kpc"]);
    let mut client = Client::connect(&tenant.url);
    let ask = format!("{PREFIX}/cmx/ep-1/config/json/7");
    client.publish(&ask, "{}", 0);
    let reply = only(&mut client, &format!("{ask}/status"), 0).json();
    assert_eq!(reply["configId"], "", "{reply}");
}

#[test]
fn a_report_of_a_named_configuration_needs_its_id_and_one_that_the_endpoint_was_told() {
    let tenant = Tenant::start(["--delivery", "kpc"]);
    let mut client = Client::connect(&tenant.url);
    for payload in ["{}", r#"{"statusCode":200}"#, "c1"] {
        for id in ["", "/42"] {
            let report = format!("{PREFIX}/cmx/ep-1/applied/json/network{id}");
            client.publish(&report, payload, 1);
            is_error(&only(&mut client, &format!("{report}/error"), 1));
        }
    }
}

/// The latest configuration of a name, once the endpoint has it: `{}` says so.
#[track_caller]
fn latest(client: &mut Client, ask: &str, mut known: Value) -> Value {
    for id in 100..100 + ATTEMPTS {
        let payload = json!({"configId": known}).to_string();
        client.publish(&format!("{ask}/{id}"), &payload, 0);
        let reply = awaited(client, &format!("{ask}/{id}/status")).json();
        if reply == json!({}) {
            return known;
        }
        assert_ne!(reply["configId"], known, "{reply}");
        known = reply["configId"].clone();
    }
    panic!("it always has another configuration: {known}");
}

#[track_caller]
fn is_configuration(push: &Value) {
    assert_eq!(push["statusCode"], 200, "{push}");
    assert_eq!(push["reasonPhrase"], "ok", "{push}");
    assert_ne!(push["configId"].as_str().expect("a text"), "", "{push}");
    assert!(!push["config"].is_null(), "{push}");
}

#[test]
fn a_named_configuration_is_pushed_to_who_asked_for_it_and_reported_as_applied() {
    let tenant = Tenant::start(["--delivery", "kpc", "--config-push", "20/s"]);
    let mut client = Client::connect(&tenant.url);
    let ask = format!("{PREFIX}/cmx/ep-1/config/json/network");
    client.publish(&format!("{ask}/1"), "{}", 0);
    awaited(&mut client, &format!("{ask}/1/status"));
    let push = awaited(&mut client, &format!("{ask}/status")).json();
    is_configuration(&push);
    let known = latest(&mut client, &ask, push["configId"].clone());
    let report = format!("{PREFIX}/cmx/ep-1/applied/json/network");
    for (id, result) in [
        (1, json!({"configId": known})),
        (
            2,
            json!({"configId": known, "statusCode": 400, "reasonPhrase": "No"}),
        ),
    ] {
        let report = format!("{report}/{id}");
        client.publish(&report, &result.to_string(), 1);
        let reply = awaited(&mut client, &format!("{report}/status"));
        assert_eq!((&*reply.payload, reply.qos), ("", 1));
    }
    // Without an ID it is done and not answered.
    client.publish(&report, &json!({"configId": known}).to_string(), 1);
    let unanswered = format!("{report}/status");
    assert!(client.rest().iter().all(|rest| rest.topic != unanswered));
    let results = &tenant.stop()["results"];
    assert_eq!(
        (&results["applied"], &results["not-applied"]),
        (&json!(2), &json!(1))
    );
}

/// Asks with this ID; the outstanding commands, and what came before the reply.
#[track_caller]
fn asks(client: &mut Client, id: u32, observe: bool) -> (BTreeSet<u64>, Vec<Message>) {
    let ask = format!("{PREFIX}/cex/ep-1/command/set_power/{id}");
    client.publish(&ask, &json!({"observe": observe}).to_string(), 0);
    let reply = format!("{ask}/status");
    let mut before = Vec::new();
    loop {
        let message = client.next();
        if message.topic == reply {
            return (commands(&message), before);
        }
        before.push(message);
    }
}

/// `pushed` is the topic of pushes after `command/set_power`, where 1 is the ID that asked.
#[track_caller]
fn who_observes_gets_every_command_and_may_stop_and_begin_again(replies: &str, pushed: &str) {
    let flags = [
        "--delivery",
        "kpc",
        "--commands",
        "20/s",
        "--observe-replies",
        replies,
    ];
    let tenant = Tenant::start(flags);
    let mut client = Client::connect(&tenant.url);
    let topic = format!("{PREFIX}/cex/ep-1/command/set_power{pushed}");
    let (mut known, _) = asks(&mut client, 1, true);
    for _ in 0..3 {
        let push = client.next();
        assert_eq!(push.topic, topic);
        let new = commands(&push);
        assert!(!new.is_subset(&known), "nothing new in {push:?}");
        known.extend(new);
    }
    // What is pushed until the tenant has read this is still observed.
    let (told, _) = asks(&mut client, 2, false);
    assert!(told.is_superset(&known), "{told:?} {known:?}");
    // More commands come, and are told to who asks, but nothing is pushed.
    let mut id = 3;
    loop {
        let (now, pushed) = asks(&mut client, id, false);
        assert_eq!(pushed, [], "nobody observes");
        if now.len() > told.len() + 2 {
            break;
        }
        id += 1;
        assert!(id < 1_000, "no command comes: {now:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    let (_, pushed) = asks(&mut client, 1_000, true);
    assert_eq!(pushed, [], "nobody observes yet");
    assert_eq!(client.next().topic, topic.replace("/1/", "/1000/"));
}

#[test]
fn who_observes_commands_gets_them_on_the_topic_of_the_reply() {
    who_observes_gets_every_command_and_may_stop_and_begin_again("request", "/1/status");
}

#[test]
fn who_observes_commands_gets_them_on_the_topic_without_an_id() {
    who_observes_gets_every_command_and_may_stop_and_begin_again("resource", "/status");
}

#[track_caller]
fn who_observes_the_configuration_gets_each_new_one(replies: &str, pushed: &str) {
    let flags = [
        "--delivery",
        "kpc",
        "--config-push",
        "20/s",
        "--observe-replies",
        replies,
    ];
    let tenant = Tenant::start(flags);
    let mut client = Client::connect(&tenant.url);
    let ask = format!("{PREFIX}/cmx/ep-1/config/json");
    client.publish(&format!("{ask}/1"), r#"{"observe":true}"#, 0);
    let mut known = awaited(&mut client, &format!("{ask}/1/status")).json()["configId"].clone();
    for _ in 0..3 {
        let push = client.next();
        assert_eq!(push.topic, format!("{ask}{pushed}"));
        is_configuration(&push.json());
        assert_ne!(push.json()["configId"], known);
        known = push.json()["configId"].clone();
    }
}

#[test]
fn who_observes_the_configuration_gets_each_new_one_on_the_topic_of_the_reply() {
    who_observes_the_configuration_gets_each_new_one("request", "/1/status");
}

#[test]
fn who_observes_the_configuration_gets_each_new_one_on_the_topic_without_an_id() {
    who_observes_the_configuration_gets_each_new_one("resource", "/status");
}
