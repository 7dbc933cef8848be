//! Everything a worker's wheel can say when it fires. Data only; the worker decides what it means.

/// Why the wheel woke the worker. Endpoints and connections are the worker's own indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// The next arrival of one of an endpoint's streams is due.
    Arrival { endpoint: u32, stream: u16 },
    /// An exchange has reached its deadline, or the end of its quarantine.
    Exchange { slot: u32 },
    /// A connection has perhaps been silent for too long.
    KeepAlive { connection: u32, generation: u16 },
    /// A connect or its handshake takes too long.
    ConnectTimeout { connection: u32, generation: u16 },
    /// The pause before a reconnect is over.
    Reconnect { connection: u32 },
    /// The next endpoint goes, for a while.
    Departure { number: u32 },
    /// The connect limiter may say yes now.
    ConnectSlot,
    /// The message limiter may say yes now.
    CapSlot,
    /// An endpoint of the closed model has thought long enough.
    Think { endpoint: u32 },
    /// A delayed answer to a pushed item is due.
    Answer { slot: u32 },
    /// One second of the run is over.
    Roll,
    /// Warm-up and measure are over.
    LoadEnd,
    /// Drain has lasted as long as it may.
    DrainEnd,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_takes_eight_bytes_and_so_does_none() {
        assert_eq!(size_of::<Option<Timer>>(), 8);
    }
}
