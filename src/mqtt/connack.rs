//! CONNACK: the server's answer to CONNECT (section 3.2). Not here: what a client does about a
//! refusal.

use super::place::Place;
use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Properties, Reason, Role, Version, writer};

/// The server's answer to a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnAck<'a> {
    /// The server has kept a session for this client. Never with a refusal [MQTT-3.2.2-4]; 5.0:
    /// [MQTT-3.2.2-6].
    pub session_present: bool,
    /// [`Reason::Success`], or why not. In 3.1.1 one of six.
    pub reason: Reason,
    /// The server's limits, among others. 3.1.1 has none.
    pub properties: Properties<'a>,
}

impl<'a> ConnAck<'a> {
    /// The return codes of 3.1.1 by their number: accepted, unacceptable protocol version, identifier
    /// rejected, server unavailable, bad user name or password, not authorized (section 3.2.2.3, table
    /// 3.1). 6 to 255 are reserved.
    pub const RETURN_CODES: [Reason; 6] = [
        Reason::Success,
        Reason::UnsupportedProtocolVersion,
        Reason::ClientIdentifierNotValid,
        Reason::ServerUnavailable,
        Reason::BadUserNameOrPassword,
        Reason::NotAuthorized,
    ];

    /// An answer without properties.
    pub const fn of(session_present: bool, reason: Reason) -> Self {
        Self {
            session_present,
            reason,
            properties: Properties::NONE,
        }
    }

    pub(super) fn read(body: &'a [u8], role: Role, version: Version) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let flags = reader.byte()?;
        let code = reader.byte()?;
        let (reason, properties) = match version {
            Version::V311 => {
                let reason = Self::RETURN_CODES.get(usize::from(code)).copied();
                (
                    reason.ok_or(DecodeError::ConnectReturnCode(code)),
                    Properties::NONE,
                )
            }
            Version::V5 => {
                let place = Place::read_by(Kind::ConnAck, role);
                let reason = Reason::read(code, place);
                (reason, Properties::read(&mut reader, place)?.0)
            }
        };
        reader.finish()?;
        if flags > 1 {
            return Err(DecodeError::ConnAckFlags);
        }
        let packet = Self {
            session_present: flags == 1,
            reason: reason?,
            properties,
        };
        packet.check()?;
        Ok(packet)
    }

    /// Appends the packet, in 3.1.1 four bytes, without properties. A refusal with
    /// `session_present`, a reason that the version has no code for and a property that has no place
    /// here are errors.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.check()?;
        let flags = u8::from(self.session_present);
        match version {
            Version::V311 => {
                let code = Self::RETURN_CODES
                    .iter()
                    .position(|known| *known == self.reason);
                let code = code.ok_or(EncodeError::NotInVersion)? as u8;
                out.extend_from_slice(&[Kind::ConnAck.first_byte(), 2, flags, code]);
            }
            Version::V5 => {
                let place = Place::written(Kind::ConnAck);
                self.reason.check(place)?;
                self.properties.check(place)?;
                writer::begin(Kind::ConnAck.first_byte(), 2 + self.properties.len(), out)?;
                out.extend_from_slice(&[flags, self.reason as u8]);
                self.properties.write(out);
            }
        }
        Ok(())
    }

    /// [MQTT-3.2.2-4]; 5.0: [MQTT-3.2.2-6].
    fn check(&self) -> Result<(), DecodeError> {
        if self.session_present && self.reason != Reason::Success {
            return Err(DecodeError::SessionPresentOnRefusal);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Property, Qos, Role, vector};

    const ACCEPTED: [u8; 4] = [
        0x20, // packet type 2, flags 0000
        2,    // remaining length
        1,    // connect acknowledge flags: bit 0 is session present
        0,    // return code 0: accepted
    ];

    fn read(flags: u8, code: u8) -> Result<ConnAck<'static>, DecodeError> {
        match vector::read(&[0x20, 2, flags, code], Role::Client)? {
            Packet::ConnAck(packet) => Ok(ConnAck::of(packet.session_present, packet.reason)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_bytes_are_those_of_section_3_2() {
        let packet = ConnAck::of(true, Reason::Success);
        vector::is_exactly(Packet::ConnAck(packet), &ACCEPTED, Role::Client);
    }

    #[test]
    fn every_return_code_of_table_3_1_has_a_name_and_no_other_exists() {
        let mut names = std::collections::BTreeSet::new();
        for code in 0..6 {
            let packet = read(0, code).expect("valid");
            let written = vector::written(|version, out| packet.write(version, out));
            assert_eq!(written, Ok(vec![0x20, 2, 0, code]));
            names.insert(packet.reason.name());
        }
        assert_eq!(names.len(), 6);
        for code in 6..=u8::MAX {
            assert_eq!(read(0, code), Err(DecodeError::ConnectReturnCode(code)));
        }
    }

    #[test]
    fn the_flags_are_session_present_and_nothing_else() {
        for flags in 2..=u8::MAX {
            assert_eq!(read(flags, 0), Err(DecodeError::ConnAckFlags));
        }
    }

    #[test]
    fn a_refusal_has_no_session() {
        assert_eq!(read(1, 5), Err(DecodeError::SessionPresentOnRefusal));
        let packet = ConnAck::of(true, Reason::NotAuthorized);
        let refused = packet.write(Version::V311, &mut Vec::new());
        assert_eq!(
            refused,
            Err(EncodeError::BreaksRule(
                DecodeError::SessionPresentOnRefusal
            ))
        );
    }

    #[test]
    fn version_5_has_more_reasons_and_properties() {
        let bytes = [
            0x20, // packet type 2, flags 0000
            11,   // remaining length
            1,    // connect acknowledge flags: bit 0 is session present
            0,    // reason code 0x00: success
            8,    // property length
            0x21, 0, 10, // receive maximum: 10
            0x24, 1, // maximum QoS: 1
            0x13, 0, 30, // server keep-alive: 30 s
        ];
        let Ok(Packet::ConnAck(packet)) = vector::read_5(&bytes, Role::Client) else {
            panic!("{:?}", vector::read_5(&bytes, Role::Client));
        };
        assert!(packet.session_present);
        assert_eq!(packet.reason, Reason::Success);
        assert_eq!(
            packet.properties.iter().collect::<Vec<_>>(),
            [
                Property::ReceiveMaximum(10),
                Property::MaximumQos(Qos::AtLeastOnce),
                Property::ServerKeepAlive(30)
            ]
        );
        vector::is_written_5(Packet::ConnAck(packet), &bytes);
        let banned = ConnAck::of(false, Reason::Banned);
        vector::is_written_5(Packet::ConnAck(banned), &[0x20, 3, 0, 0x8a, 0]);
        let refused = vector::written(|version, out| banned.write(version, out));
        assert_eq!(refused, Err(EncodeError::NotInVersion));
        let misplaced = ConnAck::of(false, Reason::GrantedQos1).write(Version::V5, &mut Vec::new());
        let rule = DecodeError::ReasonCode(1);
        assert_eq!(misplaced, Err(EncodeError::BreaksRule(rule)));
    }
}
