//! Kaa's requests and their replies.
//!
//! Not here: what the tenant sends by itself (`kaa_pushes`).

use super::client::{Client, counts, publish_0, tenant};
#[test]
fn every_kaa_request_is_answered_on_its_topic() {
    let tenant = tenant(&[]);
    let mut client = tenant.client("ep");
    for (resource, payload, suffix, reply) in [
        ("dcx/tok/json/42", r#"[{"t":21}]"#, "status", ""),
        ("epmx/tok/update/0", r#"{"name":"x"}"#, "status", ""),
        ("epmx/tok/get/1", "", "status", r#"{"name":"x"}"#),
        ("epmx/tok/get/keys/2", "", "status", r#"["name"]"#),
        ("epmx/tok/update/keys/3", r#"{"b":1}"#, "status", ""),
        ("epmx/tok/delete/keys/4", r#"["name"]"#, "status", ""),
        (
            "epmx/tok/get/5",
            r#"{"keys":["name","b"]}"#,
            "status",
            r#"{"b":1}"#,
        ),
        (
            "dcx/tok/json/6",
            "{",
            "error",
            r#"{"statusCode":400,"reasonPhrase":"Payload is not valid JSON"}"#,
        ),
        (
            "abc/tok/json/7",
            "{}",
            "error",
            r#"{"statusCode":404,"reasonPhrase":"Unknown extension"}"#,
        ),
    ] {
        let topic = format!("kp1/app-v1/{resource}");
        client.send(&publish_0(&topic, payload));
        assert_eq!(
            client.topic_and_payload(),
            (format!("{topic}/{suffix}"), reply.to_owned())
        );
    }
    // Without an ID success is silent.
    client.send(&publish_0("kp1/app-v1/dcx/tok/json", "1"));
    client.nothing_else();
    let report = tenant.report();
    assert_eq!(report.received["dcx-json"], 3);
    assert_eq!(report.replied_ok["dcx-json"], 1);
    assert_eq!(report.replied_ok["metadata-get"], 2);
    assert_eq!(
        report.replied_error,
        counts(&[("dcx-json", 1), ("unknown", 1)])
    );
    assert_eq!(
        report.rejected,
        counts(&[("invalid-json", 1), ("unknown-extension", 1)])
    );
    assert_eq!((report.connections, report.disconnected), (1, 0));
}

#[test]
fn kpc_replies_to_the_latest_speaker_without_a_subscription() {
    let tenant = tenant(&[("service-time", "1s")]);
    let mut first = tenant.client("first");
    let mut second = tenant.client("second");
    let mut spy = tenant.client("spy");
    spy.subscribe("#", 0);
    first.send(&publish_0("kp1/a-1/dcx/tok/json/1", "1"));
    first.nothing_else();
    second.send(&publish_0("kp1/a-1/dcx/tok/json/2", "1"));
    for id in [1, 2] {
        assert_eq!(
            second.topic_and_payload().0,
            format!("kp1/a-1/dcx/tok/json/{id}/status")
        );
    }
    first.nothing_else();
    spy.nothing_else();
    tenant.report();
}

#[test]
fn a_wrong_request_without_an_id_gets_a_lone_error_from_every_service() {
    let tenant = tenant(&[("relaxed-paths", "on")]);
    let mut client = tenant.client("ep");
    for (resource, payload, status) in [
        ("dcx/tok/json", "{", 400),
        ("dcx/tok/plain/t", "warm", 400),
        ("epmx/tok/get", r#"{"keys":1}"#, 400),
        ("epmx/tok/update", "{}", 400),
        ("epmx/tok/update/keys", "[]", 400),
        ("epmx/tok/delete/keys", "[]", 400),
        ("cex/tok/command/set_power", "[]", 400),
        ("cex/tok/result/set_power", "{}", 400),
        ("cmx/tok/config/json", "[]", 400),
        ("cmx/tok/applied/json", "{}", 400),
        ("cmx/tok/applied/json/pump", r#"{"configId":"c1"}"#, 404),
        ("cmx_ota/tok/config/json", "[]", 400),
        ("cmx_ota/tok/applied/json", r#"{"configId":"9"}"#, 404),
        ("bcx/tok/token", "{}", 400),
        ("bcx/tok/tokens", "", 404),
    ] {
        let topic = format!("kp1/app-v1/{resource}");
        client.send(&publish_0(&topic, payload));
        let (reply, body) = client.topic_and_payload();
        assert_eq!(reply, format!("{topic}/error"));
        let said = format!(r#"{{"statusCode":{status},"#);
        assert!(body.starts_with(&said), "{resource}: {body}");
    }
    client.nothing_else();
    let report = tenant.report();
    assert_eq!(report.replied_error.values().sum::<u64>(), 15);
    assert_eq!(report.rejected.values().sum::<u64>(), 15);
}

#[test]
fn an_updated_key_is_seen_and_a_deleted_one_is_gone() {
    let tenant = tenant(&[]);
    let mut client = tenant.client("ep");
    let mut other = tenant.client("other");
    let ask = |client: &mut Client, resource: &str, payload: &str| {
        let topic = format!("kp1/app-v1/{resource}");
        client.send(&publish_0(&topic, payload));
        let (reply, body) = client.topic_and_payload();
        assert_eq!(reply, format!("{topic}/status"));
        body
    };
    ask(&mut client, "epmx/tok/update/keys/1", r#"{"a":1,"b":[2]}"#);
    ask(&mut client, "epmx/tok/update/keys/2", r#"{"a":3}"#);
    let seen = ask(&mut client, "epmx/tok/get/3", "{}");
    assert_eq!(seen, r#"{"a":3,"b":[2]}"#);
    ask(&mut client, "epmx/tok/delete/keys/4", r#"["b"]"#);
    // The endpoint is the same, whichever connection speaks for it.
    assert_eq!(ask(&mut other, "epmx/tok/get/5", ""), r#"{"a":3}"#);
    assert_eq!(ask(&mut other, "epmx/tok2/get/6", ""), "{}");
    tenant.report();
}

#[test]
fn plain_values_are_taken_refused_or_ignored() {
    for (flag, suffix) in [
        ("on", Some("status")),
        ("off", Some("error")),
        ("silent", None),
    ] {
        let tenant = tenant(&[("relaxed-paths", flag)]);
        let mut client = tenant.client("ep");
        let topic = "kp1/app-v1/dcx/tok/plain/t/1";
        client.send(&publish_0(topic, "47%"));
        if let Some(suffix) = suffix {
            assert_eq!(client.topic_and_payload().0, format!("{topic}/{suffix}"));
        }
        client.nothing_else();
        let report = tenant.report();
        let rejected = match flag {
            "on" => counts(&[]),
            "off" => counts(&[("unknown-path", 1)]),
            _ => counts(&[("ignored-path", 1)]),
        };
        assert_eq!(report.rejected, rejected);
    }
}
