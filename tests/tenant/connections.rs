//! How connections begin, flow and end: MQTT 3.1.1 byte by byte.
//!
//! Not here: what the messages mean to a platform.

use std::time::{Duration, Instant};

use super::client::{connect, counts, framed, publish, publish_0, string, tenant};
#[test]
fn replies_have_the_qos_of_their_request() {
    let tenant = tenant(&[]);
    let mut client = tenant.client("ep");
    let topic = "kp1/app-v1/dcx/tok/json/1";

    client.send(&publish(1, 0x0102, topic, "1"));
    client.expect(&[0x40, 2, 1, 2]); // PUBACK
    let reply = client.message();
    assert_eq!((reply.qos, reply.topic), (1, format!("{topic}/status")));
    let [high, low] = reply.packet_id.to_be_bytes();
    client.send(&[0x40, 2, high, low]); // PUBACK

    let twice = publish(2, 0x0304, topic, "1");
    client.send(&twice);
    client.expect(&[0x50, 2, 3, 4]); // PUBREC
    let reply = client.message();
    assert_eq!((reply.qos, reply.topic), (2, format!("{topic}/status")));
    // The repetition is acknowledged and not processed again.
    client.send(&twice);
    client.expect(&[0x50, 2, 3, 4]); // PUBREC
    client.send(&[0x62, 2, 3, 4]); // PUBREL
    client.expect(&[0x70, 2, 3, 4]); // PUBCOMP
    let [high, low] = reply.packet_id.to_be_bytes();
    client.send(&[0x50, 2, high, low]); // PUBREC
    client.expect(&[0x62, 2, high, low]); // PUBREL
    client.send(&[0x70, 2, high, low]); // PUBCOMP
    client.nothing_else();

    // Released, the identifier is a new message.
    client.send(&twice);
    client.expect(&[0x50, 2, 3, 4]); // PUBREC
    assert_eq!(client.message().qos, 2);
    client.send(&[0x40, 2, 9, 9]); // PUBACK that nothing waits for
    client.nothing_else();

    let report = tenant.report();
    assert_eq!(report.received, counts(&[("dcx-json", 3)]));
    assert_eq!(report.replied_ok, counts(&[("dcx-json", 3)]));
    assert_eq!(
        report.rejected,
        counts(&[("unexpected-acknowledgement", 1)])
    );
}

#[test]
fn what_comes_in_one_segment_or_byte_by_byte_is_answered_in_order() {
    let tenant = tenant(&[]);
    let mut client = tenant.client("ep");
    let topic = |id: usize| format!("kp1/app-v1/dcx/tok/json/{id}");
    let batch: Vec<u8> = (0..1_000)
        .flat_map(|id| publish_0(&topic(id), "1"))
        .collect();
    client.send(&batch);
    for id in 0..1_000 {
        assert_eq!(
            client.topic_and_payload().0,
            format!("{}/status", topic(id))
        );
    }
    for byte in publish_0(&topic(7), "{\"a\":1}") {
        client.send(&[byte]);
    }
    assert_eq!(client.topic_and_payload().0, format!("{}/status", topic(7)));
    // Larger than any single read.
    let large = format!("\"{}\"", "x".repeat(300_000));
    client.send(&publish_0(&topic(8), &large));
    assert_eq!(client.topic_and_payload().0, format!("{}/status", topic(8)));
    assert_eq!(tenant.report().replied_ok, counts(&[("dcx-json", 1_002)]));
}

#[test]
fn a_broker_delivers_only_to_subscribers_and_once() {
    let tenant = tenant(&[("delivery", "broker")]);
    let mut endpoint = tenant.client("ep");
    endpoint.send(&publish_0("kp1/a-1/dcx/tok/json/1", "1"));
    endpoint.nothing_else();
    endpoint.subscribe("kp1/a-1/dcx/tok/json/+/status", 0);
    endpoint.subscribe("kp1/a-1/dcx/tok/json/#", 1);
    endpoint.send(&publish(1, 5, "kp1/a-1/dcx/tok/json/2", "2"));
    endpoint.expect(&[0x40, 2, 0, 5]); // PUBACK
    // A broker echoes the request; both arrive once, at the highest QoS granted.
    let (echo, reply) = (endpoint.message(), endpoint.message());
    assert_eq!(
        (echo.topic.as_str(), echo.qos),
        ("kp1/a-1/dcx/tok/json/2", 1)
    );
    assert_eq!(
        (reply.topic.as_str(), reply.qos),
        ("kp1/a-1/dcx/tok/json/2/status", 1)
    );
    // UNSUBSCRIBE of both: packet identifier, then the filters.
    let mut body = vec![0, 9];
    string("kp1/a-1/dcx/tok/json/+/status", &mut body);
    string("kp1/a-1/dcx/tok/json/#", &mut body);
    endpoint.send(&framed(0xa2, &body));
    endpoint.expect(&[0xb0, 2, 0, 9]); // UNSUBACK
    endpoint.send(&publish_0("kp1/a-1/dcx/tok/json/3", "3"));
    endpoint.nothing_else();
    let report = tenant.report();
    assert_eq!(report.replied_ok, counts(&[("dcx-json", 1)]));
    assert_eq!(report.lost, counts(&[("dcx-json", 2)]));
}

#[test]
fn other_topics_reach_their_subscribers() {
    for delivery in ["kpc", "broker"] {
        let tenant = tenant(&[("delivery", delivery)]);
        let mut publisher = tenant.client("p");
        let mut subscriber = tenant.client("s");
        subscriber.subscribe("plain/+", 0);
        publisher.send(&publish(2, 1, "plain/topic", "hello"));
        publisher.expect(&[0x50, 2, 0, 1]); // PUBREC
        let received = subscriber.topic_and_payload();
        assert_eq!(received, ("plain/topic".to_owned(), "hello".to_owned()));
        assert_eq!(tenant.report().received, counts(&[("other", 1)]));
    }
}

#[test]
fn garbage_closes_only_its_own_connection() {
    let tenant = tenant(&[]);
    let mut bystander = tenant.client("bystander");
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0x16, 3, 1, 2, 0],                   // a TLS handshake
        &[0xc0, 0],                            // PINGREQ before CONNECT
        &[0x10, 0xff, 0xff, 0xff, 0xff, 0xff], // an endless remaining length
    ] {
        let mut stranger = tenant.stranger();
        stranger.send(garbage);
        stranger.closed();
    }
    for garbage in [
        &[0x36, 0, 0][..],      // PUBLISH of QoS 3
        &[0x30, 3, 0, 1, b'#'], // PUBLISH to a wildcard
        &connect("again", 60),  // a second CONNECT
        &[0x82, 2, 0, 1],       // SUBSCRIBE without a filter
        &[0x20, 2, 0, 0],       // CONNACK to a server
    ] {
        let mut client = tenant.client("garbage");
        client.send(garbage);
        client.closed();
    }
    bystander.nothing_else();
    let report = tenant.report();
    assert_eq!((report.connections, report.disconnected), (6, 5));
    assert_eq!(report.rejected.values().sum::<u64>(), 9, "{report:?}");
}

#[test]
fn a_refused_connect_is_told_why() {
    let tenant = tenant(&[("user", "fleet"), ("password", "secret")]);
    let with = |user: &str, password: &str| {
        let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 0b1100_0010, 0, 60, 0, 0];
        string(user, &mut body);
        string(password, &mut body);
        framed(0x10, &body)
    };
    let mut other_level = connect("x", 60);
    other_level[8] = 6;
    let mut kept_session = connect("", 60);
    kept_session[9] = 0;
    for (packet, code) in [
        (with("fleet", "secret"), 0),
        (with("fleet", "wrong"), 4),
        (with("fleets", "secret"), 4),
        (connect("x", 60), 5),
        (other_level, 1),
        (kept_session, 2),
    ] {
        let mut client = tenant.stranger();
        client.send(&packet);
        client.expect(&[0x20, 2, 0, code]); // CONNACK
        if code == 0 {
            client.nothing_else();
        } else {
            client.closed();
        }
    }
    let report = tenant.report();
    assert_eq!((report.connections, report.disconnected), (1, 0));
    assert_eq!(report.rejected["bad-user-name-or-password"], 2);
}

#[test]
fn the_same_client_identifier_takes_over_and_empty_ones_do_not() {
    let tenant = tenant(&[]);
    let mut anonymous = [tenant.client(""), tenant.client("")];
    let mut older = tenant.client("same");
    let mut newer = tenant.client("same");
    older.closed();
    newer.nothing_else();
    for client in &mut anonymous {
        client.nothing_else();
    }
    let report = tenant.report();
    assert_eq!((report.connections, report.disconnected), (4, 1));
    assert_eq!(report.rejected, counts(&[("taken-over", 1)]));
}

#[test]
fn silence_beyond_the_keep_alive_ends_a_connection() {
    let tenant = tenant(&[]);
    let mut silent = tenant.stranger();
    silent.send(&connect("silent", 1));
    silent.expect(&[0x20, 2, 0, 0]);
    let begin = Instant::now();
    silent.closed();
    assert!(
        begin.elapsed() >= Duration::from_millis(1_400),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(tenant.report().rejected, counts(&[("keep-alive", 1)]));
}

#[test]
fn a_client_that_does_not_read_is_disconnected() {
    let tenant = tenant(&[("buffer-per-connection", "65536")]);
    let mut sleeper = tenant.client("sleeper");
    sleeper.subscribe("flood", 0);
    let mut publisher = tenant.client("publisher");
    let packet = publish_0("flood", &"x".repeat(100_000));
    // The kernel takes some megabytes for the sleeper before the tenant has to keep any.
    for _ in 0..300 {
        publisher.send(&packet);
        publisher.nothing_else();
    }
    let report = tenant.report();
    assert_eq!(report.rejected, counts(&[("slow-reader", 1)]));
    assert_eq!(report.disconnected, 1);
}

#[test]
fn the_arrivals_file_has_one_instant_for_each_publish() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("arrivals.bin");
    let tenant = tenant(&[("arrivals", path.to_str().unwrap())]);
    let mut client = tenant.client("ep");
    for _ in 0..100 {
        client.send(&publish_0("a/b", "1"));
        client.nothing_else();
    }
    assert_eq!(tenant.report().received, counts(&[("other", 100)]));
    let bytes = std::fs::read(&path).unwrap();
    let instants: Vec<u64> = bytes
        .chunks_exact(8)
        .map(|ns| u64::from_le_bytes(ns.try_into().unwrap()))
        .collect();
    assert_eq!((bytes.len(), instants.len()), (800, 100));
    assert!(instants.is_sorted_by(|a, b| a < b));
}
