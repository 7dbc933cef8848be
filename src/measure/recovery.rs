//! Connections that were lost and came back, and the outages that follow from it.
//!
//! A worker notes when each of its connections was lost and when it was up again; workers' notes are
//! put together, and what an outage of the target was is found out at the end. Instants are ns since
//! the run's epoch. Not here: why a connection was lost (`connection`), and what became of requests.

use std::collections::BTreeMap;
use std::ops::Range;

/// Absences and spans of attempts that a worker keeps; more are counted.
const KEPT_MAX: usize = 1_000_000;
/// Attempts are counted by tenths of a second.
const TENTH_NS: u64 = 100_000_000;
const TENTHS_PER_SECOND: u64 = 10;

/// What happened from losses on, over the whole run.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// Attempts to connect that were not a connection's first.
    pub attempts: u64,
    /// Of these, how many began in each tenth of a second.
    tenths: BTreeMap<u64, u64>,
    /// Connections that their endpoints ended themselves.
    pub left: u64,
    /// Connections that were given up.
    pub given_up: u64,
    /// Messages that were sent once more, because nothing had acknowledged them when their
    /// connection was lost.
    pub sent_again: u64,
    /// The same of PUBREL.
    pub released_again: u64,
    /// Messages of the target that it marks as sent before.
    pub redelivered: u64,
    /// Acknowledgements that came before that of an older message of their connection.
    pub overtook: u64,
    /// In the order in which they were noted.
    absences: Vec<Absence>,
    /// Absences and tenths of seconds beyond those that are kept.
    pub not_kept: u64,
}

/// From the loss of a connection until it was up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Absence {
    from: u64,
    /// `None`: it was not, when the run ended.
    to: Option<u64>,
}

/// A span in which nobody came back: at least half of the connections that were up were lost, one after
/// the other, and no connection was up again in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// When the first of them was lost.
    pub from: u64,
    /// When the first connection was up again; `None`: none was, when the run ended.
    pub to: Option<u64>,
    /// Connections that were lost.
    pub lost: u64,
    /// Of these, how many were up again later.
    pub back: u64,
    /// When half of them, 99 % and all of them were up again, if that was so.
    pub back_at: [Option<u64>; 3],
}

/// The shares of [`Outage::back_at`], in percent.
const SHARES: [u64; 3] = [50, 99, 100];

impl Recovery {
    /// An attempt that is not a connection's first begins.
    pub(super) fn attempt(&mut self, at: u64) {
        self.attempts += 1;
        self.add_tenth(at / TENTH_NS, 1);
    }

    fn add_tenth(&mut self, tenth: u64, count: u64) {
        if let Some(known) = self.tenths.get_mut(&tenth) {
            *known += count;
        } else if self.tenths.len() < KEPT_MAX {
            self.tenths.insert(tenth, count);
        } else {
            self.not_kept += 1;
        }
    }

    /// A connection was lost `from` this instant on, and up again at the other one, if at all.
    pub(super) fn absence(&mut self, from: u64, to: Option<u64>) {
        if self.absences.len() < KEPT_MAX {
            self.absences.push(Absence { from, to });
        } else {
            self.not_kept += 1;
        }
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            attempts,
            tenths,
            left,
            given_up,
            sent_again,
            released_again,
            redelivered,
            overtook,
            absences,
            not_kept,
        } = other;
        self.attempts += attempts;
        self.left += left;
        self.given_up += given_up;
        self.sent_again += sent_again;
        self.released_again += released_again;
        self.redelivered += redelivered;
        self.overtook += overtook;
        self.absences.extend(absences);
        self.not_kept += not_kept;
        for (tenth, count) in tenths {
            self.add_tenth(*tenth, *count);
        }
    }

    /// Whether nothing was lost, and nothing tried again.
    pub fn is_empty(&self) -> bool {
        self.attempts == 0 && self.absences.is_empty() && self.given_up == 0
    }

    /// The most attempts that began within a second of this span, not counting a connection's first.
    pub fn peak_per_s(&self, span: Range<u64>) -> u64 {
        let tenths = span.start / TENTH_NS..=span.end / TENTH_NS;
        let until = |last: u64| -> u64 {
            let first = (last + 1)
                .saturating_sub(TENTHS_PER_SECOND)
                .max(*tenths.start());
            self.tenths
                .range(first..=last)
                .map(|(_, count)| count)
                .sum()
        };
        let each = self.tenths.range(tenths.clone()).map(|(tenth, _)| *tenth);
        each.map(until).max().unwrap_or(0)
    }

    /// How long connections were away that came back: the longest of the shortest half, of the shortest
    /// 99 %, and of all, ns.
    pub fn away(&self) -> [Option<u64>; 3] {
        let lengths = self.absences.iter();
        let lengths = lengths.filter_map(|absence| Some(absence.to?.saturating_sub(absence.from)));
        let mut lengths: Vec<u64> = lengths.collect();
        lengths.sort_unstable();
        SHARES.map(|share| lengths.get(place(share, lengths.len())?).copied())
    }

    /// The outages of a fleet in which `connections` were ever up, in order.
    pub fn outages(&self, connections: u64) -> Vec<Outage> {
        let mut events: Vec<(u64, Event)> = Vec::with_capacity(self.absences.len() * 2);
        for (index, absence) in self.absences.iter().enumerate() {
            events.push((absence.from, Event::Lost(index)));
            events.extend(absence.to.map(|to| (to, Event::Back)));
        }
        events.sort_unstable();
        let mut outages = Vec::new();
        let mut run: Vec<usize> = Vec::new();
        let mut up = connections;
        for (at, event) in events {
            match event {
                Event::Lost(index) => {
                    run.push(index);
                    up = up.saturating_sub(1);
                }
                Event::Back => {
                    outages.extend(self.outage(&run, up, Some(at)));
                    run.clear();
                    up += 1;
                }
            }
        }
        outages.extend(self.outage(&run, up, None));
        outages
    }

    /// What a run of losses is, after which so many connections were up still.
    fn outage(&self, run: &[usize], up: u64, to: Option<u64>) -> Option<Outage> {
        let lost = run.len() as u64;
        let from = self.absences[*run.first()?].from;
        if lost < up {
            return None;
        }
        let back = run.iter().filter_map(|index| self.absences[*index].to);
        let mut back: Vec<u64> = back.collect();
        back.sort_unstable();
        Some(Outage {
            from,
            to,
            lost,
            back: back.len() as u64,
            back_at: SHARES.map(|share| back.get(place(share, run.len())?).copied()),
        })
    }
}

/// What happens to a connection. At one instant losses come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Lost(usize),
    Back,
}

/// The place of the last of the first `share` percent of so many.
fn place(share: u64, of: usize) -> Option<usize> {
    let count = (of as u64 * share).div_ceil(100);
    usize::try_from(count).ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn recovery(absences: &[(u64, Option<u64>)]) -> Recovery {
        let mut recovery = Recovery::default();
        for (from, to) in absences {
            recovery.absence(*from, *to);
        }
        recovery
    }

    #[test]
    fn an_outage_is_from_the_first_loss_until_the_first_return() {
        // A hundred are lost within a tenth of a second, and come back one after the other.
        let absences: Vec<_> = (0..100)
            .map(|n| (10 * S + n, Some(15 * S + n * S / 100)))
            .collect();
        let outages = recovery(&absences).outages(100);
        let expected = Outage {
            from: 10 * S,
            to: Some(15 * S),
            lost: 100,
            back: 100,
            back_at: [49, 98, 99].map(|n| Some(15 * S + n * S / 100)),
        };
        assert_eq!(outages, [expected]);
    }

    #[test]
    fn workers_notes_in_any_order_come_to_the_same() {
        let absences: Vec<_> = (0..60).map(|n| (S + n, Some(3 * S + 7 * n))).collect();
        let whole = recovery(&absences).outages(60);
        let mut parts = recovery(&absences[40..]);
        parts.merge(&recovery(&absences[..40]));
        assert_eq!(parts.outages(60), whole);
        assert_eq!(whole.len(), 1);
    }

    #[test]
    fn connections_that_come_and_go_are_no_outage_and_do_not_hide_one() {
        // One of fifty every tenth of a second, for half a second each; from 20 s on all of them.
        let churn = (0..300).map(|n| (n * S / 10, Some(n * S / 10 + S / 2)));
        let churn = churn.filter(|(from, _)| *from < 19 * S);
        let all = (0..50).map(|n| (20 * S + n, (n < 40).then_some(24 * S + n * S / 10)));
        let absences: Vec<_> = churn.chain(all).collect();
        let outages = recovery(&absences).outages(50);
        let [outage] = outages[..] else {
            panic!("{outages:?}");
        };
        assert_eq!((outage.from, outage.to), (20 * S, Some(24 * S)));
        assert_eq!((outage.lost, outage.back), (50, 40));
        let half = 24 * S + 24 * S / 10;
        assert_eq!(outage.back_at, [Some(half), None, None]);
    }

    #[test]
    fn less_than_half_is_none_and_two_after_each_other_are_two() {
        let lost = |count: u64, at: u64, to: Option<u64>| (0..count).map(move |n| (at + n, to));
        let few: Vec<_> = lost(49, S, Some(2 * S)).collect();
        assert_eq!(recovery(&few).outages(100), []);
        let twice: Vec<_> = lost(50, S, Some(2 * S))
            .chain(lost(100, 5 * S, None))
            .collect();
        let outages = recovery(&twice).outages(100);
        let ends: Vec<_> = outages
            .iter()
            .map(|outage| (outage.lost, outage.to))
            .collect();
        assert_eq!(ends, [(50, Some(2 * S)), (100, None)]);
        assert_eq!(outages[1].back_at, [None; 3]);
    }

    #[test]
    fn the_peak_is_that_of_the_fullest_second_wherever_it_begins() {
        let mut recovery = Recovery::default();
        // 100 per second, evenly; 30 more around the turn of a second.
        (0..500).for_each(|n| recovery.attempt(n * S / 100));
        (0..30).for_each(|n| recovery.attempt(2 * S - 150_000_000 + n * 10_000_000));
        assert_eq!(recovery.attempts, 530);
        assert_eq!(recovery.peak_per_s(0..u64::MAX), 130);
        assert_eq!(recovery.peak_per_s(3 * S..5 * S), 100);
        assert_eq!(recovery.peak_per_s(10 * S..20 * S), 0);
    }

    #[test]
    fn absences_have_a_middle_and_a_longest() {
        let absences: Vec<_> = (1..=100)
            .map(|n| (S, Some(S + n)))
            .chain([(S, None)])
            .collect();
        assert_eq!(recovery(&absences).away(), [50, 99, 100].map(Some));
        assert_eq!(Recovery::default().away(), [None; 3]);
        assert!(Recovery::default().is_empty());
    }
}
