//! `midge run --kernel-timestamps`: of how many requests the kernel is asked when they left and came back.
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
    /// Share of the requests of which the kernel is asked when they left and when their replies came in
    /// (Linux, TCP), such as 0.01: what is left of their service times is this program's own
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
