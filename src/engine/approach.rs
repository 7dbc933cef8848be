//! How a worker comes to its next instant: asleep, or awake for the last microseconds.
//!
//! A sleeping thread is woken some ten microseconds late, more where the machine has other work. Who
//! wants to be more punctual pays with a core (`midge run --spin`). Not here: what the next instant is
//! (`worker`), and how a sleep is made (the poller).
//!
//! There is no rule that chooses by rate, because none was found that gains. A worker that looked
//! instead of sleeping wherever the next instant was nearer than 3 or 6 us took as much CPU time for
//! each message as one that always sleeps, at 20,000, 50,000 and 80,000 per second; with 12 or 25 us as
//! much or up to 60 % more. It was a few microseconds more punctual, where half of all requests
//! leave within 5 us anyway. The ends of that scale can be seen with and without `--spin`, as
//! `generator.cpu_s` over `whole_run.sent` and `total.schedule_lag_us`, in the results of
//! `midge run profiles/bench/paced.toml --set load.arrival_rate=80_000/s`.

use std::io;

use super::worker::Worker;

/// So long before an instant a spinning worker is awake, ns. It has to cover what a wake-up takes, 30
/// to 60 us in the slowest of a hundred on a virtual machine: awake too late is as late as asleep, and
/// any more only takes CPU time.
const AWAKE_BEFORE: u64 = 100_000;

/// What a worker does in the last microseconds before an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Approach {
    /// Sleeps until then.
    #[default]
    Asleep,
    /// Looks at its sockets over and over, and is there on time.
    Awake,
}

impl Approach {
    /// As `midge run --spin` says.
    pub fn spinning(spin: bool) -> Self {
        if spin { Self::Awake } else { Self::Asleep }
    }
}

impl Worker<'_> {
    /// Waits for an event, from `now` for `timeout` ns at most.
    pub(super) fn pass(&mut self, now: u64, timeout: u64) -> io::Result<()> {
        match self.settings.approach {
            Approach::Asleep => self.poller.wait(Some(timeout)),
            Approach::Awake => self.spin(now, now + timeout),
        }
    }

    fn spin(&mut self, mut now: u64, until: u64) -> io::Result<()> {
        loop {
            let asleep = until.saturating_sub(now).saturating_sub(AWAKE_BEFORE);
            self.poller.wait(Some(asleep))?;
            if asleep == 0 {
                self.recorder.looked();
            }
            now = self.clock.now();
            if now >= until || !self.poller.is_empty() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::engine::control::Control;
    use crate::engine::setup::Assignment;
    use crate::engine::timer::Timer;
    use crate::engine::{Settings, shape};
    use crate::event::Clock;
    use crate::plan::{Identities, Plan, Shard};
    use crate::profile;

    /// For each of fifty instants two milliseconds ahead: how far behind it the wait ended, and how
    /// much of the way counted as busy, ns. And the looks that all of them took.
    fn waits(approach: Approach) -> (Vec<(u64, u64)>, u64) {
        let loaded = profile::load("kaa-fleet", &[], &|_| unreachable!("shipped")).unwrap();
        let plan = Arc::new(Plan::compile(&loaded.profile, Identities::none()).unwrap());
        let ((reports, _kept), (_kept_too, spare)) = (channel(), channel());
        let shard = Shard { index: 0, count: 1 };
        let assignment = Assignment {
            index: 0,
            workers: 1,
            endpoints: plan.shard(shard),
            shape: Arc::new(shape(&plan, &loaded.profile)),
            settings: Arc::new(Settings {
                profile: loaded.profile,
                targets: vec![([127, 0, 0, 1], 1).into()],
                password: None,
                tls: None,
                websocket: Vec::new(),
                nonce: 1,
                workers: 1,
                raw_log: None,
                approach,
                kernel_timestamps: 0.0,
            }),
            plan,
            control: Arc::new(Control::new()),
            clock: Clock::start(),
            reports,
        };
        let mut worker = Worker::new(&assignment, spare).unwrap();
        worker.last_wake = worker.clock.now();
        // Nobody waits for a connection.
        worker.attempts.untried = 0..0;
        let busy = |worker: &Worker| worker.recorder.tally().traffic.busy_ns;
        let each = (0..50).map(|_| {
            let instant = worker.clock.now() + 2_000_000;
            let timer = worker.wheel.insert(instant, Timer::Roll);
            let before = busy(&worker);
            worker.rest();
            worker.wait().unwrap();
            assert!(worker.last_wake >= instant, "a wait ended before its time");
            worker.wheel.cancel(timer);
            (worker.last_wake - instant, busy(&worker) - before)
        });
        (each.collect(), worker.recorder.tally().traffic.looks)
    }

    #[test]
    fn a_spinning_worker_looks_until_the_instant_and_that_is_no_work() {
        let (each, looks) = waits(Approach::Awake);
        assert!(looks >= 50, "{looks} looks before 50 instants");
        // Counted as work, each would be busy for as long as it is awake.
        let idle = each.iter().filter(|(_, busy)| *busy < AWAKE_BEFORE / 2);
        assert!(idle.count() > 10, "{each:?}");
        // A busy machine makes some late, but not each.
        let punctual = each.iter().filter(|(late, _)| *late < AWAKE_BEFORE / 2);
        assert!(punctual.count() > 0, "{each:?}");
    }

    #[test]
    fn a_sleeping_worker_does_not_look() {
        assert_eq!(waits(Approach::Asleep).1, 0);
    }
}
