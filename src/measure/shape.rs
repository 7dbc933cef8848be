//! What a run will measure: its requests and inbound messages by index, and its measured window.
//!
//! Made once from the plan, shared by all workers. Not here: topics, payloads, rates.

use super::samples::Bounds;

/// The rows of every table of the run, and how long warm-up and measure last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Requests in the order of the profile; the index is the `request: u16` of every event.
    /// Reactive messages (answers that the endpoints give) have rows of their own here.
    pub requests: Vec<RequestShape>,
    /// Names of the inbound messages; the index is the `inbound: u16` of every event.
    pub inbound: Vec<String>,
    /// Length of warm-up, ns.
    pub warm_up_ns: u64,
    /// Length of measure, ns.
    pub measure_ns: u64,
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
    /// Silence until the deadline is success (only failures are answered).
    pub silence_is_ok: bool,
    /// 0 to 2.
    pub qos: u8,
    /// From the intended instant, ns.
    pub deadline_ns: u64,
}

impl Shape {
    /// Row names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.requests.iter().map(|request| request.name.as_str())
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
