//! Any packet, and how one is taken off a stream of bytes. Not here: the packets themselves, which
//! have a file each.

use super::{
    Auth, ConnAck, Connect, DecodeError, Disconnect, EncodeError, Kind, PingReq, PingResp, PubAck,
    PubComp, PubRec, PubRel, Publish, Role, SubAck, Subscribe, UnsubAck, Unsubscribe, Version,
    header,
};

/// A control packet that borrows from the bytes it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A client asks for a connection.
    Connect(Connect<'a>),
    /// The server's answer to it.
    ConnAck(ConnAck<'a>),
    /// An application message.
    Publish(Publish<'a>),
    /// Acknowledges a PUBLISH of QoS 1.
    PubAck(PubAck<'a>),
    /// First answer to a PUBLISH of QoS 2.
    PubRec(PubRec<'a>),
    /// Answer to PUBREC.
    PubRel(PubRel<'a>),
    /// Answer to PUBREL.
    PubComp(PubComp<'a>),
    /// A client asks for subscriptions.
    Subscribe(Subscribe<'a>),
    /// The server's answer to it.
    SubAck(SubAck<'a>),
    /// A client gives subscriptions up.
    Unsubscribe(Unsubscribe<'a>),
    /// The server's answer to it.
    UnsubAck(UnsubAck<'a>),
    /// A client asks whether the server is there.
    PingReq,
    /// The server's answer to it.
    PingResp,
    /// A client says goodbye; in 5.0 a server too.
    Disconnect(Disconnect<'a>),
    /// A step of an enhanced authentication, in 5.0 only.
    Auth(Auth<'a>),
}

impl Packet<'_> {
    /// The packet's type.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Connect(_) => Kind::Connect,
            Self::ConnAck(_) => Kind::ConnAck,
            Self::Publish(_) => Kind::Publish,
            Self::PubAck(_) => Kind::PubAck,
            Self::PubRec(_) => Kind::PubRec,
            Self::PubRel(_) => Kind::PubRel,
            Self::PubComp(_) => Kind::PubComp,
            Self::Subscribe(_) => Kind::Subscribe,
            Self::SubAck(_) => Kind::SubAck,
            Self::Unsubscribe(_) => Kind::Unsubscribe,
            Self::UnsubAck(_) => Kind::UnsubAck,
            Self::PingReq => Kind::PingReq,
            Self::PingResp => Kind::PingResp,
            Self::Disconnect(_) => Kind::Disconnect,
            Self::Auth(_) => Kind::Auth,
        }
    }

    /// Appends the packet. What [`decode`] would refuse is an error and appends nothing.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Connect(packet) => packet.write(version, out),
            Self::ConnAck(packet) => packet.write(version, out),
            Self::Publish(packet) => packet.write(version, out),
            Self::PubAck(packet) => packet.write(version, out),
            Self::PubRec(packet) => packet.write(version, out),
            Self::PubRel(packet) => packet.write(version, out),
            Self::PubComp(packet) => packet.write(version, out),
            Self::Subscribe(packet) => packet.write(version, out),
            Self::SubAck(packet) => packet.write(version, out),
            Self::Unsubscribe(packet) => packet.write(version, out),
            Self::UnsubAck(packet) => packet.write(version, out),
            Self::PingReq => PingReq.write(version, out),
            Self::PingResp => PingResp.write(version, out),
            Self::Disconnect(packet) => packet.write(version, out),
            Self::Auth(packet) => packet.write(version, out),
        }
    }
}

/// Takes the first packet off `bytes`: the packet and the bytes it took, or `Ok(None)` while it is
/// incomplete.
///
/// Bytes after the packet are not looked at. `max_packet` limits the whole packet, in bytes: a
/// larger one is [`DecodeError::TooLarge`] as soon as its header is there, so that nobody has to
/// collect it. The first byte is judged as soon as it is there, the body only when it is complete.
/// After an error the stream is lost and the connection is to be closed [MQTT-4.8.0-1], 5.0:
/// [MQTT-4.13.1-1].
#[inline]
pub fn decode(
    bytes: &[u8],
    reader: Role,
    version: Version,
    max_packet: usize,
) -> Result<Option<(Packet<'_>, usize)>, DecodeError> {
    let Some(&first_byte) = bytes.first() else {
        return Ok(None);
    };
    let kind = Kind::check(first_byte, reader, version)?;
    let Some(header) = header::read(bytes)? else {
        return Ok(None);
    };
    if version == Version::V5 && !header.is_shortest() {
        return Err(DecodeError::VariableByteInteger);
    }
    let packet_len = header.packet_len();
    if packet_len > max_packet {
        return Err(DecodeError::TooLarge);
    }
    let Some(body) = bytes.get(header.len..packet_len) else {
        return Ok(None);
    };
    // PUBLISH first and in line: in a load test nearly everything is one. Each way ends here: joined
    // again, they would copy as much as the largest packet has.
    if kind == Kind::Publish {
        let packet = Publish::read(first_byte, body, reader, version)?;
        return Ok(Some((Packet::Publish(packet), packet_len)));
    }
    match version {
        Version::V311 => read_other(kind, body, reader, packet_len),
        Version::V5 => read_other_5(kind, body, reader, packet_len),
    }
}

/// What [`decode`] gives.
type Taken<'a> = Result<Option<(Packet<'a>, usize)>, DecodeError>;

// One for each version, so that the version of neither is looked at again.
#[inline(never)]
fn read_other(kind: Kind, body: &[u8], role: Role, len: usize) -> Taken<'_> {
    read_any(kind, body, role, Version::V311, len)
}

#[inline(never)]
fn read_other_5(kind: Kind, body: &[u8], role: Role, len: usize) -> Taken<'_> {
    read_any(kind, body, role, Version::V5, len)
}

#[inline]
fn read_any(kind: Kind, body: &[u8], role: Role, version: Version, len: usize) -> Taken<'_> {
    macro_rules! taken {
        ($packet:ident($($argument:expr),+)) => {
            Ok(Some((Packet::$packet($packet::read($($argument),+)?), len)))
        };
    }
    match kind {
        Kind::Connect => taken!(Connect(body, version)),
        Kind::ConnAck => taken!(ConnAck(body, role, version)),
        Kind::Publish => taken!(Publish(Kind::Publish.first_byte(), body, role, version)),
        Kind::PubAck => taken!(PubAck(body, role, version)),
        Kind::PubRec => taken!(PubRec(body, role, version)),
        Kind::PubRel => taken!(PubRel(body, role, version)),
        Kind::PubComp => taken!(PubComp(body, role, version)),
        Kind::Subscribe => taken!(Subscribe(body, version)),
        Kind::SubAck => taken!(SubAck(body, role, version)),
        Kind::Unsubscribe => taken!(Unsubscribe(body, version)),
        Kind::UnsubAck => taken!(UnsubAck(body, role, version)),
        Kind::PingReq => PingReq::read(body).map(|PingReq| Some((Packet::PingReq, len))),
        Kind::PingResp => PingResp::read(body).map(|PingResp| Some((Packet::PingResp, len))),
        Kind::Disconnect => taken!(Disconnect(body, role, version)),
        Kind::Auth => taken!(Auth(body, role, version)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: [u8; 2] = [0xc0, 0x00];

    #[test]
    fn nothing_is_an_incomplete_packet() {
        assert_eq!(decode(&[], Role::Server, Version::V311, 100), Ok(None));
        assert_eq!(
            decode(&PING[..1], Role::Server, Version::V311, 100),
            Ok(None)
        );
    }

    #[test]
    fn bytes_after_the_packet_are_not_looked_at() {
        let bytes = [PING[0], PING[1], 0x00, 0xff];
        let read = decode(&bytes, Role::Server, Version::V311, 2);
        assert_eq!(read, Ok(Some((Packet::PingReq, 2))));
    }

    #[test]
    fn a_wrong_first_byte_is_refused_before_the_rest_is_there() {
        let read = |byte: u8, reader| {
            decode(&[byte], reader, Version::V311, 100)
                .unwrap_err()
                .name()
        };
        assert_eq!(read(0x00, Role::Server), "reserved-type");
        assert_eq!(read(b'G', Role::Server), "header-flags"); // of an HTTP request: 0x47
        assert_eq!(read(0x16, Role::Server), "header-flags"); // of a TLS handshake
        assert_eq!(read(0x20, Role::Server), "wrong-direction");
        assert_eq!(read(0x10, Role::Client), "wrong-direction");
    }

    #[test]
    fn a_packet_beyond_the_limit_is_refused_by_its_header_alone() {
        let header = [0x30, 0x80, 0x01]; // a PUBLISH of 3 + 128 bytes
        assert_eq!(decode(&header, Role::Client, Version::V311, 131), Ok(None));
        assert_eq!(
            decode(&header, Role::Client, Version::V311, 130),
            Err(DecodeError::TooLarge)
        );
        assert_eq!(
            decode(&header[..2], Role::Client, Version::V311, 130),
            Ok(None)
        );
    }

    #[test]
    fn version_5_takes_a_remaining_length_in_its_shortest_form_only() {
        let longer = [0xc0, 0x80, 0x00];
        let read = |version| decode(&longer, Role::Server, version, 100).map(|_| ());
        assert_eq!(read(Version::V311), Ok(()));
        assert_eq!(read(Version::V5), Err(DecodeError::VariableByteInteger));
    }
}
