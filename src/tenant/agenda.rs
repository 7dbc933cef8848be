//! The timers of the tenant, and when it is worth while to look at them again.
//!
//! The wheel's own answer takes a walk over every timer that waits, the patience with each silent
//! connection among them; it is asked only after something was due. Not here: what is done then
//! (`timers`).

use super::timers::Timer;
use crate::event::{Handle, Wheel};

/// A timer that is farther ahead than a second is not looked for yet.
const FAR_AHEAD: u64 = 1_000_000_000;

/// All timers.
#[derive(Debug)]
pub(super) struct Agenda {
    wheel: Wheel<Timer>,
    /// Nothing is due before; `None`: no timer waits.
    look_at: Option<u64>,
}

impl Agenda {
    /// No timers yet.
    pub(super) fn new(now: u64) -> Self {
        Self {
            wheel: Wheel::new(now),
            look_at: None,
        }
    }

    /// Adds a timer. An instant in the past is due at once.
    pub(super) fn insert(&mut self, at: u64, timer: Timer) -> Handle {
        self.look_at = Some(self.look_at.map_or(at, |earlier| earlier.min(at)));
        self.wheel.insert(at, timer)
    }

    /// Removes a timer, if it is still there.
    pub(super) fn cancel(&mut self, handle: Handle) {
        self.wheel.cancel(handle);
    }

    /// The instant at which it is worth while to look again; `None`: never.
    pub(super) fn next(&self) -> Option<u64> {
        self.look_at
    }

    /// How long there is nothing to do, in nanoseconds; `None`: for ever.
    pub(super) fn idle_ns(&self, now: u64) -> Option<u64> {
        self.look_at.map(|at| at.saturating_sub(now))
    }

    /// Appends what is due, each with its instant.
    pub(super) fn expire(&mut self, now: u64, due: &mut Vec<(u64, Timer)>) {
        if self.look_at.is_some_and(|at| at <= now) {
            self.wheel.expire(now, due);
            self.look_at = self.wheel.next(now + FAR_AHEAD);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(agenda: &mut Agenda, now: u64) -> Vec<u64> {
        let mut due = Vec::new();
        agenda.expire(now, &mut due);
        due.into_iter().map(|(at, _)| at).collect()
    }

    #[test]
    fn what_is_due_comes_out_although_nobody_looks_in_between() {
        let mut agenda = Agenda::new(0);
        assert_eq!(agenda.idle_ns(5), None);
        let far = agenda.insert(90_000_000_000, Timer::Stall);
        agenda.insert(2_000_000, Timer::Accept);
        assert_eq!(agenda.idle_ns(500_000), Some(1_500_000));
        assert!(fired(&mut agenda, 1_999_999).is_empty());
        assert_eq!(fired(&mut agenda, 2_000_000), [2_000_000]);
        agenda.insert(3_000_000, Timer::Accept);
        agenda.insert(2_500_000, Timer::Accept);
        assert_eq!(fired(&mut agenda, 5_000_000), [2_500_000, 3_000_000]);
        // In steps of the wheel's turn at the most, and never too late.
        let mut now = 5_000_000;
        while let Some(idle) = agenda.idle_ns(now) {
            now += idle.max(1);
            if !fired(&mut agenda, now).is_empty() {
                break;
            }
        }
        assert_eq!(now, 90_000_000_000);
        agenda.cancel(far);
        assert!(fired(&mut agenda, 200_000_000_000).is_empty());
    }

    #[test]
    fn a_timer_that_was_cancelled_is_looked_for_in_vain_and_that_is_all() {
        let mut agenda = Agenda::new(0);
        let timer = agenda.insert(1_000, Timer::Stall);
        agenda.cancel(timer);
        assert!(fired(&mut agenda, 1_000).is_empty());
        assert_eq!(agenda.idle_ns(1_000), None);
    }
}
