//! Replies that are not ready yet, each in a numbered place whose buffer is used again.
//!
//! Not here: when they are ready (the wheel holds the numbers).

use super::platforms::Reply;
use super::router::Message;
use crate::mqtt::{PropertyList, Qos};

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
    /// What goes with it.
    pub properties: PropertyList,
}

impl Waiting {
    /// As it is to be sent.
    pub fn message(&self) -> Message<'_> {
        Message {
            topic: &self.topic,
            payload: &self.payload,
            qos: self.qos,
            properties: self.properties.as_properties(),
        }
    }
}

/// More replies than any machine has in flight; one more is lost.
const LIMIT: usize = 4_000_000;

/// All replies that wait.
#[derive(Debug, Default)]
pub struct Pending {
    places: Vec<Option<Waiting>>,
    free: Vec<u32>,
    /// Places' buffers that are not in use.
    spare: Vec<(String, Vec<u8>, PropertyList)>,
}

impl Pending {
    /// Keeps a copy of a reply; its number. `None`: there are too many already.
    pub fn insert(&mut self, reply: Reply, message: &Message<'_>) -> Option<u32> {
        let number = match self.free.pop() {
            Some(number) => number,
            None if self.places.len() >= LIMIT => return None,
            None => {
                self.places.push(None);
                self.places.len() as u32 - 1
            }
        };
        let (mut topic, mut payload, mut properties) = self.spare.pop().unwrap_or_default();
        topic.clear();
        topic.push_str(message.topic);
        payload.clear();
        payload.extend_from_slice(message.payload);
        properties.clear();
        properties.extend(message.properties);
        let waiting = Waiting {
            reply,
            qos: message.qos,
            topic,
            payload,
            properties,
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
            self.spare
                .push((waiting.topic, waiting.payload, waiting.properties));
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
    use crate::mqtt::{Properties, Property};

    #[test]
    fn places_and_buffers_are_used_again() {
        let reply = Reply {
            name: Kind::DcxJson.into(),
            outcome: Outcome::Ok,
            to: Recipient::Endpoint(1),
            fate: Fate::Sent,
        };
        let mut list = PropertyList::new();
        list.push(Property::CorrelationData(b"17"))
            .expect("it is short");
        let message = |qos, topic, payload| Message {
            topic,
            payload,
            qos,
            properties: list.as_properties(),
        };
        let mut pending = Pending::default();
        let first = message(Qos::AtMostOnce, "a", &b"1"[..]);
        let first = pending.insert(reply, &first).unwrap();
        let second = message(Qos::AtLeastOnce, "b", b"");
        let second = pending.insert(reply, &second).unwrap();
        assert_ne!(first, second);
        let waiting = pending.take(first).unwrap();
        assert_eq!(
            (waiting.topic.as_str(), waiting.payload.as_slice()),
            ("a", &b"1"[..])
        );
        assert_eq!(waiting.message().properties, list.as_properties());
        pending.recycle(waiting);
        assert!(pending.take(first).is_none());
        let third = Message {
            properties: Properties::NONE,
            ..message(Qos::AtMostOnce, "c", b"3")
        };
        assert_eq!(pending.insert(reply, &third), Some(first));
        let again = pending.take(first).unwrap();
        assert!(again.message().properties.is_empty());
        pending.recycle(again);
        assert_eq!(pending.insert(reply, &third), Some(first));
        let left: Vec<String> = pending.drain().map(|waiting| waiting.topic).collect();
        assert_eq!(left, ["c", "b"]);
    }
}
