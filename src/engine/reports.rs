//! What a worker tells the coordinator: its seconds, that its connections were tried, what it measured.
//!
//! Not here: what is done with it (see `run`), and the counting itself (see [`crate::measure`]).

use super::control::{Report, WorkerEnd};
use super::timer::Timer;
use super::worker::{Stage, Worker};

const SECOND: u64 = 1_000_000_000;

impl Worker<'_> {
    /// Hands a second in, and takes an empty one.
    pub(super) fn roll(&mut self, second_end: u64) {
        while let Ok(interval) = self.spare.try_recv() {
            self.recorder.recycle(interval);
        }
        self.give_back();
        self.recorder.gauges(self.up);
        let interval = self.recorder.roll(second_end);
        // The coordinator lives as long as its workers.
        let _ = self.reports.send(Report::Second {
            worker: self.index,
            interval,
        });
        if self.stage != Stage::Done {
            self.wheel.insert(second_end + SECOND, Timer::Roll);
        }
    }

    /// Tells the coordinator once that every connection has been tried.
    pub(super) fn settle(&mut self, connection: u32) {
        let row = &mut self.connections[connection as usize];
        if !row.settled {
            row.settled = true;
            self.settled += 1;
            if self.settled as usize == self.connections.len() {
                let _ = self.reports.send(Report::Settled { up: self.up });
            }
        }
    }

    /// Gives away what was measured.
    pub(super) fn hand_in(mut self) {
        let now = self.clock.now();
        self.recorder.gauges(self.up);
        let interval = self.recorder.roll(now);
        let _ = self.reports.send(Report::Second {
            worker: self.index,
            interval,
        });
        let end = WorkerEnd {
            tally: self.recorder.finish(),
            load_end: self.load_end,
            drained_at: self.drained_at,
            connected: self.ever_up,
            waiting: self.poller.waiting(),
        };
        let _ = self.reports.send(Report::Finished {
            worker: self.index,
            end: Box::new(end),
        });
    }
}
