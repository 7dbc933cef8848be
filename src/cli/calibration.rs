//! The calibration of this machine as runs find it: where its file is, and whether it holds here.
//!
//! Not here: making it (see `calibrate`), and what follows from it (the verdict).

use std::io::ErrorKind;
use std::path::PathBuf;

use clap::Args;

use super::Failure;
use crate::calibration::{Calibration, Machine};
use crate::measure::Ceiling;
use crate::report::Environment;

/// The file in the folder of midge.
pub(super) const FILE: &str = "calibration.toml";

#[derive(Debug, Args)]
pub(super) struct CalibrationArgs {
    /// What `midge calibrate` has found out [default: where it keeps it, if it is there]
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
}

/// What a run is held against.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// If there is a calibration that holds for the run.
    pub ceiling: Option<Ceiling>,
    /// Why the one that is there does not.
    pub ignored: Option<String>,
}

impl CalibrationArgs {
    /// Looks for it, and says on stderr if it does not hold.
    pub(super) fn look(&self, here: &Environment, workers: u16) -> Result<Known, Failure> {
        let asked = self.calibration.is_some();
        let Some(file) = self.calibration.clone().or_else(usual_file) else {
            return Ok(Known::default());
        };
        let found = std::fs::read_to_string(&file);
        let read = match found {
            Err(error) if error.kind() == ErrorKind::NotFound && !asked => {
                return Ok(Known::default());
            }
            Err(error) => Err(error.to_string()),
            Ok(text) => Calibration::read(&text),
        };
        let shown = file.display();
        let why = match read {
            Err(error) if asked => {
                let text = format!("no calibration can be read from {shown}: {error}");
                return Err(Failure::usage(format!("{text}\nnothing was sent")));
            }
            Err(error) => error,
            Ok(calibration) => match of_run(&calibration, here, workers) {
                None => {
                    return Ok(Known {
                        ceiling: Some(calibration.ceiling()),
                        ignored: None,
                    });
                }
                Some(why) => why,
            },
        };
        eprintln!(
            "note: the calibration in {shown} is ignored: {why}; `midge calibrate` makes one that holds"
        );
        Ok(Known {
            ceiling: None,
            ignored: Some(why),
        })
    }
}

fn of_run(calibration: &Calibration, here: &Environment, workers: u16) -> Option<String> {
    let version = env!("CARGO_PKG_VERSION");
    calibration.does_not_hold(version, &Machine::of(here), workers.into())
}

/// Of this user: `midge/calibration.toml` where programs keep their state.
pub(super) fn usual_file() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let state = state_folder(variable("XDG_STATE_HOME"), variable("HOME"))?;
    Some(state.join("midge").join(FILE))
}

/// As the XDG Base Directory Specification has it: a path that is not absolute does not count.
fn state_folder(named: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let usual = |home: PathBuf| home.join(".local/state");
    named
        .filter(absolute)
        .or_else(|| home.filter(absolute).map(usual))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_kept_where_the_specification_says() {
        let of = |named: &str, home: &str| {
            let path = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
            let folder = state_folder(path(named), path(home));
            folder.map(|folder| folder.display().to_string())
        };
        assert_eq!(of("/state", "/mine").as_deref(), Some("/state"));
        assert_eq!(of("", "/mine").as_deref(), Some("/mine/.local/state"));
        assert_eq!(of("state", "/mine").as_deref(), Some("/mine/.local/state"));
        assert_eq!(of("", ""), None);
    }
}
