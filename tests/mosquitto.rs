//! Against a real broker: does what the program reports agree with what the broker has seen?
//!
//! Mosquitto 2 on a free port, with its own subscriber as an independent witness. A machine without
//! it fails these tests and learns the command that installs it. Not here: how exact times are (see
//! `honesty`).

mod interop;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use interop::{
    Message, Mosquitto, Responder, alone, believed, ends_with_unless_disturbed, freeze_for_good,
    rows,
};
use support::{Authority, Midge, Outcome};

/// The shipped profile for brokers, small.
fn publishing(broker: &Mosquitto, qos: u8) -> Midge {
    publishing_to(&broker.url, qos)
}

fn publishing_to(url: &str, qos: u8) -> Midge {
    Midge::run("mqtt-publish")
        .target(url)
        .set("fleet.endpoints", "50")
        .set("load.arrival_rate", "500/s")
        .set("load.warm_up", "500ms")
        .set("request.*.qos", &qos.to_string())
}

#[track_caller]
fn every_message_reaches_an_independent_subscriber_once(qos: u8) {
    let _alone = alone();
    let broker = Mosquitto::start();
    let subscriber = broker.subscribe("bench/#", qos);
    let outcome = publishing(&broker, qos).set("load.measure", "2s").go();
    let messages = subscriber.messages(outcome.count("/whole_run/sent"));
    outcome.keeps_its_accounts();
    let planned = outcome.count("/total/planned");
    assert!((850..=1_150).contains(&planned), "{planned}\n{outcome}");
    assert_eq!(outcome.count("/total/ok"), planned, "{outcome}");
    assert_eq!(
        outcome.count("/whole_run/ok"),
        outcome.count("/whole_run/planned"),
        "{outcome}"
    );
    let acknowledged = if qos == 0 { 0 } else { planned };
    assert_eq!(
        outcome.count("/total/acknowledge_time_us/count"),
        acknowledged,
        "{outcome}"
    );
    assert_eq!(
        messages.len() as u64,
        outcome.count("/whole_run/sent"),
        "{outcome}"
    );
    assert!(messages.iter().all(|message| message.qos == qos));
    let topics: BTreeSet<&str> = messages.iter().map(|message| &*message.topic).collect();
    let expected: BTreeSet<String> = (0..50).map(|n| format!("bench/{n}/telemetry")).collect();
    assert!(
        topics.iter().copied().eq(expected.iter().map(|t| &**t)),
        "{topics:?}"
    );
    ends_with_unless_disturbed(&outcome, 0);
}

#[test]
fn every_qos_0_message_reaches_an_independent_subscriber_once() {
    every_message_reaches_an_independent_subscriber_once(0);
}

#[test]
fn every_qos_1_message_reaches_an_independent_subscriber_once() {
    every_message_reaches_an_independent_subscriber_once(1);
}

#[test]
fn every_qos_2_message_reaches_an_independent_subscriber_once() {
    every_message_reaches_an_independent_subscriber_once(2);
}

#[test]
fn a_broker_that_crashes_and_comes_back_costs_messages_but_not_the_run() {
    let _alone = alone();
    let (outcome, ()) = believed(|| {
        let mut broker = Mosquitto::start();
        let mut running = publishing(&broker, 1).set("load.measure", "7s").spawn();
        running.await_load();
        // Frozen first, so that something is in flight when it dies.
        freeze_for_good(&broker.process, Duration::from_secs(2));
        std::thread::sleep(Duration::from_millis(200));
        broker.crash();
        std::thread::sleep(Duration::from_secs(1));
        broker.restart();
        (running.finish(), ())
    });
    outcome.keeps_its_accounts();
    let count = |pointer: &str| outcome.count(pointer);
    assert_eq!(count("/connections/connected"), 50, "{outcome}");
    assert_eq!(count("/connections/lost"), 50, "{outcome}");
    assert_eq!(count("/connections/reconnects"), 50, "{outcome}");
    assert!(count("/connections/failed_by/refused") > 0, "{outcome}");
    // 100 messages came due while the broker was frozen and were written; those of the second
    // without a broker, and of the back-off after it, could not be.
    let failed = count("/total/failed");
    assert!((50..=150).contains(&failed), "{failed}\n{outcome}");
    let dropped = count("/total/dropped_by/not_connected");
    assert!((400..=2_000).contains(&dropped), "{dropped}\n{outcome}");
    assert_eq!(count("/total/dropped"), dropped, "{outcome}");
    assert_eq!(count("/total/timeout"), 0, "{outcome}");
    // Seen second by second: the fleet goes, and is all back at the end, and sends.
    let seconds = rows(&outcome, "intervals.csv");
    let connected = |row: &Vec<String>| row[15].parse::<u64>().expect("a count");
    assert!(seconds.iter().any(|row| connected(row) == 0), "{outcome}");
    assert_eq!(seconds.last().map(connected), Some(50), "{outcome}");
    let last_of_load = seconds.iter().rfind(|row| row[1] == "measure");
    let last_of_load = last_of_load.expect("it was measured");
    assert_eq!(last_of_load[3], last_of_load[5], "{last_of_load:?}");
    // The broker's failure is no reason to doubt the instrument; the profile allows 1 % of failures.
    let judged = outcome.at("/thresholds").as_array().expect("a list");
    let failed: Vec<_> = judged.iter().filter(|one| one["passed"] == false).collect();
    assert_eq!(failed.len(), 1, "{outcome}");
    assert_eq!(failed[0]["expression"], "failure_rate < 1%");
    outcome.ends_with(99);
}

/// With `--features thorough` as large a fleet as a site may have.
const FLEET: u64 = if cfg!(feature = "thorough") {
    5_000
} else {
    50
};

/// A broker that is killed, and started again after this: the run, and how long it was gone in fact.
/// `rate`: attempts per second that the whole fleet is allowed.
fn killed_and_restarted(broker: &mut Mosquitto, run: Midge, rate: u64) -> (Outcome, f64) {
    const GONE: Duration = Duration::from_millis(1_500);
    let seconds = 6 + 2 * FLEET / rate;
    let mut running = run
        .set("fleet.endpoints", &FLEET.to_string())
        .set("fleet.connect_rate", &format!("{rate}/s"))
        .set(
            "fleet.reconnect",
            r#"{ policy = "fixed", initial_delay = "50ms", jitter = "full" }"#,
        )
        .set("load.measure", &format!("{seconds}s"))
        .spawn();
    running.await_load();
    std::thread::sleep(Duration::from_secs(2));
    let begin = Instant::now();
    broker.crash();
    std::thread::sleep(GONE);
    broker.restart();
    let length = begin.elapsed().as_secs_f64();
    (running.finish(), length)
}

/// Fails unless the whole fleet was lost once, came back no faster than it may, and every message has its
/// place in the accounts.
#[track_caller]
#[allow(
    clippy::print_stdout,
    reason = "figures for whoever asks with --nocapture"
)]
fn all_came_back(outcome: &Outcome, truth_s: f64, rate: u64) {
    println!("gone for {truth_s:.3} s\n{}", outcome.stdout);
    outcome.keeps_its_accounts();
    let count = |pointer: &str| outcome.count(pointer);
    assert_eq!(count("/connections/connected"), FLEET, "{outcome}");
    assert_eq!(count("/connections/lost"), FLEET, "{outcome}");
    assert_eq!(count("/connections/reconnects"), FLEET, "{outcome}");
    let recovery = |name: &str| outcome.at(&format!("/connections/recovery/{name}"));
    assert_eq!(
        recovery("outages").as_array().map(Vec::len),
        Some(1),
        "{outcome}"
    );
    let outage = |name: &str| {
        recovery(&format!("outages/0/{name}"))
            .as_f64()
            .expect("a number")
    };
    let length_s = outage("length_s");
    assert!(
        (length_s - truth_s).abs() < 0.1,
        "{length_s} s, not {truth_s} s\n{outcome}"
    );
    for name in ["connections", "back"] {
        assert_eq!(
            count(&format!("/connections/recovery/outages/0/{name}")),
            FLEET
        );
    }
    // The rate says how long it takes at least.
    let least_s = length_s + (FLEET as f64 / rate as f64) * 0.9;
    assert!(outage("back_100_s") >= least_s, "{outcome}");
    assert!(
        outage("back_50_s") <= outage("back_99_s") && outage("back_99_s") <= outage("back_100_s")
    );
    let peak = count("/connections/recovery/reconnect_peak_per_s");
    assert!((rate / 2..=rate).contains(&peak), "{peak}\n{outcome}");
    // Accounts: what was neither acknowledged nor lost with its connection was not sent.
    let whole = |name: &str| count(&format!("/whole_run/{name}"));
    let across = |name: &str| count(&format!("/connections/recovery/messages/{name}"));
    assert_eq!(
        whole("planned"),
        whole("ok") + across("lost") + across("not_connected")
    );
    assert!(across("not_connected") > 500, "{outcome}");
}

#[test]
fn an_outage_is_as_long_as_it_was_and_a_fleet_comes_back_no_faster_than_it_may() {
    const RATE: u64 = 1_000;
    let _alone = alone();
    let (outcome, truth_s) = believed(|| {
        let mut broker = Mosquitto::start();
        let run = publishing(&broker, 1);
        killed_and_restarted(&mut broker, run, RATE)
    });
    all_came_back(&outcome, truth_s, RATE);
    outcome.ends_with(99);
}

/// A handshake is work on both sides, so the rate is a lower one; and where the broker has no processor of
/// its own, the run says that it was disturbed.
#[test]
fn a_fleet_whose_endpoints_have_their_own_certificates_comes_back_no_faster_either() {
    const RATE: u64 = 250;
    let _alone = alone();
    let authority = Authority::new("authority of the test");
    let files = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).expect("a file in a new folder");
        path.display().to_string()
    };
    let table = authority.signs_fleet(FLEET as u32);
    let (ca, fleet) = (file("ca.pem", &authority.pem()), file("fleet.csv", &table));
    let (mut broker, port) = Mosquitto::with_tls(&authority);
    let run = publishing_to(&format!("mqtts://localhost:{port}"), 1)
        .set("target.ca", &ca)
        .set("target.certificate", "'{certificate}'")
        .set("target.key", "'{key}'")
        .set("fleet.identities", &fleet);
    let (outcome, truth_s) = killed_and_restarted(&mut broker, run, RATE);
    all_came_back(&outcome, truth_s, RATE);
    let handshakes = outcome.count("/connections/tls/versions/1.3");
    assert!(handshakes >= 2 * FLEET, "{outcome}");
    ends_with_unless_disturbed(&outcome, 99);
}

#[test]
fn a_session_that_a_broker_kept_goes_on_where_it_was() {
    let _alone = alone();
    let broker = Mosquitto::start();
    let subscriber = broker.subscribe("bench/#", 1);
    let outcome = publishing(&broker, 1)
        .set("fleet.clean_start", "false")
        .set("fleet.churn_rate", "20/s")
        .set("fleet.reconnect.initial_delay", "50ms")
        .set("load.measure", "3s")
        .go();
    outcome.keeps_its_accounts();
    let whole = |name: &str| outcome.count(&format!("/whole_run/{name}"));
    assert!(
        outcome.count("/connections/recovery/left") > 20,
        "{outcome}"
    );
    // Whatever was in flight when its endpoint left was acknowledged later, or is with the last to leave.
    assert_eq!((whole("failed"), whole("timeout")), (0, 0), "{outcome}");
    assert_eq!(whole("ok") + whole("in_flight"), whole("sent"), "{outcome}");
    // At least once each: a second time if it was sent again.
    let messages = subscriber.messages(whole("ok")).len() as u64;
    let again = outcome.count("/connections/recovery/messages/sent_again");
    assert!(
        (whole("ok")..=whole("sent") + again).contains(&messages),
        "{messages}\n{outcome}"
    );
}

/// What a payload of the Enapter platform says of a command.
fn field<'a>(payload: &'a serde_json::Value, name: &str) -> &'a str {
    payload[name].as_str().unwrap_or_default()
}

/// Of each command: its requests, and the states of its answers in their order.
fn commands(messages: &[Message]) -> BTreeMap<String, (usize, Vec<String>)> {
    let mut commands: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
    for message in messages {
        let payload: serde_json::Value =
            serde_json::from_str(&message.payload).expect("JSON in both directions");
        let command = commands
            .entry(field(&payload, "id").to_owned())
            .or_default();
        if message.topic.ends_with("/requests") {
            command.0 += 1;
        } else {
            command.1.push(field(&payload, "state").to_owned());
        }
    }
    commands
}

#[track_caller]
fn every_command_is_answered_once_and_in_order(workers: usize) {
    let _alone = alone();
    let broker = Mosquitto::start();
    let subscriber = broker.subscribe("v1/+/+/+/v1/command/#", 1);
    let outcome = Midge::run("enapter-commands")
        .target(&broker.url)
        .workers(workers)
        .set("fleet.endpoints", "40")
        .set("request.set-power.rate", "100/s")
        .set("load.warm_up", "500ms")
        .set("load.measure", "3s")
        .go();
    let sent = outcome.count("/requests/set-power/whole_run/sent");
    // One request and two answers.
    let messages = subscriber.messages(3 * sent);
    outcome.keeps_its_accounts();
    let of = |name: &str| outcome.count(&format!("/requests/set-power/whole_run/{name}"));
    assert!((280..=420).contains(&of("planned")), "{outcome}");
    assert_eq!(of("ok"), of("planned"), "{outcome}");
    assert_eq!((of("duplicate"), of("orphan")), (0, 0), "{outcome}");
    assert_eq!(outcome.count("/inbound/command/received"), of("sent"));
    assert_eq!(outcome.count("/inbound/command/answered"), of("sent"));
    assert_eq!(outcome.count("/inbound/command/duplicate"), 0, "{outcome}");
    assert_eq!(outcome.count("/generator/workers"), workers as u64);

    let commands = commands(&messages);
    assert_eq!(commands.len() as u64, of("sent"), "IDs are unique");
    for (id, (requests, states)) in &commands {
        assert_eq!(*requests, 1, "{id}");
        assert_eq!(*states, ["log", "completed"], "{id}");
    }
    ends_with_unless_disturbed(&outcome, 0);
}

#[test]
fn every_command_is_answered_once_and_in_order_by_one_worker() {
    every_command_is_answered_once_and_in_order(1);
}

#[test]
fn every_command_is_answered_once_and_in_order_by_two_workers() {
    every_command_is_answered_once_and_in_order(2);
}

const USER: &str = "fleet";
const PASSWORD: &str = "correct horse";

fn brief(broker: &Mosquitto) -> Midge {
    publishing(broker, 1).set("load.measure", "1s")
}

#[test]
fn a_broker_that_lets_nobody_in_is_a_bad_result_and_a_valid_one() {
    let _alone = alone();
    let (outcome, ()) = believed(|| {
        let broker = Mosquitto::for_user(USER, PASSWORD);
        (brief(&broker).go(), ())
    });
    nobody_came_in(outcome);
}

#[test]
fn a_broker_that_knows_another_password_is_a_bad_result_and_a_valid_one() {
    let _alone = alone();
    let (outcome, ()) = believed(|| {
        let broker = Mosquitto::for_user(USER, PASSWORD);
        let midge = brief(&broker)
            .set("target.username", USER)
            .set("target.password", "env:BROKER_PASSWORD")
            .environment("BROKER_PASSWORD", "wrong");
        (midge.go(), ())
    });
    nobody_came_in(outcome);
}

#[track_caller]
fn nobody_came_in(outcome: Outcome) {
    outcome.keeps_its_accounts();
    assert_eq!(outcome.count("/connections/connected"), 0, "{outcome}");
    let refused = outcome.count("/connections/failed_by/not_authorized");
    assert!(refused >= 50, "{outcome}");
    assert_eq!(outcome.count("/connections/failed"), refused, "{outcome}");
    assert_eq!(outcome.count("/whole_run/sent"), 0, "{outcome}");
    outcome.ends_with(99);
}

#[test]
fn a_user_with_a_password_from_the_environment_comes_in_and_the_password_stays_secret() {
    let _alone = alone();
    let broker = Mosquitto::for_user(USER, PASSWORD);
    let midge = brief(&broker)
        .set("target.username", USER)
        .set("target.password", "env:BROKER_PASSWORD")
        .environment("BROKER_PASSWORD", PASSWORD);
    let outcome = midge.go();
    outcome.keeps_its_accounts();
    assert_eq!(outcome.count("/connections/connected"), 50, "{outcome}");
    assert_eq!(outcome.count("/connections/failed"), 0, "{outcome}");
    for entry in std::fs::read_dir(&outcome.folder).expect("the run's folder") {
        let name = entry.expect("a file").file_name();
        let text = outcome.file(&name.to_string_lossy());
        assert!(!text.contains(PASSWORD), "{name:?} tells the password");
    }
    ends_with_unless_disturbed(&outcome, 0);
}

/// Nobody answers on this broker: whatever comes back is an echo.
#[track_caller]
fn no_echo_counts_as_a_reply(subscribe: &str) {
    let _alone = alone();
    let broker = Mosquitto::start();
    let midge = Midge::small()
        .target(&broker.url)
        .set("fleet.endpoints", "20")
        .set("fleet.subscribe", subscribe)
        .set("load.arrival_rate", "200/s")
        .set("load.warm_up", "200ms")
        .set("load.measure", "2s")
        .set("request.*.deadline", "500ms");
    let outcome = midge.go();
    outcome.keeps_its_accounts();
    let count = |name: &str| outcome.count(&format!("/whole_run/{name}"));
    assert!(count("sent") > 300, "{outcome}");
    assert_eq!(count("timeout"), count("sent"), "{outcome}");
    for none in ["ok", "error", "late", "duplicate", "orphan"] {
        assert_eq!(count(none), 0, "{none}\n{outcome}");
    }
    ends_with_unless_disturbed(&outcome, 99);
}

#[test]
fn subscriptions_that_are_derived_bring_no_echo() {
    no_echo_counts_as_a_reply("auto");
}

#[test]
fn an_echo_through_overlapping_filters_counts_as_no_reply() {
    no_echo_counts_as_a_reply(r#"["kp1/#", "kp1/+/dcx/+/json/+", "kp1/+/dcx/+/json/+/status"]"#);
}

/// Against a broker with a subscriber that knows nothing of this project: everything that was sent
/// reached the broker, and everything that reached it was heard by this many listeners.
#[track_caller]
fn fans(profile: &str, filter: &str, workers: usize, listeners: u64) {
    let _alone = alone();
    let broker = Mosquitto::start();
    let subscriber = broker.subscribe(filter, 1);
    let outcome = Midge::run(profile)
        .target(&broker.url)
        .workers(workers)
        .set("fleet.endpoints", "40")
        .set("load.warm_up", "500ms")
        .set("load.measure", "2s")
        .go();
    let sent = outcome.count("/whole_run/sent");
    let messages = subscriber.messages(sent);
    outcome.keeps_its_accounts();
    assert!(sent > 0, "{outcome}");
    assert_eq!(outcome.count("/whole_run/ok"), sent, "{outcome}");
    assert_eq!(messages.len() as u64, sent, "{outcome}");
    let heard = |name: &str| outcome.count(&format!("/inbound/heard/{name}"));
    assert_eq!(heard("received"), sent * listeners, "{outcome}");
    assert_eq!((heard("duplicate"), heard("answered")), (0, 0), "{outcome}");
    assert_eq!(outcome.count("/connections/lost"), 0, "{outcome}");
    ends_with_unless_disturbed(&outcome, 0);
}

#[test]
fn one_caller_hears_what_all_endpoints_publish() {
    fans("mqtt-fan-in", "fan-in/#", 1, 1);
}

#[test]
fn one_caller_hears_what_the_endpoints_of_two_workers_publish() {
    fans("mqtt-fan-in", "fan-in/#", 2, 1);
}

#[test]
fn all_endpoints_hear_what_a_caller_publishes() {
    fans("mqtt-fan-out", "fan-out/#", 1, 40);
}

#[test]
fn the_endpoints_of_two_workers_hear_what_either_caller_publishes() {
    fans("mqtt-fan-out", "fan-out/#", 2, 40);
}

const KEYS: &str = r#"
format = 1
name = "keys"

[fleet]
endpoints = 20
vars = { token = "ep-{endpoint}" }

[load]
arrival_rate = "200/s"
warm_up = "200ms"
measure = "2s"

[[request]]
name = "keys"
topic = "kp1/app/epmx/{token}/get/keys/{request_id}"
request_id = { in = "topic", range = [10, 9999] }
reply = { ok = "{topic}/status", error = "{topic}/error", status = "/statusCode" }
deadline = "5s"
"#;

const OVERLAPPING: &str = r#"["kp1/+/epmx/{token}/get/#", "kp1/+/epmx/{token}/get/keys/#"]"#;

/// The same requests with these subscriptions, answered behind a broker that delivers a message once
/// for each matching filter.
fn answered_behind_a_broker(subscribe: &str) -> Outcome {
    let _alone = alone();
    let broker = Mosquitto::with_copies();
    let _tenant = Responder::start(&broker, "kp1/app/epmx/+/get/keys/+");
    let outcome = Midge::run("./keys.toml")
        .file("keys.toml", KEYS)
        .target(&broker.url)
        .set("fleet.subscribe", subscribe)
        .go();
    outcome.keeps_its_accounts();
    let count = |name: &str| outcome.count(&format!("/whole_run/{name}"));
    assert!(count("sent") > 300, "{outcome}");
    assert_eq!(count("ok"), count("sent"), "{outcome}");
    assert_eq!((count("duplicate"), count("orphan")), (0, 0), "{outcome}");
    ends_with_unless_disturbed(&outcome, 0);
    outcome
}

/// Codes of what the verdict warns of.
fn warnings(outcome: &Outcome) -> Vec<&str> {
    let warnings = outcome.at("/verdict/warnings").as_array();
    let warnings = warnings.expect("a list").iter();
    warnings.filter_map(|one| one["code"].as_str()).collect()
}

#[test]
fn the_brokers_copies_for_overlapping_filters_are_no_duplicates() {
    let outcome = answered_behind_a_broker(OVERLAPPING);
    let count = |pointer: &str| outcome.count(pointer);
    // The copy of the last reply may come when nobody listens any more.
    let (copies, ok) = (count("/whole_run/copies"), count("/whole_run/ok"));
    assert!((ok - 20..=ok).contains(&copies), "{copies}\n{outcome}");
    assert!(count("/total/copies") > 0, "{outcome}");
    assert_eq!(
        count("/requests/keys/whole_run/copies"),
        copies,
        "{outcome}"
    );
    assert!(warnings(&outcome).contains(&"overlapping_filters"));
    for filter in ["kp1/+/epmx/ep-0/get/#", "kp1/+/epmx/ep-0/get/keys/#"] {
        assert!(outcome.stdout.contains(filter), "{outcome}");
    }
}

#[test]
fn with_filters_that_are_derived_there_is_nothing_to_copy() {
    let outcome = answered_behind_a_broker("auto");
    assert_eq!(outcome.count("/whole_run/copies"), 0, "{outcome}");
    assert!(!warnings(&outcome).contains(&"overlapping_filters"));
}

#[test]
fn overlapping_filters_are_told_of_before_anything_is_sent() {
    let check = |subscribe: &str| {
        let keys = Midge::call(["check", "./keys.toml"]).file("keys.toml", KEYS);
        keys.set("fleet.subscribe", subscribe).go().ends_with(0)
    };
    let told = check(OVERLAPPING);
    let line =
        "warning: the filters `kp1/+/epmx/ep-0/get/#` and `kp1/+/epmx/ep-0/get/keys/#` overlap";
    assert!(told.stdout.contains(line), "{told}");
    assert!(!check("auto").stdout.contains("overlap"));
}

#[test]
fn a_copy_of_what_endpoints_hear_is_received_too_and_known_by_its_key() {
    let _alone = alone();
    let broker = Mosquitto::with_copies();
    let announced = r#"
format = 1
name = "announced"

[fleet]
endpoints = 10
subscribe = ["fan-out/#", "fan-out/all"]

[load]
warm_up = "200ms"
measure = "1s"

[[request]]
name = "announce"
from = "caller"
rate = "20/s"
topic = "fan-out/all"
payload = '{"id":"{uuid}"}'
qos = 1

[[inbound]]
name = "heard"
topic = "fan-out/all"
id = "/id"
"#;
    let outcome = Midge::run("./announced.toml")
        .file("announced.toml", announced)
        .target(&broker.url)
        .go();
    outcome.keeps_its_accounts();
    let heard = |name: &str| outcome.count(&format!("/inbound/heard/{name}"));
    let delivered = outcome.count("/whole_run/sent") * 10;
    assert!(delivered > 0, "{outcome}");
    assert_eq!(heard("received"), 2 * delivered, "{outcome}");
    assert_eq!(heard("duplicate"), delivered, "{outcome}");
    assert!(warnings(&outcome).contains(&"overlapping_filters"));
    ends_with_unless_disturbed(&outcome, 0);
}
