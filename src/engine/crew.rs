//! The workers as the coordinator sees them: what each is made from, what they have said, and what it
//! comes to in the end.
//!
//! Not here: what makes their loops go round, a thread for each (`run`) or a caller (`steps`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::control::{Control, Order, Report, WorkerEnd};
use super::lengths::Changes;
use super::run::{Measured, Settings};
use super::setup::{Assignment, Empties};
use crate::event::Clock;
use crate::measure::{Collector, Interval, Live, Shape, Tally};
use crate::plan::{Plan, Shard};

/// Between the order to begin and the beginning, so that every worker has heard it.
const ARM_AHEAD: u64 = 100_000_000;

/// What is to be done.
pub(super) struct Job {
    pub plan: Arc<Plan>,
    pub shape: Arc<Shape>,
    pub settings: Arc<Settings>,
    pub clock: Clock,
    pub control: Arc<Control>,
}

/// Who does it.
pub(super) struct Crew {
    pub reports: Receiver<Report>,
    spares: Vec<Sender<Box<Interval>>>,
    ends: BTreeMap<usize, Box<WorkerEnd>>,
    collector: Collector,
    settled: usize,
    up: u32,
}

/// What a worker is made from, and where its empty intervals come from.
pub(super) type Contract = (Assignment, Empties);

impl Job {
    /// A crew of as many as are asked for and have something to do.
    pub(super) fn crew(&self) -> (Crew, Vec<Contract>) {
        let groups = self
            .plan
            .endpoints
            .div_ceil(self.plan.endpoints_per_connection());
        let count = self.settings.workers.clamp(1, groups.max(1) as usize);
        let (to_coordinator, reports) = channel();
        let mut crew = Crew {
            reports,
            spares: Vec::with_capacity(count),
            ends: BTreeMap::new(),
            collector: Collector::new(self.shape.clone(), count),
            settled: 0,
            up: 0,
        };
        let contract = |index| {
            let (to_worker, spare) = channel();
            crew.spares.push(to_worker);
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
            (assignment, spare)
        };
        let contracts = (0..count).map(contract).collect();
        (crew, contracts)
    }

    /// Every connection was tried: the load is to begin. When; `None`: there is nobody to send
    /// anything, and the report says why.
    pub(super) fn arm(&self, crew: &Crew, now: u64) -> Option<u64> {
        if crew.up == 0 {
            self.control.give(Order::Drain);
            return None;
        }
        let load_start = now + ARM_AHEAD;
        self.control.arm(load_start);
        Some(load_start)
    }

    /// What all of them have measured together; the instants are those of the coordinator.
    pub(super) fn measured(
        &self,
        crew: Crew,
        begun: u64,
        load_start: Option<u64>,
        stopped_at: u64,
    ) -> Measured {
        let Crew {
            spares,
            ends,
            collector,
            ..
        } = crew;
        let workers = spares.len();
        let size = self.plan.arithmetic(workers as u32);
        let mut tally = Tally::new(&self.shape);
        let (mut made, mut drained_at) = (0, 0);
        for end in ends.values() {
            tally.merge(&end.tally);
            made += u64::from(end.connected);
            drained_at = drained_at.max(end.drained_at);
        }
        let load_end = ends.values().map(|end| end.load_end).max();
        let changes = Changes {
            begun,
            load_start,
            load_end: load_end.unwrap_or(stopped_at),
            // A worker that broke down has not said when.
            drained_at: Some(drained_at).filter(|at| *at > 0).unwrap_or(stopped_at),
        };
        Measured {
            tally,
            seconds: collector.finish(),
            lengths: changes.lengths(self.plan.schedule.warm_up_ns()),
            // By the plan, not by the workers: one that broke down would not be missed.
            connections_planned: size.connections + size.callers,
            connections_made: made,
            hiccup: Duration::ZERO,
            panics: Vec::new(),
            workers,
            logged: None,
            waiting: ends.values().map(|end| end.waiting).max(),
        }
    }
}

impl Crew {
    /// Whether every worker has tried all of its connections.
    pub(super) fn has_settled(&self) -> bool {
        self.settled >= self.spares.len()
    }

    /// Whether every worker has said its last word.
    pub(super) fn has_ended(&self) -> bool {
        self.ends.len() >= self.spares.len()
    }

    /// The last full second.
    pub(super) fn live(&self) -> Option<Live> {
        self.collector.live()
    }

    pub(super) fn take(&mut self, report: Report) {
        match report {
            Report::Settled { up } => {
                self.settled += 1;
                self.up += up;
            }
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
