//! Who wants which topics.
//!
//! Exact filters are looked up by the topic itself, filters with wildcards by the literal levels
//! in front of the first wildcard, so that a fleet of filters such as `a/{endpoint}/+/status`
//! costs no more than one. Not a routing tree, no retained messages, no shared subscriptions.

use std::cmp::Reverse;

use foldhash::HashMap;

use crate::mqtt::{Qos, topic};

use super::sessions::ConnectionId;

/// A connection that wants a message, and the QoS it was granted.
pub type Receiver = (ConnectionId, Qos);

/// All subscriptions of all connections.
#[derive(Debug, Default)]
pub struct Subscriptions {
    exact: HashMap<Box<str>, Vec<Receiver>>,
    wild: HashMap<Box<str>, Vec<(Box<str>, Receiver)>>,
}

impl Subscriptions {
    /// Adds a subscription, or replaces the QoS of the same one [MQTT-3.8.4-3].
    pub fn add(&mut self, filter: &str, connection: ConnectionId, qos: Qos) {
        self.remove(filter, connection);
        let receiver = (connection, qos);
        match literal_levels(filter) {
            None => self.exact.entry(filter.into()).or_default().push(receiver),
            Some(levels) => {
                self.wild
                    .entry(levels.into())
                    .or_default()
                    .push((filter.into(), receiver));
            }
        }
    }

    /// Removes a subscription, if there is one.
    pub fn remove(&mut self, filter: &str, connection: ConnectionId) {
        match literal_levels(filter) {
            None => {
                if let Some(receivers) = self.exact.get_mut(filter) {
                    receivers.retain(|&(other, _)| other != connection);
                    if receivers.is_empty() {
                        self.exact.remove(filter);
                    }
                }
            }
            Some(levels) => {
                if let Some(receivers) = self.wild.get_mut(levels) {
                    receivers.retain(|(other, (id, _))| *id != connection || &**other != filter);
                    if receivers.is_empty() {
                        self.wild.remove(levels);
                    }
                }
            }
        }
    }

    /// Fills `receivers` with every connection that wants `topic_name`, once each, with the
    /// highest QoS of its matching subscriptions [MQTT-3.3.5-1].
    pub fn find(&self, topic_name: &str, receivers: &mut Vec<Receiver>) {
        receivers.clear();
        if let Some(exact) = self.exact.get(topic_name) {
            receivers.extend_from_slice(exact);
        }
        if !self.wild.is_empty() {
            self.find_wild("", topic_name, receivers);
            for (end, _) in topic_name.match_indices('/').filter(|&(end, _)| end > 0) {
                self.find_wild(&topic_name[..end], topic_name, receivers);
            }
            self.find_wild(topic_name, topic_name, receivers);
        }
        if receivers.len() > 1 {
            receivers.sort_unstable_by_key(|&(connection, qos)| (connection, Reverse(qos)));
            receivers.dedup_by_key(|&mut (connection, _)| connection);
        }
    }

    fn find_wild(&self, levels: &str, topic_name: &str, receivers: &mut Vec<Receiver>) {
        let Some(candidates) = self.wild.get(levels) else {
            return;
        };
        let matching = candidates
            .iter()
            .filter(|(filter, _)| topic::matches(filter, topic_name));
        receivers.extend(matching.map(|&(_, receiver)| receiver));
    }
}

/// The levels in front of the first wildcard; `None` if there is no wildcard.
fn literal_levels(filter: &str) -> Option<&str> {
    let wildcard = filter.find(['+', '#'])?;
    Some(filter[..wildcard].trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(number: u32) -> ConnectionId {
        ConnectionId::new(number, 0)
    }

    fn found(subscriptions: &Subscriptions, topic: &str) -> Vec<Receiver> {
        let mut receivers = Vec::new();
        subscriptions.find(topic, &mut receivers);
        receivers
    }

    #[test]
    fn each_connection_is_found_once_with_its_highest_qos() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.add("a/b", connection(1), Qos::AtMostOnce);
        subscriptions.add("a/+", connection(1), Qos::ExactlyOnce);
        subscriptions.add("#", connection(1), Qos::AtLeastOnce);
        subscriptions.add("a/b/#", connection(2), Qos::AtLeastOnce);
        assert_eq!(
            found(&subscriptions, "a/b"),
            [
                (connection(1), Qos::ExactlyOnce),
                (connection(2), Qos::AtLeastOnce)
            ]
        );
        assert_eq!(found(&subscriptions, "a/b/c").len(), 2);
        assert_eq!(
            found(&subscriptions, "b"),
            [(connection(1), Qos::AtLeastOnce)]
        );
    }

    #[test]
    fn wildcards_are_found_wherever_they_stand() {
        let topics = ["a", "/a", "a/b", "a//b", "a/b/c/d", "/", "$SYS/x", "a/"];
        let filters = [
            "#", "+", "/+", "+/+", "a/#", "a/+/c/#", "a/+/b", "+/b", "//#", "a/+", "$SYS/#",
        ];
        for filter in filters {
            let mut subscriptions = Subscriptions::default();
            subscriptions.add(filter, connection(1), Qos::AtMostOnce);
            for topic_name in topics {
                let expected = usize::from(topic::matches(filter, topic_name));
                assert_eq!(
                    found(&subscriptions, topic_name).len(),
                    expected,
                    "{filter} {topic_name}"
                );
            }
        }
    }

    #[test]
    fn a_repeated_filter_replaces_and_a_removed_one_is_gone() {
        let mut subscriptions = Subscriptions::default();
        for filter in ["a/b", "a/+"] {
            subscriptions.add(filter, connection(1), Qos::ExactlyOnce);
            subscriptions.add(filter, connection(1), Qos::AtMostOnce);
            assert_eq!(
                found(&subscriptions, "a/b"),
                [(connection(1), Qos::AtMostOnce)]
            );
            subscriptions.remove(filter, connection(2));
            assert_eq!(found(&subscriptions, "a/b").len(), 1);
            subscriptions.remove(filter, connection(1));
            assert!(found(&subscriptions, "a/b").is_empty());
        }
        assert!(subscriptions.exact.is_empty() && subscriptions.wild.is_empty());
    }
}
