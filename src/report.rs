//! What a run leaves behind: the result as a value, and one short file per format.
//!
//! Two results can be compared. Formats are pure functions from measured values to text; only
//! `folder` touches the file system.
//! Not here: measuring (`measure`), and anything of the engine, which the report never sees.

mod build;
mod change;
mod compare;
mod compare_text;
mod deliveries;
mod difference;
mod environment;
mod errors;
mod exit;
pub mod folder;
mod histogram;
mod hlog;
mod ink;
mod intervals;
mod kernel_timestamps;
mod percentiles;
mod raw_log;
mod recovery;
mod result;
mod stages;
mod stages_text;
mod status;
mod summary;
mod table;
mod text;
mod thresholds_text;
mod tls;
mod witness;

pub use build::Inputs;
pub use change::{Certainty, Change, Judgement};
pub use compare::{Comparison, Decision, Kind, Limits, Side};
pub use difference::{Difference, Effect};
pub use environment::Environment;
pub use exit::{Exit, exit_of};
pub use folder::{Recorded, claim, read_run, write_run};
pub use ink::Colour;
pub use kernel_timestamps::KernelTimestamps;
pub use raw_log::RawLog;
pub use recovery::{Across, OutageResult, RecoveryResult};
pub use result::{
    ConnectionsResult, Generator, InboundResult, LoadResult, PhaseLengths, ProfileId,
    RequestResult, RunResult, StageResult,
};
pub use tls::TlsResult;
pub use witness::{Compared, WitnessResult};

/// The formats by themselves, each a pure function to the text of its file.
pub mod format {
    pub use super::compare_text::comparison_screen;
    pub use super::errors::errors_csv;
    pub use super::histogram::histogram_csv;
    pub use super::hlog::histograms_hlog;
    pub use super::intervals::intervals_csv;
    pub use super::percentiles::percentiles_csv;
    pub use super::stages::stages_csv;
    pub use super::status::status_csv;
    pub use super::summary::summary_csv;
    pub use super::text::screen;
}
