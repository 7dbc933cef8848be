//! Was the process kept from running, and how does it fare? A thread that sleeps and looks.
//!
//! It does nothing else, so whatever makes it late (a stopped process, a busy machine, a throttled
//! container) can make a worker late too. Once a second it asks the kernel the rest, when the
//! workers' seconds end. Not here: what it asks (see `machine`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::control::Control;
use super::machine::{Look, Machine};
use crate::event::Clock;
use crate::measure::{MachineSecond, Seconds};

const BEAT: Duration = Duration::from_millis(10);
const SECOND: u64 = 1_000_000_000;
/// Seconds that are kept: a week.
const SECONDS_MAX: usize = 7 * 86_400;

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
    thread: JoinHandle<Watch>,
}

impl Heartbeat {
    pub(super) fn start(clock: Clock, control: Arc<Control>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let thread = std::thread::Builder::new()
            .name("heartbeat".into())
            .spawn(move || {
                let mut machine = Machine::find();
                let mut watch = Watch::new(clock.now());
                while !seen.load(Ordering::Relaxed) {
                    let before = clock.now();
                    clock.sleep(BEAT);
                    let now = clock.now();
                    watch.beat(now - before);
                    while let Some(end) = watch.ended(now, control.load_start()) {
                        watch.close(end, machine.look());
                    }
                }
                watch.close(clock.now(), machine.look());
                watch
            })?;
        Ok(Self { stop, thread })
    }

    /// Ends it, and adds what it saw to the workers' seconds; how much longer than asked its longest
    /// sleep took.
    pub(super) fn stop(self, seconds: &mut Seconds) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        let Ok(watch) = self.thread.join() else {
            return Duration::ZERO;
        };
        seconds.limits.memory_bytes = Machine::memory_limit();
        let end = seconds.together.last().map(|last| last.end);
        seconds.machine = watch.until(end);
        Duration::from_nanos(watch.worst_ns)
    }
}

/// The seconds that were seen so far, and the present one.
#[derive(Debug)]
struct Watch {
    seconds: Vec<MachineSecond>,
    /// Beginning of the present one, ns since the run's epoch.
    start: u64,
    hiccup_ns: u64,
    worst_ns: u64,
}

impl Watch {
    fn new(start: u64) -> Self {
        Self {
            seconds: Vec::new(),
            start,
            hiccup_ns: 0,
            worst_ns: 0,
        }
    }

    /// A sleep of one beat took this long, ns.
    fn beat(&mut self, took: u64) {
        let late = took.saturating_sub(BEAT.as_nanos() as u64);
        self.hiccup_ns = self.hiccup_ns.max(late);
        self.worst_ns = self.worst_ns.max(late);
    }

    /// When the present second ended, if it did. Until the load begins (0: nobody knows when) it is all
    /// one, as in the workers' intervals; from then on they end together.
    fn ended(&self, now: u64, load_start: u64) -> Option<u64> {
        let end = if self.start < load_start {
            load_start
        } else {
            self.start + SECOND
        };
        (load_start > 0 && now >= end).then_some(end)
    }

    fn close(&mut self, end: u64, look: Look) {
        let Look {
            throttled,
            rss_bytes,
            descriptors,
        } = look;
        let second = MachineSecond {
            start: self.start,
            end,
            hiccup_ns: self.hiccup_ns,
            throttled_periods: throttled.map(|(periods, _)| periods),
            throttled_ns: throttled.map(|(_, ns)| ns),
            rss_bytes,
            descriptors,
        };
        if self.seconds.len() < SECONDS_MAX {
            self.seconds.push(second);
        }
        (self.start, self.hiccup_ns) = (end, 0);
    }

    /// All seconds, of which the last one ends with the workers' last: what came later is not the run's.
    fn until(&self, end: Option<u64>) -> Vec<MachineSecond> {
        let mut seconds = self.seconds.clone();
        let Some(end) = end else {
            return seconds;
        };
        while seconds.last().is_some_and(|last| last.start >= end) {
            seconds.pop();
        }
        if let Some(last) = seconds.last_mut() {
            last.end = last.end.min(end);
        }
        seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Look = Look {
        throttled: Some((1, 5)),
        rss_bytes: None,
        descriptors: None,
    };

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
        let heartbeat = Heartbeat::start(Clock::start(), Arc::new(Control::new())).unwrap();
        std::thread::sleep(BEAT * 3);
        let mut seconds = Seconds::default();
        assert!(heartbeat.stop(&mut seconds) < BEAT * 100_000);
        assert_eq!(seconds.machine.len(), 1, "the load has not begun");
    }

    #[test]
    fn its_seconds_end_where_those_of_the_workers_do() {
        let mut watch = Watch::new(7);
        assert_eq!(watch.ended(5 * SECOND, 0), None);
        let load_start = 3 * SECOND / 2;
        assert_eq!(watch.ended(load_start - 1, load_start), None);
        let mut ends = Vec::new();
        while let Some(end) = watch.ended(4 * SECOND, load_start) {
            watch.close(end, NOTHING);
            ends.push(end);
        }
        let half = SECOND / 2;
        assert_eq!(ends, [load_start, 2 * SECOND + half, 3 * SECOND + half]);
        watch.close(4 * SECOND, NOTHING);
        let seen = watch.until(Some(3 * SECOND + half + 9));
        let last = seen.last().unwrap();
        assert_eq!((seen.len(), last.end), (4, 3 * SECOND + half + 9));
        assert_eq!(watch.until(Some(2 * SECOND)).len(), 2);
        assert_eq!(seen[0].throttled_periods, Some(1));
    }

    #[test]
    fn a_hiccup_belongs_to_the_second_in_which_it_began() {
        let mut watch = Watch::new(0);
        watch.beat(BEAT.as_nanos() as u64 + 500);
        watch.close(SECOND, NOTHING);
        watch.beat(BEAT.as_nanos() as u64 + 20);
        watch.beat(1);
        watch.close(2 * SECOND, NOTHING);
        let found: Vec<_> = watch.seconds.iter().map(|s| s.hiccup_ns).collect();
        assert_eq!((found, watch.worst_ns), (vec![500, 20], 500));
    }
}
