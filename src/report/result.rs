//! The result of a run as `run.json` has it: a format of its own, version 1.
//!
//! Scripts read these names, so none of them changes; new ones may be added. Units are in the names.
//! Not here: how the values are found (see `build`).

use serde::{Deserialize, Serialize};

use super::environment::Environment;
use super::kernel_timestamps::KernelTimestamps;
use super::raw_log::RawLog;
use super::recovery::RecoveryResult;
use super::tls::TlsResult;
use super::witness::WitnessResult;
use crate::measure::{
    DeliveryFigures, Distribution, Figures, Inbound, Judged, LedgerCounts, Named, OfCeiling,
    StageFigures, Statistics, Verdict, Worst,
};

/// Everything that is known of a run after its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// Version of this format: 1.
    pub format: u32,
    /// Version of the program.
    pub midge: String,
    /// What was run.
    pub profile: ProfileId,
    /// As text, because JSON readers round large integers.
    pub seed: String,
    /// URLs.
    pub targets: Vec<String>,
    /// The target was started by this run and is not real.
    pub simulated_tenant: bool,
    /// RFC 3339, UTC.
    pub started: String,
    /// RFC 3339, UTC.
    pub finished: String,
    /// What the process exits with.
    pub exit_code: u8,
    /// The signal that stopped the run before its end.
    pub stopped_by: Option<String>,
    /// Where it ran.
    pub environment: Environment,
    /// Whether to believe it.
    pub verdict: Verdict,
    /// Asked and obtained.
    pub load: LoadResult,
    /// Connections of the whole run.
    pub connections: ConnectionsResult,
    /// All requests together, measure phase.
    pub total: Figures,
    /// Counts of all requests over all phases: what the tenant's own counts are compared with.
    pub whole_run: LedgerCounts,
    /// By name, in the order of the profile.
    pub requests: Named<RequestResult>,
    /// One after the other, measure phase; a load without stages has one.
    #[serde(default)]
    pub stages: Vec<StageResult>,
    /// By name; whole run.
    pub inbound: Named<InboundResult>,
    /// The program itself.
    pub generator: Generator,
    /// The worst that was seen of it.
    #[serde(default)]
    pub health: Box<Worst>,
    /// Whether the run was steady, and what its sample carries.
    #[serde(default)]
    pub statistics: Box<Statistics>,
    /// Built-in ones first.
    pub thresholds: Vec<Judged>,
    /// What the simulated tenant of this run reported at its exit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<serde_json::Value>,
    /// What an independent client saw, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<Box<WitnessResult>>,
    /// Where a raw log was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_log: Option<RawLog>,
    /// Where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_timestamps: Option<KernelTimestamps>,
}

/// Which profile was run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProfileId {
    /// Its name.
    pub name: String,
    /// Of the profile as run, with everything that was set on the command line.
    pub sha256: String,
}

/// Asked and obtained, of scheduled requests (reactive ones are nobody's rate).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LoadResult {
    /// Mean arrival rate that the profile asks for; null where it asks for none.
    pub asked_per_s: Option<f64>,
    /// Came due in the measure phase, per second of it (Poisson counts vary).
    pub planned_per_s: f64,
    /// Of these, answered with success: the throughput.
    pub achieved_per_s: f64,
    /// Length of the measure phase, s.
    pub measure_s: f64,
    /// How long each phase took.
    pub phases: PhaseLengths,
}

/// How long each phase took, s.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[allow(clippy::struct_field_names, reason = "the contract's names")]
pub struct PhaseLengths {
    /// Until the fleet was connected.
    pub connect_s: f64,
    /// Sent, not measured.
    pub warm_up_s: f64,
    /// Measured.
    pub measure_s: f64,
    /// Waiting for the last answers.
    pub drain_s: f64,
}

/// What became of connections, over the whole run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ConnectionsResult {
    /// That the plan has.
    pub planned: u64,
    /// That came up.
    pub connected: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Of `failed`; only reasons that occurred.
    pub failed_by: Named<u64>,
    /// Established ones that ended before we ended them.
    pub lost: u64,
    /// Of `lost`; only reasons that occurred.
    pub lost_by: Named<u64>,
    /// Came up again after a loss.
    pub reconnects: u64,
    /// From the connect call to the CONNACK.
    pub connect_time_us: Distribution,
    /// How those came back that were lost; absent where none was, and none was tried twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Box<RecoveryResult>>,
    /// Their TLS; absent without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Box<TlsResult>>,
    /// Ends of connections by the code of the Close that WebSocket has for them; only codes that occurred.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub close_codes: Named<u64>,
    /// Addresses of this machine that they left from, in turn; empty where the system chose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_addresses: Vec<String>,
}

/// One request definition, or one reactive message.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RequestResult {
    /// Measure phase.
    #[serde(flatten)]
    pub figures: Figures,
    /// Planned at a trigger, not by the schedule.
    pub reactive: bool,
    /// Of replies in the measure phase.
    pub status_codes: Named<u64>,
    /// Counts over all phases.
    pub whole_run: LedgerCounts,
}

/// One stage of the load.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StageResult {
    /// From 1. A jump lasts no time and has no number.
    pub stage: u32,
    /// Since measure began, s.
    pub from_s: f64,
    /// The same of its end.
    pub to_s: f64,
    /// Arrival rate of the whole load that was asked for at its beginning; null where none was.
    pub asked_from_per_s: Option<f64>,
    /// The same at its end.
    pub asked_to_per_s: Option<f64>,
    /// Scheduled requests that came due in it and succeeded, per second of it.
    pub achieved_per_s: f64,
    /// All requests together.
    pub total: StageFigures,
    /// By name, in the order of the profile.
    pub requests: Named<StageFigures>,
}

/// One kind of message that the tenant pushes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct InboundResult {
    /// Items received, repeated ones included.
    pub received: u64,
    /// Repeated ones.
    pub duplicate: u64,
    /// Whose final answer was written.
    pub answered: u64,
    /// What became of each message of the request that it delivers; absent where that is not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Box<DeliveryFigures>>,
}

impl From<Inbound> for InboundResult {
    fn from(
        Inbound {
            received,
            duplicate,
            answered,
        }: Inbound,
    ) -> Self {
        Self {
            received,
            duplicate,
            answered,
            // Whoever knows of deliveries adds them.
            delivery: None,
        }
    }
}

/// What the program needed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Generator {
    /// Worker threads.
    pub workers: u32,
    /// CPU time of the process, s.
    pub cpu_s: f64,
    /// Largest share of the measured time that a worker was busy, 0 to 1.
    pub busy_max: f64,
    /// Largest resident size.
    pub peak_rss_bytes: u64,
    /// Given to sockets.
    pub bytes_sent: u64,
    /// Taken from sockets.
    pub bytes_received: u64,
    /// Messages of the target that answer nothing which their connection may have asked, and are no
    /// push: replies on the wrong connection, say. Whole run.
    #[serde(default)]
    pub unrecognised: u64,
    /// Write calls.
    pub writes: u64,
    /// Wake-ups of event loops.
    pub wakeups: u64,
    /// Longest time that the machine kept the process from running.
    pub hiccup_max_us: f64,
    /// How workers waited: `nanoseconds`, `timer`, `milliseconds`; empty if that is not known.
    #[serde(default)]
    pub waiting: String,
    /// `--spin`: workers were awake for the last microseconds before each instant.
    #[serde(default)]
    pub spin: bool,
    /// Looks at the sockets that this took.
    #[serde(default)]
    pub spin_looks: u64,
    /// The load against what this machine was found to manage; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Box<OfCeiling>>,
    /// Why a calibration that is there says nothing of this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration_ignored: Option<String>,
}
