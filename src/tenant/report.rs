//! What the tenant has seen and done: counted while it runs, one JSON line at its end.
//!
//! A formatted file contract: field names are read by other programs. Not here: printing it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::attachment::AttachedReport;
use super::kind::Counter;

/// The counters of a running tenant.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// PUBLISH packets by kind, refused ones included; a QoS 2 repetition counts once.
    pub received: Counter,
    /// Ok replies handed to a connection, extra copies not included.
    pub replied_ok: Counter,
    /// Error replies handed to a connection, extra copies not included.
    pub replied_error: Counter,
    /// Replies that reached no connection: lost on purpose, or nobody was there to take them.
    pub lost: Counter,
    /// Extra copies of replies.
    pub duplicated: Counter,
    /// Replies handed to another connection than the one that waits.
    pub misdirected: Counter,
    /// Replies to requests that nobody made, beside those to requests.
    pub orphaned: Counter,
    /// Refused messages and connections, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// What was pushed to at least one connection, by name: commands and configurations, each one.
    pub pushed: BTreeMap<&'static str, u64>,
    /// Answers to commands, by state or status.
    pub results: BTreeMap<&'static str, u64>,
    /// The same as `pushed`, of inbound definitions.
    pub defined_pushed: Counter,
    /// The same as `results`, of inbound definitions.
    pub defined_results: Counter,
    /// CONNECTs accepted.
    pub connections: u64,
    /// Accepted connections that the tenant closed.
    pub disconnected: u64,
}

impl Counts {
    /// With the names of what is answered and of inbound messages.
    pub fn of(names: &Arc<[Box<str>]>, inbound: &Arc<[Box<str>]>) -> Self {
        Self {
            received: Counter::of(names),
            replied_ok: Counter::of(names),
            replied_error: Counter::of(names),
            lost: Counter::of(names),
            duplicated: Counter::of(names),
            misdirected: Counter::of(names),
            orphaned: Counter::of(names),
            defined_pushed: Counter::of(inbound),
            defined_results: Counter::of(inbound),
            ..Self::default()
        }
    }

    /// Counts one refusal.
    pub fn reject(&mut self, reason: &'static str) {
        *self.rejected.entry(reason).or_default() += 1;
    }

    /// Counts what was in one push.
    pub fn push(&mut self, name: &'static str, items: u64) {
        *self.pushed.entry(name).or_default() += items;
    }

    /// Counts one answer to a command.
    pub fn result(&mut self, name: &'static str) {
        *self.results.entry(name).or_default() += 1;
    }
}

/// The tenant's own account of a run. For every kind that wants a reply:
/// replies due = `replied_ok + replied_error + lost + misdirected`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantReport {
    /// 1.
    pub format: u32,
    /// PUBLISH packets by request name, refused ones included.
    pub received: BTreeMap<String, u64>,
    /// Ok replies by request name, extra copies not included.
    pub replied_ok: BTreeMap<String, u64>,
    /// Error replies by request name, extra copies not included.
    pub replied_error: BTreeMap<String, u64>,
    /// Replies that reached no connection, by request name.
    pub lost: BTreeMap<String, u64>,
    /// Extra copies of replies by request name.
    pub duplicated: BTreeMap<String, u64>,
    /// Replies handed to another connection by request name; there only if any were.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub misdirected: BTreeMap<String, u64>,
    /// Replies to requests that nobody made by the name of the request before; there only if any were.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub orphaned: BTreeMap<String, u64>,
    /// Refused messages and connections by reason.
    pub rejected: BTreeMap<String, u64>,
    /// What was pushed to at least one connection, by name: commands and configurations, each one.
    pub pushed: BTreeMap<String, u64>,
    /// Answers to commands by state or status; to other pushes by the name of the push.
    pub results: BTreeMap<String, u64>,
    /// CONNECTs accepted.
    pub connections: u64,
    /// Accepted connections that the tenant closed itself, whatever the reason.
    pub disconnected: u64,
    /// The broker it was attached to; there only if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached: Option<AttachedReport>,
}

impl From<&Counts> for TenantReport {
    fn from(counts: &Counts) -> Self {
        let named = |counted: &BTreeMap<&'static str, u64>, defined: Option<&Counter>| {
            let mut all = defined.map(Counter::by_name).unwrap_or_default();
            for (&name, &count) in counted {
                *all.entry(name.to_owned()).or_default() += count;
            }
            all
        };
        Self {
            format: 1,
            received: counts.received.by_name(),
            replied_ok: counts.replied_ok.by_name(),
            replied_error: counts.replied_error.by_name(),
            lost: counts.lost.by_name(),
            duplicated: counts.duplicated.by_name(),
            misdirected: counts.misdirected.by_name(),
            orphaned: counts.orphaned.by_name(),
            rejected: named(&counts.rejected, None),
            pushed: named(&counts.pushed, Some(&counts.defined_pushed)),
            results: named(&counts.results, Some(&counts.defined_results)),
            connections: counts.connections,
            disconnected: counts.disconnected,
            // Whoever is attached adds it.
            attached: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kind;
    use super::*;

    #[test]
    fn the_report_is_the_documented_json_line() {
        let mut counts = Counts::default();
        counts.received.add(Kind::DcxJson);
        counts.received.add(Kind::DcxJson);
        counts.replied_ok.add(Kind::DcxJson);
        counts.lost.add(Kind::DcxJson);
        counts.reject("timestamp-missing");
        counts.push("command", 1);
        counts.result("completed");
        counts.connections = 3;
        let json = serde_json::to_string(&TenantReport::from(&counts)).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"format":1,"received":{"dcx-json":2},"replied_ok":{"dcx-json":1},"#,
                r#""replied_error":{},"lost":{"dcx-json":1},"duplicated":{},"#,
                r#""rejected":{"timestamp-missing":1},"pushed":{"command":1},"#,
                r#""results":{"completed":1},"connections":3,"disconnected":0}"#
            )
        );
        let back: TenantReport = serde_json::from_str(&json).unwrap();
        assert_eq!(back, TenantReport::from(&counts));
    }
}
