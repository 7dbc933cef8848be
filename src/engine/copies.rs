//! Whether a message that comes again may be the broker's own doing.
//!
//! Asked only for replies that nobody waits for. Not here: counting them.

use super::connection::Part;
use super::worker::Worker;

impl Worker<'_> {
    /// Whether several filters of this connection match the topic, so that a broker may deliver what
    /// the tenant sent once several times.
    pub(super) fn may_be_copy(&self, connection: u32, topic: &str) -> bool {
        if self.plan.overlap.is_none() {
            return false;
        }
        let row = &self.connections[connection as usize];
        let local = row.endpoints();
        match row.part {
            Part::Publisher => false,
            Part::Caller => self
                .plan
                .caller_filters_overlap_at(self.index as u32, topic),
            Part::Whole | Part::Subscriber => self
                .plan
                .filters_overlap_at(self.base + local.start..self.base + local.end, topic),
        }
    }
}
