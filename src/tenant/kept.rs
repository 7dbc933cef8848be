//! Sessions of MQTT 3.1.1 that outlive their connections (section 3.1.2.4), and what waits in them.
//!
//! While a client is away, its subscriptions stay under the number of its last connection, which no other
//! connection ever has, and what they bring at QoS 1 and 2 waits here. Only clients that ask for it with clean session 0
//! cost anything. Not here: packet identifiers (`flow`), who wants what (`subscriptions`), and when a
//! connection begins and ends (`greeting`, `server`).

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::HashMap;

use super::flow::Flow;
use super::router::Message;
use super::sessions::ConnectionId;
use crate::mqtt::{Properties, Publish, Qos, Version};

/// Clients that may be away with a session; those of more end with their connection.
const AWAY_MAX: usize = 1_000_000;
/// Messages of a session that nothing has acknowledged; one more is lost.
const MESSAGES_MAX: usize = 1_000;
/// In the first byte of a PUBLISH (section 3.3.1.1).
const DUP: u8 = 0x08;

/// Messages at QoS 1 and 2 that the client has not acknowledged, in their order.
#[derive(Debug, Default)]
pub struct Unacknowledged(VecDeque<Waiting>);

#[derive(Debug)]
struct Waiting {
    packet_id: u16,
    /// Whether it was written to a connection.
    sent: bool,
    /// PUBLISH, without DUP.
    frame: Box<[u8]>,
}

impl Unacknowledged {
    /// Whether one more has no room.
    pub fn is_full(&self) -> bool {
        self.0.len() >= MESSAGES_MAX
    }

    /// This PUBLISH has been written.
    pub fn keep(&mut self, packet_id: u16, frame: &[u8]) {
        self.push(packet_id, true, frame);
    }

    fn push(&mut self, packet_id: u16, sent: bool, frame: &[u8]) {
        self.0.push_back(Waiting {
            packet_id,
            sent,
            frame: frame.into(),
        });
    }

    /// PUBACK or PUBREC has come: it is not sent again.
    pub fn forget(&mut self, packet_id: u16) {
        let place = self
            .0
            .iter()
            .position(|waiting| waiting.packet_id == packet_id);
        if let Some(place) = place {
            self.0.remove(place);
        }
    }

    /// Writes all of them, in order; those that were written before with DUP [MQTT-4.4.0-1], [MQTT-4.6.0-1].
    pub fn send_again(&mut self, out: &mut Vec<u8>) {
        for waiting in &mut self.0 {
            let begin = out.len();
            out.extend_from_slice(&waiting.frame);
            if std::mem::replace(&mut waiting.sent, true) {
                out[begin] |= DUP;
            }
        }
    }
}

/// A session without a connection.
#[derive(Debug)]
pub struct Away {
    /// Its subscriptions, with the QoS that was granted.
    pub filters: HashMap<Box<str>, Qos>,
    /// Packet identifiers in use.
    pub flow: Flow,
    /// What the client is still to get.
    pub unacknowledged: Unacknowledged,
}

/// All sessions whose clients are away.
#[derive(Debug, Default)]
pub struct Kept {
    /// The last connection of each.
    by_client: HashMap<Arc<str>, ConnectionId>,
    away: HashMap<ConnectionId, Away>,
}

impl Kept {
    /// Whether one more has no room.
    pub fn is_full(&self) -> bool {
        self.away.len() >= AWAY_MAX
    }

    /// The last connection of this client has ended, or is about to.
    pub fn insert(&mut self, client_id: Arc<str>, last: ConnectionId, away: Away) {
        self.by_client.insert(client_id, last);
        self.away.insert(last, away);
    }

    /// The client is back, or does not want its session any more. With the connection that its subscriptions
    /// are under.
    pub fn take(&mut self, client_id: &str) -> Option<(ConnectionId, Away)> {
        let last = self.by_client.remove(client_id)?;
        Some((last, self.away.remove(&last)?))
    }

    /// A message for a subscription of a client that may be away. False: it is not, or has no room, or the
    /// QoS is 0.
    pub fn queue(&mut self, last: ConnectionId, message: Message) -> bool {
        let Some(away) = self.away.get_mut(&last) else {
            return false;
        };
        if message.qos == Qos::AtMostOnce || away.unacknowledged.is_full() {
            return false;
        }
        let Some(packet_id) = away.flow.next_id(message.qos, u16::MAX) else {
            return false;
        };
        let publish = Publish {
            dup: false,
            qos: message.qos,
            retain: false,
            topic: message.topic,
            packet_id,
            payload: message.payload,
            properties: Properties::NONE,
        };
        let mut frame = Vec::new();
        let written = publish.write(Version::V311, &mut frame).is_ok();
        if written {
            away.unacknowledged.push(packet_id, false, &frame);
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> Away {
        Away {
            filters: HashMap::default(),
            flow: Flow::default(),
            unacknowledged: Unacknowledged::default(),
        }
    }

    fn message(qos: Qos) -> Message<'static> {
        Message {
            topic: "a",
            payload: b"b",
            qos,
            properties: Properties::NONE,
        }
    }

    #[test]
    fn what_waits_comes_in_order_and_again_with_dup_until_it_is_acknowledged() {
        let mut kept = Kept::default();
        let last = ConnectionId::new(3, 7);
        kept.insert("client".into(), last, away());
        assert!(!kept.queue(ConnectionId::new(3, 8), message(Qos::AtLeastOnce)));
        assert!(!kept.queue(last, message(Qos::AtMostOnce)));
        assert!(kept.queue(last, message(Qos::AtLeastOnce)));
        assert!(kept.queue(last, message(Qos::ExactlyOnce)));
        assert!(kept.take("another").is_none());
        let (under, mut away) = kept.take("client").expect("it is away");
        assert_eq!(under, last);
        assert!(kept.take("client").is_none());
        let mut first = Vec::new();
        away.unacknowledged.send_again(&mut first);
        assert_eq!(first, b"\x32\x06\0\x01a\0\x01b\x34\x06\0\x01a\0\x02b");
        away.unacknowledged.forget(1);
        away.unacknowledged.keep(9, b"\x32\x06\0\x01a\0\x09b");
        let mut again = Vec::new();
        away.unacknowledged.send_again(&mut again);
        assert_eq!(again, b"\x3c\x06\0\x01a\0\x02b\x3a\x06\0\x01a\0\x09b");
    }

    #[test]
    fn a_session_keeps_a_limited_number_of_messages() {
        let mut kept = Kept::default();
        let last = ConnectionId::new(0, 0);
        kept.insert("client".into(), last, away());
        for _ in 0..MESSAGES_MAX {
            assert!(kept.queue(last, message(Qos::AtLeastOnce)));
        }
        assert!(!kept.queue(last, message(Qos::AtLeastOnce)));
    }
}
