//! Which messages of one connection are on their way, at QoS 1 and 2 (MQTT section 4.3).
//!
//! Only the packet identifiers: a clean session on one connection never repeats a message, so
//! none is kept. Not here: writing packets.

use std::collections::hash_map::Entry;

use foldhash::{HashMap, HashSet};

use crate::mqtt::Qos;

/// What an outgoing message waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaiting {
    /// PUBACK
    Acknowledgement,
    /// PUBREC
    Record,
    /// PUBCOMP
    Completion,
}

/// Whether an incoming message has to be processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Seen for the first time.
    New,
    /// A repetition of a message that was processed already.
    Repeated,
}

/// Packet identifiers in use on one connection, both directions. At QoS 0 there are none, and they
/// take no memory.
#[derive(Debug, Default)]
pub struct Flow(Option<Box<Ids>>);

#[derive(Debug, Default)]
struct Ids {
    received: HashSet<u16>,
    sent: HashMap<u16, Awaiting>,
    last: u16,
}

impl Flow {
    /// A PUBLISH came in. At QoS 2 it is new only once until its PUBREL [MQTT-4.3.3-2].
    pub fn arrived(&mut self, qos: Qos, packet_id: u16) -> Arrival {
        if qos == Qos::ExactlyOnce && !self.ids().received.insert(packet_id) {
            return Arrival::Repeated;
        }
        Arrival::New
    }

    /// A PUBREL came in: the identifier may be used again.
    pub fn released(&mut self, packet_id: u16) {
        if let Some(ids) = &mut self.0 {
            ids.received.remove(&packet_id);
        }
    }

    /// The identifier of a new outgoing message; 0 at QoS 0. `None`: as many as the receiver takes are
    /// in use, at most 65,535 (5.0: [MQTT-3.3.4-9]).
    pub fn next_id(&mut self, qos: Qos, receive_max: u16) -> Option<u16> {
        let awaiting = match qos {
            Qos::AtMostOnce => return Some(0),
            Qos::AtLeastOnce => Awaiting::Acknowledgement,
            Qos::ExactlyOnce => Awaiting::Record,
        };
        let ids = self.ids();
        if ids.sent.len() >= usize::from(receive_max) {
            return None;
        }
        loop {
            ids.last = ids.last.checked_add(1).unwrap_or(1);
            if let Entry::Vacant(free) = ids.sent.entry(ids.last) {
                free.insert(awaiting);
                return Some(ids.last);
            }
        }
    }

    /// A PUBACK came in. False: nothing waited for it.
    pub fn acknowledged(&mut self, packet_id: u16) -> bool {
        self.finish(packet_id, Awaiting::Acknowledgement)
    }

    /// A PUBREC came in. False: nothing waited for it.
    pub fn recorded(&mut self, packet_id: u16) -> bool {
        match self.0.as_mut().and_then(|ids| ids.sent.get_mut(&packet_id)) {
            // A repeated PUBREC is answered like the first one.
            Some(awaiting @ (Awaiting::Record | Awaiting::Completion)) => {
                *awaiting = Awaiting::Completion;
                true
            }
            _ => false,
        }
    }

    /// A PUBREC with a failure came in: there will be no PUBCOMP (5.0: section 4.3.3). False: nothing
    /// waited for it.
    pub fn refused(&mut self, packet_id: u16) -> bool {
        self.finish(packet_id, Awaiting::Record)
    }

    /// A PUBCOMP came in. False: nothing waited for it.
    pub fn completed(&mut self, packet_id: u16) -> bool {
        self.finish(packet_id, Awaiting::Completion)
    }

    fn finish(&mut self, packet_id: u16, expected: Awaiting) -> bool {
        let Some(ids) = &mut self.0 else { return false };
        let matches = ids.sent.get(&packet_id) == Some(&expected);
        if matches {
            ids.sent.remove(&packet_id);
        }
        matches
    }

    fn ids(&mut self) -> &mut Ids {
        self.0.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qos_2_message_is_new_once_until_it_is_released() {
        let mut flow = Flow::default();
        assert_eq!(flow.arrived(Qos::ExactlyOnce, 5), Arrival::New);
        assert_eq!(flow.arrived(Qos::ExactlyOnce, 5), Arrival::Repeated);
        flow.released(5);
        assert_eq!(flow.arrived(Qos::ExactlyOnce, 5), Arrival::New);
        assert_eq!(flow.arrived(Qos::AtLeastOnce, 6), Arrival::New);
        assert_eq!(flow.arrived(Qos::AtLeastOnce, 6), Arrival::New);
    }

    #[test]
    fn outgoing_identifiers_are_unique_while_in_use() {
        let mut flow = Flow::default();
        assert_eq!(flow.next_id(Qos::AtMostOnce, u16::MAX), Some(0));
        let mut seen: HashSet<u16> = (0..65_535)
            .map(|_| flow.next_id(Qos::AtLeastOnce, u16::MAX).unwrap())
            .collect();
        assert_eq!(seen.len(), 65_535);
        assert!(!seen.contains(&0));
        assert_eq!(flow.next_id(Qos::ExactlyOnce, u16::MAX), None);
        assert!(flow.acknowledged(77));
        assert!(!flow.acknowledged(77));
        assert_eq!(flow.next_id(Qos::ExactlyOnce, u16::MAX), Some(77));
        assert!(!seen.insert(77));
    }

    #[test]
    fn an_outgoing_qos_2_message_takes_three_answers() {
        let mut flow = Flow::default();
        let id = flow.next_id(Qos::ExactlyOnce, u16::MAX).unwrap();
        assert!(!flow.acknowledged(id));
        assert!(!flow.completed(id));
        assert!(flow.recorded(id));
        assert!(flow.recorded(id));
        assert!(flow.completed(id));
        assert!(!flow.recorded(id));
    }

    #[test]
    fn a_receiver_gets_no_more_than_it_takes() {
        let mut flow = Flow::default();
        let mut next = |qos| flow.next_id(qos, 2);
        assert_eq!(next(Qos::AtLeastOnce), Some(1));
        assert_eq!(next(Qos::ExactlyOnce), Some(2));
        assert_eq!(next(Qos::AtLeastOnce), None);
        assert_eq!(next(Qos::AtMostOnce), Some(0));
        // A refused message is done with.
        assert!(flow.refused(2) && !flow.refused(2) && !flow.refused(1));
        assert_eq!(flow.next_id(Qos::AtLeastOnce, 2), Some(3));
    }
}
