//! The run's clock: nanoseconds since an epoch, monotonic, plus one wall-clock reading at the epoch.
//!
//! Durations never come from the wall clock. Wall time (for timestamps in payloads) is the reading at
//! the epoch plus monotonic time, so a step of the system clock in mid-run changes no measurement.
//! A clock of a simulated run stands still until somebody moves it, and can have a wall clock beside it
//! that is set in mid-run. Not here: who moves it when.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::planted::{self, Mistake};

/// Counts nanoseconds from the moment it was started. Copies share the epoch, and the hand.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    source: Source,
    unix_ns: u64,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    /// The machine's; the epoch by the monotonic clock.
    Monotonic(u64),
    /// The hand of a standing clock.
    Hand(&'static Hand),
}

#[derive(Debug)]
struct Hand {
    /// Where it points, ns.
    at: AtomicU64,
    wall: Option<ClockSet>,
}

/// Somebody sets the machine's wall clock forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSet {
    /// When, counted from the epoch.
    pub after: Duration,
    /// By how much.
    pub forward: Duration,
}

impl Clock {
    /// A clock whose epoch is now.
    pub fn start() -> Self {
        Self {
            source: Source::Monotonic(monotonic_ns()),
            unix_ns: unix_now(),
        }
    }

    /// A clock that stands at its epoch, which is this Unix time, until it is moved. Its hand is never
    /// given back, eight bytes for each clock: what makes a clock something to be copied.
    pub fn standing(unix_ns: u64) -> Self {
        Self::standing_beside(unix_ns, None)
    }

    /// The same, on a machine whose wall clock is set while the run goes on.
    pub fn standing_beside(unix_ns: u64, wall: Option<ClockSet>) -> Self {
        let at = AtomicU64::new(0);
        Self {
            source: Source::Hand(Box::leak(Box::new(Hand { at, wall }))),
            unix_ns,
        }
    }

    /// Nanoseconds since the epoch.
    pub fn now(&self) -> u64 {
        if planted::is_made(Mistake::WallClock) {
            return self.by_the_wall();
        }
        self.elapsed()
    }

    /// Nanoseconds since the epoch whatever is made of them: for those to whom time belongs, which are
    /// the network in memory and the driver of a simulation.
    pub fn elapsed(&self) -> u64 {
        match self.source {
            Source::Monotonic(epoch) => monotonic_ns() - epoch,
            // Relaxed: whoever moves it is the thread that reads it.
            Source::Hand(hand) => hand.at.load(Ordering::Relaxed),
        }
    }

    /// What has passed since the epoch by the machine's wall clock, ns: of no use but as a mistake.
    fn by_the_wall(&self) -> u64 {
        match self.source {
            Source::Monotonic(_) => unix_now().saturating_sub(self.unix_ns),
            Source::Hand(Hand { wall, .. }) => {
                let elapsed = self.elapsed();
                let set = wall.filter(|set| u128::from(elapsed) >= set.after.as_nanos());
                elapsed + set.map_or(0, |set| set.forward.as_nanos() as u64)
            }
        }
    }

    /// Moves the hand of a standing clock forward to this instant. The machine's clock goes by itself.
    pub fn move_to(&self, at: u64) {
        if let Source::Hand(hand) = self.source {
            hand.at.fetch_max(at, Ordering::Relaxed);
        }
    }

    /// Does nothing for so long: by a standing clock, it is later at once.
    pub fn sleep(&self, length: Duration) {
        match self.source {
            Source::Monotonic(_) => std::thread::sleep(length),
            Source::Hand(hand) => {
                hand.at
                    .fetch_add(length.as_nanos() as u64, Ordering::Relaxed);
            }
        }
    }

    /// The epoch by `CLOCK_MONOTONIC`, which processes of one machine share, in nanoseconds; 0 for a
    /// standing clock.
    pub fn monotonic_ns_at_start(&self) -> u64 {
        match self.source {
            Source::Monotonic(epoch) => epoch,
            Source::Hand(_) => 0,
        }
    }

    /// Unix time of the epoch in nanoseconds.
    pub fn unix_ns_at_start(&self) -> u64 {
        self.unix_ns
    }
}

fn unix_now() -> u64 {
    let unix = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds of `CLOCK_MONOTONIC`. Not the standard library's `Instant`: two divided parts, taken
/// apart and checked again at each subtraction, cost a quarter of the reading.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // It begins at 0 when the machine starts, and 2^64 ns are 584 years.
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_is_moved_forward_and_by_nothing_else() {
        let clock = Clock::standing(7);
        let copy = clock;
        assert_eq!((clock.now(), clock.unix_ns_at_start()), (0, 7));
        clock.move_to(50);
        clock.move_to(20);
        assert_eq!(copy.now(), 50);
        copy.sleep(Duration::from_secs(3));
        assert_eq!(clock.now(), 3_000_000_050);
        assert_eq!(Clock::standing(7).now(), 0, "each has a hand of its own");
    }

    #[test]
    fn a_wall_clock_that_is_set_moves_no_hand() {
        let set = ClockSet {
            after: Duration::from_nanos(50),
            forward: Duration::from_nanos(7),
        };
        let clock = Clock::standing_beside(1_000, Some(set));
        for (at, by_the_wall) in [(49, 49), (50, 57), (60, 67)] {
            clock.move_to(at);
            let found = (clock.now(), clock.elapsed(), clock.by_the_wall());
            assert_eq!(found, (at, at, by_the_wall));
        }
        assert_eq!(clock.unix_ns_at_start(), 1_000);
    }
}
