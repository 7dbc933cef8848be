//! Sessions of MQTT 5 over a lost connection: what is sent again and how, and what is over.
//!
//! The broker says what each test wants of it. Not here: sessions of 3.1.1 (`outages`).

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use midge::mqtt::{ConnAck, Connect, Packet, Property, PubAck, Publish, Qos, Reason};

use super::support::{FakeBroker, Midge, Outcome, Peer};
use super::{Received, go, list, named, next, send};

/// Messages that the first connection hears before it ends.
const HEARD: usize = 3;

/// How a broker goes on with a session.
#[derive(Clone, Copy)]
struct Ways {
    /// Whether it has kept it.
    present: bool,
    /// What it says on connections after the first.
    terms: &'static [Property<'static>],
    /// Messages of the second connection that it reads before it acknowledges the first of them.
    unanswered: usize,
}

/// What it has heard, by connection.
#[derive(Default)]
struct Log {
    connects: Vec<Received>,
    messages: Vec<(usize, Received)>,
    /// Bytes that came although as much was unacknowledged as it takes.
    too_much: usize,
}

impl Log {
    fn on(&self, connection: usize) -> Vec<Publish<'_>> {
        let here = self.messages.iter().filter(|(on, _)| *on == connection);
        let packets = here.map(|(_, message)| match message.packet() {
            Packet::Publish(publish) => publish,
            other => panic!("{other:?}"),
        });
        packets.collect()
    }

    fn connect(&self, number: usize) -> Connect<'_> {
        self.connects[number].connect()
    }
}

/// What is to be read within a third of a second, in bytes.
fn pending(peer: &Peer) -> usize {
    let (stream, until) = (peer.stream(), Instant::now() + Duration::from_millis(300));
    stream.set_nonblocking(true).expect("a socket");
    let mut count = 0;
    while Instant::now() < until && count == 0 {
        count = stream.peek(&mut [0; 64]).unwrap_or(0);
        std::thread::sleep(Duration::from_millis(5));
    }
    stream.set_nonblocking(false).expect("a socket");
    count
}

/// Ends its first connection after some messages, of which it acknowledges none.
fn forgetful(ways: Ways) -> (FakeBroker, Arc<Mutex<Log>>) {
    let log = Arc::new(Mutex::new(Log::default()));
    let heard = log.clone();
    let broker = FakeBroker::start(move |peer| {
        let Some(connect) = next(peer) else { return };
        heard.lock().expect("no panic").connects.push(connect);
        let first: &[Property<'_>] = &[Property::TopicAliasMaximum(3)];
        let terms = list(if peer.number == 0 { first } else { ways.terms });
        let connack = ConnAck {
            properties: terms.as_properties(),
            ..ConnAck::of(ways.present && peer.number > 0, Reason::Success)
        };
        send(peer, &Packet::ConnAck(connack));
        let mut ids = Vec::new();
        while let Some(received) = next(peer) {
            let Packet::Publish(publish) = received.packet() else {
                continue;
            };
            ids.push(publish.packet_id);
            heard
                .lock()
                .expect("no panic")
                .messages
                .push((peer.number, received));
            if peer.number == 0 && ids.len() == HEARD {
                return;
            }
            if peer.number == 1 && ids.len() == ways.unanswered {
                let more = pending(peer);
                heard.lock().expect("no panic").too_much += more;
            }
            if peer.number > 0 && ids.len() >= ways.unanswered {
                for id in ids.drain(..) {
                    send(peer, &Packet::PubAck(PubAck::of(id)));
                }
            }
        }
    });
    (broker, log)
}

/// One endpoint that publishes ten times a second for two seconds, with a topic alias.
fn one_endpoint(broker: &FakeBroker) -> Midge {
    Midge::run("mqtt-publish")
        .target(&broker.url)
        .set("fleet.endpoints", "1")
        .set("fleet.clean_start", "false")
        .set("fleet.session_expiry", "1m")
        .set("fleet.reconnect.initial_delay", "200ms")
        .set("load.arrival_rate", "10/s")
        .set("load.arrivals", "constant")
        .set("load.warm_up", "0s")
        .set("load.measure", "2s")
        .set("request.publish.deadline", "5s")
        .set("request.publish.qos", "1")
        .set("request.publish.topic_alias", "true")
}

fn whole_run(outcome: &Outcome, count: &str) -> u64 {
    outcome.count(&format!("/whole_run/{count}"))
}

fn across(outcome: &Outcome, count: &str) -> u64 {
    outcome.count(&format!("/connections/recovery/messages/{count}"))
}

#[test]
fn what_is_sent_again_has_its_topic_and_no_alias_of_the_connection_that_is_lost() {
    let (broker, log) = forgetful(Ways {
        present: true,
        terms: &[Property::TopicAliasMaximum(3)],
        unanswered: 1,
    });
    let outcome = go(one_endpoint(&broker));
    let log = log.lock().expect("no panic");
    for number in [0, 1] {
        let connect = log.connect(number);
        assert!(!connect.clean_session, "{number}");
        let mut said = connect.properties.iter();
        assert!(said.any(|one| one == Property::SessionExpiryInterval(60)));
    }
    let (before, after) = (log.on(0), log.on(1));
    let aliases: Vec<_> = before.iter().map(|message| named(message)).collect();
    let topic = "bench/0/telemetry".to_owned();
    assert_eq!(aliases[0], (topic.clone(), Some(1)));
    assert_eq!(aliases[1], (String::new(), Some(1)));
    for (old, again) in before.iter().zip(&after) {
        assert!(again.dup && again.qos == Qos::AtLeastOnce, "{again:?}");
        assert_eq!(named(again), (topic.clone(), None));
        assert_eq!(
            (again.packet_id, again.payload),
            (old.packet_id, old.payload)
        );
    }
    // Then come new ones, of which the first says anew what its alias stands for.
    let mut fresh = after.iter().skip_while(|message| message.dup);
    assert_eq!(fresh.next().map(named), Some((topic, Some(1))));
    assert_eq!(fresh.next().map(named), Some((String::new(), Some(1))));
    assert!(fresh.all(|message| !message.dup), "{outcome}");
    assert_eq!(whole_run(&outcome, "ok"), whole_run(&outcome, "sent"));
    assert!(across(&outcome, "sent_again") >= HEARD as u64, "{outcome}");
}

#[test]
fn no_more_is_sent_again_at_once_than_the_target_takes() {
    let (broker, log) = forgetful(Ways {
        present: true,
        terms: &[Property::ReceiveMaximum(2)],
        unanswered: 2,
    });
    let outcome = go(one_endpoint(&broker).set("load.arrival_rate", "20/s"));
    let log = log.lock().expect("no panic");
    assert_eq!(log.too_much, 0, "{outcome}");
    let after = log.on(1);
    let again = after.iter().take_while(|message| message.dup).count();
    assert!(again >= HEARD, "{again}\n{outcome}");
    assert!(after[again..].iter().all(|message| !message.dup));
    assert!(after.len() > again, "new ones come too\n{outcome}");
    assert_eq!(across(&outcome, "sent_again"), again as u64, "{outcome}");
}

#[test]
fn what_the_target_takes_no_more_is_not_sent_again() {
    let (broker, log) = forgetful(Ways {
        present: true,
        terms: &[Property::MaximumPacketSize(40)],
        unanswered: 1,
    });
    let outcome = go(one_endpoint(&broker).set("request.publish.bytes", "100B"));
    assert_eq!(log.lock().expect("no panic").on(1), [], "{outcome}");
    let failed = whole_run(&outcome, "failed_by/packet_too_large");
    assert!(failed >= HEARD as u64, "{outcome}");
    assert_eq!(failed, whole_run(&outcome, "sent"), "{outcome}");
    assert_eq!(across(&outcome, "sent_again"), 0, "{outcome}");
}

#[test]
fn a_session_that_the_target_has_forgotten_takes_its_messages_with_it() {
    let (broker, log) = forgetful(Ways {
        present: false,
        terms: &[],
        unanswered: 1,
    });
    let outcome = go(one_endpoint(&broker));
    let log = log.lock().expect("no panic");
    let after = log.on(1);
    assert!(after.len() > 5, "{outcome}");
    assert!(after.iter().all(|message| !message.dup), "{outcome}");
    let failed = whole_run(&outcome, "failed_by/session_lost");
    assert!(failed >= HEARD as u64, "{outcome}");
    assert_eq!(failed, whole_run(&outcome, "failed"), "{outcome}");
    assert_eq!(across(&outcome, "sent_again"), 0, "{outcome}");
}

#[test]
fn a_session_that_ends_with_its_connection_leaves_nothing_to_send_again() {
    let at_once: &[Property<'static>] = &[Property::SessionExpiryInterval(0)];
    for (expiry, first) in [("0s", &[][..]), ("1m", at_once)] {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = heard.clone();
        let broker = FakeBroker::start(move |peer| {
            next(peer);
            let terms = list(first);
            let connack = ConnAck {
                properties: terms.as_properties(),
                ..ConnAck::of(false, Reason::Success)
            };
            send(peer, &Packet::ConnAck(connack));
            let mut count = 0;
            while let Some(received) = next(peer) {
                if let Packet::Publish(publish) = received.packet() {
                    count += 1;
                    log.lock().expect("no panic").push(publish.dup);
                    if peer.number > 0 {
                        send(peer, &Packet::PubAck(PubAck::of(publish.packet_id)));
                    }
                }
                if peer.number == 0 && count == HEARD {
                    return;
                }
            }
        });
        let outcome = go(one_endpoint(&broker).set("fleet.session_expiry", expiry));
        let heard = heard.lock().expect("no panic");
        assert!(heard.len() > 5 && !heard.contains(&true), "{outcome}");
        let failed = whole_run(&outcome, "failed_by/closed");
        assert!(failed >= HEARD as u64, "{outcome}");
        assert_eq!(failed, whole_run(&outcome, "failed"), "{outcome}");
    }
}
