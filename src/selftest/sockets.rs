//! Orders carried out for real: `midge run` as a process of its own, its simulated tenant as another,
//! sockets between them, and the result as users get it.
//!
//! Not here: what is ordered, and what should come of it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::folder::{ARRIVALS, Folder, LOG, OUT};
use super::observed::Observed;
use super::order::{Hold, Machine, Order};
use super::runner::{Broken, Runner, Terms, failed};
use crate::report::{Exit, RunResult};

/// What a run says when its load begins.
const LOAD: &str = "connected; load for";
/// How often it is looked whether a run is over, or to be.
const TICK: Duration = Duration::from_millis(20);

/// Runs processes.
#[derive(Debug)]
pub struct Sockets {
    program: PathBuf,
    sets: Vec<String>,
    stopped: Arc<AtomicBool>,
}

impl Sockets {
    /// With this program; `sets` change the profile of every run, `stopped` ends everything.
    pub fn new(program: PathBuf, sets: Vec<String>, stopped: Arc<AtomicBool>) -> Self {
        Self {
            program,
            sets,
            stopped,
        }
    }

    fn spawn(&self, order: &Order, folder: &Path) -> std::io::Result<Child> {
        let order = if order.instants {
            &order.clone().tenant("arrivals", ARRIVALS)
        } else {
            order
        };
        fs::write(folder.join(Order::FILE), order.profile())?;
        let mut command = Command::new(&self.program);
        command
            .args(["run", Order::FILE, "--json", "--out", OUT])
            .current_dir(folder)
            // Where nobody has kept a calibration of this machine.
            .env("XDG_STATE_HOME", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if order.instants {
            command.args(["--raw-log", LOG]);
        }
        for set in &self.sets {
            command.args(["--set", set]);
        }
        if order.spin {
            command.arg("--spin");
        }
        command.spawn()
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Waits for as long, unless everything is to end.
    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.is_stopped() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(TICK));
        }
    }
}

impl Runner for Sockets {
    fn terms(&self) -> Terms {
        Terms {
            longer: 1,
            // What a round trip takes, and in the tail as much as a run may be late and still be VALID.
            middle_ms: 0.4,
            tail_ms: 2.0,
            // A read and a write on both sides.
            turn_ms: 0.01,
            pause_ms: 50.0,
            sent: 0.02,
            received: 0.05,
            attempts: 4,
            obedient: false,
        }
    }

    fn run(&self, order: &Order) -> Result<Observed, Broken> {
        if self.is_stopped() {
            return Err(Broken::Stopped);
        }
        if order.machine != Machine::default() {
            let why = "a run on sockets cannot tell the machine how long a write takes or what time it is";
            return Err(Broken::Failed(why.to_owned()));
        }
        let folder = Folder::make()?;
        let child = self
            .spawn(order, folder.path())
            .map_err(failed("the program cannot be started"))?;
        let mut process = Process::of(child);
        let held = match order.held {
            Some(hold) => Some(self.hold(&mut process, hold)?),
            None => None,
        };
        let ended = loop {
            if let Some(status) = process.ended()? {
                break status;
            }
            if self.is_stopped() {
                return Err(Broken::Stopped);
            }
            std::thread::sleep(TICK);
        };
        folder.read(order, process.result(ended)?, held)
    }

    fn rest(&self, attempts: u32) {
        self.pause(Duration::from_secs(attempts.into()));
    }
}

impl Sockets {
    /// Keeps a run from running, as its order says. The longest time for which it was kept.
    fn hold(&self, process: &mut Process, hold: Hold) -> Result<Duration, Broken> {
        self.await_load(process)?;
        self.pause(hold.after);
        let mut longest = Duration::ZERO;
        for _ in 0..hold.times {
            if process.ended()?.is_some() {
                break;
            }
            process.signal(Signal::STOP)?;
            let begun = Instant::now();
            std::thread::sleep(hold.length);
            process.signal(Signal::CONT)?;
            longest = longest.max(begun.elapsed());
            std::thread::sleep(hold.pause);
        }
        Ok(longest)
    }

    fn await_load(&self, process: &mut Process) -> Result<(), Broken> {
        loop {
            match process.words.recv_timeout(TICK) {
                Ok(line) if line.contains(LOAD) => return Ok(()),
                Ok(line) => process.said.push_str(&(line + "\n")),
                Err(RecvTimeoutError::Timeout) if self.is_stopped() => return Err(Broken::Stopped),
                Err(RecvTimeoutError::Timeout) => {}
                // It has ended; its exit says why.
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }
}

/// A run while it goes on; it does not outlive this value.
struct Process {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    words: Receiver<String>,
    said: String,
}

impl Process {
    fn of(mut child: Child) -> Self {
        let (to_here, words) = channel();
        if let Some(stderr) = child.stderr.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    // Nobody may wait for it; the pipe must be emptied all the same.
                    let _ = to_here.send(line);
                }
            });
        }
        let stdout = child.stdout.take().map(|mut stdout| {
            std::thread::spawn(move || {
                let mut text = String::new();
                let _ = stdout.read_to_string(&mut text);
                text
            })
        });
        Self {
            child,
            stdout,
            words,
            said: String::new(),
        }
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, Broken> {
        self.child.try_wait().map_err(failed("a run was lost"))
    }

    fn signal(&self, signal: Signal) -> Result<(), Broken> {
        kill_process(Pid::from_child(&self.child), signal)
            .map_err(failed("a run cannot be stopped"))
    }

    /// What a run that has ended has yielded.
    fn result(&mut self, status: ExitStatus) -> Result<RunResult, Broken> {
        let text = self.stdout.take().and_then(|reader| reader.join().ok());
        let expected = [Exit::Passed, Exit::Invalid, Exit::Threshold];
        let code = status.code().unwrap_or(-1);
        if !expected.iter().any(|exit| i32::from(exit.code()) == code) {
            self.said.extend(self.words.iter().map(|line| line + "\n"));
            let said = self.said.trim();
            return Err(Broken::Failed(format!("a run ended with {status}: {said}")));
        }
        serde_json::from_str(&text.unwrap_or_default()).map_err(failed("a run has no result"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // No effect on one that has ended; its tenant ends with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_does_as_it_is_told_is_refused_before_anything_is_started() {
        let runner = Sockets::new(PathBuf::from("/nowhere"), Vec::new(), Arc::default());
        assert!(!runner.terms().obedient);
        let machine = Machine {
            write: Duration::from_micros(1),
            ..Machine::default()
        };
        for (machine, said) in [
            (machine, "cannot tell the machine"),
            (Machine::default(), "cannot be started"),
        ] {
            let order = Order {
                machine,
                ..Order::default()
            };
            match runner.run(&order) {
                Err(Broken::Failed(why)) => assert!(why.contains(said), "{why}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
