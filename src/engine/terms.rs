//! What a target of MQTT 5 says in CONNACK that it allows and asks for (5.0: section 3.2.2.3).
//!
//! Data. Not here: obeying it (`send`, `connect`, `dialect`). Version 3.1.1 has no such terms.

use crate::mqtt::{ConnAck, Property, Qos};

/// The terms of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// Messages of QoS 1 and 2 that may be unacknowledged [MQTT-3.3.4-9].
    pub receive_max: u16,
    /// Highest QoS of a message [MQTT-3.2.2-11].
    pub qos_max: u8,
    /// Whether messages may be retained [MQTT-3.2.2-14].
    pub retains: bool,
    /// Longest packet, in bytes [MQTT-3.2.2-15].
    pub packet_max: u32,
    /// Highest topic alias; 0: none [MQTT-3.2.2-17].
    pub alias_max: u16,
    /// The keep-alive instead of the profile's, in seconds [MQTT-3.2.2-21].
    pub keep_alive_s: Option<u16>,
}

impl Terms {
    /// What holds where nothing is said, and in 3.1.1.
    pub(super) const NONE: Self = Self {
        receive_max: u16::MAX,
        qos_max: 2,
        retains: true,
        packet_max: u32::MAX,
        alias_max: 0,
        keep_alive_s: None,
    };

    /// Those of an answer to CONNECT.
    pub(super) fn of(connack: &ConnAck<'_>) -> Self {
        let mut terms = Self::NONE;
        for property in connack.properties.iter() {
            match property {
                Property::ReceiveMaximum(messages) => terms.receive_max = messages,
                Property::MaximumQos(Qos::AtMostOnce) => terms.qos_max = 0,
                Property::MaximumQos(_) => terms.qos_max = 1,
                Property::RetainAvailable(available) => terms.retains = available,
                Property::MaximumPacketSize(bytes) => terms.packet_max = bytes,
                Property::TopicAliasMaximum(highest) => terms.alias_max = highest,
                Property::ServerKeepAlive(seconds) => terms.keep_alive_s = Some(seconds),
                _ => {}
            }
        }
        terms
    }

    /// What both allow.
    fn stricter(self, other: Self) -> Self {
        let shorter = match (self.keep_alive_s, other.keep_alive_s) {
            // 0 switches it off, and asks for nothing.
            (Some(one), Some(two)) if one != 0 && two != 0 => Some(one.min(two)),
            (Some(0) | None, only) | (only, _) => only,
        };
        Self {
            receive_max: self.receive_max.min(other.receive_max),
            qos_max: self.qos_max.min(other.qos_max),
            retains: self.retains && other.retains,
            packet_max: self.packet_max.min(other.packet_max),
            alias_max: self.alias_max.min(other.alias_max),
            keep_alive_s: shorter,
        }
    }
}

/// The different terms that a fleet was told: nearly always one, so that a connection needs a byte.
#[derive(Debug)]
pub(super) struct AllTerms(Vec<Terms>);

impl AllTerms {
    /// The number of [`Terms::NONE`].
    pub(super) const NONE: u8 = 0;

    pub(super) fn new() -> Self {
        Self(vec![Terms::NONE])
    }

    pub(super) fn get(&self, number: u8) -> &Terms {
        &self.0[usize::from(number)]
    }

    /// The number of these terms. A target that has more than 255 of them has the last ones obeyed
    /// together.
    pub(super) fn note(&mut self, terms: Terms) -> u8 {
        if let Some(known) = self.0.iter().position(|known| *known == terms) {
            return known as u8;
        }
        if let Ok(number) = u8::try_from(self.0.len()) {
            self.0.push(terms);
            return number;
        }
        if let Some(last) = self.0.last_mut() {
            *last = last.stricter(terms);
        }
        u8::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{PropertyList, Reason};

    #[test]
    fn what_is_not_said_has_its_default() {
        let mut list = PropertyList::new();
        assert_eq!(Terms::of(&ConnAck::of(false, Reason::Success)), Terms::NONE);
        for property in [
            Property::ReceiveMaximum(20),
            Property::MaximumQos(Qos::AtLeastOnce),
            Property::RetainAvailable(false),
            Property::MaximumPacketSize(1_000),
            Property::TopicAliasMaximum(10),
            Property::ServerKeepAlive(30),
        ] {
            list.push(property).expect("it fits");
        }
        let connack = ConnAck {
            properties: list.as_properties(),
            ..ConnAck::of(false, Reason::Success)
        };
        let expected = Terms {
            receive_max: 20,
            qos_max: 1,
            retains: false,
            packet_max: 1_000,
            alias_max: 10,
            keep_alive_s: Some(30),
        };
        assert_eq!(Terms::of(&connack), expected);
    }

    #[test]
    fn terms_that_are_one_too_many_are_obeyed_with_the_last() {
        let mut all = AllTerms::new();
        let of = |receive_max| Terms {
            receive_max,
            ..Terms::NONE
        };
        assert_eq!(all.note(Terms::NONE), AllTerms::NONE);
        assert_eq!((all.note(of(7)), all.note(of(7))), (1, 1));
        for other in 1_000..1_254 {
            all.note(of(other));
        }
        assert_eq!(all.note(of(40)), u8::MAX);
        let last = Terms {
            qos_max: 1,
            keep_alive_s: Some(9),
            ..Terms::NONE
        };
        assert_eq!(all.note(last), u8::MAX);
        let both = Terms {
            receive_max: 40,
            ..last
        };
        assert_eq!(*all.get(u8::MAX), both);
    }
}
