//! The program under test, as a sentence: `Midge::run("kaa-fleet").brief().set(..).go()`.
//!
//! Each has a fresh working directory. Not here: what it answers (see `outcome`).

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::outcome::Outcome;
use super::process::Process;

/// Path of the program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_midge");

/// Whether the program's file has these words in it.
#[track_caller]
pub fn program_contains(words: &str) -> bool {
    let program = std::fs::read(PROGRAM).expect("it was built for this test");
    program
        .windows(words.len())
        .any(|window| window == words.as_bytes())
}

/// One call of the program.
#[derive(Debug)]
pub struct Midge {
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    /// Of the shell, before the program takes its place.
    before: Option<String>,
    /// Working directory.
    home: TempDir,
    /// Folder of results, if it is a run.
    folder: Option<PathBuf>,
}

impl Midge {
    /// Any command line.
    pub fn call<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        // Nobody's calibration of this machine is to decide what tests see.
        let state = ("XDG_STATE_HOME".into(), home.path().join("state").into());
        Self {
            arguments: arguments
                .into_iter()
                .map(|argument| argument.as_ref().to_owned())
                .collect(),
            environment: vec![state],
            before: None,
            home,
            folder: None,
        }
    }

    /// `midge run PROFILE --out FOLDER`
    pub fn run(profile: impl AsRef<OsStr>) -> Self {
        let midge = Self::call([OsStr::new("run"), profile.as_ref()]);
        let folder = midge.home.path().join("out");
        midge.out(folder)
    }

    /// `midge run` of telemetry and metadata alone, which are all answered: for tests of what does not
    /// depend on the profile.
    pub fn small() -> Self {
        Self::run(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/support/small-fleet.toml"
        ))
    }

    /// A run of fifty endpoints that is measured for a second.
    #[must_use]
    pub fn brief(self) -> Self {
        self.set("fleet.endpoints", "50")
            .set("load.warm_up", "200ms")
            .set("load.measure", "1s")
    }

    /// Few enough requests that the verdict asks little of the machine.
    #[must_use]
    pub fn gentle(self) -> Self {
        self.set("load.arrival_rate", "60/s")
    }

    #[must_use]
    pub fn set(self, key: &str, value: &str) -> Self {
        self.argument("--set").argument(format!("{key}={value}"))
    }

    #[must_use]
    pub fn target(self, url: &str) -> Self {
        self.argument("--target").argument(url)
    }

    #[must_use]
    pub fn workers(self, count: usize) -> Self {
        self.argument("--workers").argument(count.to_string())
    }

    /// The folder of results, instead of one that is made up.
    #[must_use]
    pub fn out(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    #[must_use]
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs under a shell that does this first: `ulimit -Hn 256`.
    #[must_use]
    pub fn after(mut self, shell: &str) -> Self {
        self.before = Some(shell.to_owned());
        self
    }

    /// A file in its working directory.
    #[must_use]
    pub fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.home.path().join(name), text).expect("a file in a new folder");
        self
    }

    /// Folder of results, if it is a run.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Its working directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs it to its end.
    pub fn go(self) -> Outcome {
        self.spawn().finish()
    }

    /// Runs it to its end, again if the instrument says that this machine was too busy to believe it.
    /// For expectations of the verdict; with few requests even a busy machine is good enough.
    pub fn go_undisturbed(self) -> Outcome {
        const ATTEMPTS: usize = 6;
        let mut outcome = self.go();
        for _ in 1..ATTEMPTS {
            if !outcome.is_disturbed() {
                break;
            }
            outcome = outcome.again().go();
        }
        outcome
    }

    /// Starts it.
    pub fn spawn(self) -> Running {
        let mut command = match &self.before {
            None => Command::new(PROGRAM),
            Some(before) => {
                let mut shell = Command::new("sh");
                shell
                    .arg("-c")
                    .arg(format!("{before} && exec \"$0\" \"$@\""))
                    .arg(PROGRAM);
                shell
            }
        };
        command.args(&self.arguments).current_dir(self.home.path());
        if let Some(folder) = &self.folder {
            command.arg("--out").arg(folder);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Running {
            process: Process::start(command),
            midge: self,
        }
    }
}

/// The program while it runs.
#[derive(Debug)]
pub struct Running {
    pub process: Process,
    midge: Midge,
}

impl Running {
    /// Waits until the load has begun.
    pub fn await_load(&mut self) {
        self.process.await_words("connected; load for");
    }

    /// Its folder of results.
    pub fn folder(&self) -> &Path {
        self.midge.folder().expect("it is a run")
    }

    /// Waits for its end.
    pub fn finish(self) -> Outcome {
        Outcome::of(&self.process.finish(), self.midge)
    }
}
