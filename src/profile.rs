//! A profile: what the user wants to happen, checked.
//!
//! The types here are what a valid profile can say, no more. Reading TOML, merging platform
//! definitions and `--set`, and complaining with line and column live in the files below.
//! Not here: anything about how it is executed (that is the plan).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::units::{Rate, Share};

pub use crate::delay::Delay;
pub use definitions::{Definitions, definitions, definitions_of_run};
pub use error::{Colour, Mark, Place, ProfileError};
pub(crate) use field::{Part, is_field_name, parts};
pub use generator::{Generator, TimestampFormat};
pub use inbound::{Answer, Inbound, Items};
pub use keys::{Key, keys_table};
pub use load::{Loaded, load, load_bench, platforms, shipped};
pub use reconnect::{Jitter, Policy, Reconnect, ReconnectRate};
pub use request::{
    IdKind, IdPlace, Outcome, OutcomeIn, Pace, Payload, Reply, Request, RequestIdUse, Sender,
};
pub use sources::Sources;
pub use tls::{OwnCertificate, TlsSetting, TlsVersions};
pub use url::Url;
pub use websocket::{Header, HeaderValue};

mod definitions;
mod error;
mod field;
mod generator;
mod inbound;
mod keys;
mod load;
mod origin;
mod overlay;
mod platform;
mod read;
mod reconnect;
mod request;
mod set;
// Lives beside the files that it compiles in: platforms are data, and named only there.
#[path = "../profiles/shipped.rs"]
mod shipped;
mod sources;
mod tls;
mod tree;
mod url;
mod websocket;
mod write;

/// Everything that one run is told. Times are durations, rates are per second for the whole fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Names the results folder; `[a-z0-9-]+`.
    pub name: String,
    /// The question that the profile answers, one line.
    pub description: String,
    /// Where the messages go.
    pub target: Target,
    /// Who the endpoints are.
    pub fleet: Fleet,
    /// When they send.
    pub load: Load,
    /// What they (or the callers) send. In the order of the file; names are unique.
    pub requests: Vec<Request>,
    /// What the tenant pushes, and how the endpoints answer.
    pub inbound: Vec<Inbound>,
    /// How the simulated tenant of this run behaves: flag name (as in `midge tenant --help`,
    /// without dashes in front) and its value as text.
    pub tenant: BTreeMap<String, String>,
    /// Bounds that hold whatever else the profile says.
    pub limits: Limits,
    /// How much may go wrong on our side before the run is INVALID.
    pub gates: Gates,
    /// `[thresholds]`, in the order of the file: metric and condition, both still text.
    pub thresholds: Vec<(String, String)>,
}

/// The broker or tenant under test.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Empty: the simulated tenant, started by the run. Several: endpoints are spread over them.
    pub urls: Vec<Url>,
    /// MQTT version.
    pub protocol: Protocol,
    /// User name template.
    pub username: Option<String>,
    /// Where the password comes from; never the password itself.
    pub password: Option<Secret>,
    /// How connections to `mqtts` and `wss` urls are made.
    pub tls: TlsSetting,
    /// What requests to `ws` and `wss` urls carry beside what belongs to the upgrade.
    pub headers: Vec<Header>,
    /// Addresses of this machine that connections leave from; none: the system chooses.
    pub bind: Sources,
    /// TCP connect, TLS handshake, upgrade and CONNACK together. Default 10 s.
    pub connect_timeout: Duration,
}

/// The MQTT version of every connection of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// MQTT 3.1.1
    V311,
}

/// A secret by reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// `env:NAME`
    Environment(String),
    /// `file:PATH`
    File(String),
}

/// The endpoints and their connections.
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    /// How many; 1 to 10,000,000.
    pub endpoints: u32,
    /// CSV file with one row per endpoint; its columns are variables.
    pub identities: Option<String>,
    /// Client id template; may be empty (the broker assigns one).
    pub client_id: String,
    /// Connections opened per second, first time and again after a loss.
    pub connect_rate: Rate,
    /// Connections that their endpoints end themselves, per second, to come back later.
    pub churn_rate: Option<Rate>,
    /// How those come back that were lost.
    pub reconnect: Reconnect,
    /// Connects in progress at once, over all workers.
    pub connects_in_progress: u32,
    /// MQTT keep-alive; zero switches it off.
    pub keep_alive: Duration,
    /// What is subscribed.
    pub subscribe: Subscribe,
    /// `QoS` asked for in SUBSCRIBE, 0 to 2.
    pub subscribe_qos: u8,
    /// How endpoints share connections.
    pub connections: Connections,
    /// MQTT clean session.
    pub clean_start: bool,
    /// Will message of every endpoint connection.
    pub will: Option<Will>,
    /// Variables: templates by name, may refer to `{endpoint}`, identity columns and each other.
    pub vars: BTreeMap<String, String>,
}

/// Message that the broker publishes when an endpoint vanishes.
#[derive(Debug, Clone, PartialEq)]
pub struct Will {
    /// Topic template.
    pub topic: String,
    /// Payload template.
    pub payload: String,
    /// 0 to 2.
    pub qos: u8,
    /// Retain flag.
    pub retain: bool,
}

/// Which topic filters a connection subscribes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subscribe {
    /// Derived from reply and inbound patterns, without overlap.
    Auto,
    /// Nothing: the tenant delivers without being asked.
    None,
    /// These filter templates.
    Filters(Vec<String>),
}

/// How endpoints and connections relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// One connection for each endpoint.
    One,
    /// Two for each: one publishes, the other one subscribes.
    PublisherAndSubscriber,
    /// A gateway: this many endpoints on one connection.
    Shared(u32),
}

/// When messages are sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Open, closed or as fast as possible.
    pub model: Model,
    /// Distribution of arrivals in the open model.
    pub arrivals: Arrivals,
    /// Linear ramps from the beginning of measure; empty: constant.
    pub stages: Vec<Stage>,
    /// Sent but not measured, before measure.
    pub warm_up: Duration,
    /// The measured part. With stages: their sum.
    pub measure: Duration,
    /// At most; ends when nothing is in flight.
    pub drain: Duration,
    /// Requests in flight per endpoint; one more is dropped.
    pub in_flight_max: u32,
    /// Messages per endpoint and write at `"max"`.
    pub batch: u32,
    /// Seed of schedule and generators.
    pub seed: u64,
}

/// What decides when the next request is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Model {
    /// Arrivals independent of replies, at this rate (fleet) for the requests that have a weight.
    Open(Rate),
    /// Open arrivals only from requests with their own `rate` or `every`.
    OpenOwnRates,
    /// As fast as the sockets take.
    Max,
    /// Next request only after the reply plus think time; the rate is a cap.
    Closed {
        /// Pause after each reply.
        think_time: Duration,
        /// Upper bound for the fleet.
        cap: Option<Rate>,
    },
}

/// Distribution of arrivals of one rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// Exponential gaps.
    Poisson,
    /// Equal gaps.
    Constant,
}

/// One step of a rate curve: a linear ramp to `to`, lasting `duration`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// Length of the ramp; not zero.
    pub duration: Duration,
    /// Rate at its end.
    pub to: Rate,
}

/// Bounds of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Cap on all published messages of the run.
    pub messages_per_s: Rate,
    /// Bytes waiting for one connection's socket; beyond it a message is dropped.
    pub buffer_per_connection: u64,
    /// Largest packet accepted from the target.
    pub packet_size: u64,
    /// Requests in flight over the whole fleet.
    pub in_flight: u32,
}

/// Limits of the verdict; beyond one of them the run is INVALID.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gates {
    /// Planned requests that were not written because we were late.
    pub not_written: Share,
    /// Pacer lag that 99 % of the requests keep.
    pub pacer_lag_p99: Duration,
    /// Pacer lag that 99.9 % of the requests keep.
    pub pacer_lag_p999: Duration,
    /// Pacer lag that all requests keep where they are too few for a percentile.
    pub pacer_lag_max: Duration,
    /// Share of the measured time that a worker is busy.
    pub busy: Share,
    /// Share of the machine's calibrated ceiling that comes due per second.
    pub ceiling: Share,
    /// Longest time for which the machine keeps the process from running.
    pub hiccup: Duration,
    /// Periods of a CPU quota in which the process is stopped while it measures.
    pub throttled: u32,
    /// Share of the memory that the process may have.
    pub memory: Share,
}
