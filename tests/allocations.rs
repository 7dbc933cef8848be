//! After warm-up a worker does not allocate per message: counted over the whole engine.
//!
//! The engine runs in this process under a counting allocator, the simulated tenant in its own. Two
//! runs differ in nothing but the number of messages; what they allocate must not. A binary of its
//! own, because the allocator counts everything that the process does.

use std::alloc::System;
use std::sync::Arc;

use midge::engine::{self, Approach, Settings};
use midge::event::Clock;
use midge::event::websocket::Request;
use midge::plan::{Identities, Plan};
use midge::profile;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

// It starts no thread here, so it allocates nothing while a run goes on.
#[path = "../benches/support/far.rs"]
mod far;

use far::Far;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a run is asked for besides the load.
#[derive(Debug, Clone, Copy)]
enum Extra {
    Nothing,
    RawLog,
    /// Of every read.
    KernelTimestamps,
    /// Frames between the messages and the socket.
    WebSocket,
}

/// Messages sent in measure, and allocations of the whole run.
fn run(name: &str, sets: &[String], extra: Extra) -> (u64, usize) {
    let tenant = match extra {
        Extra::WebSocket => Far::tenant(["--websocket=/mqtt".to_owned()]),
        _ => Far::tenant([]),
    };
    let loaded = profile::load(name, sets, &|_| unreachable!("shipped")).unwrap();
    let plan = Arc::new(Plan::compile(&loaded.profile, Identities::none()).unwrap());
    let shape = Arc::new(engine::shape(&plan, &loaded.profile));
    let settings = Settings {
        profile: loaded.profile,
        targets: vec![tenant.address],
        password: None,
        tls: None,
        websocket: match extra {
            Extra::WebSocket => vec![Request::new("localhost", "/mqtt", [])],
            _ => Vec::new(),
        },
        nonce: 7,
        workers: 1,
        raw_log: matches!(extra, Extra::RawLog).then(|| Arc::new(tempfile::tempfile().unwrap())),
        approach: Approach::Asleep,
        kernel_timestamps: if matches!(extra, Extra::KernelTimestamps) {
            1.0
        } else {
            0.0
        },
    };
    let region = Region::new(ALLOCATOR);
    let run = engine::start(plan, shape, settings, Clock::start()).unwrap();
    let measured = run.finish().unwrap();
    let allocations = region.change().allocations;
    let sent: u64 = measured
        .tally
        .requests
        .iter()
        .map(|request| request.measured.sent)
        .sum();
    (sent, allocations)
}

/// The same rate all the time, counted in two stages.
const STAGES: &str = r#"load.stages=[{ for = "1s", to = "RATE" }, { for = "1s", to = "RATE" }]"#;

/// What one more message costs, from a slow and a fast run of equal length.
fn allocations_per_message(name: &str, sets: &[&str], extra: Extra) -> f64 {
    let with = |rate: &str| {
        let common = [
            "fleet.endpoints=50",
            "load.warm_up=500ms",
            "load.measure=2s",
        ];
        let all = common
            .iter()
            .chain(sets)
            .chain(["load.arrival_rate=RATE"].iter());
        let sets: Vec<String> = all.map(|set| set.replace("RATE", rate)).collect();
        run(name, &sets, extra)
    };
    let (few, base) = with("1_000/s");
    let (many, more) = with("6_000/s");
    assert!(
        many > few + 5_000,
        "{name} {sets:?}: {few} and {many} messages are too close together"
    );
    (more as f64 - base as f64) / (many - few) as f64
}

#[test]
fn one_more_message_costs_no_allocation() {
    for (name, sets, extra) in [
        ("kaa-fleet", &[][..], Extra::Nothing),
        ("kaa-fleet", &[][..], Extra::RawLog),
        ("kaa-fleet", &[][..], Extra::KernelTimestamps),
        ("kaa-fleet", &[STAGES][..], Extra::Nothing),
        (
            "kaa-fleet",
            &["tenant.error_rate=0%", "tenant.commands=0/s"][..],
            Extra::Nothing,
        ),
        ("mqtt-publish", &["request.*.qos=0"][..], Extra::Nothing),
        ("mqtt-publish", &["request.*.qos=0"][..], Extra::RawLog),
        ("mqtt-publish", &["request.*.qos=1"][..], Extra::Nothing),
        (
            "mqtt-publish",
            &["request.*.qos=1"][..],
            Extra::KernelTimestamps,
        ),
        ("mqtt-publish", &["request.*.qos=2"][..], Extra::Nothing),
        ("kaa-fleet", &[][..], Extra::WebSocket),
        ("mqtt-publish", &["request.*.qos=1"][..], Extra::WebSocket),
    ] {
        let cost = allocations_per_message(name, sets, extra);
        // Tables grow with what is in flight at once, which the faster run has more of: that is a few
        // dozen allocations in tens of thousands of messages, and not one per message.
        assert!(
            cost < 0.02,
            "{name} {sets:?}, {extra:?}: {cost} allocations per message"
        );
    }
}
