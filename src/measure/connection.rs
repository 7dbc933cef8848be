//! Counts that belong to connections, inbound messages and the worker itself, not to a request.
//!
//! Not here: the requests' ledgers and waits (see `tally`).

use std::collections::BTreeMap;

use super::ledger::add_counts;
use super::reason::{ConnectFailure, FailReason};
use super::recovery::Recovery;
use super::samples::{Bounds, Samples};

/// What became of connections, over the whole run.
#[derive(Debug, Clone)]
pub struct Connections {
    /// Connections that came up for the first time.
    pub connected: u64,
    /// Attempts that failed; a connection that is tried again can fail several times.
    pub failed: u64,
    /// Of `failed`.
    pub failed_by: [u64; ConnectFailure::COUNT],
    /// Established connections that ended before we ended them.
    pub lost: u64,
    /// Of `lost`.
    pub lost_by: [u64; FailReason::COUNT],
    /// Connections that came up again after a loss.
    pub reconnects: u64,
    /// When they were lost and came back, and what they tried.
    pub recovery: Recovery,
    /// From the connect call to the CONNACK, first time of each connection.
    pub connect_time: Samples,
    /// TLS handshakes that came to a good end, of connections that came back too.
    pub handshakes: Handshakes,
    /// How often a Close of WebSocket ended a connection, or kept it from coming up, by its code. There
    /// are a few thousand codes.
    pub close_codes: BTreeMap<u16, u64>,
}

/// TLS handshakes.
#[derive(Debug, Clone)]
pub struct Handshakes {
    /// From the first words of the client until it may send.
    pub time: Samples,
    /// That agreed on TLS 1.2.
    pub tls_12: u64,
    /// That agreed on TLS 1.3.
    pub tls_13: u64,
    /// Of all, those that went on with an earlier session.
    pub resumed: u64,
}

impl Handshakes {
    fn new(bounds: Bounds) -> Self {
        Self {
            time: Samples::new(bounds),
            tls_12: 0,
            tls_13: 0,
            resumed: 0,
        }
    }

    fn merge(&mut self, other: &Self) {
        let Self {
            time,
            tls_12,
            tls_13,
            resumed,
        } = other;
        self.time.merge(time);
        self.tls_12 += tls_12;
        self.tls_13 += tls_13;
        self.resumed += resumed;
    }
}

impl Connections {
    /// Nothing yet.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            connected: 0,
            failed: 0,
            failed_by: [0; ConnectFailure::COUNT],
            lost: 0,
            lost_by: [0; FailReason::COUNT],
            reconnects: 0,
            recovery: Recovery::default(),
            connect_time: Samples::new(bounds),
            handshakes: Handshakes::new(bounds),
            close_codes: BTreeMap::new(),
        }
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            connected,
            failed,
            failed_by,
            lost,
            lost_by,
            reconnects,
            recovery,
            connect_time,
            handshakes,
            close_codes,
        } = other;
        self.connected += connected;
        self.failed += failed;
        add_counts(&mut self.failed_by, failed_by);
        self.lost += lost;
        add_counts(&mut self.lost_by, lost_by);
        self.reconnects += reconnects;
        self.recovery.merge(recovery);
        self.connect_time.merge(connect_time);
        self.handshakes.merge(handshakes);
        for (code, count) in close_codes {
            *self.close_codes.entry(*code).or_default() += count;
        }
    }
}

/// What became of one kind of message that the tenant pushes, over the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inbound {
    /// Items received, repeated ones included.
    pub received: u64,
    /// Repeated items among them.
    pub duplicate: u64,
    /// Items whose final answer was written.
    pub answered: u64,
}

impl Inbound {
    /// Adds another worker's.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            received,
            duplicate,
            answered,
        } = other;
        self.received += received;
        self.duplicate += duplicate;
        self.answered += answered;
    }
}

/// What a worker did to get the work done, over the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Bytes given to sockets.
    pub bytes_sent: u64,
    /// Bytes taken from sockets.
    pub bytes_received: u64,
    /// Messages that answer nothing which their connection may have asked, and are no push.
    pub unrecognised: u64,
    /// Write calls that took something.
    pub writes: u64,
    /// Times that the event loop woke up.
    pub wakeups: u64,
    /// Looks at the sockets without waiting, by workers that spin.
    pub looks: u64,
    /// Time not spent waiting, ns; merged: of all workers.
    pub busy_ns: u64,
    /// The same of the busiest worker.
    pub busy_max_ns: u64,
}

impl Traffic {
    /// Adds another worker's.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            bytes_sent,
            bytes_received,
            unrecognised,
            writes,
            wakeups,
            looks,
            busy_ns,
            busy_max_ns,
        } = other;
        self.bytes_sent += bytes_sent;
        self.bytes_received += bytes_received;
        self.unrecognised += unrecognised;
        self.writes += writes;
        self.wakeups += wakeups;
        self.looks += looks;
        self.busy_ns += busy_ns;
        self.busy_max_ns = self.busy_max_ns.max(*busy_max_ns);
    }
}
