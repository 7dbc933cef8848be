//! Runs of MQTT 5: what the fleet tells a target and is told by it, and whether it keeps to that.
//!
//! Targets are the simulated tenant, Mosquitto, and brokers that say what each test wants. Counts are
//! compared, not times. Not here: packets as such (`codec`), what a plan makes of a profile (`plan`), and sessions over a lost connection (`five/sessions`).

mod interop;
#[path = "five/sessions.rs"]
mod sessions;
mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use interop::{Mosquitto, alone};
use midge::mqtt::{
    Auth, ConnAck, Connect, Disconnect, Packet, Property, PropertyList, PubAck, Publish, Qos,
    Reason, Role, SubAck, Version, decode,
};
use support::{FakeBroker, Midge, Outcome, Peer};

fn go(midge: Midge) -> Outcome {
    let outcome = midge.set("target.protocol", "5").go();
    outcome.keeps_its_accounts();
    assert!(!outcome.stderr.contains("panicked"), "{outcome}");
    outcome
}

/// A packet of a client, whole.
struct Received(Vec<u8>);

impl Received {
    fn packet(&self) -> Packet<'_> {
        let (packet, length) = decode(&self.0, Role::Server, Version::V5, 1 << 20)
            .expect("a valid packet of MQTT 5")
            .expect("a whole one");
        assert_eq!(length, self.0.len());
        packet
    }

    fn connect(&self) -> Connect<'_> {
        match self.packet() {
            Packet::Connect(connect) => connect.fields(),
            other => panic!("{other:?}"),
        }
    }
}

fn next(peer: &mut Peer) -> Option<Received> {
    let (first, body) = peer.next_packet()?;
    let mut bytes = vec![first];
    midge::mqtt::header::write_remaining_length(body.len() as u32, &mut bytes);
    bytes.extend_from_slice(&body);
    Some(Received(bytes))
}

fn send(peer: &mut Peer, packet: &Packet<'_>) {
    let mut bytes = Vec::new();
    packet.write(Version::V5, &mut bytes).expect("valid");
    peer.send(&bytes);
}

fn list(properties: &[Property<'_>]) -> PropertyList {
    let mut list = PropertyList::new();
    for &property in properties {
        list.push(property).expect("it fits");
    }
    list
}

/// Reads CONNECT and accepts it on these terms.
fn welcome(peer: &mut Peer, terms: &[Property<'_>]) -> Option<Received> {
    let connect = next(peer)?;
    let terms = list(terms);
    let connack = ConnAck {
        properties: terms.as_properties(),
        ..ConnAck::of(false, Reason::Success)
    };
    send(peer, &Packet::ConnAck(connack));
    Some(connect)
}

/// A broker that accepts clients on these terms, and does this with each message.
fn broker(
    terms: &'static [Property<'static>],
    each: impl Fn(&mut Peer, &Publish<'_>) + Send + Sync + 'static,
) -> FakeBroker {
    FakeBroker::start(move |peer| {
        welcome(peer, terms);
        while let Some(received) = next(peer) {
            match received.packet() {
                Packet::Publish(publish) => each(peer, &publish),
                Packet::Subscribe(subscribe) => {
                    let codes: Vec<u8> = subscribe.filters().map(|(_, qos)| qos as u8).collect();
                    let suback = SubAck {
                        packet_id: subscribe.packet_id,
                        properties: midge::mqtt::Properties::NONE,
                        codes: &codes,
                    };
                    send(peer, &Packet::SubAck(suback));
                }
                Packet::PingReq => send(peer, &Packet::PingResp),
                _ => {}
            }
        }
    })
}

fn acknowledge(peer: &mut Peer, publish: &Publish<'_>) {
    if publish.qos == Qos::AtLeastOnce {
        send(peer, &Packet::PubAck(PubAck::of(publish.packet_id)));
    }
}

/// Four endpoints that publish, about forty messages in all.
fn publishers(target: &str) -> Midge {
    Midge::run("mqtt-publish")
        .target(target)
        .set("fleet.endpoints", "4")
        .set("load.arrival_rate", "40/s")
        .set("load.warm_up", "0s")
        .set("load.measure", "1s")
        .set("load.drain", "1s")
        .set("target.connect_timeout", "1s")
        .set("request.publish.deadline", "500ms")
        .set("request.publish.qos", "1")
}

fn of(outcome: &Outcome, request: &str, count: &str) -> u64 {
    outcome.count(&format!("/requests/{request}/whole_run/{count}"))
}

/// Everything that wants an answer gets one, and the tenant refuses nothing.
#[track_caller]
fn is_answered(profile: &str) {
    let outcome = go(Midge::run(profile)
        .brief()
        .set("load.in_flight_max", "200")
        .set("load.drain", "10s"));
    for request in outcome.requests() {
        let of = |count| of(&outcome, &request, count);
        assert!(of("ok") > 0, "{request}\n{outcome}");
        assert_eq!(
            of("ok") + of("error"),
            of("planned"),
            "{request}\n{outcome}"
        );
    }
    for none in ["orphan", "duplicate", "unattributed_errors"] {
        let counted = outcome.count(&format!("/whole_run/{none}"));
        assert_eq!(counted, 0, "{none}\n{outcome}");
    }
    assert_eq!(outcome.count("/connections/lost"), 0, "{outcome}");
}

#[test]
fn a_kaa_fleet_speaks_mqtt_5() {
    is_answered("kaa-fleet");
}

#[test]
fn an_enapter_fleet_speaks_mqtt_5() {
    is_answered("enapter-fleet");
}

/// Devices ask with correlation data; a caller asks devices so, who answer with the same.
const CORRELATED: &str = r#"
[fleet]
endpoints = 20
user_properties = { site = "hall {endpoint}" }
session_expiry = "10s"
[load]
warm_up = "0s"
measure = "1s"
drain = "5s"
[[request]]
name = "call"
from = "caller"
topic = "do/{endpoint}"
payload = '{"n":{seq}}'
rate = "100/s"
qos = 1
request_id = { in = "correlation-data", generate = "uuid" }
reply = { ok = "done/{endpoint}" }
content_type = "application/json"
payload_format = "text"
message_expiry = "30s"
user_properties = { number = "{seq}" }
[[inbound]]
name = "command"
topic = "do/{endpoint}"
id = "correlation-data"
answer = [{ topic = "done/{endpoint}", payload = "{}" }]
"#;

/// What the tenant pushes by itself, under an ID of its own in the correlation data.
const PUSHED: &str = r#"
[fleet]
endpoints = 20
[load]
warm_up = "0s"
measure = "1s"
[[request]]
name = "here"
topic = "here/{endpoint}"
every = "200ms"
[[inbound]]
name = "command"
topic = "do/{endpoint}"
payload = '{"valve":"open"}'
id = "correlation-data"
answer = [{ topic = "done/{endpoint}", payload = "{}" }]
[tenant]
commands = "200/s"
"#;

const ASKS: &str = r#"
[[request]]
name = "ask"
topic = "ask/{endpoint}"
payload = '{"n":{seq}}'
rate = "200/s"
qos = 1
request_id = { in = "correlation-data" }
reply = { ok = "answers/{endpoint}", error = "errors/{endpoint}", status = "/status" }
"#;

#[track_caller]
fn all_is_correlated(outcome: &Outcome, requests: &[&str]) {
    for request in requests {
        let of = |count| of(outcome, request, count);
        assert!(of("planned") > 50, "{outcome}");
        assert_eq!(of("ok"), of("planned"), "{request}\n{outcome}");
        assert_eq!((of("orphan"), of("duplicate")), (0, 0), "{outcome}");
    }
    let called = of(outcome, "call", "sent");
    assert_eq!(outcome.count("/inbound/command/received"), called);
    assert_eq!(outcome.count("/inbound/command/answered"), called);
    assert_eq!(outcome.count("/generator/unrecognised"), 0, "{outcome}");
}

#[test]
fn the_tenant_answers_with_correlation_data_where_it_is_asked_to() {
    for delivery in ["broker", "kpc"] {
        let profile = format!("{CORRELATED}{ASKS}");
        let midge = Midge::run("./asks.toml").file("asks.toml", &profile);
        let midge = midge.set("tenant.delivery", delivery);
        let outcome = go(midge.set("tenant.service_time", "fixed:5ms"));
        all_is_correlated(&outcome, &["ask", "call"]);
        assert_eq!(
            outcome.count("/tenant/replied_ok/ask"),
            of(&outcome, "ask", "sent")
        );
    }
    // Errors have a topic of their own, and correlation data too.
    let profile = format!("{CORRELATED}{ASKS}");
    let midge = Midge::run("./asks.toml").file("asks.toml", &profile);
    let outcome = go(midge.set("tenant.error_rate", "30%"));
    let of = |count| of(&outcome, "ask", count);
    assert!(of("error") > 10, "{outcome}");
    assert_eq!(of("ok") + of("error"), of("planned"), "{outcome}");
    assert_eq!(outcome.count("/whole_run/unattributed_errors"), 0);
}

#[test]
fn what_the_tenant_pushes_is_told_apart_by_correlation_data() {
    let midge = Midge::run("./pushed.toml").file("pushed.toml", PUSHED);
    let outcome = go(midge);
    let inbound = |count| outcome.count(&format!("/inbound/command/{count}"));
    assert!(inbound("received") > 50, "{outcome}");
    assert_eq!(inbound("duplicate"), 0, "{outcome}");
    assert!(inbound("answered") > 50, "{outcome}");
    assert_eq!(outcome.count("/whole_run/unattributed_errors"), 0);
}

#[test]
fn mosquitto_passes_correlation_data_on() {
    let _alone = alone();
    let broker = Mosquitto::start();
    let midge = Midge::run("./calls.toml").file("calls.toml", CORRELATED);
    let outcome = go(midge.target(&broker.url));
    all_is_correlated(&outcome, &["call"]);
}

#[test]
fn mosquitto_takes_every_qos_and_aliases_of_topics() {
    let _alone = alone();
    let broker = Mosquitto::start();
    for qos in ["0", "1", "2"] {
        let subscriber = broker.subscribe("bench/#", 2);
        let outcome = go(Midge::run("mqtt-publish")
            .target(&broker.url)
            .brief()
            .set("load.arrival_rate", "500/s")
            .set("request.*.topic_alias", "true")
            .set("request.*.user_properties.a", "b")
            .set("request.*.qos", qos));
        let sent = of(&outcome, "publish", "sent");
        assert_eq!(of(&outcome, "publish", "ok"), sent, "{outcome}");
        let messages = subscriber.messages(sent);
        assert_eq!(messages.len() as u64, sent, "QoS {qos}");
        let named = |message: &interop::Message| message.topic.starts_with("bench/");
        assert!(messages.iter().all(named), "QoS {qos}");
        assert_eq!(outcome.count("/connections/lost"), 0, "{outcome}");
    }
}

#[test]
fn connect_says_what_the_profile_says() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = seen.clone();
    let broker = FakeBroker::start(move |peer| {
        let connect = welcome(peer, &[]).expect("it connects");
        kept.lock().expect("no panic").push(connect);
        peer.swallow();
    });
    go(publishers(&broker.url)
        .set("fleet.session_expiry", "never")
        .set("fleet.receive_maximum", "77")
        .set("fleet.topic_alias_maximum", "5")
        .set("fleet.user_properties.site", "hall {endpoint}")
        .set("limits.packet_size", "10KiB")
        .set("fleet.will.topic", "gone/{endpoint}")
        .set("fleet.will.delay", "9s")
        .set("fleet.will.content_type", "text/{endpoint}"));
    let seen = seen.lock().expect("no panic");
    assert_eq!(seen.len(), 4);
    for received in seen.iter() {
        let connect = received.connect();
        let number = connect.client_id.trim_start_matches("midge-");
        let (site, content) = (format!("hall {number}"), format!("text/{number}"));
        let own: Vec<_> = connect.properties.iter().collect();
        for property in [
            Property::SessionExpiryInterval(u32::MAX),
            Property::ReceiveMaximum(77),
            Property::TopicAliasMaximum(5),
            Property::MaximumPacketSize(10_240),
            Property::UserProperty(("site", &site)),
        ] {
            assert!(own.contains(&property), "{property:?} is not in {own:?}");
        }
        let will = connect.will.expect("it has one");
        let of_will: Vec<_> = will.properties.iter().collect();
        let expected = [
            Property::WillDelayInterval(9),
            Property::ContentType(&content),
        ];
        assert_eq!(of_will, expected);
    }
}

#[test]
fn no_more_is_unacknowledged_than_the_target_takes() {
    // Nothing is acknowledged, so that each of the four endpoints gets rid of two.
    let broker = broker(&[Property::ReceiveMaximum(2)], |_, _| {});
    let outcome = go(publishers(&broker.url).set("request.publish.deadline", "5s"));
    assert_eq!(of(&outcome, "publish", "sent"), 8, "{outcome}");
    let dropped = outcome.count("/whole_run/dropped_by/back_pressure");
    assert_eq!(dropped, of(&outcome, "publish", "planned") - 8, "{outcome}");
}

#[test]
fn what_is_acknowledged_makes_room_for_more() {
    let broker = broker(&[Property::ReceiveMaximum(1)], acknowledge);
    let outcome = go(publishers(&broker.url)
        .set("fleet.endpoints", "1")
        .set("load.arrival_rate", "20/s")
        .set("load.arrivals", "constant"));
    assert!(of(&outcome, "publish", "ok") > 10, "{outcome}");
    assert_eq!(of(&outcome, "publish", "dropped"), 0, "{outcome}");
}

#[test]
fn sending_as_fast_as_possible_waits_for_the_target_too() {
    let broker = broker(&[Property::ReceiveMaximum(3)], |peer, publish| {
        std::thread::sleep(Duration::from_millis(2));
        acknowledge(peer, publish);
    });
    let outcome = go(publishers(&broker.url)
        .set("load.arrival_rate", "max")
        .set("load.measure", "500ms"));
    assert!(of(&outcome, "publish", "ok") > 100, "{outcome}");
    assert_eq!(of(&outcome, "publish", "dropped"), 0, "{outcome}");
}

/// Whatever is published to a target with this term is dropped for this reason, and nothing arrives.
#[track_caller]
fn everything_is_dropped(term: &'static [Property<'static>], set: (&str, &str), reason: &str) {
    let broker = broker(term, |_, publish| panic!("{publish:?}"));
    let outcome = go(publishers(&broker.url).set(set.0, set.1));
    let planned = of(&outcome, "publish", "planned");
    assert!(planned > 10, "{outcome}");
    let dropped = outcome.count(&format!("/whole_run/dropped_by/{reason}"));
    assert_eq!(dropped, planned, "{outcome}");
    assert_eq!(outcome.count("/connections/lost"), 0, "{outcome}");
}

#[test]
fn what_the_target_does_not_take_is_not_sent() {
    let qos = &[Property::MaximumQos(Qos::AtMostOnce)];
    everything_is_dropped(qos, ("request.publish.qos", "1"), "not_supported");
    let retain = &[Property::RetainAvailable(false)];
    everything_is_dropped(retain, ("request.publish.retain", "true"), "not_supported");
    let size = &[Property::MaximumPacketSize(40)];
    everything_is_dropped(size, ("request.publish.bytes", "100B"), "packet_size");
}

#[test]
fn the_keep_alive_is_the_targets() {
    let pings = Arc::new(Mutex::new(0));
    let counted = pings.clone();
    let broker = FakeBroker::start(move |peer| {
        welcome(peer, &[Property::ServerKeepAlive(1)]);
        while let Some(received) = next(peer) {
            if received.packet() == Packet::PingReq {
                *counted.lock().expect("no panic") += 1;
                send(peer, &Packet::PingResp);
            }
        }
    });
    let outcome = go(publishers(&broker.url)
        .set("fleet.endpoints", "1")
        .set("load.arrival_rate", "1/s")
        .set("load.arrivals", "constant")
        .set("request.publish.qos", "0")
        .set("load.measure", "3s"));
    assert!(*pings.lock().expect("no panic") > 0, "{outcome}");
    assert_eq!(outcome.count("/connections/lost"), 0, "{outcome}");
}

#[test]
fn a_client_comes_back_under_the_name_that_it_was_given() {
    let names = Arc::new(Mutex::new(Vec::new()));
    let kept = names.clone();
    let broker = FakeBroker::start(move |peer| {
        let terms = [Property::AssignedClientIdentifier("made-up-1")];
        let connect = welcome(peer, &terms).expect("it connects");
        let name = connect.connect().client_id.to_owned();
        let first = name.is_empty();
        kept.lock().expect("no panic").push(name);
        if first {
            std::thread::sleep(Duration::from_millis(100));
        } else {
            peer.swallow();
        }
    });
    let outcome = go(publishers(&broker.url)
        .set("fleet.endpoints", "1")
        .set("fleet.client_id", "")
        .set("fleet.clean_start", "false")
        .set("load.measure", "2s"));
    let names = names.lock().expect("no panic");
    assert_eq!(*names, ["", "made-up-1"], "{outcome}");
}

#[test]
fn the_target_says_why_it_closes() {
    for (reason, key) in [
        (Reason::SessionTakenOver, "session_taken_over"),
        (Reason::ServerShuttingDown, "server_shutting_down"),
        (Reason::Success, "closed"),
    ] {
        let broker = broker(&[], move |peer, _| {
            send(peer, &Packet::Disconnect(Disconnect::of(reason)));
        });
        let outcome = go(publishers(&broker.url));
        let lost = outcome.count("/connections/lost");
        assert!(lost >= 4, "{outcome}");
        let lost_by = outcome.at("/connections/lost_by");
        assert_eq!(lost_by[key], lost, "{lost_by}");
        let failed_by = outcome.at("/whole_run/failed_by");
        assert_eq!(failed_by[key], outcome.at("/whole_run/failed").clone());
    }
}

#[test]
fn a_refused_message_has_failed_under_the_name_of_its_reason() {
    let broker = broker(&[], |peer, publish| {
        let words = list(&[Property::ReasonString("ten a day")]);
        let refusal = PubAck {
            packet_id: publish.packet_id,
            reason: Reason::QuotaExceeded,
            properties: words.as_properties(),
        };
        send(peer, &Packet::PubAck(refusal));
    });
    let outcome = go(publishers(&broker.url));
    let sent = of(&outcome, "publish", "sent");
    assert!(sent > 10, "{outcome}");
    let failed = outcome.count("/whole_run/failed_by/quota_exceeded");
    assert_eq!(failed, sent, "{outcome}");
    assert_eq!(outcome.count("/connections/lost"), 0, "{outcome}");
    let errors = outcome.file("errors.csv");
    let row = format!("publish,quota-exceeded,ten a day,{sent},");
    assert!(errors.contains(&row), "{errors}");
}

#[test]
fn nobody_gets_in_and_the_reason_is_named() {
    for (reason, key) in [
        (Reason::Banned, "banned"),
        (Reason::ServerBusy, "server_unavailable"),
        (Reason::BadAuthenticationMethod, "bad_authentication_method"),
    ] {
        let broker = FakeBroker::start(move |peer| {
            next(peer);
            send(peer, &Packet::ConnAck(ConnAck::of(false, reason)));
            peer.swallow();
        });
        let outcome = go(publishers(&broker.url));
        let failed_by = outcome.at("/connections/failed_by");
        assert_eq!(failed_by[key], 4, "{failed_by}");
    }
    // A target that begins an enhanced authentication by itself.
    let broker = FakeBroker::start(|peer| {
        next(peer);
        let method = list(&[Property::AuthenticationMethod("SCRAM-SHA-1")]);
        let auth = Auth {
            reason: Reason::ContinueAuthentication,
            properties: method.as_properties(),
        };
        send(peer, &Packet::Auth(auth));
        peer.swallow();
    });
    let outcome = go(publishers(&broker.url));
    let failed_by = outcome.at("/connections/failed_by");
    assert_eq!(failed_by["bad_authentication_method"], 4, "{failed_by}");
}

/// What a message says of its topic: its name, and the number that stands for it.
fn named(publish: &Publish<'_>) -> (String, Option<u16>) {
    let alias = publish
        .properties
        .iter()
        .find_map(|property| match property {
            Property::TopicAlias(number) => Some(number),
            _ => None,
        });
    (publish.topic.to_owned(), alias)
}

#[test]
fn an_alias_is_introduced_on_each_connection_before_it_is_used() {
    const THREE: &[Property<'static>] = &[Property::TopicAliasMaximum(3)];
    for (terms, aliases) in [(THREE, true), (&[], false)] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = seen.clone();
        let broker = FakeBroker::start(move |peer| {
            welcome(peer, terms);
            let connection = peer.number;
            while let Some(received) = next(peer) {
                let Packet::Publish(publish) = received.packet() else {
                    continue;
                };
                let mut seen = kept.lock().expect("no panic");
                seen.push((connection, named(&publish)));
                let of_this = seen.iter().filter(|(number, _)| *number == connection);
                if connection == 0 && of_this.count() == 5 {
                    return; // It has to come back and say the name again.
                }
            }
        });
        let outcome = go(publishers(&broker.url)
            .set("fleet.endpoints", "1")
            .set("load.arrival_rate", "20/s")
            .set("load.measure", "3s")
            .set("request.publish.qos", "0")
            .set("request.publish.topic_alias", "true"));
        let seen = seen.lock().expect("no panic");
        for connection in [0, 1] {
            let of_this = seen.iter().filter(|(number, _)| *number == connection);
            for (place, (_, (topic, alias))) in of_this.enumerate() {
                let first = place == 0 || !aliases;
                let expected = if first { "bench/0/telemetry" } else { "" };
                assert_eq!(topic, expected, "{connection} {place}\n{outcome}");
                assert_eq!(*alias, aliases.then_some(1), "{connection} {place}");
            }
        }
        assert!(seen.len() > 10, "{outcome}");
    }
}

#[test]
fn the_target_may_use_aliases_as_far_as_it_was_allowed_to() {
    let replying = |highest: u16| {
        broker(&[], move |peer, publish| {
            acknowledge(peer, publish);
            let mut alias = vec![Property::TopicAlias(highest)];
            alias.extend(
                publish
                    .properties
                    .iter()
                    .filter(|property| matches!(property, Property::CorrelationData(_))),
            );
            let topic = publish.topic.replace("ask", "answers");
            let alias = list(&alias);
            // By name in the first answer of each connection, by number in the rest.
            let first = publish.payload == br#"{"n":0}"#;
            let reply = Publish {
                dup: false,
                qos: Qos::AtMostOnce,
                retain: false,
                topic: if first { &topic } else { "" },
                packet_id: 0,
                payload: b"",
                properties: alias.as_properties(),
            };
            send(peer, &Packet::Publish(reply));
        })
    };
    let profile =
        format!("[fleet]\nendpoints = 5\n[load]\nwarm_up = \"0s\"\nmeasure = \"1s\"\n{ASKS}");
    let run = |broker: &FakeBroker| {
        let midge = Midge::run("./asks.toml").file("asks.toml", &profile);
        let midge = midge.target(&broker.url);
        go(midge.set("fleet.topic_alias_maximum", "2"))
    };
    let outcome = run(&replying(2));
    let planned = of(&outcome, "ask", "planned");
    assert!(planned > 50, "{outcome}");
    assert_eq!(of(&outcome, "ask", "ok"), planned, "{outcome}");
    let outcome = run(&replying(3));
    let lost = outcome.count("/connections/lost");
    assert!(lost >= 5, "{outcome}");
    assert_eq!(outcome.count("/connections/lost_by/protocol"), lost);
}
