//! Orders carried out for real: `midge run` as a process of its own, its simulated tenant as another,
//! sockets between them, and the result as users get it.
//!
//! Not here: what is ordered, and what should come of it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::observed::Observed;
use super::order::{Hold, Order};
use super::runner::{Broken, Runner, Terms};
use crate::measure::{Bucket, Entry};
use crate::report::{Exit, RunResult};
use crate::tenant;

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
    runs: AtomicU32,
}

impl Sockets {
    /// With this program; `sets` change the profile of every run, `stopped` ends everything.
    pub fn new(program: PathBuf, sets: Vec<String>, stopped: Arc<AtomicBool>) -> Self {
        let runs = AtomicU32::new(0);
        Self {
            program,
            sets,
            stopped,
            runs,
        }
    }

    fn spawn(&self, order: &Order, folder: &Path) -> std::io::Result<Child> {
        let order = if order.instants {
            &order.clone().tenant("arrivals", "arrivals")
        } else {
            order
        };
        fs::write(folder.join("selftest.toml"), order.profile())?;
        let mut command = Command::new(&self.program);
        command
            .args(["run", "./selftest.toml", "--json", "--out", "out"])
            .current_dir(folder)
            // Where nobody has kept a calibration of this machine.
            .env("XDG_STATE_HOME", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if order.instants {
            command.args(["--raw-log", "log.npy"]);
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
            sent: 0.02,
            received: 0.05,
        }
    }

    fn run(&self, order: &Order) -> Result<Observed, Broken> {
        if self.is_stopped() {
            return Err(Broken::Stopped);
        }
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let folder = Folder::make(number).map_err(failed("no folder for a run"))?;
        let child = self
            .spawn(order, &folder.0)
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
        read(order, &folder.0, process.result(ended)?, held)
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

fn failed<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> Broken {
    move |error| Broken::Failed(format!("{what}: {error}"))
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

/// A folder of its own, gone with this value.
struct Folder(PathBuf);

impl Folder {
    fn make(number: u32) -> std::io::Result<Self> {
        let name = format!("midge-selftest-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Reads the files of a run.
fn read(
    order: &Order,
    folder: &Path,
    result: RunResult,
    held: Option<Duration>,
) -> Result<Observed, Broken> {
    let text = |name: &str| {
        fs::read_to_string(folder.join("out").join(name)).map_err(failed("a run has left no files"))
    };
    let bytes = |name: &str| {
        let read = fs::read(folder.join(name));
        read.map_err(failed("a run has left no instants"))
    };
    let (log, received) = if order.instants {
        let log = Entry::read(&bytes("log.npy")?).map_err(Broken::Failed)?;
        let received = tenant::arrivals(&bytes("arrivals")?);
        let cut_off = || Broken::Failed("the tenant's instants break off".to_owned());
        (log, received.ok_or_else(cut_off)?)
    } else {
        (Vec::new(), Vec::new())
    };
    Ok(Observed {
        response: buckets(&text("histogram.csv")?),
        in_flight: in_flight(&text("intervals.csv")?),
        result,
        log,
        received,
        held,
    })
}

/// Cells of the rows of a table that begin with these; none needs quotes.
fn rows<'a>(
    table: &'a str,
    wanted: impl Fn(&[&str]) -> bool + 'a,
) -> impl Iterator<Item = Vec<&'a str>> {
    let rows = table.lines().skip(1);
    rows.map(|row| row.split(',').collect::<Vec<_>>())
        .filter(move |row| wanted(row))
}

/// Of the response time, from `histogram.csv`.
fn buckets(table: &str) -> Vec<Bucket> {
    let ns = |us: &str| (us.parse::<f64>().unwrap_or(0.0) * 1e3).round() as u64;
    rows(table, |row| {
        row.starts_with(&[Order::REQUEST, "response_time"])
    })
    .filter_map(|row| {
        Some(Bucket {
            from_ns: ns(row.get(2)?),
            to_ns: ns(row.get(3)?),
            count: row.get(4)?.parse().ok()?,
        })
    })
    .collect()
}

/// At the end of each second of the measure phase, from `intervals.csv`.
fn in_flight(table: &str) -> Vec<u64> {
    const PHASE: usize = 1;
    const IN_FLIGHT: usize = 10;
    rows(table, |row| row.get(PHASE) == Some(&"measure"))
        .filter_map(|row| row.get(IN_FLIGHT)?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_a_run_are_read() {
        let histogram = "request,metric,from_us,to_us,count\nprobe,response_time,1.024,1.088,3\n\
                         probe,service_time,1,2,4\ntotal,response_time,1.024,1.088,3\n";
        let bucket = Bucket {
            from_ns: 1_024,
            to_ns: 1_088,
            count: 3,
        };
        assert_eq!(buckets(histogram), [bucket]);
        let intervals = "second,phase,request,planned,sent,ok,error,timeout,failed,dropped,in_flight\n\
                         0,warm-up,probe,1,1,1,0,0,0,0,7\n1,measure,probe,1,1,1,0,0,0,0,8\n";
        assert_eq!(in_flight(intervals), [8]);
    }
}
