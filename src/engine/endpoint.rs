//! One endpoint as a worker sees it. Its schedule cursors, ID cursors and generator state lie in flat
//! tables beside it, because their number depends on the plan.

use super::exchange::NONE;

/// One row of the worker's endpoint table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Endpoint {
    /// First exchange of its list.
    pub head: u32,
    pub in_flight: u32,
    /// Counts clean reconnects: an ID quarantined in an older epoch is free again.
    pub epoch: u16,
    /// Whether it stands in the queue of endpoints that may send (closed and `"max"`).
    pub queued: bool,
    /// Messages decided so far (closed and `"max"`).
    pub picked: u64,
}

impl Endpoint {
    pub(super) const NEW: Self = Self {
        head: NONE,
        in_flight: 0,
        epoch: 0,
        queued: false,
        picked: 0,
    };
}
