//! What goes wrong in WebSocket, by the classes that people act upon.
//!
//! Not here: what a run counts them as.

use std::io;

/// Whose mistake it is, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The answer has another HTTP status than 101.
    Refused(u16),
    /// The peer speaks no HTTP, or upgrades to nothing that was asked for.
    Upgrade,
    /// The peer does not speak MQTT over WebSocket.
    Subprotocol,
    /// A frame that RFC 6455 forbids.
    Frame,
    /// A text frame, which MQTT forbids [MQTT-6.0.0-1].
    Text,
    /// The reason of a Close frame is no UTF-8.
    Reason,
}

impl Fault {
    /// What a Close frame says of it (RFC 6455, section 7.4.1).
    pub(super) const fn close_code(self) -> u16 {
        match self {
            Self::Text => 1003,
            Self::Reason => 1007,
            _ => 1002,
        }
    }
}

/// An error of WebSocket; within an [`io::Error`] of the kind `InvalidData`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its class.
    pub fault: Fault,
    /// What exactly.
    pub text: String,
}

impl Failure {
    pub(super) fn new(fault: Fault, text: impl Into<String>) -> Self {
        Self {
            fault,
            text: text.into(),
        }
    }

    /// That within an error of reading or writing, if there is one.
    pub fn within(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let text = match fault {
            Fault::Text => "a text frame",
            Fault::Reason => "a reason that is no UTF-8",
            _ => "a frame that RFC 6455 forbids",
        };
        Self::new(fault, text)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        Self::new(io::ErrorKind::InvalidData, failure)
    }
}
