//! One cell in a process of its own: drives the fleet and accounts for the measured part alone.
//!
//! The parent hands over an order and reads a sample. Not here: which cells there are.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use midge::engine::{self, Measured, Progress, Run, Settings};
use midge::event::{Clock, monotonic_ns};
use midge::plan::{Identities, Plan};
use midge::profile::{self, Profile};
use serde::{Deserialize, Serialize};

use super::Result;
use super::cpu::cpu_ns;
use super::machine::{process_cpu_s, resident_bytes, slab_bytes};
use super::table::Sample;

/// Holds the order of a process that is a cell.
const ORDER: &str = "MIDGE_BENCH_SCALE";

/// What a cell is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// Path.
    pub profile: String,
    /// `KEY=VALUE`
    pub sets: Vec<String>,
    /// Threads.
    pub workers: u16,
    /// Where to.
    pub targets: Vec<SocketAddr>,
    /// The simulated tenant, to be accounted too.
    pub target_process: Option<u32>,
}

/// A cell that was started.
pub struct Cell(Child);

impl Cell {
    /// Waits for what it has found.
    pub fn finish(self) -> Result<Sample> {
        let output = self.0.wait_with_output();
        let output = output.map_err(|error| format!("a cell was lost: {error}"))?;
        if !output.status.success() {
            return Err(format!("a cell broke down: {}", output.status));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| format!("no sample: {error}"))
    }
}

/// What had been used at one moment.
struct Used {
    /// Of the system's monotonic clock, which all processes share.
    at_ns: u64,
    cpu_s: f64,
    target_cpu_s: Option<f64>,
}

impl Order {
    /// The order of this process, if it is a cell.
    pub fn of_this_process() -> Option<Self> {
        let text = std::env::var(ORDER).ok()?;
        Some(serde_json::from_str(&text).expect("the parent wrote it"))
    }

    /// Starts a process that carries it out.
    pub fn start(&self) -> Result<Cell> {
        let failed = |error: &dyn std::fmt::Display| format!("cannot start a cell: {error}");
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let order = serde_json::to_string(self).map_err(|error| failed(&error))?;
        let child = Command::new(program)
            .env(ORDER, order)
            .stdout(Stdio::piped())
            .spawn();
        child.map(Cell).map_err(|error| failed(&error))
    }

    /// The same, to its end.
    pub fn carry_out(&self) -> Result<Sample> {
        self.start()?.finish()
    }

    /// In the process of the cell.
    pub fn obey(&self) {
        let sample = self.sample();
        let text = serde_json::to_vec(&sample).expect("numbers");
        std::io::stdout()
            .write_all(&text)
            .expect("the parent reads");
    }

    fn sample(&self) -> Sample {
        let (slab_before, rss_before) = (slab_bytes(), resident_bytes(std::process::id()));
        let begun = cpu_ns();
        let clock = Clock::start();
        let (run, message_bytes, [warm_up, measure]) = self.begin(clock);
        let connected = |progress: &Progress| *progress == Progress::Loading;
        let loading = run.progress.iter().any(|progress| connected(&progress));
        assert!(loading, "{}: nobody connected", self.profile);
        let connect_cpu_s = (cpu_ns() - begun) as f64 / 1e9;
        let start = run.load_start().expect("it is loading") + warm_up;
        let before = self.used_at(clock, start);
        let after = self.used_at(clock, start + measure);
        let rss = resident_bytes(std::process::id());
        let target_rss = self.target_process.map(resident_bytes);
        let slab = slab_bytes();
        let measured = run.finish().expect("a run");
        let spent = |of: fn(&Used) -> Option<f64>| Some(of(&after)? - of(&before)?);
        Sample {
            cpu_s: spent(|used| Some(used.cpu_s)).unwrap_or_default(),
            target_cpu_s: spent(|used| used.target_cpu_s),
            began_at_ns: before.at_ns,
            ended_at_ns: after.at_ns,
            connect_cpu_s,
            message_bytes,
            rss_before_bytes: rss_before,
            rss_bytes: rss,
            target_rss_bytes: target_rss,
            // Other processes give kernel memory back in the meantime.
            slab_bytes: slab.saturating_sub(slab_before),
            ..outcome(&measured)
        }
    }

    /// Starts the engine; also bytes of one message, and the phases in ns.
    fn begin(&self, clock: Clock) -> (Run, u64, [u64; 2]) {
        let read = |path: &Path| std::fs::read_to_string(path);
        let profile: Profile = profile::load(&self.profile, &self.sets, &read)
            .unwrap_or_else(|errors| panic!("{}: {}", self.profile, errors[0]))
            .profile;
        let plan = Plan::compile(&profile, Identities::none()).expect("a sound profile");
        let shape = Arc::new(engine::shape(&plan, &profile));
        let message_bytes = plan.arithmetic(1).messages[0].packet_bytes as u64;
        let ns = |duration: Duration| duration.as_nanos() as u64;
        let phases = [ns(profile.load.warm_up), ns(profile.load.measure)];
        let settings = Settings {
            profile,
            targets: self.targets.clone(),
            password: None,
            tls: None,
            websocket: Vec::new(),
            nonce: u64::from(std::process::id()),
            workers: usize::from(self.workers),
            raw_log: None,
            approach: engine::Approach::Asleep,
            kernel_timestamps: 0.0,
        };
        let run = engine::start(Arc::new(plan), shape, settings, clock).expect("threads");
        (run, message_bytes, phases)
    }

    /// Waits for an instant and looks.
    fn used_at(&self, clock: Clock, instant: u64) -> Used {
        std::thread::sleep(Duration::from_nanos(instant.saturating_sub(clock.now())));
        Used {
            at_ns: monotonic_ns(),
            cpu_s: cpu_ns() as f64 / 1e9,
            target_cpu_s: self.target_process.and_then(process_cpu_s),
        }
    }
}

/// What the run says of itself.
fn outcome(measured: &Measured) -> Sample {
    let rows = || measured.tally.requests.iter();
    let first = rows().next().expect("a request");
    let lag = first.figures().schedule_lag_us;
    Sample {
        connected: measured.connections_made,
        connect_s: measured.lengths.connect.as_secs_f64(),
        measure_s: measured.lengths.measure.as_secs_f64(),
        sent: rows().map(|row| row.measured.sent).sum(),
        ok: rows().map(|row| row.measured.ok).sum(),
        dropped: rows().map(|row| row.measured.dropped).sum(),
        lag_p50_us: lag.p50,
        lag_p99_us: lag.p99,
        ..Sample::default()
    }
}
