//! One property of a packet (5.0: section 2.2.2.2, table 2-4): its identifier, what its value is and
//! where it may stand. Not here: the list of a packet's properties, see `properties`.

use super::place::{Place, Places};
use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Qos, topic, wire};

macro_rules! properties {
    ($($(#[$doc:meta])+ $property:ident($value:ty) = $id:literal, $wire:ident, $places:expr;)+) => {
        /// A property with its value. Text is at most 65,535 bytes and without U+0000, as everywhere.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Property<'a> {
            $($(#[$doc])+ $property($value),)+
        }

        impl<'a> Property<'a> {
            /// The identifier of table 2-4.
            pub const fn id(&self) -> u8 {
                match self {
                    $(Self::$property(_) => $id,)+
                }
            }

            /// Reads identifier and value.
            pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                Ok(match reader.byte()? {
                    $($id => Self::$property(
                        wire::$wire::read(reader).map_err(|error| of_value(error, $id))?
                    ),)+
                    unknown => return Err(DecodeError::UnknownProperty(unknown)),
                })
            }

            /// Appends identifier and value. Too long a text appends nothing.
            pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                match *self {
                    $(Self::$property(value) => {
                        let len = 1 + wire::$wire::len(value)?;
                        out.reserve(len);
                        out.push($id);
                        wire::$wire::write(value, out);
                    })+
                }
                Ok(())
            }

            const fn places(&self) -> Places {
                match self {
                    $(Self::$property(_) => $places,)+
                }
            }
        }

        /// Every identifier of table 2-4.
        #[cfg(test)]
        const IDS: [u8; 27] = [$($id),+];
    };
}

/// Where most of a message's properties stand.
const MESSAGE: Places = Places::of(&[Kind::Publish]).and(Places::WILL);
const CONNECT: Places = Places::of(&[Kind::Connect]);
const CONNACK: Places = Places::of(&[Kind::ConnAck]);
const ACKNOWLEDGEMENTS: Places = Places::of(&[
    Kind::PubAck,
    Kind::PubRec,
    Kind::PubRel,
    Kind::PubComp,
    Kind::SubAck,
    Kind::UnsubAck,
]);
const AUTH: Places = Places::of(&[Kind::Auth]);

properties! {
    /// The payload is UTF-8 text (section 3.3.2.3.2). Whether it is is not looked at: a receiver may.
    PayloadFormatIndicator(bool) = 0x01, flag, MESSAGE;
    /// Seconds after which the message is of no use any more (section 3.3.2.3.3).
    MessageExpiryInterval(u32) = 0x02, four, MESSAGE;
    /// What the payload is, in the application's words.
    ContentType(&'a str) = 0x03, text, MESSAGE;
    /// The topic name of the response [MQTT-3.3.2-14].
    ResponseTopic(&'a str) = 0x08, text, MESSAGE;
    /// What tells to which request a response belongs.
    CorrelationData(&'a [u8]) = 0x09, binary, MESSAGE;
    /// Number of a subscription, 1 to 268,435,455 (section 3.8.2.1.2). In PUBLISH one for each
    /// subscription that the message matches, and never from a client [MQTT-3.3.4-6].
    SubscriptionIdentifier(u32) = 0x0b, variable,
        Places::by_server(&[Kind::Publish]).and(Places::of(&[Kind::Subscribe]));
    /// Seconds for which the session outlives its connection; all bits 1 is for ever. Not from a
    /// server in DISCONNECT [MQTT-3.14.2-2].
    SessionExpiryInterval(u32) = 0x11, four,
        CONNECT.and(CONNACK).and(Places::by_client(&[Kind::Disconnect]));
    /// The client identifier that the server made up [MQTT-3.2.2-16].
    AssignedClientIdentifier(&'a str) = 0x12, text, CONNACK;
    /// The keep-alive that the client has to obey instead of its own, in seconds [MQTT-3.2.2-21].
    ServerKeepAlive(u16) = 0x13, two, CONNACK;
    /// Name of an enhanced authentication (section 4.12).
    AuthenticationMethod(&'a str) = 0x15, text, CONNECT.and(CONNACK).and(AUTH);
    /// What the method exchanges.
    AuthenticationData(&'a [u8]) = 0x16, binary, CONNECT.and(CONNACK).and(AUTH);
    /// Whether acknowledgements may have a reason string and user properties [MQTT-3.1.2-29].
    RequestProblemInformation(bool) = 0x17, flag, CONNECT;
    /// Seconds between the loss of a client and its will (section 3.1.3.2.2).
    WillDelayInterval(u32) = 0x18, four, Places::WILL;
    /// Whether CONNACK may have [`ResponseInformation`](Self::ResponseInformation) [MQTT-3.1.2-28].
    RequestResponseInformation(bool) = 0x19, flag, CONNECT;
    /// What a client makes response topics of.
    ResponseInformation(&'a str) = 0x1a, text, CONNACK;
    /// Another server to use (section 4.11).
    ServerReference(&'a str) = 0x1c, text, CONNACK.and(Places::by_server(&[Kind::Disconnect]));
    /// The reason in words, for people.
    ReasonString(&'a str) = 0x1f, text,
        CONNACK.and(ACKNOWLEDGEMENTS).and(Places::of(&[Kind::Disconnect])).and(AUTH);
    /// How many messages of QoS 1 and 2 may be unacknowledged, 1 to 65,535.
    ReceiveMaximum(u16) = 0x21, two, CONNECT.and(CONNACK);
    /// The highest topic alias that the sender accepts; 0: none.
    TopicAliasMaximum(u16) = 0x22, two, CONNECT.and(CONNACK);
    /// A number in place of the topic name, 1 to 65,535 [MQTT-3.3.2-8].
    TopicAlias(u16) = 0x23, two, Places::of(&[Kind::Publish]);
    /// The highest QoS of messages that the server accepts: 0 or 1 [MQTT-3.2.2-9].
    MaximumQos(Qos) = 0x24, level, CONNACK;
    /// Whether the server retains messages [MQTT-3.2.2-14].
    RetainAvailable(bool) = 0x25, flag, CONNACK;
    /// A name and a value that mean something to the application alone. May be repeated, with the
    /// same name too.
    UserProperty((&'a str, &'a str)) = 0x26, pair,
        Places::of(&[Kind::Connect, Kind::Publish, Kind::Subscribe, Kind::Unsubscribe, Kind::Disconnect])
            .and(CONNACK).and(ACKNOWLEDGEMENTS).and(AUTH).and(Places::WILL);
    /// The largest packet that the sender accepts, in bytes, not 0.
    MaximumPacketSize(u32) = 0x27, four, CONNECT.and(CONNACK);
    /// Whether the server has subscriptions with wildcards.
    WildcardSubscriptionAvailable(bool) = 0x28, flag, CONNACK;
    /// Whether the server has subscription identifiers.
    SubscriptionIdentifierAvailable(bool) = 0x29, flag, CONNACK;
    /// Whether the server has shared subscriptions.
    SharedSubscriptionAvailable(bool) = 0x2a, flag, CONNACK;
}

/// A byte that is no value of its property is told by the property.
fn of_value(error: DecodeError, id: u8) -> DecodeError {
    match error {
        DecodeError::PropertyValue(_) => DecodeError::PropertyValue(id),
        other => other,
    }
}

impl Property<'_> {
    /// Judges place and value.
    pub(super) fn check(&self, place: Place) -> Result<(), DecodeError> {
        if !self.places().contain(place) {
            return Err(DecodeError::MisplacedProperty(self.id()));
        }
        let allowed = match *self {
            Self::ReceiveMaximum(number) | Self::TopicAlias(number) => number != 0,
            Self::MaximumPacketSize(number) | Self::SubscriptionIdentifier(number) => number != 0,
            Self::MaximumQos(qos) => qos != Qos::ExactlyOnce,
            Self::ResponseTopic(name) => return topic::check_name(name),
            _ => true,
        };
        if allowed {
            Ok(())
        } else {
            Err(DecodeError::PropertyValue(self.id()))
        }
    }

    /// Whether it may stand there more than once (sections 2.2.2.2 and 3.3.2.3.8).
    pub(super) const fn may_repeat(&self, place: Place) -> bool {
        match self {
            Self::UserProperty(_) => true,
            Self::SubscriptionIdentifier(_) => place.is_in(Kind::Publish),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::Role;

    /// Table 2-4: identifiers in each packet, by a client and by a server.
    const TABLE: [(Kind, &[u8], &[u8]); 14] = [
        (
            Kind::Connect,
            &[0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27],
            &[0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27],
        ),
        (Kind::ConnAck, CONNACK_IDS, CONNACK_IDS),
        (
            Kind::Publish,
            &[0x01, 0x02, 0x03, 0x08, 0x09, 0x23, 0x26],
            &[0x01, 0x02, 0x03, 0x08, 0x09, 0x0b, 0x23, 0x26],
        ),
        (Kind::PubAck, &[0x1f, 0x26], &[0x1f, 0x26]),
        (Kind::PubRec, &[0x1f, 0x26], &[0x1f, 0x26]),
        (Kind::PubRel, &[0x1f, 0x26], &[0x1f, 0x26]),
        (Kind::PubComp, &[0x1f, 0x26], &[0x1f, 0x26]),
        (Kind::Subscribe, &[0x0b, 0x26], &[0x0b, 0x26]),
        (Kind::SubAck, &[0x1f, 0x26], &[0x1f, 0x26]),
        (Kind::Unsubscribe, &[0x26], &[0x26]),
        (Kind::UnsubAck, &[0x1f, 0x26], &[0x1f, 0x26]),
        (Kind::PingReq, &[], &[]),
        (Kind::Disconnect, &[0x11, 0x1f, 0x26], &[0x1c, 0x1f, 0x26]),
        (
            Kind::Auth,
            &[0x15, 0x16, 0x1f, 0x26],
            &[0x15, 0x16, 0x1f, 0x26],
        ),
    ];
    const CONNACK_IDS: &[u8] = &[
        0x11, 0x12, 0x13, 0x15, 0x16, 0x1a, 0x1c, 0x1f, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27, 0x28,
        0x29, 0x2a,
    ];
    const WILL_IDS: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26];

    /// A property with this identifier and a value that is allowed: one byte of 1, or `a`.
    fn example(id: u8) -> Property<'static> {
        let values: [&[u8]; 6] = [
            &[1],
            &[0, 1],
            &[0, 0, 0, 1],
            &[0, 1, b'a'],
            &[0, 1, b'a', 0, 1, b'a'],
            &[],
        ];
        for value in values {
            let bytes: &'static [u8] = [&[id][..], value].concat().leak();
            let mut reader = Reader::new(bytes);
            if let Ok(property) = Property::read(&mut reader)
                && reader.is_empty()
            {
                return property;
            }
        }
        panic!("no value fits {id:#04x}");
    }

    fn ids_at(place: Place) -> Vec<u8> {
        let here = |id: &u8| example(*id).check(place).is_ok();
        IDS.into_iter().filter(here).collect()
    }

    #[test]
    fn each_property_stands_where_table_2_4_has_it() {
        for (kind, by_client, by_server) in TABLE {
            assert_eq!(
                ids_at(Place::read_by(kind, Role::Server)),
                by_client,
                "{kind:?}"
            );
            assert_eq!(
                ids_at(Place::read_by(kind, Role::Client)),
                by_server,
                "{kind:?}"
            );
        }
        assert_eq!(ids_at(Place::WILL), WILL_IDS);
    }

    #[test]
    fn identifiers_lead_to_properties_and_back() {
        for id in 0..=u8::MAX {
            if IDS.contains(&id) {
                assert_eq!(example(id).id(), id);
            } else {
                let bytes = [id, 0, 0];
                let read = Property::read(&mut Reader::new(&bytes));
                assert_eq!(read, Err(DecodeError::UnknownProperty(id)));
            }
        }
    }

    #[test]
    fn a_value_outside_of_its_range_is_refused() {
        let judged = |bytes: &[u8], kind| {
            Property::read(&mut Reader::new(bytes))?.check(Place::written(kind))
        };
        for (bytes, kind) in [
            (&[0x01, 2][..], Kind::Publish),
            (&[0x17, 2], Kind::Connect),
            (&[0x19, 0xff], Kind::Connect),
            (&[0x21, 0, 0], Kind::Connect),
            (&[0x23, 0, 0], Kind::Publish),
            (&[0x24, 2], Kind::ConnAck),
            (&[0x24, 3], Kind::ConnAck),
            (&[0x25, 2], Kind::ConnAck),
            (&[0x27, 0, 0, 0, 0], Kind::ConnAck),
            (&[0x28, 2], Kind::ConnAck),
            (&[0x29, 2], Kind::ConnAck),
            (&[0x2a, 2], Kind::ConnAck),
            (&[0x0b, 0], Kind::Subscribe),
        ] {
            let refused = Err(DecodeError::PropertyValue(bytes[0]));
            assert_eq!(judged(bytes, kind), refused, "{bytes:02x?}");
        }
        for (topic, expected) in [
            (b"a/b", Ok(())),
            (b"a/+", Err(DecodeError::WildcardInTopicName)),
            (b"a\0b", Err(DecodeError::NullCharacter)),
        ] {
            let bytes = [&[0x08, 0, 3], &topic[..]].concat();
            assert_eq!(judged(&bytes, Kind::Publish), expected, "{topic:02x?}");
        }
        assert_eq!(judged(&[0x22, 0, 0], Kind::Connect), Ok(()));
        assert_eq!(
            judged(&[0x08, 0, 0], Kind::Publish),
            Err(DecodeError::EmptyTopic)
        );
    }
}
