//! Was the process kept from running? A thread that sleeps and looks at the clock.
//!
//! It does nothing else, so whatever makes it late (a stopped process, a busy machine, a throttled
//! container) can make a worker late too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::event::Clock;

const BEAT: Duration = Duration::from_millis(10);

/// Beats that are due one after the other, each counted from the one before.
#[derive(Debug)]
pub(super) struct Beats {
    /// When the next one is, ns.
    pub due: u64,
    worst: u64,
}

impl Beats {
    pub(super) fn after(now: u64) -> Self {
        let due = now + BEAT.as_nanos() as u64;
        Self { due, worst: 0 }
    }

    /// The one that was due has come now.
    pub(super) fn beat(&mut self, now: u64) {
        let worst = self.worst.max(now.saturating_sub(self.due));
        *self = Self {
            worst,
            ..Self::after(now)
        };
    }

    /// How late the latest of them was.
    pub(super) fn worst(&self) -> Duration {
        Duration::from_nanos(self.worst)
    }
}

/// A running heartbeat.
#[derive(Debug)]
pub(super) struct Heartbeat {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Heartbeat {
    pub(super) fn start() -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let thread = std::thread::Builder::new()
            .name("heartbeat".into())
            .spawn(move || {
                let clock = Clock::start();
                let mut beats = Beats::after(clock.now());
                while !seen.load(Ordering::Relaxed) {
                    clock.sleep(Duration::from_nanos(beats.due.saturating_sub(clock.now())));
                    beats.beat(clock.now());
                }
                beats.worst()
            })?;
        Ok(Self { stop, thread })
    }

    /// Ends it; how much longer than asked its longest sleep took.
    pub(super) fn stop(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_beat_counts_and_the_next_one_begins_with_it() {
        let mut beats = Beats::after(5);
        for (at, worst_ms) in [(10_000_005, 0), (520_000_005, 500), (530_000_006, 500)] {
            beats.beat(at);
            assert_eq!(beats.worst().as_millis(), worst_ms);
        }
        assert_eq!(beats.due, 540_000_006);
    }

    #[test]
    fn a_heartbeat_reports_a_delay_of_at_least_nothing_and_ends_when_told() {
        let heartbeat = Heartbeat::start().unwrap();
        std::thread::sleep(BEAT * 3);
        assert!(heartbeat.stop() < BEAT * 100_000);
    }
}
