//! How large a run will be, before anything is opened or sent.
//!
//! Estimates as plain values; whoever shows them adds the words and compares with the machine's
//! limits. Memory is what this program allocates; the kernel's share is apart.

use crate::plan::Plan;
use crate::plan::request_id::IdCursor;
use crate::plan::schedule::Cursor;
use crate::profile::{Connections, Sender};

/// Messages of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Messages {
    /// Name of the request.
    pub request: String,
    /// Expected in the measure phase; `None` when no schedule decides (closed, `"max"`, answers).
    pub in_measure: Option<f64>,
    /// Expected from warm-up to the end of measure.
    pub in_total: Option<f64>,
    /// Bytes of one packet, as rendered for the first endpoint.
    pub packet_bytes: usize,
}

/// The size of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Arithmetic {
    /// Every request and answer of the plan.
    pub messages: Vec<Messages>,
    /// Expected in the measure phase, all that are scheduled.
    pub total_in_measure: f64,
    /// Expected from warm-up to the end of measure, all that are scheduled.
    pub total: f64,
    /// Bytes of all scheduled packets.
    pub bytes_sent: f64,
    /// Connections of the endpoints.
    pub connections: u64,
    /// Connections of callers.
    pub callers: u64,
    /// Open files: sockets, and [`FILES_APART`] for everything else.
    pub files: u64,
    /// Local ports: one per connection (to one address of the target).
    pub source_ports: u64,
    /// Bytes that this process will hold, about.
    pub memory_bytes: u64,
    /// Bytes that the kernel will hold for the sockets, about.
    pub kernel_bytes: u64,
}

/// Open files besides sockets: standard streams, pollers, wakers, results.
pub const FILES_APART: u64 = 64;

/// An endpoint's row in the engine's table, in bytes. The engine's tests hold these numbers.
pub(crate) const ENDPOINT_BYTES: u64 = 12;

/// A connection's row in the engine's table, in bytes.
pub(crate) const CONNECTION_BYTES: u64 = 64;

/// What rustls keeps of a connection with keys of TLS 1.3 and one certificate of the target, in bytes.
const TLS_BYTES: u64 = 3_940;

/// What a WebSocket keeps beside its socket, in bytes.
pub(crate) const WEBSOCKET_BYTES: u64 = 136;

/// A timer that waits, in bytes: a keep-alive for each connection, an arrival for each stream.
pub(crate) const TIMER_BYTES: u64 = 32;

/// A request in flight, in bytes: its row, its deadline, its place among the request IDs.
const IN_FLIGHT_BYTES: u64 = 96 + TIMER_BYTES + 64;

/// Idle TCP socket with its poller entry in the Linux kernel, in bytes.
const SOCKET_BYTES: u64 = 3_750;

/// Program and tables that depend on nothing, in bytes.
const BASE_BYTES: u64 = 7 * 1024 * 1024;

/// A histogram of waits of up to two minutes, in bytes.
const HISTOGRAM_BYTES: u64 = 88 * 1024;

/// Histograms that a worker holds of each request: two of each second, of which two are under way,
/// and three of the whole run.
const HISTOGRAMS: u64 = 2 * 2 + 3;

/// Histograms that a worker holds beside them: the lag of its pacer.
const HISTOGRAMS_APART: u64 = 1;

/// Histograms that one worker holds of one request in one stage of the load.
const STAGE_HISTOGRAMS: u64 = 2;

/// What is kept of each request and second, in bytes: a row, and a histogram of which most is empty.
const SECOND_BYTES: u64 = 176 + 800;

/// What is kept of each second besides, in bytes: all requests together, and the machine.
const EACH_SECOND_BYTES: u64 = 256;

/// Seconds that are kept; see the collector of `measure`.
const SECONDS_MAX: f64 = 7.0 * 86_400.0;

impl Plan {
    /// Connections of `endpoints` endpoints.
    pub fn connections_of(&self, endpoints: u32) -> u64 {
        match self.connections {
            Connections::One => u64::from(endpoints),
            Connections::PublisherAndSubscriber => 2 * u64::from(endpoints),
            Connections::Shared(each) => u64::from(endpoints.div_ceil(each.max(1))),
        }
    }

    /// Caller connections of a run with `workers` workers: one each when a request comes from a
    /// caller, one in all (the first worker's) when callers only hear messages, or none.
    pub fn callers(&self, workers: u32) -> u32 {
        let caller = Sender::Caller;
        if self.requests.iter().any(|request| request.from == caller) {
            workers
        } else if self.inbound.iter().any(|pushed| pushed.at == caller) {
            workers.min(1)
        } else {
            0
        }
    }

    /// The size of the whole run, as if one process did it, with the callers of `workers` workers.
    pub fn arithmetic(&self, workers: u32) -> Arithmetic {
        let messages: Vec<Messages> = self
            .requests
            .iter()
            .enumerate()
            .map(|(i, r)| self.messages(i, r))
            .collect();
        let sum = |value: &dyn Fn(&Messages) -> Option<f64>| -> f64 {
            messages.iter().filter_map(value).sum()
        };
        let total_in_measure = sum(&|m| m.in_measure);
        let total = sum(&|m| m.in_total);
        let bytes_sent = sum(&|m| m.in_total.map(|count| count * m.packet_bytes as f64));
        let connections = self.connections_of(self.endpoints);
        let callers = u64::from(self.callers(workers));
        let sockets = connections + callers;
        let over_tcp =
            if self.tls { TLS_BYTES } else { 0 } + if self.websocket { WEBSOCKET_BYTES } else { 0 };
        Arithmetic {
            total_in_measure,
            total,
            bytes_sent,
            connections,
            callers,
            files: sockets + FILES_APART,
            source_ports: sockets,
            memory_bytes: BASE_BYTES
                + self.histogram_bytes(u64::from(workers.max(1)))
                + u64::from(self.endpoints) * self.endpoint_bytes(&messages)
                + sockets * (CONNECTION_BYTES + TIMER_BYTES + over_tcp)
                + self.identities.memory() as u64,
            kernel_bytes: sockets * SOCKET_BYTES,
            messages,
        }
    }

    /// What an endpoint takes beside its connection and its row in a list, in bytes. What is in flight
    /// is known only where progress decides (closed, `"max"`): then it is one request, at least.
    fn endpoint_bytes(&self, messages: &[Messages]) -> u64 {
        let streams = self.schedule.streams() as u64 * (size_of::<Cursor>() as u64 + TIMER_BYTES);
        let ids = (self.scopes.len() * size_of::<IdCursor>()) as u64;
        let paced_by_progress = messages
            .iter()
            .zip(&self.requests)
            .any(|(message, request)| message.in_total.is_none() && request.reactive.is_none());
        let in_flight = if paced_by_progress {
            size_of::<u64>() as u64 + IN_FLIGHT_BYTES
        } else {
            0
        };
        ENDPOINT_BYTES + self.state_words as u64 * 8 + streams + ids + in_flight
    }

    /// What is measured of every request, in bytes.
    fn histogram_bytes(&self, workers: u64) -> u64 {
        // A single stage is the measure phase, which is counted anyway.
        let stages = match self.stages.len() as u64 {
            1 => 0,
            several => several * STAGE_HISTOGRAMS,
        };
        let requests = self.requests.len() as u64;
        let seconds = (self.schedule.end_ns() as f64 / 1e9).min(SECONDS_MAX) as u64;
        let histograms = workers * (requests * (HISTOGRAMS + stages) + HISTOGRAMS_APART);
        histograms * HISTOGRAM_BYTES + seconds * (requests * SECOND_BYTES + EACH_SECOND_BYTES)
    }

    fn messages(&self, index: usize, request: &crate::plan::Request) -> Messages {
        let scheduled = self.schedule.is_scheduled(index as u16);
        Messages {
            request: request.name.clone(),
            in_measure: scheduled.then(|| self.schedule.expected_in_measure(index as u16)),
            in_total: scheduled.then(|| self.schedule.expected_total(index as u16)),
            packet_bytes: request.frame_typical,
        }
    }
}
