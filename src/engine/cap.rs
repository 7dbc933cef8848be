//! The aggregate cap: what it holds back, and when that may go.
//!
//! A request that the cap denies keeps its intended instant; the wait shows in its response time, and
//! past its deadline it is dropped. Not here: how the limit counts (`limiter`).

use super::send::NO_CAPTURES;
use super::timer::Timer;
use super::worker::Worker;
use crate::measure::DropReason;

/// Requests that may wait for the aggregate cap, per worker.
const CAPPED_MAX: usize = 100_000;

/// A request that waits for the cap.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeldBack {
    endpoint: u32,
    request: u16,
    intended: u64,
    /// When the worker first came to it: the wait after that is the cap's, not the pacer's.
    due: u64,
}

impl Worker<'_> {
    /// The aggregate cap says no: the request waits, with its intended instant.
    pub(super) fn hold_back(&mut self, endpoint: u32, request: u16, intended: u64, again: u64) {
        let due = self.clock.now();
        if self.capped.len() >= CAPPED_MAX {
            self.recorder.dropped(request, intended, DropReason::Cap);
            return self.skip(endpoint, request);
        }
        let held = HeldBack {
            endpoint,
            request,
            intended,
            due,
        };
        self.capped.push_back(held);
        self.arm_cap(again);
    }

    /// Comes back when the cap may say yes.
    pub(super) fn arm_cap(&mut self, again: u64) {
        if !self.cap_armed {
            self.cap_armed = true;
            self.wheel.insert(again, Timer::CapSlot);
        }
    }

    /// Sends what the cap held back, as far as it allows now.
    pub(super) fn send_capped(&mut self) {
        while let Some(&held) = self.capped.front() {
            let HeldBack {
                endpoint,
                request,
                intended,
                due,
            } = held;
            let now = self.clock.now();
            let deadline = intended + self.plan.requests[usize::from(request)].deadline_ns;
            if now <= deadline
                && let Err(again) = self.message_cap.check(now)
            {
                return self.arm_cap(again);
            }
            self.capped.pop_front();
            if now > deadline {
                self.recorder.dropped(request, intended, DropReason::Cap);
                self.skip(endpoint, request);
                continue;
            }
            self.batch.clear();
            self.batch.due = Some(due);
            let _ = self.encode_or_drop(endpoint, request, intended, now, &NO_CAPTURES);
            let connection = self.connection_for(endpoint, request);
            self.flush(connection);
        }
    }

    /// The load is over: what the cap still holds back is not sent any more.
    pub(super) fn drop_capped(&mut self) {
        for HeldBack {
            request, intended, ..
        } in std::mem::take(&mut self.capped)
        {
            self.recorder.dropped(request, intended, DropReason::Cap);
        }
    }
}
