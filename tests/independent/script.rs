//! A Python script of this folder, spoken to in lines of JSON.
//!
//! It never outlives its test, and every answer has a deadline. Not here: what a script understands.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

/// Longer than a script waits for anything.
const PATIENCE: Duration = Duration::from_mins(1);

const HOW: &str = "these tests need a Python with paho-mqtt; tests/run makes one, and so does:\n    \
     python3 -m venv target/venv && target/venv/bin/python -m pip install --require-hashes \
     --only-binary :all: --requirement tests/independent/requirements.txt";

/// A script that runs.
#[derive(Debug)]
pub struct Script {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

impl Script {
    /// Starts `tests/independent/NAME` with these arguments.
    pub fn start<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent");
        let mut child = Command::new(python())
            .arg(folder.join(name))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{error}: {HOW}"));
        let output = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let mut errors = child.stderr.take().expect("stderr is a pipe");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            text
        });
        Self {
            input: child.stdin.take(),
            child,
            lines,
            errors: Some(errors),
        }
    }

    /// Waits until it says that it is ready.
    #[track_caller]
    pub fn await_ready(&mut self) {
        assert_eq!(self.hear()["ready"], true);
    }

    /// Tells it a step; its answer.
    #[track_caller]
    pub fn ask(&mut self, step: &Value) -> Value {
        let input = self.input.as_mut().expect("it was not ended");
        // What is wrong with one that has ended is seen when it is heard.
        let _ = writeln!(input, "{step}");
        self.hear()
    }

    /// Ends its input; its last words.
    #[track_caller]
    pub fn end(mut self) -> Value {
        self.input = None;
        self.hear()
    }

    #[track_caller]
    fn hear(&mut self) -> Value {
        let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
            let _ = self.child.kill();
            let said = self.errors.take().map(JoinHandle::join);
            let said = said.and_then(Result::ok).unwrap_or_default();
            let hint = if said.contains("ModuleNotFoundError") {
                HOW
            } else {
                ""
            };
            panic!("the script did not answer; it said:\n{said}{hint}");
        };
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Python that has paho-mqtt: the one that `tests/run` names, or the one that it has made.
fn python() -> PathBuf {
    if let Some(named) = std::env::var_os("MIDGE_PYTHON") {
        return named.into();
    }
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python");
    assert!(made.is_file(), "{HOW}");
    made
}
