//! Deliveries of one inbound message, summed up; part of `run.json`.
//!
//! Not here: how messages are told apart (`delivery`), and any judgement.

use serde::{Deserialize, Serialize};

use super::delivery::Deliveries;
use super::distribution::Distribution;
use super::shape::Shape;
use super::tally::Tally;

/// Deliveries of one inbound message. Counts are of the whole run, times of the measure phase.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DeliveryFigures {
    /// The request that publishes it.
    pub of: String,
    /// Messages that were sent, times the listeners that each of them is for.
    pub expected: u64,
    /// Of these, heard once or more.
    pub delivered: u64,
    /// Of these, never heard: `expected - delivered - untracked`.
    pub lost: u64,
    /// Heard once more.
    pub duplicate: u64,
    /// Heard after a later one of the same publisher.
    pub reordered: u64,
    /// That the broker had kept, and delivered for a new subscription; none of the above.
    pub retained: u64,
    /// Of another run, or without a stamp; none of the above.
    pub foreign: u64,
    /// For which there was no room, so that nothing is known of them.
    pub untracked: u64,
    /// From the stamp of the publisher to the read of the listener, each message once, over all that are
    /// expected.
    pub delivery_time_us: Distribution,
}

impl DeliveryFigures {
    /// Of these deliveries.
    pub fn of(deliveries: &Deliveries, shape: &Shape, tally: &Tally) -> Self {
        let place = deliveries.request();
        let request = &tally.requests[place];
        let expected = deliveries.expected(request.whole_run.sent);
        let told = deliveries.delivered + deliveries.untracked;
        Self {
            of: shape.requests[place].name.clone(),
            expected,
            delivered: deliveries.delivered,
            lost: expected.saturating_sub(told),
            duplicate: deliveries.duplicate(),
            reordered: deliveries.reordered,
            retained: deliveries.retained,
            foreign: deliveries.foreign,
            untracked: deliveries.untracked,
            delivery_time_us: deliveries.delivery_time(request),
        }
    }
}
