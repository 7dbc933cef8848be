//! Request and reply through brokers, side by side: the shipped Kaa telemetry, answered by a simulated tenant
//! that is a client of the same broker.
//!
//! It measures for some minutes and belongs to no `tests/run`; what must hold is asserted all the same: every
//! request is answered. How to call it, and how to read what it writes, is in `results/attached/README.md`.
//! Not here: what brokers offer (`brokers`).
#![allow(clippy::print_stdout, reason = "the table is what it is for")]

mod interop;
mod real;
mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use interop::alone;
use real::{Broker, Ground, MOSQUITTO, NATS, PASSWORD, RABBITMQ, Transport, USER};
use support::{Midge, Process, Signal, Tenant};

const ROUNDS: u32 = 3;
/// For a try: fewer rounds, a shorter measure phase.
const FEWER: &str = "MIDGE_ROUNDS";
const SHORTER: &str = "MIDGE_MEASURE";
/// What every reply takes at the tenant: the rest is the way there and back.
const TENANT: [&str; 2] = ["--service-time=fixed:2ms", "--relaxed-paths=on"];
const BROKERS: [&Broker; 3] = [&MOSQUITTO, &NATS, &RABBITMQ];

/// The request whose figures are shown; most of the profile's are of this kind.
const REQUEST: &str = "dcx-json";

/// One run.
struct Row {
    way: String,
    qos: u8,
    round: u32,
    ok: u64,
    /// p50, p99, p99.9 and the longest, us; `None` where the sample does not carry it.
    response_us: [Option<f64>; 4],
}

/// Asks at this address until it is over.
fn run(url: &str, way: &str, qos: u8, round: u32) -> Row {
    let outcome = Midge::run("kaa-telemetry")
        .target(url)
        .set("target.username", USER)
        .set("target.password", "env:BROKER_PASSWORD")
        .environment("BROKER_PASSWORD", PASSWORD)
        .set("fleet.endpoints", "100")
        .set("fleet.subscribe", "auto")
        .set("fleet.subscribe_qos", &qos.to_string())
        .set("load.arrival_rate", "500/s")
        .set("request.*.qos", &qos.to_string())
        .set(
            "load.measure",
            &std::env::var(SHORTER).unwrap_or("10s".to_owned()),
        )
        .go_undisturbed()
        .ends_with(0);
    outcome.keeps_its_accounts();
    let planned = outcome.count("/whole_run/planned");
    assert_eq!(outcome.count("/whole_run/ok"), planned, "{outcome}");
    assert_eq!(outcome.count("/whole_run/duplicate"), 0, "{outcome}");
    let figure = |name: &str| {
        let pointer = format!("/requests/{REQUEST}/response_time_us/{name}");
        outcome.at(&pointer).as_f64()
    };
    Row {
        way: way.to_owned(),
        qos,
        round,
        ok: outcome.count(&format!("/requests/{REQUEST}/ok")),
        response_us: ["p50", "p99", "p999", "max"].map(figure),
    }
}

fn without_broker(qos: u8, round: u32) -> Row {
    let credentials = [format!("--user={USER}"), format!("--password={PASSWORD}")];
    let flags = TENANT.map(str::to_owned).into_iter().chain(credentials);
    let tenant = Tenant::start(flags.chain(["--delivery=broker".to_owned()]));
    let row = run(&tenant.url, "no broker", qos, round);
    tenant.stop();
    row
}

fn through(broker: &Broker, ground: &Ground, qos: u8, round: u32) -> Row {
    let running = (broker.start)(ground, &[Transport::Tcp]);
    let door = &running.doors[0];
    let mut command = Command::new(env!("CARGO_BIN_EXE_midge"));
    command
        .args(["tenant", "--attach", &door.url, "--attach-user", USER])
        .args(["--attach-password", "env:BROKER_PASSWORD"])
        .args(["--attach-qos", &qos.to_string()])
        .args(TENANT)
        .env("BROKER_PASSWORD", PASSWORD);
    let mut tenant = Process::start(command);
    tenant.await_words("attached to ");
    let way = format!("{} {}", broker.name, (broker.version)());
    let row = run(&door.url, &way, qos, round);
    tenant.signal(Signal::TERM);
    let ended = tenant.finish();
    assert_eq!(
        ended.code(),
        0,
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    row
}

/// As many digits as tell something; empty for nothing.
fn ms(us: Option<f64>) -> String {
    us.map_or_else(String::new, |us| format!("{:.2}", us / 1000.0))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn csv(rows: &[Row]) -> String {
    let mut text = "way,qos,round,ok,p50_ms,p99_ms,p999_ms,max_ms\n".to_owned();
    for row in rows {
        let times = row.response_us.map(ms).join(",");
        let _ = writeln!(
            text,
            "{},{},{},{},{times}",
            row.way, row.qos, row.round, row.ok
        );
    }
    text
}

/// Medians of the rounds, in the order of the first round.
fn table(rows: &[Row]) -> String {
    let mut text = "| way | QoS | answered | p50, ms | p99, ms | p99.9, ms | longest, ms |\n\
         |---|---|---|---|---|---|---|\n"
        .to_owned();
    for first in rows.iter().filter(|row| row.round == 1) {
        let same = || {
            rows.iter()
                .filter(|row| row.way == first.way && row.qos == first.qos)
        };
        let of = |place: usize| {
            ms(median(
                same().filter_map(|row| row.response_us[place]).collect(),
            ))
        };
        let ok: u64 = same().map(|row| row.ok).sum();
        let [p50, p99, p999, max] = [0, 1, 2, 3].map(of);
        let _ = writeln!(
            text,
            "| {} | {} | {ok} | {p50} | {p99} | {p999} | {max} |",
            first.way, first.qos
        );
    }
    text
}

#[test]
#[ignore = "measures for minutes: results/attached/README.md says how to call it"]
fn kaa_request_and_reply_side_by_side() {
    let _alone = alone();
    let ground = Ground::new();
    let mut rows = Vec::new();
    let rounds = std::env::var(FEWER).map_or(ROUNDS, |text| text.parse().expect("a number"));
    for round in 1..=rounds {
        for qos in [0, 1] {
            rows.push(without_broker(qos, round));
            for broker in BROKERS {
                rows.push(through(broker, &ground, qos, round));
            }
        }
    }
    let table = table(&rows);
    if let Some(folder) = std::env::var_os("KEEP").map(PathBuf::from) {
        fs::write(folder.join("rounds.csv"), csv(&rows)).expect("the folder is there");
        fs::write(folder.join("table.md"), &table).expect("the folder is there");
    }
    println!("{table}");
}

#[test]
fn rounds_become_medians() {
    let row = |round, p50| Row {
        way: "here".to_owned(),
        qos: 1,
        round,
        ok: 10,
        response_us: [Some(p50), None, None, Some(9_000.0)],
    };
    let rows = [row(1, 2_000.0), row(2, 7_000.0), row(3, 3_000.0)];
    let table = table(&rows);
    assert_eq!(
        table.lines().last(),
        Some("| here | 1 | 30 | 3.00 |  |  | 9.00 |")
    );
    assert_eq!(csv(&rows).lines().nth(2), Some("here,1,2,10,7.00,,,9.00"));
}
