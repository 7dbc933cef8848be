//! PUBLISH: an application message, in both directions (section 3.3). Not here: acknowledging it.
//!
//! The packet a load test consists of: read without allocation, the topic and the payload borrowed.

use super::place::Place;
use super::properties::Seen;
use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Properties, Qos, Role, Version, topic, writer};

const DUP: u8 = 0b1000;
const RETAIN: u8 = 0b0001;

/// An application message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Publish<'a> {
    /// A repeated delivery. Never with QoS 0 [MQTT-3.3.1-2].
    pub dup: bool,
    /// Quality of service; 3 is refused [MQTT-3.3.1-4].
    pub qos: Qos,
    /// To be retained by the server, or delivered because it had been.
    pub retain: bool,
    /// The topic name: 1 to 65,535 bytes, no wildcards [MQTT-3.3.2-1], [MQTT-3.3.2-2]. In 5.0 empty
    /// where a topic alias stands for it.
    pub topic: &'a str,
    /// 0 if and only if QoS is 0, when the packet has none [MQTT-2.3.1-1], [MQTT-2.3.1-5]; 5.0:
    /// [MQTT-2.2.1-2] to [MQTT-2.2.1-4].
    pub packet_id: u16,
    /// The message, possibly empty.
    pub payload: &'a [u8],
    /// What goes with the message. 3.1.1 has none.
    pub properties: Properties<'a>,
}

impl<'a> Publish<'a> {
    #[inline]
    pub(super) fn read(
        first_byte: u8,
        body: &'a [u8],
        role: Role,
        version: Version,
    ) -> Result<Self, DecodeError> {
        let qos = Qos::try_from(first_byte >> 1 & 0b11)?;
        let dup = first_byte & DUP != 0;
        if dup && qos == Qos::AtMostOnce {
            return Err(DecodeError::DupWithQos0);
        }
        let mut reader = Reader::new(body);
        let topic = match version {
            Version::V311 => reader.topic_name()?,
            Version::V5 => reader.topic_name_or_none()?,
        };
        let packet_id = if qos == Qos::AtMostOnce {
            0
        } else {
            reader.packet_id()?
        };
        let properties = match version {
            Version::V311 => Properties::NONE,
            Version::V5 => {
                let place = Place::read_by(Kind::Publish, role);
                let (properties, seen) = Properties::read(&mut reader, place)?;
                check_alias(topic, seen)?;
                properties
            }
        };
        Ok(Self {
            dup,
            qos,
            retain: first_byte & RETAIN != 0,
            topic,
            packet_id,
            payload: reader.rest(),
            properties,
        })
    }

    /// Appends the packet, in 3.1.1 without properties. An invalid topic, a packet identifier that does
    /// not go with the QoS, DUP with QoS 0, what is too long and in 5.0 a property that has no place
    /// here are errors.
    #[inline]
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.dup && self.qos == Qos::AtMostOnce {
            return Err(EncodeError::BreaksRule(DecodeError::DupWithQos0));
        }
        let topic_len = writer::field_len(self.topic.as_bytes())?;
        let properties_len = match version {
            Version::V311 => {
                topic::check_name(self.topic)?;
                0
            }
            Version::V5 => self.check_properties()?,
        };
        let packet_id_len = match self.qos {
            Qos::AtMostOnce if self.packet_id != 0 => return Err(EncodeError::PacketIdWithQos0),
            Qos::AtMostOnce => 0,
            Qos::AtLeastOnce | Qos::ExactlyOnce => {
                writer::packet_id(self.packet_id)?;
                2
            }
        };
        let dup = if self.dup { DUP } else { 0 };
        let flags = dup | (self.qos as u8) << 1 | u8::from(self.retain);
        let len = topic_len + packet_id_len + properties_len + self.payload.len();
        writer::begin(Kind::Publish.first_byte() | flags, len, out)?;
        writer::field(self.topic.as_bytes(), out);
        if packet_id_len != 0 {
            writer::number(self.packet_id, out);
        }
        if properties_len != 0 {
            self.properties.write(out);
        }
        out.extend_from_slice(self.payload);
        Ok(())
    }

    /// Judges topic and properties of 5.0 and returns the bytes of the properties, never 0.
    fn check_properties(&self) -> Result<usize, EncodeError> {
        if !self.topic.is_empty() {
            topic::check_name(self.topic)?;
        }
        let seen = self.properties.check(Place::written(Kind::Publish))?;
        check_alias(self.topic, seen)?;
        Ok(self.properties.len())
    }
}

/// "It is a Protocol Error if the Topic Name is zero length and there is no Topic Alias" (5.0:
/// section 3.3.2.1).
fn check_alias(topic: &str, seen: Seen) -> Result<(), DecodeError> {
    if topic.is_empty() && !seen.has(Seen::TOPIC_ALIAS) {
        Err(DecodeError::EmptyTopic)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Property, vector};

    const QOS_2: [u8; 11] = [
        0b0011_1101, // packet type 3, DUP 1, QoS 2, RETAIN 1
        9,           // remaining length
        0,
        3, // topic: three bytes
        b'a',
        b'/',
        b'b', //
        0x12,
        0x34, // packet identifier 0x1234
        b'h',
        b'i', // payload: all the rest
    ];
    const QOS_0: [u8; 5] = [
        0b0011_0000, // packet type 3, DUP 0, QoS 0, RETAIN 0
        3,           // remaining length
        0,
        1, // topic: one byte; no packet identifier, no payload
        b'a',
    ];

    fn read(bytes: &[u8]) -> Result<Publish<'_>, DecodeError> {
        match vector::read(bytes, Role::Client)? {
            Packet::Publish(packet) => Ok(packet),
            other => panic!("{other:?}"),
        }
    }

    fn write(publish: &Publish<'_>) -> Result<Vec<u8>, EncodeError> {
        vector::written(|version, out| publish.write(version, out))
    }

    fn full() -> Publish<'static> {
        Publish {
            dup: true,
            qos: Qos::ExactlyOnce,
            retain: true,
            topic: "a/b",
            packet_id: 0x1234,
            payload: b"hi",
            properties: Properties::NONE,
        }
    }

    #[test]
    fn a_publish_of_qos_2_has_a_packet_identifier() {
        assert_eq!(read(&QOS_2), Ok(full()));
        assert_eq!(write(&full()), Ok(QOS_2.to_vec()));
    }

    #[test]
    fn a_publish_of_qos_0_has_none() {
        let packet = Publish {
            dup: false,
            qos: Qos::AtMostOnce,
            retain: false,
            topic: "a",
            packet_id: 0,
            payload: b"",
            properties: Properties::NONE,
        };
        assert_eq!(read(&QOS_0), Ok(packet));
        assert_eq!(write(&packet), Ok(QOS_0.to_vec()));
    }

    #[test]
    fn the_flags_obey_section_3_3_1() {
        let with_flags = |flags: u8| {
            let mut bytes = QOS_2;
            bytes[0] = 0x30 | flags;
            read(&bytes).map(|packet| packet.qos)
        };
        assert_eq!(with_flags(0b0110), Err(DecodeError::ReservedQos));
        assert_eq!(with_flags(0b1111), Err(DecodeError::ReservedQos));
        assert_eq!(with_flags(0b1000), Err(DecodeError::DupWithQos0));
        assert_eq!(with_flags(0b1001), Err(DecodeError::DupWithQos0));
        assert_eq!(with_flags(0b1010), Ok(Qos::AtLeastOnce));
    }

    #[test]
    fn the_topic_is_a_topic_name() {
        let with_topic = |byte| {
            let mut bytes = QOS_0;
            bytes[4] = byte;
            read(&bytes).err()
        };
        assert_eq!(with_topic(b'#'), Some(DecodeError::WildcardInTopicName));
        assert_eq!(with_topic(b'+'), Some(DecodeError::WildcardInTopicName));
        assert_eq!(with_topic(0), Some(DecodeError::NullCharacter));
        assert_eq!(with_topic(0x80), Some(DecodeError::IllFormedUtf8));
        assert_eq!(with_topic(b'$'), None);
        assert_eq!(read(&[0x30, 2, 0, 0]), Err(DecodeError::EmptyTopic));
        assert_eq!(read(&[0x30, 0]), Err(DecodeError::FieldTooLong));
        assert_eq!(
            read(&[0x32, 4, 0, 1, b'a', 1]),
            Err(DecodeError::FieldTooLong)
        );
        assert_eq!(
            read(&[0x32, 5, 0, 1, b'a', 0, 0]),
            Err(DecodeError::PacketIdZero)
        );
    }

    #[test]
    fn what_no_reader_would_accept_is_not_written() {
        let rule = |rule| Err(EncodeError::BreaksRule(rule));
        assert_eq!(
            write(&Publish {
                topic: "",
                ..full()
            }),
            rule(DecodeError::EmptyTopic)
        );
        assert_eq!(
            write(&Publish {
                topic: "a/#",
                ..full()
            }),
            rule(DecodeError::WildcardInTopicName)
        );
        assert_eq!(
            write(&Publish {
                packet_id: 0,
                ..full()
            }),
            rule(DecodeError::PacketIdZero)
        );
        assert_eq!(
            write(&Publish {
                qos: Qos::AtMostOnce,
                ..full()
            }),
            rule(DecodeError::DupWithQos0)
        );
        let qos_0 = Publish {
            dup: false,
            qos: Qos::AtMostOnce,
            ..full()
        };
        assert_eq!(write(&qos_0), Err(EncodeError::PacketIdWithQos0));
        let long = "a".repeat(65_536);
        assert_eq!(
            write(&Publish {
                topic: &long,
                ..full()
            }),
            Err(EncodeError::FieldTooLong)
        );
    }

    #[test]
    fn version_5_has_properties_between_identifier_and_payload() {
        let bytes = [
            0b0011_0010, // packet type 3, DUP 0, QoS 1, RETAIN 0
            21,          // remaining length
            0,
            1,
            b'a', // topic
            0x12,
            0x34, // packet identifier 0x1234
            11,   // property length
            0x08,
            0,
            1,
            b'r', // response topic
            0x09,
            0,
            4,
            1,
            2,
            3,
            4, // correlation data
            b'x',
            b'y',
            b'z',
            b'!', // payload
        ];
        let Ok(Packet::Publish(packet)) = vector::read_5(&bytes, Role::Client) else {
            panic!("{:?}", vector::read_5(&bytes, Role::Client));
        };
        assert_eq!((packet.topic, packet.payload), ("a", &b"xyz!"[..]));
        assert_eq!(
            packet.properties.iter().collect::<Vec<_>>(),
            [
                Property::ResponseTopic("r"),
                Property::CorrelationData(&[1, 2, 3, 4])
            ]
        );
        vector::is_written_5(Packet::Publish(packet), &bytes);
    }

    #[test]
    fn an_alias_stands_for_a_topic() {
        let bytes = [0x30, 6, 0, 0, 3, 0x23, 0, 7];
        let Ok(Packet::Publish(packet)) = vector::read_5(&bytes, Role::Server) else {
            panic!("{:?}", vector::read_5(&bytes, Role::Server));
        };
        assert_eq!(packet.topic, "");
        vector::is_written_5(Packet::Publish(packet), &bytes);
        let read = |bytes, role| vector::read_5(bytes, role).map(|_| ());
        let nothing = [0x30, 3, 0, 0, 0];
        assert_eq!(read(&nothing, Role::Server), Err(DecodeError::EmptyTopic));
        let bare = Publish {
            properties: Properties::NONE,
            ..packet
        };
        let refused = bare.write(Version::V5, &mut Vec::new());
        let rule = DecodeError::EmptyTopic;
        assert_eq!(refused, Err(EncodeError::BreaksRule(rule)));
        // Of a subscription only a server speaks [MQTT-3.3.4-6].
        let subscription = [0x30, 6, 0, 1, b'a', 2, 0x0b, 1];
        assert_eq!(read(&subscription, Role::Client), Ok(()));
        let refused = Err(DecodeError::MisplacedProperty(0x0b));
        assert_eq!(read(&subscription, Role::Server), refused);
    }
}
