//! Do messages leave and arrive as a Poisson process? Planned, sent and received instants of the same
//! run, each against the process that the profile asks for.
//!
//! `cargo bench --bench arrivals` runs the program itself, on the second CPU, against a simulated
//! tenant on the first, which notes when it reads each message. The messages are small and nobody
//! answers them. The distance is that of Kolmogorov and Smirnov (see `measure::fit`): single gaps
//! against the exponential distribution, sums of ten against Erlang-10. Settings: `-- --help`.
//! Not here: which distance is small enough for which rate.
#![allow(
    clippy::print_stdout,
    reason = "the table is for whoever runs the benchmark"
)]

use std::io::{BufRead as _, BufReader};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use clap::Parser;
use midge::measure::Entry;
use midge::measure::fit::{Fit, SUMMED, positions};
use midge::plan::{Identities, Plan};
use midge::profile;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Planned, sent and received arrivals against the process that was asked for.
#[derive(Debug, Parser)]
#[command(name = "arrivals")]
struct Settings {
    /// Arrivals per second, one row each
    #[arg(long, value_delimiter = ',', default_values_t = [50, 1_000, 10_000])]
    rates: Vec<u32>,
    /// Expected arrivals of a row, at least: the distance of perfect ones is up to 1.63 by its root
    #[arg(long, default_value_t = 10_000)]
    count: u32,
    /// How long a row is measured, at least, s
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Endpoints that share the arrivals
    #[arg(long, default_value_t = 1_000)]
    endpoints: u32,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Flags of `midge run` for one more row of each rate, as often as needed
    #[arg(long, allow_hyphen_values = true, default_value = "--spin")]
    also: Vec<String>,
    /// What `cargo bench` says; without it everything is only tried
    #[arg(long, hide = true)]
    bench: bool,
}

impl Settings {
    fn profile(&self, rate: u32) -> String {
        let Self {
            endpoints, seed, ..
        } = self;
        let measure_ms = (self.count.div_ceil(rate).max(self.seconds) * 1000).max(500);
        format!(
            "format = 1\nname = \"arrivals\"\n[fleet]\nendpoints = {endpoints}\n\
             connect_rate = \"5_000/s\"\nsubscribe = \"none\"\n[load]\narrival_rate = \"{rate}/s\"\n\
             warm_up = \"500ms\"\nmeasure = \"{measure_ms}ms\"\nseed = {seed}\n[limits]\n\
             messages_per_s = \"1_000_000/s\"\n[[request]]\nname = \"tick\"\n\
             topic = \"arrivals/{{endpoint}}\"\npayload = '{{\"n\":{{seq}}}}'\n"
        )
    }
}

/// Runs what it starts on one of two CPUs; on a machine with one CPU, there.
fn on_cpu<T>(cpu: usize, start: impl FnOnce() -> T) -> T {
    let before = sched_getaffinity(None).expect("a thread knows its CPUs");
    let mut one = CpuSet::new();
    one.set(cpu);
    if before.is_set(cpu) {
        sched_setaffinity(None, &one).expect("it is one of them");
    }
    let started = start();
    sched_setaffinity(None, &before).expect("they were allowed before");
    started
}

/// The simulated tenant; it ends when its standard input does.
struct Tenant {
    child: Child,
    url: String,
}

impl Tenant {
    fn start(arrivals: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_midge"));
        command
            .args(["tenant", "--listen", "127.0.0.1:0", "--until-stdin-closes"])
            .arg("--arrivals")
            .arg(arrivals)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        let mut line = String::new();
        BufReader::new(child.stderr.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("it says where it listens");
        let address = line.trim().strip_prefix("listening on ");
        let url = format!("mqtt://{}", address.expect("it listens"));
        Self { child, url }
    }

    fn stop(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().expect("it ends");
    }
}

/// What one run has left.
struct Row {
    /// By the monotonic clock, ns.
    planned: Vec<u64>,
    sent: Vec<u64>,
    received: Vec<u64>,
    result: serde_json::Value,
}

fn run(text: &str, flags: &[&str]) -> Row {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let (profile, log, arrivals) = (path("arrivals.toml"), path("log.npy"), path("arrivals"));
    std::fs::write(&profile, text).expect("a file");
    let tenant = on_cpu(0, || Tenant::start(&arrivals));
    let mut command = Command::new(env!("CARGO_BIN_EXE_midge"));
    command
        .args(["run", "--json", "--target", &tenant.url, "--raw-log"])
        .arg(&log)
        .arg("--out")
        .arg(path("out"))
        .args(flags)
        .arg(&profile)
        .stdin(Stdio::null());
    let output = on_cpu(1, || command.output()).expect("the program can be started");
    tenant.stop();
    let result = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        panic!(
            "no result: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )
    });
    let read = |path: &Path| std::fs::read(path).expect("it was written");
    let entries = Entry::read(&read(&log)).expect("a whole log");
    let received = midge::tenant::arrivals(&read(&arrivals)).expect("whole instants");
    Row {
        planned: entries.iter().map(|entry| entry.intended).collect(),
        sent: entries.iter().map(|entry| entry.sent).collect(),
        received,
        result,
    }
}

/// The distances of instants in the measure phase, of single gaps and of sums of ten.
fn fits(instants: &[u64], plan: &Plan, load_start: u64) -> [Fit; 2] {
    let schedule = &plan.schedule;
    let window: Range<u64> = load_start + schedule.warm_up_ns()..load_start + schedule.end_ns();
    let inside = instants.iter().filter(|at| window.contains(at));
    let inside: Vec<u64> = inside.map(|at| at - load_start).collect();
    let positions = positions(&inside, |at| schedule.expected_by(at));
    [1, SUMMED].map(|summed| Fit::of(&positions, summed).expect("a row is long enough"))
}

fn print(rate: u32, flags: &str, text: &str, row: &Row) {
    let loaded = profile::load("./arrivals.toml", &[], &|_| Ok(text.to_owned()));
    let profile = loaded.expect("a sound profile").profile;
    let plan = Plan::compile(&profile, Identities::none()).expect("a sound plan");
    let start = row.result["raw_log"]["load_start_ns"].as_str();
    let start = start.and_then(|text| text.parse().ok());
    let start = start.expect("the load has begun");
    let of = |instants: &[u64]| fits(instants, &plan, start);
    let all = [&row.planned, &row.sent, &row.received].map(|instants| of(instants));
    let lag = |name: &str| row.result["total"]["schedule_lag_us"][name].as_f64();
    let lag = |name: &str| lag(name).map_or("-".to_owned(), |us| format!("{us:.0}"));
    for (which, name) in ["single gaps", "sums of ten"].into_iter().enumerate() {
        let [planned, sent, received] = all.map(|fits| fits[which]);
        println!(
            "{rate:>7} {name:<12} {:>8} {:>9.4} {:>9.4} {:>9.4} {:>9.4} {:>8} {:>8}  {flags}",
            planned.count,
            planned.critical(),
            planned.distance,
            sent.distance,
            received.distance,
            lag("p50"),
            lag("p99"),
        );
    }
    if row.result["verdict"]["valid"] != true {
        println!("        (INVALID: {})", row.result["verdict"]["reasons"]);
    }
}

fn main() {
    let mut settings = Settings::parse();
    if !settings.bench {
        settings.rates = vec![1_000];
        (settings.count, settings.seconds, settings.endpoints) = (0, 0, 10);
    }
    println!(
        "distance of gaps from those of a Poisson process; {} endpoints, seed {}\n",
        settings.endpoints, settings.seed
    );
    println!(
        "{:>7} {:<12} {:>8} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8}",
        "rate/s", "", "count", "perfect <", "planned", "sent", "received", "lag p50", "p99 us"
    );
    for rate in &settings.rates {
        let text = settings.profile(*rate);
        let rows = std::iter::once("").chain(settings.also.iter().map(String::as_str));
        for flags in rows {
            let split: Vec<&str> = flags.split_whitespace().collect();
            print(*rate, flags, &text, &run(&text, &split));
        }
    }
    println!(
        "\n(perfect <: what 99 of 100 perfect processes stay below with so many gaps. A write takes\n\
         microseconds, in which nothing else can leave: gaps that are shorter are not kept.)"
    );
}
