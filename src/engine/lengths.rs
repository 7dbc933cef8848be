//! How long the phases of a run were, from the instants at which they changed.
//!
//! Not here: when they change (`run`, `worker`).

use std::time::Duration;

/// Lengths of the phases as they were.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lengths {
    /// Until the load began.
    pub connect: Duration,
    /// As planned, or until the run was stopped.
    pub warm_up: Duration,
    /// As planned, or until the run was stopped.
    pub measure: Duration,
    /// Until nothing was in flight, at most as planned.
    pub drain: Duration,
}

/// When the phases changed, ns since the epoch.
pub(super) struct Changes {
    pub begun: u64,
    /// `None`: the load never began.
    pub load_start: Option<u64>,
    pub load_end: u64,
    pub drained_at: u64,
}

impl Changes {
    /// With a warm-up of this length, unless the load ended before.
    pub(super) fn lengths(&self, warm_up_ns: u64) -> Lengths {
        let span = |from: u64, to: u64| Duration::from_nanos(to.saturating_sub(from));
        let Some(load_start) = self.load_start else {
            return Lengths {
                connect: span(self.begun, self.drained_at),
                ..Lengths::default()
            };
        };
        let warm_up_end = (load_start + warm_up_ns).min(self.load_end.max(load_start));
        Lengths {
            connect: span(self.begun, load_start),
            warm_up: span(load_start, warm_up_end),
            measure: span(warm_up_end, self.load_end),
            drain: span(self.load_end, self.drained_at),
        }
    }
}
