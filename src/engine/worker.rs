//! One thread of the fleet: its tables, and one turn of its loop.
//!
//! A turn fires what is due, lets the closed and `"max"` models send, waits, and handles what the
//! kernel reports. What those steps do lies in the files beside this one, each an `impl Worker`.
//! Not here: threads, signals, printing.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use super::connection::{Connection, Part};
use super::control::{Control, Order, Report, WorkerEnd};
use super::endpoint::Endpoint;
use super::exchange::Exchanges;
use super::limiter::Limiter;
use super::pushed::Pushed;
use super::run::Settings;
use super::send::Batch;
use super::timer::Timer;
use crate::event::{Clock, Poller, Wheel};
use crate::measure::{Interval, Recorder, Shape};
use crate::plan::{Cursor, IdCursor, Plan, RequestIdKind};
use crate::profile::{Model, Profile, Sender as From};

/// Due timers handled before the sockets are looked at again.
pub(super) const DUE_PER_TURN: usize = 64;
/// Longest wait: the coordinator's orders are looked at this often.
const LONGEST_WAIT: u64 = 20_000_000;
const SECOND: u64 = 1_000_000_000;

/// Where a worker stands in the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Connecting,
    Loading,
    Draining,
    Done,
}

/// The next arrival of one stream of one endpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upcoming {
    pub cursor: Cursor,
    pub request: u16,
}

pub(super) struct Worker {
    pub index: usize,
    pub plan: Arc<Plan>,
    pub settings: Arc<Settings>,
    pub control: Arc<Control>,
    pub clock: Clock,
    pub poller: Poller,
    pub wheel: Wheel<Timer>,
    pub recorder: Recorder,
    pub stage: Stage,
    pub load_start: u64,
    pub load_end: u64,
    /// Global number of local endpoint 0.
    pub base: u32,
    pub endpoints: Vec<Endpoint>,
    pub connections: Vec<Connection>,
    /// Index of the caller's connection, if the plan has callers.
    pub caller: Option<u32>,
    /// Per endpoint and stream.
    pub upcoming: Vec<Upcoming>,
    /// Per endpoint: message counters and walks of the generators.
    pub state: Vec<u64>,
    /// Per endpoint and scope.
    pub id_cursors: Vec<IdCursor>,
    /// Per scope, for requests that the caller makes.
    pub caller_cursors: Vec<IdCursor>,
    pub uuid_counter: u64,
    /// Outstanding requests without an ID, oldest first; per endpoint and request, made on first use.
    pub nameless: std::collections::HashMap<(u32, u16), VecDeque<super::exchange::Ticket>>,
    pub exchanges: Exchanges,
    pub pushed: Pushed,
    pub batch: Batch,
    pub scratch: Box<[u8]>,
    pub fired: Vec<(u64, Timer)>,
    pub due: VecDeque<(u64, Timer)>,
    /// Connections with more to read than one turn allows.
    pub unread: VecDeque<u32>,
    /// Endpoints that may send (closed and `"max"`).
    pub runnable: VecDeque<u32>,
    /// Requests that the aggregate cap holds back: endpoint, request, intended instant.
    pub capped: VecDeque<(u32, u16, u64)>,
    pub cap_armed: bool,
    pub message_cap: Limiter,
    pub closed_cap: Option<Limiter>,
    pub connect_limit: Limiter,
    pub connect_queue: VecDeque<u32>,
    pub connect_armed: bool,
    pub connecting: u32,
    pub connecting_max: u32,
    pub settled: u32,
    pub up: u32,
    pub ever_up: u32,
    reports: Sender<Report>,
    spare: Receiver<Box<Interval>>,
    drained_at: u64,
    last_wake: u64,
}

/// What one worker is made from.
pub(super) struct Assignment {
    pub index: usize,
    pub endpoints: Range<u32>,
    pub plan: Arc<Plan>,
    pub shape: Arc<Shape>,
    pub settings: Arc<Settings>,
    pub control: Arc<Control>,
    pub clock: Clock,
    pub reports: Sender<Report>,
    pub spare: Receiver<Box<Interval>>,
}

impl Worker {
    /// Builds the tables of one worker. Called on the worker's own thread.
    pub(super) fn new(assignment: Assignment) -> std::io::Result<Self> {
        let Assignment {
            index,
            endpoints,
            plan,
            shape,
            settings,
            control,
            clock,
            reports,
            spare,
        } = assignment;
        let count = (endpoints.end - endpoints.start) as usize;
        let share = count as f64 / f64::from(plan.endpoints.max(1));
        let connections = connections_of(&plan, count as u32);
        let caller = connections
            .iter()
            .position(|connection| connection.part == Part::Caller);
        let profile = &settings.profile;
        let packet_max = profile.limits.packet_size as usize;
        let scope_cursors = scope_cursors(&plan);
        let exchange_limit = (f64::from(profile.limits.in_flight) * share).ceil() as usize;
        let message_rate = profile.limits.messages_per_s.0 * share;
        Ok(Self {
            index,
            poller: Poller::new(1024)?,
            wheel: Wheel::new(clock.now()),
            recorder: Recorder::new(shape),
            stage: Stage::Connecting,
            load_start: 0,
            load_end: u64::MAX,
            base: endpoints.start,
            endpoints: vec![Endpoint::NEW; count],
            caller: caller.map(|position| position as u32),
            upcoming: Vec::new(),
            state: vec![0; count * plan.state_words],
            id_cursors: scope_cursors.repeat(count),
            caller_cursors: scope_cursors,
            uuid_counter: 0,
            nameless: std::collections::HashMap::new(),
            exchanges: Exchanges::new(exchange_limit.max(1)),
            pushed: Pushed::new(),
            batch: Batch::default(),
            scratch: vec![0; packet_max + (64 << 10)].into_boxed_slice(),
            fired: Vec::new(),
            due: VecDeque::new(),
            unread: VecDeque::new(),
            runnable: VecDeque::new(),
            capped: VecDeque::new(),
            cap_armed: false,
            message_cap: Limiter::new(message_rate, 0.02),
            closed_cap: closed_cap(profile).map(|rate| Limiter::new(rate * share, 0.01)),
            connect_limit: Limiter::new(profile.fleet.connect_rate.0 * share, 0.01),
            connect_queue: (0..connections.len() as u32).collect(),
            connect_armed: false,
            connecting: 0,
            connecting_max: ((f64::from(profile.fleet.connects_in_progress) * share).ceil() as u32)
                .max(1),
            settled: 0,
            up: 0,
            ever_up: 0,
            connections,
            plan,
            settings,
            control,
            clock,
            reports,
            spare,
            drained_at: 0,
            last_wake: 0,
        })
    }

    /// The whole life of the worker.
    pub(super) fn run(mut self) {
        self.last_wake = self.clock.now();
        while self.stage != Stage::Done {
            if let Err(error) = self.turn() {
                // Only the poller itself can fail here; without it nothing can go on.
                panic!("worker {}: waiting for events failed: {error}", self.index);
            }
        }
        self.finish();
    }

    fn turn(&mut self) -> std::io::Result<()> {
        self.obey();
        let now = self.clock.now();
        self.expire(now);
        self.handle_due();
        self.run_runnable();
        if self.stage == Stage::Draining {
            self.check_drained();
        }
        self.wait()?;
        self.handle_events();
        Ok(())
    }

    /// Looks at the coordinator's order.
    fn obey(&mut self) {
        match (self.control.order(), self.stage) {
            (Order::Connect, Stage::Connecting) => {}
            (Order::Load, Stage::Connecting) => self.begin_load(),
            (Order::Drain, Stage::Connecting) | (Order::Abort, _) => self.stage = Stage::Done,
            (Order::Drain, Stage::Loading) => self.begin_drain(),
            _ => {}
        }
        if self.stage == Stage::Connecting {
            let now = self.clock.now();
            self.start_connects(now);
        }
    }

    fn begin_load(&mut self) {
        self.stage = Stage::Loading;
        self.load_start = self.control.load_start();
        self.load_end = self.load_start + self.plan.schedule.end_ns();
        self.recorder.begin_load(self.load_start);
        self.wheel.insert(self.load_end, Timer::LoadEnd);
        // All workers' seconds begin together, at the beginning of the load.
        self.wheel.insert(self.load_start, Timer::Roll);
        self.start_streams();
    }

    /// No new requests from now on; what is in flight may still be answered.
    pub(super) fn begin_drain(&mut self) {
        if self.stage != Stage::Loading {
            return;
        }
        self.stage = Stage::Draining;
        let now = self.clock.now();
        self.load_end = self.load_end.min(now);
        self.runnable.clear();
        self.drop_capped();
        self.wheel.insert(
            now + self.settings.profile.load.drain.as_nanos() as u64,
            Timer::DrainEnd,
        );
    }

    fn check_drained(&mut self) {
        let quiet = self.exchanges.active() == 0
            && self.pushed.is_empty()
            && self.due.is_empty()
            && self
                .connections
                .iter()
                .all(|connection| connection.backlog() == 0);
        if quiet {
            self.stage = Stage::Done;
        }
    }

    fn expire(&mut self, now: u64) {
        let mut fired = std::mem::take(&mut self.fired);
        self.wheel.expire(now, &mut fired);
        self.due.extend(fired.drain(..));
        self.fired = fired;
    }

    /// Puts an instant that has passed already among those that are being handled, in order.
    pub(super) fn insert_due(&mut self, at: u64, timer: Timer) {
        let position = self.due.partition_point(|&(other, _)| other <= at);
        self.due.insert(position, (at, timer));
    }

    fn handle_due(&mut self) {
        for _ in 0..DUE_PER_TURN {
            let Some((at, timer)) = self.due.pop_front() else {
                break;
            };
            match timer {
                Timer::Arrival { endpoint, stream } => self.arrival(endpoint, stream, at),
                Timer::Exchange { slot } => self.exchange_timer(slot, at),
                Timer::KeepAlive {
                    connection,
                    generation,
                } => self.keep_alive(connection, generation),
                Timer::ConnectTimeout {
                    connection,
                    generation,
                } => {
                    self.connect_timeout(connection, generation);
                }
                Timer::Reconnect { connection } => {
                    self.connect_queue.push_back(connection);
                    self.start_connects(self.clock.now());
                }
                Timer::ConnectSlot => {
                    self.connect_armed = false;
                    self.start_connects(self.clock.now());
                }
                Timer::CapSlot => {
                    self.cap_armed = false;
                    self.send_capped();
                }
                Timer::Think { endpoint } => self.make_runnable(endpoint),
                Timer::Answer { slot } => self.send_answer(slot, at),
                Timer::Roll => self.roll(at),
                Timer::LoadEnd => self.begin_drain(),
                Timer::DrainEnd => self.stage = Stage::Done,
            }
        }
    }

    fn roll(&mut self, second_end: u64) {
        while let Ok(interval) = self.spare.try_recv() {
            self.recorder.recycle(interval);
        }
        self.recorder.gauges(self.up);
        let interval = self.recorder.roll(second_end);
        // The coordinator lives as long as its workers.
        let _ = self.reports.send(Report::Second {
            worker: self.index,
            interval,
        });
        if self.stage != Stage::Done {
            self.wheel.insert(second_end + SECOND, Timer::Roll);
        }
    }

    fn wait(&mut self) -> std::io::Result<()> {
        let busy = !self.due.is_empty() || !self.unread.is_empty() || self.can_run();
        let before = self.clock.now();
        let timeout = if busy || self.stage == Stage::Done {
            0
        } else {
            let next = self.wheel.next().unwrap_or(u64::MAX);
            next.saturating_sub(before).min(LONGEST_WAIT)
        };
        self.recorder.busy(before.saturating_sub(self.last_wake));
        self.poller.wait(Some(timeout))?;
        self.last_wake = self.clock.now();
        self.recorder.wakeup();
        Ok(())
    }

    fn handle_events(&mut self) {
        for _ in 0..self.unread.len() {
            if let Some(connection) = self.unread.pop_front() {
                self.read(connection);
            }
        }
        for number in 0..self.poller.len() {
            let event = self.poller.event(number);
            let connection = event.token as u32;
            if event.writable {
                self.writable(connection);
            }
            if event.readable {
                self.connections[event.token].peer_closed |= event.closed;
                self.read(connection);
            }
        }
    }

    /// The clock as last read by the loop.
    pub(super) fn last_wake(&self) -> u64 {
        self.last_wake
    }

    /// Whether intended instants come from the schedule.
    pub(super) fn is_open(&self) -> bool {
        matches!(
            self.settings.profile.load.model,
            Model::Open(_) | Model::OpenOwnRates
        )
    }

    /// Tells the coordinator once that every connection has been tried.
    pub(super) fn settle(&mut self, connection: u32) {
        let row = &mut self.connections[connection as usize];
        if !row.settled {
            row.settled = true;
            self.settled += 1;
            if self.settled as usize == self.connections.len() {
                let _ = self.reports.send(Report::Settled { up: self.up });
            }
        }
    }

    fn finish(mut self) {
        self.drained_at = self.clock.now();
        self.settle_accounts(self.drained_at);
        self.close_all();
        let now = self.clock.now();
        self.recorder.gauges(self.up);
        let interval = self.recorder.roll(now);
        let _ = self.reports.send(Report::Second {
            worker: self.index,
            interval,
        });
        let end = WorkerEnd {
            tally: self.recorder.finish(),
            load_end: self.load_end,
            drained_at: self.drained_at,
            connected: self.ever_up,
            planned: self.connections.len() as u32,
        };
        let _ = self.reports.send(Report::Finished {
            worker: self.index,
            end: Box::new(end),
        });
    }
}

/// Where the request IDs of each scope begin.
fn scope_cursors(plan: &Plan) -> Vec<IdCursor> {
    let start_of = |scope: usize| {
        let kinds = plan
            .requests
            .iter()
            .filter(|request| usize::from(request.scope) == scope);
        kinds
            .map(|request| request.id_kind)
            .find_map(|kind| match kind {
                RequestIdKind::Decimal(range) => Some(range.start()),
                RequestIdKind::None | RequestIdKind::Uuid => None,
            })
    };
    let unused = IdCursor {
        next: 0,
        wrapped: false,
    };
    (0..plan.scopes.len())
        .map(|scope| start_of(scope).unwrap_or(unused))
        .collect()
}

/// The closed model's own cap, per second for the fleet.
fn closed_cap(profile: &Profile) -> Option<f64> {
    match profile.load.model {
        Model::Closed { cap, .. } => cap.map(|rate| rate.0),
        Model::Open(_) | Model::OpenOwnRates | Model::Max => None,
    }
}

/// The connection table of a worker with `endpoints` endpoints.
fn connections_of(plan: &Plan, endpoints: u32) -> Vec<Connection> {
    use crate::profile::Connections;
    let mut table: Vec<Connection> = Vec::new();
    match plan.connections {
        Connections::One => {
            table.extend((0..endpoints).map(|each| Connection::new(Part::Whole, each..each + 1)));
        }
        Connections::PublisherAndSubscriber => {
            for each in 0..endpoints {
                table.push(Connection::new(Part::Publisher, each..each + 1));
                table.push(Connection::new(Part::Subscriber, each..each + 1));
            }
        }
        Connections::Shared(size) => {
            let size = size.max(1);
            for first in (0..endpoints).step_by(size as usize) {
                table.push(Connection::new(
                    Part::Whole,
                    first..(first + size).min(endpoints),
                ));
            }
        }
    }
    let has_caller = plan
        .requests
        .iter()
        .any(|request| request.from == From::Caller);
    if has_caller && endpoints > 0 {
        table.push(Connection::new(Part::Caller, 0..0));
    }
    table
}
