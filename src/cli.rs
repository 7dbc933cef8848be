//! The command line: what can be asked, and who does it.
//!
//! One file per command. Data goes to stdout, words go to stderr. Not here: exiting (a command
//! returns its code) and anything that another program might want to call.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the one module that speaks to people"
)]

mod attach;
mod calibrate;
mod calibration;
mod check;
mod compare;
mod environment;
mod frames;
mod kernel_timestamps;
mod limits;
mod prepare;
mod profiles;
mod progress;
mod raw_log;
mod report;
mod round;
mod run;
mod selftest;
mod signals;
mod simulated;
mod sink;
mod size;
mod sources;
mod target;
mod tenant;
mod tls;
mod websocket;
mod witness;

use std::io::{IsTerminal, Write as _};

use clap::{Args, Parser, Subcommand};

use crate::profile::{Colour, ProfileError};
use crate::report::Exit;

/// Load-tests an IoT tenant over MQTT, and says when its own numbers must not be believed.
///
/// Without a command: `midge run kaa-fleet`, which takes about ten seconds, needs no network and runs
/// against a simulated tenant.
#[derive(Debug, Parser)]
#[command(name = "midge", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "made once")]
enum Command {
    /// Runs a profile and reports
    Run(run::RunArgs),
    /// Validates a profile and shows what it would do; sends nothing
    Check(check::CheckArgs),
    /// The simulated tenant alone
    Tenant(tenant::TenantArgs),
    /// Renders the report of a stored run again
    Report(report::ReportArgs),
    /// Compares two stored runs: is the second one worse?
    Compare(compare::CompareArgs),
    /// Tests this program against what is known beforehand; takes about eight minutes
    Selftest(selftest::SelftestArgs),
    /// Finds out what this machine can do, for later runs to quote; takes about a minute
    Calibrate(calibrate::CalibrateArgs),
    /// The null broker that calibrate measures against; ends when its standard input is closed
    #[command(hide = true)]
    Sink,
    /// Lists the shipped profiles; shows one, or every key that a profile may have
    Profiles(profiles::ProfilesArgs),
}

/// Which profile, with what changed.
#[derive(Debug, Args)]
struct ProfileArgs {
    /// A shipped profile (see `midge profiles`), or a path: with a slash, or ending in .toml
    #[arg(default_value = "kaa-fleet", value_name = "PROFILE")]
    profile: String,
    /// Where to send to. Without it: where the profile says, or else the simulated tenant
    #[arg(long, value_name = "mqtt://HOST[:PORT]")]
    target: Option<String>,
    /// Changes one key of the profile, as often as needed: --set fleet.endpoints=5000
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Seed of schedule and generated values
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl ProfileArgs {
    /// All overrides as `--set` takes them.
    fn all_sets(&self) -> Vec<String> {
        let mut sets = self.sets.clone();
        sets.extend(self.target.iter().map(|url| format!("target.url={url}")));
        sets.extend(self.seed.iter().map(|seed| format!("load.seed={seed}")));
        sets
    }
}

/// Does what the command line asks; the exit code of the process.
pub fn main() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are what was asked for; anything else is a mistake in the arguments.
            let asked = !error.use_stderr();
            let _ = error.print();
            return if asked { 0 } else { Exit::Usage.code() };
        }
    };
    let command = cli
        .command
        .unwrap_or_else(|| Command::Run(run::RunArgs::default()));
    let result = match command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Tenant(args) => tenant::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Selftest(args) => selftest::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Sink => sink::run(),
        Command::Profiles(args) => profiles::run(&args),
    };
    match result {
        Ok(exit) => exit.code(),
        Err(failure) => {
            eprintln!("{}", failure.text);
            failure.exit.code()
        }
    }
}

/// Why a command did not get as far as a result.
#[derive(Debug)]
struct Failure {
    exit: Exit,
    /// Several lines, ready to be shown.
    text: String,
}

impl Failure {
    /// A mistake in the profile or the arguments.
    fn usage(text: impl AsRef<str>) -> Self {
        Self {
            exit: Exit::Usage,
            text: format!("error: {}", text.as_ref()),
        }
    }

    /// A defect of this program or of its surroundings.
    fn internal(text: impl AsRef<str>) -> Self {
        Self {
            exit: Exit::Internal,
            text: format!("error: {}", text.as_ref()),
        }
    }

    /// Mistakes in a profile, all of them.
    fn profile(errors: &[ProfileError]) -> Self {
        let colour = if std::io::stderr().is_terminal() {
            Colour::Always
        } else {
            Colour::Never
        };
        let texts: Vec<String> = errors.iter().map(|error| error.render(colour)).collect();
        let sum = match errors.len() {
            1 => "nothing was sent".to_owned(),
            count => format!("{count} mistakes; nothing was sent"),
        };
        Self {
            exit: Exit::Usage,
            text: format!("{}\n{sum}", texts.join("\n\n")),
        }
    }
}

/// Whether stdout is read by a person who has nothing against colour (no-color.org).
fn colour() -> crate::report::Colour {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if std::io::stdout().is_terminal() && !unwanted {
        crate::report::Colour::Always
    } else {
        crate::report::Colour::Never
    }
}

/// Writes data to stdout. A reader that has gone (`midge report … | head`) is no failure.
fn print_data(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::internal(
            format!("cannot write to stdout: {error}"),
        )),
        _ => Ok(()),
    }
}
