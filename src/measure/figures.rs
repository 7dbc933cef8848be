//! One row of the result, a request or the total: counts by name, rates, distributions.
//!
//! Plain values that are serialised as the result files have them. Not here: how they are found.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::distribution::Distribution;
use super::ledger::Ledger;
use super::reason::Reason;

/// A JSON object whose keys keep their order: requests in the order of the profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Named<T>(pub Vec<(String, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Named<T> {
    /// The value with this name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Named<u64> {
    /// The reasons that occurred, by name.
    pub fn by_reason<R: Reason>(counts: &[u64]) -> Self {
        let counted = R::ALL.iter().zip(counts).filter(|(_, count)| **count > 0);
        Self(
            counted
                .map(|(reason, count)| (reason.name().to_owned(), *count))
                .collect(),
        )
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Named(pairs))
            }
        }

        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

/// The counts of a ledger, with the reasons that occurred by name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LedgerCounts {
    /// Due by the schedule or a trigger.
    pub planned: u64,
    /// Not written.
    pub dropped: u64,
    /// Of `dropped`; only reasons that occurred.
    pub dropped_by: Named<u64>,
    /// Written.
    pub sent: u64,
    /// Answered with success, or completed where no reply is expected.
    pub ok: u64,
    /// Answered with an error.
    pub error: u64,
    /// Not answered before the deadline.
    pub timeout: u64,
    /// Ended without an answer for another reason.
    pub failed: u64,
    /// Of `failed`; only reasons that occurred.
    pub failed_by: Named<u64>,
    /// Unanswered at the end of the run.
    pub in_flight: u64,
    /// Replies after the deadline.
    pub late: u64,
    /// Replies to what was answered already.
    pub duplicate: u64,
    /// Replies that came again where our own filters overlap: duplicates, or the broker's copies.
    #[serde(default)]
    pub copies: u64,
    /// Replies to nothing that was sent.
    pub orphan: u64,
    /// Error replies that name no request; only in totals, else 0.
    pub unattributed_errors: u64,
}

impl LedgerCounts {
    /// Names the counts of a ledger.
    pub fn of(ledger: &Ledger) -> Self {
        let Ledger {
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
        } = *ledger;
        Self {
            planned,
            dropped,
            dropped_by: Named::by_reason::<super::DropReason>(&dropped_by),
            sent,
            ok,
            error,
            timeout,
            failed,
            failed_by: Named::by_reason::<super::FailReason>(&failed_by),
            in_flight,
            late,
            duplicate,
            copies,
            orphan,
            unattributed_errors,
        }
    }
}

/// What one request, or all together, did in the measure phase.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// The counts.
    #[serde(flatten)]
    pub ledger: LedgerCounts,
    /// Errors per planned request, 0 to 1; null if nothing was planned.
    pub error_rate: Option<f64>,
    /// What did not succeed per planned request, 0 to 1; null if nothing was planned.
    pub failure_rate: Option<f64>,
    /// Replied minus intended; over planned requests.
    pub response_time_us: Distribution,
    /// Replied minus sent; over sent requests.
    pub service_time_us: Distribution,
    /// Sent minus intended; over requests that were sent, or not sent because we were late.
    pub schedule_lag_us: Distribution,
    /// Acknowledged minus sent; over those sent with `QoS` 1 or 2.
    pub acknowledge_time_us: Distribution,
    /// First reply of any kind minus intended; over planned requests that may get intermediate ones.
    #[serde(default)]
    pub first_reply_time_us: Distribution,
    /// Read minus received by the kernel; over the replies of which the kernel has told that.
    #[serde(default)]
    pub client_share_us: Distribution,
}

#[cfg(test)]
mod tests {
    use super::super::{DropReason, FailReason};
    use super::*;

    #[test]
    fn names_keep_their_order_through_json() {
        let text = r#"{"zebra":1,"ant":2}"#;
        let named: Named<u64> = serde_json::from_str(text).unwrap();
        assert_eq!((named.get("ant"), named.get("bee")), (Some(&2), None));
        assert_eq!(serde_json::to_string(&named).unwrap(), text);
    }

    #[test]
    fn figures_are_one_flat_object_and_come_back_as_they_were() {
        let mut ledger = Ledger {
            planned: 3,
            dropped: 2,
            sent: 1,
            failed: 1,
            ..Ledger::default()
        };
        ledger.dropped_by[DropReason::RequestId.index()] = 2;
        ledger.failed_by[FailReason::KeepAlive.index()] = 1;
        let figures = Figures {
            ledger: LedgerCounts::of(&ledger),
            failure_rate: Some(1.0),
            ..Figures::default()
        };
        let json = serde_json::to_value(&figures).unwrap();
        assert_eq!(json["dropped_by"], serde_json::json!({"request_id": 2}));
        assert_eq!(json["failed_by"], serde_json::json!({"keep_alive": 1}));
        assert_eq!(serde_json::from_value::<Figures>(json).unwrap(), figures);
    }
}
