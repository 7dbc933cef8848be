//! How a worker's tables are made from its share of the fleet.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use super::acks::Acks;
use super::attempts::Attempts;
use super::away::Absences;
use super::batch::Batch;
use super::cold::Pool;
use super::connection::{Connection, Part};
use super::control::{Control, Report};
use super::deliveries::Deliveries;
use super::dialect::Dialect;
use super::drain::Drain;
use super::endpoint::Endpoint;
use super::exchange::Exchanges;
use super::limiter::Limiter;
use super::observed::Observed;
use super::prepare::Prepared;
use super::pushed::Pushed;
use super::receive::READ_SIZE;
use super::run::Settings;
use super::stamps::Stamps;
use super::timer::Timer;
use super::worker::{Stage, Worker};
use crate::event::{Clock, Poller, Wheel};
use crate::measure::{Interval, Recorder, Shape};
use crate::plan::hash::{self, Purpose};
use crate::plan::{IdCursor, Moment, Plan};
use crate::profile::{Connections, Model, Profile};

/// Where a worker's empty intervals come from.
pub(super) type Empties = Receiver<Box<Interval>>;

/// Events of one wait.
pub(super) const EVENTS: usize = 1024;

/// What one worker is made from.
pub(super) struct Assignment {
    pub index: usize,
    /// Of the run.
    pub workers: u32,
    pub endpoints: Range<u32>,
    pub plan: Arc<Plan>,
    pub shape: Arc<Shape>,
    pub settings: Arc<Settings>,
    pub control: Arc<Control>,
    pub clock: Clock,
    pub reports: Sender<Report>,
}

impl<'a> Worker<'a> {
    /// Builds the tables of one worker. Called on the worker's own thread.
    pub(super) fn new(assignment: &'a Assignment, spare: Empties) -> std::io::Result<Self> {
        Ok(Self::with(assignment, spare, Poller::new(EVENTS)?))
    }

    /// The same on a poller of whatever kind.
    pub(super) fn with(assignment: &'a Assignment, spare: Empties, poller: Poller) -> Self {
        let (plan, settings, clock) = (&assignment.plan, &assignment.settings, assignment.clock);
        let (profile, count) = (&settings.profile, assignment.endpoints.len());
        let portion = count as f64 / f64::from(plan.endpoints.max(1));
        let connections = connections_of(plan, assignment.index as u32, count as u32);
        Self {
            index: assignment.index,
            workers: assignment.workers,
            poller,
            wheel: wheel_for(&connections, clock),
            recorder: Recorder::new(assignment.shape.clone()),
            stage: Stage::Connecting,
            load_start: 0,
            load_end: u64::MAX,
            drain: Drain::Open,
            fences_from: 0,
            base: assignment.endpoints.start,
            endpoints: vec![Endpoint::NEW; count],
            caller: caller_of(&connections),
            acks: Acks::new(),
            cold: Pool::new(),
            dialect: Dialect::new(profile, plan, count),
            upcoming: Vec::new(),
            picked: picked(profile, count),
            state: vec![0; count * plan.state_words],
            id_cursors: vec![IdCursor::START; count * plan.scopes.len()],
            caller_cursors: vec![IdCursor::START; plan.scopes.len()],
            uuid_counter: 0,
            nameless: HashMap::new(),
            exchanges: Exchanges::new(exchange_limit(profile, portion)),
            observed: Observed::default(),
            pushed: Pushed::new(),
            deliveries: Deliveries::new(plan, settings.nonce, count),
            batch: Batch::default(),
            moment: Moment::at(0),
            prepared: Prepared::default(),
            begun: Vec::new(),
            scratch: vec![0; profile.limits.packet_size as usize + READ_SIZE].into_boxed_slice(),
            stamps: stamps_of(assignment),
            fired: Vec::new(),
            due: VecDeque::new(),
            unread: VecDeque::new(),
            broken: Vec::new(),
            handshakes: VecDeque::new(),
            runnable: VecDeque::new(),
            capped: VecDeque::new(),
            cap_armed: false,
            message_cap: Limiter::new(profile.limits.messages_per_s.0 * portion, 0.02),
            closed_cap: closed_cap(profile).map(|rate| Limiter::new(rate * portion, 0.01)),
            attempts: Attempts::new(profile, portion, connections.len() as u32),
            away: Absences::default(),
            upkeep: VecDeque::new(),
            settled: 0,
            up: 0,
            ever_up: 0,
            connections,
            plan,
            settings,
            control: &assignment.control,
            clock,
            reports: assignment.reports.clone(),
            spare,
            drained_at: 0,
            closing: 0,
            last_wake: clock.now(),
            rest: 0..0,
        }
    }
}

/// Which of this worker's requests ask for the kernel's timestamps.
fn stamps_of(assignment: &Assignment) -> Stamps {
    let (seed, index) = (assignment.plan.seed, assignment.index as u64);
    let key = hash::key(seed, Purpose::Timestamp, index);
    Stamps::new(assignment.settings.kernel_timestamps, key)
}

/// This worker's part of the requests that may be in flight.
fn exchange_limit(profile: &Profile, portion: f64) -> usize {
    ((f64::from(profile.limits.in_flight) * portion).ceil() as usize).max(1)
}

/// With room for a connect timeout of each connection, in whose place its keep-alive lies later.
fn wheel_for(connections: &[Connection], clock: Clock) -> Wheel<Timer> {
    let mut wheel = Wheel::new(clock.now());
    wheel.reserve(connections.len());
    wheel
}

/// Index of the caller's connection.
fn caller_of(connections: &[Connection]) -> Option<u32> {
    let position = connections.iter().position(|row| row.part == Part::Caller);
    position.map(|position| position as u32)
}

/// A count for each endpoint where its own progress decides what is next; elsewhere the schedule knows.
fn picked(profile: &Profile, endpoints: usize) -> Vec<u64> {
    match profile.load.model {
        Model::Closed { .. } | Model::Max => vec![0; endpoints],
        Model::Open(_) | Model::OpenOwnRates => Vec::new(),
    }
}

/// The closed model's own cap, per second for the fleet.
fn closed_cap(profile: &Profile) -> Option<f64> {
    match profile.load.model {
        Model::Closed { cap, .. } => cap.map(|rate| rate.0),
        Model::Open(_) | Model::OpenOwnRates | Model::Max => None,
    }
}

/// The connection table of worker `index` with `endpoints` endpoints.
fn connections_of(plan: &Plan, index: u32, endpoints: u32) -> Vec<Connection> {
    let mut table: Vec<Connection> =
        Vec::with_capacity(plan.connections_of(endpoints) as usize + 1);
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
    if index < plan.callers(u32::MAX) && endpoints > 0 {
        table.push(Connection::new(Part::Caller, 0..0));
    }
    table
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::engine::{Approach, shape};
    use crate::plan::{Identities, Shard};
    use crate::profile;

    /// Endpoints, connections and scheduled streams that a worker holds for one shard.
    fn held(
        plan: &Arc<Plan>,
        settings: &Arc<Settings>,
        shard: Shard,
    ) -> (Range<u32>, usize, usize) {
        let (reports, _kept) = channel();
        let (_kept_too, spare) = channel();
        let control = Arc::new(Control::new());
        control.arm(0);
        let assignment = Assignment {
            index: shard.index as usize,
            workers: shard.count,
            endpoints: plan.shard(shard),
            plan: plan.clone(),
            shape: Arc::new(shape(plan, &settings.profile)),
            settings: settings.clone(),
            control,
            clock: Clock::start(),
            reports,
        };
        let mut worker = Worker::new(&assignment, spare).unwrap();
        worker.stage = Stage::Loading;
        worker.start_streams();
        assert_eq!(
            worker.endpoints.len(),
            (assignment.endpoints.end - assignment.endpoints.start) as usize
        );
        (
            assignment.endpoints.clone(),
            worker.connections.len(),
            worker.upcoming.len(),
        )
    }

    #[test]
    fn rows_are_as_large_as_the_plan_says() {
        use crate::event::{Socket, websocket::WebSocket};
        use crate::plan::{CONNECTION_BYTES, ENDPOINT_BYTES, TIMER_BYTES, WEBSOCKET_BYTES};
        // mio's stream is larger where debug assertions are on.
        let beyond = size_of::<Option<crate::event::Socket>>().saturating_sub(16);
        let connection = size_of::<Connection>() - beyond;
        assert!((CONNECTION_BYTES - 8..=CONNECTION_BYTES).contains(&(connection as u64)));
        let websocket = size_of::<WebSocket>() + 16 - size_of::<Socket>();
        assert_eq!(websocket as u64, WEBSOCKET_BYTES);
        assert_eq!(size_of::<Endpoint>() as u64, ENDPOINT_BYTES);
        assert_eq!(Wheel::<Timer>::timer_bytes() as u64, TIMER_BYTES);
    }

    #[test]
    fn shard_k_of_64_holds_and_schedules_only_its_own_endpoints() {
        let sets = ["fleet.endpoints=1000".to_owned()];
        let loaded = profile::load("kaa-fleet", &sets, &|_| unreachable!("shipped")).unwrap();
        let plan = Arc::new(Plan::compile(&loaded.profile, Identities::none()).unwrap());
        let settings = Arc::new(Settings {
            profile: loaded.profile,
            targets: vec![([127, 0, 0, 1], 1).into()],
            password: None,
            tls: None,
            websocket: Vec::new(),
            nonce: 1,
            workers: 1,
            raw_log: None,
            approach: Approach::Asleep,
            kernel_timestamps: 0.0,
        });
        let mut next = 0;
        for index in 0..64 {
            let (endpoints, connections, streams) =
                held(&plan, &settings, Shard { index, count: 64 });
            assert_eq!(endpoints.start, next, "shards follow one another");
            let count = (endpoints.end - endpoints.start) as usize;
            assert!((15..=16).contains(&count), "shard {index} has {count}");
            assert_eq!(
                (connections, streams),
                (count, count * plan.schedule.streams())
            );
            next = endpoints.end;
        }
        assert_eq!(next, 1000, "together they are the fleet");
    }
}
