//! SUBACK: the server's answer to SUBSCRIBE (section 3.9). Not here: which code belongs to which
//! filter.

use super::place::Place;
use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Properties, Reason, Role, Version, writer};

/// The return code of a subscription that the server refused (section 3.9.3); in 5.0 it is one of
/// several, [`Reason::UnspecifiedError`].
pub const SUBSCRIPTION_REFUSED: u8 = 0x80;

/// The server's answer to a SUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubAck<'a> {
    /// That of the SUBSCRIBE [MQTT-2.3.1-7], never 0; 5.0: [MQTT-2.2.1-6].
    pub packet_id: u16,
    /// A reason string and user properties. 3.1.1 has none.
    pub properties: Properties<'a>,
    /// One per filter, in their order [MQTT-3.9.3-1]: the granted QoS 0, 1 or 2, or
    /// [`SUBSCRIPTION_REFUSED`] [MQTT-3.9.3-2], in 5.0 the reason why not. At least one, as SUBSCRIBE
    /// has at least one filter.
    pub codes: &'a [u8],
}

impl<'a> SubAck<'a> {
    pub(super) fn read(body: &'a [u8], role: Role, version: Version) -> Result<Self, DecodeError> {
        let place = Place::read_by(Kind::SubAck, role);
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id()?;
        let properties = match version {
            Version::V311 => Properties::NONE,
            Version::V5 => Properties::read(&mut reader, place)?.0,
        };
        let packet = Self {
            packet_id,
            properties,
            codes: reader.rest(),
        };
        packet.check(place, version)?;
        Ok(packet)
    }

    /// The first subscription that was refused, and why; 3.1.1 does not say why.
    pub fn refusal(&self) -> Option<Reason> {
        let refused = self.codes.iter().find(|&&code| code >= 0x80)?;
        Reason::read(*refused, Place::written(Kind::SubAck)).ok()
    }

    /// Appends the packet, in 3.1.1 without properties. No code, a reserved code, packet identifier 0
    /// and in 5.0 a property that has no place here are errors.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let packet_id = writer::packet_id(self.packet_id)?;
        let place = Place::written(Kind::SubAck);
        self.check(place, version)?;
        let properties_len = match version {
            Version::V311 => 0,
            Version::V5 => {
                self.properties.check(place)?;
                self.properties.len()
            }
        };
        let len = 2 + properties_len + self.codes.len();
        writer::begin(Kind::SubAck.first_byte(), len, out)?;
        writer::number(packet_id, out);
        if properties_len > 0 {
            self.properties.write(out);
        }
        out.extend_from_slice(self.codes);
        Ok(())
    }

    fn check(&self, place: Place, version: Version) -> Result<(), DecodeError> {
        if self.codes.is_empty() {
            return Err(DecodeError::NoReturnCodes);
        }
        if version == Version::V5 {
            let mut codes = self.codes.iter();
            return codes.try_for_each(|&code| Reason::read(code, place).map(|_| ()));
        }
        match self
            .codes
            .iter()
            .find(|&&code| code > 2 && code != SUBSCRIPTION_REFUSED)
        {
            Some(&reserved) => Err(DecodeError::SubAckCode(reserved)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, vector};

    const BYTES: [u8; 8] = [
        0x90, // packet type 9, flags 0000
        6,    // remaining length
        0x12, 0x34, // packet identifier 0x1234
        0x00, 0x01, 0x02, // granted: QoS 0, 1, 2
        0x80, // refused
    ];

    fn read(bytes: &[u8]) -> Result<SubAck<'_>, DecodeError> {
        match vector::read(bytes, Role::Client)? {
            Packet::SubAck(packet) => Ok(packet),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_bytes_are_those_of_section_3_9() {
        let packet = SubAck {
            packet_id: 0x1234,
            properties: Properties::NONE,
            codes: &[0, 1, 2, SUBSCRIPTION_REFUSED],
        };
        let written = vector::written(|version, out| packet.write(version, out));
        assert_eq!(written, Ok(BYTES.to_vec()));
        assert_eq!(read(&BYTES), Ok(packet));
    }

    #[test]
    fn there_is_a_code_and_it_is_not_reserved() {
        assert_eq!(read(&[0x90, 2, 0, 1]), Err(DecodeError::NoReturnCodes));
        assert_eq!(read(&[0x90, 3, 0, 0, 0]), Err(DecodeError::PacketIdZero));
        for code in (3..=u8::MAX).filter(|&code| code != SUBSCRIPTION_REFUSED) {
            let bytes = [0x90, 4, 0, 1, 0, code];
            assert_eq!(read(&bytes), Err(DecodeError::SubAckCode(code)));
            let refused = SubAck {
                packet_id: 1,
                properties: Properties::NONE,
                codes: &bytes[4..],
            }
            .write(Version::V311, &mut Vec::new());
            assert_eq!(
                refused,
                Err(EncodeError::BreaksRule(DecodeError::SubAckCode(code)))
            );
        }
    }

    #[test]
    fn what_no_reader_would_accept_is_not_written() {
        let write = |packet_id, codes| {
            let packet = SubAck {
                packet_id,
                properties: Properties::NONE,
                codes,
            };
            packet.write(Version::V311, &mut Vec::new())
        };
        assert_eq!(
            write(0, &[0]),
            Err(EncodeError::BreaksRule(DecodeError::PacketIdZero))
        );
        assert_eq!(
            write(1, &[]),
            Err(EncodeError::BreaksRule(DecodeError::NoReturnCodes))
        );
    }

    #[test]
    fn version_5_says_why_it_refuses() {
        let bytes = [
            0x90, // packet type 9, flags 0000
            9,    // remaining length
            0x12, 0x34, // packet identifier 0x1234
            4,    // property length
            0x1f, 0, 1, b'r', // reason string
            0x01, // granted: QoS 1
            0x9e, // shared subscriptions are not supported
        ];
        let Ok(Packet::SubAck(packet)) = vector::read_5(&bytes, Role::Client) else {
            panic!("{:?}", vector::read_5(&bytes, Role::Client));
        };
        assert_eq!(packet.codes, [0x01, 0x9e]);
        let reason = Reason::SharedSubscriptionsNotSupported;
        assert_eq!(packet.refusal(), Some(reason));
        vector::is_written_5(Packet::SubAck(packet), &bytes);
        let reserved = vector::read_5(&[0x90, 4, 0, 1, 0, 3], Role::Client);
        assert_eq!(reserved, Err(DecodeError::ReasonCode(3)));
        let none = vector::read_5(&[0x90, 3, 0, 1, 0], Role::Client);
        assert_eq!(none, Err(DecodeError::NoReturnCodes));
    }
}
