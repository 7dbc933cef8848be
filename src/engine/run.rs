//! The coordinator: starts the workers, arms them together, collects.
//!
//! It runs on a thread of its own and speaks to the outside by values: `Progress` while it runs,
//! `Measured` at the end, a `Stopper` to end it early.

use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::approach::Approach;
use super::control::{Control, Order, Report};
use super::crew::{Contract, Crew, Job};
use super::failure::said;
use super::heartbeat::Heartbeat;
use super::lengths::Lengths;
use super::logger::{Logged, Logger};
use super::secure::Security;
use super::worker::Worker;
use crate::event::websocket::Request;
use crate::event::{Clock, Waiting};
use crate::measure::{Live, Logbook, Seconds, Shape, Tally};
use crate::plan::Plan;
use crate::profile::Profile;

/// What the engine needs besides the plan.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bounds and habits that the plan does not repeat.
    pub profile: Profile,
    /// Resolved addresses; endpoints are spread over them. Not empty.
    pub targets: Vec<SocketAddr>,
    /// The password itself.
    pub password: Option<Vec<u8>>,
    /// How connections come under TLS, if they do.
    pub tls: Option<Security>,
    /// What each target is asked for, in their order, so that a connection becomes a WebSocket; empty: none
    /// does.
    pub websocket: Vec<Request>,
    /// Different for every run: tells our request IDs from an earlier run's.
    pub nonce: u64,
    /// Threads; at least 1, at most one per connection is used.
    pub workers: usize,
    /// An empty file for a raw log of every message that is sent, if one is asked for.
    pub raw_log: Option<Arc<File>>,
    /// Of all workers, to each intended instant.
    pub approach: Approach,
    /// Share of the requests that ask the kernel when they left and when their replies came, 0 to 1.
    pub kernel_timestamps: f64,
}

/// What can be said while a run goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// Connections that are up.
    Connecting {
        /// Of `Plan`'s connections.
        up: u32,
    },
    /// The load begins.
    Loading,
    /// The last full second, counted from the beginning of the load.
    Second {
        /// Seconds since the load began.
        number: u64,
        /// Figures.
        live: Live,
    },
}

/// Everything that a run has yielded.
#[derive(Debug)]
pub struct Measured {
    /// All workers together.
    pub tally: Tally,
    /// Per second and request, and of the machine.
    pub seconds: Seconds,
    /// How long the phases were.
    pub lengths: Lengths,
    /// Connections that the run had to make (callers included).
    pub connections_planned: u64,
    /// Of these, those that were up at least once.
    pub connections_made: u64,
    /// Longest time for which the process was kept from running, beyond what it asked for.
    pub hiccup: Duration,
    /// Messages of workers that panicked; their figures are missing.
    pub panics: Vec<String>,
    /// Threads that were used.
    pub workers: usize,
    /// What has become of the raw log, if one was asked for.
    pub logged: Option<Logged>,
    /// How they waited; where they differ, the worst way. `None` if none came to its end.
    pub waiting: Option<Waiting>,
}

/// Ends a run early. The first call ends the load and drains, the second one ends the drain.
#[derive(Debug, Clone)]
pub struct Stopper(Arc<Control>);

impl Stopper {
    /// No new requests; waits for what is in flight.
    pub fn stop(&self) {
        self.0.give(Order::Drain);
    }

    /// Ends at once.
    pub fn abort(&self) {
        self.0.give(Order::Abort);
    }
}

/// A run that goes on.
#[derive(Debug)]
pub struct Run {
    /// Comes to an end when the run does.
    pub progress: Receiver<Progress>,
    control: Arc<Control>,
    thread: JoinHandle<std::io::Result<Measured>>,
}

impl Run {
    /// What ends it early.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.control.clone())
    }

    /// When the load begins, ns of the run's clock; `None` until that is fixed, shortly before.
    pub fn load_start(&self) -> Option<u64> {
        Some(self.control.load_start()).filter(|start| *start > 0)
    }

    /// Whether it is over.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// Threads or pollers could not be made.
    pub fn finish(self) -> std::io::Result<Measured> {
        let broken = || std::io::Error::other("the coordinator panicked");
        self.thread.join().map_err(|_| broken())?
    }
}

/// Starts a run.
///
/// # Errors
/// No thread could be made.
pub fn start(
    plan: Arc<Plan>,
    shape: Arc<Shape>,
    settings: Settings,
    clock: Clock,
) -> std::io::Result<Run> {
    let control = Arc::new(Control::new());
    let (to_outside, progress) = channel();
    let job = Job {
        plan,
        shape,
        settings: Arc::new(settings),
        clock,
        control: control.clone(),
    };
    let coordinator = Coordinator { job, to_outside };
    let thread = std::thread::Builder::new()
        .name("coordinator".into())
        .spawn(move || coordinator.run())?;
    Ok(Run {
        progress,
        control,
        thread,
    })
}

struct Coordinator {
    job: Job,
    to_outside: Sender<Progress>,
}

impl Coordinator {
    fn run(self) -> std::io::Result<Measured> {
        let heartbeat = Heartbeat::start(self.job.clock, self.job.control.clone())?;
        let begun = self.job.clock.now();
        let (mut crew, contracts) = self.job.crew();
        let raw_log = self.job.settings.raw_log.clone();
        let (logger, logbooks) = Logger::start(raw_log, contracts.len(), self.job.clock)?;
        let threads = hire(contracts, logbooks)?;
        let load_start = self.connect(&mut crew, &threads);
        self.collect(&mut crew, &threads);
        let stopped_at = self.job.clock.now();
        let panics = threads
            .into_iter()
            .filter_map(|thread| thread.join().err())
            .map(said)
            .collect();
        let mut measured = self.job.measured(crew, begun, load_start, stopped_at);
        measured.hiccup = heartbeat.stop(&mut measured.seconds);
        Ok(Measured {
            panics,
            logged: logger.map(|logger| logger.finish(load_start)),
            ..measured
        })
    }

    /// Waits until every connection was tried, then begins the load. `None`: it never began.
    fn connect(&self, crew: &mut Crew, threads: &[JoinHandle<()>]) -> Option<u64> {
        let control = &self.job.control;
        while !crew.has_settled() {
            if control.order() >= Order::Drain || are_gone(threads) {
                control.give(Order::Drain);
                return None;
            }
            if let Ok(report) = crew.reports.recv_timeout(Duration::from_millis(50)) {
                crew.take(report);
            } else {
                let up = control.up();
                let _ = self.to_outside.send(Progress::Connecting { up });
            }
        }
        let load_start = self.job.arm(crew, self.job.clock.now())?;
        let _ = self.to_outside.send(Progress::Loading);
        Some(load_start)
    }

    fn collect(&self, crew: &mut Crew, threads: &[JoinHandle<()>]) {
        // The first one ends where the load begins.
        let mut number = 0;
        while !crew.has_ended() && !are_gone(threads) {
            match crew.reports.recv_timeout(Duration::from_millis(100)) {
                Ok(report) => {
                    let second = matches!(report, Report::Second { worker: 0, .. });
                    crew.take(report);
                    if let (true, Some(live)) = (second, crew.live()) {
                        if number > 0 {
                            let _ = self.to_outside.send(Progress::Second { number, live });
                        }
                        number += 1;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        while let Ok(report) = crew.reports.try_recv() {
            crew.take(report);
        }
    }
}

/// A thread for each worker.
fn hire(
    contracts: Vec<Contract>,
    mut logbooks: Vec<Logbook>,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let hire_one = |(assignment, spare): Contract| {
        let logbook = logbooks.pop();
        let name = format!("worker-{}", assignment.index);
        std::thread::Builder::new().name(name).spawn(move || {
            match Worker::new(&assignment, spare) {
                Ok(worker) => worker.noting(logbook).run(),
                Err(error) => panic!("a worker cannot begin: {error}"),
            }
        })
    };
    contracts.into_iter().map(hire_one).collect()
}

/// Whether every thread has ended (one that panicked reports nothing).
fn are_gone(threads: &[JoinHandle<()>]) -> bool {
    threads.iter().all(JoinHandle::is_finished)
}
