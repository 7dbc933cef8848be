//! The will of a CONNECT: what the server publishes when the client is lost (section 3.1.2.5). Not
//! here: publishing it.

use super::reader::Reader;
use super::{DecodeError, EncodeError, Qos, topic, writer};

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
}

impl<'a> Will<'a> {
    /// Reads topic and message [MQTT-3.1.2-9].
    pub(super) fn read(
        reader: &mut Reader<'a>,
        qos: Qos,
        retain: bool,
    ) -> Result<Self, DecodeError> {
        Ok(Self {
            topic: reader.topic_name()?,
            payload: reader.binary()?,
            qos,
            retain,
        })
    }

    /// Bytes of topic and message, both judged.
    pub(super) fn len(&self) -> Result<usize, EncodeError> {
        let len = writer::field_len(self.topic.as_bytes())? + writer::field_len(self.payload)?;
        topic::check_name(self.topic)?;
        Ok(len)
    }

    /// Appends topic and message, which [`len`](Self::len) has judged.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        writer::field(self.topic.as_bytes(), out);
        writer::field(self.payload, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    };

    #[test]
    fn topic_and_message_follow_each_other() {
        let mut reader = Reader::new(&FIELDS);
        assert_eq!(Will::read(&mut reader, Qos::AtLeastOnce, true), Ok(WILL));
        assert!(reader.is_empty());
        let mut out = Vec::new();
        WILL.write(&mut out);
        assert_eq!(out, FIELDS);
        assert_eq!(WILL.len(), Ok(FIELDS.len()));
    }

    #[test]
    fn the_topic_is_a_name_and_the_message_fits() {
        let mut reader = Reader::new(&[0, 1, b'#', 0, 0]);
        let read = Will::read(&mut reader, Qos::AtMostOnce, false);
        assert_eq!(read, Err(DecodeError::WildcardInTopicName));
        let wildcard = Will { topic: "+", ..WILL };
        assert_eq!(
            wildcard.len(),
            Err(EncodeError::BreaksRule(DecodeError::WildcardInTopicName))
        );
        let long = vec![0; 65_536];
        assert_eq!(
            Will {
                payload: &long,
                ..WILL
            }
            .len(),
            Err(EncodeError::FieldTooLong)
        );
    }
}
