//! Replies that are not ready yet, each in a numbered place whose buffer is used again.
//!
//! Not here: when they are ready (the wheel holds the numbers).

use super::platforms::Reply;
use crate::mqtt::Qos;

/// One reply that waits.
#[derive(Debug)]
pub struct Waiting {
    /// What is known of it.
    pub reply: Reply,
    /// QoS of the request.
    pub qos: Qos,
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// More replies than any machine has in flight; one more is lost.
const LIMIT: usize = 4_000_000;

/// All replies that wait.
#[derive(Debug, Default)]
pub struct Pending {
    places: Vec<Option<Waiting>>,
    free: Vec<u32>,
    /// Places' buffers that are not in use.
    spare: Vec<(String, Vec<u8>)>,
}

impl Pending {
    /// Keeps a copy of a reply; its number. `None`: there are too many already.
    pub fn insert(&mut self, reply: Reply, qos: Qos, topic: &str, payload: &[u8]) -> Option<u32> {
        let number = match self.free.pop() {
            Some(number) => number,
            None if self.places.len() >= LIMIT => return None,
            None => {
                self.places.push(None);
                self.places.len() as u32 - 1
            }
        };
        let (mut kept_topic, mut kept_payload) = self.spare.pop().unwrap_or_default();
        kept_topic.clear();
        kept_topic.push_str(topic);
        kept_payload.clear();
        kept_payload.extend_from_slice(payload);
        let waiting = Waiting {
            reply,
            qos,
            topic: kept_topic,
            payload: kept_payload,
        };
        self.places[number as usize] = Some(waiting);
        Some(number)
    }

    /// Takes a reply out.
    pub fn take(&mut self, number: u32) -> Option<Waiting> {
        let waiting = self.places.get_mut(number as usize)?.take()?;
        self.free.push(number);
        Some(waiting)
    }

    /// Gives the buffers of a reply back for the next one.
    pub fn recycle(&mut self, waiting: Waiting) {
        if waiting.payload.capacity() <= 4_096 {
            self.spare.push((waiting.topic, waiting.payload));
        }
    }

    /// All replies that still wait, while their instants are still to come: their places are not
    /// used again.
    pub fn forget(&mut self) -> impl Iterator<Item = Waiting> + '_ {
        self.places.iter_mut().filter_map(Option::take)
    }

    /// All replies that still wait.
    pub fn drain(&mut self) -> impl Iterator<Item = Waiting> + '_ {
        self.free.clear();
        self.places.drain(..).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::super::faults::Fate;
    use super::super::kind::Kind;
    use super::super::platforms::{Outcome, Recipient};
    use super::*;

    #[test]
    fn places_and_buffers_are_used_again() {
        let reply = Reply {
            name: Kind::DcxJson.into(),
            outcome: Outcome::Ok,
            to: Recipient::Endpoint(1),
            fate: Fate::Sent,
        };
        let mut pending = Pending::default();
        let first = pending.insert(reply, Qos::AtMostOnce, "a", b"1").unwrap();
        let second = pending.insert(reply, Qos::AtLeastOnce, "b", b"").unwrap();
        assert_ne!(first, second);
        let waiting = pending.take(first).unwrap();
        assert_eq!(
            (waiting.topic.as_str(), waiting.payload.as_slice()),
            ("a", &b"1"[..])
        );
        pending.recycle(waiting);
        assert!(pending.take(first).is_none());
        assert_eq!(
            pending.insert(reply, Qos::AtMostOnce, "c", b"3"),
            Some(first)
        );
        let left: Vec<String> = pending.drain().map(|waiting| waiting.topic).collect();
        assert_eq!(left, ["c", "b"]);
    }
}
