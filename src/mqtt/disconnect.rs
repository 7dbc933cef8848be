//! DISCONNECT: a client says goodbye, and in 5.0 a server too (section 3.14). Not here: when it is due.

use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Properties, Reason, Role, Version, ack, writer};

/// The last packet of a connection. After a client's own, its will is not published, unless the
/// reason asks for it. Its flags are 0000 [MQTT-3.14.1-1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Disconnect<'a> {
    /// Why. 3.1.1 knows success only: a normal disconnection.
    pub reason: Reason,
    /// A session expiry interval from clients, a server reference from servers, a reason string and
    /// user properties. 3.1.1 has none.
    pub properties: Properties<'a>,
}

impl<'a> Disconnect<'a> {
    /// A normal disconnection.
    pub const NORMAL: Self = Self::of(Reason::Success);

    /// For this reason and without properties.
    pub const fn of(reason: Reason) -> Self {
        Self {
            reason,
            properties: Properties::NONE,
        }
    }

    pub(super) fn read(body: &'a [u8], role: Role, version: Version) -> Result<Self, DecodeError> {
        let reader = Reader::new(body);
        match version {
            Version::V311 => {
                reader.finish()?;
                Ok(Self::NORMAL)
            }
            // Reason and properties may be left out (sections 3.14.2.1 and 3.14.2.2.1).
            Version::V5 => {
                let (reason, properties) = ack::trailer(Kind::Disconnect, reader, role)?;
                Ok(Self { reason, properties })
            }
        }
    }

    /// Appends the packet, in 3.1.1 two bytes, without reason and properties. In 5.0 a reason or a
    /// property that has no place here is an error.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let first_byte = Kind::Disconnect.first_byte();
        match version {
            Version::V311 => out.extend_from_slice(&[first_byte, 0]),
            Version::V5 => {
                let len = ack::trailer_len(Kind::Disconnect, self.reason, self.properties)?;
                writer::begin(first_byte, len, out)?;
                ack::write_trailer(self.reason, self.properties, out);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Property, PropertyList, vector};

    const BYTES: [u8; 2] = [
        0xe0, // packet type 14, flags 0000
        0,    // remaining length: no variable header, no payload
    ];

    #[test]
    fn the_bytes_are_those_of_section_3_14_and_no_others() {
        let packet = Packet::Disconnect(Disconnect::NORMAL);
        vector::is_exactly(packet, &BYTES, Role::Server);
        vector::is_written_5(packet, &BYTES);
    }

    #[test]
    fn version_5_says_why() {
        let bytes = [
            0xe0, // packet type 14, flags 0000
            6,    // remaining length
            0x9c, // reason code: use another server
            4,    // property length
            0x1c, 0, 1, b's', // server reference
        ];
        let mut list = PropertyList::new();
        list.push(Property::ServerReference("s")).expect("it fits");
        let packet = Packet::Disconnect(Disconnect {
            reason: Reason::UseAnotherServer,
            properties: list.as_properties(),
        });
        assert_eq!(vector::read_5(&bytes, Role::Client), Ok(packet));
        vector::is_written_5(packet, &bytes);
        // Neither the reason nor the property is a client's.
        let refused = vector::read_5(&bytes, Role::Server);
        assert_eq!(refused, Err(DecodeError::ReasonCode(0x9c)));
        let refused = vector::read_5(&[0xe0, 6, 0x82, 4, 0x1c, 0, 1, b's'], Role::Server);
        assert_eq!(refused, Err(DecodeError::MisplacedProperty(0x1c)));
    }

    #[test]
    fn what_goes_without_saying_may_be_said() {
        let normal = Ok(Packet::Disconnect(Disconnect::NORMAL));
        for bytes in [&[0xe0, 1, 0][..], &[0xe0, 2, 0, 0]] {
            assert_eq!(vector::read_5(bytes, Role::Client), normal);
        }
        let kept = Packet::Disconnect(Disconnect::of(Reason::DisconnectWithWill));
        vector::is_written_5(kept, &[0xe0, 1, 4]);
        assert_eq!(vector::read_5(&[0xe0, 1, 4], Role::Server), Ok(kept));
        let refused = vector::read_5(&[0xe0, 7, 0, 5, 0x11, 0, 0, 0, 9], Role::Client);
        assert_eq!(refused, Err(DecodeError::MisplacedProperty(0x11)));
    }
}
