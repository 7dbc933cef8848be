//! A run without threads: the same workers and the same coordinator, called turn by turn.
//!
//! Each worker has its own clock and poller, given by whoever calls; with clocks that are moved by hand
//! a run takes no longer than its work. Not here: whose turn it is, and what time it is then.

use std::sync::Arc;

use super::control::Control;
use super::crew::{Crew, Job};
use super::heartbeat::Beats;
use super::logger::Logger;
use super::run::{Measured, Settings};
use super::worker::Worker;
use crate::event::{Clock, Poller};
use crate::measure::Shape;
use crate::plan::Plan;

/// The workers of a run, waiting to be called.
pub struct Fleet<'a> {
    job: &'a Job,
    crew: Crew,
    workers: Vec<Option<Worker<'a>>>,
    logger: Option<Logger>,
    load_start: Option<u64>,
    beats: Beats,
}

/// Carries a run out by calls: `place` gives worker by worker its clock and its poller, `drive` has the
/// workers' turns taken until none is left. `clock` is the coordinator's.
///
/// # Errors
/// Those of `place` and `drive`.
pub fn in_steps<E>(
    plan: Arc<Plan>,
    shape: Arc<Shape>,
    settings: Settings,
    clock: Clock,
    mut place: impl FnMut(usize) -> Result<(Clock, Poller), E>,
    drive: impl FnOnce(&mut Fleet<'_>) -> Result<(), E>,
) -> Result<Measured, E> {
    let job = Job {
        plan,
        shape,
        settings: Arc::new(settings),
        clock,
        control: Arc::new(Control::new()),
    };
    let (crew, contracts) = job.crew();
    let (mut assignments, spares): (Vec<_>, Vec<_>) = contracts.into_iter().unzip();
    let mut pollers = Vec::with_capacity(assignments.len());
    for assignment in &mut assignments {
        let (clock, poller) = place(assignment.index)?;
        assignment.clock = clock;
        pollers.push(poller);
    }
    let raw_log = job.settings.raw_log.clone();
    let (logger, mut logbooks) = Logger::here(raw_log, assignments.len(), clock);
    let parts = assignments.iter().zip(spares).zip(pollers);
    let workers = parts.map(|((assignment, spare), poller)| {
        Some(Worker::with(assignment, spare, poller).noting(logbooks.pop()))
    });
    let begun = clock.now();
    let mut fleet = Fleet {
        workers: workers.collect(),
        job: &job,
        crew,
        logger,
        load_start: None,
        beats: Beats::after(begun),
    };
    drive(&mut fleet)?;
    Ok(fleet.measured(begun))
}

impl Fleet<'_> {
    /// Lets a worker take its turn. Until when it has nothing more to do, if no event comes; `None`:
    /// it has ended.
    ///
    /// # Errors
    /// Those of its poller.
    pub fn turn(&mut self, worker: usize) -> std::io::Result<Option<u64>> {
        let mut next = None;
        if let Some(called) = &mut self.workers[worker] {
            next = called.turn()?;
        }
        if next.is_none()
            && let Some(ended) = self.workers[worker].take()
        {
            ended.hand_in();
        }
        self.listen();
        Ok(next)
    }

    /// What the coordinator does when workers have said something.
    fn listen(&mut self) {
        let settled = self.crew.has_settled();
        while let Ok(report) = self.crew.reports.try_recv() {
            self.crew.take(report);
        }
        if !settled && self.crew.has_settled() {
            self.load_start = self.job.arm(&self.crew, self.job.clock.now());
        }
        if let Some(logger) = &mut self.logger {
            logger.write();
        }
    }

    /// The run's heart beats, at `now`: when it shall do so next. What it is late by is how long the
    /// process was kept from running.
    pub fn beat(&mut self, now: u64) -> u64 {
        if now >= self.beats.due {
            self.beats.beat(now);
        }
        self.beats.due
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// When the load begins, ns of the run's clock; `None` until that is fixed, shortly before.
    pub fn load_start(&self) -> Option<u64> {
        self.load_start
    }

    /// Whether every worker has ended.
    pub fn has_ended(&self) -> bool {
        self.crew.has_ended()
    }

    fn measured(self, begun: u64) -> Measured {
        let Self {
            job,
            crew,
            workers,
            logger,
            load_start,
            beats,
        } = self;
        // Their last pages are handed in with them.
        drop(workers);
        Measured {
            hiccup: beats.worst(),
            logged: logger.map(|logger| logger.finish(load_start)),
            ..job.measured(crew, begun, load_start, job.clock.now())
        }
    }
}
