//! What becomes of a small fleet at a door: all of it comes in, or nobody.
//!
//! Not here: how long that takes, and which door it is.

use super::alone::ends_with_unless_disturbed;
use crate::support::{Midge, Outcome};

/// All fifty were connected, and every request was answered.
#[track_caller]
pub fn all_went_well(outcome: &Outcome) {
    outcome.keeps_its_accounts();
    assert_eq!(outcome.count("/connections/connected"), 50, "{outcome}");
    assert_eq!(outcome.count("/connections/failed"), 0, "{outcome}");
    assert_eq!(outcome.count("/connections/lost"), 0, "{outcome}");
    let planned = outcome.count("/whole_run/planned");
    assert!(planned > 0, "{outcome}");
    assert_eq!(outcome.count("/whole_run/ok"), planned, "{outcome}");
}

/// Nobody was connected, for this reason alone, and the screen says what to do.
#[track_caller]
pub fn nobody_comes_in(run: Midge, class: &str, advice: &str) {
    let outcome = run
        .set("fleet.endpoints", "2")
        .set("load.measure", "500ms")
        .go();
    assert_eq!(outcome.count("/connections/connected"), 0, "{outcome}");
    let failed = outcome.count("/connections/failed");
    assert!(failed >= 2, "{outcome}");
    assert_eq!(
        outcome.count(&format!("/connections/failed_by/{class}")),
        failed,
        "{outcome}"
    );
    assert!(outcome.stdout.contains(advice), "{outcome}");
    ends_with_unless_disturbed(&outcome, 99);
}
