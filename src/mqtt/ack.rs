//! The shape that PUBACK, PUBREC, PUBREL, PUBCOMP and UNSUBACK share: a packet identifier and
//! nothing else.
//!
//! Not here: what each of them means, which its own file says.

use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, writer};

/// Gives a packet whose only field is `packet_id` its `read` and `write`.
macro_rules! packet_id_alone {
    ($packet:ident) => {
        impl $packet {
            pub(super) fn read(
                body: &[u8],
                version: super::Version,
            ) -> Result<Self, super::DecodeError> {
                let super::Version::V311 = version;
                Ok(Self {
                    packet_id: super::ack::read(body)?,
                })
            }

            /// Appends the packet, four bytes. Packet identifier 0 is an error.
            pub fn write(
                &self,
                version: super::Version,
                out: &mut Vec<u8>,
            ) -> Result<(), super::EncodeError> {
                let super::Version::V311 = version;
                super::ack::write(super::Kind::$packet, self.packet_id, out)
            }
        }
    };
}

pub(super) use packet_id_alone;

/// Reads the body: the identifier of the packet that is acknowledged [MQTT-2.3.1-6],
/// [MQTT-2.3.1-7].
pub(super) fn read(body: &[u8]) -> Result<u16, DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    reader.finish()?;
    Ok(packet_id)
}

/// Appends the four bytes of the packet.
pub(super) fn write(kind: Kind, packet_id: u16, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let [high, low] = writer::packet_id(packet_id)?.to_be_bytes();
    out.extend_from_slice(&[kind.first_byte(), 2, high, low]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_exactly_one_packet_identifier() {
        assert_eq!(read(&[0x00, 0x01]), Ok(1));
        assert_eq!(read(&[0xff, 0xff]), Ok(65_535));
        assert_eq!(read(&[0x00, 0x00]), Err(DecodeError::PacketIdZero));
        assert_eq!(read(&[]), Err(DecodeError::FieldTooLong));
        assert_eq!(read(&[0x01]), Err(DecodeError::FieldTooLong));
        assert_eq!(read(&[0x00, 0x01, 0x00]), Err(DecodeError::TrailingBytes));
    }

    #[test]
    fn packet_identifier_0_is_not_written() {
        let mut out = Vec::new();
        let refused = write(Kind::PubAck, 0, &mut out);
        assert_eq!(
            refused,
            Err(EncodeError::BreaksRule(DecodeError::PacketIdZero))
        );
        assert!(out.is_empty());
    }
}
