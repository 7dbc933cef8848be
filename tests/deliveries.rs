//! Messages from publishers to listeners, one by one: what is lost, repeated or turned round on the way.
//!
//! A broker that does all three on purpose shows that the counts are exact; Mosquitto, and a subscriber of
//! its own, that they are zero where nothing of it happens. Times are compared only with delays that a
//! test makes.

mod interop;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use interop::{Mosquitto, ends_with_unless_disturbed};
use support::{FakeBroker, Midge, Outcome, Peer};

/// Every endpoint hears itself by way of the broker.
const LOOP: &str = r#"
format = 1
name = "loop"

[fleet]
endpoints = 4
connect_rate = "1_000/s"

[load]
arrival_rate = "400/s"
warm_up = "200ms"
measure = "1s"
drain = "10s"

[[request]]
name = "publish"
topic = "loop/{endpoint}"
bytes = "64B"

[[inbound]]
name = "heard"
topic = "loop/{endpoint}"
delivery_of = "publish"
"#;

fn looped(broker: &FakeBroker) -> Midge {
    Midge::run("./loop.toml")
        .file("loop.toml", LOOP)
        .target(&broker.url)
}

fn delivery(outcome: &Outcome, name: &str) -> u64 {
    outcome.count(&format!("/inbound/heard/delivery/{name}"))
}

/// What the broker has done.
#[derive(Debug, Default)]
struct Done {
    lost: AtomicU64,
    repeated: AtomicU64,
    turned: AtomicU64,
    all: AtomicU64,
}

fn once_more(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// A PUBLISH with QoS 0 and this body: topic and payload.
fn publish(body: &[u8]) -> Vec<u8> {
    assert!(body.len() < 128, "one byte of length is enough");
    let mut packet = vec![0x30, body.len() as u8];
    packet.extend_from_slice(body);
    packet
}

/// Sends back what it is sent with QoS 0: of twenty messages one not at all, one twice, and one after
/// the next one.
fn misbehave(peer: &mut Peer, done: &Done) {
    peer.welcome();
    let mut count = 0;
    let mut held: Option<Vec<u8>> = None;
    while let Some((first, body)) = peer.next_packet() {
        match first >> 4 {
            8 => peer.send(&[0x90, 3, body[0], body[1], 0]),
            12 => {
                // Nothing comes any more that it could be turned round with.
                if let Some(held) = held.take() {
                    peer.send(&held);
                }
                peer.send(&[0xd0, 0]);
            }
            3 => {
                count += 1;
                once_more(&done.all);
                let packet = publish(&body);
                match count % 20 {
                    3 => once_more(&done.lost),
                    7 => {
                        once_more(&done.repeated);
                        peer.send(&packet);
                        peer.send(&packet);
                    }
                    11 => held = Some(packet),
                    _ => {
                        peer.send(&packet);
                        if let Some(held) = held.take() {
                            once_more(&done.turned);
                            peer.send(&held);
                        }
                    }
                }
            }
            _ => {}
        }
    }
}

#[track_caller]
fn every_fault_of_a_broker_is_counted(change: impl Fn(Midge) -> Midge) {
    let done = Arc::new(Done::default());
    let of_broker = done.clone();
    let broker = FakeBroker::start(move |peer| misbehave(peer, &of_broker));
    let outcome = change(looped(&broker)).go();
    outcome.keeps_its_accounts();
    let did = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let sent = outcome.count("/whole_run/sent");
    assert_eq!(sent, did(&done.all), "{outcome}");
    assert!(did(&done.lost) > 4, "{outcome}");
    assert_eq!(delivery(&outcome, "expected"), sent, "{outcome}");
    assert_eq!(delivery(&outcome, "lost"), did(&done.lost), "{outcome}");
    let delivered = sent - did(&done.lost);
    assert_eq!(delivery(&outcome, "delivered"), delivered, "{outcome}");
    assert_eq!(
        delivery(&outcome, "duplicate"),
        did(&done.repeated),
        "{outcome}"
    );
    assert_eq!(
        delivery(&outcome, "reordered"),
        did(&done.turned),
        "{outcome}"
    );
    for none in ["retained", "foreign", "untracked"] {
        assert_eq!(delivery(&outcome, none), 0, "{none}\n{outcome}");
    }
    // What is lost is among those of which the percentiles are.
    let measured = outcome.count("/total/sent");
    assert_eq!(
        delivery(&outcome, "delivery_time_us/planned"),
        measured,
        "{outcome}"
    );
    let timed = delivery(&outcome, "delivery_time_us/count");
    assert!((1..measured).contains(&timed), "{timed}\n{outcome}");
    let said = format!("heard {delivered} of {sent} ({} lost, ", did(&done.lost));
    assert!(outcome.stdout.contains(&said), "{outcome}");
}

#[test]
fn every_fault_of_a_broker_is_counted_to_the_last_message() {
    every_fault_of_a_broker_is_counted(|midge| midge);
}

#[test]
fn every_fault_of_a_broker_is_counted_with_two_workers() {
    every_fault_of_a_broker_is_counted(|midge| midge.workers(2));
}

#[test]
fn every_fault_of_a_broker_is_counted_in_the_closed_model() {
    every_fault_of_a_broker_is_counted(|midge| midge.set("load.model", "closed"));
}

#[test]
fn every_fault_of_a_broker_is_counted_at_the_greatest_rate() {
    every_fault_of_a_broker_is_counted(|midge| {
        midge
            .set("load.arrival_rate", "max")
            .set("load.batch", "4")
            .set("limits.messages_per_s", "2_000/s")
    });
}

#[test]
fn what_is_lost_fails_a_threshold_and_repeated_messages_fail_another() {
    let done = Arc::new(Done::default());
    let broker = FakeBroker::start(move |peer| misbehave(peer, &done));
    let thresholds = r#"
        [thresholds]
        "heard.lost" = "= 0"
        "heard.duplicate" = "< 1"
        "heard.expected" = "> 100"
        "heard.delivery_time.p50" = "< 5s"
    "#;
    let outcome = Midge::run("./loop.toml")
        .file("loop.toml", &format!("{LOOP}{thresholds}"))
        .target(&broker.url)
        .go();
    let judged = outcome.at("/thresholds").as_array().expect("a list");
    let failed = judged.iter().filter(|one| one["passed"] == false);
    let failed: Vec<&str> = failed
        .filter_map(|one| one["expression"].as_str())
        .collect();
    assert_eq!(
        failed,
        ["heard.lost = 0", "heard.duplicate < 1"],
        "{outcome}"
    );
}

#[test]
fn what_was_kept_or_comes_from_elsewhere_is_counted_apart() {
    let broker = FakeBroker::start(|peer| {
        peer.welcome();
        while let Some((first, body)) = peer.next_packet() {
            match first >> 4 {
                8 => {
                    peer.send(&[0x90, 3, body[0], body[1], 0]);
                    // Behind packet ID and length stands the topic, before one byte of QoS.
                    let topic = &body[2..body.len() - 1];
                    let mut kept = publish(&[topic, &[b'0'; 64]].concat());
                    peer.send(&kept);
                    kept[0] |= 1;
                    peer.send(&kept);
                    peer.send(&publish(&[topic, b"short"].concat()));
                }
                12 => peer.send(&[0xd0, 0]),
                3 => peer.send(&publish(&body)),
                _ => {}
            }
        }
    });
    let outcome = looped(&broker).go();
    let sent = outcome.count("/whole_run/sent");
    assert_eq!(delivery(&outcome, "delivered"), sent, "{outcome}");
    assert_eq!(delivery(&outcome, "retained"), 4, "{outcome}");
    assert_eq!(delivery(&outcome, "foreign"), 8, "{outcome}");
    for none in ["lost", "duplicate", "reordered"] {
        assert_eq!(delivery(&outcome, none), 0, "{none}\n{outcome}");
    }
}

/// Ends its first connection with the third message, none of which it has acknowledged or sent on; the session
/// is kept, and everything served on the second one.
fn forget_at_first(peer: &mut Peer) {
    let mut messages = 0;
    while let Some((first, mut body)) = peer.next_packet() {
        match first >> 4 {
            1 => peer.send(&[0x20, 2, u8::from(peer.number > 0), 0]),
            8 => peer.send(&[0x90, 3, body[0], body[1], 0]),
            12 => peer.send(&[0xd0, 0]),
            3 => {
                messages += 1;
                if peer.number > 0 {
                    // The packet identifier stands behind the topic, and goes with QoS 0.
                    let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                    let id: Vec<u8> = body.drain(topic + 2..topic + 4).collect();
                    peer.send(&[0x40, 2, id[0], id[1]]);
                    peer.send(&publish(&body));
                } else if messages == 3 {
                    return;
                }
            }
            _ => {}
        }
    }
}

#[test]
fn what_is_sent_again_on_the_next_connection_is_the_same_delivery() {
    let broker = FakeBroker::start(forget_at_first);
    let outcome = looped(&broker)
        .set("fleet.endpoints", "1")
        .set("fleet.clean_start", "false")
        .set(
            "fleet.reconnect",
            r#"{ policy = "fixed", jitter = "none", initial_delay = "300ms" }"#,
        )
        .set("load.arrivals", "constant")
        .set("load.arrival_rate", "10/s")
        .set("load.warm_up", "0s")
        .set("load.measure", "2s")
        .set("request.publish.qos", "1")
        .set("request.publish.deadline", "10s")
        .go();
    assert_eq!(outcome.count("/connections/reconnects"), 1, "{outcome}");
    let sent = outcome.count("/whole_run/sent");
    assert_eq!(delivery(&outcome, "delivered"), sent, "{outcome}");
    for none in ["lost", "duplicate", "reordered", "foreign", "untracked"] {
        assert_eq!(delivery(&outcome, none), 0, "{none}\n{outcome}");
    }
    let measured = outcome.count("/total/sent");
    assert_eq!(
        delivery(&outcome, "delivery_time_us/count"),
        measured,
        "{outcome}"
    );
    // The first of them waited for the two behind it and for the next connection: 200 and 300 ms.
    let pointer = "/inbound/heard/delivery/delivery_time_us/max";
    let longest = outcome.at(pointer).as_f64().expect("a number");
    assert!(longest >= 450_000.0, "{outcome}");
    let whole = Duration::from_secs(12).as_micros() as f64;
    assert!(longest < whole, "{outcome}");
}

#[test]
fn the_delivery_time_is_that_of_the_broker() {
    const DELAY: Duration = Duration::from_millis(60);
    let broker = FakeBroker::start(|peer| {
        peer.welcome();
        while let Some((first, body)) = peer.next_packet() {
            match first >> 4 {
                8 => peer.send(&[0x90, 3, body[0], body[1], 0]),
                12 => peer.send(&[0xd0, 0]),
                3 => {
                    std::thread::sleep(DELAY);
                    peer.send(&publish(&body));
                }
                _ => {}
            }
        }
    });
    let outcome = looped(&broker)
        .set("load.arrivals", "constant")
        .set("load.arrival_rate", "20/s")
        .go();
    let time = |name: &str| {
        let pointer = format!("/inbound/heard/delivery/delivery_time_us/{name}");
        outcome.at(&pointer).as_f64().expect("a number")
    };
    assert!(time("min") >= 60_000.0, "{outcome}");
    assert!(
        time("p50") < 90_000.0 || outcome.is_disturbed(),
        "{outcome}"
    );
    for file in ["percentiles.csv", "histogram.csv"] {
        let rows = outcome.file(file);
        assert!(rows.contains("\nheard,delivery_time,"), "{rows}");
    }
}

#[test]
fn deliveries_that_could_not_be_counted_are_refused_with_the_reason() {
    for (sets, said) in [
        (
            &["request.publish.bytes=39B"][..],
            "bytes = \"40B\" or more",
        ),
        (
            &["inbound.heard.delivery_of=other"],
            "names no request of the profile",
        ),
        (
            &[
                "target.protocol=5",
                "request.publish.retain=true",
                "fleet.retain_as_published=true",
            ],
            "those that the broker had kept",
        ),
        (
            &["target.protocol=5", "fleet.no_local=true"],
            "depends on connections who is to get it",
        ),
    ] {
        let mut check = Midge::call(["check", "./loop.toml"]).file("loop.toml", LOOP);
        for set in sets {
            check = check.argument("--set").argument(set);
        }
        let outcome = check.go().ends_with(104);
        assert!(outcome.stderr.contains(said), "{outcome}");
    }
}

/// A shipped profile against Mosquitto: every message is heard as often as it is to be heard, and an
/// independent subscriber has seen as many.
#[track_caller]
fn everything_is_delivered(profile: &str, request: &str, qos: u8, workers: usize, listeners: u64) {
    everything_is_delivered_with(&[], profile, request, qos, workers, listeners);
}

/// The same with these settings.
#[track_caller]
fn everything_is_delivered_with(
    sets: &[&str],
    profile: &str,
    request: &str,
    qos: u8,
    workers: usize,
    listeners: u64,
) {
    let broker = Mosquitto::start();
    let filter = match profile {
        "mqtt-one-to-one" => "one-to-one/#",
        "mqtt-shared" => "shared/#",
        "mqtt-retained" => "retained/#",
        "mqtt-fan-in" => "fan-in/#",
        _ => "fan-out/#",
    };
    let subscriber = broker.subscribe(filter, qos);
    let mut run = Midge::run(profile)
        .target(&broker.url)
        .workers(workers)
        .set("fleet.endpoints", "40")
        .set("fleet.subscribe_qos", &qos.to_string())
        .set(&format!("request.{request}.qos"), &qos.to_string())
        .set("load.warm_up", "300ms")
        .set("load.measure", "2s");
    for set in sets {
        run = run.argument("--set").argument(set);
    }
    let outcome = run.go();
    let sent = outcome.count("/whole_run/sent");
    let seen = subscriber.messages(sent).len() as u64;
    outcome.keeps_its_accounts();
    assert!(sent > 10, "{outcome}");
    assert_eq!(outcome.count("/whole_run/ok"), sent, "{outcome}");
    assert_eq!(seen, sent, "{outcome}");
    assert_eq!(
        delivery(&outcome, "expected"),
        sent * listeners,
        "{outcome}"
    );
    assert_eq!(
        delivery(&outcome, "delivered"),
        sent * listeners,
        "{outcome}"
    );
    for none in [
        "lost",
        "duplicate",
        "reordered",
        "retained",
        "foreign",
        "untracked",
    ] {
        assert_eq!(delivery(&outcome, none), 0, "{none}\n{outcome}");
    }
    let measured = outcome.count("/total/sent") * listeners;
    assert_eq!(
        delivery(&outcome, "delivery_time_us/count"),
        measured,
        "{outcome}"
    );
    ends_with_unless_disturbed(&outcome, 0);
}

#[test]
fn fan_in_at_every_qos() {
    for (qos, workers) in [(0, 1), (1, 2), (2, 2)] {
        everything_is_delivered("mqtt-fan-in", "publish", qos, workers, 1);
    }
}

#[test]
fn fan_out_at_every_qos() {
    for (qos, workers) in [(0, 2), (1, 1), (2, 2)] {
        everything_is_delivered("mqtt-fan-out", "announce", qos, workers, 40);
    }
}

#[test]
fn one_to_one_at_every_qos() {
    for (qos, workers) in [(0, 2), (1, 1), (2, 1)] {
        everything_is_delivered("mqtt-one-to-one", "publish", qos, workers, 1);
    }
}

/// What goes with a message goes around the stamp, and what stands for its topic is no part of either.
#[test]
fn messages_of_mqtt_5_with_properties_and_an_alias_are_delivered_too() {
    let sets = [
        "target.protocol=5",
        "fleet.topic_alias_maximum=10",
        "request.publish.topic_alias=true",
        "request.publish.user_properties.number='{seq}'",
    ];
    for qos in [0, 1, 2] {
        everything_is_delivered_with(&sets, "mqtt-one-to-one", "publish", qos, 1, 1);
    }
    let sets = ["target.protocol=5"];
    everything_is_delivered_with(&sets, "mqtt-shared", "work", 1, 2, 1);
}

#[test]
fn shared_subscriptions_at_every_qos() {
    for (qos, workers) in [(0, 1), (1, 2), (2, 2)] {
        everything_is_delivered("mqtt-shared", "work", qos, workers, 1);
    }
}

#[test]
fn states_at_every_qos() {
    for (qos, workers) in [(0, 1), (1, 1), (2, 2)] {
        everything_is_delivered("mqtt-retained", "state", qos, workers, 1);
    }
}

#[test]
fn what_a_broker_has_kept_comes_once_for_each_topic() {
    let broker = Mosquitto::start();
    let run = || {
        Midge::run("mqtt-retained")
            .target(&broker.url)
            .set("fleet.endpoints", "30")
            .set("load.warm_up", "300ms")
            .set("load.measure", "2s")
            .go()
    };
    assert_eq!(delivery(&run(), "retained"), 0);
    let outcome = run();
    assert_eq!(delivery(&outcome, "retained"), 30, "{outcome}");
    assert_eq!(delivery(&outcome, "lost"), 0, "{outcome}");
    assert_eq!(delivery(&outcome, "duplicate"), 0, "{outcome}");
    assert_eq!(delivery(&outcome, "foreign"), 0, "{outcome}");
}

#[test]
fn payloads_of_any_size_are_delivered_whole() {
    let broker = Mosquitto::start();
    for bytes in ["40B", "1KiB", "100KiB"] {
        let outcome = Midge::run("mqtt-one-to-one")
            .target(&broker.url)
            .set("fleet.endpoints", "10")
            .set("load.arrival_rate", "50/s")
            .set("load.warm_up", "100ms")
            .set("load.measure", "1s")
            .set("request.publish.bytes", bytes)
            .go();
        let sent = outcome.count("/whole_run/sent");
        assert!(sent > 20, "{outcome}");
        assert_eq!(delivery(&outcome, "delivered"), sent, "{bytes}\n{outcome}");
    }
}
