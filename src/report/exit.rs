//! The exit code of a run, as a value.
//!
//! Not here: exiting (only `main` does).

use super::result::RunResult;

/// What the process tells its caller. Where several apply, the first of this order decides:
/// usage, internal, stopped, invalid, threshold, regression, inconclusive, passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything held.
    Passed,
    /// The instrument must not be believed.
    Invalid,
    /// Two runs were compared and the later one is worse.
    Regression,
    /// Two runs were compared and nothing can be said (only when asked to be strict).
    Inconclusive,
    /// A threshold failed.
    Threshold,
    /// Bad profile or arguments.
    Usage,
    /// Stopped by a signal; partial results are kept.
    Stopped,
    /// A defect of this program or of its environment.
    Internal,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Passed => 0,
            Exit::Invalid => 96,
            Exit::Regression => 97,
            Exit::Inconclusive => 98,
            Exit::Threshold => 99,
            Exit::Usage => 104,
            Exit::Stopped => 105,
            Exit::Internal => 107,
        }
    }
}

/// How a run ends that came to its result; `stopped` names the signal, if one stopped it.
pub fn exit_of(result: &RunResult, stopped: Option<&str>) -> Exit {
    if stopped.is_some() {
        Exit::Stopped
    } else if !result.verdict.valid {
        Exit::Invalid
    } else if result.thresholds.iter().any(|threshold| !threshold.passed) {
        Exit::Threshold
    } else {
        Exit::Passed
    }
}
