//! SUBACK: the server's answer to SUBSCRIBE (section 3.9). Not here: which code belongs to which
//! filter.

use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Version, writer};

/// The return code of a subscription that the server refused (section 3.9.3).
pub const SUBSCRIPTION_REFUSED: u8 = 0x80;

/// The server's answer to a SUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubAck<'a> {
    /// That of the SUBSCRIBE [MQTT-2.3.1-7], never 0.
    pub packet_id: u16,
    /// One per filter, in their order [MQTT-3.9.3-1]: the granted QoS 0, 1 or 2, or
    /// [`SUBSCRIPTION_REFUSED`] [MQTT-3.9.3-2]. At least one, as SUBSCRIBE has at least one filter.
    pub codes: &'a [u8],
}

impl<'a> SubAck<'a> {
    pub(super) fn read(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let Version::V311 = version;
        let mut reader = Reader::new(body);
        let packet = Self {
            packet_id: reader.packet_id()?,
            codes: reader.rest(),
        };
        packet.check()?;
        Ok(packet)
    }

    /// Appends the packet. No code, a reserved code and packet identifier 0 are errors.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Version::V311 = version;
        let packet_id = writer::packet_id(self.packet_id)?;
        self.check()?;
        writer::begin(Kind::SubAck.first_byte(), 2 + self.codes.len(), out)?;
        writer::number(packet_id, out);
        out.extend_from_slice(self.codes);
        Ok(())
    }

    fn check(&self) -> Result<(), DecodeError> {
        if self.codes.is_empty() {
            return Err(DecodeError::NoReturnCodes);
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
    use crate::mqtt::{Packet, Role, vector};

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
        let write =
            |packet_id, codes| SubAck { packet_id, codes }.write(Version::V311, &mut Vec::new());
        assert_eq!(
            write(0, &[0]),
            Err(EncodeError::BreaksRule(DecodeError::PacketIdZero))
        );
        assert_eq!(
            write(1, &[]),
            Err(EncodeError::BreaksRule(DecodeError::NoReturnCodes))
        );
    }
}
