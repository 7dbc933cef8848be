//! The MQTT codec: bytes in, packets out, and back. Sans I/O: it opens no socket, reads no clock
//! and keeps no state.
//!
//! It serves both roles (what a client reads and what a server reads) and is strict: a packet that
//! breaks a rule of the specification is an error that names the rule, never a guess. Packets
//! borrow from the bytes they were read from and decoding allocates nothing. [`Version`] is an
//! argument everywhere, so that another protocol version is another match arm and not another
//! codec. What it is not: a session. Packet identifiers in use, keep-alive, the order of CONNECT
//! and its acknowledgement, and what to answer belong to whoever owns the connection.
//!
//! Rules are named as in "MQTT Version 3.1.1" (OASIS Standard, 29 October 2014): `[MQTT-3.3.2-2]`
//! is its statement number. A number after `5.0:` is one of "MQTT Version 5.0" (OASIS Standard,
//! 7 March 2019), and so is each one beside something that only 5.0 has.
//!
//! What 3.1.1 has no place for, properties and the reasons of acknowledgements, is left out when a
//! packet is written for it, so that whoever answers need not know who asked.

mod ack;
mod auth;
mod connack;
mod connect;
mod disconnect;
mod empty;
mod error;
pub mod header;
mod kind;
mod packet;
mod pingreq;
mod pingresp;
mod place;
mod properties;
mod property;
mod puback;
mod pubcomp;
mod publish;
mod pubrec;
mod pubrel;
mod qos;
mod reader;
mod reason;
mod suback;
mod subscribe;
pub mod topic;
mod unsuback;
mod unsubscribe;
#[cfg(test)]
mod vector;
mod will;
mod wire;
mod writer;

pub use auth::Auth;
pub use connack::ConnAck;
pub use connect::Connect;
pub use disconnect::Disconnect;
pub use error::{DecodeError, EncodeError};
pub use kind::Kind;
pub use packet::{Packet, decode};
pub use pingreq::PingReq;
pub use pingresp::PingResp;
pub use properties::{Properties, PropertyList};
pub use property::Property;
pub use puback::PubAck;
pub use pubcomp::PubComp;
pub use publish::Publish;
pub use pubrec::PubRec;
pub use pubrel::PubRel;
pub use qos::Qos;
pub use reason::Reason;
pub use suback::{SUBSCRIPTION_REFUSED, SubAck};
pub use subscribe::{RetainHandling, Subscribe, SubscribeOptions, write_subscribe};
pub use unsuback::UnsubAck;
pub use unsubscribe::{Unsubscribe, write_unsubscribe};
pub use will::Will;

/// The protocol version a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// MQTT 3.1.1, protocol level 4.
    V311,
    /// MQTT 5.0, protocol version 5.
    V5,
}

impl Version {
    /// The protocol level byte of CONNECT, which 5.0 calls its version (section 3.1.2.2).
    pub const fn level(self) -> u8 {
        match self {
            Self::V311 => 4,
            Self::V5 => 5,
        }
    }
}

/// Who is reading: the two roles accept different packets (table 2.1, "direction of flow").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Accepts CONNACK, PUBLISH and its acknowledgements, SUBACK, UNSUBACK and PINGRESP; in 5.0
    /// DISCONNECT and AUTH too.
    Client,
    /// Accepts CONNECT, PUBLISH and its acknowledgements, SUBSCRIBE, UNSUBSCRIBE, PINGREQ and
    /// DISCONNECT; in 5.0 AUTH too.
    Server,
}
