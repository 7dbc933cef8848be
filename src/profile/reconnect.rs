//! How connections come back that were lost: how long they wait, when they stop trying, and how fast
//! the fleet may be at it.
//!
//! Data only. Not here: drawing a wait, and when one begins (the engine).

use std::time::Duration;

use crate::units::Rate;

/// What every connection does after a loss, or after an attempt to connect that has failed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reconnect {
    /// How waits grow from attempt to attempt.
    pub policy: Policy,
    /// How far they are drawn apart, so that a fleet does not come back as one.
    pub jitter: Jitter,
    /// The first wait, before jitter.
    pub initial_delay: Duration,
    /// No wait of a policy that grows is longer, jitter included.
    pub max_delay: Duration,
    /// Attempts in a row that may fail before a connection is given up; `None`: any number.
    pub give_up_after: Option<u32>,
    /// Attempts to come back, of the whole fleet per second.
    pub rate: ReconnectRate,
}

/// How waits grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Not at all.
    Fixed,
    /// Each is twice the one before.
    Exponential,
}

/// What of a wait is drawn. `Full` and `Decorrelated` as in "Exponential Backoff And Jitter"
/// (Brooker, AWS Architecture Blog, 2015).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Jitter {
    /// The wait, give or take this share of it, 0 to 1.
    Around(f64),
    /// Anything from nothing to the wait.
    Full,
    /// Anything from the first wait to three times the one before.
    Decorrelated,
}

/// How fast a fleet may come back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ReconnectRate {
    /// By the limit of all connects, together with them.
    AsConnects,
    /// By a limit of its own.
    Own(Rate),
    /// As fast as the waits say.
    Unlimited,
}
