//! What a run will measure: its requests and inbound messages by index, and its measured window.
//!
//! Made once from the plan, shared by all workers. Not here: topics, payloads, rates.

use super::samples::Bounds;

/// The rows of every table of the run, and how long warm-up and measure last.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Requests in the order of the profile; the index is the `request: u16` of every event.
    /// Reactive messages (answers that the endpoints give) have rows of their own here.
    pub requests: Vec<RequestShape>,
    /// Names of the inbound messages; the index is the `inbound: u16` of every event.
    pub inbound: Vec<String>,
    /// In the same order: those whose deliveries are accounted for. Empty: none.
    pub deliveries: Vec<Option<DeliveryShape>>,
    /// Length of warm-up, ns.
    pub warm_up_ns: u64,
    /// Length of measure, ns.
    pub measure_ns: u64,
    /// Stages of the load, in order and without a gap, from the beginning of measure; empty for a
    /// load that has none.
    pub stages: Vec<StageShape>,
}

/// An inbound message that says which request it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryShape {
    /// Index of the request.
    pub request: u16,
    /// Who is to get each of its messages.
    pub audience: Audience,
}

/// Who is to get a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// So many listeners, each of them.
    Each(u32),
    /// One of several listeners that share a subscription.
    OneOf,
}

/// One stage of the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageShape {
    /// Its first instant, ns since measure began.
    pub from_ns: u64,
    /// The first instant after it, ns since measure began.
    pub to_ns: u64,
    /// Arrival rate of the whole load that is asked for at its beginning.
    pub asked_from_per_s: f64,
    /// The same at its end.
    pub asked_to_per_s: f64,
}

/// How many replies one request may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replies {
    /// One at most: its first reply is the answer.
    One,
    /// Intermediate ones may come before the final one.
    Several,
}

/// One row: a request definition, or a reactive message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestShape {
    /// `[a-z0-9-]+`, unique.
    pub name: String,
    /// Planned at a trigger (a message of the tenant) instead of by the schedule.
    pub reactive: bool,
    /// It has a reply pattern; otherwise it completes with its acknowledgement or its write.
    pub has_reply: bool,
    /// Whether its first reply is timed beside the final one.
    pub replies: Replies,
    /// Silence until the deadline is success (only failures are answered).
    pub silence_is_ok: bool,
    /// 0 to 2.
    pub qos: u8,
    /// From the intended instant, ns.
    pub deadline_ns: u64,
}

impl RequestShape {
    /// Whether it is complete once it is written: nothing acknowledges or answers it.
    pub(super) fn ends_with_write(&self) -> bool {
        !self.has_reply && self.qos == 0
    }
}

impl Shape {
    /// Row names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.requests.iter().map(|request| request.name.as_str())
    }

    /// Index of the stage that holds this instant of the measure phase, ns since its beginning.
    pub(super) fn stage_at(&self, since_measure_ns: u64) -> usize {
        self.stages
            .partition_point(|stage| stage.to_ns <= since_measure_ns)
    }

    /// How many stages are counted apart: a single one is the measure phase itself.
    pub(super) fn stages_apart(&self) -> usize {
        match self.stages.len() {
            1 => 0,
            several => several,
        }
    }

    /// Range of all histograms of the run: twice the longest deadline, at least a minute.
    ///
    /// One range for all of them, so that merging is an addition of equal arrays.
    pub fn bounds(&self) -> Bounds {
        let longest = self
            .requests
            .iter()
            .map(|request| request.deadline_ns)
            .max();
        Bounds::up_to(longest.unwrap_or(0).saturating_mul(2))
    }
}
