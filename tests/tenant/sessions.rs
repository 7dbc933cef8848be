//! Sessions that outlive their connections: MQTT 3.1.1 with clean session 0, byte by byte (section 3.1.2.4).
//!
//! Not here: how the program itself comes back to one (`outages`).

use super::client::{Client, Running, connect, publish, tenant};

/// CONNACK, accepted: without a session, and with one.
const NEW: [u8; 4] = [0x20, 2, 0, 0];
const PRESENT: [u8; 4] = [0x20, 2, 1, 0];

/// A client that wants its session to be kept.
fn keeping(tenant: &Running, client_id: &str, connack: [u8; 4]) -> Client {
    let mut client = tenant.stranger();
    let mut packet = connect(client_id, 60);
    // The flags, behind fixed header, protocol name and level: no clean session.
    packet[9] = 0;
    client.send(&packet);
    client.expect(&connack);
    client
}

/// It says goodbye, and the tenant has heard it.
fn leaves(mut client: Client) {
    client.send(&[0xe0, 0]);
    client.closed();
}

/// PUBLISH at this QoS to `a/b`, as the tenant sends it.
fn delivered(first: u8, packet_id: u8, payload: &str) -> Vec<u8> {
    let mut packet = vec![first, 7 + payload.len() as u8, 0, 3];
    packet.extend_from_slice(b"a/b\0");
    packet.push(packet_id);
    packet.extend_from_slice(payload.as_bytes());
    packet
}

#[test]
fn a_session_keeps_its_subscriptions_and_what_they_bring_until_it_is_acknowledged() {
    let tenant = tenant(&[("delivery", "broker")]);
    let mut other = tenant.client("other");
    let mut publishes = |qos: u8, payload: &str| {
        other.send(&publish(qos, 9, "a/b", payload));
        let ack = if qos == 1 { 0x40 } else { 0x50 };
        other.expect(&[ack, 2, 0, 9]);
        if qos == 2 {
            other.send(&[0x62, 2, 0, 9]);
            other.expect(&[0x70, 2, 0, 9]);
        }
    };
    let mut client = keeping(&tenant, "ep", NEW);
    client.subscribe("a/+", 2);
    leaves(client);
    publishes(1, "one");
    publishes(2, "two");
    // For the first time, without DUP.
    let mut client = keeping(&tenant, "ep", PRESENT);
    client.expect(&delivered(0x32, 1, "one"));
    client.expect(&delivered(0x34, 2, "two"));
    client.nothing_else();
    leaves(client);
    let mut client = keeping(&tenant, "ep", PRESENT);
    client.expect(&delivered(0x3a, 1, "one"));
    client.expect(&delivered(0x3c, 2, "two"));
    client.send(&[0x40, 2, 0, 1]); // PUBACK
    client.send(&[0x50, 2, 0, 2]); // PUBREC
    client.expect(&[0x62, 2, 0, 2]); // PUBREL
    leaves(client);
    let mut client = keeping(&tenant, "ep", PRESENT);
    client.expect(&[0x62, 2, 0, 2]); // PUBREL
    client.send(&[0x70, 2, 0, 2]); // PUBCOMP
    // It is there once more: sent to its connection, and kept beside.
    publishes(1, "three");
    client.expect(&delivered(0x32, 3, "three"));
    client.send(&[0x40, 2, 0, 3]);
    client.nothing_else();
    leaves(client);
    let mut client = keeping(&tenant, "ep", PRESENT);
    client.nothing_else();
    let report = tenant.report();
    assert!(report.rejected.is_empty(), "{:?}", report.rejected);
}

#[test]
fn a_clean_session_ends_the_one_that_was_kept() {
    let tenant = tenant(&[("delivery", "broker")]);
    let mut client = keeping(&tenant, "ep", NEW);
    client.subscribe("a/b", 1);
    leaves(client);
    let mut other = tenant.client("other");
    other.send(&publish(1, 9, "a/b", "one"));
    other.expect(&[0x40, 2, 0, 9]);
    // `client` takes no other answer than that there is no session.
    leaves(tenant.client("ep"));
    let mut client = keeping(&tenant, "ep", NEW);
    client.nothing_else();
}

#[test]
fn a_connection_that_is_taken_over_hands_its_session_on() {
    let tenant = tenant(&[("delivery", "broker")]);
    let mut older = keeping(&tenant, "ep", NEW);
    older.subscribe("a/b", 1);
    let mut client = keeping(&tenant, "ep", PRESENT);
    older.closed();
    client.send(&publish(1, 9, "a/b", "one"));
    client.expect(&[0x40, 2, 0, 9]);
    client.expect(&delivered(0x32, 1, "one"));
    client.nothing_else();
}

#[test]
fn a_message_at_qos_2_is_not_new_on_another_connection() {
    let tenant = tenant(&[("delivery", "broker")]);
    let mut other = tenant.client("other");
    other.subscribe("a/b", 0);
    let mut client = keeping(&tenant, "ep", NEW);
    let mut message = publish(2, 5, "a/b", "one");
    client.send(&message);
    client.expect(&[0x50, 2, 0, 5]); // PUBREC
    other.expect(b"\x30\x08\0\x03a/bone");
    leaves(client);
    let mut client = keeping(&tenant, "ep", PRESENT);
    message[0] |= 0x08;
    client.send(&message);
    client.expect(&[0x50, 2, 0, 5]);
    client.send(&[0x62, 2, 0, 5]); // PUBREL
    client.expect(&[0x70, 2, 0, 5]); // PUBCOMP
    other.nothing_else();
}
