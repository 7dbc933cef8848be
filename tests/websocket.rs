//! WebSocket: the program against the simulated tenant, Mosquitto, and servers that misbehave; and the
//! tenant against clients of another make.
//!
//! Not here: frames and the upgrade by themselves (`frames`, `event::websocket`), and what a profile may say
//! (`profiles`).

mod interop;
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use interop::{Mosquitto, all_went_well, alone, ends_with_unless_disturbed, nobody_comes_in};
use support::{Authority, CONNACK, FakeBroker, Midge, Outcome, Peer, Tenant};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::{ClientRequestBuilder, Message, WebSocket};

/// The same port by WebSocket.
fn by_websocket(url: &str, path: &str) -> String {
    url.replace("mqtt://", "ws://") + path
}

/// A small run, without much to do.
fn run(url: &str) -> Midge {
    Midge::small().brief().gentle().target(url)
}

#[test]
fn a_fleet_sends_over_websocket() {
    let tenant = Tenant::start(["--websocket=/mqtt"]);
    let url = by_websocket(&tenant.url, "/mqtt");
    let outcome = run(&url).go();
    all_went_well(&outcome);
    assert_eq!(outcome.at("/targets/0"), url.as_str(), "{outcome}");
    assert_eq!(
        outcome.at("/connections/close_codes"),
        &serde_json::Value::Null
    );
    let counts = tenant.stop();
    assert_eq!(counts["connections"], 50, "{counts}");
    assert_eq!(counts["rejected"], serde_json::json!({}), "{counts}");
}

#[test]
fn a_fleet_sends_over_websocket_under_tls() {
    let authority = Authority::new("authority of the test");
    let own = authority.signs("tenant", &["localhost"]);
    let files = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).expect("a file in a new folder");
        path.display().to_string()
    };
    let tenant = Tenant::start([
        "--websocket=/mqtt".to_owned(),
        format!("--tls-certificate={}", file("cert.pem", &own.certificate)),
        format!("--tls-key={}", file("key.pem", &own.key)),
    ]);
    let url = tenant.url.replace("mqtt://127.0.0.1", "wss://localhost") + "/mqtt";
    for version in ["1.2", "1.3"] {
        let outcome = run(&url)
            .set("target.ca", &file("ca.pem", &authority.pem()))
            .set("target.tls_version", version)
            .go();
        all_went_well(&outcome);
        let handshakes = outcome.count(&format!("/connections/tls/versions/{version}"));
        assert_eq!(handshakes, 50, "{outcome}");
    }
    let counts = tenant.stop();
    assert_eq!(counts["rejected"], serde_json::json!({}), "{counts}");
}

#[test]
fn connections_that_were_closed_come_back_over_websocket() {
    let tenant = Tenant::start(["--websocket=/mqtt", "--disconnect-rate=40/s"]);
    let outcome = run(&by_websocket(&tenant.url, "/mqtt"))
        .set("load.measure", "3s")
        .go();
    outcome.keeps_its_accounts();
    assert!(outcome.count("/connections/reconnects") > 10, "{outcome}");
    let lost = outcome.count("/connections/lost");
    // The tenant says so to whom it closes; a message on its way may meet a reset before that is read.
    let told = outcome.count("/connections/close_codes/1000");
    assert!(told <= lost && told * 10 >= lost * 9, "{outcome}");
}

#[test]
fn a_wrong_path_is_named() {
    let tenant = Tenant::start(["--websocket=/mqtt"]);
    for path in ["", "/ws", "/mqtt/"] {
        let run = run(&by_websocket(&tenant.url, path));
        nobody_comes_in(run, "ws_not_found", "name its path in target.url");
    }
    let counts = tenant.stop();
    assert!(
        counts["rejected"]["websocket"].as_u64() >= Some(6),
        "{counts}"
    );
}

#[test]
fn a_target_that_speaks_plain_mqtt_is_no_websocket_and_the_other_way_round() {
    let plain = Tenant::start(["--seed=1"]);
    let outcome = run(&by_websocket(&plain.url, "/mqtt"))
        .set("fleet.endpoints", "2")
        .go();
    assert_eq!(outcome.count("/connections/connected"), 0, "{outcome}");
    let closed = outcome.count("/connections/failed_by/closed")
        + outcome.count("/connections/failed_by/reset");
    assert_eq!(closed, outcome.count("/connections/failed"), "{outcome}");
    let websocket = Tenant::start(["--websocket=/mqtt"]);
    let run = run(&websocket.url);
    nobody_comes_in(run, "protocol", "connected");
}

/// A server that answers each upgrade with what `answer` makes of the key.
fn answering(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> FakeBroker {
    FakeBroker::start(move |peer| {
        let request = peer.head();
        let key = header(&request, "Sec-WebSocket-Key");
        peer.send(answer(&key).as_bytes());
        peer.swallow();
    })
}

fn header(request: &str, name: &str) -> String {
    let start = format!("{name}: ");
    let line = request.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap_or_default().to_owned()
}

/// An answer that agrees, with these lines at its end.
fn agreed(key: &str, more: &str) -> String {
    let accept = derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{more}\r\n"
    )
}

const MQTT: &str = "Sec-WebSocket-Protocol: mqtt\r\n";

#[test]
fn what_is_no_upgrade_has_a_class() {
    let status = |line: &'static str| {
        answering(move |_| format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n"))
    };
    for (server, class, advice) in [
        (
            status("401 Unauthorized"),
            "ws_unauthorized",
            "See target.headers",
        ),
        (
            status("403 Forbidden"),
            "ws_unauthorized",
            "See target.headers",
        ),
        (status("302 Found"), "ws_refused", "ask it yourself: curl"),
        (status("200 OK"), "ws_refused", "ask it yourself: curl"),
        (
            answering(|_| "220 mail.example ESMTP\r\n".to_owned()),
            "ws_upgrade",
            "check the port of target.url",
        ),
        (
            answering(|_| agreed("another key", MQTT)),
            "ws_upgrade",
            "check the port of target.url",
        ),
        (
            answering(|key| agreed(key, "")),
            "ws_subprotocol",
            "check host, port and path",
        ),
        (
            answering(|key| agreed(key, "Sec-WebSocket-Protocol: wamp\r\n")),
            "ws_subprotocol",
            "check host, port and path",
        ),
        (
            answering(|key| agreed(key, MQTT) + "\u{1}\u{2}hi"),
            "ws_protocol",
            "look at what is between",
        ),
    ] {
        nobody_comes_in(run(&by_websocket(&server.url, "/mqtt")), class, advice);
    }
}

#[test]
fn a_server_that_does_not_answer_takes_the_time_that_it_may() {
    let server = FakeBroker::start(|peer| {
        peer.head();
        peer.hold();
    });
    let run = run(&by_websocket(&server.url, "/mqtt")).set("target.connect_timeout", "300ms");
    nobody_comes_in(run, "timeout", "connected");
}

#[test]
fn headers_are_sent_and_secrets_among_them_are_not_kept() {
    let (said, asked) = std::sync::mpsc::channel();
    let server = FakeBroker::start(move |peer| {
        let _ = said.send(peer.head());
    });
    let port = server.url.rsplit(':').next().expect("a port").to_owned();
    let outcome = run(&by_websocket(&server.url, "/tenants/7"))
        .set("fleet.endpoints", "1")
        .set("target.headers.X-Tenant", "seven")
        .set("target.headers.Authorization", "env:UPGRADE_SECRET")
        .environment("UPGRADE_SECRET", "Bearer hunter2")
        .go();
    let request = asked.recv().expect("it was asked");
    assert!(
        request.starts_with("GET /tenants/7 HTTP/1.1\r\n"),
        "{request}"
    );
    assert_eq!(header(&request, "Host"), format!("127.0.0.1:{port}"));
    assert_eq!(header(&request, "X-Tenant"), "seven");
    assert_eq!(header(&request, "Authorization"), "Bearer hunter2");
    assert_eq!(header(&request, "Sec-WebSocket-Protocol"), "mqtt");
    assert!(!outcome.stdout.contains("hunter2") && !outcome.stderr.contains("hunter2"));
    for entry in std::fs::read_dir(&outcome.folder).expect("the run's folder") {
        let text = std::fs::read(entry.expect("an entry").path()).expect("a file");
        assert!(!String::from_utf8_lossy(&text).contains("hunter2"));
    }
    assert!(outcome.file("profile.toml").contains("env:UPGRADE_SECRET"));
    for (secret, sentence) in [
        ("env:NOT_THERE", "the variable NOT_THERE is not set"),
        ("env:UPGRADE_SECRET", "is no value of a header"),
    ] {
        let refused = run("ws://127.0.0.1:1/mqtt")
            .set("target.headers.Authorization", secret)
            .environment("UPGRADE_SECRET", "two\nlines")
            .go()
            .ends_with(104);
        let said = &refused.stderr;
        assert!(said.contains("target.headers.Authorization"), "{said}");
        assert!(said.contains(sentence), "{said}");
    }
}

/// A server of another make that has upgraded, and CONNECT is accepted.
fn welcomed(peer: &mut Peer) -> WebSocket<TcpStream> {
    let mut socket = upgraded(peer);
    let connect = socket.read().expect("CONNECT");
    assert!(matches!(connect, Message::Binary(packet) if packet[0] == 0x10));
    socket
        .send(Message::binary(CONNACK.to_vec()))
        .expect("a peer that reads");
    socket
}

fn upgraded(peer: &mut Peer) -> WebSocket<TcpStream> {
    #[allow(clippy::result_large_err, reason = "the type is tungstenite's")]
    let agree = |request: &tungstenite::handshake::server::Request,
                 mut response: tungstenite::handshake::server::Response| {
        let offered = request.headers()["sec-websocket-protocol"].clone();
        assert_eq!(offered, "mqtt");
        response
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", offered);
        Ok(response)
    };
    tungstenite::accept_hdr(peer.stream(), agree).expect("an upgrade")
}

/// QoS 1 to a server by tungstenite, which answers in the way that `answer` has.
fn published(
    answer: impl Fn(&mut WebSocket<TcpStream>, Vec<u8>) + Send + Sync + 'static,
) -> Outcome {
    let server = FakeBroker::start(move |peer| {
        let mut socket = welcomed(peer);
        while let Ok(message) = socket.read() {
            let Message::Binary(bytes) = message else {
                continue;
            };
            // Small packets, with a remaining length of one byte.
            let mut rest = &bytes[..];
            while let [first, length, ..] = *rest {
                let (packet, behind) = rest.split_at(2 + usize::from(length));
                rest = behind;
                match first {
                    // PUBLISH, QoS 1: its packet identifier lies behind the topic (section 3.3.2).
                    0x32 => {
                        let topic = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
                        answer(
                            &mut socket,
                            vec![0x40, 2, packet[4 + topic], packet[5 + topic]],
                        );
                    }
                    0xC0 => answer(&mut socket, vec![0xD0, 0]),
                    _ => {}
                }
            }
        }
    });
    Midge::run("mqtt-publish")
        .target(&by_websocket(&server.url, "/mqtt"))
        .set("fleet.endpoints", "5")
        .set("load.arrival_rate", "50/s")
        .set("load.warm_up", "0s")
        .set("load.measure", "1s")
        .set("request.*.qos", "1")
        .go()
}

#[track_caller]
fn all_was_acknowledged(outcome: &Outcome) {
    outcome.keeps_its_accounts();
    let planned = outcome.count("/whole_run/planned");
    assert!(planned > 20, "{outcome}");
    assert_eq!(outcome.count("/whole_run/ok"), planned, "{outcome}");
    assert_eq!(outcome.count("/connections/lost"), 0, "{outcome}");
}

#[test]
fn packets_may_come_in_any_number_of_frames_with_pings_between() {
    let outcome = published(|socket, packet| {
        let last = packet.len() - 1;
        for (number, byte) in packet.into_iter().enumerate() {
            let kind = if number == 0 {
                Data::Binary
            } else {
                Data::Continue
            };
            let frame = Frame::message(vec![byte], OpCode::Data(kind), number == last);
            let _ = socket.send(Message::Frame(frame));
            let _ = socket.send(Message::Ping(vec![number as u8].into()));
        }
    });
    all_was_acknowledged(&outcome);
}

#[test]
fn a_packet_may_come_in_several_messages() {
    let outcome = published(|socket, packet| {
        let (first, second) = packet.split_at(1);
        let _ = socket.send(Message::binary(first.to_vec()));
        let _ = socket.send(Message::binary(Vec::new()));
        let _ = socket.send(Message::binary(second.to_vec()));
    });
    all_was_acknowledged(&outcome);
}

/// A run whose connections end in the way that `end` has, once they are up.
fn ended(end: impl Fn(&mut WebSocket<TcpStream>) + Send + Sync + 'static) -> Outcome {
    let server = FakeBroker::start(move |peer| {
        let mut socket = welcomed(peer);
        // Until the first message is in, everybody is up.
        let _ = socket.read();
        end(&mut socket);
        while socket.read().is_ok() {}
    });
    Midge::run("mqtt-publish")
        .target(&by_websocket(&server.url, "/mqtt"))
        .set("fleet.endpoints", "3")
        .set("load.arrival_rate", "100/s")
        .set("load.warm_up", "0s")
        .set("load.measure", "1s")
        .go()
}

#[test]
fn a_close_is_counted_with_its_code() {
    for (code, name) in [(CloseCode::Away, "1001"), (CloseCode::Policy, "1008")] {
        let outcome = ended(move |socket| {
            let frame = CloseFrame {
                code,
                reason: "so".into(),
            };
            let _ = socket.close(Some(frame));
        });
        outcome.keeps_its_accounts();
        let lost = outcome.count("/connections/lost");
        assert!(lost >= 3, "{outcome}");
        assert_eq!(
            outcome.count("/connections/lost_by/closed"),
            lost,
            "{outcome}"
        );
        assert_eq!(
            outcome.count(&format!("/connections/close_codes/{name}")),
            lost,
            "{outcome}"
        );
    }
}

#[test]
fn a_text_frame_or_a_masked_one_breaks_the_protocol() {
    for frame in [&b"\x81\x02hi"[..], b"\x82\x82\x01\x02\x03\x04hi"] {
        let outcome = ended(move |socket| {
            let _ = socket.get_mut().write_all(frame);
        });
        outcome.keeps_its_accounts();
        let lost = outcome.count("/connections/lost");
        assert!(lost >= 3, "{outcome}");
        assert_eq!(
            outcome.count("/connections/lost_by/protocol"),
            lost,
            "{outcome}"
        );
    }
}

/// A client of another make at a tenant's WebSocket.
struct Client(WebSocket<TcpStream>);

impl Client {
    fn connect(tenant: &Tenant) -> Self {
        let address = tenant.url.trim_start_matches("mqtt://");
        let stream = TcpStream::connect(address).expect("the tenant listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a socket option");
        let uri = by_websocket(&tenant.url, "/mqtt").parse().expect("a url");
        let request = ClientRequestBuilder::new(uri).with_sub_protocol("mqtt");
        let (socket, _) = tungstenite::client(request, stream).expect("an upgrade");
        Self(socket)
    }

    /// The next message that is no Pong.
    fn next(&mut self) -> Option<Message> {
        loop {
            match self.0.read() {
                Ok(Message::Pong(_)) => {}
                Ok(message) => return Some(message),
                Err(_) => return None,
            }
        }
    }

    fn close_code(&mut self) -> Option<u16> {
        match self.next()? {
            Message::Close(frame) => frame.map(|frame| frame.code.into()),
            _ => None,
        }
    }
}

/// CONNECT of MQTT 3.1.1 with an empty client identifier (section 3.1).
const CONNECT: &[u8] = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00";

#[test]
fn the_tenant_speaks_with_a_client_of_another_make() {
    let tenant = Tenant::start(["--websocket=/mqtt"]);
    let mut client = Client::connect(&tenant);
    let (first, second) = CONNECT.split_at(5);
    let frame = |bytes: &[u8], kind, last| {
        Message::Frame(Frame::message(bytes.to_vec(), OpCode::Data(kind), last))
    };
    client
        .0
        .send(frame(first, Data::Binary, false))
        .expect("room");
    client
        .0
        .send(Message::Ping(b"x".to_vec().into()))
        .expect("room");
    assert_eq!(
        client.0.read().expect("a Pong"),
        Message::Pong(b"x".to_vec().into())
    );
    client
        .0
        .send(frame(second, Data::Continue, true))
        .expect("room");
    assert_eq!(client.next(), Some(Message::binary(CONNACK.to_vec())));
    // Two PINGREQ in one frame.
    client
        .0
        .send(Message::binary(b"\xc0\x00\xc0\x00".to_vec()))
        .expect("room");
    assert_eq!(
        client.next(),
        Some(Message::binary(b"\xd0\x00\xd0\x00".to_vec()))
    );
    client.0.close(None).expect("room");
    assert_eq!(client.close_code(), Some(1000));
    assert_eq!(client.next(), None);
    let counts = tenant.stop();
    assert_eq!(counts["connections"], 1, "{counts}");
    assert_eq!(counts["rejected"], serde_json::json!({}), "{counts}");
}

#[test]
fn the_tenant_closes_what_breaks_a_rule_with_a_code() {
    let tenant = Tenant::start(["--websocket=/mqtt"]);
    let mut text = Client::connect(&tenant);
    text.0.send(Message::text("hi")).expect("room");
    assert_eq!(text.close_code(), Some(1003));
    let mut unmasked = Client::connect(&tenant);
    unmasked.0.get_mut().write_all(b"\x82\x01x").expect("room");
    assert_eq!(unmasked.close_code(), Some(1002));
    for request in [
        "GET /mqtt HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        "\u{10}\u{c}\r\n\r\n",
    ] {
        let address = tenant.url.trim_start_matches("mqtt://");
        let mut stream = TcpStream::connect(address).expect("the tenant listens");
        stream.write_all(request.as_bytes()).expect("room");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    let counts = tenant.stop();
    assert_eq!(counts["rejected"]["websocket"], 4, "{counts}");
}

#[test]
fn every_message_reaches_mosquitto_over_websocket_to_the_last() {
    let _alone = alone();
    let authority = Authority::new("authority of the test");
    let broker = Mosquitto::with_websockets(&authority);
    let files = tempfile::tempdir().expect("a temporary folder");
    let ca = files.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).expect("a file in a new folder");
    for (url, qos) in [
        (&broker.ws, 0),
        (&broker.ws, 1),
        (&broker.ws, 2),
        (&broker.wss, 0),
        (&broker.wss, 1),
    ] {
        let subscriber = broker.broker.subscribe("bench/#", qos);
        // Until the very end of the run, so that the last messages are the connections' last.
        let mut run = Midge::run("mqtt-publish")
            .target(url)
            .set("fleet.endpoints", "50")
            .set("load.arrival_rate", "1_000/s")
            .set("load.warm_up", "0s")
            .set("load.measure", "1s")
            .set("request.*.qos", &qos.to_string());
        if url.starts_with("wss") {
            run = run.set("target.ca", &ca.display().to_string());
        }
        let outcome = run.go();
        outcome.keeps_its_accounts();
        assert_eq!(outcome.count("/connections/connected"), 50, "{outcome}");
        let sent = outcome.count("/whole_run/sent");
        assert!(sent > 800, "{outcome}");
        assert_eq!(outcome.count("/whole_run/ok"), sent, "{outcome}");
        let arrived = subscriber.messages(sent).len() as u64;
        assert_eq!(arrived, sent, "{url}\n{outcome}");
        ends_with_unless_disturbed(&outcome, 0);
    }
}
