//! Targets that misbehave: the run ends, stays VALID, and says what they did.
//!
//! The instrument is not to blame for any of them, so each run fails its thresholds (99) and nothing
//! else. A hang would meet the deadline of `support`.

mod support;

use std::time::Duration;

use support::{CONNACK, FakeBroker, Midge, Outcome, Peer};

/// PUBLISH, QoS 0, to a topic that nobody subscribed to.
const STRANGE_PUBLISH: [u8; 7] = [0x30, 5, 0, 1, b't', b'h', b'i'];

/// Four endpoints that publish with this QoS, about forty messages in all.
fn publishers(qos: &str, target: &str) -> Midge {
    Midge::run("mqtt-publish")
        .target(target)
        .set("fleet.endpoints", "4")
        .set("load.arrival_rate", "40/s")
        .set("load.warm_up", "0s")
        .set("load.measure", "1s")
        .set("load.drain", "1s")
        .set("target.connect_timeout", "1s")
        .set("request.publish.deadline", "500ms")
        .set("request.publish.qos", qos)
}

/// Runs it and checks what must hold whatever the target does.
#[track_caller]
fn fails_but_is_valid(midge: Midge) -> Outcome {
    let outcome = midge.go_undisturbed().ends_with(99);
    is_sound(&outcome);
    outcome
}

#[track_caller]
fn is_sound(outcome: &Outcome) {
    assert!(outcome.is_valid(), "{outcome}");
    assert!(!outcome.stderr.contains("panicked"), "{outcome}");
    outcome.keeps_its_accounts();
}

/// A target that lets nobody in, and the class under which the run counts it.
#[track_caller]
fn nobody_gets_in(script: impl Fn(&mut Peer) + Send + Sync + 'static, class: &str) {
    let broker = FakeBroker::start(script);
    let outcome = fails_but_is_valid(publishers("1", &broker.url));
    assert_eq!(outcome.count("/connections/connected"), 0, "{outcome}");
    let failed_by = outcome.at("/connections/failed_by");
    assert_eq!(outcome.count("/connections/failed"), 4, "{failed_by}");
    assert_eq!(failed_by[class], 4, "{failed_by}");
    assert_eq!(outcome.count("/total/planned"), 0, "{outcome}");
}

/// A target that lets everybody in and then breaks the connection.
#[track_caller]
fn everybody_is_lost(
    qos: &str,
    script: impl Fn(&mut Peer) + Send + Sync + 'static,
    class: &str,
) -> Outcome {
    let broker = FakeBroker::start(script);
    let outcome = fails_but_is_valid(publishers(qos, &broker.url));
    let lost_by = outcome.at("/connections/lost_by");
    let lost = outcome.count("/connections/lost");
    assert!(lost >= 4, "{outcome}");
    assert_eq!(lost_by[class], lost, "{lost_by}");
    outcome
}

/// The packet ID of a PUBLISH with QoS 1 or 2.
fn packet_id(body: &[u8]) -> [u8; 2] {
    let after_topic = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
    [body[after_topic], body[after_topic + 1]]
}

/// Answers every PUBLISH with what `answer` makes of its packet ID.
fn answering(
    answer: impl Fn([u8; 2]) -> Vec<u8> + Send + Sync + 'static,
) -> impl Fn(&mut Peer) + Send + Sync + 'static {
    move |peer| {
        peer.welcome();
        while let Some((first, body)) = peer.next_packet() {
            if first >> 4 == 3 {
                peer.send(&answer(packet_id(&body)));
            }
        }
    }
}

#[test]
fn a_port_where_nobody_listens() {
    let outcome = fails_but_is_valid(publishers("1", &FakeBroker::closed_port()));
    assert_eq!(outcome.count("/connections/failed_by/refused"), 4);
}

#[test]
fn a_target_that_closes_at_once() {
    nobody_gets_in(|_| {}, "closed");
}

#[test]
fn a_target_that_resets_instead_of_an_answer() {
    nobody_gets_in(
        |peer| {
            peer.next_packet();
            peer.reset();
        },
        "reset",
    );
}

#[test]
fn a_target_that_never_answers_connect() {
    nobody_gets_in(Peer::swallow, "timeout");
}

#[test]
fn a_target_that_answers_connect_with_garbage() {
    nobody_gets_in(
        |peer| {
            peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            peer.swallow();
        },
        "protocol",
    );
}

#[test]
fn a_target_that_publishes_before_it_accepts_gets_nobody_in_or_is_ignored() {
    // MQTT 3.1.1 section 3.2: the first packet from the server must be a CONNACK.
    let broker = FakeBroker::start(|peer| {
        peer.send(&STRANGE_PUBLISH);
        peer.swallow();
    });
    let outcome = fails_but_is_valid(publishers("1", &broker.url));
    assert_eq!(outcome.count("/connections/connected"), 0);
}

#[test]
fn refusals_in_connack_are_told_apart() {
    let classes = [
        (1, "unsupported_version"),
        (2, "identifier_rejected"),
        (3, "server_unavailable"),
        (4, "bad_credentials"),
        (5, "not_authorized"),
        (6, "protocol"),
    ];
    for (code, class) in classes {
        nobody_gets_in(
            move |peer| {
                peer.next_packet();
                peer.send(&[0x20, 2, 0, code]);
                peer.swallow();
            },
            class,
        );
    }
}

#[test]
fn a_target_that_accepts_half_a_connack_and_closes() {
    nobody_gets_in(
        |peer| {
            peer.next_packet();
            peer.send(&CONNACK[..3]);
        },
        "closed",
    );
}

#[test]
fn a_target_that_refuses_the_subscriptions() {
    let broker = FakeBroker::start(|peer| {
        peer.welcome();
        while let Some((first, body)) = peer.next_packet() {
            if first == 0x82 {
                peer.send(&[0x90, 3, body[0], body[1], 0x80]);
            }
        }
    });
    let midge = Midge::small()
        .target(&broker.url)
        .set("fleet.endpoints", "4")
        .set("fleet.subscribe", "auto")
        .set("load.measure", "1s");
    let outcome = fails_but_is_valid(midge);
    let failed_by = outcome.at("/connections/failed_by");
    assert_eq!(failed_by["subscribe_refused"], 4, "{failed_by}");
}

#[test]
fn a_target_that_accepts_twice() {
    everybody_is_lost(
        "1",
        |peer| {
            peer.welcome();
            peer.next_packet();
            peer.send(&CONNACK);
            peer.swallow();
        },
        "protocol",
    );
}

#[test]
fn a_target_that_accepts_and_then_refuses() {
    everybody_is_lost(
        "1",
        |peer| {
            peer.welcome();
            peer.next_packet();
            peer.send(&[0x20, 2, 0, 5]);
            peer.swallow();
        },
        "protocol",
    );
}

#[test]
fn a_target_that_closes_in_the_middle_of_a_packet() {
    let outcome = everybody_is_lost(
        "1",
        |peer| {
            peer.welcome();
            peer.next_packet();
            peer.send(&STRANGE_PUBLISH[..4]);
        },
        "closed",
    );
    assert!(outcome.count("/total/failed_by/closed") > 0);
}

#[test]
fn a_target_that_resets_in_the_middle_of_the_load() {
    let outcome = everybody_is_lost(
        "1",
        |peer| {
            peer.welcome();
            peer.next_packet();
            peer.reset();
        },
        "reset",
    );
    assert!(outcome.count("/total/failed_by/reset") > 0);
    assert!(outcome.count("/total/dropped_by/not_connected") > 0);
}

#[test]
fn a_packet_that_is_larger_than_the_limit() {
    let broker = FakeBroker::start(|peer| {
        peer.welcome();
        peer.next_packet();
        // 2,000 bytes follow.
        let mut packet = vec![0x30, 0xd0, 0x0f, 0, 1, b't'];
        packet.resize(3 + 2000, b'x');
        peer.send(&packet);
        peer.swallow();
    });
    let midge = publishers("1", &broker.url).set("limits.packet_size", "1KiB");
    let outcome = fails_but_is_valid(midge);
    assert!(outcome.count("/connections/lost_by/protocol") >= 4);
}

#[test]
fn a_remaining_length_of_256_megabytes() {
    let outcome = everybody_is_lost(
        "1",
        |peer| {
            peer.welcome();
            peer.next_packet();
            peer.send(&[0x30, 0xff, 0xff, 0xff, 0x7f]);
            peer.swallow();
        },
        "protocol",
    );
    let peak = outcome.count("/generator/peak_rss_bytes");
    assert!(peak < 200_000_000, "{peak}");
}

#[test]
fn a_remaining_length_that_never_ends() {
    everybody_is_lost(
        "1",
        |peer| {
            peer.welcome();
            peer.next_packet();
            peer.send(&[0x30, 0xff, 0xff, 0xff, 0xff, 0xff]);
            peer.swallow();
        },
        "protocol",
    );
}

#[test]
fn packets_that_only_a_client_may_send() {
    everybody_is_lost(
        "1",
        |peer| {
            peer.welcome();
            peer.next_packet();
            peer.send(&[0xc0, 0]);
            peer.swallow();
        },
        "protocol",
    );
}

#[test]
fn a_pubcomp_before_the_pubrec() {
    let pubcomp = |[high, low]: [u8; 2]| vec![0x70, 2, high, low];
    everybody_is_lost("2", answering(pubcomp), "protocol");
}

#[test]
fn a_puback_for_a_message_of_qos_2() {
    let puback = |[high, low]: [u8; 2]| vec![0x40, 2, high, low];
    everybody_is_lost("2", answering(puback), "protocol");
}

#[test]
fn a_pubrec_for_a_message_of_qos_1() {
    let pubrec = |[high, low]: [u8; 2]| vec![0x50, 2, high, low];
    everybody_is_lost("1", answering(pubrec), "protocol");
}

#[test]
fn a_target_that_never_completes_qos_2() {
    // A PUBREC and nothing more, again and again.
    let pubrec = |[high, low]: [u8; 2]| [[0x50, 2, high, low]; 3].concat();
    let broker = FakeBroker::start(answering(pubrec));
    let outcome = fails_but_is_valid(publishers("2", &broker.url));
    assert_eq!(outcome.count("/connections/lost"), 0, "{outcome}");
    assert_eq!(
        outcome.count("/total/timeout"),
        outcome.count("/total/planned")
    );
}

#[test]
fn acknowledgements_of_unknown_messages_are_no_answers() {
    let puback = |_| vec![0x40, 2, 0xfe, 0xdc];
    let broker = FakeBroker::start(answering(puback));
    let outcome = fails_but_is_valid(publishers("1", &broker.url));
    assert_eq!(outcome.count("/connections/lost"), 0, "{outcome}");
    assert!(outcome.count("/total/planned") > 0);
    assert_eq!(
        outcome.count("/total/timeout"),
        outcome.count("/total/planned")
    );
}

#[test]
fn messages_that_nobody_asked_for_are_acknowledged_and_change_nothing() {
    // QoS 2, packet ID 7, twice; then its release, and the release of another one.
    let publish = [0x34, 6, 0, 1, b't', 0, 7, b'!'];
    let releases = [0x62, 2, 0, 7, 0x62, 2, 0, 8];
    let noise = [&publish[..], &publish, &releases, &STRANGE_PUBLISH].concat();
    let answer = move |[high, low]: [u8; 2]| [&noise[..], &[0x40, 2, high, low]].concat();
    let broker = FakeBroker::start(answering(answer));
    let outcome = publishers("1", &broker.url).go_undisturbed().ends_with(0);
    is_sound(&outcome);
    assert_eq!(
        outcome.count("/whole_run/ok"),
        outcome.count("/whole_run/planned")
    );
}

#[test]
fn a_target_that_answers_byte_by_byte() {
    let broker = FakeBroker::start(|peer| {
        const PAUSE: Duration = Duration::from_millis(1);
        peer.next_packet();
        peer.send_slowly(&CONNACK, PAUSE);
        while let Some((first, body)) = peer.next_packet() {
            if first >> 4 == 3 {
                let [high, low] = packet_id(&body);
                peer.send_slowly(&[0x40, 2, high, low], PAUSE);
            }
        }
    });
    let midge = publishers("1", &broker.url).set("request.publish.deadline", "10s");
    let outcome = midge
        .set("load.drain", "10s")
        .set("target.connect_timeout", "10s")
        .go_undisturbed()
        .ends_with(0);
    is_sound(&outcome);
    assert_eq!(
        outcome.count("/whole_run/ok"),
        outcome.count("/whole_run/planned")
    );
}

#[test]
fn a_target_that_stops_reading() {
    let broker = FakeBroker::start(|peer| {
        peer.welcome();
        peer.hold();
    });
    // 8 MB/s and connection, more than the kernel keeps for a reader that does not read.
    let midge = publishers("0", &broker.url)
        .set("load.arrival_rate", "2_000/s")
        .set("load.measure", "2s")
        .set("request.publish.bytes", "64KiB")
        .set("limits.buffer_per_connection", "256KiB");
    let outcome = midge.go();
    // So many bytes need their time: a busy machine may say so.
    let busy = outcome.is_disturbed();
    assert_eq!(outcome.code, if busy { 96 } else { 99 }, "{outcome}");
    outcome.keeps_its_accounts();
    assert!(!outcome.stderr.contains("panicked"), "{outcome}");
    let dropped_by = outcome.at("/total/dropped_by");
    assert!(dropped_by["back_pressure"].as_u64() > Some(0), "{outcome}");
    let peak = outcome.count("/generator/peak_rss_bytes");
    assert!(peak < 200_000_000, "{peak}");
}

#[test]
fn a_target_that_stops_answering_pings() {
    let broker = FakeBroker::start(|peer| {
        peer.welcome();
        peer.swallow();
    });
    let midge = publishers("0", &broker.url)
        .set("fleet.keep_alive", "1s")
        .set("load.arrival_rate", "1/s")
        .set("load.measure", "5s");
    // What is sent counts as done at QoS 0, and the thresholds do not ask for connections that stay.
    let outcome = midge.go_undisturbed();
    is_sound(&outcome);
    assert!(
        outcome.count("/connections/lost_by/keep_alive") > 0,
        "{outcome}"
    );
}

#[test]
fn a_target_that_answers_other_requests_than_those_of_the_fleet() {
    let broker = FakeBroker::start(|peer| {
        peer.welcome();
        while let Some((first, body)) = peer.next_packet() {
            if first >> 4 == 3 {
                // The request's own topic with another ID, which nobody has used.
                let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
                let topic = String::from_utf8_lossy(&body[2..2 + length]).into_owned();
                let (start, _) = topic.rsplit_once('/').expect("it ends with an ID");
                let topic = format!("{start}/99999/status");
                let mut packet = vec![0x30, (2 + topic.len()) as u8, 0, topic.len() as u8];
                packet.extend_from_slice(topic.as_bytes());
                peer.send(&packet);
            }
        }
    });
    let midge = Midge::small()
        .target(&broker.url)
        .gentle()
        .set("fleet.endpoints", "4")
        .set("load.warm_up", "0s")
        .set("load.measure", "1s")
        .set("request.*.deadline", "500ms");
    let outcome = fails_but_is_valid(midge);
    assert_eq!(outcome.count("/total/ok"), 0);
    assert!(outcome.count("/whole_run/orphan") > 0, "{outcome}");
    assert_eq!(
        outcome.count("/whole_run/orphan"),
        outcome.count("/whole_run/sent")
    );
}
