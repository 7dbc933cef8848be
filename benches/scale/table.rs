//! Samples, and the rows of the CSV files; units are in the names.
//!
//! Not here: how they are measured, and what follows from them.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Result;
use super::load::Load;

/// As for any run: p99 of the schedule lag beyond which a sample is not valid.
const LAG_P99_MAX_US: f64 = 1_000.0;
/// Share of the messages that may be dropped or unanswered.
const LOSS_MAX: f64 = 0.01;

/// What one process has found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sample {
    pub connected: u64,
    pub connect_s: f64,
    /// Of the process from its start until all were connected.
    pub connect_cpu_s: f64,
    pub measure_s: f64,
    pub sent: u64,
    pub ok: u64,
    pub dropped: u64,
    /// Of the process in the measured part, kernel included.
    pub cpu_s: f64,
    pub target_cpu_s: Option<f64>,
    pub lag_p50_us: Option<f64>,
    pub lag_p99_us: Option<f64>,
    /// One PUBLISH packet.
    pub message_bytes: u64,
    pub rss_before_bytes: u64,
    /// At the end of the measured part.
    pub rss_bytes: u64,
    pub target_rss_bytes: Option<u64>,
    /// What the kernel's small objects have grown by, on the whole machine.
    pub slab_bytes: u64,
    /// Of the monotonic clock.
    pub began_at_ns: u64,
    pub ended_at_ns: u64,
}

impl Sample {
    /// Messages that left, per second of the measured part.
    pub fn messages_per_s(&self) -> f64 {
        self.sent as f64 / self.measure_s.max(1e-9)
    }

    /// CPU time for each of them.
    pub fn cpu_us_per_message(&self) -> f64 {
        self.cpu_s * 1e6 / self.sent.max(1) as f64
    }

    /// Whether CPU time and messages are of the same time: what is late leaves after the measured part,
    /// and what fails costs something else.
    pub fn is_valid(&self, endpoints: u32) -> bool {
        let whole = (self.dropped + self.sent - self.ok) as f64 <= LOSS_MAX * self.sent as f64;
        let in_time = self.lag_p99_us.is_some_and(|lag| lag <= LAG_P99_MAX_US);
        whole && in_time && self.connected >= u64::from(endpoints)
    }
}

/// The one in the middle by this measure; of an even number the lower one.
pub fn median<'a>(
    samples: impl IntoIterator<Item = &'a Sample>,
    by: impl Fn(&Sample) -> f64,
) -> &'a Sample {
    let mut order: Vec<&Sample> = samples.into_iter().collect();
    order.sort_by(|a, b| by(a).total_cmp(&by(b)));
    order[(order.len() - 1) / 2]
}

/// Thousandths are enough.
pub fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// A row of cost.csv.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CostRow {
    pub load: String,
    pub workers: u16,
    pub endpoints: u32,
    pub repeats: usize,
    pub valid_repeats: usize,
    pub messages_per_s: f64,
    pub cpu_us_per_message: f64,
    pub cpu_us_per_message_min: f64,
    pub cpu_us_per_message_max: f64,
    pub cores: f64,
    pub lag_p50_us: Option<f64>,
    pub lag_p99_us: Option<f64>,
    pub dropped: u64,
    pub not_ok: u64,
    pub message_bytes: u64,
    pub not_connected: u64,
    pub connect_s: f64,
    pub connect_cpu_us: f64,
    pub rss_bytes: u64,
    pub target_cpu_us_per_message: Option<f64>,
    pub target_rss_bytes: Option<u64>,
}

impl CostRow {
    /// The median of a cell's valid samples, whole: all columns but min and max are of the same run.
    /// Without a valid one, of all.
    pub fn of(load: Load, workers: u16, endpoints: u32, samples: &[Sample]) -> Self {
        let cost = Sample::cpu_us_per_message;
        let mut counted: Vec<&Sample> = samples.iter().filter(|s| s.is_valid(endpoints)).collect();
        let valid_repeats = counted.len();
        if counted.is_empty() {
            counted.extend(samples);
        }
        let sample = median(counted.iter().copied(), cost);
        let costs = || counted.iter().map(|sample| cost(sample));
        let per_message = |cpu_s: f64| rounded(cpu_s * 1e6 / sample.sent.max(1) as f64);
        Self {
            load: load.to_string(),
            workers,
            endpoints,
            repeats: samples.len(),
            valid_repeats,
            messages_per_s: rounded(sample.messages_per_s()),
            cpu_us_per_message: rounded(cost(sample)),
            cpu_us_per_message_min: rounded(costs().fold(f64::INFINITY, f64::min)),
            cpu_us_per_message_max: rounded(costs().fold(0.0, f64::max)),
            cores: rounded(sample.cpu_s / sample.measure_s.max(1e-9)),
            lag_p50_us: sample.lag_p50_us,
            lag_p99_us: sample.lag_p99_us,
            dropped: sample.dropped,
            not_ok: sample.sent - sample.ok,
            message_bytes: sample.message_bytes,
            not_connected: u64::from(endpoints).saturating_sub(sample.connected),
            connect_s: rounded(sample.connect_s),
            connect_cpu_us: rounded(sample.connect_cpu_s * 1e6 / f64::from(endpoints)),
            rss_bytes: sample.rss_bytes,
            target_cpu_us_per_message: sample.target_cpu_s.map(per_message),
            target_rss_bytes: sample.target_rss_bytes,
        }
    }
}

/// A row of memory.csv.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MemoryRow {
    pub endpoints: u32,
    pub repeats: usize,
    pub not_connected: u64,
    pub rss_before_bytes: u64,
    pub rss_bytes: u64,
    pub rss_bytes_per_endpoint: f64,
    /// Both ends of all connections, if the target is on this machine.
    pub slab_bytes: u64,
    pub slab_bytes_per_endpoint: f64,
    pub target_rss_bytes: Option<u64>,
}

/// A row of processes.csv: one process, or all of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProcessRow {
    pub load: String,
    /// A number, or `all`.
    pub process: String,
    pub source: String,
    pub seed: String,
    pub endpoints: u32,
    pub repeats: usize,
    pub valid_repeats: usize,
    pub not_connected: u64,
    pub messages_per_s: f64,
    pub cpu_us_per_message: f64,
    pub lag_p99_us: Option<f64>,
    pub dropped: u64,
    pub not_ok: u64,
    pub rss_bytes: u64,
    /// Part of the measured time that all processes shared.
    pub overlap_percent: f64,
}

/// A row of machine.csv.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fact {
    pub fact: String,
    pub value: String,
}

/// Writes a file of the folder anew.
pub fn write<T: Serialize>(folder: &Path, name: &str, rows: impl Iterator<Item = T>) -> Result<()> {
    let path = folder.join(name);
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut file = csv::Writer::from_path(&path).map_err(|error| failed(&error))?;
    for row in rows {
        file.serialize(row).map_err(|error| failed(&error))?;
    }
    file.flush().map_err(|error| failed(&error))
}

/// Reads one; a file that is not there has no rows.
pub fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Vec<T>> {
    let path = folder.join(name);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let file = csv::Reader::from_path(&path);
    let rows: csv::Result<Vec<T>> = file.and_then(|mut file| file.deserialize().collect());
    rows.map_err(|error| format!("{}: {error}", path.display()))
}
