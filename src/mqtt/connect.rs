//! CONNECT: a client asks for a connection (section 3.1). Not here: whether it may have it.

use std::fmt;

use super::place::Place;
use super::properties::Seen;
use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Properties, Qos, Role, Version, Will, topic, writer};

/// "MQTT" after its length (section 3.1.2.1).
const PROTOCOL_NAME: [u8; 6] = [0, 4, b'M', b'Q', b'T', b'T'];

// The connect flags (section 3.1.2.3, figure 3.4); bits 4 and 3 are the will's QoS.
const USER_NAME: u8 = 0b1000_0000;
const PASSWORD: u8 = 0b0100_0000;
const WILL_RETAIN: u8 = 0b0010_0000;
const WILL_QOS: u8 = 0b0001_1000;
const WILL_QOS_SHIFT: u32 = 3;
const WILL: u8 = 0b0000_0100;
const CLEAN_SESSION: u8 = 0b0000_0010;
const RESERVED: u8 = 0b0000_0001;

/// The first packet of a client. Its `Debug` text hides the password.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Connect<'a> {
    /// Forget any session of this client identifier before and after this connection. 5.0 calls it
    /// Clean Start and forgets before; what is kept afterwards is the session expiry interval's to say.
    pub clean_session: bool,
    /// Seconds after which a silent client is lost, times 1.5 [MQTT-3.1.2-24]; 0: never.
    pub keep_alive: u16,
    /// At most 65,535 bytes; empty in 3.1.1 only with `clean_session` [MQTT-3.1.3-7].
    pub client_id: &'a str,
    /// Text of at most 65,535 bytes [MQTT-3.1.3-11].
    pub username: Option<&'a str>,
    /// At most 65,535 bytes; in 3.1.1 only with a user name [MQTT-3.1.2-22].
    pub password: Option<&'a [u8]>,
    /// What to publish when the client is lost.
    pub will: Option<Will<'a>>,
    /// The client's limits, among others. 3.1.1 has none.
    pub properties: Properties<'a>,
}

impl<'a> Connect<'a> {
    /// Another protocol level than `version`'s ends the reading at once: what follows has another
    /// shape [MQTT-3.1.2-2].
    pub(super) fn read(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        if reader.binary()? != &PROTOCOL_NAME[2..] {
            return Err(DecodeError::ProtocolName);
        }
        let level = reader.byte()?;
        if level != version.level() {
            return Err(DecodeError::UnsupportedProtocol(level));
        }
        let flags = reader.byte()?;
        let will_qos = check_flags(flags, version)?;
        let keep_alive = reader.number()?;
        let properties = match version {
            Version::V311 => Properties::NONE,
            Version::V5 => {
                Properties::read(&mut reader, Place::read_by(Kind::Connect, Role::Server))?.0
            }
        };
        // The order of the payload is fixed [MQTT-3.1.3-1], [MQTT-3.1.3-3]; a field is there if and
        // only if its flag is set [MQTT-3.1.2-9], [MQTT-3.1.2-18] to [MQTT-3.1.2-21].
        let client_id = reader.text()?;
        let will = if flags & WILL == 0 {
            None
        } else {
            let retain = flags & WILL_RETAIN != 0;
            Some(Will::read(&mut reader, will_qos, retain, version)?)
        };
        let username = if flags & USER_NAME == 0 {
            None
        } else {
            Some(reader.text()?)
        };
        let password = if flags & PASSWORD == 0 {
            None
        } else {
            Some(reader.binary()?)
        };
        reader.finish()?;
        let clean_session = flags & CLEAN_SESSION != 0;
        let packet = Self {
            clean_session,
            keep_alive,
            client_id,
            username,
            password,
            will,
            properties,
        };
        packet.check(version)?;
        Ok(packet)
    }

    /// Appends the packet, in 3.1.1 without properties. An invalid will topic, text with U+0000 and what
    /// is too long are errors. So are, in 3.1.1, an empty client identifier without `clean_session` and
    /// a password without a user name, and in 5.0 a property that has no place here.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.check(version)?;
        topic::check_text(self.client_id)?;
        topic::check_text(self.username.unwrap_or_default())?;
        let optional_len = |field: Option<&[u8]>| field.map_or(Ok(0), writer::field_len);
        // Protocol name, level, flags and keep-alive are ten bytes.
        let len = 10
            + writer::field_len(self.client_id.as_bytes())?
            + self.will.map_or(Ok(0), |will| will.len(version))?
            + optional_len(self.username.map(str::as_bytes))?
            + optional_len(self.password)?
            + match version {
                Version::V311 => 0,
                Version::V5 => self.properties.len(),
            };
        writer::begin(Kind::Connect.first_byte(), len, out)?;
        out.extend_from_slice(&PROTOCOL_NAME);
        out.extend_from_slice(&[version.level(), self.flags()]);
        writer::number(self.keep_alive, out);
        if version == Version::V5 {
            self.properties.write(out);
        }
        writer::field(self.client_id.as_bytes(), out);
        if let Some(will) = self.will {
            will.write(version, out);
        }
        for field in [self.username.map(str::as_bytes), self.password]
            .into_iter()
            .flatten()
        {
            writer::field(field, out);
        }
        Ok(())
    }

    fn flags(&self) -> u8 {
        let will = self.will.map_or(0, |will| {
            WILL | (will.qos as u8) << WILL_QOS_SHIFT | if will.retain { WILL_RETAIN } else { 0 }
        });
        will | if self.clean_session { CLEAN_SESSION } else { 0 }
            | if self.username.is_some() {
                USER_NAME
            } else {
                0
            }
            | if self.password.is_some() { PASSWORD } else { 0 }
    }

    /// The rules that tie fields together: [MQTT-3.1.2-22] and [MQTT-3.1.3-7]; 5.0: section
    /// 3.1.2.11.10.
    fn check(&self, version: Version) -> Result<(), DecodeError> {
        if version == Version::V5 {
            let seen = self.properties.check(Place::written(Kind::Connect))?;
            return if seen.has(Seen::AUTHENTICATION_DATA) && !seen.has(Seen::AUTHENTICATION_METHOD)
            {
                Err(DecodeError::NoAuthenticationMethod)
            } else {
                Ok(())
            };
        }
        if self.password.is_some() && self.username.is_none() {
            return Err(DecodeError::PasswordWithoutUserName);
        }
        if self.client_id.is_empty() && !self.clean_session {
            return Err(DecodeError::EmptyClientId);
        }
        Ok(())
    }
}

/// Judges the connect flags on their own and returns the will's QoS.
fn check_flags(flags: u8, version: Version) -> Result<Qos, DecodeError> {
    if flags & RESERVED != 0 {
        return Err(DecodeError::ConnectReservedFlag);
    }
    if flags & WILL == 0 && flags & (WILL_QOS | WILL_RETAIN) != 0 {
        return Err(DecodeError::WillFlags);
    }
    if version == Version::V311 && flags & PASSWORD != 0 && flags & USER_NAME == 0 {
        return Err(DecodeError::PasswordWithoutUserName);
    }
    Qos::try_from((flags & WILL_QOS) >> WILL_QOS_SHIFT)
}

impl fmt::Debug for Connect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("clean_session", &self.clean_session)
            .field("keep_alive", &self.keep_alive)
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("password", &self.password.map(|_| "hidden"))
            .field("will", &self.will)
            .field("properties", &self.properties)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Property, PropertyList, vector};

    const FULL: [u8; 32] = [
        0x10, // packet type 1, flags 0000
        30,   // remaining length
        0,
        4,
        b'M',
        b'Q',
        b'T',
        b'T',        // protocol name
        4,           // protocol level: 3.1.1
        0b1110_1110, // user name, password, will retain, will QoS 1, will, clean session, reserved 0
        0x00,
        0x3c, // keep-alive: 60 s
        0,
        2,
        b'c',
        b'1', // client identifier
        0,
        1,
        b'w', // will topic
        0,
        1,
        0xff, // will message
        0,
        3,
        b'u',
        b's',
        b'r', // user name
        0,
        3,
        b'p',
        b'w',
        0x00, // password: bytes, not text
    ];
    const PLAIN: [u8; 14] = [
        0x10, // packet type 1, flags 0000
        12,   // remaining length
        0,
        4,
        b'M',
        b'Q',
        b'T',
        b'T',        // protocol name
        4,           // protocol level: 3.1.1
        0b0000_0010, // clean session
        0,
        0, // keep-alive: none
        0,
        0, // client identifier: empty, the server makes one up
    ];

    fn read(bytes: &[u8]) -> Result<Connect<'_>, DecodeError> {
        match vector::read(bytes, Role::Server)? {
            Packet::Connect(packet) => Ok(packet),
            other => panic!("{other:?}"),
        }
    }

    fn write(packet: &Connect<'_>) -> Result<Vec<u8>, EncodeError> {
        vector::written(|version, out| packet.write(version, out))
    }

    /// `FULL` with one byte replaced.
    fn patched(at: usize, byte: u8) -> Result<(), DecodeError> {
        let mut bytes = FULL;
        bytes[at] = byte;
        read(&bytes).map(|_| ())
    }

    fn full() -> Connect<'static> {
        Connect {
            clean_session: true,
            keep_alive: 60,
            client_id: "c1",
            username: Some("usr"),
            password: Some(&[b'p', b'w', 0]),
            will: Some(Will {
                topic: "w",
                payload: &[0xff],
                qos: Qos::AtLeastOnce,
                retain: true,
                properties: Properties::NONE,
            }),
            properties: Properties::NONE,
        }
    }

    fn plain() -> Connect<'static> {
        Connect {
            clean_session: true,
            keep_alive: 0,
            client_id: "",
            username: None,
            password: None,
            will: None,
            properties: Properties::NONE,
        }
    }

    #[test]
    fn every_field_is_read_and_written_in_its_order() {
        assert_eq!(read(&FULL), Ok(full()));
        assert_eq!(write(&full()), Ok(FULL.to_vec()));
        assert_eq!(read(&PLAIN), Ok(plain()));
        assert_eq!(write(&plain()), Ok(PLAIN.to_vec()));
    }

    #[test]
    fn protocol_name_and_level_are_judged_first() {
        assert_eq!(patched(4, b'm'), Err(DecodeError::ProtocolName));
        assert_eq!(patched(3, 5), Err(DecodeError::ProtocolName));
        for level in [0, 3, 5, 0x84] {
            assert_eq!(
                patched(8, level),
                Err(DecodeError::UnsupportedProtocol(level))
            );
        }
        // Whatever follows another level is not looked at: here the level is the last byte.
        let short = [0x10, 7, 0, 4, b'M', b'Q', b'T', b'T', 5];
        assert_eq!(read(&short), Err(DecodeError::UnsupportedProtocol(5)));
    }

    #[test]
    fn the_flags_obey_section_3_1_2() {
        assert_eq!(
            patched(9, 0b1110_1111),
            Err(DecodeError::ConnectReservedFlag)
        );
        assert_eq!(patched(9, 0b1110_0010), Err(DecodeError::WillFlags));
        assert_eq!(patched(9, 0b1100_1010), Err(DecodeError::WillFlags));
        assert_eq!(patched(9, 0b1111_1110), Err(DecodeError::ReservedQos));
        assert_eq!(
            patched(9, 0b0110_1110),
            Err(DecodeError::PasswordWithoutUserName)
        );
        assert_eq!(patched(9, 0b1010_1110), Err(DecodeError::TrailingBytes)); // the password is left over
        assert_eq!(patched(9, 0b1110_1100), Ok(())); // a kept session
    }

    #[test]
    fn an_empty_client_identifier_needs_a_clean_session() {
        let mut bytes = PLAIN;
        bytes[9] = 0;
        assert_eq!(read(&bytes), Err(DecodeError::EmptyClientId));
    }

    #[test]
    fn what_no_reader_would_accept_is_not_written() {
        let rule = |rule| Err(EncodeError::BreaksRule(rule));
        let kept = Connect {
            clean_session: false,
            ..plain()
        };
        assert_eq!(write(&kept), rule(DecodeError::EmptyClientId));
        let bare = Connect {
            username: None,
            ..full()
        };
        assert_eq!(write(&bare), rule(DecodeError::PasswordWithoutUserName));
        assert_eq!(
            write(&Connect {
                client_id: "\0",
                ..full()
            }),
            rule(DecodeError::NullCharacter)
        );
        assert_eq!(
            write(&Connect {
                username: Some("\0"),
                ..full()
            }),
            rule(DecodeError::NullCharacter)
        );
        let long = "a".repeat(65_536);
        assert_eq!(
            write(&Connect {
                client_id: &long,
                ..full()
            }),
            Err(EncodeError::FieldTooLong)
        );
        assert_eq!(
            write(&Connect {
                username: Some(&long),
                ..full()
            }),
            Err(EncodeError::FieldTooLong)
        );
        let password = Some(long.as_bytes());
        assert_eq!(
            write(&Connect { password, ..full() }),
            Err(EncodeError::FieldTooLong)
        );
    }

    #[test]
    fn the_password_is_not_in_the_debug_text() {
        let text = format!(
            "{:?}",
            Connect {
                password: Some(b"secret"),
                ..full()
            }
        );
        assert!(text.contains("hidden") && !text.contains("secret") && !text.contains("115"));
    }

    #[test]
    fn version_5_has_properties_of_the_packet_and_of_the_will() {
        let bytes = [
            0x10, // packet type 1, flags 0000
            34,   // remaining length
            0,
            4,
            b'M',
            b'Q',
            b'T',
            b'T',        // protocol name
            5,           // protocol version: 5.0
            0b0100_0110, // password, will, clean start; a user name is not needed
            0x00,
            0x3c, // keep-alive: 60 s
            8,    // property length
            0x21,
            0,
            20, // receive maximum: 20
            0x11,
            0,
            0,
            0,
            60, // session expiry interval: 60 s
            0,
            0, // client identifier: empty
            5, // property length of the will
            0x18,
            0,
            0,
            0,
            5, // will delay interval: 5 s
            0,
            1,
            b'w', // will topic
            0,
            0, // will payload
            0,
            0, // password: empty
        ];
        let Ok(Packet::Connect(packet)) = vector::read_5(&bytes, Role::Server) else {
            panic!("{:?}", vector::read_5(&bytes, Role::Server));
        };
        let limits = [
            Property::ReceiveMaximum(20),
            Property::SessionExpiryInterval(60),
        ];
        assert_eq!(packet.properties.iter().collect::<Vec<_>>(), limits);
        let will = packet.will.expect("it has one");
        let delay = Property::WillDelayInterval(5);
        assert_eq!(will.properties.iter().collect::<Vec<_>>(), [delay]);
        assert_eq!((packet.username, packet.password), (None, Some(&[][..])));
        vector::is_written_5(Packet::Connect(packet), &bytes);
        let mut of_3 = bytes;
        of_3[8] = 4;
        let other = vector::read_5(&of_3, Role::Server);
        assert_eq!(other, Err(DecodeError::UnsupportedProtocol(4)));
        let mut with_3 = bytes;
        with_3[9] |= WILL_QOS;
        let reserved = vector::read_5(&with_3, Role::Server);
        assert_eq!(reserved, Err(DecodeError::ReservedQos));
    }

    #[test]
    fn authentication_data_need_a_method() {
        let mut list = PropertyList::new();
        list.push(Property::AuthenticationData(b"secret"))
            .expect("it fits");
        let without = Connect {
            properties: list.as_properties(),
            ..plain()
        };
        let rule = EncodeError::BreaksRule(DecodeError::NoAuthenticationMethod);
        assert_eq!(without.write(Version::V5, &mut Vec::new()), Err(rule));
        list.push(Property::AuthenticationMethod("m"))
            .expect("it fits");
        let with = Connect {
            properties: list.as_properties(),
            ..plain()
        };
        assert_eq!(with.write(Version::V5, &mut Vec::new()), Ok(()));
        assert!(!format!("{with:?}").contains("115, 101, 99"));
    }
}
