//! One thread of the fleet: its tables, and one turn of its loop.
//!
//! A turn fires what is due, lets the closed and `"max"` models send, waits, and handles what the
//! kernel reports. What those steps do lies in the files beside this one, each an `impl Worker`.
//! Not here: threads, signals, printing.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender};

use super::acks::Acks;
use super::attempts::Attempts;
use super::away::Absences;
use super::batch::Batch;
use super::cap::HeldBack;
use super::cold::Pool;
use super::connection::Connection;
use super::control::{Control, Order, Report};
use super::deliveries::Deliveries;
use super::dialect::Dialect;
use super::drain::Drain;
use super::endpoint::Endpoint;
use super::exchange::{Exchanges, Ticket};
use super::last_words::Broken;
use super::limiter::Limiter;
use super::observed::Observed;
use super::outbox::Marker;
use super::prepare::Prepared;
use super::pushed::Pushed;
use super::receive::Until;
use super::run::Settings;
use super::stamps::Stamps;
use super::timer::Timer;
use crate::event::{Clock, Poller, Wheel, room};
use crate::measure::{Interval, Logbook, Recorder};
use crate::plan::{Cursor, IdCursor, Moment, Plan};
use crate::planted::{self, Mistake};
use crate::profile::Model;

/// Due timers handled before the sockets are looked at again.
pub(super) const DUE_PER_TURN: usize = 64;
/// Sockets handled before due timers are looked at again.
const SOCKETS_BETWEEN_DUE: usize = 16;
/// Longest wait: the coordinator's orders are looked at this often.
const LONGEST_WAIT: u64 = 20_000_000;
/// Timers that may fire at once without room being made for them.
const BURST: usize = 4096;

/// Where a worker stands in the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Connecting,
    Loading,
    Draining,
    Done,
    Closing,
}

pub(super) struct Worker<'a> {
    pub index: usize,
    /// Of the run.
    pub workers: u32,
    /// By reference: a shared count of users, touched per message, would be contended by all workers.
    pub plan: &'a Plan,
    pub settings: &'a Settings,
    pub control: &'a Control,
    pub clock: Clock,
    pub poller: Poller,
    pub wheel: Wheel<Timer>,
    pub recorder: Recorder,
    pub stage: Stage,
    pub load_start: u64,
    pub load_end: u64,
    pub drain: Drain,
    /// The fences of all connections before this one are down.
    pub fences_from: u32,
    /// Global number of local endpoint 0.
    pub base: u32,
    pub endpoints: Vec<Endpoint>,
    pub connections: Vec<Connection>,
    /// Index of the caller's connection, if the plan has callers.
    pub caller: Option<u32>,
    /// Of all connections.
    pub acks: Acks,
    pub cold: Pool,
    pub dialect: Dialect,
    /// Per endpoint and stream: the arrival that comes next (open model).
    pub upcoming: Vec<Cursor>,
    /// Per endpoint: messages decided so far (closed and `"max"`).
    pub picked: Vec<u64>,
    /// Per endpoint: message counters and walks of the generators.
    pub state: Vec<u64>,
    /// Per endpoint and scope.
    pub id_cursors: Vec<IdCursor>,
    /// Per scope, for requests that the caller makes.
    pub caller_cursors: Vec<IdCursor>,
    pub uuid_counter: u64,
    /// Outstanding requests without an ID, oldest first; per endpoint and request, made on first use.
    pub nameless: HashMap<(u32, u16), VecDeque<Ticket>>,
    pub exchanges: Exchanges,
    pub observed: Observed,
    pub pushed: Pushed,
    pub deliveries: Deliveries,
    pub batch: Batch,
    /// The wall clock of the message that is being written.
    pub moment: Moment,
    pub prepared: Prepared,
    /// Frames of an outbox that have just begun: kept for its memory.
    pub begun: Vec<Marker>,
    pub scratch: Box<[u8]>,
    pub stamps: Stamps,
    pub fired: Vec<(u64, Timer)>,
    pub due: VecDeque<(u64, Timer)>,
    /// Connections with more to read than one turn allows.
    pub unread: VecDeque<u32>,
    /// Connections that could not be written in this turn.
    pub broken: Vec<Broken>,
    /// Connections whose TLS handshake can go on.
    pub handshakes: VecDeque<u32>,
    /// Endpoints that may send (closed and `"max"`).
    pub runnable: VecDeque<u32>,
    pub capped: VecDeque<HeldBack>,
    pub cap_armed: bool,
    pub message_cap: Limiter,
    pub closed_cap: Option<Limiter>,
    pub attempts: Attempts,
    pub away: Absences,
    /// Timers of connections that have fired.
    pub upkeep: VecDeque<Timer>,
    pub settled: u32,
    pub up: u32,
    pub ever_up: u32,
    pub reports: Sender<Report>,
    pub spare: Receiver<Box<Interval>>,
    pub drained_at: u64,
    /// Connections that are being closed.
    pub closing: u32,
    pub last_wake: u64,
    /// Since when there is nothing to do, and until when, if no event comes.
    pub rest: Range<u64>,
}

impl Worker<'_> {
    /// The worker with its part of the raw log, if there is one.
    pub(super) fn noting(mut self, logbook: Option<Logbook>) -> Self {
        self.recorder.note_in(logbook);
        self
    }

    /// The whole life of the worker.
    pub(super) fn run(mut self) {
        loop {
            match self.turn() {
                Ok(Some(_)) => {}
                Ok(None) => return self.hand_in(),
                // Only the poller itself can fail here; without it nothing can go on.
                Err(error) => panic!("worker {}: waiting for events failed: {error}", self.index),
            }
        }
    }

    /// One turn: waits for an event, or until there is something to do, and does it. Until when there
    /// is nothing more, if no event comes; `None`: never, only [`Worker::hand_in`] is left.
    pub(super) fn turn(&mut self) -> std::io::Result<Option<u64>> {
        let over = match self.stage {
            Stage::Closing => return Ok(self.close_more()),
            stage => stage == Stage::Done,
        };
        self.wait()?;
        self.handle_events();
        if over {
            self.drained_at = self.clock.now();
            self.settle_accounts(self.drained_at);
            return Ok(self.close_all());
        }
        if self.stage != Stage::Done {
            self.act();
        }
        self.rest();
        Ok(Some(self.rest.end))
    }

    /// What there is to do without an event.
    fn act(&mut self) {
        self.obey();
        let now = self.clock.now();
        self.expire(now);
        self.handle_due();
        self.keep_up();
        self.run_runnable();
        if self.stage == Stage::Draining {
            self.check_drained();
        }
        self.hear_last_words();
    }

    /// Looks at the coordinator's order.
    fn obey(&mut self) {
        match (self.control.order(), self.stage) {
            (Order::Load, Stage::Connecting) => self.begin_load(),
            (Order::Drain, Stage::Connecting) | (Order::Abort, _) => self.stage = Stage::Done,
            (Order::Drain, Stage::Loading) => self.begin_drain(),
            _ => {}
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
        let mut left = DUE_PER_TURN;
        while left > 0
            && let Some((at, timer)) = self.due.pop_front()
        {
            left -= 1;
            match timer {
                Timer::Arrival { endpoint, stream } => self.arrival(endpoint, stream, at),
                Timer::Exchange { slot } => self.exchange_timer(slot, at),
                // Put aside and not counted: messages that are due behind those of a whole fleet do not
                // wait for them.
                Timer::KeepAlive { .. } | Timer::ConnectTimeout { .. } => {
                    self.upkeep.push_back(timer);
                    left += 1;
                }
                Timer::Reconnect { connection } => {
                    self.attempts.queue.push_back(connection);
                    left += 1;
                }
                Timer::Departure { number } => self.depart(number, at),
                Timer::ConnectSlot => self.attempts.armed = false,
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

    /// Returns the room that a burst took: a connect storm, a stall, a target that came back.
    pub(super) fn give_back(&mut self) {
        room::give_back(&mut self.due);
        room::give_back(&mut self.unread);
        room::give_back(&mut self.handshakes);
        room::give_back(&mut self.capped);
        room::give_back(&mut self.upkeep);
        room::give_back(&mut self.attempts.queue);
        self.fired.shrink_to(BURST);
        self.cold.give_back();
        self.away.give_back();
    }

    /// Finds out until when there is nothing to do.
    pub(super) fn rest(&mut self) {
        let waiting = !self.unread.is_empty() || !self.handshakes.is_empty();
        let busy = waiting || self.has_upkeep() || !self.due.is_empty() || self.can_run();
        let now = self.clock.now();
        let until = if busy || self.stage == Stage::Done {
            now
        } else {
            let latest = now + LONGEST_WAIT;
            let next = self.wheel.next(latest).unwrap_or(latest);
            next.min(latest).max(now)
        };
        let until = if planted::is_made(Mistake::Ticks) {
            until.next_multiple_of(1_000_000)
        } else {
            until
        };
        self.rest = now..until;
        self.recorder.busy(now.saturating_sub(self.last_wake));
    }

    pub(super) fn wait(&mut self) -> std::io::Result<()> {
        self.pass(self.rest.start, self.rest.end - self.rest.start)?;
        self.last_wake = self.clock.now();
        self.recorder.wakeup();
        Ok(())
    }

    /// Handles what the kernel reported. Between a few sockets the schedule gets its turn, so that a
    /// target that sends much cannot make this side late.
    fn handle_events(&mut self) {
        let unread = self.unread.len();
        for number in 0..unread + self.poller.len() {
            if number % SOCKETS_BETWEEN_DUE == SOCKETS_BETWEEN_DUE - 1 {
                self.give_way();
            }
            if number < unread {
                if let Some(connection) = self.unread.pop_front() {
                    self.read(connection, Until::Dry);
                }
                continue;
            }
            let event = self.poller.event(number - unread);
            let connection = event.token as u32;
            if self.queue_handshake(connection) {
                continue;
            }
            if event.closed {
                self.shed_stamps(connection);
            }
            if event.writable {
                self.writable(connection);
            }
            if event.readable {
                let until = if event.closed {
                    Until::Dry
                } else {
                    Until::Short
                };
                self.read(connection, until);
            }
            // To close a socket is work, and a whole fleet may be lost at once.
            if event.closed {
                self.give_way();
            }
        }
        self.shake_hands();
        self.hear_last_words();
    }

    /// Lets the schedule have its turn in between.
    pub(super) fn give_way(&mut self) {
        self.expire(self.clock.now());
        self.handle_due();
    }

    /// Whether intended instants come from the schedule.
    pub(super) fn is_open(&self) -> bool {
        matches!(
            self.settings.profile.load.model,
            Model::Open(_) | Model::OpenOwnRates
        )
    }
}
