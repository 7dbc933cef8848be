//! Commands and configurations that Kaa's tenant sends by itself.
//!
//! Not here: requests that are answered once (`kaa`).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::client::{Client, Message, counts, publish_0, tenant};
#[test]
fn kaa_endpoints_get_commands_and_configurations_without_a_subscription() {
    let tenant = tenant(&[("commands", "200/s"), ("config-push", "200/s")]);
    let mut endpoint = tenant.client("ep");
    endpoint.send(&publish_0("kp1/app-v1/dcx/tok/json", "1"));
    let (mut commands, mut configs) = (0, 0);
    while commands < 5 || configs < 5 {
        let (topic, payload) = endpoint.topic_and_payload();
        let (resource, answer) = match topic.as_str() {
            "kp1/app-v1/cex/tok/command/set_power/status" => {
                commands += 1;
                let id = payload.split([':', ',']).nth(1).unwrap();
                (
                    "cex/tok/result/set_power",
                    format!(r#"[{{"id":{id},"statusCode":200}}]"#),
                )
            }
            "kp1/app-v1/cmx/tok/config/json/status" => {
                configs += 1;
                let id = payload.split('"').nth(3).unwrap();
                ("cmx/tok/applied/json", format!(r#"{{"configId":"{id}"}}"#))
            }
            other => panic!("{other} {payload}"),
        };
        endpoint.send(&publish_0(&format!("kp1/app-v1/{resource}"), &answer));
    }
    endpoint.send(&[0xc0, 0]);
    while endpoint.packet() != (0xd0, vec![]) {}
    let report = tenant.report();
    assert_eq!(report.received["command-answer"], commands);
    assert_eq!(report.results["completed"], commands);
    assert_eq!(report.received["config-applied"], configs);
    assert!(
        report.pushed["command"] >= commands && report.pushed["config"] >= configs,
        "{report:?}"
    );
}

/// A resource of the endpoint `tok`.
fn kp1(resource: &str) -> String {
    format!("kp1/app-v1/{resource}")
}

/// The ids in a push of commands.
fn ids(payload: &str) -> Vec<u64> {
    let items: Vec<Value> = serde_json::from_str(payload).expect("an array of commands");
    let ids = items.iter().map(|item| item["id"].as_u64());
    ids.map(|id| id.expect("a whole number")).collect()
}

/// Reads until a message on this topic; the topics of all before it, and its payload.
fn until(client: &mut Client, topic: &str) -> (Vec<String>, String) {
    let mut before = Vec::new();
    loop {
        let (other, payload) = client.topic_and_payload();
        if other == topic {
            return (before, payload);
        }
        before.push(other);
    }
}

const OBSERVE: &str = r#"{"observe":true}"#;
const OBSERVE_NO_MORE: &str = r#"{"observe":false}"#;
/// Dozens of pushes are due in it.
const A_WHILE: Duration = Duration::from_millis(200);

#[test]
fn an_observed_resource_is_pushed_on_the_reply_topic_of_the_request() {
    for (resource, flag) in [
        ("cex/tok/command/set_power", "commands"),
        ("cex/tok/command", "commands"),
        ("cmx/tok/config/json", "config-push"),
    ] {
        let tenant = tenant(&[(flag, "200/s")]);
        let mut endpoint = tenant.client("ep");
        endpoint.send(&publish_0(&kp1(&format!("{resource}/77")), OBSERVE));
        let topic = kp1(&format!("{resource}/77/status"));
        let mut payloads = Vec::new();
        for _ in 0..5 {
            let (told, payload) = endpoint.topic_and_payload();
            assert_eq!(told, topic);
            payloads.push(payload);
        }
        let expected = match resource {
            "cex/tok/command" => r#"[{"id":1,"type":"set_power","payload":{"power":"#,
            "cex/tok/command/set_power" => r#"[{"id":1,"payload":{"power":"#,
            _ => r#"{"configId":"c1","config":{"interval":"#,
        };
        // The first is the reply; it may have come before anything was there to be told.
        assert!(payloads[1].starts_with(expected), "{payloads:?}");

        endpoint.send(&publish_0(&kp1(&format!("{resource}/78")), OBSERVE_NO_MORE));
        let (before, _) = until(&mut endpoint, &kp1(&format!("{resource}/78/status")));
        assert!(before.iter().all(|told| *told == topic), "{before:?}");
        std::thread::sleep(A_WHILE);
        endpoint.nothing_else();

        // A further request has what was not pushed, and begins the pushes again.
        endpoint.send(&publish_0(&kp1(&format!("{resource}/79")), "{}"));
        let (reply, held) = endpoint.topic_and_payload();
        assert_eq!(reply, kp1(&format!("{resource}/79/status")));
        let again = match resource {
            "cex/tok/command" => kp1("cex/tok/command/set_power/status"),
            _ => kp1(&format!("{resource}/status")),
        };
        let (told, next) = endpoint.topic_and_payload();
        assert_eq!(told, again);
        if flag == "commands" {
            assert_eq!(
                ids(&held).last().map(|id| id + 1),
                ids(&next).first().copied()
            );
        }
        tenant.report();
    }
}

#[test]
fn an_observe_without_an_id_or_by_setting_is_told_on_the_resource_itself() {
    for (id, replies) in [("", "request"), ("/77", "resource")] {
        let tenant = tenant(&[("commands", "200/s"), ("observe-replies", replies)]);
        let mut endpoint = tenant.client("ep");
        let resource = kp1("cex/tok/command/set_power");
        endpoint.send(&publish_0(&format!("{resource}{id}"), OBSERVE));
        let (reply, _) = endpoint.topic_and_payload();
        assert_eq!(reply, format!("{resource}{id}/status"));
        for _ in 0..3 {
            let (told, _) = endpoint.topic_and_payload();
            assert_eq!(told, format!("{resource}/status"));
        }
        tenant.report();
    }
}

#[test]
fn an_observe_of_software_concerns_software_alone() {
    let tenant = tenant(&[("config-push", "200/s")]);
    let mut endpoint = tenant.client("ep");
    endpoint.send(&publish_0(&kp1("cmx_ota/tok/config/json/5"), OBSERVE));
    let mut told = BTreeMap::new();
    for _ in 0..40 {
        *told.entry(endpoint.topic_and_payload().0).or_insert(0) += 1;
    }
    let topics: Vec<String> = told.into_keys().collect();
    assert_eq!(
        topics,
        [
            kp1("cmx/tok/config/json/status"),
            kp1("cmx_ota/tok/config/json/5/status")
        ]
    );
    tenant.report();
}

#[test]
fn an_observe_ends_with_its_connection() {
    let tenant = tenant(&[("commands", "200/s")]);
    let mut first = tenant.client("first");
    let resource = kp1("cex/tok/command/set_power");
    first.send(&publish_0(&format!("{resource}/77"), OBSERVE));
    for _ in 0..3 {
        assert_eq!(first.topic_and_payload().0, format!("{resource}/77/status"));
    }
    // Another connection knows nothing of that request, and its ID is free there.
    let mut second = tenant.client("second");
    second.send(&publish_0(&kp1("dcx/tok/json"), "1"));
    for _ in 0..3 {
        assert_eq!(second.topic_and_payload().0, format!("{resource}/status"));
    }
    tenant.report();
}

#[test]
fn a_named_configuration_is_pushed_to_those_that_asked_for_it() {
    let tenant = tenant(&[("config-push", "200/s")]);
    let mut endpoint = tenant.client("ep");
    let named = kp1("cmx/tok/config/json/pump-1");
    endpoint.send(&publish_0(&kp1("dcx/tok/json"), "1"));
    for _ in 0..10 {
        let (told, _) = endpoint.topic_and_payload();
        assert_eq!(told, kp1("cmx/tok/config/json/status"));
    }
    endpoint.send(&publish_0(&format!("{named}/1"), "{}"));
    let (_, none) = until(&mut endpoint, &format!("{named}/1/status"));
    assert!(
        none.starts_with(r#"{"configId":"","config":null,"#),
        "{none}"
    );
    let (_, pushed) = until(&mut endpoint, &format!("{named}/status"));
    assert!(
        pushed.starts_with(r#"{"configId":"c1","config":{"interval":"#),
        "{pushed}"
    );
    endpoint.send(&publish_0(
        &kp1("cmx/tok/applied/json/pump-1/2"),
        r#"{"configId":"c1"}"#,
    ));
    until(&mut endpoint, &kp1("cmx/tok/applied/json/pump-1/2/status"));
    endpoint.send(&publish_0(&format!("{named}/3"), OBSERVE));
    until(&mut endpoint, &format!("{named}/3/status"));
    // Told with the ID from now on, while the one without a name goes on as before.
    let mut told = BTreeMap::new();
    for _ in 0..40 {
        *told.entry(endpoint.topic_and_payload().0).or_insert(0) += 1;
    }
    let topics: Vec<String> = told.into_keys().collect();
    assert_eq!(
        topics,
        [
            format!("{named}/3/status"),
            kp1("cmx/tok/config/json/status")
        ]
    );
    let report = tenant.report();
    assert_eq!(report.results["applied"], 1);
    assert!(report.rejected.is_empty(), "{report:?}");
}

#[test]
fn a_known_config_is_answered_with_an_empty_object() {
    let tenant = tenant(&[("config-on-connect", "on")]);
    let mut endpoint = tenant.client("ep");
    let topic = kp1("cmx/tok/config/json/1");
    endpoint.send(&publish_0(&topic, r#"{"configId":"c1"}"#));
    assert_eq!(
        endpoint.topic_and_payload(),
        (format!("{topic}/status"), "{}".to_owned())
    );
    tenant.report();
}

#[test]
fn pushes_repeat_what_is_outstanding_until_its_result() {
    let tenant = tenant(&[
        ("commands", "100/s"),
        ("command-redelivery", "100%"),
        ("commands-per-push", "2"),
    ]);
    let mut endpoint = tenant.client("ep");
    endpoint.send(&publish_0(&kp1("dcx/tok/json"), "1"));
    let (mut first_time, mut repeated) = (0, 0);
    let mut last = 0;
    let mut note = |payload: &str| {
        let ids = ids(payload);
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        let new = ids.iter().filter(|id| **id > last).count() as u64;
        last = ids[ids.len() - 1];
        first_time += new;
        repeated += ids.len() as u64 - new;
        assert_eq!(new, 2);
        ids
    };
    let told = kp1("cex/tok/command/set_power/status");
    for expected in [vec![1, 2], vec![1, 2, 3, 4], vec![1, 2, 3, 4, 5, 6]] {
        let (topic, payload) = endpoint.topic_and_payload();
        assert_eq!(topic, told);
        assert_eq!(note(&payload), expected);
    }
    let three =
        r#"[{"id":1,"statusCode":200},{"id":4,"statusCode":500},{"id":2,"statusCode":200}]"#;
    endpoint.send(&publish_0(&kp1("cex/tok/result/set_power/9"), three));
    loop {
        let (topic, payload) = endpoint.topic_and_payload();
        if topic == kp1("cex/tok/result/set_power/9/status") {
            break;
        }
        note(&payload);
    }
    let (_, payload) = endpoint.topic_and_payload();
    assert!(note(&payload).starts_with(&[3, 5, 6, 7]), "{payload}");
    endpoint.send(&[0xc0, 0]); // PINGREQ
    loop {
        let (first, body) = endpoint.packet();
        if first == 0xd0 {
            break;
        }
        note(&Message::parse(first, &body).payload);
    }
    let report = tenant.report();
    assert_eq!(report.results, counts(&[("completed", 2), ("error", 1)]));
    // What was pushed after the last look is not known here.
    assert!(report.pushed["command"] >= first_time, "{report:?}");
    assert!(report.pushed["command-repeated"] >= repeated, "{report:?}");
}

#[test]
fn types_of_commands_take_turns_and_count_their_own_ids() {
    let tenant = tenant(&[("commands", "200/s"), ("command-types", "set_power,reboot")]);
    let mut endpoint = tenant.client("ep");
    endpoint.send(&publish_0(&kp1("dcx/tok/json"), "1"));
    let mut next = BTreeMap::from([("set_power", 1), ("reboot", 1)]);
    let mut before = "";
    for _ in 0..20 {
        let (topic, payload) = endpoint.topic_and_payload();
        let (&name, id) = next
            .iter_mut()
            .find(|(name, _)| topic == kp1(&format!("cex/tok/command/{name}/status")))
            .expect("a known type");
        assert_ne!(name, before);
        assert_eq!(ids(&payload), [*id]);
        *id += 1;
        before = name;
    }
    endpoint.send(&publish_0(&kp1("cex/tok/command/7"), "{}"));
    let (_, all) = until(&mut endpoint, &kp1("cex/tok/command/7/status"));
    assert!(
        all.contains(r#"{"id":1,"type":"set_power","payload":{"power":"#),
        "{all}"
    );
    assert!(
        all.contains(r#"{"id":1,"type":"reboot","payload":{"value":"#),
        "{all}"
    );
    // The same id of another type is another command.
    for (name, id) in [("reboot", 1), ("set_power", 1), ("reboot", 1)] {
        let result = format!(r#"[{{"id":{id},"statusCode":200}}]"#);
        endpoint.send(&publish_0(&kp1(&format!("cex/tok/result/{name}")), &result));
    }
    endpoint.send(&[0xc0, 0]); // PINGREQ
    while endpoint.packet() != (0xd0, vec![]) {}
    let report = tenant.report();
    assert_eq!(report.results, counts(&[("completed", 2)]));
    assert_eq!(report.rejected, counts(&[("second-final", 1)]));
}

#[test]
fn pushes_name_the_instance_that_the_endpoint_spoke_to() {
    let names = "cex=orders,cex=orders2,cmx=cfg,dcx=data";
    let tenant = tenant(&[("commands", "200/s"), ("instances", names)]);
    let mut endpoint = tenant.client("ep");
    endpoint.send(&publish_0(&kp1("data/tok/json"), "1"));
    let (told, _) = endpoint.topic_and_payload();
    assert_eq!(told, kp1("orders/tok/command/set_power/status"));
    endpoint.send(&publish_0(&kp1("orders2/tok/command/set_power/1"), "{}"));
    // Each instance has commands of its own.
    let (_, reply) = until(
        &mut endpoint,
        &kp1("orders2/tok/command/set_power/1/status"),
    );
    assert_eq!(reply, "[]");
    let (told, payload) = endpoint.topic_and_payload();
    assert_eq!(told, kp1("orders2/tok/command/set_power/status"));
    assert_eq!(ids(&payload), [1]);
    tenant.report();
}

#[test]
fn who_comes_is_sent_the_configuration_that_it_has_not_applied() {
    let tenant = tenant(&[("config-on-connect", "on")]);
    let c1 = r#"{"configId":"c1","config":{"interval":30},"statusCode":200,"reasonPhrase":"ok"}"#;
    let told = |application: &str| {
        let topic = format!("kp1/{application}/cmx/tok/config/json/status");
        (topic, c1.to_owned())
    };
    let mut endpoint = tenant.client("one");
    endpoint.send(&publish_0(&kp1("dcx/tok/json"), "1"));
    assert_eq!(endpoint.topic_and_payload(), told("app-v1"));
    // It has come already, and another one has not.
    endpoint.send(&publish_0(&kp1("dcx/tok/json"), "2"));
    endpoint.nothing_else();
    endpoint.send(&publish_0(&kp1("dcx/tok2/json"), "2"));
    let (other, _) = endpoint.topic_and_payload();
    assert_eq!(other, kp1("cmx/tok2/config/json/status"));
    // As another version of the application it has come anew.
    endpoint.send(&publish_0("kp1/app-v2/dcx/tok/json", "1"));
    assert_eq!(endpoint.topic_and_payload(), told("app-v2"));
    // A refusal is no application.
    let mut second = tenant.client("two");
    let refused = r#"{"configId":"c1","statusCode":500}"#;
    second.send(&publish_0(&kp1("cmx/tok/applied/json/1"), refused));
    let (reply, _) = second.topic_and_payload();
    assert_eq!(reply, kp1("cmx/tok/applied/json/1/status"));
    assert_eq!(second.topic_and_payload(), told("app-v1"));
    // What it reports at once need not be sent.
    let mut third = tenant.client("three");
    let applied = r#"{"configId":"c1"}"#;
    third.send(&publish_0(&kp1("cmx/tok/applied/json/1"), applied));
    let (reply, _) = third.topic_and_payload();
    assert_eq!(reply, kp1("cmx/tok/applied/json/1/status"));
    third.nothing_else();
    let mut fourth = tenant.client("four");
    fourth.send(&publish_0(&kp1("dcx/tok/json"), "1"));
    fourth.nothing_else();
    let report = tenant.report();
    assert_eq!(report.pushed, counts(&[("config", 4)]));
    assert_eq!(
        report.results,
        counts(&[("applied", 1), ("not-applied", 1)])
    );
}

#[test]
fn software_and_names_are_sent_to_who_comes_too_and_nothing_is_unless_asked() {
    for (flag, expected) in [
        (
            "on",
            &[
                "cmx/tok/config/json/status",
                "cmx_ota/tok/config/json/status",
            ][..],
        ),
        ("off", &[]),
    ] {
        let tenant = tenant(&[("config-on-connect", flag)]);
        let mut first = tenant.client("one");
        for resource in ["cmx_ota/tok/config/json/1", "cmx/tok/config/json/pump/2"] {
            first.send(&publish_0(&kp1(resource), "{}"));
            until(&mut first, &kp1(&format!("{resource}/status")));
        }
        let mut second = tenant.client("two");
        second.send(&publish_0(&kp1("dcx/tok/json"), "1"));
        let mut told: Vec<String> = expected
            .iter()
            .map(|_| second.topic_and_payload().0)
            .collect();
        told.sort();
        let expected: Vec<String> = expected.iter().map(|resource| kp1(resource)).collect();
        assert_eq!(told, expected);
        // Nobody ever gave the named one any content.
        second.nothing_else();
        tenant.report();
    }
}
