//! Who carries orders out, and on what terms.
//!
//! Two do: one over real sockets (`sockets`), one over connections in memory in virtual time (`virtual_time`).
//! Tests only see this trait.

use super::observed::Observed;
use super::order::Order;

/// What a runner promises, and what it takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// How many times as long as on real sockets runs may be: where time costs nothing, more samples
    /// make tests sharper.
    pub longer: u32,
    /// How much the machine may add to the middle of a distribution, ms.
    pub middle_ms: f64,
    /// How much it may add to the tail, ms.
    pub tail_ms: f64,
    /// How long it may take for one of many messages that waited on different connections, ms.
    pub turn_ms: f64,
    /// How far a wait that a pause has caused may be from the length of the pause, ms: what came due
    /// within it.
    pub pause_ms: f64,
    /// Largest distance of single gaps between arrivals from a Poisson process, as sent.
    pub sent: f64,
    /// The same as received.
    pub received: f64,
    /// Runs of one order until one can be believed, at most.
    pub attempts: u32,
    /// Whether the machine does as it is told (see [`super::order::Machine`]).
    pub obedient: bool,
}

/// Why nothing came of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// The run did not come to a result, and why.
    Failed(String),
    /// Somebody wanted it to end.
    Stopped,
}

/// What went wrong, in words that say what came of it.
pub(super) fn failed<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> Broken {
    move |error| Broken::Failed(format!("{what}: {error}"))
}

/// Carries orders out.
pub trait Runner {
    /// What to expect of it.
    fn terms(&self) -> Terms;

    /// Carries one order out, whatever its verdict.
    ///
    /// # Errors
    /// There is no result.
    fn run(&self, order: &Order) -> Result<Observed, Broken>;

    /// Waits for the machine to calm down, the longer the more attempts failed.
    fn rest(&self, attempts: u32);
}
