//! One endpoint as a worker sees it. Its schedule cursors, message counts, ID cursors and generator
//! state lie in flat tables beside it, because the plan decides which of them there are.

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
}

impl Endpoint {
    pub(super) const NEW: Self = Self {
        head: NONE,
        in_flight: 0,
        epoch: 0,
        queued: false,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_takes_twelve_bytes() {
        assert_eq!(size_of::<Endpoint>(), 12);
    }
}
