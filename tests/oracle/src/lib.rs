//! Published MQTT codecs, each behind the same two functions, so that midge's codec can be compared
//! with them.
//!
//! Not a codec and not part of midge: a package of its own, so that ordinary builds compile none of
//! these crates.

pub mod five;
mod mqttbytes;
pub mod mutation;
mod protocol_core;
mod rmqtt;
pub mod specimen;
pub mod specimen_5;

use specimen::Specimen;

/// What another codec makes of the first packet in some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// A packet with these fields.
    Packet(Specimen),
    /// More bytes are needed.
    Incomplete,
    /// Not a packet, in the codec's own words.
    Refused(String),
}

impl Reading {
    fn refused(error: impl std::fmt::Debug) -> Self {
        Self::Refused(format!("{error:?}"))
    }
}

/// Another codec.
#[derive(Debug, Clone, Copy)]
pub struct Oracle {
    /// The crate.
    pub name: &'static str,
    /// Reads the first packet, in whichever direction it goes: none of the codecs knows roles.
    pub read: fn(&[u8]) -> Reading,
    /// Writes a packet; `None` if the codec's own types cannot hold it.
    pub write: fn(&Specimen) -> Option<Vec<u8>>,
}

/// All of them: two are a majority.
pub const ORACLES: [Oracle; 3] = [
    Oracle {
        name: "rmqtt-codec",
        read: rmqtt::read,
        write: rmqtt::write,
    },
    Oracle {
        name: "mqtt-protocol-core",
        read: protocol_core::read,
        write: protocol_core::write,
    },
    Oracle {
        name: "mqttbytes-ng",
        read: mqttbytes::read,
        write: mqttbytes::write,
    },
];
