//! The tenant's half of MQTT 5, byte by byte: what it offers, what it refuses and how it says so.
//!
//! Not here: what its platforms make of messages, which no version changes.

use crate::client::{Client, Running, counts, framed, string, tenant};

/// CONNECT of MQTT 5 with these properties.
fn connect(client_id: &str, properties: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 5, 0b10, 0, 60];
    body.push(properties.len() as u8);
    body.extend_from_slice(properties);
    string(client_id, &mut body);
    framed(0x10, &body)
}

/// Retain, subscription identifiers and shared subscriptions are not available; packets of up to 17 MiB.
const OFFER: [u8; 11] = [0x25, 0, 0x29, 0, 0x2a, 0, 0x27, 0x01, 0x10, 0, 0];

/// A client of MQTT 5 that was accepted.
fn accepted(tenant: &Running, client_id: &str, properties: &[u8]) -> Client {
    let mut client = tenant.stranger();
    client.send(&connect(client_id, properties));
    let offer = [&[0, 0, OFFER.len() as u8][..], &OFFER].concat();
    assert_eq!(client.packet(), (0x20, offer));
    client
}

fn publish(first: u8, packet_id: &[u8], topic: &str, properties: &[u8], payload: &str) -> Vec<u8> {
    let mut body = Vec::new();
    string(topic, &mut body);
    body.extend_from_slice(packet_id);
    body.push(properties.len() as u8);
    body.extend_from_slice(properties);
    body.extend_from_slice(payload.as_bytes());
    framed(first, &body)
}

fn subscribe(client: &mut Client, filter: &str, options: u8, code: u8) {
    let mut body = vec![0x12, 0x34, 0];
    string(filter, &mut body);
    body.push(options);
    client.send(&framed(0x82, &body));
    assert_eq!(client.packet(), (0x90, vec![0x12, 0x34, 0, code]));
}

#[test]
fn clients_of_both_versions_hear_each_other() {
    let tenant = tenant(&[("delivery", "broker")]);
    let mut of_3 = tenant.client("of-3");
    of_3.subscribe("news/#", 1);
    let mut of_5 = accepted(&tenant, "of-5", &[]);
    subscribe(&mut of_5, "news/#", 1, 1);
    // QoS 1 with a user property.
    let property = [0x26, 0, 1, b'n', 0, 1, b'v'];
    of_5.send(&publish(0x32, &[0, 9], "news/a", &property, "hi"));
    assert_eq!(of_5.packet(), (0x40, vec![0, 9])); // PUBACK: success goes without saying
    let (first, body) = of_5.packet();
    assert_eq!((first, &body[..]), (0x32, &b"\0\x06news/a\0\x01\0hi"[..]));
    let heard = of_3.message();
    assert_eq!(
        (heard.topic.as_str(), heard.payload.as_str()),
        ("news/a", "hi")
    );
    of_5.send(&[0x40, 3, 0, 1, 0]); // PUBACK: success, said
    // UNSUBSCRIBE: one that is there and one that is not.
    of_5.send(b"\xa2\x0f\0\x02\0\0\x06news/#\0\x02no");
    assert_eq!(of_5.packet(), (0xb0, vec![0, 2, 0, 0x00, 0x11]));
    of_5.nothing_else();
    assert!(tenant.report().rejected.is_empty());
}

#[test]
fn a_client_without_an_identifier_gets_one() {
    let tenant = tenant(&[]);
    let mut client = tenant.stranger();
    // Session expiry interval: 60 s, which the tenant does not grant.
    client.send(&connect("", &[0x11, 0, 0, 0, 60]));
    let (first, body) = client.packet();
    assert_eq!((first, &body[..2]), (0x20, &[0, 0][..]));
    assert_eq!(body[3..14], OFFER);
    assert_eq!(body[14..19], [0x11, 0, 0, 0, 0]);
    assert_eq!(body[19], 0x12);
    let client_id = std::str::from_utf8(&body[22..]).unwrap();
    assert!(client_id.starts_with("assigned-"), "{client_id}");
    // It is taken: another client of this name takes over, and the first one is told.
    let mut other = accepted(&tenant, client_id, &[]);
    client.expect(&[0xe0, 1, 0x8e]);
    client.closed();
    other.nothing_else();
    assert_eq!(tenant.report().rejected, counts(&[("taken-over", 1)]));
}

#[test]
fn what_the_tenant_has_not_is_refused_by_name() {
    let tenant = tenant(&[("delivery", "broker")]);
    let mut stranger = tenant.stranger();
    stranger.send(&connect("x", &[0x15, 0, 1, b'm'])); // authentication method
    stranger.expect(&[0x20, 3, 0, 0x8c, 0]);
    stranger.closed();
    let mut client = accepted(&tenant, "x", &[]);
    subscribe(&mut client, "$share/g/a", 0, 0x9e);
    subscribe(&mut client, "a", 0b100, 0x83); // no local
    client.send(b"\x82\x09\0\x01\x02\x0b\x01\0\x01a\0"); // subscription identifier
    assert_eq!(client.packet(), (0x90, vec![0, 1, 0, 0xa1]));
    client.send(&publish(0x30, &[], "", &[0x23, 0, 1], "x")); // topic alias
    client.expect(&[0xe0, 1, 0x94]);
    client.closed();
    let mut client = accepted(&tenant, "y", &[]);
    client.send(&publish(0x31, &[], "a", &[], "x")); // retain
    client.expect(&[0xe0, 1, 0x9a]);
    client.closed();
    let rejected = tenant.report().rejected;
    let expected = counts(&[
        ("bad-authentication-method", 1),
        ("topic-alias-invalid", 1),
        ("retain-not-supported", 1),
    ]);
    assert_eq!(rejected, expected);
}

#[test]
fn a_broken_rule_is_told_before_the_end() {
    let tenant = tenant(&[]);
    let mut stranger = tenant.stranger();
    stranger.send(&connect("x", &[0x21, 0, 0])); // receive maximum 0
    stranger.expect(&[0x20, 3, 0, 0x82, 0]);
    stranger.closed();
    let mut client = accepted(&tenant, "x", &[]);
    client.send(&[0x30, 3, 0, 1, 0xff]); // a topic that is no text
    client.expect(&[0xe0, 1, 0x81]);
    client.closed();
    let mut client = accepted(&tenant, "y", &[]);
    client.send(&connect("y", &[])); // a second CONNECT
    client.expect(&[0xe0, 1, 0x82]);
    client.closed();
    let expected = counts(&[
        ("property-value", 1),
        ("ill-formed-utf8", 1),
        ("second-connect", 1),
    ]);
    assert_eq!(tenant.report().rejected, expected);
}

#[test]
fn the_limits_of_a_client_are_obeyed() {
    let tenant = tenant(&[("delivery", "broker")]);
    // Receive maximum 1, maximum packet size 40.
    let mut small = accepted(&tenant, "small", &[0x21, 0, 1, 0x27, 0, 0, 0, 40]);
    subscribe(&mut small, "t", 1, 1);
    let mut publisher = accepted(&tenant, "publisher", &[]);
    let long = "x".repeat(60);
    for (id, payload) in [(1, long.as_str()), (2, "first"), (3, "second")] {
        publisher.send(&publish(0x32, &[0, id], "t", &[], payload));
        assert_eq!(publisher.packet(), (0x40, vec![0, id]));
    }
    publisher.nothing_else();
    // Neither what is too long nor what would be the second without an acknowledgement.
    assert_eq!(small.packet(), (0x32, b"\0\x01t\0\x01\0first".to_vec()));
    small.nothing_else();
    small.send(&[0x40, 2, 0, 1]);
    small.nothing_else();
    publisher.send(&publish(0x32, &[0, 4], "t", &[], "third"));
    assert_eq!(publisher.packet(), (0x40, vec![0, 4]));
    assert_eq!(small.packet(), (0x32, b"\0\x01t\0\x02\0third".to_vec()));
}

#[test]
fn a_refused_message_of_qos_2_is_not_released() {
    let tenant = tenant(&[("delivery", "broker")]);
    let mut client = accepted(&tenant, "c", &[0x21, 0, 1]);
    subscribe(&mut client, "t", 2, 2);
    let mut publisher = tenant.client("publisher");
    let mut send = |payload: &str| {
        publisher.send(&crate::client::publish(2, 7, "t", payload));
        publisher.expect(&[0x50, 2, 0, 7]); // PUBREC
        publisher.send(&[0x62, 2, 0, 7]); // PUBREL
        publisher.expect(&[0x70, 2, 0, 7]); // PUBCOMP
    };
    send("a");
    assert_eq!(client.packet(), (0x34, b"\0\x01t\0\x01\0a".to_vec()));
    client.send(&[0x50, 3, 0, 1, 0x97]); // PUBREC: quota exceeded
    client.nothing_else();
    // The place of the first is free again.
    send("b");
    assert_eq!(client.packet(), (0x34, b"\0\x01t\0\x02\0b".to_vec()));
    assert!(tenant.report().rejected.is_empty());
}
