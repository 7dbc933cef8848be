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
//! is its statement number.

mod ack;
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
mod puback;
mod pubcomp;
mod publish;
mod pubrec;
mod pubrel;
mod qos;
mod reader;
mod suback;
mod subscribe;
pub mod topic;
mod unsuback;
mod unsubscribe;
#[cfg(test)]
mod vector;
mod will;
mod writer;

pub use connack::{ConnAck, ConnectReturnCode};
pub use connect::Connect;
pub use disconnect::Disconnect;
pub use error::{DecodeError, EncodeError};
pub use kind::Kind;
pub use packet::{Packet, decode};
pub use pingreq::PingReq;
pub use pingresp::PingResp;
pub use puback::PubAck;
pub use pubcomp::PubComp;
pub use publish::Publish;
pub use pubrec::PubRec;
pub use pubrel::PubRel;
pub use qos::Qos;
pub use suback::{SUBSCRIPTION_REFUSED, SubAck};
pub use subscribe::{Subscribe, write_subscribe};
pub use unsuback::UnsubAck;
pub use unsubscribe::{Unsubscribe, write_unsubscribe};
pub use will::Will;

/// The protocol version a connection speaks.
///
/// Code that handles only one says so with `let Version::V311 = version;`, which stops compiling
/// when a second comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// MQTT 3.1.1, protocol level 4.
    V311,
}

impl Version {
    /// The protocol level byte of CONNECT (section 3.1.2.2).
    pub const fn level(self) -> u8 {
        match self {
            Self::V311 => 4,
        }
    }
}

/// Who is reading: the two roles accept different packets (table 2.1, "direction of flow").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Accepts CONNACK, PUBLISH and its acknowledgements, SUBACK, UNSUBACK and PINGRESP.
    Client,
    /// Accepts CONNECT, PUBLISH and its acknowledgements, SUBSCRIBE, UNSUBSCRIBE, PINGREQ and
    /// DISCONNECT.
    Server,
}
