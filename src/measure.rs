//! What happened in a run, as values: counts, distributions, seconds, and whether to believe them.
//!
//! A worker writes to its own [`Recorder`]; the coordinator merges workers' [`Tally`]s and
//! [`Interval`]s. Every instant is an argument: nanoseconds since the run's epoch.
//! Not here: clocks, files, formats (that is `report`) and anything that decides what is sent.

mod across;
mod around;
mod ceiling;
mod client_share;
mod collector;
mod connection;
mod counts;
mod delivery;
mod delivery_figures;
mod distribution;
mod entry;
mod errors;
mod figures;
mod fired;
mod first_reply;
pub mod fit;
mod gates;
mod interval;
mod ledger;
mod logbook;
mod machine;
mod metric;
mod phase;
mod quantity;
mod reason;
mod recorder;
mod recovery;
mod row;
mod samples;
mod shape;
mod stage;
mod statistics;
mod status;
mod tally;
mod testimony;
mod threshold;
mod trend;
mod verdict;

pub use across::Across;
pub use ceiling::{Ceiling, OfCeiling};
pub use client_share::{ClientShares, KernelInstant, client_share};
pub use collector::{Collector, IntervalRow, Live, Seconds, StoredHistogram};
pub use connection::{Connections, Handshakes, Inbound, Traffic};
pub use delivery::Deliveries;
pub use delivery_figures::DeliveryFigures;
pub use distribution::{Distribution, Population, Statistic, carries};
pub use entry::{End, Entry};
pub use errors::{ErrorRow, ErrorTable};
pub use figures::{Figures, LedgerCounts, Named};
pub use first_reply::FirstReplies;
pub use gates::Gates;
pub use interval::{Interval, IntervalRequest};
pub use ledger::{Imbalance, Ledger};
pub use logbook::{Logbook, PAGES, Page};
pub use machine::{HeldBack, MachineLimits, MachineSecond, Worst};
pub use phase::{Phase, Phases};
pub use reason::{ConnectFailure, DropReason, FailReason, LeftOut, Reason};
pub use recorder::{Outcome, Recorder};
pub use recovery::{Outage, Recovery};
pub use samples::{Bounds, Bucket, Samples, Step};
pub use shape::{Audience, DeliveryShape, Replies, RequestShape, Shape, StageShape};
pub use stage::{StageFigures, StageTally};
pub use statistics::{Halves, SampleSize, Shift, Statistics, WarmUp};
pub use status::StatusTable;
pub use tally::{RequestTally, Tally};
pub use testimony::{NoAnswer, Probes, Testimony};
pub use threshold::{Judged, Operator, Threshold, ThresholdError, builtin};
pub use trend::Trend;
pub use verdict::{Evidence, Finding, Health, Pacing, Verdict};
