//! `midge report`: renders a stored run again.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, colour, print_data};
use crate::report::{self, Exit, RunResult};

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// A run's folder
    #[arg(value_name = "RUN_DIR")]
    folder: PathBuf,
    /// Prints run.json instead of the screen
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ReportArgs) -> Result<Exit, Failure> {
    let result = read(&args.folder)?;
    if args.json {
        let text = serde_json::to_string_pretty(&result)
            .map_err(|error| Failure::internal(format!("cannot write JSON: {error}")))?;
        print_data(&format!("{text}\n"))?;
    } else {
        print_data(&report::format::screen(
            &result,
            Some(&args.folder.display().to_string()),
            colour(),
        ))?;
    }
    Ok(Exit::Passed)
}

/// The result of a stored run.
pub(super) fn read(folder: &Path) -> Result<RunResult, Failure> {
    report::read_run(folder).map_err(|error| {
        let folder = folder.display();
        Failure::usage(format!("{folder} holds no complete run: {error}"))
    })
}
