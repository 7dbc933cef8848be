//! The plan: what a profile compiles to, once, before anything is sent.
//!
//! Immutable and shared by all workers: a seeded schedule, messages as literal spans and fields,
//! and patterns for what comes back. Everything here is a value computed from other values; there
//! is no clock, socket, file or environment, and what runs per message does not allocate.
//! Not here: what is in flight, and anything that happened.

mod arithmetic;
mod bodies;
mod captures;
mod carried;
mod columns;
mod compile;
mod connection;
mod connections;
mod curve;
mod deliveries;
mod encoder;
mod error;
mod example;
mod generator;
pub(crate) mod hash;
mod identities;
mod identity_file;
mod inbound;
mod items;
mod moment;
mod overlap;
mod pattern;
mod pen;
mod pointer;
mod properties;
mod pushes;
mod recognise;
mod replies;
mod reply;
mod request;
mod request_id;
mod schedule;
mod shard;
mod sheet;
mod stages;
mod stamp;
mod template;
mod text;
mod topic;
mod trie;
mod warnings;

pub use arithmetic::{Arithmetic, FILES_APART, Messages};
#[cfg(test)]
pub(crate) use arithmetic::{CONNECTION_BYTES, ENDPOINT_BYTES, TIMER_BYTES, WEBSOCKET_BYTES};
pub use captures::{CAPTURE_BYTES_MAX, CAPTURES_MAX, Captures};
pub use connection::{ConnectionRole, Will};
pub use deliveries::{Audience, Delivery, Lines};
pub use encoder::Head;
pub use error::PlanError;
pub use example::{PushExample, ReplyMeaning, ReplyTopic};
pub use identities::Identities;
pub use inbound::Inbound;
pub use items::{Items, MalformedItems};
pub use moment::Moment;
pub use overlap::Overlap;
pub use pattern::Listener;
pub use pointer::Pointer;
pub use recognise::{Heard, Recognised};
pub use reply::{Reason, ReplyOutcome, Status};
pub use request::{Message, ReplyUse, Request, TopicAs};
pub use request_id::{
    IdCursor, IdRange, RequestIdKind, UUID_COUNTER_MAX, parse_uuid_request_id, parse_uuid_text,
    uuid_request_id,
};
pub use schedule::{Arrival, Cursor, Schedule};
pub use shard::Shard;
pub use sheet::Sheet;
pub use stages::StageSpan;
pub use stamp::{STAMP_BYTES, Stamp};

use crate::profile::Connections;

/// A run, ready to be carried out by any number of workers.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Name of the profile.
    pub name: String,
    /// Seed of schedule and generators.
    pub seed: u64,
    /// Endpoints of the whole fleet.
    pub endpoints: u32,
    /// How endpoints and connections relate.
    pub connections: Connections,
    /// Whether connections are under TLS.
    pub tls: bool,
    /// Whether each becomes a WebSocket.
    pub websocket: bool,
    /// Requests of the profile in its order, then the answers of each inbound message.
    pub requests: Vec<Request>,
    /// What may be pushed.
    pub inbound: Vec<Inbound>,
    /// When requests are due.
    pub schedule: Schedule,
    /// Stages of the load that last, for the results; none if it has none.
    pub stages: Vec<StageSpan>,
    /// Words of state that each endpoint needs for [`Request::encode`]; zero at first.
    pub state_words: usize,
    /// Names of the request ID scopes; [`Request::scope`] is an index into it.
    pub scopes: Vec<String>,
    /// What is allowed and probably not meant, one sentence each.
    pub warnings: Vec<String>,
    /// Filters of one connection that overlap; also among the warnings.
    pub overlap: Option<Overlap>,
    /// Columns of text, one row per endpoint that is kept.
    pub identities: Identities,
    connection: connection::ConnectionTemplates,
    recogniser: recognise::Recogniser,
}

impl Plan {
    /// Endpoints that share one connection; shards are cut between such groups.
    pub fn endpoints_per_connection(&self) -> u32 {
        if let Connections::Shared(endpoints) = self.connections {
            endpoints.max(1)
        } else {
            1
        }
    }

    /// The endpoints of one shard of the fleet.
    pub fn shard(&self, shard: Shard) -> std::ops::Range<u32> {
        shard.of(0..self.endpoints, self.endpoints_per_connection())
    }

    /// For `"max"` and the closed model: which request number `number` of an endpoint is, by weight;
    /// `None` when no request has a weight.
    pub fn pick(&self, endpoint: u32, number: u64) -> Option<u16> {
        self.schedule.pick(endpoint, number)
    }
}
