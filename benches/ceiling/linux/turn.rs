//! What one turn has yielded: what the client reports, and the figures that follow from it.
//!
//! Not here: how it was found out, and what the turns of both sides mean together.

use std::path::Path;

use midge::measure::Distribution;
use serde::{Deserialize, Serialize};

/// What a client reports of its turn; instants are those of `CLOCK_MONOTONIC`, which all processes
/// share.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Turn {
    /// When its window opened, ns.
    pub opened_ns: u64,
    /// When its window closed, ns.
    pub closed_ns: u64,
    /// Processor time of its process in between, ns.
    pub cpu_ns: u64,
    /// Messages that it has sent from beginning to end.
    pub sent: u64,
    /// What the sink has told it; a tenant tells nothing while it runs.
    pub sink: Option<Sunk>,
    /// How late messages left, if there was a schedule.
    pub lag: Option<Lag>,
}

/// What the sink did in the window, by its own clocks.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Sunk {
    /// Messages that it counted.
    pub messages: u64,
    /// Messages per second.
    pub per_s: f64,
    /// Share of the time that it was on its processor.
    pub busy: f64,
}

/// How late messages left, us.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Lag {
    pub p50_us: f64,
    pub p99_us: f64,
}

impl Lag {
    /// From the distribution of a turn; none if it has too few messages.
    pub fn of(lag: &Distribution) -> Option<Self> {
        let (p50_us, p99_us) = (lag.p50?, lag.p99?);
        Some(Self { p50_us, p99_us })
    }
}

/// The figures of a turn.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Messages per second.
    pub per_s: f64,
    /// Processor time of the client's process per message, us; none if there was no message.
    pub cpu_us: Option<f64>,
    /// Share of the window that a sink was on its processor.
    pub sink_busy: Option<f64>,
    pub lag: Option<Lag>,
}

impl Turn {
    /// By what the sink has counted, or else by what a tenant that has ended wrote to its file of
    /// arrivals, which must be as many messages as were sent.
    pub fn outcome(&self, arrivals: &Path) -> Outcome {
        let seconds = (self.closed_ns - self.opened_ns) as f64 / 1e9;
        let (messages, per_s) = if let Some(sink) = self.sink {
            (sink.messages, sink.per_s)
        } else {
            let arrived = self.arrived(arrivals);
            (arrived, arrived as f64 / seconds)
        };
        let cpu_us = self.cpu_ns as f64 / 1e3;
        Outcome {
            per_s,
            cpu_us: (messages > 0).then(|| cpu_us / messages as f64),
            sink_busy: self.sink.map(|sink| sink.busy),
            lag: self.lag,
        }
    }

    /// Messages that came to the tenant while the window was open.
    fn arrived(&self, arrivals: &Path) -> u64 {
        let bytes = std::fs::read(arrivals).expect("the tenant has written it");
        let (instants, rest) = bytes.as_chunks::<8>();
        assert!(rest.is_empty(), "the tenant's file breaks off");
        assert_eq!(
            instants.len() as u64,
            self.sent,
            "messages in the tenant's file of arrivals, and messages that were sent"
        );
        let window = self.opened_ns..self.closed_ns;
        let instants = instants.iter().map(|bytes| u64::from_le_bytes(*bytes));
        instants.filter(|instant| window.contains(instant)).count() as u64
    }
}
