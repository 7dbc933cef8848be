//! The simulated tenant over real sockets: what is written and read is MQTT 3.1.1, byte by byte.
//!
//! The client is a plain blocking socket that shares nothing with the program but the wire.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use midge::tenant::{Stopper, Tenant, TenantOptions, TenantReport};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);

struct Running {
    address: SocketAddr,
    stopper: Stopper,
    thread: JoinHandle<TenantReport>,
}

/// Starts a tenant with these flags.
fn tenant(flags: &[(&str, &str)]) -> Running {
    let mut options = TenantOptions::default();
    options.set("listen", "127.0.0.1:0").unwrap();
    for (flag, value) in flags {
        options.set(flag, value).unwrap();
    }
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let tenant = Tenant::bind(options).unwrap();
        sender.send((tenant.address(), tenant.stopper())).unwrap();
        tenant.run().unwrap()
    });
    let (address, stopper) = receiver.recv_timeout(PATIENCE).unwrap();
    Running {
        address,
        stopper,
        thread,
    }
}

impl Running {
    /// A client whose CONNECT was accepted.
    fn client(&self, id: &str) -> Client {
        let mut client = self.stranger();
        client.send(&connect(id, 60));
        // CONNACK: type 2, two bytes, no session present, accepted.
        client.expect(&[0x20, 2, 0, 0]);
        client
    }

    /// A client that has not said anything yet.
    fn stranger(&self) -> Client {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        Client { socket }
    }

    /// Stops the tenant; its report.
    fn report(self) -> TenantReport {
        self.stopper.stop();
        self.thread.join().unwrap()
    }
}

struct Client {
    socket: TcpStream,
}

/// A PUBLISH that was received.
#[derive(Debug, PartialEq, Eq)]
struct Message {
    qos: u8,
    packet_id: u16,
    topic: String,
    payload: String,
}

impl Message {
    fn parse(first: u8, body: &[u8]) -> Message {
        assert_eq!(first >> 4, 3, "not a PUBLISH: {first:#x} {body:?}");
        assert_eq!(first & 0b1001, 0, "neither DUP nor RETAIN");
        let qos = first >> 1 & 3;
        let topic_end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
        let topic = String::from_utf8(body[2..topic_end].to_vec()).unwrap();
        let (packet_id, start) = match qos {
            0 => (0, topic_end),
            _ => (
                u16::from_be_bytes([body[topic_end], body[topic_end + 1]]),
                topic_end + 2,
            ),
        };
        let payload = String::from_utf8(body[start..].to_vec()).unwrap();
        Message {
            qos,
            packet_id,
            topic,
            payload,
        }
    }
}

impl Client {
    fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// The next packet: first byte and body.
    fn packet(&mut self) -> (u8, Vec<u8>) {
        let first = self.byte();
        let (mut length, mut shift) = (0usize, 0);
        loop {
            let byte = self.byte();
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.socket.read_exact(&mut body).unwrap();
        (first, body)
    }

    fn byte(&mut self) -> u8 {
        let mut byte = [0];
        self.socket.read_exact(&mut byte).unwrap();
        byte[0]
    }

    fn expect(&mut self, bytes: &[u8]) {
        let mut read = vec![0; bytes.len()];
        self.socket.read_exact(&mut read).unwrap();
        assert_eq!(read, bytes);
    }

    /// The next packet must be a PUBLISH.
    fn message(&mut self) -> Message {
        let (first, body) = self.packet();
        Message::parse(first, &body)
    }

    /// The next packet must be a PUBLISH of QoS 0: its topic and payload.
    fn topic_and_payload(&mut self) -> (String, String) {
        let message = self.message();
        assert_eq!((message.qos, message.packet_id), (0, 0));
        (message.topic, message.payload)
    }

    /// Everything sent so far was handled when the answer is there, and nothing else was sent.
    fn nothing_else(&mut self) {
        self.send(&[0xc0, 0]); // PINGREQ
        self.expect(&[0xd0, 0]); // PINGRESP
    }

    /// The tenant closes; nothing comes before that.
    fn closed(&mut self) {
        match self.socket.read(&mut [0; 64]) {
            Ok(0) => {}
            Ok(count) => panic!("{count} bytes instead of the end"),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }

    fn subscribe(&mut self, filter: &str, qos: u8) {
        let mut body = vec![0x12, 0x34]; // packet identifier
        string(filter, &mut body);
        body.push(qos);
        self.send(&framed(0x82, &body));
        self.expect(&[0x90, 3, 0x12, 0x34, qos]); // SUBACK
    }
}

fn framed(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut length = body.len();
    while length >= 0x80 {
        packet.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    packet.push(length as u8);
    packet.extend_from_slice(body);
    packet
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn connect(client_id: &str, keep_alive: u16) -> Vec<u8> {
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4]; // protocol name and level
    body.push(0b10); // clean session
    body.extend_from_slice(&keep_alive.to_be_bytes());
    string(client_id, &mut body);
    framed(0x10, &body)
}

/// A PUBLISH; `packet_id` counts from QoS 1.
fn publish(qos: u8, packet_id: u16, topic: &str, payload: &str) -> Vec<u8> {
    let mut body = Vec::new();
    string(topic, &mut body);
    if qos > 0 {
        body.extend_from_slice(&packet_id.to_be_bytes());
    }
    body.extend_from_slice(payload.as_bytes());
    framed(0x30 | qos << 1, &body)
}

fn publish_0(topic: &str, payload: &str) -> Vec<u8> {
    publish(0, 0, topic, payload)
}

fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs
        .iter()
        .map(|&(name, n)| (name.to_owned(), n))
        .collect()
}

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
fn every_reply_is_accounted_for_under_faults() {
    let tenant = tenant(&[
        ("error-rate", "10%"),
        ("loss", "10%"),
        ("duplicate", "10%"),
        ("seed", "1"),
    ]);
    let mut client = tenant.client("ep");
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..20 {
        let batch: Vec<u8> = (0..100)
            .flat_map(|id| publish_0(&format!("kp1/a-1/dcx/tok/json/{}", round * 100 + id), "1"))
            .collect();
        client.send(&batch);
    }
    // Replies are written at once, so all there are come before the answer to this PINGREQ.
    client.send(&[0xc0, 0]);
    loop {
        let (first, body) = client.packet();
        if first == 0xd0 {
            break;
        }
        *seen.entry(Message::parse(first, &body).topic).or_default() += 1;
    }
    let report = tenant.report();
    let of = |counted: &BTreeMap<String, u64>| counted.get("dcx-json").copied().unwrap_or(0);
    let suffixed =
        |suffix: &str| seen.keys().filter(|topic| topic.ends_with(suffix)).count() as u64;
    assert_eq!(of(&report.received), 2_000);
    assert_eq!(of(&report.replied_ok), suffixed("/status"));
    assert_eq!(of(&report.replied_error), suffixed("/error"));
    assert_eq!(of(&report.lost), 2_000 - seen.len() as u64);
    assert_eq!(
        of(&report.duplicated),
        seen.values().filter(|&&n| n == 2).count() as u64
    );
    assert!(seen.values().all(|&n| n <= 2));
    for share in [&report.replied_error, &report.lost, &report.duplicated] {
        assert!((130..270).contains(&of(share)), "{report:?}");
    }
}

#[test]
fn a_stall_delays_everything_and_loses_nothing() {
    let tenant = tenant(&[("stall", "0s+700ms")]);
    let mut client = tenant.client("ep");
    let topic = |id: usize| format!("kp1/app-v1/dcx/tok/json/{id}");
    client.send(&publish_0(&topic(0), "1"));
    let begin = Instant::now();
    client.topic_and_payload();
    // The reply left before the stall, or it came after it. In both cases what is sent now
    // arrives during it, or later.
    let late = begin.elapsed() > Duration::from_millis(600);
    for id in 1..=50 {
        client.send(&publish_0(&topic(id), "1"));
    }
    for id in 1..=50 {
        assert_eq!(
            client.topic_and_payload().0,
            format!("{}/status", topic(id))
        );
    }
    assert!(
        late || begin.elapsed() > Duration::from_millis(500),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(tenant.report().replied_ok, counts(&[("dcx-json", 51)]));
}

#[test]
fn a_stalled_tenant_can_be_stopped() {
    let tenant = tenant(&[("stall", "0s+1h")]);
    let mut client = tenant.client("ep");
    client.send(&publish_0("a", ""));
    client.send(&[0xc0, 0]);
    let report = tenant.report();
    assert!(report.received.values().sum::<u64>() <= 1);
}

#[test]
fn one_server_answers_one_request_after_the_other() {
    let tenant = tenant(&[("service-time", "fixed:10ms"), ("servers", "1")]);
    let mut client = tenant.client("ep");
    let begin = Instant::now();
    for id in 0..20 {
        client.send(&publish_0(&format!("kp1/a-1/dcx/tok/json/{id}"), "1"));
    }
    for id in 0..20 {
        assert_eq!(
            client.topic_and_payload().0,
            format!("kp1/a-1/dcx/tok/json/{id}/status")
        );
    }
    assert!(
        begin.elapsed() >= Duration::from_millis(200),
        "{:?}",
        begin.elapsed()
    );
    tenant.report();
}

#[test]
fn replies_that_are_not_ready_at_the_end_count_as_lost() {
    let tenant = tenant(&[("service-time", "1h")]);
    let mut client = tenant.client("ep");
    client.send(&publish_0("kp1/a-1/dcx/tok/json/1", "1"));
    client.nothing_else();
    assert_eq!(tenant.report().lost, counts(&[("dcx-json", 1)]));
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
    other_level[8] = 5;
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
fn connections_are_closed_at_random_when_asked() {
    let tenant = tenant(&[("disconnect-rate", "100/s")]);
    let mut clients: Vec<Client> = (0..5).map(|n| tenant.client(&n.to_string())).collect();
    for client in &mut clients {
        client.closed();
    }
    let report = tenant.report();
    assert_eq!((report.connections, report.disconnected), (5, 5));
    assert!(report.rejected.is_empty());
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
