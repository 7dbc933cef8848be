//! The connections of a worker that are still to be tried, or to be tried again, and how many may be under way.
//!
//! Not here: which rates hold (`admission`), when they begin (`upkeep`), and what beginning is (`connect`).

use std::collections::VecDeque;
use std::ops::Range;

use super::admission::Admission;
use crate::profile::Profile;

/// Attempts to connect, to come and those under way.
#[derive(Debug)]
pub(super) struct Attempts {
    pub limit: Admission,
    /// Connections that nobody has tried yet.
    pub untried: Range<u32>,
    /// Those whose wait for another attempt is over.
    pub queue: VecDeque<u32>,
    /// Whether a timer says when the limit allows the next one.
    pub armed: bool,
    pub under_way: u32,
    most: u32,
}

impl Attempts {
    /// Those of a worker with this portion of the fleet and so many connections.
    pub(super) fn new(profile: &Profile, portion: f64, connections: u32) -> Self {
        let most = f64::from(profile.fleet.connects_in_progress) * portion;
        Self {
            limit: Admission::new(&profile.fleet, portion),
            untried: 0..connections,
            queue: VecDeque::new(),
            armed: false,
            under_way: 0,
            most: most.ceil().max(1.0) as u32,
        }
    }

    /// Whether one waits that may begin, as far as is known without asking the limit.
    pub(super) fn may_start(&self) -> bool {
        let waits = !self.untried.is_empty() || !self.queue.is_empty();
        waits && !self.armed && self.under_way < self.most
    }

    /// The next one, and whether it was tried before. First ones come first.
    pub(super) fn take(&mut self) -> Option<(u32, bool)> {
        match self.untried.next() {
            Some(connection) => Some((connection, false)),
            None => self.queue.pop_front().map(|connection| (connection, true)),
        }
    }
}
