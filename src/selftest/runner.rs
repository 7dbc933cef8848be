//! Who carries orders out, and on what terms.
//!
//! The one form there is uses real sockets (`sockets`). One with connections in memory and a clock of
//! its own stands beside it as another implementation: tests only see this trait.

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
    /// Largest distance of single gaps between arrivals from a Poisson process, as sent.
    pub sent: f64,
    /// The same as received.
    pub received: f64,
}

/// Why nothing came of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// The run did not come to a result, and why.
    Failed(String),
    /// Somebody wanted it to end.
    Stopped,
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
