//! A run's folder: writes the result files whole, and reads the result back.
//!
//! The one place of the report that touches the file system. `run.json` is written last, so a folder
//! that has it is complete.

use std::path::Path;
use std::{fs, io};

use jiff::Timestamp;

use super::format;
use super::result::RunResult;
use crate::measure::{Seconds, Shape, Tally};

/// Everything that the files are made of.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// The result.
    pub result: &'a RunResult,
    /// Rows of tally and seconds.
    pub shape: &'a Shape,
    /// All workers', merged.
    pub tally: &'a Tally,
    /// Second by second.
    pub seconds: &'a Seconds,
    /// The profile as run, secrets redacted.
    pub profile_toml: &'a str,
    /// Wall clock at the run's epoch, ns since 1970.
    pub started_unix_ns: u64,
}

/// Name of a run's folder within `results/`: `20260901-120000Z-<profile>`.
pub fn name(started_unix_ns: u64, profile: &str) -> String {
    let at =
        Timestamp::from_nanosecond(i128::from(started_unix_ns)).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{}-{profile}", at.strftime("%Y%m%d-%H%M%SZ"))
}

/// Makes the folder, with parents, or takes an existing one that is empty.
///
/// # Errors
/// It exists and is not empty or no folder, or cannot be made.
pub fn claim(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    if fs::read_dir(folder)?.next().is_some() {
        let kind = io::ErrorKind::DirectoryNotEmpty;
        return Err(io::Error::new(
            kind,
            format!("{} is not empty", folder.display()),
        ));
    }
    Ok(())
}

/// Writes all files of a run into a folder that exists.
///
/// # Errors
/// The first file that cannot be written; those before it are there, and whole.
pub fn write_run(folder: &Path, recorded: &Recorded) -> io::Result<()> {
    let Recorded {
        result,
        shape,
        tally,
        seconds,
        profile_toml,
        started_unix_ns,
    } = *recorded;
    write_whole(folder, "profile.toml", profile_toml)?;
    write_whole(folder, "summary.csv", &format::summary_csv(result))?;
    write_whole(folder, "stages.csv", &format::stages_csv(&result.stages))?;
    write_whole(
        folder,
        "intervals.csv",
        &format::intervals_csv(shape, seconds),
    )?;
    write_whole(
        folder,
        "percentiles.csv",
        &format::percentiles_csv(shape, tally),
    )?;
    write_whole(
        folder,
        "histogram.csv",
        &format::histogram_csv(shape, tally),
    )?;
    write_whole(folder, "status.csv", &format::status_csv(result))?;
    write_whole(folder, "errors.csv", &format::errors_csv(shape, tally))?;
    write_whole(
        folder,
        "histograms.hlog",
        &format::histograms_hlog(shape, seconds, started_unix_ns),
    )?;
    let json = serde_json::to_string_pretty(result)?;
    write_whole(folder, "run.json", &(json + "\n"))
}

/// Writes one file aside and renames it, so that nobody reads half of it.
///
/// # Errors
/// It cannot be written or renamed; then nothing is left of it.
pub fn write_whole(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let aside = folder.join(format!(".{name}.partial"));
    let written = fs::write(&aside, text).and_then(|()| fs::rename(&aside, folder.join(name)));
    if written.is_err() {
        // The first error is the one to tell; that the remainder stays is a lesser evil.
        let _ = fs::remove_file(&aside);
    }
    written
}

/// Reads the result of a run back.
///
/// # Errors
/// The folder has no `run.json`, or it is not of this format.
pub fn read_run(folder: &Path) -> io::Result<RunResult> {
    let path = folder.join("run.json");
    let invalid = |problem: String| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{}: {problem}", path.display()),
        )
    };
    let text = fs::read_to_string(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    let result: RunResult =
        serde_json::from_str(&text).map_err(|error| invalid(error.to_string()))?;
    if result.format == 1 {
        Ok(result)
    } else {
        Err(invalid(format!("format {} is not known", result.format)))
    }
}
