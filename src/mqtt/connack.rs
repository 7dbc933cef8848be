//! CONNACK: the server's answer to CONNECT (section 3.2). Not here: what a client does about a
//! refusal.

use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Version};

/// The server's answer to a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnAck {
    /// The server has kept a session for this client. Never with a refusal [MQTT-3.2.2-4].
    pub session_present: bool,
    /// Accepted, or why not.
    pub code: ConnectReturnCode,
}

/// How a server answers a CONNECT (section 3.2.2.3, table 3.1). 6 to 255 are reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ConnectReturnCode {
    /// The connection is accepted.
    Accepted = 0,
    /// The server does not speak this protocol level.
    UnacceptableProtocolVersion = 1,
    /// The client identifier is not allowed.
    IdentifierRejected = 2,
    /// The MQTT service is unavailable.
    ServerUnavailable = 3,
    /// The user name or the password is malformed (and in practice: wrong).
    BadUserNameOrPassword = 4,
    /// The client may not connect.
    NotAuthorized = 5,
}

impl ConnectReturnCode {
    /// The code as a short word, for counters and file formats.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::UnacceptableProtocolVersion => "unacceptable-protocol-version",
            Self::IdentifierRejected => "identifier-rejected",
            Self::ServerUnavailable => "server-unavailable",
            Self::BadUserNameOrPassword => "bad-user-name-or-password",
            Self::NotAuthorized => "not-authorized",
        }
    }
}

impl TryFrom<u8> for ConnectReturnCode {
    type Error = DecodeError;

    fn try_from(code: u8) -> Result<Self, DecodeError> {
        Ok(match code {
            0 => Self::Accepted,
            1 => Self::UnacceptableProtocolVersion,
            2 => Self::IdentifierRejected,
            3 => Self::ServerUnavailable,
            4 => Self::BadUserNameOrPassword,
            5 => Self::NotAuthorized,
            reserved => return Err(DecodeError::ConnectReturnCode(reserved)),
        })
    }
}

impl ConnAck {
    pub(super) fn read(body: &[u8], version: Version) -> Result<Self, DecodeError> {
        let Version::V311 = version;
        let mut reader = Reader::new(body);
        let flags = reader.byte()?;
        let code = reader.byte()?;
        reader.finish()?;
        if flags > 1 {
            return Err(DecodeError::ConnAckFlags);
        }
        let packet = Self {
            session_present: flags == 1,
            code: ConnectReturnCode::try_from(code)?,
        };
        packet.check()?;
        Ok(packet)
    }

    /// Appends the packet, four bytes. A refusal with `session_present` is an error.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Version::V311 = version;
        self.check()?;
        out.extend_from_slice(&[
            Kind::ConnAck.first_byte(),
            2,
            u8::from(self.session_present),
            self.code as u8,
        ]);
        Ok(())
    }

    /// [MQTT-3.2.2-4].
    fn check(self) -> Result<(), DecodeError> {
        if self.session_present && self.code != ConnectReturnCode::Accepted {
            return Err(DecodeError::SessionPresentOnRefusal);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Role, vector};

    const ACCEPTED: [u8; 4] = [
        0x20, // packet type 2, flags 0000
        2,    // remaining length
        1,    // connect acknowledge flags: bit 0 is session present
        0,    // return code 0: accepted
    ];

    fn read(flags: u8, code: u8) -> Result<ConnAck, DecodeError> {
        match vector::read(&[0x20, 2, flags, code], Role::Client)? {
            Packet::ConnAck(packet) => Ok(packet),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_bytes_are_those_of_section_3_2() {
        let packet = ConnAck {
            session_present: true,
            code: ConnectReturnCode::Accepted,
        };
        vector::is_exactly(Packet::ConnAck(packet), &ACCEPTED, Role::Client);
    }

    #[test]
    fn every_return_code_of_table_3_1_has_a_name_and_no_other_exists() {
        let mut names = std::collections::BTreeSet::new();
        for code in 0..6 {
            let packet = read(0, code).expect("valid");
            assert_eq!(packet.code as u8, code);
            names.insert(packet.code.name());
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
        let packet = ConnAck {
            session_present: true,
            code: ConnectReturnCode::NotAuthorized,
        };
        let refused = packet.write(Version::V311, &mut Vec::new());
        assert_eq!(
            refused,
            Err(EncodeError::BreaksRule(
                DecodeError::SessionPresentOnRefusal
            ))
        );
    }
}
