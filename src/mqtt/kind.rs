//! The packet types, fourteen in 3.1.1 and fifteen in 5.0, and what the first byte of a packet must look like. Not here:
//! anything after that byte.

use super::{DecodeError, Role, Version};

/// A control packet type with its number (section 2.2.1, table 2.1; 5.0: section 2.1.2, table 2-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A client asks for a connection.
    Connect = 1,
    /// The server's answer to it.
    ConnAck = 2,
    /// An application message, in both directions.
    Publish = 3,
    /// Acknowledges a PUBLISH of QoS 1.
    PubAck = 4,
    /// First answer to a PUBLISH of QoS 2.
    PubRec = 5,
    /// Answer to PUBREC.
    PubRel = 6,
    /// Answer to PUBREL.
    PubComp = 7,
    /// A client asks for subscriptions.
    Subscribe = 8,
    /// The server's answer to it.
    SubAck = 9,
    /// A client gives subscriptions up.
    Unsubscribe = 10,
    /// The server's answer to it.
    UnsubAck = 11,
    /// A client asks whether the server is there.
    PingReq = 12,
    /// The server's answer to it.
    PingResp = 13,
    /// A client says goodbye; in 5.0 a server too.
    Disconnect = 14,
    /// A step of an enhanced authentication, in 5.0 only.
    Auth = 15,
}

impl Kind {
    /// The type in the high four bits of a packet's first byte. 0, and 15 in 3.1.1, are
    /// [`DecodeError::ReservedType`].
    #[inline]
    pub const fn of(first_byte: u8, version: Version) -> Result<Self, DecodeError> {
        Ok(match first_byte >> 4 {
            1 => Self::Connect,
            2 => Self::ConnAck,
            3 => Self::Publish,
            4 => Self::PubAck,
            5 => Self::PubRec,
            6 => Self::PubRel,
            7 => Self::PubComp,
            8 => Self::Subscribe,
            9 => Self::SubAck,
            10 => Self::Unsubscribe,
            11 => Self::UnsubAck,
            12 => Self::PingReq,
            13 => Self::PingResp,
            14 => Self::Disconnect,
            15 if matches!(version, Version::V5) => Self::Auth,
            reserved => return Err(DecodeError::ReservedType(reserved)),
        })
    }

    /// The first byte of a packet of this type. That of PUBLISH has its flags, DUP, QoS and RETAIN,
    /// at 0.
    ///
    /// The flags of all others are fixed: 0010 for PUBREL [MQTT-3.6.1-1], SUBSCRIBE [MQTT-3.8.1-1]
    /// and UNSUBSCRIBE [MQTT-3.10.1-1], 0000 otherwise (table 2.2).
    pub const fn first_byte(self) -> u8 {
        let flags = match self {
            Self::PubRel | Self::Subscribe | Self::Unsubscribe => 0b0010,
            _ => 0b0000,
        };
        (self as u8) << 4 | flags
    }

    /// Whether `reader` may receive this packet (table 2.1, "direction of flow"; 5.0: table 2-1).
    #[inline]
    pub const fn is_read_by(self, reader: Role, version: Version) -> bool {
        match self {
            Self::Publish | Self::PubAck | Self::PubRec | Self::PubRel | Self::PubComp => true,
            Self::ConnAck | Self::SubAck | Self::UnsubAck | Self::PingResp => {
                matches!(reader, Role::Client)
            }
            Self::Connect | Self::Subscribe | Self::Unsubscribe | Self::PingReq => {
                matches!(reader, Role::Server)
            }
            Self::Disconnect => matches!(reader, Role::Server) || matches!(version, Version::V5),
            Self::Auth => matches!(version, Version::V5),
        }
    }

    /// The specification's name of the packet.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::ConnAck => "CONNACK",
            Self::Publish => "PUBLISH",
            Self::PubAck => "PUBACK",
            Self::PubRec => "PUBREC",
            Self::PubRel => "PUBREL",
            Self::PubComp => "PUBCOMP",
            Self::Subscribe => "SUBSCRIBE",
            Self::SubAck => "SUBACK",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::UnsubAck => "UNSUBACK",
            Self::PingReq => "PINGREQ",
            Self::PingResp => "PINGRESP",
            Self::Disconnect => "DISCONNECT",
            Self::Auth => "AUTH",
        }
    }

    /// Judges a first byte of any packet but PUBLISH, whose flags mean something: type, direction,
    /// reserved flags.
    #[inline]
    pub(super) fn check(
        first_byte: u8,
        reader: Role,
        version: Version,
    ) -> Result<Self, DecodeError> {
        let kind = Self::of(first_byte, version)?;
        if !kind.is_read_by(reader, version) {
            return Err(DecodeError::WrongDirection(kind));
        }
        // [MQTT-2.2.2-1], [MQTT-2.2.2-2], [MQTT-3.14.1-1] and the three named at `first_byte`; 5.0:
        // [MQTT-2.1.3-1], [MQTT-3.15.1-1].
        if kind != Self::Publish && first_byte != kind.first_byte() {
            return Err(DecodeError::HeaderFlags(kind));
        }
        Ok(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_first_byte_is_one_packet_type_or_an_error() {
        let accepted = |reader, version| {
            (0..=u8::MAX)
                .filter(|&byte| Kind::check(byte, reader, version).is_ok())
                .collect::<Vec<_>>()
        };
        let publish = 0x30..=0x3f_u8;
        let server = [0x10]
            .into_iter()
            .chain(publish.clone())
            .chain([0x40, 0x50, 0x62, 0x70, 0x82, 0xa2, 0xc0, 0xe0]);
        let client = [0x20]
            .into_iter()
            .chain(publish)
            .chain([0x40, 0x50, 0x62, 0x70, 0x90, 0xb0, 0xd0]);
        let server: Vec<_> = server.collect();
        let client: Vec<_> = client.collect();
        assert_eq!(accepted(Role::Server, Version::V311), server);
        assert_eq!(accepted(Role::Client, Version::V311), client);
        // 5.0 has AUTH, and DISCONNECT in both directions.
        let with = |mut bytes: Vec<u8>, more: &[u8]| {
            bytes.extend(more);
            bytes
        };
        assert_eq!(accepted(Role::Server, Version::V5), with(server, &[0xf0]));
        assert_eq!(
            accepted(Role::Client, Version::V5),
            with(client, &[0xe0, 0xf0])
        );
    }

    #[test]
    fn a_byte_leads_to_its_kind_and_back() {
        for byte in 0x10..=0xff_u8 {
            let kind = Kind::of(byte, Version::V5).expect("types 1 to 15");
            assert_eq!(Kind::of(kind.first_byte(), Version::V5), Ok(kind));
            assert_eq!(kind as u8, byte >> 4);
        }
    }

    #[test]
    fn the_three_judgements_differ() {
        assert_eq!(
            Kind::check(0x00, Role::Server, Version::V311),
            Err(DecodeError::ReservedType(0))
        );
        assert_eq!(
            Kind::check(0xf0, Role::Client, Version::V311),
            Err(DecodeError::ReservedType(15))
        );
        assert_eq!(
            Kind::check(0x10, Role::Client, Version::V311),
            Err(DecodeError::WrongDirection(Kind::Connect))
        );
        assert_eq!(
            Kind::check(0x60, Role::Server, Version::V311),
            Err(DecodeError::HeaderFlags(Kind::PubRel))
        );
    }
}
