//! A far side as a child process: it says where it listens and ends when its standard input is closed.
//!
//! So it cannot outlive whoever started it. Shared by benchmarks and a test. Not here: what it answers.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};

/// What a far side says first on its standard error; followed by its address.
pub const LISTENING: &str = "listening on ";

/// A process that listens.
#[derive(Debug)]
pub struct Far {
    child: Child,
    words: BufReader<ChildStderr>,
    pub address: SocketAddr,
}

impl Far {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let mut words = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut line = String::new();
        words.read_line(&mut line).expect("it writes text");
        let address = line
            .trim()
            .strip_prefix(LISTENING)
            .and_then(|text| text.parse().ok());
        let Some(address) = address else {
            // It has ended or is about to: all that it says is the reason.
            let _ = words.read_to_string(&mut line);
            let _ = child.wait();
            panic!("the far side does not listen: {line}");
        };
        Self {
            child,
            words,
            address,
        }
    }

    /// The null broker.
    #[allow(dead_code, reason = "not every user of this file needs a sink")]
    pub fn sink() -> Self {
        Self::start(Command::new(env!("CARGO_BIN_EXE_midge")).arg("sink"))
    }

    /// The simulated tenant, with more flags.
    #[allow(dead_code, reason = "not every user of this file needs a tenant")]
    pub fn tenant(flags: impl IntoIterator<Item = String>) -> Self {
        Self::start(
            Command::new(env!("CARGO_BIN_EXE_midge"))
                .args(["tenant", "--listen", "127.0.0.1:0", "--until-stdin-closes"])
                .args(flags),
        )
    }
}

impl Drop for Far {
    #[allow(
        clippy::print_stderr,
        reason = "why a far side broke down is for whoever runs this"
    )]
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let mut said = String::new();
        let _ = self.words.read_to_string(&mut said);
        if !self.child.wait().is_ok_and(|status| status.success()) {
            eprintln!("the far side broke down: {said}");
        }
    }
}
