//! `midge run --raw-log`: the file that every message is noted in.
//!
//! Not here: writing it (see `engine`), and what is in it (see `measure`).

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::Failure;
use crate::engine::Logged;

#[derive(Debug, Args)]
pub(super) struct RawLogArgs {
    /// Notes every message that is sent, with its instants, in this file: an .npy table
    /// with intended, sent and ended in ns of the monotonic clock, request, worker, end, measured
    #[arg(long, value_name = "FILE")]
    raw_log: Option<PathBuf>,
}

impl RawLogArgs {
    /// The file, empty; none unless asked for.
    pub(super) fn create(&self) -> Result<Option<Arc<File>>, Failure> {
        let Some(path) = &self.raw_log else {
            return Ok(None);
        };
        let created = File::create(path).map_err(|error| {
            let path = path.display();
            Failure::usage(format!(
                "cannot write the raw log {path}: {error}\nnothing was sent"
            ))
        });
        created.map(Arc::new).map(Some)
    }
}

/// A log that was asked for and could not be written is a failure, after the results are kept.
pub(super) fn check(logged: Option<&Logged>) -> Result<(), Failure> {
    match logged.and_then(|logged| logged.error.as_ref()) {
        None => Ok(()),
        Some(error) => Err(Failure::internal(format!(
            "the raw log could not be written to its end: {error}"
        ))),
    }
}
