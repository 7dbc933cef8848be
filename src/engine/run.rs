//! The coordinator: starts the workers, arms them together, collects, merges.
//!
//! It runs on a thread of its own and speaks to the outside by values: `Progress` while it runs,
//! `Measured` at the end, a `Stopper` to end it early.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::approach::Approach;
use super::control::{Control, Order, Report, WorkerEnd};
use super::failure::said;
use super::heartbeat::Heartbeat;
use super::lengths::{Changes, Lengths};
use super::logger::{Logged, Logger};
use super::setup::Assignment;
use super::worker::Worker;
use crate::event::{Clock, Waiting};
use crate::measure::{Collector, Interval, Live, Seconds, Shape, Tally};
use crate::plan::{Plan, Shard};
use crate::profile::Profile;

/// Between the order to begin and the beginning, so that every worker has heard it.
const ARM_AHEAD: u64 = 100_000_000;

/// What the engine needs besides the plan.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bounds and habits that the plan does not repeat.
    pub profile: Profile,
    /// Resolved addresses; endpoints are spread over them. Not empty.
    pub targets: Vec<SocketAddr>,
    /// The password itself.
    pub password: Option<Vec<u8>>,
    /// Different for every run: tells our request IDs from an earlier run's.
    pub nonce: u64,
    /// Threads; at least 1, at most one per connection is used.
    pub workers: usize,
    /// An empty file for a raw log of every message that is sent, if one is asked for.
    pub raw_log: Option<Arc<File>>,
    /// Of all workers, to each intended instant.
    pub approach: Approach,
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
    let coordinator = Coordinator {
        plan,
        shape,
        settings: Arc::new(settings),
        clock,
        control: control.clone(),
        to_outside,
    };
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
    plan: Arc<Plan>,
    shape: Arc<Shape>,
    settings: Arc<Settings>,
    clock: Clock,
    control: Arc<Control>,
    to_outside: Sender<Progress>,
}

/// The workers' side as the coordinator sees it.
struct Crew {
    threads: Vec<JoinHandle<()>>,
    reports: Receiver<Report>,
    spares: Vec<Sender<Box<Interval>>>,
    ends: BTreeMap<usize, Box<WorkerEnd>>,
    collector: Collector,
    logger: Option<Logger>,
}

impl Coordinator {
    fn run(self) -> std::io::Result<Measured> {
        let heartbeat = Heartbeat::start(self.clock, self.control.clone())?;
        let begun = self.clock.now();
        let mut crew = self.hire()?;
        let load_start = self.connect(&mut crew);
        self.collect(&mut crew);
        let stopped_at = self.clock.now();
        let Crew {
            threads,
            ends,
            collector,
            logger,
            ..
        } = crew;
        let workers = threads.len();
        let size = self.plan.arithmetic(workers as u32);
        let panics = threads
            .into_iter()
            .filter_map(|thread| thread.join().err())
            .map(said)
            .collect();
        let mut seconds = collector.finish();
        let hiccup = heartbeat.stop(&mut seconds);
        let mut tally = Tally::new(&self.shape);
        let (mut made, mut drained_at) = (0, 0);
        for end in ends.values() {
            tally.merge(&end.tally);
            made += u64::from(end.connected);
            drained_at = drained_at.max(end.drained_at);
        }
        let load_end = ends
            .values()
            .map(|end| end.load_end)
            .max()
            .unwrap_or(stopped_at);
        // A worker that broke down has not said when.
        let drained_at = Some(drained_at).filter(|at| *at > 0).unwrap_or(stopped_at);
        let changes = Changes {
            begun,
            load_start,
            load_end,
            drained_at,
        };
        Ok(Measured {
            tally,
            seconds,
            lengths: changes.lengths(self.plan.schedule.warm_up_ns()),
            // By the plan, not by the workers: one that broke down would not be missed.
            connections_planned: size.connections + size.callers,
            connections_made: made,
            hiccup,
            panics,
            workers,
            logged: logger.map(|logger| logger.finish(load_start)),
            waiting: ends.values().map(|end| end.waiting).max(),
        })
    }

    fn hire(&self) -> std::io::Result<Crew> {
        let groups = self
            .plan
            .endpoints
            .div_ceil(self.plan.endpoints_per_connection());
        let count = self.settings.workers.clamp(1, groups.max(1) as usize);
        let (logger, mut logbooks) =
            Logger::start(self.settings.raw_log.clone(), count, self.clock)?;
        let (to_coordinator, reports) = channel();
        let mut crew = Crew {
            threads: Vec::with_capacity(count),
            reports,
            spares: Vec::with_capacity(count),
            ends: BTreeMap::new(),
            collector: Collector::new(self.shape.clone(), count),
            logger,
        };
        for index in 0..count {
            let (to_worker, spare) = channel();
            let assignment = Assignment {
                index,
                workers: count as u32,
                endpoints: self.plan.shard(Shard {
                    index: index as u32,
                    count: count as u32,
                }),
                plan: self.plan.clone(),
                shape: self.shape.clone(),
                settings: self.settings.clone(),
                control: self.control.clone(),
                clock: self.clock,
                reports: to_coordinator.clone(),
            };
            let logbook = logbooks.pop();
            let name = format!("worker-{index}");
            let thread =
                std::thread::Builder::new().name(name).spawn(move || {
                    match Worker::new(&assignment, spare) {
                        Ok(worker) => worker.noting(logbook).run(),
                        Err(error) => panic!("a worker cannot begin: {error}"),
                    }
                })?;
            crew.threads.push(thread);
            crew.spares.push(to_worker);
        }
        Ok(crew)
    }

    /// Waits until every connection was tried, then begins the load. `None`: it never began.
    fn connect(&self, crew: &mut Crew) -> Option<u64> {
        let (mut settled, mut up) = (0, 0);
        while settled < crew.threads.len() {
            if self.control.order() >= Order::Drain || crew.is_gone() {
                self.control.give(Order::Drain);
                return None;
            }
            match crew.reports.recv_timeout(Duration::from_millis(50)) {
                Ok(Report::Settled { up: of_worker }) => {
                    settled += 1;
                    up += of_worker;
                }
                Ok(report) => crew.take(report),
                Err(_) => {
                    let _ = self.to_outside.send(Progress::Connecting {
                        up: self.control.up(),
                    });
                }
            }
        }
        if up == 0 {
            // Nobody to send anything: the report says why.
            self.control.give(Order::Drain);
            return None;
        }
        let load_start = self.clock.now() + ARM_AHEAD;
        self.control.arm(load_start);
        let _ = self.to_outside.send(Progress::Loading);
        Some(load_start)
    }

    fn collect(&self, crew: &mut Crew) {
        // The first one ends where the load begins.
        let mut number = 0;
        while crew.ends.len() < crew.threads.len() && !crew.is_gone() {
            match crew.reports.recv_timeout(Duration::from_millis(100)) {
                Ok(report) => {
                    let second = matches!(report, Report::Second { worker: 0, .. });
                    crew.take(report);
                    if let (true, Some(live)) = (second, crew.collector.live()) {
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

impl Crew {
    /// Whether every thread has ended (one that panicked reports nothing).
    fn is_gone(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Settled { .. } => {}
            Report::Second { worker, interval } => {
                let empty = self.collector.add(worker, interval);
                // A worker that has ended needs no buffer.
                let _ = self.spares[worker].send(empty);
            }
            Report::Finished { worker, end } => {
                self.ends.insert(worker, end);
            }
        }
    }
}
