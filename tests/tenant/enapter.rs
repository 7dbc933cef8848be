//! Enapter's devices, their two connections, and those who command them.
//!
//! Not here: MQTT itself (`connections`).

use std::collections::BTreeSet;

use super::client::{counts, publish_0, tenant};
#[test]
fn a_caller_commands_a_device_and_sees_its_answers() {
    for delivery in ["kpc", "broker"] {
        let tenant = tenant(&[("delivery", delivery)]);
        let mut caller = tenant.client("");
        caller.subscribe("v1/from/S1/s/v1/command/responses", 1);
        let mut device = tenant.client("");
        let mut publisher = tenant.client("");
        device.subscribe("v1/to/S1/s/v1/command/requests", 0);
        publisher.send(&publish_0(
            "v1/from/S1/s/v1/telemetry",
            r#"{"timestamp":1759212723}"#,
        ));
        publisher.send(&publish_0(
            "v1/from/S1/s/v1/telemetry",
            r#"{"timestamp":1759212723000}"#,
        ));
        publisher.nothing_else();
        let request = r#"{"id":"c1","name":"set_power","arguments":{"power":5}}"#;
        caller.send(&publish_0("v1/to/S1/s/v1/command/requests", request));
        assert_eq!(device.topic_and_payload().1, request);
        // A device with two connections gets it once.
        publisher.nothing_else();
        for state in ["log", "completed"] {
            let answer = format!(r#"{{"id":"c1","state":"{state}","payload":{{}}}}"#);
            publisher.send(&publish_0("v1/from/S1/s/v1/command/responses", &answer));
            assert_eq!(caller.topic_and_payload().1, answer);
        }
        let report = tenant.report();
        assert_eq!(
            report.received,
            counts(&[("command", 1), ("command-answer", 2), ("telemetry", 2)])
        );
        assert_eq!(report.rejected, counts(&[("timestamp-in-milliseconds", 1)]));
        assert_eq!(report.results, counts(&[("completed", 1), ("log", 1)]));
    }
}

#[test]
fn a_device_that_only_spoke_gets_its_commands_from_kpc() {
    let tenant = tenant(&[]);
    let mut device = tenant.client("");
    let mut caller = tenant.client("");
    caller.send(&publish_0(
        "v1/to/S1/s/v1/command/requests",
        r#"{"id":"a","name":"n"}"#,
    ));
    caller.nothing_else();
    device.send(&publish_0("v1/from/S1/s/v1/register", r#"{"timestamp":1}"#));
    device.nothing_else();
    caller.send(&publish_0(
        "v1/to/S1/s/v1/command/requests",
        r#"{"id":"b","name":"n"}"#,
    ));
    assert_eq!(device.topic_and_payload().1, r#"{"id":"b","name":"n"}"#);
    let report = tenant.report();
    assert_eq!(report.rejected, counts(&[("unreachable-endpoint", 1)]));
    assert_eq!(
        report.received,
        counts(&[("command", 2), ("properties", 1)])
    );
}

#[test]
fn the_tenant_pushes_commands_by_itself() {
    let tenant = tenant(&[("commands", "200/s")]);
    let mut device = tenant.client("");
    device.subscribe("v1/to/S1/s/v1/command/requests", 0);
    for _ in 0..10 {
        let (topic, payload) = device.topic_and_payload();
        assert_eq!(topic, "v1/to/S1/s/v1/command/requests");
        let id = payload.split('"').nth(3).unwrap();
        let answer = format!(r#"{{"id":"{id}","state":"completed"}}"#);
        device.send(&publish_0("v1/from/S1/s/v1/command/responses", &answer));
    }
    // Whatever was pushed before this answer was read before it.
    device.send(&[0xc0, 0]);
    let mut pushed = 10;
    while device.packet() != (0xd0, vec![]) {
        pushed += 1;
    }
    let report = tenant.report();
    assert!(report.pushed["command"] >= pushed, "{report:?}");
    assert_eq!(report.results, counts(&[("completed", 10)]));
}

#[test]
fn a_device_with_two_nameless_connections_gets_each_command_once_where_it_subscribed() {
    for delivery in ["kpc", "broker"] {
        let tenant = tenant(&[("commands", "200/s"), ("delivery", delivery)]);
        let mut publisher = tenant.client("");
        let mut subscriber = tenant.client("");
        subscriber.subscribe("v1/to/S1/s/v1/command/requests", 0);
        for topic in ["v1/from/S1/s/v1/telemetry", "v1/from/S1/s/v1/properties"] {
            publisher.send(&publish_0(topic, r#"{"timestamp":1}"#));
        }
        let mut seen = BTreeSet::new();
        for _ in 0..20 {
            let (_, payload) = subscriber.topic_and_payload();
            assert!(seen.insert(payload.clone()), "twice: {payload}");
        }
        publisher.nothing_else();
        let report = tenant.report();
        assert_eq!((report.connections, report.disconnected), (2, 0));
        assert!(report.rejected.is_empty(), "{report:?}");
    }
}

#[test]
fn what_a_device_does_wrong_is_counted_by_its_reason() {
    let tenant = tenant(&[]);
    let mut device = tenant.client("");
    device.subscribe("v1/to/S1/s/v1/command/requests", 0);
    for resource in ["telemetry", "properties", "register"] {
        for payload in [
            r#"{"x":1}"#,
            r#"{"timestamp":1.5}"#,
            r#"{"timestamp":"1759212723"}"#,
            r#"{"timestamp":1759212723000}"#,
        ] {
            device.send(&publish_0(&format!("v1/from/S1/s/v1/{resource}"), payload));
        }
    }
    device.send(&publish_0(
        "v1/from/S1/s/v3/logs",
        r#"{"timestamp":1,"message":"m","severity":"loud"}"#,
    ));
    device.send(&publish_0(
        "v1/from/S1/s/v1/telemetry",
        r#"{"timestamp":1,"alerts":"hot"}"#,
    ));
    let mut caller = tenant.client("");
    let request = r#"{"id":"c1","name":"reboot"}"#;
    for _ in 0..2 {
        caller.send(&publish_0("v1/to/S1/s/v1/command/requests", request));
    }
    caller.nothing_else();
    for (id, state) in [
        ("other", "log"),
        ("c1", "log"),
        ("c1", "completed"),
        ("c1", "error"),
        ("c1", "log"),
        ("other", "completed"),
    ] {
        let answer = format!(r#"{{"id":"{id}","state":"{state}"}}"#);
        device.send(&publish_0("v1/from/S1/s/v1/command/responses", &answer));
    }
    // The command itself came once.
    assert_eq!(device.topic_and_payload().1, request);
    device.nothing_else();
    let report = tenant.report();
    assert_eq!(
        report.rejected,
        counts(&[
            ("duplicate-command", 1),
            ("invalid-alerts", 1),
            ("invalid-fields", 1),
            ("log-after-final", 1),
            ("second-final", 1),
            ("timestamp-in-milliseconds", 3),
            ("timestamp-missing", 3),
            ("timestamp-not-integer", 6),
            ("unknown-command", 2),
        ])
    );
    assert_eq!(report.results, counts(&[("completed", 1), ("log", 1)]));
    assert_eq!(report.received["properties"], 8);
}
