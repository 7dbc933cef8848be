//! The simulated tenant as clients of a broker: does it answer there as it does where it listens?
//!
//! Mosquitto is the broker, and brokers that misbehave as a test tells them to. Counts of both sides are
//! compared, and times only where a fault makes them.

mod interop;
mod real;
mod support;

use std::time::{Duration, Instant};

use interop::{Mosquitto, ends_with_unless_disturbed};
use real::{Door, Ground, MOSQUITTO, PASSWORD, Transport, USER};
use serde_json::Value;
use support::{FakeBroker, Midge, Outcome, Peer, Process, Signal};

/// A tenant that is attached.
struct Attached(Process);

impl Attached {
    /// Starts it with these flags; nobody waits.
    fn begin(url: &str, flags: &[&str]) -> Self {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_midge"));
        command.args(["tenant", "--attach", url]).args(flags);
        command.env("BROKER_PASSWORD", PASSWORD);
        Self(Process::start(command))
    }

    /// Starts it, and waits until it hears everything.
    fn start(url: &str, flags: &[&str]) -> Self {
        let mut attached = Self::begin(url, flags);
        attached.0.await_words("attached to");
        attached
    }

    /// Ends it; what it has counted.
    fn stop(self) -> Value {
        self.0.signal(Signal::TERM);
        let ended = self.0.finish();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.code(), 0, "{said}");
        serde_json::from_slice(&ended.stdout).expect("one JSON line")
    }
}

/// All counts of one table.
fn sum(counts: &Value, table: &str) -> u64 {
    let rows = counts[table].as_object().into_iter().flatten();
    rows.filter_map(|(_, count)| count.as_u64()).sum()
}

/// Telemetry and metadata of a few endpoints, answered wherever the answers are published.
fn fleet(broker: &str) -> Midge {
    Midge::small()
        .target(broker)
        .set("fleet.endpoints", "20")
        .set("fleet.subscribe", "auto")
        .set("load.arrival_rate", "200/s")
        .set("load.warm_up", "200ms")
        .set("load.measure", "2s")
        .set("request.*.deadline", "2s")
}

#[track_caller]
fn is_answered(outcome: &Outcome, counts: &Value) {
    outcome.keeps_its_accounts();
    let of = |name: &str| outcome.count(&format!("/whole_run/{name}"));
    assert!(of("sent") > 200, "{outcome}");
    assert_eq!(of("ok"), of("sent"), "{outcome}\n{counts}");
    assert_eq!(sum(counts, "received"), of("sent"), "{outcome}\n{counts}");
    assert_eq!(sum(counts, "replied_ok"), of("ok"), "{outcome}\n{counts}");
    for none in ["replied_error", "lost", "duplicated", "rejected"] {
        assert_eq!(sum(counts, none), 0, "{none}\n{counts}");
    }
    assert_eq!((of("duplicate"), of("orphan")), (0, 0), "{outcome}");
}

#[track_caller]
fn every_request_is_answered_through_a_broker(qos: u8, clients: u32) {
    let broker = Mosquitto::start();
    let (qos, clients) = (qos.to_string(), clients.to_string());
    let flags = ["--attach-qos", &qos, "--attach-clients", &clients];
    let tenant = Attached::start(&broker.url, &flags);
    let outcome = fleet(&broker.url)
        .set("request.*.qos", &qos)
        .set("fleet.subscribe_qos", &qos)
        .go();
    let counts = tenant.stop();
    is_answered(&outcome, &counts);
    let attached = &counts["attached"];
    assert_eq!(attached["url"], broker.url.as_str(), "{counts}");
    assert_eq!(attached["clients"].to_string(), clients, "{counts}");
    assert_eq!(attached["shared"], clients != "1", "{counts}");
    assert_eq!(attached["reattached"], 0, "{counts}");
    // No answer of such a request has a topic that the tenant listens to.
    assert_eq!(attached["echoes"], 0, "{counts}");
    assert_eq!(counts["connections"].to_string(), clients, "{counts}");
    ends_with_unless_disturbed(&outcome, 0);
}

#[test]
fn every_request_is_answered_through_a_broker_at_qos_0() {
    every_request_is_answered_through_a_broker(0, 4);
}

#[test]
fn every_request_is_answered_through_a_broker_at_qos_1() {
    every_request_is_answered_through_a_broker(1, 3);
}

#[test]
fn every_request_is_answered_through_a_broker_at_qos_2_by_one_client() {
    every_request_is_answered_through_a_broker(2, 1);
}

#[test]
fn the_tenant_misbehaves_behind_a_broker_as_it_is_told_to() {
    let broker = Mosquitto::start();
    let flags = [
        "--error-rate=20%",
        "--loss=10%",
        "--duplicate=10%",
        "--service-time=fixed:30ms",
    ];
    let tenant = Attached::start(&broker.url, &flags);
    let outcome = fleet(&broker.url).go();
    let counts = tenant.stop();
    outcome.keeps_its_accounts();
    let of = |name: &str| outcome.count(&format!("/whole_run/{name}"));
    assert_eq!(sum(&counts, "received"), of("sent"), "{outcome}\n{counts}");
    for (theirs, ours) in [
        ("replied_ok", "ok"),
        ("replied_error", "error"),
        ("lost", "timeout"),
        ("duplicated", "duplicate"),
    ] {
        let count = of(ours);
        assert!(count > 10, "{ours}\n{outcome}");
        assert_eq!(sum(&counts, theirs), count, "{theirs}\n{outcome}\n{counts}");
    }
    let fastest = outcome.at("/total/service_time_us/min").as_f64();
    assert!(fastest > Some(30_000.0), "{outcome}");
}

#[test]
fn what_the_tenant_pushes_through_a_broker_is_answered_and_no_request_when_it_comes_back() {
    let broker = Mosquitto::start();
    // One client, so that a command is heard before its answer.
    let flags = ["--commands=40/s", "--attach-clients=1"];
    let tenant = Attached::start(&broker.url, &flags);
    let outcome = Midge::run("enapter-fleet")
        .target(&broker.url)
        .set("fleet.endpoints", "20")
        .set("load.warm_up", "200ms")
        .set("load.measure", "3s")
        .go();
    let counts = tenant.stop();
    outcome.keeps_its_accounts();
    let of = |pointer: &str| outcome.count(pointer);
    let count = |pointer: &str| counts.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let called = of("/requests/set-power/whole_run/ok");
    assert!(called > 20, "{outcome}");
    assert_eq!(
        called,
        of("/requests/set-power/whole_run/sent"),
        "{outcome}"
    );
    // The commands of the fleet's own callers are heard; those of the tenant are not heard again.
    assert_eq!(count("/received/command"), called, "{outcome}\n{counts}");
    let pushed = count("/pushed/command");
    assert!(pushed > 40, "{counts}");
    // The last one may not have come back yet.
    let echoes = count("/attached/echoes");
    assert!((pushed - 2..=pushed).contains(&echoes), "{counts}");
    // Those pushed at the very end may find nobody.
    let completed = count("/results/completed");
    assert!(completed >= called + 40, "{counts}");
    assert!(completed <= called + pushed, "{counts}");
    assert_eq!(counts["rejected"], serde_json::json!({}), "{counts}");
}

#[test]
fn a_tenant_comes_back_to_a_broker_that_crashed() {
    let mut broker = Mosquitto::start();
    let mut tenant = Attached::start(&broker.url, &["--attach-clients=2"]);
    broker.crash();
    tenant.0.await_words(&format!("lost {}", broker.url));
    tenant
        .0
        .await_words(&format!("cannot attach to {}", broker.url));
    broker.restart();
    // It says so a second time.
    let deadline = Instant::now() + Duration::from_secs(30);
    while tenant.0.stderr().matches("attached to").count() < 2 {
        assert!(Instant::now() < deadline, "{}", tenant.0.stderr());
        std::thread::sleep(Duration::from_millis(20));
    }
    let outcome = fleet(&broker.url).go();
    let counts = tenant.stop();
    is_answered(&outcome, &counts);
    assert_eq!(counts["attached"]["reattached"], 2, "{counts}");
    assert_eq!(counts["connections"], 4, "{counts}");
}

/// Request and reply over this transport, on both sides of a Mosquitto that wants a user name and a password.
#[track_caller]
fn every_request_is_answered_over(transport: Transport) {
    let ground = Ground::new();
    let running = (MOSQUITTO.start)(&ground, &[Transport::Tcp, transport]);
    let door = running
        .doors
        .iter()
        .find(|door| door.transport == transport);
    let Door { url, .. } = door.expect("what was asked for");
    let [ca, certificate, key] = ["ca", "fleet", "fleet-key"].map(|name| ground.pem(name));
    let mut flags = vec![
        "--attach-user",
        USER,
        "--attach-password=env:BROKER_PASSWORD",
    ];
    let mut fleet = fleet(url)
        .set("target.username", USER)
        .set("target.password", "env:BROKER_PASSWORD")
        .environment("BROKER_PASSWORD", PASSWORD);
    if transport.is_secured() {
        flags.extend(["--attach-ca", &ca]);
        fleet = fleet.set("target.ca", &ca);
    }
    if transport == Transport::MutualTls {
        flags.extend(["--attach-certificate", &certificate, "--attach-key", &key]);
        let files = [("target.certificate", &certificate), ("target.key", &key)];
        fleet = files
            .iter()
            .fold(fleet, |fleet, (name, file)| fleet.set(name, file));
    }
    let tenant = Attached::start(url, &flags);
    let outcome = fleet.go();
    let counts = tenant.stop();
    is_answered(&outcome, &counts);
    assert_eq!(counts["attached"]["url"], url.as_str(), "{counts}");
    assert_eq!(counts["attached"]["clients"], 4, "{counts}");
    assert_eq!(counts["attached"]["reattached"], 0, "{counts}");
    ends_with_unless_disturbed(&outcome, 0);
}

#[test]
fn every_request_is_answered_over_tls() {
    every_request_is_answered_over(Transport::Tls);
}

#[test]
fn every_request_is_answered_over_tls_with_certificates_of_both_sides() {
    every_request_is_answered_over(Transport::MutualTls);
}

#[test]
fn every_request_is_answered_over_websocket() {
    every_request_is_answered_over(Transport::Ws);
}

#[test]
fn every_request_is_answered_over_websocket_under_tls() {
    every_request_is_answered_over(Transport::Wss);
}

#[test]
fn a_handshake_that_fails_is_told_in_full() {
    let ground = Ground::new();
    let transports = [Transport::Tcp, Transport::Wss, Transport::MutualTls];
    let running = (MOSQUITTO.start)(&ground, &transports);
    let [strange, ca] = ["strange-ca", "ca"].map(|name| ground.pem(name));
    for (transport, authority, said) in [
        (Transport::Wss, &strange, "UnknownIssuer"),
        (Transport::MutualTls, &strange, "UnknownIssuer"),
        (Transport::MutualTls, &ca, "CertificateRequired"),
    ] {
        let mut doors = running.doors.iter();
        let door = doors.find(|door| door.transport == transport);
        let url = &door.expect("what was asked for").url;
        let mut tenant = Attached::begin(url, &["--attach-ca", authority]);
        tenant.0.await_words(&format!("cannot attach to {url}: "));
        tenant.0.await_words(said);
        tenant.stop();
    }
    // Where MQTT is spoken without WebSocket nobody understands the upgrade.
    let broker = Mosquitto::start();
    let url = broker.url.replace("mqtt://", "ws://");
    let mut tenant = Attached::begin(&url, &[]);
    tenant.0.await_words("cannot attach to ws://");
    tenant.stop();
}

#[test]
fn a_tenant_behind_a_broker_can_be_gone_for_a_while() {
    let broker = Mosquitto::start();
    let flags = ["--outage=500ms+700ms", "--attach-clients=2"];
    let tenant = Attached::start(&broker.url, &flags);
    let outcome = fleet(&broker.url).set("request.*.deadline", "300ms").go();
    let counts = tenant.stop();
    outcome.keeps_its_accounts();
    let of = |name: &str| outcome.count(&format!("/whole_run/{name}"));
    // 0.7 s of 200/s, of which a slow machine may send less.
    assert!(of("timeout") > 50, "{outcome}");
    assert!(of("ok") > 50, "{outcome}");
    assert_eq!(of("ok") + of("timeout"), of("sent"), "{outcome}\n{counts}");
    assert_eq!(outcome.count("/connections/lost"), 0, "{outcome}");
    assert_eq!(counts["attached"]["reattached"], 2, "{counts}");
}

/// SUBACK for a SUBSCRIBE with this body, every filter granted or refused.
fn suback(body: &[u8], code: u8) -> Vec<u8> {
    let mut codes = Vec::new();
    let mut rest = &body[2..];
    while rest.len() > 2 {
        let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        rest = &rest[length + 3..];
        codes.push(code);
    }
    let mut packet = vec![0x90, 2 + codes.len() as u8, body[0], body[1]];
    packet.extend(codes);
    packet
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

/// What a broker does that has no shared subscriptions.
#[derive(Debug, Clone, Copy)]
enum Without {
    Refuses,
    Closes,
    TakesItForATopic,
}

/// Sends one request once everything is subscribed to; what comes back is the reply.
fn without_shares(peer: &mut Peer, does: Without) {
    peer.welcome();
    let mut granted = 0;
    while let Some((first, body)) = peer.next_packet() {
        match first >> 4 {
            8 if holds(&body, "$share/") => match does {
                Without::Refuses => peer.send(&suback(&body, 0x80)),
                Without::Closes => return,
                Without::TakesItForATopic => peer.send(&suback(&body, 0)),
            },
            8 => {
                peer.send(&suback(&body, 0));
                granted += 1;
                if granted == 1 {
                    let topic = b"kp1/app-v1/dcx/tok/json/42";
                    let mut request = vec![0x30, 2 + topic.len() as u8 + 1, 0, topic.len() as u8];
                    request.extend_from_slice(topic);
                    request.push(b'1');
                    peer.send(&request);
                }
            }
            3 if holds(&body, "kp1/app-v1/dcx/tok/json/42/status") => {
                // It comes back, as it would if a filter of the tenant's matched it.
                let mut echo = vec![0x30, body.len() as u8];
                echo.extend(body);
                peer.send(&echo);
            }
            _ => {}
        }
    }
}

#[track_caller]
fn one_client_does_without_shared_subscriptions(does: Without) {
    let broker = FakeBroker::start(move |peer| without_shares(peer, does));
    let tenant = Attached::start(&broker.url, &[]);
    let said = tenant.0.stderr();
    let one = "one client (the broker has no shared subscriptions)";
    assert!(said.contains(one), "{said}");
    std::thread::sleep(Duration::from_millis(300));
    let counts = tenant.stop();
    assert_eq!(
        counts["received"],
        serde_json::json!({"dcx-json": 1}),
        "{counts}"
    );
    assert_eq!(
        counts["replied_ok"],
        serde_json::json!({"dcx-json": 1}),
        "{counts}"
    );
    assert_eq!(counts["attached"]["shared"], false, "{counts}");
    assert_eq!(counts["attached"]["clients"], 1, "{counts}");
}

#[test]
fn a_broker_may_refuse_to_share_subscriptions() {
    one_client_does_without_shared_subscriptions(Without::Refuses);
}

#[test]
fn a_broker_may_close_the_connection_that_wants_to_share() {
    one_client_does_without_shared_subscriptions(Without::Closes);
}

#[test]
fn a_broker_may_take_a_shared_subscription_for_a_topic() {
    one_client_does_without_shared_subscriptions(Without::TakesItForATopic);
}

#[test]
fn a_broker_that_does_not_let_the_tenant_in_is_told_and_asked_again() {
    let broker = FakeBroker::start(|peer| {
        peer.next_packet();
        peer.send(&[0x20, 2, 0, 5]);
    });
    let mut tenant = Attached::begin(&broker.url, &[]);
    tenant.0.await_words(&format!(
        "cannot attach to {}: not-authorized; trying again",
        broker.url
    ));
    while broker.accepted() < 3 {
        std::thread::sleep(Duration::from_millis(20));
    }
    // It is told once.
    assert_eq!(tenant.0.stderr().matches("not-authorized").count(), 1);
    tenant.stop();
}

#[test]
fn user_and_password_open_the_door_and_the_password_is_a_reference() {
    let broker = Mosquitto::for_user("tenant", "correct horse");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "correct horse\n").expect("a file");
    let reference = format!("file:{}", file.display());
    let flags = ["--attach-user", "tenant", "--attach-password", &reference];
    Attached::start(&broker.url, &flags).stop();
    let outcome = Midge::call(["tenant", "--attach", &broker.url])
        .argument("--attach-user=tenant")
        .argument("--attach-password=hunter2")
        .go()
        .ends_with(104);
    assert!(!outcome.stderr.contains("hunter2"), "{outcome}");
}

#[test]
fn what_has_no_meaning_for_a_client_is_refused() {
    for flags in [
        &["--listen=127.0.0.1:0"][..],
        &["--delivery=kpc"],
        &["--websocket=/mqtt"],
        &["--attach-ca=ca.pem"],
        &["--attach-certificate=a.pem"],
        &["--attach-key=a.pem"],
        &["--misdirect=1%"],
        &["--user=x"],
        &["--attach-clients=0"],
        &["--attach-qos=3"],
    ] {
        let mut call = Midge::call(["tenant", "--attach", "mqtt://127.0.0.1:1"]);
        for flag in flags {
            call = call.argument(flag);
        }
        call.go().ends_with(104);
    }
    for url in ["mqtt://8.8.8.8", "http://127.0.0.1", "127.0.0.1"] {
        Midge::call(["tenant", "--attach", url]).go().ends_with(104);
    }
}
