//! The shape that PUBACK, PUBREC, PUBREL and PUBCOMP share: a packet identifier, and in 5.0 a reason
//! and properties behind it. UNSUBACK of 3.1.1 is the identifier alone as well.
//!
//! Not here: what each of them means, which its own file says.

use super::place::Place;
use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Properties, Reason, Role, writer};

/// Gives an acknowledgement its `of`, `read` and `write`.
macro_rules! acknowledgement {
    ($packet:ident) => {
        impl<'a> $packet<'a> {
            /// Success and nothing more to say.
            #[inline]
            pub const fn of(packet_id: u16) -> Self {
                Self {
                    packet_id,
                    reason: super::Reason::Success,
                    properties: super::Properties::NONE,
                }
            }

            #[inline]
            pub(super) fn read(
                body: &'a [u8],
                reader: super::Role,
                version: super::Version,
            ) -> Result<Self, super::DecodeError> {
                match version {
                    super::Version::V311 => super::ack::read(body).map(Self::of),
                    super::Version::V5 => {
                        let (packet_id, reason, properties) =
                            super::ack::read_reason(super::Kind::$packet, body, reader)?;
                        Ok(Self {
                            packet_id,
                            reason,
                            properties,
                        })
                    }
                }
            }

            /// Appends the packet, in 3.1.1 four bytes, without reason and properties. Packet
            /// identifier 0, and in 5.0 a reason or a property that has no place here, are errors.
            #[inline]
            pub fn write(
                &self,
                version: super::Version,
                out: &mut Vec<u8>,
            ) -> Result<(), super::EncodeError> {
                let kind = super::Kind::$packet;
                match version {
                    super::Version::V311 => super::ack::write(kind, self.packet_id, out),
                    super::Version::V5 => super::ack::write_reason(
                        kind,
                        self.packet_id,
                        self.reason,
                        self.properties,
                        out,
                    ),
                }
            }
        }
    };
}

pub(super) use acknowledgement;

/// Reads the body: the identifier of the packet that is acknowledged [MQTT-2.3.1-6],
/// [MQTT-2.3.1-7].
pub(super) fn read(body: &[u8]) -> Result<u16, DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    reader.finish()?;
    Ok(packet_id)
}

/// Reads the body of 5.0: behind the identifier there may be nothing, a reason, or a reason and
/// properties (sections 3.4.2.1 and 3.4.2.2.1 and their like).
pub(super) fn read_reason(
    kind: Kind,
    body: &[u8],
    role: Role,
) -> Result<(u16, Reason, Properties<'_>), DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id()?;
    let (reason, properties) = trailer(kind, reader, role)?;
    Ok((packet_id, reason, properties))
}

/// The end of a packet whose reason and properties may be left out.
pub(super) fn trailer(
    kind: Kind,
    mut reader: Reader<'_>,
    role: Role,
) -> Result<(Reason, Properties<'_>), DecodeError> {
    let place = Place::read_by(kind, role);
    if reader.is_empty() {
        return Ok((Reason::Success, Properties::NONE));
    }
    let reason = Reason::read(reader.byte()?, place)?;
    if reader.is_empty() {
        return Ok((reason, Properties::NONE));
    }
    let (properties, _) = Properties::read(&mut reader, place)?;
    reader.finish()?;
    Ok((reason, properties))
}

/// Appends the four bytes of the packet.
pub(super) fn write(kind: Kind, packet_id: u16, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let [high, low] = writer::packet_id(packet_id)?.to_be_bytes();
    out.extend_from_slice(&[kind.first_byte(), 2, high, low]);
    Ok(())
}

/// Appends the packet of 5.0 in its shortest form: success without properties goes without saying.
pub(super) fn write_reason(
    kind: Kind,
    packet_id: u16,
    reason: Reason,
    properties: Properties<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    if reason == Reason::Success && properties.is_empty() {
        return write(kind, packet_id, out);
    }
    let packet_id = writer::packet_id(packet_id)?;
    let len = trailer_len(kind, reason, properties)?;
    writer::begin(kind.first_byte(), 2 + len, out)?;
    writer::number(packet_id, out);
    write_trailer(reason, properties, out);
    Ok(())
}

/// Bytes of reason and properties, both judged.
pub(super) fn trailer_len(
    kind: Kind,
    reason: Reason,
    properties: Properties<'_>,
) -> Result<usize, EncodeError> {
    let place = Place::written(kind);
    reason.check(place)?;
    properties.check(place)?;
    Ok(match (reason, properties.is_empty()) {
        (Reason::Success, true) => 0,
        (_, true) => 1,
        (_, false) => 1 + properties.len(),
    })
}

/// Appends reason and properties, as many bytes as [`trailer_len`] has found.
pub(super) fn write_trailer(reason: Reason, properties: Properties<'_>, out: &mut Vec<u8>) {
    if !properties.is_empty() {
        out.push(reason as u8);
        properties.write(out);
    } else if reason != Reason::Success {
        out.push(reason as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Property, PropertyList};

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
        let zero = Err(EncodeError::BreaksRule(DecodeError::PacketIdZero));
        let mut out = Vec::new();
        assert_eq!(write(Kind::PubAck, 0, &mut out), zero);
        let reason = Reason::NotAuthorized;
        let refused = write_reason(Kind::PubAck, 0, reason, Properties::NONE, &mut out);
        assert_eq!(refused, zero);
        assert!(out.is_empty());
    }

    #[test]
    fn reason_and_properties_may_be_left_out() {
        let read = |body| read_reason(Kind::PubAck, body, Role::Client);
        let success = Ok((1, Reason::Success, Properties::NONE));
        assert_eq!(read(&[0, 1]), success);
        assert_eq!(read(&[0, 1, 0]), success);
        assert_eq!(read(&[0, 1, 0, 0]), success);
        assert_eq!(
            read(&[0, 1, 0x10]),
            Ok((1, Reason::NoMatchingSubscribers, Properties::NONE))
        );
        let bytes = [0, 1, 0x87, 4, 0x1f, 0, 1, b'a'];
        let (_, reason, properties) = read(&bytes).expect("valid");
        assert_eq!(reason, Reason::NotAuthorized);
        let text = Property::ReasonString("a");
        assert_eq!(properties.iter().collect::<Vec<_>>(), [text]);
        assert_eq!(read(&[0, 1, 0x92]), Err(DecodeError::ReasonCode(0x92)));
        assert_eq!(read(&[0, 1, 0, 1]), Err(DecodeError::FieldTooLong));
        assert_eq!(read(&[0, 1, 0, 0, 0]), Err(DecodeError::TrailingBytes));
        assert_eq!(
            read(&[0, 1, 0, 3, 0x23, 0, 1]),
            Err(DecodeError::MisplacedProperty(0x23))
        );
    }

    #[test]
    fn what_goes_without_saying_is_not_written() {
        fn written(reason: Reason, properties: Properties<'_>) -> Result<Vec<u8>, EncodeError> {
            let mut out = Vec::new();
            let outcome = write_reason(Kind::PubRec, 1, reason, properties, &mut out);
            outcome.map(|()| out)
        }
        let none = Properties::NONE;
        assert_eq!(written(Reason::Success, none), Ok(vec![0x50, 2, 0, 1]));
        assert_eq!(
            written(Reason::QuotaExceeded, none),
            Ok(vec![0x50, 3, 0, 1, 0x97])
        );
        let mut list = PropertyList::new();
        list.push(Property::ReasonString("a")).expect("it fits");
        assert_eq!(
            written(Reason::Success, list.as_properties()),
            Ok(vec![0x50, 8, 0, 1, 0, 4, 0x1f, 0, 1, b'a'])
        );
        let misplaced = Err(EncodeError::BreaksRule(DecodeError::ReasonCode(0x92)));
        assert_eq!(written(Reason::PacketIdentifierNotFound, none), misplaced);
        list.push(Property::TopicAlias(1)).expect("it fits");
        assert_eq!(
            written(Reason::Success, list.as_properties()),
            Err(EncodeError::BreaksRule(DecodeError::MisplacedProperty(
                0x23
            )))
        );
    }
}
