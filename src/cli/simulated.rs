//! The simulated tenant of a run: a child process, started, asked for its counts, never left behind.
//!
//! It is this program with `tenant`; it ends when its standard input is closed, so it cannot outlive
//! a parent that was killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Failure;

/// What the tenant says first; followed by its address.
pub(super) const LISTENING: &str = "listening on ";

/// How long it may take to end once it was told to: it waits for nobody, but may be held up.
const STOPS_WITHIN: Duration = Duration::from_secs(5);

/// A tenant that listens.
#[derive(Debug)]
pub(super) struct SimulatedTenant {
    child: Child,
    counts: JoinHandle<String>,
    words: JoinHandle<()>,
    pub address: SocketAddr,
}

impl SimulatedTenant {
    /// Starts it on a free port with these flags.
    pub(super) fn start(flags: &BTreeMap<String, String>) -> Result<Self, Failure> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::internal(format!("cannot find this program: {error}")))?;
        let mut command = Command::new(program);
        command.args(["tenant", "--listen", "127.0.0.1:0", "--until-stdin-closes"]);
        for (flag, value) in flags {
            command.arg(format!("--{flag}={value}"));
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let failed = |error: std::io::Error| {
            Failure::internal(format!("cannot start the simulated tenant: {error}"))
        };
        let mut child = command.spawn().map_err(failed)?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(Failure::internal("the simulated tenant has no output"));
        };
        let mut stderr = BufReader::new(stderr);
        let address = match address(&mut stderr) {
            Ok(address) => address,
            Err(said) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Failure::usage(format!(
                    "the simulated tenant did not start: {said}"
                )));
            }
        };
        let counts = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = BufReader::new(stdout).read_to_string(&mut text);
            text
        });
        let words = std::thread::spawn(move || forward(stderr));
        Ok(Self {
            child,
            counts,
            words,
            address,
        })
    }

    /// Ends it; its counts, unless it was killed.
    pub(super) fn stop(mut self) -> Option<serde_json::Value> {
        // End of file on its standard input is its sign to stop.
        drop(self.child.stdin.take());
        let deadline = Instant::now() + STOPS_WITHIN;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > deadline {
                eprintln!("the simulated tenant does not end and is killed: its counts are lost");
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.words.join();
        let text = self.counts.join().ok()?;
        serde_json::from_str(text.trim()).ok()
    }
}

/// The address, or everything that it said instead.
fn address(stderr: &mut BufReader<ChildStderr>) -> Result<SocketAddr, String> {
    let mut said = String::new();
    loop {
        let mut line = String::new();
        match stderr.read_line(&mut line) {
            Ok(0) | Err(_) => return Err(said.trim().trim_start_matches("error: ").to_owned()),
            Ok(_) => {}
        }
        if let Some(address) = line
            .trim()
            .strip_prefix(LISTENING)
            .and_then(|text| text.parse().ok())
        {
            return Ok(address);
        }
        said.push_str(&line);
    }
}

fn forward(stderr: BufReader<ChildStderr>) {
    for line in stderr.lines().map_while(Result::ok) {
        eprintln!("tenant: {line}");
    }
}
