//! AUTH: a step of an enhanced authentication, in 5.0 only (section 3.15). Not here: any method of
//! authentication, nor whether one was agreed on.

use super::place::Place;
use super::properties::Seen;
use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Properties, Reason, Role, Version, ack, writer};

/// A step of an enhanced authentication. Its flags are 0000 [MQTT-3.15.1-1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Auth<'a> {
    /// Success from servers, a new beginning from clients, or another step [MQTT-3.15.2-1].
    pub reason: Reason,
    /// The method, always there but with success and no other property, its data, a reason string and
    /// user properties.
    pub properties: Properties<'a>,
}

impl<'a> Auth<'a> {
    /// 3.1.1 has no such packet: its type is refused before it gets here.
    pub(super) fn read(body: &'a [u8], role: Role, version: Version) -> Result<Self, DecodeError> {
        if version == Version::V311 {
            return Err(DecodeError::ReservedType(Kind::Auth as u8));
        }
        let mut reader = Reader::new(body);
        if reader.is_empty() {
            // Success goes without saying (section 3.15.2.1); it is a server's.
            let reason = Reason::Success.check(Place::read_by(Kind::Auth, role))?;
            return Ok(Self {
                reason,
                properties: Properties::NONE,
            });
        }
        let place = Place::read_by(Kind::Auth, role);
        let reason = Reason::read(reader.byte()?, place)?;
        let (properties, _) = Properties::read(&mut reader, place)?;
        reader.finish()?;
        let packet = Self { reason, properties };
        packet.check(place)?;
        Ok(packet)
    }

    /// Appends the packet. 3.1.1 cannot say it. A reason or a property that has no place here, and no
    /// method, are errors.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if version == Version::V311 {
            return Err(EncodeError::NotInVersion);
        }
        self.check(Place::written(Kind::Auth))?;
        let len = ack::trailer_len(Kind::Auth, self.reason, self.properties)?;
        writer::begin(Kind::Auth.first_byte(), len, out)?;
        ack::write_trailer(self.reason, self.properties, out);
        Ok(())
    }

    /// "It is a Protocol Error to omit the Authentication Method" (section 3.15.2.2.2), but where
    /// there is no property at all.
    fn check(&self, place: Place) -> Result<(), DecodeError> {
        let seen = self.properties.check(place)?;
        let bare = self.reason == Reason::Success && self.properties.is_empty();
        if bare || seen.has(Seen::AUTHENTICATION_METHOD) {
            Ok(())
        } else {
            Err(DecodeError::NoAuthenticationMethod)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Property, PropertyList, vector};

    const BYTES: [u8; 12] = [
        0xf0, // packet type 15, flags 0000
        10,   // remaining length
        0x18, // reason code: continue authentication
        8,    // property length
        0x15, 0, 1, b'm', // authentication method
        0x16, 0, 1, 0xff, // authentication data
    ];

    #[test]
    fn the_bytes_are_those_of_section_3_15() {
        let mut list = PropertyList::new();
        for property in [
            Property::AuthenticationMethod("m"),
            Property::AuthenticationData(&[0xff]),
        ] {
            list.push(property).expect("it fits");
        }
        let auth = Auth {
            reason: Reason::ContinueAuthentication,
            properties: list.as_properties(),
        };
        for role in [Role::Client, Role::Server] {
            assert_eq!(vector::read_5(&BYTES, role), Ok(Packet::Auth(auth)));
        }
        vector::is_written_5(Packet::Auth(auth), &BYTES);
        assert!(!format!("{auth:?}").contains("255"));
        let refused = vector::written(|version, out| auth.write(version, out));
        assert_eq!(refused, Err(EncodeError::NotInVersion));
        let read = vector::read(&BYTES, Role::Client);
        assert_eq!(read, Err(DecodeError::ReservedType(15)));
    }

    #[test]
    fn there_is_a_method_but_with_bare_success() {
        let read = |bytes| vector::read_5(bytes, Role::Client).map(|_| ());
        assert_eq!(read(&[0xf0, 0]), Ok(()));
        assert_eq!(read(&[0xf0, 2, 0, 0]), Ok(()));
        let bare = Auth {
            reason: Reason::Success,
            properties: Properties::NONE,
        };
        vector::is_written_5(Packet::Auth(bare), &[0xf0, 0]);
        let none = Err(DecodeError::NoAuthenticationMethod);
        assert_eq!(read(&[0xf0, 2, 0x18, 0]), none);
        assert_eq!(read(&[0xf0, 6, 0, 4, 0x1f, 0, 1, b'r']), none);
        // Unlike DISCONNECT's, its property length may not be left out alone.
        assert_eq!(read(&[0xf0, 1, 0]), Err(DecodeError::FieldTooLong));
        let by_client = vector::read_5(&[0xf0, 0], Role::Server);
        assert_eq!(by_client, Err(DecodeError::ReasonCode(0)));
    }
}
