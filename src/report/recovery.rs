//! How a fleet came back after losses: what stands in the result, and the lines on the screen.

use serde::{Deserialize, Serialize};

use crate::measure::{DropReason, Outage, Recovery, Tally};

/// Outages that are listed; the rest is counted.
const OUTAGES_MAX: usize = 100;
/// Outages on the screen.
const SHOWN_MAX: usize = 5;

/// Over the whole run. Absent where no connection was lost and none was tried twice.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RecoveryResult {
    /// Attempts to connect that were not a connection's first.
    pub attempts: u64,
    /// The most of them that began within one second.
    pub reconnect_peak_per_s: u64,
    /// Connections that their endpoints ended themselves (`fleet.churn_rate`).
    pub left: u64,
    /// Connections that were given up (`fleet.reconnect.give_up_after`).
    pub given_up: u64,
    /// Half of the absences that ended were no longer than this, s.
    pub away_p50_s: Option<f64>,
    /// 99 % of them, s.
    pub away_p99_s: Option<f64>,
    /// All of them, s.
    pub away_max_s: Option<f64>,
    /// What became of messages.
    pub messages: Across,
    /// Spans in which nobody came back and at least half of those were lost that were up.
    pub outages: Vec<OutageResult>,
    /// Outages that are not listed, absences and instants of attempts that were not kept.
    pub not_kept: u64,
}

/// Messages across losses, over the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Across {
    /// Sent, and failed with their connection.
    pub lost: u64,
    /// Planned while their connection was not up, and not sent.
    pub not_connected: u64,
    /// Sent once more with DUP, because nothing had acknowledged them. Counted as sent once.
    pub sent_again: u64,
    /// PUBRELs that were sent once more.
    pub released_again: u64,
    /// Messages of the target that came with DUP.
    pub redelivered: u64,
    /// Replies and pushed items that came more than once.
    pub duplicate: u64,
    /// Acknowledgements that came before that of an older message of their connection.
    pub reordered: u64,
}

/// One outage. Spans count from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct OutageResult {
    /// When the first connection was lost, s since the run began.
    pub from_s: f64,
    /// Until the first one was up again, s; null: until the end of the run, at least.
    pub length_s: Option<f64>,
    /// Connections that were lost.
    pub connections: u64,
    /// Of these, how many came back.
    pub back: u64,
    /// Until half of them were back, s.
    pub back_50_s: Option<f64>,
    /// Until 99 % of them were back, s.
    pub back_99_s: Option<f64>,
    /// Until all of them were back, s.
    pub back_100_s: Option<f64>,
    /// The most attempts that began within one second of it, until all were back.
    pub reconnect_peak_per_s: u64,
}

impl RecoveryResult {
    /// That of these measurements, if there is anything to say.
    pub fn of(tally: &Tally) -> Option<Box<Self>> {
        let connections = &tally.connections;
        let recovery = &connections.recovery;
        if recovery.is_empty() {
            return None;
        }
        let outages = recovery.outages(connections.connected);
        let more = outages.len().saturating_sub(OUTAGES_MAX);
        let [p50, p99, max] = recovery.away().map(|length| length.map(seconds));
        Some(Box::new(Self {
            attempts: recovery.attempts,
            reconnect_peak_per_s: recovery.peak_per_s(0..u64::MAX),
            left: recovery.left,
            given_up: recovery.given_up,
            away_p50_s: p50,
            away_p99_s: p99,
            away_max_s: max,
            messages: Across::of(tally),
            outages: outages
                .iter()
                .take(OUTAGES_MAX)
                .map(|outage| OutageResult::of(outage, recovery))
                .collect(),
            not_kept: recovery.not_kept + more as u64,
        }))
    }

    /// A line for the whole run, one for each outage, and one for messages.
    pub(super) fn in_words(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("reconnects", self.attempts_in_words())];
        let shown = self.outages.iter().take(SHOWN_MAX);
        lines.extend(shown.map(|outage| ("outage", outage.in_words())));
        let more = self.outages.len().saturating_sub(SHOWN_MAX);
        if more > 0 {
            lines.push(("", format!("and {more} more outages, in run.json")));
        }
        lines.push(("across it", self.messages.in_words()));
        lines
    }

    fn attempts_in_words(&self) -> String {
        let mut parts = vec![format!(
            "{} attempts, at most {} within a second",
            self.attempts, self.reconnect_peak_per_s
        )];
        if let (Some(p50), Some(p99), Some(max)) =
            (self.away_p50_s, self.away_p99_s, self.away_max_s)
        {
            parts.push(format!(
                "away p50 {p50:.2} s, p99 {p99:.2} s, max {max:.2} s"
            ));
        }
        if self.left > 0 {
            parts.push(format!("{} left by themselves", self.left));
        }
        if self.given_up > 0 {
            parts.push(format!("{} given up", self.given_up));
        }
        parts.join("; ")
    }
}

impl Across {
    fn of(tally: &Tally) -> Self {
        let recovery = &tally.connections.recovery;
        let ledgers = || tally.requests.iter().map(|request| &request.whole_run);
        let not_connected = DropReason::NotConnected.index();
        let items = tally.inbound.iter().map(|inbound| inbound.duplicate);
        Self {
            lost: ledgers().map(|ledger| ledger.failed).sum(),
            not_connected: ledgers()
                .map(|ledger| ledger.dropped_by[not_connected])
                .sum(),
            sent_again: recovery.sent_again,
            released_again: recovery.released_again,
            redelivered: recovery.redelivered,
            duplicate: ledgers().map(|ledger| ledger.duplicate).sum::<u64>() + items.sum::<u64>(),
            reordered: recovery.overtook,
        }
    }

    fn in_words(&self) -> String {
        format!(
            "{} lost, {} not sent, {} sent again, {} duplicate, {} reordered",
            self.lost, self.not_connected, self.sent_again, self.duplicate, self.reordered
        )
    }
}

impl OutageResult {
    fn of(outage: &Outage, recovery: &Recovery) -> Self {
        let since = |at: u64| seconds(at.saturating_sub(outage.from));
        let [back_50_s, back_99_s, back_100_s] = outage.back_at.map(|at| at.map(since));
        let until = outage.back_at[2].unwrap_or(u64::MAX);
        Self {
            from_s: seconds(outage.from),
            length_s: outage.to.map(since),
            connections: outage.lost,
            back: outage.back,
            back_50_s,
            back_99_s,
            back_100_s,
            reconnect_peak_per_s: recovery.peak_per_s(outage.from..until),
        }
    }

    /// `5.03 s, from 4.20 s on; 5000 lost; back: 50 % after 9.10 s, 99 % after 14.00 s, ...`
    fn in_words(&self) -> String {
        let until =
            |span: Option<f64>| span.map_or("never".to_owned(), |s| format!("after {s:.2} s"));
        let length = self
            .length_s
            .map_or("to the end".to_owned(), |s| format!("{s:.2} s"));
        format!(
            "{length}, from {:.2} s on; {} lost; back: 50 % {}, 99 % {}, 100 % {}; at most {} attempts within a second",
            self.from_s,
            self.connections,
            until(self.back_50_s),
            until(self.back_99_s),
            until(self.back_100_s),
            self.reconnect_peak_per_s
        )
    }
}

/// To the microsecond.
fn seconds(ns: u64) -> f64 {
    (ns as f64 / 1e3).round() / 1e6
}
