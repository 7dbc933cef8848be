//! Runs in virtual time: the same twice, as fast as they can be worked out, and with the results that
//! can be worked out without them.
//!
//! Nothing here depends on how fast or how busy the machine is. Not here: the network in memory and the
//! clock (beside their code), and what the numbers prove about the instrument (`midge selftest`).

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _};
use std::sync::Arc;
use std::time::Duration;

use midge::engine::{self, Approach, Settings};
use midge::measure::{End, Entry, Figures, Shape, Statistic, Tally};
use midge::plan::{Identities, Plan};
use midge::profile;
use midge::simulation::{self, Conditions, Simulated, Stop, Who, tenant_of};
use midge::tenant::{TenantOptions, TenantReport};

const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;

/// What a run needs.
struct Run {
    plan: Arc<Plan>,
    shape: Arc<Shape>,
    settings: Settings,
    tenant: TenantOptions,
}

/// What it yields.
struct Outcome {
    all: Simulated,
    figures: Figures,
}

fn prepare(name: &str, sets: &[&str], workers: usize) -> Run {
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    let loaded = profile::load(name, &sets, &|_| Ok(STEADY_TEXT.to_owned())).unwrap();
    let plan = Arc::new(Plan::compile(&loaded.profile, Identities::none()).unwrap());
    Run {
        shape: Arc::new(engine::shape(&plan, &loaded.profile)),
        plan,
        tenant: tenant_of(&loaded).unwrap(),
        settings: Settings {
            profile: loaded.profile,
            targets: Vec::new(),
            password: None,
            tls: None,
            websocket: Vec::new(),
            nonce: 7,
            workers,
            raw_log: None,
            approach: Approach::Asleep,
            kernel_timestamps: 0.0,
        },
    }
}

impl Run {
    fn carry_out(self, conditions: &Conditions) -> std::io::Result<Simulated> {
        let Self {
            plan,
            shape,
            settings,
            tenant,
        } = self;
        let all = simulation::run(plan, shape, settings, tenant, conditions)?;
        assert_eq!(all.measured.tally.imbalances(), [], "the ledger balances");
        Ok(all)
    }

    fn outcome(self, conditions: &Conditions) -> Outcome {
        let bounds = self.shape.bounds();
        let all = self.carry_out(conditions).unwrap();
        let figures = all.measured.tally.total(bounds).figures();
        Outcome { all, figures }
    }
}

fn calm(name: &str, sets: &[&str], workers: usize) -> Outcome {
    prepare(name, sets, workers).outcome(&Conditions::default())
}

/// Telemetry that is confirmed after exactly 2 ms, a thousand per second for ten seconds.
const STEADY: &str = "./steady.toml";
const STEADY_TEXT: &str = r#"
format = 1
name = "steady"
platforms = ["kaa"]
fleet = { endpoints = 1_000, connect_rate = "2_000/s", subscribe = "none" }
tenant = { service_time = "fixed:2ms" }

[load]
arrival_rate = "1_000/s"
arrivals = "constant"
warm_up = "0s"
measure = "10s"

[[request]]
use = "kaa/dcx-json"
"#;

fn stop(who: Who, after: Duration, length: Duration) -> Conditions {
    Conditions {
        stops: vec![Stop { who, after, length }],
        ..Conditions::default()
    }
}

/// Everything that a report is made of, as text.
fn written_out(outcome: &Outcome) -> String {
    let Simulated {
        measured, tenant, ..
    } = &outcome.all;
    let json = |figures: &Figures| serde_json::to_string(figures).unwrap();
    let each = measured.tally.requests.iter();
    let rows: Vec<String> = each.map(|request| json(&request.figures())).collect();
    format!(
        "{}\n{}\n{:?}\n{:?}\n{:?}\n{:?}\n{}",
        json(&outcome.figures),
        rows.join("\n"),
        measured.tally.inbound,
        measured.tally.traffic,
        measured.lengths,
        measured.seconds,
        serde_json::to_string(tenant).unwrap(),
    )
}

#[test]
fn a_minute_of_a_whole_fleet_is_the_same_to_the_last_byte() {
    let sets = ["load.warm_up=0s", "load.measure=60s"];
    let begin = std::time::Instant::now();
    let [one, two] = [(); 2].map(|()| calm("kaa-fleet", &sets, 2));
    let took = begin.elapsed();
    assert_eq!(written_out(&one), written_out(&two));
    assert_eq!(one.all.turns, two.all.turns);
    let ledger = &one.figures.ledger;
    // 1,200 per second, and the answers to what the tenant pushes.
    assert!((72_000..79_000).contains(&ledger.planned), "{ledger:?}");
    assert!(ledger.error > 0 && ledger.timeout == 0 && ledger.dropped == 0);
    assert!(one.all.clock.now() > 60 * S);
    assert!(
        took < Duration::from_mins(1),
        "two minutes took {took:?}: the clock does not jump"
    );
    assert_eq!(one.all.measured.waiting.unwrap().name(), "moved");
}

#[test]
fn a_stall_of_two_seconds_has_the_percentiles_that_it_must_have() {
    let sets = ["load.measure=60s", "tenant.stall=20s+2s"];
    let outcome = calm(STEADY, &sets, 1);
    let Figures {
        ledger,
        response_time_us: response,
        ..
    } = &outcome.figures;
    assert_eq!((ledger.planned, ledger.ok), (60_000, 60_000));
    // Behind 1 - p of all requests: service time + stall - (1 - p) x measured time.
    for (statistic, expected_ms) in [
        (Statistic::P50, 2.0),
        (Statistic::P99, 1402.0),
        (Statistic::P999, 1942.0),
        (Statistic::Max, 2002.0),
    ] {
        let got_ms = response.value(statistic).unwrap() / 1000.0;
        assert!(
            (got_ms / expected_ms - 1.0).abs() < 0.005,
            "{}: {got_ms} ms, not {expected_ms}",
            statistic.name()
        );
    }
}

#[test]
fn a_fixed_delay_is_measured_to_the_nanosecond() {
    let outcome = calm(STEADY, &[], 1);
    let tally = &outcome.all.measured.tally;
    let request = &tally.requests[0];
    for waits in [&request.response, &request.service] {
        assert_eq!(
            (waits.min_ns(), waits.max_ns()),
            (Some(2 * MS), Some(2 * MS))
        );
    }
    assert_eq!(request.lag.max_ns(), Some(0));
    assert_eq!(outcome.figures.ledger.ok, 10_000);
}

/// Counts over all phases by request.
fn counts(tally: &Tally) -> Vec<[u64; 7]> {
    let of = |request: &midge::measure::RequestTally| {
        let all = &request.whole_run;
        [
            all.planned,
            all.dropped,
            all.sent,
            all.ok,
            all.error,
            all.timeout,
            all.failed,
        ]
    };
    tally.requests.iter().map(of).collect()
}

#[test]
fn three_workers_count_what_one_does() {
    let sets = ["tenant.commands=0/s", "tenant.config_push=0/s"];
    let [one, three] = [1, 3].map(|workers| calm("kaa-fleet", &sets, workers));
    assert_eq!(three.all.measured.workers, 3);
    let [alone, together] = [&one, &three].map(|outcome| counts(&outcome.all.measured.tally));
    // Which of the replies are errors is drawn by their order, which is that of the requests.
    assert_eq!(alone, together);
    assert!(alone.iter().map(|request| request[0]).sum::<u64>() > 10_000);
    let TenantReport {
        received,
        connections,
        ..
    } = &one.all.tenant;
    assert_eq!(received, &three.all.tenant.received);
    assert_eq!((*connections, three.all.tenant.connections), (1000, 1000));
    // The tenant has read what was sent; it has names of its own for it.
    let sent: u64 = alone.iter().map(|request| request[2]).sum();
    assert_eq!(received.values().sum::<u64>(), sent);
}

#[test]
fn who_is_never_answered_times_out_at_the_deadline_and_the_raw_log_says_so() {
    let file = Arc::new(tempfile::tempfile().unwrap());
    let sets = ["tenant.loss=100%", "request.*.deadline=3s"];
    let mut run = prepare(STEADY, &sets, 2);
    run.settings.raw_log = Some(file.clone());
    let outcome = run.outcome(&Conditions::default());
    let ledger = &outcome.figures.ledger;
    assert_eq!((ledger.sent, ledger.timeout), (10_000, 10_000));
    let logged = outcome.all.measured.logged.unwrap();
    assert_eq!((logged.entries, logged.lost), (10_000, 0));
    let mut bytes = Vec::new();
    let mut file = &*file;
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    let entries = Entry::read(&bytes).unwrap();
    assert_eq!(entries.len(), 10_000);
    for entry in &entries {
        assert_eq!(entry.end, End::Timeout, "{entry:?}");
        assert_eq!(entry.ended - entry.intended, 3 * S, "{entry:?}");
        assert_eq!(entry.sent, entry.intended, "{entry:?}");
    }
    let response = &outcome.figures.response_time_us;
    assert!(response.is_at_least(Statistic::P50));
    assert_eq!(response.value(Statistic::P50), Some(3e6));
}

#[test]
fn a_stopped_generator_is_late_and_a_stopped_tenant_is_slow() {
    let half = Duration::from_millis(500);
    let after = Duration::from_secs(5);
    let with = |who| prepare(STEADY, &[], 2).outcome(&stop(who, after, half));
    let milliseconds = |us: Option<f64>| us.unwrap() / 1000.0;
    let longest = |outcome: &Outcome| {
        let Figures {
            schedule_lag_us: lag,
            service_time_us: service,
            ..
        } = &outcome.figures;
        [lag.max, service.max].map(milliseconds)
    };
    let late = with(Who::Fleet);
    let [lag, service] = longest(&late);
    // A reply that came just before the stop, and the request after that is due just after it began.
    assert!((499.0..=500.0).contains(&lag), "{lag}");
    assert!((500.0..=502.0).contains(&service), "{service}");
    let hiccup = late.all.measured.hiccup;
    assert!((491..=500).contains(&hiccup.as_millis()), "{hiccup:?}");

    let slow = with(Who::Tenant);
    let [lag, service] = longest(&slow);
    assert!(lag < f64::EPSILON, "{lag}");
    assert!((500.0..=502.0).contains(&service), "{service}");
    assert_eq!(slow.all.measured.hiccup, Duration::ZERO);

    // Each endpoint has its own millisecond of a second, and the first worker those of the first half:
    // of what the stop of one worker makes late, nothing is the other's.
    for (who, late) in [(0, 499..=500), (1, 0..=0)] {
        let outcome = with(Who::Worker(who));
        let lag = outcome.all.measured.tally.requests[0].lag.buckets();
        let found: u64 = lag
            .into_iter()
            .filter(|bucket| bucket.from_ns > 0)
            .map(|bucket| bucket.count)
            .sum();
        assert!(late.contains(&found), "{found}");
        assert_eq!(outcome.figures.ledger.ok, 10_000);
    }
}

#[test]
fn what_a_write_costs_is_what_a_flood_is_bounded_by() {
    let sets = [
        "fleet.endpoints=10",
        "load.arrival_rate=max",
        "load.batch=4",
        "limits.messages_per_s=1_000_000/s",
        "load.warm_up=0s",
        "load.measure=1s",
    ];
    let costly = Conditions {
        fleet_write: Duration::from_micros(20),
        tenant_write: Duration::from_micros(1),
        ..Conditions::default()
    };
    let outcome = prepare("mqtt-publish", &sets, 1).outcome(&costly);
    // A second has room for 50,000 writes of four messages; the last ones may end after it.
    let sent = outcome.figures.ledger.sent;
    assert!((199_000..=200_100).contains(&sent), "{sent}");
    // All but the ten that end the connections, after all was counted.
    let traffic = &outcome.all.measured.tally.traffic;
    assert_eq!(traffic.busy_ns, (traffic.writes - 10) * 20_000);
}

#[test]
fn a_load_that_lets_no_time_go_on_is_an_error_and_no_endless_run() {
    let sets = [
        "fleet.endpoints=1",
        "load.arrival_rate=max",
        "load.batch=1",
        "limits.messages_per_s=100_000_000/s",
    ];
    let free = prepare("mqtt-publish", &sets, 1).carry_out(&Conditions::default());
    let turns = free.map(|all| all.turns);
    let error = turns.expect_err("two million messages are due at once");
    assert!(error.to_string().contains("time stands still"), "{error}");
}

#[test]
fn a_fleet_that_the_tenant_refuses_sends_nothing_and_ends() {
    let mut run = prepare("mqtt-publish", &["fleet.endpoints=5"], 1);
    run.tenant.user = Some("somebody".to_owned());
    let all = run.carry_out(&Conditions::default()).unwrap();
    assert_eq!(all.measured.connections_made, 0);
    assert_eq!(counts(&all.measured.tally), [[0; 7]]);
    let refused = BTreeMap::from([("not-authorized".to_owned(), 5)]);
    assert_eq!((all.tenant.connections, all.tenant.rejected), (0, refused));
}

/// Subscriptions, callers, commands, every `QoS` and model: what is shipped, and more.
#[test]
fn every_shipped_profile_runs_and_both_sides_count_the_same() {
    let few = ["fleet.endpoints=40", "load.measure=3s", "load.drain=6s"];
    let names = profile::shipped().iter().map(|(name, _)| *name);
    let variants = [
        ("mqtt-publish", "request.*.qos=1"),
        ("mqtt-publish", "request.*.qos=2"),
        ("kaa-telemetry", "load.model=closed"),
    ];
    let all = names.map(|name| (name, "load.seed=5")).chain(variants);
    for (name, variant) in all {
        let sets = [&few[..], &[variant]].concat();
        let [one, two] = [(); 2].map(|()| calm(name, &sets, 2));
        assert_eq!(written_out(&one), written_out(&two), "{name} {variant}");
        let measured = &one.all.measured;
        assert_eq!(
            measured.connections_made, measured.connections_planned,
            "{name}"
        );
        let counted = counts(&measured.tally);
        let sum = |column: usize| counted.iter().map(|request| request[column]).sum::<u64>();
        let [planned, dropped, sent, ok] = [0, 1, 2, 3].map(sum);
        assert!(planned > 0 && ok > sent / 2, "{name}: {counted:?}");
        assert_eq!(planned, dropped + sent, "{name}: {counted:?}");
        let heard: u64 = one.all.tenant.received.values().sum();
        assert_eq!(heard, sent, "{name} {variant}: {counted:?}");
    }
}
