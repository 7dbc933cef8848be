//! Why a schedule paces the open model: the same rate by the schedule, by a rate limiter alone and by
//! tokio's timer, told apart by what leaves when. Nothing is sent; a message is an instant.
//!
//! `cargo bench --bench pacing` prints a table and then what asking costs. Not here: what the engine
//! adds (sockets, replies), and the limiter in its right place, as a cap above the schedule.
#![allow(
    clippy::print_stdout,
    reason = "the table is for whoever runs the benchmark"
)]

use std::hint::black_box;
use std::num::NonZeroU32;
use std::thread::sleep;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group};
use governor::clock::{Clock, DefaultClock};
use governor::{Quota, RateLimiter};
use midge::event::Poller;
use midge::plan::{Cursor, Identities, Plan};

const RATE: u32 = 1_000;
const PERIOD_NS: u64 = 1_000_000_000 / RATE as u64;
const MS: u64 = 1_000_000;

/// When a pacer is taken off the CPU, as if the machine were busy: from, until.
type Pause = Option<(u64, u64)>;

/// What a pacer did: the instants at which messages left, ns since its start.
type Sent = Vec<u64>;

/// Notes instants, and stands still where it is told to.
struct Stage {
    start: Instant,
    end: u64,
    pause: Pause,
    sent: Sent,
}

impl Stage {
    fn new(length: Duration, pause: Pause) -> Self {
        Self {
            start: Instant::now(),
            end: length.as_nanos() as u64,
            pause,
            sent: Vec::with_capacity(4 * RATE as usize),
        }
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// The time, after the pause if it has come.
    fn turn(&mut self) -> u64 {
        if let Some((from, until)) = self.pause
            && self.now() >= from
        {
            self.pause = None;
            sleep(Duration::from_nanos(until.saturating_sub(self.now())));
        }
        self.now()
    }

    fn send(&mut self) {
        let now = self.now();
        self.sent.push(now);
    }
}

/// A constant rate for one endpoint, compiled from a profile like any other.
fn plan() -> Plan {
    let text = format!(
        "format = 1\nname = \"pacing\"\n[fleet]\nendpoints = 1\nsubscribe = \"none\"\n[load]\n\
         arrival_rate = \"{RATE}/s\"\narrivals = \"constant\"\nwarm_up = \"0s\"\nmeasure = \"1h\"\n\
         [[request]]\nname = \"tick\"\ntopic = \"tick\"\npayload = \"\"\n"
    );
    let loaded = midge::profile::load("./pacing.toml", &[], &|_| Ok(text.clone()));
    Plan::compile(
        &loaded.expect("a sound profile").profile,
        Identities::none(),
    )
    .expect("a sound plan")
}

/// What a worker does: waits for the next intended instant, sends all that is due.
fn by_schedule(mut stage: Stage) -> Sent {
    let plan = plan();
    let mut poller = Poller::new(1).expect("a poller");
    let mut cursor = Cursor::default();
    let mut next = || {
        let arrival = plan.schedule.next(0, 0, &mut cursor);
        arrival.map_or(u64::MAX, |arrival| arrival.intended)
    };
    let mut due = next();
    stage.start = Instant::now();
    while due < stage.end {
        let now = stage.turn();
        if due > now {
            poller.wait(Some(due - now)).expect("a wait");
            continue;
        }
        stage.send();
        due = next();
    }
    stage.sent
}

/// A limiter alone: whoever may, sends; whoever may not, waits as long as it is told.
fn by_limiter(mut stage: Stage, quota: Quota) -> Sent {
    let clock = DefaultClock::default();
    let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
    let mut poller = Poller::new(1).expect("a poller");
    stage.start = Instant::now();
    while stage.turn() < stage.end {
        match limiter.check() {
            Ok(()) => stage.send(),
            Err(denied) => {
                let wait = denied.wait_time_from(clock.now());
                poller.wait(Some(wait.as_nanos() as u64)).expect("a wait");
            }
        }
    }
    stage.sent
}

/// One task that sleeps until each instant of the same constant rate.
fn by_tokio(mut stage: Stage) -> Sent {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        stage.start = Instant::now();
        let start = tokio::time::Instant::from_std(stage.start);
        let mut due = 0;
        while due < stage.end {
            tokio::time::sleep_until(start + Duration::from_nanos(due)).await;
            stage.turn();
            stage.send();
            due += PERIOD_NS;
        }
    });
    stage.sent
}

fn burst(messages: u32) -> Quota {
    let messages = NonZeroU32::new(messages).expect("a constant");
    Quota::per_second(NonZeroU32::new(RATE).expect("a constant")).allow_burst(messages)
}

fn row(name: &str, length: Duration, pacer: &dyn Fn(Stage) -> Sent) {
    let sent = pacer(Stage::new(length, None));
    let within = |ns: u64| sent.iter().filter(|at| **at < ns).count();
    // Early messages are not late: what a burst does shows in the first columns.
    let mut late: Vec<u64> = (0..)
        .zip(&sent)
        .map(|(number, at)| at.saturating_sub(number * PERIOD_NS))
        .collect();
    late.sort_unstable();
    let at = |percent: usize| {
        let index = (late.len() * percent / 100).min(late.len().saturating_sub(1));
        late.get(index).map_or(0, |ns| ns / 1_000)
    };
    let end = length.as_nanos() as u64;
    let pause = (end / 2, end / 2 + 100 * MS);
    let paused = pacer(Stage::new(length, Some(pause)));
    let lost = (end / PERIOD_NS).saturating_sub(paused.len() as u64);
    println!(
        "{name:<24} {:>12} {:>12} {:>12} {:>12} {lost:>12}",
        within(MS),
        within(1_000 * MS),
        at(50),
        at(99),
    );
}

/// The comparison that the timings of single calls do not show.
fn table(length: Duration) {
    println!(
        "{RATE} messages per second for {} s; lateness against the n-th slot of a constant rate\n",
        length.as_secs_f64()
    );
    println!(
        "{:<24} {:>12} {:>12} {:>12} {:>12} {:>12}",
        "", "in first ms", "in first s", "late p50 us", "late p99 us", "lost in 0.1s"
    );
    row("schedule", length, &by_schedule);
    row("governor, default burst", length, &|stage| {
        by_limiter(stage, burst(RATE))
    });
    row("governor, burst of 1", length, &|stage| {
        by_limiter(stage, burst(1))
    });
    row("tokio sleep_until", length, &by_tokio);
    println!("\n(lost in 0.1s: slots not used by the end, after a pause of 100 ms half-way)\n");
}

fn asking(criterion: &mut Criterion) {
    let plan = plan();
    let mut cursor = Cursor::default();
    criterion.bench_function("pacing/next instant of the schedule", |bencher| {
        bencher.iter(|| plan.schedule.next(0, 0, black_box(&mut cursor)));
    });
    let limiter = RateLimiter::direct(burst(RATE));
    criterion.bench_function("pacing/ask the limiter", |bencher| {
        bencher.iter(|| black_box(&limiter).check().is_ok());
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(500));
    targets = asking
}

fn main() {
    // `cargo bench` says so; `cargo test` only wants to see that everything works.
    let measured = std::env::args().any(|argument| argument == "--bench");
    table(if measured {
        Duration::from_secs(1)
    } else {
        Duration::from_millis(50)
    });
    benches();
    Criterion::default().configure_from_args().final_summary();
}
