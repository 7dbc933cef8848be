//! Connections that are lost, and how the fleet comes back: lengths, peaks and accounts in virtual time,
//! where they are exact; sessions against a broker that is told what to do.
//!
//! Not here: a real broker that is killed (see `mosquitto`), and the waits by themselves (beside their
//! code).

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use midge::engine::{self, Approach, Settings};
use midge::measure::{DropReason, FailReason, LedgerCounts, Outage, Recovery};
use midge::plan::{Identities, Plan};
use midge::profile;
use midge::simulation::{self, Conditions, Simulated, tenant_of};
use support::{FakeBroker, Midge, Outcome, Peer};

const MS: u64 = 1_000_000;

/// Telemetry that is confirmed after 100 ms, one every 5 ms; the tenant is gone from 2,002 ms after the
/// first message on, for a second.
const GONE: &str = r#"
format = 1
name = "gone"
platforms = ["kaa"]
tenant = { service_time = "fixed:100ms", outage = "2002ms+1s" }

[fleet]
endpoints = 200
connect_rate = "1_000/s"
connects_in_progress = 1_000
subscribe = "none"
reconnect_rate = "none"
reconnect = { policy = "fixed", jitter = "none", initial_delay = "300ms" }

[load]
arrival_rate = "200/s"
arrivals = "constant"
warm_up = "0s"
measure = "10s"

[[request]]
use = "kaa/dcx-json"
"#;

/// A run of it with these settings, by so many workers.
fn gone(sets: &[&str], workers: usize) -> Simulated {
    gone_under(&Conditions::default(), sets, workers)
}

fn gone_under(conditions: &Conditions, sets: &[&str], workers: usize) -> Simulated {
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    let loaded = profile::load("./gone.toml", &sets, &|_| Ok(GONE.to_owned())).unwrap();
    let plan = Arc::new(Plan::compile(&loaded.profile, Identities::none()).unwrap());
    let shape = Arc::new(engine::shape(&plan, &loaded.profile));
    let tenant = tenant_of(&loaded).unwrap();
    let settings = Settings {
        profile: loaded.profile,
        targets: Vec::new(),
        password: None,
        tls: None,
        websocket: Vec::new(),
        kernel_timestamps: 0.0,
        nonce: 7,
        workers,
        raw_log: None,
        approach: Approach::Asleep,
    };
    let run = simulation::run(plan, shape, settings, tenant, conditions).unwrap();
    assert_eq!(run.measured.tally.imbalances(), [], "the ledger balances");
    run
}

fn ledger(run: &Simulated) -> LedgerCounts {
    LedgerCounts::of(&run.measured.tally.requests[0].whole_run)
}

fn recovery(run: &Simulated) -> &Recovery {
    &run.measured.tally.connections.recovery
}

#[track_caller]
fn only_outage(run: &Simulated) -> Outage {
    let connections = &run.measured.tally.connections;
    let outages = connections.recovery.outages(connections.connected);
    let [outage] = outages[..] else {
        panic!("{outages:?}");
    };
    outage
}

/// From the beginning of the outage, ms.
fn since(outage: &Outage, at: Option<u64>) -> u64 {
    at.expect("they came back") / MS - outage.from / MS
}

#[test]
fn without_jitter_all_come_back_at_one_instant_and_every_account_is_known_beforehand() {
    for workers in [1, 3] {
        let run = gone(&[], workers);
        let outage = only_outage(&run);
        assert_eq!((outage.lost, outage.back), (200, 200));
        // The fourth attempt, 1,200 ms after the loss, is the first one that somebody hears.
        assert_eq!(outage.to, Some(outage.from + 1_200 * MS));
        assert_eq!(outage.back_at, [outage.to; 3]);
        assert_eq!(recovery(&run).attempts, 4 * 200);
        assert_eq!(recovery(&run).peak_per_s(0..u64::MAX), 4 * 200);
        assert_eq!(recovery(&run).away(), [Some(1_200 * MS); 3]);
        let connections = &run.measured.tally.connections;
        assert_eq!((connections.lost, connections.reconnects), (200, 200));
        assert_eq!(connections.failed, 3 * 200);
        // Nobody was connected when 240 came due, and the answers to the last 20 before were not ready.
        let counts = ledger(&run);
        let whole = &run.measured.tally.requests[0].whole_run;
        assert_eq!(counts.planned, 2_000);
        assert_eq!(whole.dropped_by[DropReason::NotConnected.index()], 240);
        assert_eq!(whole.failed_by[FailReason::Closed.index()], 20);
        assert_eq!(
            (counts.dropped, counts.failed, counts.timeout),
            (240, 20, 0)
        );
        assert_eq!(counts.ok, 2_000 - 240 - 20);
        let across = recovery(&run).messages_of(&outage);
        assert_eq!((across.lost, across.not_connected), (20, 240));
        assert_eq!(across, recovery(&run).messages(), "there is no other");
    }
}

#[test]
fn no_second_has_more_attempts_than_connect_rate_and_the_outage_ends_with_the_first_that_is_heard()
{
    for workers in [1, 2] {
        let sets = [
            "fleet.connect_rate=100/s",
            "fleet.reconnect_rate=100/s",
            "fleet.reconnect.initial_delay=50ms",
        ];
        let run = gone(&sets, workers);
        let outage = only_outage(&run);
        let peak = recovery(&run).peak_per_s(0..u64::MAX);
        assert!((95..=100).contains(&peak), "{peak}");
        // One every 10 ms: the first one after the tenant's return is an attempt late at most.
        let length = since(&outage, outage.to);
        assert!((1_000..=1_025).contains(&length), "{length} ms");
        let [half, _, all] = outage.back_at.map(|at| since(&outage, at));
        assert!((1_950..=2_100).contains(&half), "{half} ms");
        assert!((2_950..=3_150).contains(&all), "{all} ms");
        let counts = ledger(&run);
        assert_eq!(counts.planned, counts.ok + counts.dropped + counts.failed);
    }
}

/// They take 90 ms one after the other, while those that are back already have messages to send.
#[test]
fn attempts_of_a_whole_fleet_at_one_instant_make_no_message_late() {
    const EACH: Duration = Duration::from_micros(30);
    let dear = Conditions {
        fleet_dial: EACH,
        ..Conditions::default()
    };
    let sets = [
        "fleet.endpoints=3_000",
        "fleet.connect_rate=10_000/s",
        "fleet.connects_in_progress=3_000",
        "load.arrival_rate=10_000/s",
        "load.measure=5s",
        // Over when the first attempts come: those that fail would come back one after the other.
        "tenant.outage=2002ms+200ms",
    ];
    let run = gone_under(&dear, &sets, 1);
    let outage = only_outage(&run);
    assert_eq!((outage.lost, outage.back), (3_000, 3_000));
    let all = since(&outage, outage.back_at[2]);
    assert!((300 + 88..300 + 95).contains(&all), "{all} ms");
    let lag = &run.measured.tally.pacer_lag;
    assert!(lag.count() > 30_000);
    let most = Duration::from_nanos(lag.max_ns().expect("some were sent"));
    assert!(most <= EACH, "{most:?}");
}

#[test]
fn an_attempt_that_waited_for_others_which_gave_up_is_made_all_the_same() {
    let sets = [
        "fleet.reconnect.give_up_after=1",
        "fleet.connects_in_progress=10",
    ];
    let run = gone(&sets, 1);
    assert_eq!(recovery(&run).given_up, 200);
    assert_eq!(recovery(&run).attempts, 200);
}

#[test]
fn reconnects_are_paced_with_first_connects_unless_the_profile_says_otherwise() {
    let default = GONE.replace("reconnect_rate = \"none\"\n", "");
    assert_ne!(default, GONE);
    let loaded = profile::load("./default.toml", &[], &|_| Ok(default.clone())).unwrap();
    let rate = loaded.profile.fleet.reconnect.rate;
    assert_eq!(rate, profile::ReconnectRate::AsConnects);
}

#[test]
fn jitter_takes_the_peak_from_a_fleet_that_comes_back() {
    let peak = |jitter: &str, policy: &str| {
        let jitter = format!("fleet.reconnect.jitter={jitter}");
        let policy = format!("fleet.reconnect.policy={policy}");
        let sets = [
            "fleet.endpoints=1_000",
            "tenant.outage=2002ms+4s",
            "load.measure=30s",
            "fleet.reconnect.initial_delay=500ms",
            "fleet.reconnect.max_delay=8s",
            jitter.as_str(),
            policy.as_str(),
        ];
        let [run, again] = [(); 2].map(|()| gone(&sets, 2));
        let (outage, same) = (only_outage(&run), only_outage(&again));
        assert_eq!(outage, same, "the seed decides");
        assert_eq!((outage.lost, outage.back), (1_000, 1_000));
        let returned = outage.to.expect("it is over");
        recovery(&run).peak_per_s(returned..u64::MAX)
    };
    let alike = peak("none", "exponential");
    assert_eq!(alike, 1_000);
    let around = peak("25%", "exponential");
    let full = peak("full", "exponential");
    let decorrelated = peak("decorrelated", "exponential");
    for (spread, most) in [(around, 700), (full, 500), (decorrelated, 700)] {
        assert!(
            (50..most).contains(&spread),
            "{around} {full} {decorrelated}"
        );
    }
    // Twice a second each, in step.
    assert!(peak("none", "fixed") >= 1_000);
}

#[test]
fn who_gives_up_stays_away_and_the_run_comes_to_its_end() {
    let run = gone(&["fleet.reconnect.give_up_after=2"], 2);
    let outage = only_outage(&run);
    assert_eq!((outage.to, outage.lost, outage.back), (None, 200, 0));
    assert_eq!(recovery(&run).given_up, 200);
    assert_eq!(recovery(&run).attempts, 2 * 200);
    assert_eq!(run.measured.tally.connections.reconnects, 0);
    // All that came due after the loss.
    let counts = ledger(&run);
    assert_eq!((counts.planned, counts.dropped), (2_000, 2_000 - 401));
}

#[test]
fn endpoints_that_come_and_go_are_no_losses_and_no_outage() {
    let sets = ["fleet.churn_rate=20/s", "tenant.outage=1h+1s"];
    let [one, again] = [(); 2].map(|()| gone(&sets, 2));
    let connections = &one.measured.tally.connections;
    let left = connections.recovery.left;
    // 20/s for ten seconds; five sigma of a Poisson count. Some were away already.
    assert!((120..=270).contains(&left), "{left}");
    assert_eq!((connections.lost, connections.failed), (0, 0));
    assert_eq!(connections.recovery.outages(connections.connected), []);
    assert!((left - 20..=left).contains(&connections.reconnects));
    let whole = &one.measured.tally.requests[0].whole_run;
    assert_eq!(whole.failed, whole.failed_by[FailReason::Left.index()]);
    assert!(whole.failed > 0 && whole.dropped_by[DropReason::NotConnected.index()] > 0);
    assert_eq!(again.measured.tally.connections.recovery.left, left);
    assert_eq!(ledger(&one), ledger(&again));
}

/// Packets that a broker has read: number of the connection, first byte, and what follows the length.
type Heard = Arc<Mutex<Vec<(usize, u8, Vec<u8>)>>>;

const CONNECT: u8 = 0x10;
const SUBSCRIBE: u8 = 0x82;
const PUBREL: u8 = 0x62;
const PUBLISH: u8 = 0x30;
const DUP: u8 = 0x08;

fn kind(first: u8) -> u8 {
    first & 0xF0
}

fn packet_id(publish: &[u8]) -> [u8; 2] {
    let after = 2 + usize::from(u16::from_be_bytes([publish[0], publish[1]]));
    [publish[after], publish[after + 1]]
}

/// Ends its first connection when it has read three messages, of which it has acknowledged none (of QoS 2
/// the first one by PUBREC); later ones it serves as a broker. `present`: whether it has kept the session.
fn forgetful(qos: u8, present: bool) -> (FakeBroker, Heard) {
    let heard = Heard::default();
    let log = heard.clone();
    let broker = FakeBroker::start(move |peer: &mut Peer| {
        let (mut messages, mut released) = (0, qos < 2);
        while let Some((first, body)) = peer.next_packet() {
            let answer = match kind(first) {
                CONNECT => vec![0x20, 2, u8::from(present && peer.number > 0), 0],
                PUBLISH => {
                    messages += 1;
                    let [high, low] = packet_id(&body);
                    let kind = if qos == 2 { 0x50 } else { 0x40 };
                    let answered = peer.number > 0 || (qos == 2 && messages == 1);
                    if answered {
                        vec![kind, 2, high, low]
                    } else {
                        vec![]
                    }
                }
                0x60 => {
                    released = true;
                    let comp = vec![0x70, 2, body[0], body[1]];
                    if peer.number > 0 { comp } else { vec![] }
                }
                0x80 => vec![0x90, 3, body[0], body[1], 0],
                0xC0 => vec![0xD0, 0],
                _ => vec![],
            };
            log.lock().unwrap().push((peer.number, first, body));
            peer.send(&answer);
            if peer.number == 0 && messages >= 3 && released {
                return;
            }
        }
    });
    (broker, heard)
}

/// One endpoint that publishes ten times a second for two seconds, and whose session is to be kept.
fn kept_session(broker: &FakeBroker, qos: u8) -> Outcome {
    let outcome = Midge::run("mqtt-publish")
        .target(&broker.url)
        .set("fleet.endpoints", "1")
        .set("fleet.clean_start", "false")
        .set("fleet.subscribe", r#"["cloud/#"]"#)
        .set(
            "fleet.reconnect",
            r#"{ policy = "fixed", initial_delay = "200ms" }"#,
        )
        .set("load.arrival_rate", "10/s")
        .set("load.arrivals", "constant")
        .set("load.warm_up", "0s")
        .set("load.measure", "2s")
        .set("request.*.deadline", "5s")
        .set("request.*.qos", &qos.to_string())
        .go();
    outcome.keeps_its_accounts();
    assert_eq!(outcome.count("/connections/reconnects"), 1, "{outcome}");
    outcome
}

/// What the broker heard on this connection, without CONNECT.
fn on(heard: &Heard, number: usize) -> Vec<(u8, Vec<u8>)> {
    let heard = heard.lock().unwrap();
    let all = heard
        .iter()
        .filter(|(on, first, _)| *on == number && kind(*first) != CONNECT);
    all.map(|(_, first, body)| (*first, body.clone())).collect()
}

/// Fails unless the messages of the first connection come again on the second one, marked, in their
/// order and before all others; the ones that are left out were recorded by the broker.
#[track_caller]
fn come_again(heard: &Heard, qos: u8, recorded: usize) -> u64 {
    let messages = |number| -> Vec<(u8, Vec<u8>)> {
        let all = on(heard, number).into_iter();
        all.filter(|(first, _)| kind(*first) == PUBLISH).collect()
    };
    let (before, after) = (messages(0), messages(1));
    assert!(before.len() >= 3 && before.iter().all(|(first, _)| first & DUP == 0));
    let again: Vec<_> = after
        .iter()
        .take_while(|(first, _)| first & DUP > 0)
        .collect();
    let marked = after.iter().filter(|(first, _)| first & DUP > 0).count();
    assert_eq!(again.len(), marked, "none comes again behind a new one");
    for ((_, body), (first, same)) in before[recorded..].iter().zip(&again) {
        assert_eq!(*first, PUBLISH | DUP | qos << 1);
        assert_eq!(body, same, "packet ID and payload are the old ones");
    }
    // One more may have been written before the end was seen.
    let least = before.len() - recorded;
    assert!((least..=least + 1).contains(&again.len()), "{again:?}");
    again.len() as u64
}

#[track_caller]
fn all_is_well(outcome: &Outcome, again: u64) {
    let count = |name: &str| outcome.count(&format!("/whole_run/{name}"));
    assert_eq!(count("failed") + count("timeout"), 0, "{outcome}");
    assert_eq!(count("ok"), count("sent"), "{outcome}");
    let across = |name: &str| outcome.count(&format!("/connections/recovery/messages/{name}"));
    assert_eq!(across("sent_again"), again, "{outcome}");
    assert_eq!(across("not_connected"), count("dropped_by/not_connected"));
    assert!(across("not_connected") > 0, "{outcome}");
    assert_eq!((across("lost"), across("reordered")), (0, 0), "{outcome}");
}

#[test]
fn what_was_not_acknowledged_is_sent_again_marked_and_in_order() {
    let (broker, heard) = forgetful(1, true);
    let outcome = kept_session(&broker, 1);
    let again = come_again(&heard, 1, 0);
    all_is_well(&outcome, again);
    let first_bytes = |number| on(&heard, number).into_iter().map(|(first, _)| first);
    assert_eq!(
        first_bytes(0).filter(|first| *first == SUBSCRIBE).count(),
        1
    );
    // The session is there, and with it the subscription.
    assert_eq!(
        first_bytes(1).filter(|first| *first == SUBSCRIBE).count(),
        0
    );
}

#[test]
fn where_the_session_is_gone_subscriptions_are_made_again_before_messages_come_again() {
    let (broker, heard) = forgetful(1, false);
    let outcome = kept_session(&broker, 1);
    let again = come_again(&heard, 1, 0);
    all_is_well(&outcome, again);
    assert_eq!(on(&heard, 1)[0].0, SUBSCRIBE);
}

#[test]
fn a_release_is_repeated_and_what_was_recorded_is_not_sent_again() {
    let (broker, heard) = forgetful(2, true);
    let outcome = kept_session(&broker, 2);
    let again = come_again(&heard, 2, 1);
    all_is_well(&outcome, again);
    let second = on(&heard, 1);
    assert_eq!(second[0].0, PUBREL, "in the place of its message");
    let released = outcome.count("/connections/recovery/messages/released_again");
    assert_eq!(released, 1, "{outcome}");
}

#[test]
fn without_a_session_what_was_not_acknowledged_has_failed() {
    let (broker, heard) = forgetful(1, true);
    let outcome = Midge::run("mqtt-publish")
        .target(&broker.url)
        .set("fleet.endpoints", "1")
        .set("fleet.reconnect.initial_delay", "200ms")
        .set("load.arrival_rate", "10/s")
        .set("load.warm_up", "0s")
        .set("load.measure", "2s")
        .set("request.*.qos", "1")
        .go();
    outcome.keeps_its_accounts();
    let lost = outcome.count("/connections/recovery/messages/lost");
    assert!(lost >= 3, "{outcome}");
    assert_eq!(lost, outcome.count("/whole_run/failed"), "{outcome}");
    assert!(on(&heard, 1).iter().all(|(first, _)| first & DUP == 0));
}

/// What the screen says of it.
#[test]
fn an_outage_is_on_the_screen_and_in_the_result() {
    let outcome = Midge::run("reconnect-storm")
        .brief()
        .set("load.measure", "3s")
        .set("tenant.outage", "500ms+700ms")
        .set("fleet.reconnect.initial_delay", "100ms")
        .set("fleet.reconnect.policy", "fixed")
        .set("load.drain", "10s")
        .go();
    outcome.keeps_its_accounts();
    let outages = outcome.at("/connections/recovery/outages").as_array();
    assert_eq!(outages.map(Vec::len), Some(1), "{outcome}");
    let of = |name: &str| outcome.at(&format!("/connections/recovery/outages/0/{name}"));
    assert_eq!((of("connections"), of("back")), (&50.into(), &50.into()));
    let length = of("length_s").as_f64().expect("it is over");
    assert!((0.69..1.5).contains(&length), "{length}\n{outcome}");
    // Two outages apart would share nothing: here one has all there is.
    assert_eq!(of("messages"), outcome.at("/connections/recovery/messages"));
    for word in ["\nreconnects ", "\noutage ", "\nacross it "] {
        assert!(outcome.stdout.contains(word), "{word}\n{outcome}");
    }
    assert_eq!(outcome.count("/tenant/disconnected"), 50, "{outcome}");
    let quiet = Midge::run("mqtt-publish").brief().go();
    assert_eq!(quiet.at("/connections/recovery"), &serde_json::Value::Null);
    assert!(!quiet.stdout.contains("across it"), "{quiet}");
}
