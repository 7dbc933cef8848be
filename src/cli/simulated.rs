//! The simulated tenant of a run: a child process, started, asked for its counts, never left behind.
//!
//! It is this program with `tenant`; it ends when its standard input is closed, so it cannot outlive
//! a parent that was killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Failure;
use crate::profile::Loaded;

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
    /// Starts it on a free port, with the flags and the definitions of this profile; `name` is what
    /// the user called the profile.
    pub(super) fn start(name: &str, loaded: &Loaded) -> Result<Self, Failure> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::internal(format!("cannot find this program: {error}")))?;
        let mut command = Command::new(program);
        command.args(["tenant", "--listen", "127.0.0.1:0", "--until-stdin-closes"]);
        command.arg(format!("--profile-on-stdin={name}"));
        for (flag, value) in &loaded.profile.tenant {
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
        // A tenant that ends at once says why, and nobody reads this.
        if let Some(stdin) = &mut child.stdin {
            let _ = hand_over(stdin, &loaded.source_text);
        }
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
        let words = std::thread::spawn(move || forward("tenant", stderr));
        Ok(Self {
            child,
            counts,
            words,
            address,
        })
    }

    /// Its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
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

/// No effective profile is longer: it is made of files of 1 MiB, and each definition may be used
/// many times.
const PROFILE_MAX: u64 = 256 << 20;

/// Tells the tenant which profile runs.
fn hand_over(mut stdin: impl Write, text: &str) -> std::io::Result<()> {
    write!(stdin, "{}\n{text}", text.len())?;
    stdin.flush()
}

/// What [`hand_over`] wrote; leaves everything behind it unread.
pub(super) fn profile_from(mut stdin: impl BufRead) -> std::io::Result<String> {
    const DIGITS_MAX: u64 = 20;
    let wrong = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what);
    let mut line = String::new();
    (&mut stdin).take(DIGITS_MAX).read_line(&mut line)?;
    let length = line.strip_suffix('\n').and_then(|line| line.parse().ok());
    let length: u64 = length.ok_or_else(|| wrong("the first line is no length"))?;
    if length > PROFILE_MAX {
        return Err(wrong("it is too long"));
    }
    let mut text = String::new();
    stdin.take(length).read_to_string(&mut text)?;
    if text.len() as u64 != length {
        return Err(wrong("it breaks off"));
    }
    Ok(text)
}

/// The address where a process listens, or everything that it said instead.
pub(super) fn address(stderr: &mut BufReader<ChildStderr>) -> Result<SocketAddr, String> {
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

/// Hands its words on, under its name.
pub(super) fn forward(name: &str, stderr: BufReader<ChildStderr>) {
    for line in stderr.lines().map_while(Result::ok) {
        eprintln!("{name}: {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_handed_over_whole_and_nothing_behind_it_is_read() {
        let text = "name = \"\u{fc}\"\n";
        let mut written = Vec::new();
        hand_over(&mut written, text).unwrap();
        written.extend_from_slice(b"more");
        let mut stdin = written.as_slice();
        assert_eq!(profile_from(&mut stdin).unwrap(), text);
        assert_eq!(stdin, b"more");
    }

    #[test]
    fn what_was_not_handed_over_is_an_error() {
        for wrong in [
            "",
            "5",
            "5\nabc",
            "x\nabc",
            "-1\n",
            "99999999999999999\na",
            "123456789012345678901234567890\n",
        ] {
            assert!(profile_from(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }
}
