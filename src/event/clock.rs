//! The run's clock: nanoseconds since an epoch, monotonic, plus one wall-clock reading at the epoch.
//!
//! Durations never come from the wall clock. Wall time (for timestamps in payloads) is the reading at
//! the epoch plus monotonic time, so a step of the system clock in mid-run changes no measurement.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// Counts nanoseconds from the moment it was started. Copies share the epoch.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// By the monotonic clock.
    epoch: u64,
    unix_ns: u64,
}

impl Clock {
    /// A clock whose epoch is now.
    pub fn start() -> Self {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            epoch: monotonic_ns(),
            unix_ns: u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// Nanoseconds since the epoch.
    pub fn now(&self) -> u64 {
        monotonic_ns() - self.epoch
    }

    /// The epoch by `CLOCK_MONOTONIC`, which processes of one machine share, in nanoseconds.
    pub fn monotonic_ns_at_start(&self) -> u64 {
        self.epoch
    }

    /// Unix time of the epoch in nanoseconds.
    pub fn unix_ns_at_start(&self) -> u64 {
        self.unix_ns
    }
}

/// Nanoseconds of `CLOCK_MONOTONIC`. Not the standard library's `Instant`: two divided parts, taken
/// apart and checked again at each subtraction, cost a quarter of the reading.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // It begins at 0 when the machine starts, and 2^64 ns are 584 years.
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
