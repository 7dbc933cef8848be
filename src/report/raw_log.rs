//! What `run.json` and the screen say of the raw log, where one was asked for.
//!
//! Not here: the log itself (see `measure`).

use serde::{Deserialize, Serialize};

use super::text::field;

/// The raw log of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawLog {
    /// Messages in it: those that were sent, over all phases.
    pub entries: u64,
    /// Messages that were sent and are not in it.
    pub lost: u64,
    /// When the load began, on the clock of the log, ns; as text, because JSON readers round large
    /// integers. Empty if it never began.
    pub load_start_ns: String,
}

/// What the screen says of it.
pub(super) fn line(log: &RawLog) -> String {
    let RawLog { entries, lost, .. } = log;
    let missing = match lost {
        0 => String::new(),
        lost => {
            format!(", NOT COMPLETE: {lost} more were sent; use a faster disk or fewer messages")
        }
    };
    field("raw log", &format!("{entries} messages{missing}"))
}
