//! One MQTT connection of the fleet: its socket, where it stands, and what it still owes.
//!
//! Data and small pure helpers. What happens to it when is decided by the worker's `connect`, `send`
//! and `receive`. Endpoints are a table apart: a connection serves `count` of them from `first` on.

use std::collections::VecDeque;
use std::ops::Range;

use mio::net::TcpStream;

use super::exchange::Ticket;
use super::outbox::Outbox;

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Waits for its turn to connect.
    Down,
    /// TCP handshake.
    Connecting,
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

/// A published QoS 1 or 2 message whose handshake is not over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ack {
    pub packet_id: u16,
    pub request: u16,
    /// PUBREC is in and PUBREL is out.
    pub released: bool,
    /// The exchange that ends with the acknowledgement, if one does.
    pub completes: Option<Ticket>,
    pub intended: u64,
    /// 0 until the kernel took it.
    pub sent: u64,
}

/// One row of the worker's connection table.
#[derive(Debug)]
pub(super) struct Connection {
    pub stream: Option<TcpStream>,
    pub state: State,
    pub part: Part,
    /// Whether its first attempt has ended, one way or the other.
    pub settled: bool,
    pub ever_up: bool,
    /// Whether messages for it are rendered and not yet written: see `prepare`.
    pub prepared: bool,
    /// Local index of its first endpoint, and how many it serves.
    pub first: u32,
    pub count: u32,
    /// Counts attempts to connect, so that old timers find out that they are old.
    pub generation: u32,
    /// Failed attempts in a row.
    pub attempts: u32,
    pub next_packet_id: u16,
    pub subacks_missing: u16,
    pub connect_started: u64,
    /// From the connect call to CONNACK.
    pub connect_took: u64,
    pub last_write: u64,
    /// When the PINGREQ went out that is not answered yet; 0: none.
    pub ping_sent: u64,
    pub fence: Fence,
    /// The beginning of a packet whose end has not come yet.
    pub tail: Vec<u8>,
    pub outbox: Option<Box<Outbox>>,
    pub acks: VecDeque<Ack>,
    /// Packet IDs of QoS 2 messages received and not yet released.
    pub incoming: Vec<u16>,
}

impl Connection {
    pub(super) fn new(part: Part, endpoints: Range<u32>) -> Self {
        Self {
            stream: None,
            state: State::Down,
            part,
            settled: false,
            ever_up: false,
            prepared: false,
            first: endpoints.start,
            count: endpoints.end - endpoints.start,
            generation: 0,
            attempts: 0,
            next_packet_id: 0,
            subacks_missing: 0,
            connect_started: 0,
            connect_took: 0,
            last_write: 0,
            ping_sent: 0,
            fence: Fence::Down,
            tail: Vec::new(),
            outbox: None,
            acks: VecDeque::new(),
            incoming: Vec::new(),
        }
    }

    /// The local endpoints that it serves.
    pub(super) fn endpoints(&self) -> Range<u32> {
        self.first..self.first + self.count
    }

    /// Bytes that the socket has not taken yet.
    pub(super) fn backlog(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.len())
    }

    /// A packet ID that no unfinished handshake uses; `None` when there is none (section 2.3.1).
    pub(super) fn allocate_packet_id(&mut self) -> Option<u16> {
        if self.acks.len() >= usize::from(u16::MAX) {
            return None;
        }
        loop {
            self.next_packet_id = self.next_packet_id.checked_add(1).unwrap_or(1);
            let id = self.next_packet_id;
            if !self.acks.iter().any(|ack| ack.packet_id == id) {
                return Some(id);
            }
        }
    }

    /// Position of an unfinished handshake. Acknowledgements come in order: the first one is tried first.
    pub(super) fn ack_position(&self, packet_id: u16) -> Option<usize> {
        self.acks.iter().position(|ack| ack.packet_id == packet_id)
    }

    /// Forgets everything that ends with the socket.
    pub(super) fn reset(&mut self) {
        self.stream = None;
        self.state = State::Down;
        self.subacks_missing = 0;
        self.ping_sent = 0;
        self.tail = Vec::new();
        self.outbox = None;
        self.acks.clear();
        self.incoming.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(packet_id: u16) -> Ack {
        Ack {
            packet_id,
            request: 0,
            released: false,
            completes: None,
            intended: 0,
            sent: 0,
        }
    }

    #[test]
    fn packet_ids_skip_zero_and_those_in_use() {
        let mut connection = Connection::new(Part::Whole, 0..1);
        connection.next_packet_id = u16::MAX - 1;
        connection.acks.push_back(ack(u16::MAX));
        connection.acks.push_back(ack(1));
        assert_eq!(connection.allocate_packet_id(), Some(2));
    }

    #[test]
    fn no_packet_id_is_left_when_all_are_in_use() {
        let mut connection = Connection::new(Part::Whole, 0..1);
        connection.acks.extend((1..=u16::MAX).map(ack));
        assert_eq!(connection.allocate_packet_id(), None);
    }
}
