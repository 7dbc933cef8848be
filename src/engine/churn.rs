//! Endpoints that come and go: at a rate, one connection after the other is ended in order and comes back
//! as any that was lost.
//!
//! Not here: how it comes back (`loss`), and what a session keeps meanwhile (`resume`).

use super::connection::{Part, State};
use super::timer::Timer;
use super::worker::{Stage, Worker};
use crate::measure::FailReason;
use crate::plan::hash::{self, Purpose, unit};

impl Worker<'_> {
    /// Puts the first departure into the wheel, if there are any.
    pub(super) fn begin_churn(&mut self) {
        self.next_departure(self.load_start, 0);
    }

    /// One endpoint goes, if its connection is up; the next departure is drawn.
    pub(super) fn depart(&mut self, number: u32, at: u64) {
        if self.stage != Stage::Loading {
            return;
        }
        self.next_departure(at, number.wrapping_add(1));
        let who = unit(self.draw(1, number)) * self.connections.len() as f64;
        let connection = who as u32;
        let row = &self.connections[connection as usize];
        if row.state != State::Up || row.part == Part::Caller {
            return;
        }
        self.batch.clear();
        // DISCONNECT, section 3.14.
        self.batch.control_bytes([0xE0, 0x00]);
        self.flush(connection);
        self.lose(connection, FailReason::Left);
    }

    /// A Poisson process with this worker's part of the rate.
    fn next_departure(&mut self, after: u64, number: u32) {
        let Some(rate) = self.settings.profile.fleet.churn_rate else {
            return;
        };
        let portion = self.endpoints.len() as f64 / f64::from(self.plan.endpoints.max(1));
        let gap_s = -(1.0 - unit(self.draw(0, number))).ln() / (rate.0 * portion).max(1e-9);
        let at = after.saturating_add((gap_s * 1e9) as u64);
        self.wheel.insert(at, Timer::Departure { number });
    }

    fn draw(&self, what: u64, number: u32) -> u64 {
        let key = hash::key(self.plan.seed, Purpose::Churn, u64::from(self.base));
        hash::hash(key, what, u64::from(number))
    }
}
