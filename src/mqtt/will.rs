//! The will of a CONNECT: what the server publishes when the client is lost (section 3.1.2.5). Not
//! here: publishing it.

use super::place::Place;
use super::reader::Reader;
use super::{DecodeError, EncodeError, Properties, Qos, Version, topic, writer};

/// The message that a server publishes on behalf of a client that it lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Will<'a> {
    /// A topic name: 1 to 65,535 bytes, no wildcards [MQTT-3.1.3-10], [MQTT-4.7.1-1].
    pub topic: &'a str,
    /// The message, at most 65,535 bytes, possibly empty.
    pub payload: &'a [u8],
    /// Quality of service of the message [MQTT-3.1.2-14].
    pub qos: Qos,
    /// Whether the message is to be retained.
    pub retain: bool,
    /// Those of the message, and after how long it is sent. 3.1.1 has none.
    pub properties: Properties<'a>,
}

impl<'a> Will<'a> {
    /// Reads topic and message, in 5.0 with properties in front [MQTT-3.1.2-9].
    pub(super) fn read(
        reader: &mut Reader<'a>,
        qos: Qos,
        retain: bool,
        version: Version,
    ) -> Result<Self, DecodeError> {
        let properties = match version {
            Version::V311 => Properties::NONE,
            Version::V5 => Properties::read(reader, Place::WILL)?.0,
        };
        Ok(Self {
            topic: reader.topic_name()?,
            payload: reader.binary()?,
            qos,
            retain,
            properties,
        })
    }

    /// Bytes of topic and message, and in 5.0 of the properties, all judged.
    pub(super) fn len(&self, version: Version) -> Result<usize, EncodeError> {
        let mut len = writer::field_len(self.topic.as_bytes())? + writer::field_len(self.payload)?;
        topic::check_name(self.topic)?;
        if version == Version::V5 {
            self.properties.check(Place::WILL)?;
            len += self.properties.len();
        }
        Ok(len)
    }

    /// Appends topic and message, and in 5.0 the properties, which [`len`](Self::len) has judged.
    pub(super) fn write(&self, version: Version, out: &mut Vec<u8>) {
        if version == Version::V5 {
            self.properties.write(out);
        }
        writer::field(self.topic.as_bytes(), out);
        writer::field(self.payload, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::Property;

    const FIELDS: [u8; 9] = [
        0, 3, // will topic: three bytes
        b'w', b'/', b't', //
        0, 2, // will message: two bytes, which need not be text
        0xff, 0x00,
    ];
    const WILL: Will<'static> = Will {
        topic: "w/t",
        payload: &[0xff, 0x00],
        qos: Qos::AtLeastOnce,
        retain: true,
        properties: Properties::NONE,
    };

    #[test]
    fn topic_and_message_follow_each_other() {
        let mut reader = Reader::new(&FIELDS);
        assert_eq!(
            Will::read(&mut reader, Qos::AtLeastOnce, true, Version::V311),
            Ok(WILL)
        );
        assert!(reader.is_empty());
        let mut out = Vec::new();
        WILL.write(Version::V311, &mut out);
        assert_eq!(out, FIELDS);
        assert_eq!(WILL.len(Version::V311), Ok(FIELDS.len()));
    }

    #[test]
    fn the_topic_is_a_name_and_the_message_fits() {
        let mut reader = Reader::new(&[0, 1, b'#', 0, 0]);
        let read = Will::read(&mut reader, Qos::AtMostOnce, false, Version::V311);
        assert_eq!(read, Err(DecodeError::WildcardInTopicName));
        let wildcard = Will { topic: "+", ..WILL };
        assert_eq!(
            wildcard.len(Version::V311),
            Err(EncodeError::BreaksRule(DecodeError::WildcardInTopicName))
        );
        let long = vec![0; 65_536];
        assert_eq!(
            Will {
                payload: &long,
                ..WILL
            }
            .len(Version::V311),
            Err(EncodeError::FieldTooLong)
        );
    }

    #[test]
    fn version_5_has_properties_in_front() {
        let fields = [&[5, 0x18, 0, 0, 0, 10][..], &FIELDS].concat(); // will delay: 10 s
        let mut reader = Reader::new(&fields);
        let will = Will::read(&mut reader, Qos::AtLeastOnce, true, Version::V5).expect("valid");
        let delay = Property::WillDelayInterval(10);
        assert_eq!(will.properties.iter().collect::<Vec<_>>(), [delay]);
        assert_eq!(will.len(Version::V5), Ok(fields.len()));
        let mut out = Vec::new();
        will.write(Version::V5, &mut out);
        assert_eq!(out, fields);
        let alias = [&[3, 0x23, 0, 1][..], &FIELDS].concat();
        let read = Will::read(
            &mut Reader::new(&alias),
            Qos::AtMostOnce,
            false,
            Version::V5,
        );
        assert_eq!(read, Err(DecodeError::MisplacedProperty(0x23)));
    }
}
