//! Peace to measure in: one timed test at a time, and none judged by figures that the program itself
//! calls unbelievable.

use std::fs::File;
use std::time::Duration;

use crate::support::Outcome;

const ATTEMPTS: usize = 6;

/// Until it is dropped, no other test of this build folder that asks for it runs, in any process.
#[must_use]
pub fn alone() -> File {
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/alone.lock");
    let file = File::create(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    file.lock()
        .unwrap_or_else(|error| panic!("{path}: {error}"));
    file
}

/// The first attempt whose verdict is VALID. A verdict of INVALID is final, unless all it complains
/// of is that the machine was busy: then the figures are thrown away unseen, and it runs again.
#[track_caller]
pub fn believed<T>(mut attempt: impl FnMut() -> (Outcome, T)) -> (Outcome, T) {
    let mut reasons = Vec::new();
    for attempted in 0..ATTEMPTS {
        // What disturbed the last one may soon be over.
        std::thread::sleep(Duration::from_secs(attempted as u64));
        let (outcome, rest) = attempt();
        if outcome.is_valid() {
            return (outcome, rest);
        }
        assert!(outcome.is_disturbed(), "{outcome}");
        reasons.push(outcome.at("/verdict/reasons").to_string());
    }
    panic!(
        "the machine was too busy in {ATTEMPTS} runs, one after the other: leave it alone for a while\n{}",
        reasons.join("\n")
    );
}

/// Fails unless it ended with this code, or was disturbed and says so. For tests that judge counts
/// and no times: those hold on a busy machine too.
#[track_caller]
pub fn ends_with_unless_disturbed(outcome: &Outcome, code: i32) {
    let code = if outcome.is_disturbed() { 96 } else { code };
    assert_eq!(outcome.code, code, "{outcome}");
}
