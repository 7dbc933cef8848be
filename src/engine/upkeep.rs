//! What connections need at times: a look at their keep-alive, an end to an attempt that takes too long,
//! another attempt.
//!
//! A whole fleet may need it at one instant: when it was lost at once, or when its target falls silent. So
//! a turn does a little of it, behind what is due by the schedule and with the schedule in between, and the
//! rest waits for the next turn. Not here: what is done (`connect`, `loss`).

use super::timer::Timer;
use super::worker::Worker;

/// Timers of connections that one turn looks at, and attempts that begin in it.
pub(super) const PER_TURN: usize = 16;

impl Worker<'_> {
    /// Does some of what connections wait for.
    pub(super) fn keep_up(&mut self) {
        for _ in 0..PER_TURN {
            let Some(timer) = self.upkeep.pop_front() else {
                break;
            };
            match timer {
                Timer::KeepAlive {
                    connection,
                    generation,
                } => self.keep_alive(connection, generation),
                Timer::ConnectTimeout {
                    connection,
                    generation,
                } => self.connect_timeout(connection, generation),
                // Nothing else is put there.
                _ => {}
            }
            self.give_way();
        }
        self.start_connects();
    }

    /// Starts a few of the queued attempts, as limiter and bound allow.
    pub(super) fn start_connects(&mut self) {
        for _ in 0..PER_TURN {
            if !self.may_start() {
                return;
            }
            let now = self.clock.now();
            let back = self.attempts.untried.is_empty();
            if let Err(again) = self.attempts.limit.check(back, now) {
                self.attempts.armed = true;
                self.wheel.insert(again, Timer::ConnectSlot);
                return;
            }
            if let Some((connection, back)) = self.attempts.take() {
                if back {
                    self.recorder.reconnecting(now);
                }
                self.start_connect(connection, now);
            }
            self.give_way();
        }
    }

    /// Whether an attempt waits that may begin, as far as is known without asking the limiter.
    fn may_start(&self) -> bool {
        self.attempts.may_start() && self.may_connect()
    }

    /// Whether the next turn has some of it to do.
    pub(super) fn has_upkeep(&self) -> bool {
        !self.upkeep.is_empty() || self.may_start()
    }
}
