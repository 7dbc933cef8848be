//! Events that belong to no request: connections, what the tenant pushes, the worker itself.
//!
//! An `impl Recorder`. Not here: requests (`recorder`, `fired`).

use super::reason::{ConnectFailure, FailReason};
use super::recorder::Recorder;

impl Recorder {
    /// A connection came up for the first time, `took_ns` after the connect call.
    pub fn connected(&mut self, took_ns: u64) {
        self.tally.connections.connected += 1;
        self.tally.connections.connect_time.record(took_ns);
    }

    /// A TLS handshake came to a good end, `took_ns` after its first words.
    pub fn secured(&mut self, took_ns: u64, tls_13: bool, resumed: bool) {
        let handshakes = &mut self.tally.connections.handshakes;
        handshakes.time.record(took_ns);
        handshakes.tls_12 += u64::from(!tls_13);
        handshakes.tls_13 += u64::from(tls_13);
        handshakes.resumed += u64::from(resumed);
    }

    /// An attempt to connect failed, the first or a later one.
    pub fn connect_failed(&mut self, failure: ConnectFailure) {
        self.tally.connections.failed += 1;
        self.tally.connections.failed_by[failure.index()] += 1;
    }

    /// An established connection ended before we ended it.
    pub fn connection_lost(&mut self, reason: FailReason) {
        self.tally.connections.lost += 1;
        self.tally.connections.lost_by[reason.index()] += 1;
    }

    /// A Close of WebSocket with this code came before such an end.
    pub fn closed_with(&mut self, code: u16) {
        let codes = &mut self.tally.connections.close_codes;
        *codes.entry(code).or_default() += 1;
    }

    /// A connection that was lost at `since` came up again at `at` (instead of
    /// [`Recorder::connected`], not beside it).
    pub fn reconnected(&mut self, since: u64, at: u64) {
        self.tally.connections.reconnects += 1;
        self.tally.connections.recovery.absence(since, Some(at));
    }

    /// The run ends while a connection is not up again that was lost at `since`.
    pub fn still_away(&mut self, since: u64) {
        self.tally.connections.recovery.absence(since, None);
    }

    /// An attempt to connect begins that is not the connection's first.
    pub fn reconnecting(&mut self, at: u64) {
        self.tally.connections.recovery.attempt(at);
    }

    /// An endpoint ended its connection itself (instead of [`Recorder::connection_lost`]).
    pub fn left(&mut self) {
        self.tally.connections.recovery.left += 1;
    }

    /// A connection does not try to come back any more.
    pub fn gave_up(&mut self) {
        self.tally.connections.recovery.given_up += 1;
    }

    /// A message is sent once more, which nothing had acknowledged on an earlier connection. It was
    /// counted as sent then.
    pub fn sent_again(&mut self) {
        self.tally.connections.recovery.sent_again += 1;
    }

    /// The same of a PUBREL.
    pub fn released_again(&mut self) {
        self.tally.connections.recovery.released_again += 1;
    }

    /// The target says of a message that it was sent before.
    pub fn redelivered(&mut self) {
        self.tally.connections.recovery.redelivered += 1;
    }

    /// An acknowledgement came before that of an older message.
    pub fn overtook(&mut self) {
        self.tally.connections.recovery.overtook += 1;
    }

    /// An item of an inbound message was received, repeated or not.
    pub fn inbound_received(&mut self, inbound: u16) {
        self.tally.inbound[usize::from(inbound)].received += 1;
    }

    /// The received item had been received before (beside [`Recorder::inbound_received`]).
    pub fn inbound_duplicate(&mut self, inbound: u16) {
        self.tally.inbound[usize::from(inbound)].duplicate += 1;
    }

    /// The final answer to an item was written.
    pub fn inbound_answered(&mut self, inbound: u16) {
        self.tally.inbound[usize::from(inbound)].answered += 1;
    }

    /// A message that is nobody's on this connection.
    pub fn unrecognised(&mut self) {
        self.tally.traffic.unrecognised += 1;
    }

    /// One write call took this many bytes.
    pub fn wrote(&mut self, bytes: u64) {
        self.tally.traffic.writes += 1;
        self.tally.traffic.bytes_sent += bytes;
    }

    /// One read call gave this many bytes.
    pub fn read(&mut self, bytes: u64) {
        self.tally.traffic.bytes_received += bytes;
    }

    /// The event loop woke up.
    pub fn wakeup(&mut self) {
        self.tally.traffic.wakeups += 1;
    }

    /// The event loop looked at its sockets without waiting, instead of sleeping on.
    pub fn looked(&mut self) {
        self.tally.traffic.looks += 1;
    }

    /// The event loop worked for this long between two waits, ns.
    pub fn busy(&mut self, ns: u64) {
        self.tally.traffic.busy_ns += ns;
        self.tally.traffic.busy_max_ns += ns;
    }

    /// How many connections of this worker are up now. What is in flight follows from the ledger.
    pub fn gauges(&mut self, connected: u32) {
        self.connected_now = connected;
    }
}
