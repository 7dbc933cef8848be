//! The client's own share of response times, by the kernel's timestamps: known lateness on either side, all
//! replies accounted for, nothing guessed where several messages travel together or the kernel keeps one,
//! and a clean end of it where the system cannot say.
//!
//! A client that reads late is the real program, stopped while its reply comes in. Not here: what the
//! kernel says of a single read (beside its code).
#![cfg(target_os = "linux")]

mod support;

use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use midge::engine::{self, Approach, Settings};
use midge::measure::Tally;
use midge::plan::{Identities, Plan};
use midge::profile;
use midge::simulation::{self, Conditions, tenant_of};
use nix::libc;
use rustix::process::{Pid, kill_process};
use seccompiler::{SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};
use serde_json::Value;
use support::{FakeBroker, Midge, Outcome, Peer, Signal, refusing};

/// Each request is answered on its own topic and one level below.
const ECHO: &str = r#"
format = 1
name = "echo"
fleet = { endpoints = 1, subscribe = "none" }

[load]
arrival_rate = "40/s"
arrivals = "constant"
warm_up = "200ms"
measure = "2s"

[[request]]
name = "ask"
topic = "ask/{request_id}"
payload = "{}"
request_id = { in = "topic", range = [10, 99], scope = "ask" }
reply = { ok = "{topic}/ok" }
"#;

/// How late the client is made to read.
const LATE: Duration = Duration::from_millis(8);

/// The answer to a PUBLISH.
fn answer(body: &[u8]) -> Vec<u8> {
    let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
    let topic = [&body[2..2 + length], b"/ok"].concat();
    let short = |length: usize| u8::try_from(length).expect("a short topic");
    let head = [0x30, short(topic.len() + 2), 0, short(topic.len())];
    [&head[..], &topic].concat()
}

/// Answers every PUBLISH, the way `send` does it.
fn answering(
    send: impl Fn(&mut Peer, &[u8]) + Send + Sync + 'static,
) -> impl Fn(&mut Peer) + Send + Sync + 'static {
    move |peer| {
        peer.welcome();
        while let Some((first, body)) = peer.next_packet() {
            if first >> 4 == 3 {
                send(peer, &answer(&body));
            }
        }
    }
}

/// Whether no thread of the process runs any more: stopped, or dead.
fn is_stopped(pid: Pid) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()));
    let mut threads = threads.into_iter().flatten().flatten();
    threads.all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The name before it, in brackets, may hold anything.
        let state = stat
            .rsplit_once(") ")
            .map(|(_, rest)| rest.starts_with(['T', 'Z']));
        state.unwrap_or(true)
    })
}

/// Has the client read late: stopped before the reply leaves, it goes on when the reply has lain there for
/// `LATE`. For how long it did at least.
fn late(peer: &mut Peer, reply: &[u8], client: Pid) -> Duration {
    let _ = kill_process(client, Signal::STOP);
    while !is_stopped(client) {
        thread::yield_now();
    }
    peer.send(reply);
    let sent = Instant::now();
    while let Some(left) = LATE.checked_sub(sent.elapsed()) {
        thread::sleep(left);
    }
    let lain = sent.elapsed();
    let _ = kill_process(client, Signal::CONT);
    lain
}

fn echo(broker: &FakeBroker) -> Midge {
    Midge::run("./echo.toml")
        .file("echo.toml", ECHO)
        .target(&broker.url)
        .argument("--kernel-timestamps")
        .argument("1")
}

/// Milliseconds of a distribution.
#[track_caller]
fn ms(outcome: &Outcome, pointer: &str) -> f64 {
    let us = outcome.at(pointer).as_f64();
    us.unwrap_or_else(|| panic!("no number at {pointer}\n{outcome}")) / 1000.0
}

/// Replies of the measure phase that were sampled: those whose share is known, and all.
#[track_caller]
fn sampled(outcome: &Outcome) -> (u64, u64) {
    let known = outcome.count("/total/client_share_us/count");
    let left_out = outcome.at("/kernel_timestamps/left_out").as_object();
    let left_out = left_out.expect("a table").values();
    let all = known + left_out.filter_map(Value::as_u64).sum::<u64>();
    assert_eq!(outcome.count("/kernel_timestamps/sampled"), all);
    (known, all)
}

/// A run whose client reads every reply late, and how late at least, in order.
fn read_late() -> (Outcome, Vec<Duration>) {
    let client = Arc::new(OnceLock::new());
    let lain = Arc::new(Mutex::new(Vec::new()));
    let (known, kept) = (client.clone(), lain.clone());
    let broker = FakeBroker::start(answering(move |peer, reply| {
        let client = *known.wait();
        kept.lock().unwrap().push(late(peer, reply, client));
    }));
    let running = echo(&broker).spawn();
    let id = i32::try_from(running.process.id()).expect("process IDs are small");
    client.set(Pid::from_raw(id).expect("not zero")).unwrap();
    let outcome = running.finish();
    let mut lain = lain.lock().unwrap().clone();
    lain.sort_unstable();
    (outcome, lain)
}

#[test]
fn a_client_that_reads_8_ms_late_has_a_share_of_8_ms() {
    let (mut outcome, mut lain) = read_late();
    // A busy machine has it read later still, and says so.
    for _ in 1..6 {
        if !outcome.is_disturbed() {
            break;
        }
        (outcome, lain) = read_late();
    }
    let middle = lain[lain.len() / 2].as_secs_f64() * 1000.0;
    let share = |of: &str| ms(&outcome, &format!("/requests/ask/client_share_us/{of}"));
    let (known, all) = sampled(&outcome);
    assert_eq!(all, outcome.count("/total/ok"), "{outcome}");
    assert!(known >= 60, "{known} of {all}\n{outcome}");
    // Nothing was read before the client went on; the histogram's steps are finer than this.
    let least = lain[0].as_secs_f64() * 1000.0;
    assert!(share("min") >= least * 0.999, "{least} ms\n{outcome}");
    assert!(
        (share("p50") - middle).abs() <= middle * 0.1,
        "{middle} ms\n{outcome}"
    );
    let late = LATE.as_secs_f64() * 1000.0;
    assert!((share("p50") - late).abs() <= late * 0.1, "{outcome}");
    assert!(share("max") <= ms(&outcome, "/total/service_time_us/max"));
    assert!(outcome.stdout.contains("\nclient share "), "{outcome}");
    assert!(outcome.stdout.contains("\ntimestamps "), "{outcome}");
}

#[test]
fn a_tenant_that_answers_8_ms_late_is_no_share_of_the_client() {
    let broker = FakeBroker::start(answering(|peer, reply| {
        thread::sleep(LATE);
        peer.send(reply);
    }));
    let outcome = echo(&broker).go_undisturbed();
    is_the_tenants(&outcome);

    let broker = acknowledging(Duration::ZERO, LATE);
    let outcome = publisher(&broker, "64B").go_undisturbed();
    is_the_tenants(&outcome);
}

/// Every reply was sampled, and of 8 ms less than one is the client's.
#[track_caller]
fn is_the_tenants(outcome: &Outcome) {
    let (known, all) = sampled(outcome);
    assert_eq!(all, outcome.count("/total/ok"), "{outcome}");
    assert!(
        known >= all * 9 / 10 && known > 30,
        "{known} of {all}\n{outcome}"
    );
    let service = ms(outcome, "/total/service_time_us/p50");
    assert!(service >= 8.0, "{outcome}");
    let share = ms(outcome, "/total/client_share_us/p50");
    assert!(share > 0.0 && share < 1.0, "{share} ms\n{outcome}");
}

/// Acknowledges every PUBLISH of QoS 1 so long after it was read, and reads nothing before a pause is over.
fn acknowledging(pause: Duration, late: Duration) -> FakeBroker {
    FakeBroker::start(move |peer| {
        peer.welcome();
        thread::sleep(pause);
        while let Some((first, body)) = peer.next_packet() {
            if first >> 4 == 3 {
                let id = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
                thread::sleep(late);
                peer.send(&[0x40, 2, body[id], body[id + 1]]);
            }
        }
    })
}

/// An endpoint that publishes 40 such messages a second, each acknowledged and sampled.
fn publisher(broker: &FakeBroker, bytes: &str) -> Midge {
    Midge::run("mqtt-publish")
        .target(&broker.url)
        .set("fleet.endpoints", "1")
        .set("load.arrival_rate", "40/s")
        .set("load.arrivals", "constant")
        .set("load.warm_up", "0s")
        .set("load.measure", "2s")
        .set("request.publish.qos", "1")
        .set("request.publish.bytes", bytes)
        .argument("--kernel-timestamps")
        .argument("1")
}

/// Replies of which the share was left out for this reason.
fn left_out(outcome: &Outcome, reason: &str) -> u64 {
    let table = outcome.at("/kernel_timestamps/left_out");
    table.get(reason).and_then(Value::as_u64).unwrap_or(0)
}

/// Answers `together` requests at once, with one write.
fn answering_together(together: usize) -> FakeBroker {
    let held = Mutex::new(Vec::new());
    FakeBroker::start(answering(move |peer, reply| {
        let mut held = held.lock().unwrap();
        held.push(reply.to_vec());
        if held.len() == together {
            // So that no cap on messages comes between those that could leave together.
            thread::sleep(Duration::from_millis(2));
            peer.send(&held.concat());
            held.clear();
        }
    }))
}

#[test]
fn replies_that_are_read_together_or_in_parts_are_left_out() {
    let together = answering_together(2);
    let in_parts = FakeBroker::start(answering(|peer, reply| {
        peer.send_slowly(reply, Duration::from_millis(1));
    }));
    for broker in [together, in_parts] {
        let outcome = echo(&broker).go_undisturbed();
        let (known, all) = sampled(&outcome);
        assert_eq!(all, outcome.count("/total/ok"), "{outcome}");
        assert!(all > 60, "{outcome}");
        // A stall of this side may have it read all parts at once.
        assert!(known <= all / 10, "{known} of {all}\n{outcome}");
        assert!(
            left_out(&outcome, "shared_read") >= all * 9 / 10,
            "{outcome}"
        );
        assert_eq!(outcome.at("/kernel_timestamps/off"), &Value::Null);
    }
}

#[test]
fn requests_that_leave_in_one_write_are_left_out() {
    let broker = answering_together(4);
    let outcome = echo(&broker)
        .set("load.arrival_rate", "max")
        .set("load.batch", "4")
        .set("load.in_flight_max", "4")
        .set("load.warm_up", "0s")
        .set("load.measure", "200ms")
        .go();
    let (known, all) = sampled(&outcome);
    assert_eq!(all, outcome.count("/total/ok"), "{outcome}");
    assert!(all >= 40, "{outcome}");
    assert_eq!((known, left_out(&outcome, "shared_write")), (0, all));
    assert_eq!(outcome.at("/kernel_timestamps/off"), &Value::Null);
}

#[test]
fn a_request_that_the_kernel_keeps_or_takes_in_parts_is_left_out() {
    // A target that reads nothing for half a second: first its window is full, then this side's buffer too.
    let broker = acknowledging(Duration::from_millis(500), Duration::ZERO);
    let outcome = publisher(&broker, "512KiB")
        .set("limits.buffer_per_connection", "64MiB")
        .go_undisturbed();
    let (_, all) = sampled(&outcome);
    assert_eq!(all, outcome.count("/total/ok"), "{outcome}");
    // Nobody was late on this side: those 500 ms are no share of the client.
    assert!(
        ms(&outcome, "/total/service_time_us/max") > 300.0,
        "{outcome}"
    );
    assert!(left_out(&outcome, "held_back") >= 15, "{outcome}");
    let longest = outcome.at("/total/client_share_us/max").as_f64();
    assert!(longest.is_none_or(|us| us < 200_000.0), "{outcome}");
    // What came late from the kernel has closed no connection.
    assert_eq!(outcome.count("/connections/lost"), 0, "{outcome}");
}

#[test]
fn a_reply_is_found_wherever_it_comes() {
    let midge = || {
        let midge = Midge::small().brief().gentle();
        midge.argument("--kernel-timestamps").argument("1")
    };
    let twice = |midge: Midge| midge.set("fleet.connections.per_endpoint", "2");
    for midge in [
        midge().set("fleet.connections.endpoints_per_connection", "10"),
        twice(midge()),
        twice(midge()).set("fleet.subscribe", "auto"),
    ] {
        let outcome = midge.go_undisturbed();
        let (known, all) = sampled(&outcome);
        let answered = outcome.count("/total/ok") + outcome.count("/total/error");
        assert_eq!(all, answered, "{outcome}");
        assert!(
            known >= all * 8 / 10 && known > 30,
            "{known} of {all}\n{outcome}"
        );
    }
}

#[test]
fn every_reply_is_sampled_or_as_many_as_were_asked_for() {
    let run = |share: &str| {
        let midge = Midge::small().brief().workers(2);
        midge.argument("--kernel-timestamps").argument(share).go()
    };
    let all = run("100%");
    let answered = all.count("/total/ok") + all.count("/total/error");
    assert!(answered > 1000, "{all}");
    assert_eq!(sampled(&all).1, answered, "{all}");
    assert_eq!(all.at("/kernel_timestamps/off"), &Value::Null);
    let rows = all.file("percentiles.csv");
    assert!(rows.contains("\ntotal,client_share,"), "{rows}");

    let some = run("0.1");
    let answered = some.count("/total/ok") + some.count("/total/error");
    let of = sampled(&some).1 as f64;
    let (mean, deviation) = (answered as f64 * 0.1, (answered as f64 * 0.09).sqrt());
    // Requests of one write are sampled together, which is rare.
    assert!(
        (of - mean).abs() < 6.0 * deviation,
        "{of} of {answered}\n{some}"
    );
    assert_eq!(some.at("/kernel_timestamps/share"), 0.1);
    all.keeps_its_accounts();
    some.keeps_its_accounts();
}

/// Names of everything in a result, with what is inside.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Object(rows) => rows
            .iter()
            .flat_map(|(name, value)| {
                let inside = names(value).into_iter();
                let below = inside.map(move |inner| format!("{name}/{inner}"));
                std::iter::once(name.clone()).chain(below)
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_share_of_nothing_is_as_if_it_had_not_been_mentioned() {
    let midge = || {
        Midge::small()
            .brief()
            .gentle()
            .set("load.arrivals", "constant")
    };
    let without = midge().go();
    let with = midge().argument("--kernel-timestamps").argument("0").go();
    // What happened by chance, and when.
    let fixed = |outcome: &Outcome| {
        let mut result = outcome.result().clone();
        let rows = result.as_object_mut().expect("an object");
        rows.retain(|name, _| !["verdict", "tenant"].contains(&name.as_str()));
        rows.iter()
            .flat_map(|(_, value)| names(value))
            .collect::<Vec<_>>()
    };
    assert_eq!(fixed(&with), fixed(&without));
    for outcome in [&with, &without] {
        assert_eq!(outcome.count("/total/client_share_us/count"), 0);
        assert_eq!(outcome.at("/kernel_timestamps"), &Value::Null);
        assert!(!outcome.stdout.contains("timestamps"), "{outcome}");
    }
    for place in ["/total/planned", "/whole_run/planned", "/profile/sha256"] {
        assert_eq!(with.at(place), without.at(place));
    }
}

/// Does `what` on a thread that cannot set the option, as on a kernel that does not know it.
fn without_the_option<T: Send>(what: impl FnOnce() -> T + Send) -> T {
    let is = |index, value: i32| {
        let value = u64::try_from(value).expect("not negative");
        SeccompCondition::new(index, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value).unwrap()
    };
    let option = vec![is(1, libc::SOL_SOCKET), is(2, libc::SO_TIMESTAMPING)];
    let rule = SeccompRule::new(option).unwrap();
    let errno = u32::try_from(libc::ENOPROTOOPT).expect("not negative");
    refusing(libc::SYS_setsockopt, vec![rule], errno, what)
}

#[test]
fn a_kernel_without_them_is_said_once_and_the_run_goes_on() {
    let outcome = without_the_option(|| {
        let midge = Midge::small().brief().gentle();
        midge.argument("--kernel-timestamps").argument("1").go()
    });
    let why = outcome
        .at("/kernel_timestamps/off")
        .as_str()
        .expect("a text");
    assert!(why.contains("SO_TIMESTAMPING"), "{why}");
    assert_eq!(outcome.stdout.matches(why).count(), 1, "{outcome}");
    assert!(!outcome.stderr.contains("timestamp"), "{outcome}");
    assert_eq!(sampled(&outcome), (0, 0));
    let (planned, ok) = (outcome.count("/total/planned"), outcome.count("/total/ok"));
    assert!(
        planned > 20 && ok == planned,
        "{ok} of {planned}\n{outcome}"
    );
    outcome.keeps_its_accounts();
}

#[test]
fn a_network_without_a_kernel_says_nothing_and_changes_nothing() {
    let run = |share: f64| -> Tally {
        let sets = ["fleet.endpoints=50", "load.measure=2s", "load.warm_up=0s"];
        let sets = sets.map(str::to_owned);
        let loaded = profile::load("kaa-metadata", &sets, &|_| unreachable!("shipped")).unwrap();
        let plan = Arc::new(Plan::compile(&loaded.profile, Identities::none()).unwrap());
        let shape = Arc::new(engine::shape(&plan, &loaded.profile));
        let tenant = tenant_of(&loaded).unwrap();
        let settings = Settings {
            profile: loaded.profile,
            targets: Vec::new(),
            password: None,
            websocket: Vec::new(),
            nonce: 7,
            workers: 1,
            raw_log: None,
            approach: Approach::Asleep,
            kernel_timestamps: share,
            tls: None,
        };
        let all = simulation::run(plan, shape, settings, tenant, &Conditions::default()).unwrap();
        all.measured.tally
    };
    let (without, with) = (run(0.0), run(1.0));
    for (without, with) in without.requests.iter().zip(&with.requests) {
        assert_eq!(without.figures(), with.figures());
        assert_eq!(
            with.client.sampled(),
            with.measured.ok + with.measured.error
        );
        assert!(with.client.is_silent(), "{:?}", with.client.left_out);
        assert_eq!(without.client.sampled(), 0);
    }
}
