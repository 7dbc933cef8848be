//! What a client of MQTT 5 and the tenant tell each other at the beginning: the limits of the one, and
//! what the other has. Not here: 3.1.1, which has no such terms.
//!
//! The tenant keeps no sessions and retains nothing. It has no topic aliases, no subscription
//! identifiers, no shared subscriptions, and no enhanced authentication; it says so and refuses them.

use super::session::Ending;
use crate::mqtt::{
    Connect, EncodeError, Property, PropertyList, Publish, Reason, Subscribe, SubscribeOptions,
    topic,
};

/// What a client says of itself in CONNECT (5.0: section 3.1.2.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Messages of QoS 1 and 2 that it takes before it acknowledges one.
    pub receive_max: u16,
    /// The longest packet it takes, in bytes.
    pub packet_max: u32,
    /// It wants its session kept.
    pub keeps_session: bool,
    authenticates: bool,
    retains_will: bool,
}

impl Terms {
    /// Reads them; what is not there has its default.
    pub fn of(connect: &Connect) -> Self {
        let mut terms = Self {
            receive_max: u16::MAX,
            packet_max: u32::MAX,
            keeps_session: false,
            authenticates: false,
            retains_will: connect.will.is_some_and(|will| will.retain),
        };
        for property in connect.properties.iter() {
            match property {
                Property::ReceiveMaximum(messages) => terms.receive_max = messages,
                Property::MaximumPacketSize(bytes) => terms.packet_max = bytes,
                Property::SessionExpiryInterval(seconds) => terms.keeps_session = seconds > 0,
                Property::AuthenticationMethod(_) => terms.authenticates = true,
                _ => {}
            }
        }
        terms
    }

    /// Why the tenant cannot take the client, if it cannot: [MQTT-4.12.0-1], [MQTT-3.2.2-13].
    pub const fn refusal(self) -> Option<Reason> {
        if self.authenticates {
            Some(Reason::BadAuthenticationMethod)
        } else if self.retains_will {
            Some(Reason::RetainNotSupported)
        } else {
            None
        }
    }

    /// What the tenant answers: what it has not, the longest packet it takes, and the client identifier
    /// that it made up [MQTT-3.2.2-16].
    pub fn answer(
        self,
        packet_max: usize,
        assigned: Option<&str>,
    ) -> Result<PropertyList, EncodeError> {
        let mut list = PropertyList::new();
        list.push(Property::RetainAvailable(false))?;
        list.push(Property::SubscriptionIdentifierAvailable(false))?;
        list.push(Property::SharedSubscriptionAvailable(false))?;
        list.push(Property::MaximumPacketSize(
            u32::try_from(packet_max).unwrap_or(u32::MAX),
        ))?;
        if self.keeps_session {
            list.push(Property::SessionExpiryInterval(0))?;
        }
        if let Some(client_id) = assigned {
            list.push(Property::AssignedClientIdentifier(client_id))?;
        }
        Ok(list)
    }
}

/// Why a message breaks the terms, if it does: [MQTT-3.2.2-14], [MQTT-3.2.2-18].
pub fn breach(publish: &Publish) -> Option<Reason> {
    let alias = |property| matches!(property, Property::TopicAlias(_));
    if publish.retain {
        Some(Reason::RetainNotSupported)
    } else if publish.properties.iter().any(alias) {
        Some(Reason::TopicAliasInvalid)
    } else {
        None
    }
}

/// Why the tenant does not take one subscription, if it does not. Messages of the client itself cannot
/// be kept from it.
pub fn subscription_refusal(
    subscribe: &Subscribe,
    filter: &str,
    options: SubscribeOptions,
) -> Option<Reason> {
    let identifier = |property| matches!(property, Property::SubscriptionIdentifier(_));
    if subscribe.properties.iter().any(identifier) {
        Some(Reason::SubscriptionIdentifiersNotSupported)
    } else if topic::shared(filter).is_some() {
        Some(Reason::SharedSubscriptionsNotSupported)
    } else if options.no_local {
        Some(Reason::ImplementationSpecificError)
    } else {
        None
    }
}

/// What a client is told before its connection is closed by the tenant; `None`: it hears nothing more.
pub fn farewell(ending: Ending) -> Option<Reason> {
    match ending {
        // What is injected looks like a lost network.
        Ending::Peer
        | Ending::Refused(_)
        | Ending::NoConnect
        | Ending::Injected
        | Ending::SlowReader => None,
        Ending::TakenOver => Some(Reason::SessionTakenOver),
        Ending::KeepAlive => Some(Reason::KeepAliveTimeout),
        Ending::Breach(reason) => Some(reason),
        Ending::Protocol(rule) => Some(of_rule(rule)),
    }
}

/// How 5.0 classes a broken rule (section 4.13): what cannot be read is malformed, what may not be said
/// is a protocol error.
pub fn of_rule(rule: &str) -> Reason {
    match rule {
        "too-large" => Reason::PacketTooLarge,
        "second-connect"
        | "duplicate-property"
        | "property-value"
        | "empty-topic"
        | "no-filters"
        | "no-local-on-shared"
        | "retain-handling"
        | "no-authentication-method"
        | "reserved-type"
        | "wrong-direction" => Reason::ProtocolError,
        _ => Reason::MalformedPacket,
    }
}

/// Bytes of a message as a packet of 5.0 without properties, at most.
pub const fn packet_len(topic: &str, payload: &[u8]) -> usize {
    // Fixed header, length of the topic, packet identifier, length of the properties.
    5 + 2 + topic.len() + 2 + 1 + payload.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{DecodeError, Properties, Qos, Version};

    #[test]
    fn a_packet_is_not_longer_than_it_is_said_to_be() {
        let (topic, payload) = ("a/b", [0; 300]);
        let publish = Publish {
            dup: false,
            qos: Qos::AtLeastOnce,
            retain: false,
            topic,
            packet_id: 1,
            payload: &payload,
            properties: Properties::NONE,
        };
        let mut out = Vec::new();
        publish.write(Version::V5, &mut out).expect("valid");
        let said = packet_len(topic, &payload);
        assert!(out.len() <= said && said < out.len() + 4);
    }

    #[test]
    fn broken_rules_have_their_class() {
        let told = |rule| farewell(Ending::Protocol(rule));
        assert_eq!(
            told(DecodeError::TooLarge.name()),
            Some(Reason::PacketTooLarge)
        );
        assert_eq!(
            told(DecodeError::DuplicateProperty(1).name()),
            Some(Reason::ProtocolError)
        );
        assert_eq!(
            told(DecodeError::IllFormedUtf8.name()),
            Some(Reason::MalformedPacket)
        );
        assert_eq!(farewell(Ending::Injected), None);
    }
}
