//! A simulated tenant that a test starts itself: `midge tenant` on a free port.

use std::ffi::OsStr;
use std::process::Command;

use serde_json::Value;

use super::midge::PROGRAM;
use rustix::process::Signal;

use super::process::Process;

/// A tenant that listens.
#[derive(Debug)]
pub struct Tenant {
    pub process: Process,
    /// `mqtt://127.0.0.1:PORT`
    pub url: String,
}

impl Tenant {
    /// Starts it with these flags.
    pub fn start<A: AsRef<OsStr>>(flags: impl IntoIterator<Item = A>) -> Self {
        const LISTENING: &str = "listening on ";
        let mut command = Command::new(PROGRAM);
        command
            .args(["tenant", "--listen", "127.0.0.1:0"])
            .args(flags);
        let mut process = Process::start(command);
        process.await_words(LISTENING);
        // The line may come in pieces.
        process.await_words("\n");
        let said = process.stderr();
        let line = said.lines().find(|line| line.starts_with(LISTENING));
        let address = line.expect("it was awaited").trim_start_matches(LISTENING);
        Self {
            url: format!("mqtt://{address}"),
            process,
        }
    }

    /// Ends it; what it has counted.
    pub fn stop(self) -> Value {
        self.process.signal(Signal::TERM);
        let ended = self.process.finish();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.code(), 0, "{said}");
        serde_json::from_slice(&ended.stdout).expect("one JSON line")
    }
}
