//! A profile: what the user wants to happen, checked.
//!
//! The types here are what a valid profile can say, no more. Reading TOML, merging platform
//! definitions and `--set`, and complaining with line and column live in the files below.
//! Not here: anything about how it is executed (that is the plan).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::units::Rate;

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
    /// TCP connect and CONNACK together. Default 10 s.
    pub connect_timeout: Duration,
}

/// An address to connect to. Only `mqtt` exists today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Host name or address literal, without brackets.
    pub host: String,
    /// Port; 1883 unless given.
    pub port: u16,
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
    /// Connects in progress at once, over all workers.
    pub connects_in_progress: u32,
    /// MQTT keep-alive; zero switches it off.
    pub keep_alive: Duration,
    /// What is subscribed.
    pub subscribe: Subscribe,
    /// QoS asked for in SUBSCRIBE, 0 to 2.
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
    /// Nothing: the tenant delivers anyway (as Kaa does).
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

/// One kind of message that endpoints (or callers) send.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `[a-z0-9-]+`, unique in the profile.
    pub name: String,
    /// Endpoint (device) or caller (cloud side).
    pub from: Sender,
    /// Topic template.
    pub topic: String,
    /// What the message carries.
    pub payload: Payload,
    /// 0 to 2.
    pub qos: u8,
    /// Retain flag.
    pub retain: bool,
    /// When it is due.
    pub pace: Pace,
    /// From the intended instant to the reply.
    pub deadline: Duration,
    /// Where the request ID goes.
    pub request_id: RequestIdUse,
    /// What an answer looks like; `None`: complete with the acknowledgement or the write.
    pub reply: Option<Reply>,
    /// Generators by field name.
    pub generators: BTreeMap<String, Generator>,
}

/// Who sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// An endpoint on its own connection.
    Endpoint,
    /// The cloud side, on a connection apart; addresses one endpoint.
    Caller,
}

/// The body of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// A template; may be empty.
    Template(String),
    /// A JSON array of `batch` renderings of one sample, `interval` apart, the newest last.
    Batch {
        /// Template of one sample.
        sample: String,
        /// Samples per message; at least 1.
        batch: u32,
        /// Age difference of neighbouring samples' timestamps.
        interval: Duration,
    },
    /// This many generated bytes.
    Bytes(u64),
    /// The content of a file, literally (already read; at most 16 MiB).
    Literal(Vec<u8>),
}

/// When a request is due in the open model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Share of `load.arrival_rate`.
    Weight(f64),
    /// Its own rate for the whole fleet.
    Rate(Rate),
    /// Each endpoint every `period`, own phase, moved by up to plus or minus `jitter`.
    Every {
        /// Period of one endpoint; not zero.
        period: Duration,
        /// At most half of the period.
        jitter: Duration,
    },
}

/// Where and from what a request's ID is made.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestIdUse {
    /// Where the reply carries it back.
    pub place: IdPlace,
    /// What IDs look like.
    pub kind: IdKind,
    /// IDs are unique among outstanding requests of one endpoint in one scope.
    pub scope: String,
}

/// The place of the ID in the reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdPlace {
    /// A topic level.
    Topic,
    /// A JSON pointer (RFC 6901) into the payload.
    Payload(String),
    /// No ID: replies are matched first in, first out.
    None,
}

/// What request IDs are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    /// Canonical decimal, both ends inclusive.
    Range(u32, u32),
    /// A UUID in lower-case text form.
    Uuid,
}

/// How an answer is recognised.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// Topic template of answers whose outcome is decided by `outcome` (neither ok nor error topic).
    pub topic: Option<String>,
    /// Topic template of success. `{topic}` is the request's topic.
    pub ok_topic: Option<String>,
    /// Topic template of failure. Without `ok_topic`: silence until the deadline is success.
    pub error_topic: Option<String>,
    /// JSON pointer of a status code.
    pub status: Option<String>,
    /// JSON pointer of a reason text.
    pub reason: Option<String>,
    /// Decides the outcome by a payload field.
    pub outcome: Option<Outcome>,
}

/// Outcome by a payload field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// JSON pointer.
    pub pointer: String,
    /// Values that mean success.
    pub ok: Vec<String>,
    /// Values that mean failure.
    pub error: Vec<String>,
    /// Values that do not end the exchange.
    pub intermediate: Vec<String>,
}

/// A value made anew for each message, from (seed, endpoint, message number) alone.
#[derive(Debug, Clone, PartialEq)]
pub enum Generator {
    /// `start`, `start + step`, ... per endpoint.
    Counter {
        /// First value.
        start: i64,
        /// Difference.
        step: i64,
    },
    /// Uniform between both ends, with this many decimals.
    Uniform {
        /// Lowest value.
        low: f64,
        /// Highest value.
        high: f64,
        /// Digits after the point, 0 to 9.
        decimals: u8,
    },
    /// Normal distribution.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation; not negative.
        deviation: f64,
        /// Digits after the point, 0 to 9.
        decimals: u8,
    },
    /// Random walk between both ends, reflected there.
    Walk {
        /// Lowest value.
        low: f64,
        /// Highest value.
        high: f64,
        /// Largest step; each step is uniform in plus or minus this.
        step: f64,
        /// Digits after the point, 0 to 9.
        decimals: u8,
    },
    /// One of these texts, each with a weight, inserted literally.
    Choice(Vec<(String, f64)>),
    /// The wall clock at sending.
    Timestamp(TimestampFormat),
    /// A random UUID (version 4) in text form.
    Uuid,
    /// This many printable random bytes.
    Bytes(u32),
}

/// How a timestamp is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampFormat {
    /// Unix time in seconds: `1759212723`
    Seconds,
    /// Unix time in milliseconds.
    Milliseconds,
    /// `2019-04-26T15:41:07+00:00`
    Iso8601,
    /// `2019-04-26T15:41:07+0000`, as Kaa's own examples have it.
    Iso8601Basic,
}

/// What the tenant may push to an endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    /// `[a-z0-9-]+`, unique in the profile among inbound messages.
    pub name: String,
    /// Topic template; fields that are no variables are captures of one topic level.
    pub topic: String,
    /// One item per message, or a JSON array of items.
    pub items: Items,
    /// JSON pointer of an item's ID; becomes the field `{id}` (as written in the message).
    pub id: Option<String>,
    /// Fields that identify an item, for deduplication.
    pub key: Vec<String>,
    /// Answer a repeated item only once.
    pub deduplicate: bool,
    /// The answers, in order; the last one is the final one.
    pub answers: Vec<Answer>,
}

/// How many items a pushed message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Items {
    /// The payload is one item.
    One,
    /// The payload is a JSON array of items.
    Each,
}

/// One answer to a pushed item.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Delay after the item was received.
    pub after: Delay,
    /// Topic template; may use captures and `{id}`.
    pub topic: String,
    /// Payload template; may use captures and `{id}`.
    pub payload: String,
    /// 0 to 2.
    pub qos: u8,
}

/// A delay, drawn anew each time. The tenant's service time speaks the same language.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delay {
    /// `fixed:2ms` (or just `2ms`)
    Fixed(Duration),
    /// `exp:10ms`: exponential with this mean.
    Exponential(Duration),
    /// `lognormal:5ms,0.5`: median and sigma of the logarithm.
    Lognormal(Duration, f64),
    /// `bimodal:1ms,50ms,1%`: usual value, rare value, share of the rare one (0 to 1).
    Bimodal(Duration, Duration, f64),
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
