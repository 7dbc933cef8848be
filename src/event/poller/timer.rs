//! The wait for kernels and emulators without `epoll_pwait2`: a timer among the sockets.
//!
//! The timer (timerfd) is registered like a socket, edge-triggered, so it is never read. It is set only
//! where it would ring too late: an instant that moves away costs no call, but a ring that nobody
//! hears. So a paced load pays one call more per instant, and a load that only waits for answers none.
//! Not here: when this is chosen (`Waiting::find`).

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use mio::Poll;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};

use super::milliseconds::Milliseconds;
use super::nanoseconds::timespec;

/// Token of the timer. Connections are numbered from 0 and are never that many.
const TIMER: usize = usize::MAX;
/// An instant comes as a duration, so the same one comes out a little different each time, ns.
const SAME: u64 = 1_000;

/// A timer, and mio's wait around it.
pub(super) struct Timer {
    descriptor: OwnedFd,
    /// When it rings, ns of the monotonic clock; `None` once that was heard.
    armed: Option<u64>,
    plain: Milliseconds,
}

impl Timer {
    pub(super) fn new(poll: &Poll, capacity: usize) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let descriptor = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        epoll::add(
            poll.registry().as_fd(),
            &descriptor,
            EventData::new_u64(TIMER as u64),
            EventFlags::IN | EventFlags::ET,
        )?;
        Ok(Self {
            descriptor,
            armed: None,
            plain: Milliseconds::new(capacity),
        })
    }

    pub(super) fn wait(&mut self, poll: &mut Poll, timeout_ns: Option<u64>) -> io::Result<()> {
        if timeout_ns == Some(0) {
            self.plain.wait(poll, Some(0))?;
            self.hear();
            return Ok(());
        }
        let until = timeout_ns.map(|ns| now().saturating_add(ns));
        loop {
            if let Some(at) = until {
                self.arm(at)?;
            }
            self.plain.wait(poll, None)?;
            let rang = self.hear();
            // Neither a ring nor an event: a signal.
            let over = !rang || self.plain.len() > 0 || until.is_some_and(|at| now() >= at);
            if over {
                return Ok(());
            }
        }
    }

    /// Has it ring at `at` or before, or hardly after.
    fn arm(&mut self, at: u64) -> io::Result<()> {
        if self
            .armed
            .is_some_and(|armed| armed <= at.saturating_add(SAME))
        {
            return Ok(());
        }
        let once = Itimerspec {
            it_interval: timespec(0),
            it_value: timespec(at),
        };
        timerfd_settime(&self.descriptor, TimerfdTimerFlags::ABSTIME, &once)?;
        self.armed = Some(at);
        Ok(())
    }

    /// Takes the ring out of the events; whether there was one.
    fn hear(&mut self) -> bool {
        let rang = self.plain.take(TIMER);
        if rang {
            self.armed = None;
        }
        rang
    }

    pub(super) fn events(&self) -> &Milliseconds {
        &self.plain
    }
}

/// ns of the clock that the timer runs on.
fn now() -> u64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Monotonic);
    tv_sec.cast_unsigned() * 1_000_000_000 + tv_nsec.cast_unsigned()
}

#[cfg(test)]
mod tests {
    use mio::{Token, Waker};

    use super::*;

    #[test]
    fn only_an_earlier_instant_sets_the_timer_again() {
        let mut poll = Poll::new().unwrap();
        let mut timer = Timer::new(&poll, 8).unwrap();
        let waker = Waker::new(poll.registry(), Token(1)).unwrap();
        // Ends each wait before its time.
        let mut wait = |timer: &mut Timer, seconds: u64| {
            waker.wake().unwrap();
            timer
                .wait(&mut poll, Some(seconds * 1_000_000_000))
                .unwrap();
            assert_eq!(timer.events().len(), 1);
            timer.armed.unwrap()
        };
        let first = wait(&mut timer, 60);
        assert_eq!(wait(&mut timer, 60), first);
        assert_eq!(wait(&mut timer, 90), first);
        let earlier = wait(&mut timer, 30);
        assert!(earlier < first);
        assert_eq!(wait(&mut timer, 0), earlier, "a look sets nothing");
        assert_eq!(wait(&mut timer, 60), earlier);
    }

    #[test]
    fn the_same_instant_with_another_rounding_does_not_set_it() {
        let poll = Poll::new().unwrap();
        let mut timer = Timer::new(&poll, 8).unwrap();
        let at = now() + 60_000_000_000;
        for (wanted, armed) in [
            (at, at),
            (at - SAME, at),
            (at - SAME - 1, at - SAME - 1),
            (at, at - SAME - 1),
        ] {
            timer.arm(wanted).unwrap();
            assert_eq!(timer.armed, Some(armed));
        }
    }

    #[test]
    fn a_ring_is_no_event_and_a_later_instant_is_not_cut_short_by_it() {
        let mut poll = Poll::new().unwrap();
        let mut timer = Timer::new(&poll, 8).unwrap();
        timer.arm(now() + 1_000_000).unwrap();
        let until = now() + 20_000_000;
        timer.wait(&mut poll, Some(20_000_000)).unwrap();
        assert!(now() >= until);
        assert_eq!((timer.events().len(), timer.armed), (0, None));
    }
}
