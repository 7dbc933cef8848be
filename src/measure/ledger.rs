//! The ledger: what became of every planned request, and the equations that must hold.
//!
//! `planned = sent + dropped` and `sent = ok + error + timeout + failed + in_flight`. Each counter is
//! incremented at its own event and none is computed from others, so the equations can fail.
//! Not here: how long anything took.

use super::reason::{DropReason, FailReason, Reason};

/// Counts of one request, or of all, over one part of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Due by the schedule or a trigger.
    pub planned: u64,
    /// Not written.
    pub dropped: u64,
    /// Written.
    pub sent: u64,
    /// Answered with success (or completed, if no reply is expected).
    pub ok: u64,
    /// Answered with an error.
    pub error: u64,
    /// Not answered before its deadline.
    pub timeout: u64,
    /// Ended without an answer for another reason.
    pub failed: u64,
    /// Still unanswered at the end of the run.
    pub in_flight: u64,
    /// Replies after the deadline; beside the equations.
    pub late: u64,
    /// Replies to what was answered already; beside the equations.
    pub duplicate: u64,
    /// Replies that came again on a topic that several of our own filters match: duplicates, or the
    /// broker's copies for each filter; beside the equations.
    pub copies: u64,
    /// Replies to nothing that was sent; beside the equations.
    pub orphan: u64,
    /// Error replies that name no request; beside the equations, and only in totals.
    pub unattributed_errors: u64,
    /// Of `dropped`.
    pub dropped_by: [u64; DropReason::COUNT],
    /// Of `failed`.
    pub failed_by: [u64; FailReason::COUNT],
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            planned: 0,
            dropped: 0,
            sent: 0,
            ok: 0,
            error: 0,
            timeout: 0,
            failed: 0,
            in_flight: 0,
            late: 0,
            duplicate: 0,
            copies: 0,
            orphan: 0,
            unattributed_errors: 0,
            dropped_by: [0; DropReason::COUNT],
            failed_by: [0; FailReason::COUNT],
        }
    }
}

/// An equation that does not hold: a defect of this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{equation}: {left} is not {right}")]
pub struct Imbalance {
    /// Which one, in words.
    pub equation: &'static str,
    /// The left side.
    pub left: u64,
    /// The right side.
    pub right: u64,
}

impl Ledger {
    /// Whether every planned request is accounted for.
    ///
    /// # Errors
    /// The first equation that does not hold, with both sides.
    pub fn check(&self) -> Result<(), Imbalance> {
        let ended = self.ok + self.error + self.timeout + self.failed + self.in_flight;
        let balance = |equation, left, right| {
            if left == right {
                Ok(())
            } else {
                Err(Imbalance {
                    equation,
                    left,
                    right,
                })
            }
        };
        balance(
            "planned = sent + dropped",
            self.planned,
            self.sent + self.dropped,
        )?;
        balance(
            "sent = ok + error + timeout + failed + in_flight",
            self.sent,
            ended,
        )?;
        balance(
            "dropped = sum of dropped_by",
            self.dropped,
            self.dropped_by.iter().sum(),
        )?;
        balance(
            "failed = sum of failed_by",
            self.failed,
            self.failed_by.iter().sum(),
        )
    }

    /// Adds the counts of another one.
    pub fn merge(&mut self, other: &Self) {
        // Every field is named on purpose: one that is added later and not merged does not compile.
        let Self {
            planned,
            dropped,
            sent,
            ok,
            error,
            timeout,
            failed,
            in_flight,
            late,
            duplicate,
            copies,
            orphan,
            unattributed_errors,
            dropped_by,
            failed_by,
        } = other;
        self.planned += planned;
        self.dropped += dropped;
        self.sent += sent;
        self.ok += ok;
        self.error += error;
        self.timeout += timeout;
        self.failed += failed;
        self.in_flight += in_flight;
        self.late += late;
        self.duplicate += duplicate;
        self.copies += copies;
        self.orphan += orphan;
        self.unattributed_errors += unattributed_errors;
        add_counts(&mut self.dropped_by, dropped_by);
        add_counts(&mut self.failed_by, failed_by);
    }

    /// Sent and without an end yet: what is in flight while the run goes on.
    pub fn open(&self) -> u64 {
        let ended = self.ok + self.error + self.timeout + self.failed + self.in_flight;
        self.sent.saturating_sub(ended)
    }

    /// Planned and not answered: dropped, timed out, failed, in flight.
    pub fn unanswered(&self) -> u64 {
        self.dropped + self.timeout + self.failed + self.in_flight
    }

    /// Planned requests that were not written for a reason on our side.
    pub fn dropped_by_us(&self) -> u64 {
        let ours = DropReason::ALL.iter().filter(|reason| reason.is_ours());
        ours.map(|reason| self.dropped_by[reason.index()]).sum()
    }
}

/// Adds counts place by place.
pub(super) fn add_counts<const N: usize>(to: &mut [u64; N], from: &[u64; N]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_that_accounts_for_everything_balances() {
        let mut ledger = Ledger {
            planned: 10,
            dropped: 2,
            sent: 8,
            ok: 4,
            error: 1,
            timeout: 1,
            failed: 1,
            in_flight: 1,
            ..Ledger::default()
        };
        ledger.dropped_by[DropReason::Late.index()] = 2;
        ledger.failed_by[FailReason::Reset.index()] = 1;
        assert_eq!(ledger.check(), Ok(()));
        assert_eq!(
            (ledger.unanswered(), ledger.dropped_by_us(), ledger.open()),
            (5, 2, 0)
        );
    }

    #[test]
    fn a_request_that_vanished_is_named_with_figures() {
        let lost = Ledger {
            planned: 10,
            sent: 9,
            ok: 9,
            ..Ledger::default()
        };
        assert_eq!(
            lost.check().unwrap_err().to_string(),
            "planned = sent + dropped: 10 is not 9"
        );
        let unended = Ledger {
            planned: 10,
            sent: 10,
            ok: 9,
            ..Ledger::default()
        };
        assert!(
            unended
                .check()
                .unwrap_err()
                .to_string()
                .ends_with("10 is not 9")
        );
        let unreasoned = Ledger {
            planned: 1,
            dropped: 1,
            ..Ledger::default()
        };
        assert_eq!(unreasoned.check().unwrap_err().left, 1);
    }

    #[test]
    fn merging_adds_every_count() {
        let mut one = Ledger {
            planned: 1,
            late: 2,
            orphan: 3,
            ..Ledger::default()
        };
        one.failed_by[0] = 4;
        let mut sum = one.clone();
        sum.merge(&one);
        assert_eq!(
            (sum.planned, sum.late, sum.orphan, sum.failed_by[0]),
            (2, 4, 6, 8)
        );
    }
}
