//! The client's own share of a response time: what passed between the kernel's receiving the last byte of a
//! reply and this program's having read it.
//!
//! Known of a sample of the replies. It is a part of their service time, as the reply's way through the network
//! and the target's work are; it holds no part of what passes on the way out. Not here: how the
//! kernel is asked (`event`), and which replies are sampled (the engine).

use super::distribution::Population;
use super::reason::LeftOut;
use super::recorder::Recorder;
use super::samples::{Bounds, Samples};

/// What the kernel said of the read that brought a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadStamp {
    /// How long the last byte that was read had lain in the kernel by the wall clock, ns; `None`: it
    /// did not say.
    pub age_ns: Option<i64>,
    /// Whether that byte was the reply's last one too.
    pub ends: bool,
}

impl ReadStamp {
    /// The client's share of a reply with this service time, ns.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn share(self, service_ns: u64) -> Result<u64, LeftOut> {
        let age_ns = self.age_ns.ok_or(LeftOut::NoTimestamp)?;
        if !self.ends {
            return Err(LeftOut::SharedRead);
        }
        // No reply comes before its request was sent: the wall clock has made a step.
        let share = u64::try_from(age_ns).ok();
        share
            .filter(|share| *share <= service_ns)
            .ok_or(LeftOut::ClockStep)
    }
}

/// Of the sampled replies to one request definition, measure phase.
#[derive(Debug, Clone)]
pub struct ClientShares {
    /// Those that are known.
    pub shares: Samples,
    /// How many are not, by reason.
    pub left_out: [u64; LeftOut::COUNT],
}

impl ClientShares {
    /// Nothing yet.
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            shares: Samples::new(bounds),
            left_out: [0; LeftOut::COUNT],
        }
    }

    /// Adds another worker's, or another request's.
    pub(super) fn merge(&mut self, other: &Self) {
        let Self { shares, left_out } = other;
        self.shares.merge(shares);
        for (mine, theirs) in self.left_out.iter_mut().zip(left_out) {
            *mine += theirs;
        }
    }

    /// Replies that were sampled, known share or not.
    pub fn sampled(&self) -> u64 {
        self.shares.count() + self.left_out.iter().sum::<u64>()
    }

    /// Whom the shares are about: those that are known alone. What is not known of the others has
    /// nothing to do with how long they waited.
    pub(super) fn population(&self) -> Population {
        Population {
            planned: self.shares.count(),
            longest_unanswered_ns: 0,
        }
    }
}

impl Recorder {
    /// The reply that completes a request was sampled: it was read at `at`, and this was said of the
    /// read. Beside [`Recorder::completed`].
    pub fn sampled(&mut self, request: u16, intended: u64, sent: u64, at: u64, read: ReadStamp) {
        let row = self.row(request, intended);
        let client = &mut row.tally.client;
        client.shares.prepare();
        if row.measured {
            match read.share(at.saturating_sub(sent)) {
                Ok(share) => client.shares.record(share),
                Err(reason) => client.left_out[reason.index()] += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(age_ns: Option<i64>, ends: bool) -> Result<u64, LeftOut> {
        ReadStamp { age_ns, ends }.share(1_000)
    }

    #[test]
    fn the_share_is_the_age_of_the_last_byte() {
        assert_eq!(share(Some(0), true), Ok(0));
        assert_eq!(share(Some(999), true), Ok(999));
        assert_eq!(share(Some(1_000), true), Ok(1_000));
    }

    #[test]
    fn what_cannot_be_is_left_out_and_says_why() {
        assert_eq!(share(None, true), Err(LeftOut::NoTimestamp));
        assert_eq!(share(Some(-1), true), Err(LeftOut::ClockStep));
        assert_eq!(share(Some(i64::MIN), true), Err(LeftOut::ClockStep));
        assert_eq!(share(Some(1_001), true), Err(LeftOut::ClockStep));
        // Its own last byte had come before, nobody knows when.
        assert_eq!(share(Some(10), false), Err(LeftOut::SharedRead));
    }
}
