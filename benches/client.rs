//! What a request and its reply cost: the engine against a general-purpose asynchronous client.
//!
//! `cargo bench --features witness --bench client` prints a table. Every row is a process of its own
//! that drives so many endpoints, closed: each sends its next request after the reply. The simulated
//! tenant is another process, so its time and memory are not counted. Not here: response times, which
//! say more about the machine than about either client.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is for whoever runs the benchmark"
)]

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use midge::engine::{self, Approach, Progress, Settings};
use midge::event::Clock;
use midge::mqtt::{Packet, Role, Version, decode};
use midge::plan::{Captures, Identities, Message, Moment, Plan, Sheet};
use midge::profile::{self, Model, Profile};
use mqtt_async_client::client::{Client, Publish, Unsubscribe, UnsubscribeTopic};
use tokio::task::LocalSet;

#[path = "support/cpu.rs"]
mod cpu;
#[path = "support/far.rs"]
mod far;

use cpu::cpu_ns;
use far::Far;

/// Tells a process which row it is: `SIDE ENDPOINTS MILLISECONDS ADDRESS`.
const ROW: &str = "MIDGE_BENCH_CLIENT";
/// Who drives the endpoints, and what the table calls it.
const SIDES: [(&str, &str); 3] = [
    ("engine", "midge's engine"),
    ("client", "mqtt-async-client"),
    ("small", "the same, 1 KiB buffers"),
];

/// What one process says of itself.
struct Cost {
    replies: u64,
    cpu_ns: u64,
    rss_bytes: u64,
}

/// Largest resident size of this process so far.
fn rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// The profile of both sides: one request of a Kaa endpoint, closed.
fn load(endpoints: u32, length: Duration) -> (Profile, Plan) {
    let sets = [
        format!("fleet.endpoints={endpoints}"),
        "load.model=closed".into(),
        "load.warm_up=0s".into(),
        format!("load.measure={}ms", length.as_millis()),
        "limits.messages_per_s=1_000_000/s".into(),
    ];
    let loaded = profile::load("kaa-fleet", &sets, &|_| unreachable!("shipped"));
    let mut profile = loaded.expect("a shipped profile").profile;
    profile.requests.truncate(1);
    // The profile's arrival rate would be a cap.
    profile.load.model = Model::Closed {
        think_time: Duration::ZERO,
        cap: None,
    };
    let plan = Plan::compile(&profile, Identities::none()).expect("a shipped profile");
    (profile, plan)
}

/// One worker of the engine.
fn engine(endpoints: u32, length: Duration, target: SocketAddr) -> Cost {
    let before = rss_bytes();
    let (profile, plan) = load(endpoints, length);
    let shape = Arc::new(engine::shape(&plan, &profile));
    let settings = Settings {
        profile,
        targets: vec![target],
        password: None,
        tls: None,
        websocket: Vec::new(),
        nonce: 1,
        workers: 1,
        raw_log: None,
        approach: Approach::Asleep,
        kernel_timestamps: 0.0,
    };
    let run = engine::start(Arc::new(plan), shape, settings, Clock::start()).expect("threads");
    // Connecting is not what is compared.
    let mut begun = 0;
    for progress in &run.progress {
        if progress == Progress::Loading {
            begun = cpu_ns();
        }
    }
    let (cpu_ns, rss) = (cpu_ns() - begun, rss_bytes());
    let measured = run.finish().expect("a run");
    Cost {
        replies: measured.tally.requests[0].whole_run.ok,
        cpu_ns,
        rss_bytes: rss.saturating_sub(before),
    }
}

/// Messages of one endpoint: the engine's frames in the client's words.
struct Messages {
    plan: Arc<Plan>,
    endpoint: u32,
    state: Vec<u64>,
    next: u128,
}

impl Messages {
    fn next(&mut self) -> Publish {
        let request = &self.plan.requests[0];
        self.next = if self.next == 0 {
            10_000
        } else {
            self.next % 89_999 + 1
        }
        .max(10_000);
        let message = Message {
            endpoint: self.endpoint,
            request_id: self.next,
            packet_id: 0,
            moment: &Moment::at(0),
            identities: &self.plan.identities,
            captures: &Captures::new(),
        };
        let mut frame = Sheet::default();
        request.encode(&mut frame, &message, &mut self.state);
        match decode(frame.text(), Role::Server, Version::V311, frame.len()) {
            Ok(Some((Packet::Publish(packet), _))) => {
                Publish::new(packet.topic.to_owned(), packet.payload.to_owned())
            }
            other => panic!("the encoder wrote {other:?}"),
        }
    }
}

async fn connected(plan: &Plan, endpoint: u32, small: bool, target: SocketAddr) -> Client {
    let mut client_id = String::new();
    plan.client_id(endpoint, midge::plan::ConnectionRole::Main, &mut client_id);
    let mut builder = Client::builder();
    builder
        .set_url_string(&format!("mqtt://{target}"))
        .expect("an address")
        .set_client_id(Some(client_id))
        .set_automatic_connect(false);
    if small {
        builder.set_max_packet_len(1024).set_packet_buffer_len(4);
    }
    let mut client = builder.build().expect("all is set");
    client.connect().await.expect("the first one");
    // It returns before the CONNACK; any acknowledgement says that it is there.
    let nothing = Unsubscribe::new(vec![UnsubscribeTopic::new("none".into())]);
    client.unsubscribe(nothing).await.expect("it is up");
    client
}

/// One thread of tokio with a task per endpoint, and those that the client makes.
fn client(endpoints: u32, length: Duration, target: SocketAddr, small: bool) -> Cost {
    let before = rss_bytes();
    let (_, plan) = load(endpoints, length);
    let plan = Arc::new(plan);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let tasks = LocalSet::new();
    runtime.block_on(tasks.run_until(async {
        let mut clients = Vec::new();
        for endpoint in 0..endpoints {
            clients.push(connected(&plan, endpoint, small, target).await);
        }
        let begun = cpu_ns();
        let end = Instant::now() + length;
        let started: Vec<_> = (0..)
            .zip(clients)
            .map(|(endpoint, mut client)| {
                let mut messages = Messages {
                    plan: plan.clone(),
                    endpoint,
                    state: vec![0; plan.state_words],
                    next: 0,
                };
                tokio::task::spawn_local(async move {
                    let mut replies = 0;
                    while Instant::now() < end {
                        client.publish(&messages.next()).await.expect("it is up");
                        client.read_subscriptions().await.expect("a reply");
                        replies += 1;
                    }
                    // Kept, so that its memory is there when it is measured.
                    (client, replies)
                })
            })
            .collect();
        let mut kept = Vec::new();
        let mut replies = 0;
        for task in started {
            let (client, of_it) = task.await.expect("no panic");
            replies += of_it;
            kept.push(client);
        }
        Cost {
            replies,
            cpu_ns: cpu_ns() - begun,
            rss_bytes: rss_bytes().saturating_sub(before),
        }
    }))
}

/// In the process of one row.
fn row_of_its_own(row: &str) {
    let words: Vec<&str> = row.split(' ').collect();
    let [side, endpoints, length, target] = words[..] else {
        panic!("{row:?} is no row");
    };
    let endpoints = endpoints.parse().expect("a count");
    let length = Duration::from_millis(length.parse().expect("a length"));
    let target = target.parse().expect("an address");
    let cost = match side {
        "engine" => engine(endpoints, length, target),
        side => client(endpoints, length, target, side == "small"),
    };
    println!("{} {} {}", cost.replies, cost.cpu_ns, cost.rss_bytes);
}

/// Runs a row in a process of its own, against a tenant of its own.
fn cost(side: &str, endpoints: u32, length: Duration) -> Cost {
    let tenant = Far::tenant([]);
    let row = format!(
        "{side} {endpoints} {} {}",
        length.as_millis(),
        tenant.address
    );
    let output = Command::new(std::env::current_exe().expect("a path"))
        .env(ROW, row)
        .stderr(Stdio::inherit())
        .output()
        .expect("this program again");
    assert!(output.status.success(), "{side}: {}", output.status);
    let said = String::from_utf8_lossy(&output.stdout);
    let mut numbers = said.split_whitespace().map(str::parse::<u64>);
    let mut next = || numbers.next().expect("three").expect("numbers");
    Cost {
        replies: next(),
        cpu_ns: next(),
        rss_bytes: next(),
    }
}

fn main() {
    if let Ok(row) = std::env::var(ROW) {
        return row_of_its_own(&row);
    }
    // `cargo bench` says so; `cargo test` only wants to see that everything works.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let (length, sizes) = if measured {
        (Duration::from_secs(3), [100, 1_000])
    } else {
        (Duration::from_millis(200), [5, 10])
    };
    println!(
        "each endpoint sends its next request after the reply, for {} s; one thread, without the tenant's\n",
        length.as_secs_f64()
    );
    println!(
        "{:<26} {:>10} {:>10} {:>16} {:>16}",
        "", "endpoints", "replies", "CPU us per reply", "KiB per endpoint"
    );
    for (side, name) in SIDES {
        for endpoints in sizes {
            let cost = cost(side, endpoints, length);
            println!(
                "{name:<26} {endpoints:>10} {:>10} {:>16.2} {:>16.1}",
                cost.replies,
                cost.cpu_ns as f64 / 1_000.0 / cost.replies.max(1) as f64,
                cost.rss_bytes as f64 / 1024.0 / f64::from(endpoints),
            );
        }
    }
    println!("\n(KiB: how much the process has grown; what is fixed is shared by all endpoints)");
}
