//! What is delivered without having been asked for, and how an endpoint answers: the types alone.
//!
//! Not here: how pushed messages are matched and when an answer is due (plan and engine).

use super::{Delay, Sender};

/// What the tenant may push to an endpoint, or deliver to a caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    /// `[a-z0-9-]+`, unique in the profile among inbound messages.
    pub name: String,
    /// Who hears it: every endpoint, or the caller (for which an endpoint's own fields fit any text).
    pub at: Sender,
    /// Topic template; fields that are no variables are captures of one topic level.
    pub topic: String,
    /// One item per message, or a JSON array of items.
    pub items: Items,
    /// JSON pointer of an item's ID; becomes the field `{id}` (as written in the message). Or
    /// [`CORRELATION_DATA`](super::CORRELATION_DATA): answers carry it back.
    pub id: Option<String>,
    /// Fields that identify an item, for deduplication.
    pub key: Vec<String>,
    /// Template of what the simulated tenant pushes; `None`: it never does.
    pub payload: Option<String>,
    /// Answer a repeated item only once.
    pub deduplicate: bool,
    /// Name of the request whose messages these are, one by one; `None`: they are not accounted for.
    pub delivery_of: Option<String>,
    /// Name of the group of endpoints that share a subscription, so that each message reaches one of
    /// them; `None`: each endpoint has its own.
    pub share: Option<String>,
    /// The answers, in order; the last one is the final one. None at a caller.
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
