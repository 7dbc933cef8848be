//! Was the process kept from running? A thread that sleeps and looks at the clock.
//!
//! It does nothing else, so whatever makes it late (a stopped process, a busy machine, a throttled
//! container) can make a worker late too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const BEAT: Duration = Duration::from_millis(10);

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
                let mut worst = Duration::ZERO;
                while !seen.load(Ordering::Relaxed) {
                    let before = Instant::now();
                    std::thread::sleep(BEAT);
                    worst = worst.max(before.elapsed().saturating_sub(BEAT));
                }
                worst
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
    fn a_heartbeat_reports_a_delay_of_at_least_nothing_and_ends_when_told() {
        let heartbeat = Heartbeat::start().unwrap();
        std::thread::sleep(BEAT * 3);
        assert!(heartbeat.stop() < BEAT * 100_000);
    }
}
