//! Named configurations and observed commands, from Paho to the simulated tenant.
//!
//! Not here: configurations without a name, and commands that nobody asked to observe (`kaa`,
//! `kaa_pushes`).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Client, Message};
use crate::support::Tenant;

const PREFIX: &str = "kp1/bspu542ikfmmfgrk47s0-v1";
/// More often than any push can get between question and answer.
const ATTEMPTS: u32 = 50;

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

/// Ids of the commands in a push or reply on `command/set_power/...`.
#[track_caller]
fn commands(message: &Message) -> BTreeSet<u64> {
    let Value::Array(commands) = message.json() else {
        panic!("{message:?}")
    };
    let id = |command: &Value| command["id"].as_u64().expect("an id");
    commands.iter().map(id).collect()
}

/// Asks with this ID; the outstanding commands. Pushes may come before the reply and are returned
/// beside it.
#[track_caller]
fn asks(client: &mut Client, id: u32, payload: &Value) -> (BTreeSet<u64>, Vec<Message>) {
    let ask = format!("{PREFIX}/cex/ep-1/command/set_power/{id}");
    client.publish(&ask, &payload.to_string(), 0);
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

/// A push has the topic without an ID or, by the rule of observing, that of the reply to the
/// request that asked for it.
fn is_push(message: &Message, observed: u32) -> bool {
    let resource = format!("{PREFIX}/cex/ep-1/command/set_power");
    message.topic == format!("{resource}/status")
        || message.topic == format!("{resource}/{observed}/status")
}

#[test]
fn who_observes_gets_every_command_that_comes_and_may_stop_and_begin_again() {
    let tenant = Tenant::start(["--delivery", "kpc", "--commands", "20/s"]);
    let mut client = Client::connect(&tenant.url);
    let (mut known, _) = asks(&mut client, 1, &json!({"observe": true}));
    for _ in 0..3 {
        let push = client.next();
        assert!(is_push(&push, 1), "{push:?}");
        let new = commands(&push);
        assert!(!new.is_subset(&known), "nothing new in {push:?}");
        known.extend(new);
    }
    // What is pushed until the tenant has read this one is still observed.
    let (told, _) = asks(&mut client, 2, &json!({"observe": false}));
    assert!(told.is_superset(&known), "{told:?} {known:?}");
    // More commands come, and are told to who asks, but nothing is pushed.
    let mut id = 3;
    loop {
        let (now, pushed) = asks(&mut client, id, &json!({"observe": false}));
        assert_eq!(pushed, [], "nobody observes");
        if now.len() > told.len() + 2 {
            break;
        }
        id += 1;
        assert!(id < 1_000, "no command comes: {now:?}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let (_, pushed) = asks(&mut client, 1_000, &json!({"observe": true}));
    assert_eq!(pushed, [], "nobody observes yet");
    let push = client.next();
    assert!(is_push(&push, 1_000), "{push:?}");
}

/// Needs a tenant that pushes configurations of names; `name` is one that it pushes.
#[expect(dead_code, reason = "called when the tenant's flag for it is known")]
#[track_caller]
fn a_named_configuration_is_pushed_and_reported_as_applied(tenant: Tenant, name: &str) {
    let mut client = Client::connect(&tenant.url);
    let ask = format!("{PREFIX}/cmx/ep-1/config/json/{name}");
    client.publish(&format!("{ask}/1"), "{}", 0);
    let push = loop {
        let message = client.next();
        if message.topic == format!("{ask}/status") {
            break message.json();
        }
    };
    assert_eq!(push["statusCode"], 200, "{push}");
    let mut known = push["configId"].clone();
    for id in 2..ATTEMPTS {
        client.publish(
            &format!("{ask}/{id}"),
            &json!({"configId": known}).to_string(),
            0,
        );
        let reply = loop {
            let message = client.next();
            if message.topic == format!("{ask}/{id}/status") {
                break message.json();
            }
        };
        if reply == json!({}) {
            break;
        }
        known = reply["configId"].clone();
    }
    let report = format!("{PREFIX}/cmx/ep-1/applied/json/{name}/42");
    client.publish(
        &report,
        &json!({"configId": known, "statusCode": 200}).to_string(),
        1,
    );
    let reply = loop {
        let message = client.next();
        if message.topic.starts_with(&report) {
            break message;
        }
    };
    assert_eq!(reply.topic, format!("{report}/status"));
    assert_eq!(reply.payload, "");
    assert_eq!(tenant.stop()["results"]["applied"], 1);
}
