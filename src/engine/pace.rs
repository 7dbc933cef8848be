//! The models in which the fleet's own progress decides what is due: closed and `"max"`.
//!
//! Endpoints that may send stand in a queue. In both models the intended instant is the moment of the
//! decision. Not here: the open model, whose instants come from the schedule.

use super::connection::State;
use super::send::NO_CAPTURES;
use super::timer::Timer;
use super::worker::{Stage, Worker};
use crate::profile::Model;

/// Endpoints that send in one turn before the sockets are looked at again.
const ENDPOINTS_PER_TURN: usize = 64;
/// Pause of an endpoint whose request was dropped.
const AFTER_DROP: u64 = 10_000_000;

impl Worker<'_> {
    /// Whether an endpoint stands in the queue and may go on at once.
    pub(super) fn can_run(&self) -> bool {
        self.stage == Stage::Loading && !self.runnable.is_empty() && !self.cap_armed
    }

    /// Puts an endpoint into the queue of those that may send.
    pub(super) fn make_runnable(&mut self, endpoint: u32) {
        if self.is_open() || self.stage != Stage::Loading {
            return;
        }
        let row = &mut self.endpoints[endpoint as usize];
        if !row.queued {
            row.queued = true;
            self.runnable.push_back(endpoint);
        }
    }

    /// An endpoint's request has ended: in the closed model it thinks and goes on.
    pub(super) fn closed_next(&mut self, endpoint: u32, now: u64) {
        if self.is_open() || self.stage != Stage::Loading {
            return;
        }
        match self.think_time() {
            0 => self.make_runnable(endpoint),
            pause => {
                self.wheel.insert(now + pause, Timer::Think { endpoint });
            }
        }
    }

    fn think_time(&self) -> u64 {
        match self.settings.profile.load.model {
            Model::Closed { think_time, .. } => think_time.as_nanos() as u64,
            Model::Open(_) | Model::OpenOwnRates | Model::Max => 0,
        }
    }

    /// Lets queued endpoints send.
    pub(super) fn run_runnable(&mut self) {
        if self.stage != Stage::Loading || self.cap_armed {
            return;
        }
        for _ in 0..ENDPOINTS_PER_TURN.min(self.runnable.len()) {
            let Some(endpoint) = self.runnable.pop_front() else {
                break;
            };
            self.endpoints[endpoint as usize].queued = false;
            let now = self.clock.now();
            if let Some(again) = self.denied(now) {
                self.make_runnable(endpoint);
                self.arm_cap(again);
                break;
            }
            self.run_endpoint(endpoint, now);
        }
    }

    /// Asks the closed model's own cap; `Some`: not before then.
    fn denied(&mut self, now: u64) -> Option<u64> {
        self.closed_cap.as_mut()?.check(now).err()
    }

    fn run_endpoint(&mut self, endpoint: u32, now: u64) {
        let plan = self.plan;
        let load = &self.settings.profile.load;
        let model = load.model;
        let (limit, many) = match model {
            Model::Max => (load.in_flight_max, load.batch),
            _ => (1, 1),
        };
        let mut connection = None;
        self.batch.clear();
        for _ in 0..many {
            let row = self.endpoints[endpoint as usize];
            let Some(request) = plan.pick(self.base + endpoint, self.picked[endpoint as usize])
            else {
                return;
            };
            let through = self.connection_for(endpoint, request);
            let target = &self.connections[through as usize];
            // A full or lost connection brings its endpoints back when it is writable or up again.
            let ready = target.state == State::Up && target.backlog() == 0;
            if row.in_flight >= limit || !ready || connection.is_some_and(|first| first != through)
            {
                break;
            }
            if let Err(again) = self.message_cap.check(now) {
                self.make_runnable(endpoint);
                self.arm_cap(again);
                break;
            }
            connection = Some(through);
            self.picked[endpoint as usize] += 1;
            self.recorder.planned(request, now);
            if self
                .encode_or_drop(endpoint, request, now, now, &NO_CAPTURES)
                .is_err()
            {
                // Asking again at once would find the same obstacle.
                let at = now + self.think_time().max(AFTER_DROP);
                self.wheel.insert(at, Timer::Think { endpoint });
                return self.flush(through);
            }
        }
        let Some(connection) = connection else { return };
        self.flush(connection);
        let fresh = &self.connections[connection as usize];
        let free = fresh.state == State::Up && fresh.backlog() == 0;
        let in_flight = self.endpoints[endpoint as usize].in_flight;
        match model {
            Model::Max if free && in_flight < limit => self.make_runnable(endpoint),
            // A message that is complete once written ends the closed model's request at once.
            Model::Closed { .. } if free && in_flight == 0 => self.closed_next(endpoint, now),
            _ => {}
        }
    }
}
