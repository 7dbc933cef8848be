//! `midge run --kernel-timestamps`: how many reads ask the kernel when it had received what they brought.
//!
//! Where the system cannot say, the run goes on without, and its result says why. Not here: asking
//! (see `engine`), and what the answers are worth (see `measure`).

use clap::Args;

use crate::event::timestamps_available;
use crate::measure::{Bounds, Tally};
use crate::report::RunResult;
use crate::units::Share;

#[derive(Debug, Args)]
pub(super) struct KernelTimestampsArgs {
    /// Share of the replies of which the kernel is asked when it received them (Linux, TCP), such as
    /// 0.01: how long they lay there unread is this program's own share of their times
    #[arg(long, value_name = "SHARE", default_value = "0")]
    kernel_timestamps: Share,
}

impl KernelTimestampsArgs {
    /// The share that the engine shall ask for: none where the system cannot say.
    pub(super) fn share(&self) -> f64 {
        let asked = self.kernel_timestamps.0;
        if asked > 0.0 && timestamps_available().is_ok() {
            asked
        } else {
            0.0
        }
    }

    /// Adds what became of it to the result, if it was asked for.
    pub(super) fn tell(&self, result: &mut RunResult, tally: &Tally, bounds: Bounds) {
        let asked = self.kernel_timestamps.0;
        if asked > 0.0 {
            let off = timestamps_available().err();
            result.add_kernel_timestamps(asked, off, tally, bounds);
        }
    }
}
