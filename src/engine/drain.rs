//! The end of the load: who is waited for, and how everybody learns that nothing more comes.
//!
//! Waited for is what belongs to the plan: requests that were due before the drain began, and answers
//! to what was pushed before it. A target that goes on pushing is heard and answered as long as the
//! drain lasts and cannot make it longer. Where connections hear what nobody waits for, two fences
//! tell when all of it is in. Not here: accounts of what is still open at the end, closing.

use super::connection::{Fence, State};
use super::timer::Timer;
use super::worker::{Stage, Worker};

/// How far a worker's drain has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drain {
    /// Something that belongs to the plan is open.
    Open,
    /// All of it has ended; the target is asked to confirm that it has read everything.
    Read,
    /// Other workers may still send what these connections hear.
    Others,
    /// Nobody sends any more; the target is asked to confirm that it has sent on everything.
    Heard,
}

impl Worker<'_> {
    /// No new requests from now on; what is in flight may still be answered.
    pub(super) fn begin_drain(&mut self) {
        if self.stage != Stage::Loading {
            return;
        }
        self.stage = Stage::Draining;
        let now = self.clock.now();
        self.load_end = self.load_end.min(now);
        self.runnable.clear();
        self.drop_capped();
        self.wheel.insert(
            now + self.settings.profile.load.drain.as_nanos() as u64,
            Timer::DrainEnd,
        );
    }

    /// Goes as far as it can at this moment.
    pub(super) fn check_drained(&mut self) {
        while self.stage == Stage::Draining && self.may_go_on() {
            self.go_on();
        }
    }

    fn may_go_on(&mut self) -> bool {
        match self.drain {
            Drain::Open => self.plan_has_ended(),
            Drain::Read => self.fences_are_down(),
            // Some brokers answer before they have sent on everything.
            Drain::Heard => self.fences_are_down() && self.deliveries_are_in(),
            Drain::Others => self.control.sent_all() >= self.workers,
        }
    }

    fn go_on(&mut self) {
        match self.drain {
            // Nothing can come that nobody waits for.
            Drain::Open if self.plan.inbound.is_empty() => self.stage = Stage::Done,
            Drain::Open => {
                self.raise_fences();
                self.drain = Drain::Read;
            }
            Drain::Read => {
                self.tell_expected();
                self.control.has_sent_all();
                self.drain = Drain::Others;
            }
            Drain::Others => {
                self.raise_fences();
                self.drain = Drain::Heard;
            }
            Drain::Heard => self.stage = Stage::Done,
        }
    }

    /// Whether everything that was due before the drain has ended. Once true, it stays true.
    fn plan_has_ended(&mut self) -> bool {
        let later = |at: u64| at > self.load_end;
        // With fences no look at the backlogs is needed: a fence queues behind what waits, and a
        // target that pushes without end may keep answers waiting without end.
        let fenced = !self.plan.inbound.is_empty();
        self.exchanges.awaited() == 0
            && self.pushed.awaited() == 0
            && self.due.front().is_none_or(|&(at, _)| later(at))
            && self.wheel.next(self.load_end + 1).is_none_or(later)
            && (fenced || self.connections.iter().all(|row| row.backlog() == 0))
    }

    /// Every connection is to be asked with a PINGREQ: MQTT answers in order, so its PINGRESP says
    /// that what was sent before has been read, and follows what was meant for it by then.
    fn raise_fences(&mut self) {
        for row in &mut self.connections {
            row.fence = Fence::Raised;
        }
        self.fences_from = 0;
    }

    /// Asks where it was not asked yet; true when every connection that is up has answered.
    fn fences_are_down(&mut self) -> bool {
        // Each turn asks, and answers come in the order of the questions: those that are in are not
        // looked at again, or a fleet would be walked as often as it has connections.
        let rows = &self.connections[self.fences_from as usize..];
        let passed = rows.iter().take_while(|row| row.fence == Fence::Down);
        self.fences_from += passed.count() as u32;
        let mut down = true;
        for connection in self.fences_from..self.connections.len() as u32 {
            let row = &mut self.connections[connection as usize];
            // While a keep-alive's answer is missing, the next answer would be that one.
            let answered = !row.pinging;
            match row.fence {
                _ if row.state != State::Up => {}
                Fence::Down => {}
                Fence::Asked if answered => row.fence = Fence::Down,
                Fence::Raised if answered => {
                    row.fence = Fence::Asked;
                    let now = self.clock.now();
                    self.ping(connection, now);
                    down = false;
                }
                Fence::Asked | Fence::Raised => down = false,
            }
        }
        down
    }
}
