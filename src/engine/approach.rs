//! How a worker comes to its next instant: asleep, or awake for the last microseconds.
//!
//! A sleeping thread is woken some ten microseconds late, more where the machine has other work. Who
//! wants to be more punctual pays with a core (`midge run --spin`). Not here: what the next instant is
//! (`worker`), and how a sleep is made (the poller).

use std::io;

use super::worker::Worker;

/// So long before an instant a spinning worker is awake, ns. It has to cover what a wake-up takes:
/// awake too late is as late as asleep, and any more only takes CPU time.
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
