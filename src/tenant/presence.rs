//! Which connection speaks for whom, as connections subscribe and end.
//!
//! Not here: what they say.

use super::enapter::{self, Direction};
use super::platforms::{Platforms, Recipient};
use super::sessions::ConnectionId;

impl Platforms {
    /// A connection subscribed: a filter for the commands of one device speaks for that device,
    /// unless somebody did already.
    pub fn subscribed(&mut self, connection: ConnectionId, filter: &str) {
        self.defined_subscribed(connection, filter);
        let Some(address) = enapter::Address::parse(filter) else {
            return;
        };
        let names_a_device =
            !address.hardware.contains(['+', '#']) && !address.channel.contains(['+', '#']);
        if address.direction == Direction::To
            && names_a_device
            && let Ok(device) = self.device(&address)
            && self.endpoints.speaker(device).is_none()
        {
            self.endpoints.spoke(device, connection);
        }
    }

    /// A connection has ended.
    pub fn closed(&mut self, connection: ConnectionId) {
        self.routes.closed(connection);
        self.responder.closed(connection);
    }

    /// The connection that last spoke for an endpoint; it may be closed by now.
    pub fn speaker(&self, to: Recipient) -> Option<ConnectionId> {
        match to {
            Recipient::Endpoint(endpoint) => self.endpoints.speaker(endpoint),
            Recipient::Connection(connection) | Recipient::Session(connection) => Some(connection),
        }
    }
}
