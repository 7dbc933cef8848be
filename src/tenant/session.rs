//! One connection of the tenant: its socket, what waits to be written, and what it agreed on.
//!
//! Reads go into a buffer that all connections share; only the beginning of a packet whose end
//! has not come yet is kept here. Not here: what a packet means (`packets`).

use std::io::{self, ErrorKind};
use std::sync::Arc;

use foldhash::HashSet;

use super::flow::Flow;
use crate::event::{Handle, Socket, tls, websocket};
use crate::mqtt::{Reason, Version};

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// CONNECT is still to come.
    Opened,
    /// CONNECT was accepted.
    Connected,
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The peer closed, reset, or said goodbye.
    Peer,
    /// `disconnect-rate` or `outage`.
    Injected,
    /// Another connection came with the same client identifier [MQTT-3.1.4-2].
    TakenOver,
    /// Nothing was heard for one and a half times the keep-alive [MQTT-3.1.2-24].
    KeepAlive,
    /// The peer does not read what it is sent.
    SlowReader,
    /// CONNECT was answered with this code.
    Refused(Reason),
    /// CONNECT did not come in time.
    NoConnect,
    /// A packet that breaks a rule, by the class word of the rule.
    Protocol(&'static str),
    /// A message that the tenant had said it does not take (5.0).
    Breach(Reason),
}

impl Ending {
    /// That of an error of reading.
    pub fn of(error: &io::Error) -> Self {
        if tls::Failure::within(error).is_some() {
            Self::Protocol("tls")
        } else if websocket::Failure::within(error).is_some() {
            Self::Protocol("websocket")
        } else {
            Self::Peer
        }
    }

    /// The key in the report's `rejected`, if this counts there.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Peer | Self::Injected => None,
            Self::TakenOver => Some("taken-over"),
            Self::KeepAlive => Some("keep-alive"),
            Self::SlowReader => Some("slow-reader"),
            Self::Refused(code) | Self::Breach(code) => Some(code.name()),
            Self::NoConnect => Some("no-connect"),
            Self::Protocol(rule) => Some(rule),
        }
    }
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    /// The socket, non-blocking.
    pub socket: Socket,
    /// Opened or connected.
    pub stage: Stage,
    /// That of its CONNECT.
    pub version: Version,
    /// Messages of QoS 1 and 2 that it takes unacknowledged; 3.1.1 does not say.
    pub receive_max: u16,
    /// The longest packet that it takes, in bytes; 3.1.1 does not say.
    pub packet_max: u32,
    /// As in CONNECT; `None`: it was empty.
    pub client_id: Option<Arc<str>>,
    /// Longest silence in nanoseconds; `None`: no limit.
    pub patience_ns: Option<u64>,
    /// The timer that ends this patience.
    pub silence: Option<Handle>,
    /// Instant of the last read that brought something.
    pub heard_at: u64,
    /// The beginning of a packet whose end has not come yet.
    pub partial: Vec<u8>,
    /// Packet identifiers in use.
    pub flow: Flow,
    /// Its subscriptions, to be removed with it.
    pub filters: HashSet<Box<str>>,
    /// Bytes to be written; those before `written` are gone already.
    pub out: Vec<u8>,
    written: usize,
    /// Whether `out` is noted for the next flush.
    pub noted: bool,
    /// Its place in the list of connected sessions.
    pub place: usize,
}

impl Session {
    /// A connection that was just accepted.
    pub fn new(socket: Socket, now: u64, patience_ns: u64) -> Self {
        Self {
            socket,
            stage: Stage::Opened,
            version: Version::V311,
            receive_max: u16::MAX,
            packet_max: u32::MAX,
            client_id: None,
            patience_ns: Some(patience_ns),
            silence: None,
            heard_at: now,
            partial: Vec::new(),
            flow: Flow::default(),
            filters: HashSet::default(),
            out: Vec::new(),
            written: 0,
            noted: false,
            place: 0,
        }
    }

    /// Bytes that wait for the socket.
    pub fn backlog(&self) -> usize {
        self.out.len() - self.written
    }

    /// Writes what the socket takes; the rest waits until it is writable again.
    ///
    /// # Errors
    /// What the socket says; the connection is lost then.
    pub fn flush(&mut self) -> io::Result<()> {
        match self.socket.flush() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            flushed => flushed?,
        }
        while self.written < self.out.len() {
            match self.socket.transmit(&self.out[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => self.written += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.compact();
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }

    /// Moves what waits to the front when more than half of the buffer is gone.
    fn compact(&mut self) {
        if self.written > self.out.len() / 2 {
            self.out.drain(..self.written);
            self.written = 0;
        }
    }
}
