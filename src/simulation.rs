//! A run in virtual time: the fleet's workers and the simulated tenant, the same code as over sockets,
//! on one thread, over a network in memory.
//!
//! Each of them is at a place with a clock of its own. Whoever has something to do at the earliest
//! instant goes on, its clock is moved there, and its turn takes no time at all, or as much as the
//! conditions say. So a run takes as long as its work, depends on nothing but its arguments, and what it
//! measures can be worked out beforehand. Not here: what workers and tenant do in their turns, and what a
//! result should have been.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Approach, Fleet, Measured, Settings, in_steps};
use crate::event::memory::{Network, Place};
use crate::event::{Clock, ClockSet, Poller};
use crate::measure::Shape;
use crate::plan::Plan;
use crate::profile::{Definitions, Loaded};
use crate::tenant::{Steps, TenantOptions, TenantReport};

/// The beginning of every simulated run: 2026-01-01T00:00:00Z, Unix time in ns.
const BEGINNING: u64 = 1_767_225_600_000_000_000;
/// Where the tenant listens. Nothing else is in its network.
const TENANT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1883);
/// Bytes that wait in one direction of a connection, at most.
const BUFFER: usize = 256 << 10;
/// Events of one wait of a worker.
const EVENTS: usize = 1024;
/// Turns at one and the same instant. Far more than any load needs whose time goes on.
const TURNS_MAX: u32 = 500_000;

/// What goes wrong, and what takes time. [`Conditions::default`]: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// What each write takes a worker.
    pub fleet_write: Duration,
    /// What each write takes the tenant.
    pub tenant_write: Duration,
    /// Pauses in which somebody is kept from running.
    pub stops: Vec<Stop>,
    /// The wall clock of both sides' machine is set, once.
    pub clock_set: Option<ClockSet>,
}

/// Somebody is kept from running, as by SIGSTOP: nothing is done in between, and everything that is
/// overdue afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// Who.
    pub who: Who,
    /// From when on, counted from the beginning of the load.
    pub after: Duration,
    /// How long.
    pub length: Duration,
}

/// Who can be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The process with all workers and the run's heartbeat.
    Fleet,
    /// One worker, by its index.
    Worker(usize),
    /// The tenant's process.
    Tenant,
}

/// What a simulated run has yielded.
#[derive(Debug)]
pub struct Simulated {
    /// As from a run over sockets.
    pub measured: Measured,
    /// The tenant's own counts.
    pub tenant: TenantReport,
    /// The run's clock, as it stands at its end.
    pub clock: Clock,
    /// Turns that were taken.
    pub turns: u64,
}

/// The tenant of a profile, as a run without a target has it.
///
/// # Errors
/// A sentence about the flag that is wrong.
pub fn tenant_of(loaded: &Loaded) -> Result<TenantOptions, String> {
    let mut options = TenantOptions::default();
    for (flag, value) in &loaded.profile.tenant {
        options.set(flag, value)?;
    }
    options.definitions = Definitions::from(loaded.clone());
    Ok(options)
}

/// Carries a run out. Of the settings, targets and approach are of no meaning; with the same arguments,
/// the nonce among them, comes the same result.
///
/// # Errors
/// The load lets no time go on (`"max"`, or a closed loop without any delay, whose limit of messages per
/// second is out of reach, needs [`Conditions::fleet_write`]); the tenant's file of arrivals cannot be
/// written.
pub fn run(
    plan: Arc<Plan>,
    shape: Arc<Shape>,
    mut settings: Settings,
    mut tenant: TenantOptions,
    conditions: &Conditions,
) -> io::Result<Simulated> {
    settings.targets = vec![TENANT];
    settings.approach = Approach::Asleep;
    tenant.listen = TENANT;
    let network = Network::new(BUFFER);
    let actor = |role| Actor::new(role, &network, conditions);
    let workers: Vec<Actor> = (0..settings.workers.max(1))
        .map(|index| actor(Role::Worker(index)))
        .collect();
    let (far, heart) = (actor(Role::Tenant), actor(Role::Heart));
    let mut world = World {
        tenant: Steps::at(far.clock, far.place.clone(), tenant)?,
        clock: Clock::standing_beside(BEGINNING, conditions.clock_set),
        turns: 0,
        standing: 0,
    };
    let measured = in_steps(
        plan,
        shape,
        settings,
        world.clock,
        |index| {
            let Actor { clock, place, .. } = &workers[index];
            Ok((*clock, Poller::at(place.clone(), EVENTS)))
        },
        |fleet| {
            let workers = workers[..fleet.workers()].iter();
            let actors = [&far].into_iter().chain(workers).chain([&heart]).collect();
            world.drive(fleet, actors)
        },
    )?;
    Ok(Simulated {
        measured,
        tenant: world.tenant.finish()?,
        clock: world.clock,
        turns: world.turns,
    })
}

/// Whose turn it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Tenant,
    Worker(usize),
    /// The run's own heartbeat.
    Heart,
}

/// Somebody at a place.
#[derive(Debug)]
struct Actor {
    role: Role,
    clock: Clock,
    place: Place,
    /// Beginnings, counted from that of the load, and lengths, ns; in order.
    stops: Vec<(u64, u64)>,
}

impl Actor {
    fn new(role: Role, network: &Network, conditions: &Conditions) -> Self {
        let concerns = |who: Who| match (who, role) {
            (Who::Tenant, Role::Tenant) | (Who::Fleet, Role::Worker(_) | Role::Heart) => true,
            (Who::Worker(stopped), Role::Worker(index)) => stopped == index,
            _ => false,
        };
        let stops = conditions.stops.iter().filter(|stop| concerns(stop.who));
        let mut stops: Vec<(u64, u64)> = stops
            .map(|stop| (nanoseconds(stop.after), nanoseconds(stop.length)))
            .collect();
        stops.sort_unstable();
        let write = match role {
            Role::Tenant => conditions.tenant_write,
            Role::Worker(_) | Role::Heart => conditions.fleet_write,
        };
        let clock = Clock::standing_beside(BEGINNING, conditions.clock_set);
        Self {
            role,
            clock,
            place: network.place(clock, write),
            stops,
        }
    }

    /// When it goes on that has something to do at `due`, or when something comes; `None`: never.
    fn goes_on(&self, due: Option<u64>, load_start: Option<u64>) -> Option<u64> {
        let comes = self.place.next();
        let first = due.into_iter().chain(comes).min()?;
        let mut at = first.max(self.clock.elapsed());
        if let Some(load_start) = load_start {
            for (after, length) in &self.stops {
                let from = load_start + after;
                if (from..from + length).contains(&at) {
                    at = from + length;
                }
            }
        }
        Some(at)
    }

    /// An instant by the reading of its clock, as time: the same, unless reading is done by mistake.
    fn in_time(&self, due: u64) -> u64 {
        due.saturating_sub(self.clock.now() - self.clock.elapsed())
    }
}

/// What is beside the fleet, and how far all has come.
struct World {
    tenant: Steps,
    /// The latest instant of all, which is the coordinator's.
    clock: Clock,
    turns: u64,
    /// Turns since time has last gone on.
    standing: u32,
}

impl World {
    /// Until the fleet has ended, and the tenant has heard of it.
    fn drive(&mut self, fleet: &mut Fleet, actors: Vec<&Actor>) -> io::Result<()> {
        let mut all: Vec<(&Actor, Option<u64>)> =
            actors.into_iter().map(|actor| (actor, Some(0))).collect();
        while !fleet.has_ended() {
            let load_start = fleet.load_start();
            let goes_on = |(actor, due): &(&Actor, Option<u64>)| actor.goes_on(*due, load_start);
            let each = all.iter().enumerate();
            // Of several at one instant, the first one.
            let first = each
                .filter_map(|(index, row)| Some((goes_on(row)?, index)))
                .min();
            let (at, index) = first.ok_or_else(|| io::Error::other("everybody waits for ever"))?;
            self.come_to(at)?;
            let (actor, due) = &mut all[index];
            actor.clock.move_to(at);
            let next = match actor.role {
                Role::Tenant => self.tenant.turn()?,
                Role::Worker(index) => fleet.turn(index)?,
                Role::Heart => Some(fleet.beat(actor.clock.now())),
            };
            *due = next.map(|due| actor.in_time(due));
        }
        let (tenant, _) = all[0];
        while let Some(at) = tenant.goes_on(None, None) {
            self.come_to(at)?;
            tenant.clock.move_to(at);
            self.tenant.turn()?;
        }
        Ok(())
    }

    /// A turn begins at this instant.
    fn come_to(&mut self, at: u64) -> io::Result<()> {
        self.turns += 1;
        self.standing = if at > self.clock.elapsed() {
            0
        } else {
            self.standing + 1
        };
        if self.standing > TURNS_MAX {
            let seconds = at as f64 / 1e9;
            return Err(io::Error::other(format!(
                "time stands still at {seconds} s: {TURNS_MAX} turns took none of it; give writes a \
                 cost, or the load a think time"
            )));
        }
        self.clock.move_to(at);
        Ok(())
    }
}

fn nanoseconds(length: Duration) -> u64 {
    length.as_nanos() as u64
}
