//! What the coordinator tells the workers while they run, and what they tell it.
//!
//! A few atomics that each worker looks at once per turn, and one channel for values the other way.
//! Nothing here is touched per message.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use crate::event::Waiting;
use crate::measure::{Interval, Tally};

/// How far a run is allowed to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Connect, and wait.
    Connect,
    /// Send from `Control::load_start` on.
    Load,
    /// Send nothing more, wait for what is in flight.
    Drain,
    /// End at once.
    Abort,
}

/// Shared by coordinator and workers.
#[derive(Debug)]
pub(super) struct Control {
    order: AtomicU8,
    load_start: AtomicU64,
    up: AtomicU32,
    sent_all: AtomicU32,
    /// Deliveries that are due, and those that were heard.
    expected: AtomicU64,
    heard: AtomicU64,
}

impl Control {
    pub(super) fn new() -> Self {
        Self {
            order: AtomicU8::new(Order::Connect as u8),
            load_start: AtomicU64::new(0),
            up: AtomicU32::new(0),
            sent_all: AtomicU32::new(0),
            expected: AtomicU64::new(0),
            heard: AtomicU64::new(0),
        }
    }

    /// The order that holds now. Orders only ever go forward.
    pub(super) fn order(&self) -> Order {
        match self.order.load(Ordering::Acquire) {
            0 => Order::Connect,
            1 => Order::Load,
            2 => Order::Drain,
            _ => Order::Abort,
        }
    }

    /// Gives an order; one that lies behind the present one changes nothing.
    pub(super) fn give(&self, order: Order) {
        self.order.fetch_max(order as u8, Ordering::AcqRel);
    }

    /// Fixes the beginning of the load (ns since the epoch) and gives the order.
    pub(super) fn arm(&self, load_start: u64) {
        self.load_start.store(load_start, Ordering::Release);
        self.give(Order::Load);
    }

    /// Counts a connection that came up for the first time; for the progress line.
    pub(super) fn came_up(&self) {
        self.up.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn up(&self) -> u32 {
        self.up.load(Ordering::Relaxed)
    }

    /// A worker says once that the target has read everything that it had to send.
    pub(super) fn has_sent_all(&self) {
        self.sent_all.fetch_add(1, Ordering::AcqRel);
    }

    /// How many workers have said so.
    pub(super) fn sent_all(&self) -> u32 {
        self.sent_all.load(Ordering::Acquire)
    }

    /// What a worker has sent makes so many deliveries.
    pub(super) fn expect_deliveries(&self, count: u64) {
        self.expected.fetch_add(count, Ordering::AcqRel);
    }

    /// A worker has heard so many more.
    pub(super) fn has_heard(&self, count: u64) {
        self.heard.fetch_add(count, Ordering::AcqRel);
    }

    /// How many are due, and how many were heard.
    pub(super) fn deliveries(&self) -> (u64, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::Acquire);
        (of(&self.expected), of(&self.heard))
    }

    pub(super) fn load_start(&self) -> u64 {
        self.load_start.load(Ordering::Acquire)
    }
}

/// What a worker tells the coordinator.
#[derive(Debug)]
pub(super) enum Report {
    /// Each of its connections is up or has failed once; this many are up.
    Settled { up: u32 },
    /// One second is over.
    Second {
        worker: usize,
        interval: Box<Interval>,
    },
    /// The worker is done.
    Finished { worker: usize, end: Box<WorkerEnd> },
}

/// What is left of a worker.
#[derive(Debug)]
pub(super) struct WorkerEnd {
    pub tally: Tally,
    /// When it stopped to plan requests, ns since the epoch.
    pub load_end: u64,
    /// When its drain ended, ns since the epoch.
    pub drained_at: u64,
    /// Connections that were up at least once.
    pub connected: u32,
    pub waiting: Waiting,
}
