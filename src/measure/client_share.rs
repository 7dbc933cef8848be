//! The client's own share of a response time: from `sent` to `replied` by the run's clock, less the time from
//! the request's leaving for the network to the reply's coming in, which the kernel knows.
//!
//! Known of a sample of the replies: what is not known for sure is left out, with its reason. Not
//! here: how the kernel is asked (`event`), and which requests are sampled (the engine).

use super::distribution::Population;
use super::reason::LeftOut;
use super::recorder::Recorder;
use super::samples::{Bounds, Samples};

/// An instant of the kernel's, which is on the wall clock, and how that clock stood meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelInstant {
    /// ns since 1970.
    at: i64,
    /// What the wall clock was ahead of the run's clock, ns: at least, and at most.
    ahead: [i64; 2],
}

impl KernelInstant {
    /// About the time of the kernel's instant `at` the wall clock showed `wall`, between the instants
    /// `before` and `after` of the run's clock.
    pub fn new(at: i64, before: u64, wall: i64, after: u64) -> Self {
        Self {
            at,
            ahead: [wall - after.cast_signed(), wall - before.cast_signed()],
        }
    }
}

/// The client's share of a service time, ns, of a request that left and whose reply came in at these
/// instants.
///
/// Both are the kernel's, so that only their difference counts, and a wall clock that is wrong does not
/// matter. Nor do its corrections by rate: they are those of the run's clock too. A step does: the
/// wall clock has made one if it was not equally far ahead at both ends.
///
/// # Errors
/// The wall clock has made a step.
pub fn client_share(
    service_ns: u64,
    left: KernelInstant,
    came: KernelInstant,
) -> Result<u64, LeftOut> {
    let [[left_least, left_most], [came_least, came_most]] = [left.ahead, came.ahead];
    if left_least > came_most || came_least > left_most {
        return Err(LeftOut::ClockStep);
    }
    // What is no part of the service time can come from a step only that was too small to be seen.
    let kernel_ns = u64::try_from(came.at - left.at).ok();
    let share = kernel_ns.and_then(|kernel_ns| service_ns.checked_sub(kernel_ns));
    share.ok_or(LeftOut::ClockStep)
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

    /// Whether the kernel was asked and has never given an answer that could be used.
    pub fn is_silent(&self) -> bool {
        let of = |reason: LeftOut| self.left_out[reason.index()];
        let silent = of(LeftOut::NoTimestamp) + of(LeftOut::HeldBack);
        silent > 0 && self.sampled() == silent + of(LeftOut::SharedWrite)
    }

    /// Whom the shares are about: those that are known alone. Why others are not known has nothing to
    /// do with how long they waited.
    pub(super) fn population(&self) -> Population {
        Population {
            planned: self.shares.count(),
            longest_unanswered_ns: 0,
        }
    }
}

impl Recorder {
    /// The reply that completes a sampled request was read: the client's share of its service time, ns,
    /// or why that is not known. Beside [`Recorder::completed`].
    pub fn sampled(&mut self, request: u16, intended: u64, share: Result<u64, LeftOut>) {
        let row = self.row(request, intended);
        let client = &mut row.tally.client;
        client.shares.prepare();
        if row.measured {
            match share {
                Ok(share) => client.shares.record(share),
                Err(reason) => client.left_out[reason.index()] += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;
    /// 2026.
    const WALL: i64 = 1_790_000_000_000_000_000;

    /// The share of a request that was sent at 10 ms of the run's clock, left a moment later, came back
    /// after `network_ns`, and was read at 30 ms, if the wall clock jumped on its way.
    fn share(network_ns: i64, jump_ns: i64) -> Result<u64, LeftOut> {
        let (sent, replied) = (10_000_000, 30_000_000);
        let left = KernelInstant::new(WALL + 10 * MS + 7, sent - 90, WALL + 10 * MS, sent);
        let came = KernelInstant::new(
            WALL + 10 * MS + 7 + network_ns + jump_ns,
            replied,
            WALL + 30 * MS + 60 + jump_ns,
            replied + 90,
        );
        client_share(replied - sent, left, came)
    }

    #[test]
    fn the_share_is_what_the_kernel_has_no_part_in() {
        assert_eq!(share(12 * MS, 0), Ok(8_000_000));
        assert_eq!(share(0, 0), Ok(20_000_000));
        assert_eq!(share(20 * MS, 0), Ok(0));
    }

    #[test]
    fn a_step_of_the_wall_clock_is_seen_either_way_and_however_small() {
        for jump_ns in [1_000, MS, 3_600_000 * MS] {
            for jump_ns in [jump_ns, -jump_ns] {
                assert_eq!(
                    share(12 * MS, jump_ns),
                    Err(LeftOut::ClockStep),
                    "{jump_ns}"
                );
            }
        }
        // Two looks at the clocks that take longer see less.
        assert_eq!(share(12 * MS, 50), Ok(7_999_950));
    }

    #[test]
    fn what_is_no_part_of_the_service_time_is_left_out() {
        assert_eq!(share(20 * MS + 1, 0), Err(LeftOut::ClockStep));
        assert_eq!(share(-1, 0), Err(LeftOut::ClockStep));
    }

    #[test]
    fn the_kernel_is_silent_if_it_never_answered_where_it_was_asked() {
        let bounds = Bounds::up_to(1);
        let with = |counts: &[(LeftOut, u64)], known: bool| {
            let mut shares = ClientShares::new(bounds);
            for (reason, count) in counts {
                shares.left_out[reason.index()] += count;
            }
            if known {
                shares.shares.record(5);
            }
            shares.is_silent()
        };
        assert!(!with(&[], false));
        assert!(!with(&[(LeftOut::SharedWrite, 3)], false));
        assert!(with(
            &[(LeftOut::NoTimestamp, 1), (LeftOut::SharedWrite, 3)],
            false
        ));
        assert!(with(&[(LeftOut::HeldBack, 1)], false));
        assert!(!with(
            &[(LeftOut::HeldBack, 1), (LeftOut::SharedRead, 1)],
            false
        ));
        assert!(!with(&[(LeftOut::NoTimestamp, 1)], true));
    }
}
