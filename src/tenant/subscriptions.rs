//! Who wants which topics.
//!
//! Exact filters are looked up by the topic itself, filters with wildcards by the literal levels
//! in front of the first wildcard, so that a fleet of filters such as `a/{endpoint}/+/status`
//! costs no more than one. Of those who share a subscription (`$share/GROUP/FILTER`) each in turn gets a
//! message. Not a routing tree, no retained messages.

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
    groups: Vec<Group>,
}

/// Those who share a subscription.
#[derive(Debug)]
struct Group {
    /// As it is subscribed to: `$share/GROUP/FILTER`.
    name: Box<str>,
    members: Vec<Receiver>,
    /// Messages so far.
    turn: usize,
}

impl Group {
    fn wants(&self, topic_name: &str) -> bool {
        shared(&self.name).is_some_and(|filter| topic::matches(filter, topic_name))
    }
}

impl Subscriptions {
    /// Adds a subscription, or replaces the QoS of the same one [MQTT-3.8.4-3].
    pub fn add(&mut self, filter: &str, connection: ConnectionId, qos: Qos) {
        self.remove(filter, connection);
        let receiver = (connection, qos);
        if shared(filter).is_some() {
            return self.join(filter, receiver);
        }
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

    fn join(&mut self, name: &str, receiver: Receiver) {
        match self.groups.iter_mut().find(|group| *group.name == *name) {
            Some(group) => group.members.push(receiver),
            None => self.groups.push(Group {
                name: name.into(),
                members: vec![receiver],
                turn: 0,
            }),
        }
    }

    fn leave(&mut self, name: &str, connection: ConnectionId) {
        for group in self.groups.iter_mut().filter(|group| *group.name == *name) {
            group.members.retain(|&(other, _)| other != connection);
        }
        self.groups.retain(|group| !group.members.is_empty());
    }

    /// Removes a subscription, if there is one.
    pub fn remove(&mut self, filter: &str, connection: ConnectionId) {
        if shared(filter).is_some() {
            return self.leave(filter, connection);
        }
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
    /// highest QoS of its matching subscriptions [MQTT-3.3.5-1]; of each group one connection.
    pub fn find(&mut self, topic_name: &str, receivers: &mut Vec<Receiver>) {
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
        for group in &mut self.groups {
            if group.wants(topic_name) {
                group.turn = group.turn.wrapping_add(1);
                let member = group.members[group.turn % group.members.len()];
                receivers.push(member);
            }
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

/// The filter of a shared subscription (MQTT 5, section 4.8.2); `None`: it is none.
fn shared(filter: &str) -> Option<&str> {
    let (_, filter) = filter.strip_prefix("$share/")?.split_once('/')?;
    Some(filter)
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

    fn found(subscriptions: &mut Subscriptions, topic: &str) -> Vec<Receiver> {
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
            found(&mut subscriptions, "a/b"),
            [
                (connection(1), Qos::ExactlyOnce),
                (connection(2), Qos::AtLeastOnce)
            ]
        );
        assert_eq!(found(&mut subscriptions, "a/b/c").len(), 2);
        assert_eq!(
            found(&mut subscriptions, "b"),
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
                    found(&mut subscriptions, topic_name).len(),
                    expected,
                    "{filter} {topic_name}"
                );
            }
        }
    }

    #[test]
    fn each_member_of_a_group_has_its_turn() {
        let mut subscriptions = Subscriptions::default();
        for number in 0..3 {
            subscriptions.add("$share/g/a/+", connection(number), Qos::AtLeastOnce);
        }
        subscriptions.add("a/b", connection(7), Qos::AtMostOnce);
        let mut counts = [0; 8];
        for _ in 0..300 {
            for (receiver, _) in found(&mut subscriptions, "a/b") {
                counts[receiver.slot()] += 1;
            }
        }
        assert_eq!(counts, [100, 100, 100, 0, 0, 0, 0, 300]);
        for number in 0..3 {
            subscriptions.remove("$share/g/a/+", connection(number));
        }
        assert_eq!(found(&mut subscriptions, "a/b").len(), 1);
        assert!(subscriptions.groups.is_empty());
    }

    #[test]
    fn a_repeated_filter_replaces_and_a_removed_one_is_gone() {
        let mut subscriptions = Subscriptions::default();
        for filter in ["a/b", "a/+"] {
            subscriptions.add(filter, connection(1), Qos::ExactlyOnce);
            subscriptions.add(filter, connection(1), Qos::AtMostOnce);
            assert_eq!(
                found(&mut subscriptions, "a/b"),
                [(connection(1), Qos::AtMostOnce)]
            );
            subscriptions.remove(filter, connection(2));
            assert_eq!(found(&mut subscriptions, "a/b").len(), 1);
            subscriptions.remove(filter, connection(1));
            assert!(found(&mut subscriptions, "a/b").is_empty());
        }
        assert!(subscriptions.exact.is_empty() && subscriptions.wild.is_empty());
    }
}
