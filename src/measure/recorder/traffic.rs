//! What a worker notes of its sockets and of itself.
//!
//! Not here: requests, connections and what is pushed.

use super::Recorder;

impl Recorder {
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
}
