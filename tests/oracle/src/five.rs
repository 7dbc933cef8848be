//! The same published codecs for MQTT 5. Not here: judging them.
//!
//! A codec reads a packet into its own types and writes it again; midge reads what it wrote. So none of
//! their types needs to be copied field by field, and their writers are compared with midge's reader
//! on the way.

use std::sync::Arc;

use bytes::BytesMut;
use midge::mqtt::{Kind, Version, header};
use mqtt_protocol_core::mqtt::packet::v5_0;
use mqtt_protocol_core::mqtt::result_code::MqttError;
use tokio_util::codec::{Decoder, Encoder};

/// What another codec makes of the first packet in some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewriting {
    /// A packet, as the codec itself writes it.
    Bytes(Vec<u8>),
    /// More bytes are needed.
    Incomplete,
    /// Not a packet, in the codec's own words.
    Refused(String),
}

impl Rewriting {
    fn refused(error: impl std::fmt::Debug) -> Self {
        Self::Refused(format!("{error:?}"))
    }
}

/// Another codec.
#[derive(Debug, Clone, Copy)]
pub struct Oracle5 {
    /// The crate.
    pub name: &'static str,
    /// Reads the first packet, in whichever direction it goes, and writes it again.
    pub rewrite: fn(&[u8]) -> Rewriting,
}

/// All of them: two are a majority.
pub const ORACLES_5: [Oracle5; 3] = [
    Oracle5 {
        name: "rmqtt-codec",
        rewrite: rmqtt,
    },
    Oracle5 {
        name: "mqtt-protocol-core",
        rewrite: protocol_core,
    },
    Oracle5 {
        name: "mqttbytes-ng",
        rewrite: mqttbytes,
    },
];

fn rmqtt(bytes: &[u8]) -> Rewriting {
    let mut codec = rmqtt_codec::v5::Codec::new(0, 0);
    match codec.decode(&mut BytesMut::from(bytes)) {
        Ok(Some((packet, _))) => {
            let mut out = BytesMut::new();
            match codec.encode(packet, &mut out) {
                Ok(()) => Rewriting::Bytes(out.to_vec()),
                Err(error) => Rewriting::refused(error),
            }
        }
        Ok(None) => Rewriting::Incomplete,
        Err(error) => Rewriting::refused(error),
    }
}

fn mqttbytes(bytes: &[u8]) -> Rewriting {
    use mqttbytes_ng::Error;
    use mqttbytes_ng::v5::Packet;
    match Packet::read(&mut BytesMut::from(bytes), None) {
        Ok(packet) => {
            let mut out = BytesMut::new();
            match packet.write(&mut out, None) {
                Ok(_) => Rewriting::Bytes(out.to_vec()),
                Err(error) => Rewriting::refused(error),
            }
        }
        Err(Error::InsufficientBytes(_)) => Rewriting::Incomplete,
        Err(error) => Rewriting::refused(error),
    }
}

/// Its public parsers take a packet's body, so the fixed header is read by midge: this one has no say
/// about headers.
fn protocol_core(bytes: &[u8]) -> Rewriting {
    let header = match header::read(bytes) {
        Ok(Some(header)) => header,
        Ok(None) => return Rewriting::Incomplete,
        Err(error) => return Rewriting::refused(error),
    };
    let kind = match Kind::of(header.first_byte, Version::V5) {
        Ok(kind) => kind,
        Err(error) => return Rewriting::refused(error),
    };
    let Some(body) = bytes.get(header.len..header.packet_len()) else {
        return Rewriting::Incomplete;
    };
    match rewritten(kind, header.first_byte & 0x0f, body) {
        Ok((out, consumed)) if consumed == body.len() => Rewriting::Bytes(out),
        Ok(_) => Rewriting::Refused("bytes are left".to_owned()),
        Err(error) => Rewriting::refused(error),
    }
}

fn rewritten(kind: Kind, flags: u8, body: &[u8]) -> Result<(Vec<u8>, usize), MqttError> {
    macro_rules! rewrite {
        ($packet:ident) => {
            v5_0::$packet::parse(body).map(|(packet, len)| (packet.to_continuous_buffer(), len))
        };
    }
    match kind {
        Kind::Connect => rewrite!(Connect),
        Kind::ConnAck => rewrite!(Connack),
        Kind::Publish => v5_0::Publish::parse(flags, Arc::from(body))
            .map(|(packet, len)| (packet.to_continuous_buffer(), len)),
        Kind::PubAck => rewrite!(Puback),
        Kind::PubRec => rewrite!(Pubrec),
        Kind::PubRel => rewrite!(Pubrel),
        Kind::PubComp => rewrite!(Pubcomp),
        Kind::Subscribe => rewrite!(Subscribe),
        Kind::SubAck => rewrite!(Suback),
        Kind::Unsubscribe => rewrite!(Unsubscribe),
        Kind::UnsubAck => rewrite!(Unsuback),
        Kind::PingReq => rewrite!(Pingreq),
        Kind::PingResp => rewrite!(Pingresp),
        Kind::Disconnect => rewrite!(Disconnect),
        Kind::Auth => rewrite!(Auth),
    }
}
