//! What `run.json` and the screen say of the sample of replies behind the client's own share, where it was
//! asked for.
//!
//! Not here: the shares themselves, which stand among the other waits (see `measure`).

use serde::{Deserialize, Serialize};

use super::result::RunResult;
use super::text::field;
use crate::measure::{Bounds, LeftOut, Named, Tally};

/// Which requests the kernel was asked about, and whether it has answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KernelTimestamps {
    /// Share of the requests that were to be sampled, 0 to 1.
    pub share: f64,
    /// Why nothing is known; null if something is, or nothing was there to be asked about.
    pub off: Option<String>,
    /// Sampled requests of the measure phase that got their reply.
    pub sampled: u64,
    /// Of `sampled`, those whose share is not known; only reasons that occurred.
    pub left_out: Named<u64>,
}

impl RunResult {
    /// Adds what became of the sample. `off`: why nobody was asked.
    pub fn add_kernel_timestamps(
        &mut self,
        share: f64,
        off: Option<String>,
        tally: &Tally,
        bounds: Bounds,
    ) {
        let client = tally.total(bounds).client;
        let none = || "the kernel gave no instants on these connections".to_owned();
        self.kernel_timestamps = Some(KernelTimestamps {
            share,
            off: off.or_else(|| client.is_silent().then(none)),
            sampled: client.sampled(),
            left_out: Named::by_reason::<LeftOut>(&client.left_out),
        });
    }
}

/// What the screen says of it.
pub(super) fn line(of: &KernelTimestamps) -> String {
    let KernelTimestamps {
        off,
        sampled,
        left_out,
        ..
    } = of;
    let without: Vec<String> = left_out
        .iter()
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    let known = sampled - left_out.iter().map(|(_, count)| count).sum::<u64>();
    let said = match off {
        Some(why) => format!("off: {why}"),
        None if *sampled == 0 => {
            "none of the replies was sampled: ask for a larger share".to_owned()
        }
        None if without.is_empty() => {
            format!("the client's share of {known} sampled replies is known")
        }
        None => format!(
            "the client's share of {known} of {sampled} sampled replies is known (not: {})",
            without.join(", ")
        ),
    };
    field("timestamps", &said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(off: Option<&str>, sampled: u64, left_out: &[(&str, u64)]) -> String {
        let left_out = left_out
            .iter()
            .map(|(reason, count)| ((*reason).to_owned(), *count));
        line(&KernelTimestamps {
            share: 0.01,
            off: off.map(str::to_owned),
            sampled,
            left_out: Named(left_out.collect()),
        })
    }

    #[test]
    fn the_screen_says_how_many_are_known_or_why_none_is() {
        let off = said(Some("this system is not Linux"), 0, &[]);
        assert_eq!(off, "timestamps  off: this system is not Linux");
        assert!(said(None, 0, &[]).contains("none of the replies"));
        assert!(said(None, 9, &[]).contains("of 9 sampled replies"));
        let some = said(None, 9, &[("shared_read", 2), ("clock_step", 1)]);
        assert!(some.contains("of 6 of 9 sampled replies"), "{some}");
        assert!(
            some.ends_with("(not: shared_read 2, clock_step 1)"),
            "{some}"
        );
    }
}
