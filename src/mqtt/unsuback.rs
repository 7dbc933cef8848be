//! UNSUBACK: the server has dropped subscriptions (section 3.11). Not here: the exchange that it is
//! a step of.

use super::place::Place;
use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Properties, Reason, Role, Version, ack, writer};

/// Acknowledges an UNSUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnsubAck<'a> {
    /// That of the UNSUBSCRIBE [MQTT-2.3.1-7], never 0 [MQTT-2.3.1-1]; 5.0: [MQTT-2.2.1-6].
    pub packet_id: u16,
    /// A reason string and user properties. 3.1.1 has none.
    pub properties: Properties<'a>,
    /// One for each filter, in their order (5.0: [MQTT-3.11.3-1], [MQTT-3.11.3-2]). At least one, as
    /// UNSUBSCRIBE has at least one filter. 3.1.1 has none.
    pub codes: &'a [u8],
}

impl<'a> UnsubAck<'a> {
    pub(super) fn read(body: &'a [u8], role: Role, version: Version) -> Result<Self, DecodeError> {
        match version {
            Version::V311 => Ok(Self {
                packet_id: ack::read(body)?,
                properties: Properties::NONE,
                codes: &[],
            }),
            Version::V5 => {
                let mut reader = Reader::new(body);
                let place = Place::read_by(Kind::UnsubAck, role);
                let packet = Self {
                    packet_id: reader.packet_id()?,
                    properties: Properties::read(&mut reader, place)?.0,
                    codes: reader.rest(),
                };
                packet.check(place)?;
                Ok(packet)
            }
        }
    }

    /// Appends the packet, in 3.1.1 four bytes, without properties and codes. Packet identifier 0, and
    /// in 5.0 no code, a reserved one or a property that has no place here, are errors.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match version {
            Version::V311 => ack::write(Kind::UnsubAck, self.packet_id, out),
            Version::V5 => {
                let packet_id = writer::packet_id(self.packet_id)?;
                let place = Place::written(Kind::UnsubAck);
                self.properties.check(place)?;
                self.check(place)?;
                let len = 2 + self.properties.len() + self.codes.len();
                writer::begin(Kind::UnsubAck.first_byte(), len, out)?;
                writer::number(packet_id, out);
                self.properties.write(out);
                out.extend_from_slice(self.codes);
                Ok(())
            }
        }
    }

    fn check(&self, place: Place) -> Result<(), DecodeError> {
        if self.codes.is_empty() {
            return Err(DecodeError::NoReturnCodes);
        }
        let mut codes = self.codes.iter();
        codes.try_for_each(|&code| Reason::read(code, place).map(|_| ()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, vector};

    const BYTES: [u8; 4] = [
        0xb0, // packet type 11, flags 0000
        2,    // remaining length
        0x12, 0x34, // packet identifier 0x1234
    ];
    const BYTES_5: [u8; 7] = [
        0xb0, // packet type 11, flags 0000
        5,    // remaining length
        0x12, 0x34, // packet identifier 0x1234
        0,    // property length
        0x00, // reason code: success
        0x11, // reason code: no subscription existed
    ];

    fn packet(codes: &[u8]) -> Packet<'_> {
        Packet::UnsubAck(UnsubAck {
            packet_id: 0x1234,
            properties: Properties::NONE,
            codes,
        })
    }

    #[test]
    fn the_bytes_are_those_of_section_3_11_and_no_others() {
        vector::is_exactly(packet(&[]), &BYTES, Role::Client);
    }

    #[test]
    fn version_5_has_a_reason_for_each_filter() {
        let expected = packet(&[0x00, 0x11]);
        assert_eq!(vector::read_5(&BYTES_5, Role::Client), Ok(expected));
        vector::is_written_5(expected, &BYTES_5);
        let none = vector::read_5(&[0xb0, 3, 0, 1, 0], Role::Client);
        assert_eq!(none, Err(DecodeError::NoReturnCodes));
        let granted = vector::read_5(&[0xb0, 4, 0, 1, 0, 1], Role::Client);
        assert_eq!(granted, Err(DecodeError::ReasonCode(1)));
        let refused = packet(&[0x97]).write(Version::V5, &mut Vec::new());
        let rule = DecodeError::ReasonCode(0x97);
        assert_eq!(refused, Err(EncodeError::BreaksRule(rule)));
    }
}
