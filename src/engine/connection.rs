//! One MQTT connection of the fleet: its socket, where it stands, and what it still owes.
//!
//! Data and small pure helpers. What happens to it when is decided by the worker's `connect`, `send`
//! and `receive`. Endpoints are a table apart: a connection serves `count` of them from `first` on.

use std::ops::Range;

use super::acks::{AckList, Acks};
use super::cold::Cold;
use crate::event::Socket;

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Waits for its turn to connect.
    Down,
    /// TCP handshake.
    Connecting,
    /// TLS handshake.
    Securing,
    /// From HTTP to WebSocket.
    Upgrading,
    /// CONNECT is out, CONNACK is not in.
    Handshake,
    /// SUBSCRIBE is out, not every SUBACK is in.
    Subscribing,
    /// Ready for messages.
    Up,
    /// DISCONNECT is out; read until the peer closes.
    Closing,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Publishes and subscribes for its endpoints.
    Whole,
    /// Publishes only.
    Publisher,
    /// Subscribes only.
    Subscriber,
    /// Plays the cloud side for all endpoints of the worker.
    Caller,
}

/// A question to the target that is answered in order: see `drain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fence {
    /// Answered, or never asked.
    Down,
    /// To be asked.
    Raised,
    /// PINGREQ is out.
    Asked,
}

/// An instant to about a millisecond, for what lasts seconds: 2^20 ns since the run's epoch, modulo
/// 52 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coarse(u32);

impl Coarse {
    const SHIFT: u32 = 20;

    /// `ns` since the run's epoch.
    pub(super) fn at(ns: u64) -> Self {
        Self((ns >> Self::SHIFT) as u32)
    }

    /// Nanoseconds since then, about; at most 52 days.
    pub(super) fn until(self, ns: u64) -> u64 {
        u64::from(Self::at(ns).0.wrapping_sub(self.0)) << Self::SHIFT
    }
}

/// One row of the worker's connection table, in no more than a cache line: there are as many as
/// endpoints, and each message looks at one. What is needed only at times lies apart, in `cold`.
#[derive(Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other, a byte each"
)]
pub(super) struct Connection {
    pub stream: Option<Socket>,
    pub state: State,
    pub part: Part,
    pub fence: Fence,
    /// Whether its first attempt has ended, one way or the other.
    pub settled: bool,
    /// Whether messages for it are rendered and not yet written: see `prepare`.
    pub prepared: bool,
    /// Whether a PINGREQ is out that is not answered yet; it went out at `pinged`.
    pub pinging: bool,
    /// Whether its last CONNECT asked for a session that outlives it: see `resume`.
    pub session: bool,
    /// Whether its filters were subscribed, in the session that is.
    pub subscribed: bool,
    /// Counts attempts to connect, so that old timers find out that they are old.
    pub generation: u16,
    pub last_packet_id: u16,
    /// Local index of its first endpoint, and how many it serves.
    pub first: u32,
    pub count: u32,
    pub last_write: Coarse,
    pub pinged: Coarse,
    pub acks: AckList,
    pub cold: Option<Box<Cold>>,
}

impl Connection {
    pub(super) fn new(part: Part, endpoints: Range<u32>) -> Self {
        Self {
            stream: None,
            state: State::Down,
            part,
            fence: Fence::Down,
            settled: false,
            prepared: false,
            pinging: false,
            session: false,
            subscribed: false,
            generation: 0,
            last_packet_id: 0,
            first: endpoints.start,
            count: endpoints.end - endpoints.start,
            last_write: Coarse(0),
            pinged: Coarse(0),
            acks: AckList::EMPTY,
            cold: None,
        }
    }

    /// The local endpoints that it serves.
    pub(super) fn endpoints(&self) -> Range<u32> {
        self.first..self.first + self.count
    }

    /// Bytes that the socket has not taken yet.
    pub(super) fn backlog(&self) -> usize {
        self.cold.as_ref().map_or(0, |cold| cold.outbox.len())
    }

    /// A packet ID that no unfinished handshake uses; `None` when there is none (section 2.3.1).
    pub(super) fn allocate_packet_id(&mut self, acks: &Acks) -> Option<u16> {
        self.last_packet_id = acks.free_packet_id(self.acks, self.last_packet_id)?;
        Some(self.last_packet_id)
    }

    /// How long it has written nothing, as far as the keep-alive is concerned, ns.
    pub(super) fn silent_for(&self, now: u64) -> u64 {
        let written = self.last_write.until(now);
        // The drain asks too, at moments of its own, and what it asks may wait in the outbox.
        if self.pinging {
            written.min(self.pinged.until(now))
        } else {
            written
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_no_larger_than_a_cache_line() {
        // A standard build: mio's stream is larger where debug assertions are on.
        let socket = size_of::<Option<Socket>>().saturating_sub(16);
        assert!(size_of::<Connection>() <= 64 + socket);
    }

    #[test]
    fn coarse_instants_count_on_when_they_come_round() {
        const MS: u64 = 1 << Coarse::SHIFT;
        let late = (u64::from(u32::MAX) << Coarse::SHIFT) + 5;
        assert_eq!(Coarse::at(late).until(late + 3 * MS), 3 * MS);
        assert_eq!(Coarse::at(7 * MS + 1).until(7 * MS + 2), 0);
    }

    #[test]
    fn a_ping_that_waits_for_its_answer_ends_the_silence() {
        let mut connection = Connection::new(Part::Whole, 0..1);
        let at = |step: u64| step << Coarse::SHIFT;
        connection.last_write = Coarse::at(at(1));
        connection.pinged = Coarse::at(at(4));
        assert_eq!(connection.silent_for(at(5)), at(4));
        connection.pinging = true;
        assert_eq!(connection.silent_for(at(5)), at(1));
    }
}
