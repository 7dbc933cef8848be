//! A child process with a deadline, which never outlives the test that started it.
//!
//! Not here: which program, and what its output means.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// No child may live longer; generous, because a slow machine must not fail a test.
const DEADLINE: Duration = Duration::from_mins(2);
const TICK: Duration = Duration::from_millis(5);

/// A child that runs, or has run.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// For messages.
    name: String,
    deadline: Instant,
    stdout: Output,
    stderr: Output,
}

/// What a child has left behind.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Ended {
    /// Exit code, or minus the number of the signal that ended it.
    pub fn code(&self) -> i32 {
        let signal = self.status.signal().map(|signal| -signal);
        self.status.code().or(signal).expect("it has ended")
    }
}

impl Process {
    /// Starts it with nothing on its standard input.
    pub fn start(mut command: Command) -> Self {
        let name = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let stdout = Output::of(child.stdout.take().expect("stdout is a pipe"));
        let stderr = Output::of(child.stderr.take().expect("stderr is a pipe"));
        Self {
            child,
            name,
            deadline: Instant::now() + DEADLINE,
            stdout,
            stderr,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let sent = kill_process(Pid::from_child(&self.child), signal);
        sent.unwrap_or_else(|error| panic!("cannot signal {}: {error}", self.name));
    }

    /// What it has said so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until its stderr contains this.
    pub fn await_words(&mut self, words: &str) {
        while !self.stderr.text().contains(words) {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                // The last words may still be in the pipe.
                self.stderr.finish();
                let said = self.stderr.text();
                assert!(
                    said.contains(words),
                    "{} ended ({status}) and never said {words:?}:\n{said}",
                    self.name
                );
                return;
            }
            self.tick(words);
        }
    }

    /// Waits until something outside is so, which must come while it runs.
    pub fn await_until(&mut self, awaited: &str, mut is_so: impl FnMut() -> bool) {
        while !is_so() {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                let [out, err] = [&self.stdout, &self.stderr].map(Output::text);
                panic!(
                    "{} ended ({status}) before {awaited:?}:\n{out}\n{err}",
                    self.name
                );
            }
            self.tick(awaited);
        }
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Ended {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                break status;
            }
            self.tick("end");
        };
        Ended {
            status,
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
        }
    }

    /// A short pause; kills the child and fails at its deadline.
    fn tick(&mut self, awaited: &str) {
        if Instant::now() > self.deadline {
            let _ = self.child.kill();
            let said = self.stderr.text();
            panic!(
                "{} did not come to {awaited:?} within {DEADLINE:?}; it said:\n{said}",
                self.name
            );
        }
        std::thread::sleep(TICK);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // No effect on one that has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One output of a child, read by a thread so that the child never waits for its reader.
#[derive(Debug)]
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Output {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = bytes.clone();
        let reader = std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut some) {
                kept.lock()
                    .expect("nobody panics here")
                    .extend_from_slice(&some[..count]);
            }
        });
        Self {
            bytes,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().expect("nobody panics here")).into_owned()
    }

    /// Everything, once nobody holds the pipe any more.
    fn finish(&mut self) -> Vec<u8> {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("a reader only reads");
        }
        self.bytes.lock().expect("nobody panics here").clone()
    }
}
