//! One load of `midge calibrate`, carried out: the whole engine in this process, the far side in another.
//!
//! Not here: which loads there are, and what several rounds mean together (see `calibration`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::signals::{Signals, Wake};
use super::simulated::SimulatedTenant;
use super::sink::SinkProcess;
use super::{Failure, environment};
use crate::calibration::{FarSide, Load, Size};
use crate::engine::{self, Approach, Measured, Progress, Run, Settings};
use crate::event::Clock;
use crate::measure::Distribution;
use crate::plan::{Identities, Plan};
use crate::profile::Loaded;
use crate::sink::Counts;

/// The load goes on for so long after the second look, so that it is still a load then.
const BEYOND: Duration = Duration::from_millis(200);
/// How often it is looked whether the load has begun.
const TICK: Duration = Duration::from_millis(5);
/// How long the sink may take to read what was sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a load has yielded.
#[derive(Debug)]
pub(super) struct Seen {
    /// Messages per second, as sent or as the sink counted them if that is less; with the tenant, its
    /// replies.
    pub per_s: f64,
    /// Processors kept busy meanwhile.
    pub cpus: Cpus,
    /// How late messages left.
    pub lag: Box<Distribution>,
    /// As the sink counted them.
    pub connects_per_s: Option<f64>,
    /// Processors kept busy until all were connected.
    pub connecting: Cpus,
}

/// Processors kept busy on average.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cpus {
    /// By this process.
    pub midge: f64,
    /// By the far side; `None` if the system does not tell.
    pub far: Option<f64>,
}

/// Why a load did not come to its end.
#[derive(Debug)]
pub(super) enum Halt {
    /// A signal.
    Stopped,
    Failed(Failure),
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Carries it out. It takes a second or two longer than its size says.
pub(super) fn carry_out(
    load: &Load,
    size: Size,
    workers: u16,
    signals: &mut Signals,
) -> Result<Seen, Halt> {
    let broken = |error: &dyn std::fmt::Display| {
        Failure::internal(format!("{}: it broke down: {error}", load.title))
    };
    let longer = Size {
        measure: size.measure + BEYOND,
        ..size
    };
    let loaded = load
        .load(longer)
        .map_err(|errors| Failure::profile(&errors))?;
    let plan =
        Plan::compile(&loaded.profile, Identities::none()).map_err(|error| broken(&error))?;
    let mut far = Far::start(load.far, &loaded)?;
    let shape = engine::shape(&plan, &loaded.profile);
    let settings = Settings {
        profile: loaded.profile,
        targets: vec![far.address()],
        password: None,
        websocket: Vec::new(),
        nonce: 1,
        workers: usize::from(workers),
        raw_log: None,
        approach: Approach::Asleep,
        kernel_timestamps: 0.0,
        tls: None,
    };
    let clock = Clock::start();
    let begun = far.look(clock)?;
    let run = engine::start(Arc::new(plan), Arc::new(shape), settings, clock)
        .map_err(|error| broken(&error))?;
    let looks = looks(&run, &mut far, size, clock, signals);
    if looks.is_err() {
        run.stopper().abort();
    }
    let measured = run.finish().map_err(|error| broken(&error))?;
    let (first, last) = looks?;
    check(&measured).map_err(|why| broken(&why))?;
    let told = far.has_read(measured.tally.requests[0].whole_run.sent)?;
    let ledger = &measured.tally.requests[0].measured;
    let length = measured.lengths.measure.as_secs_f64();
    Ok(Seen {
        // A sink that was kept from running reads faster afterwards than anybody sends, and one that is
        // slower leaves messages to the kernel: neither goes on for long.
        per_s: first.counts.zip(last.counts).map_or_else(
            || ledger.ok as f64 / length,
            |(first, last)| last.per_s_since(&first).min(ledger.sent as f64 / length),
        ),
        cpus: first.cpus_until(&last),
        lag: Box::new(measured.tally.requests[0].figures().schedule_lag_us),
        connects_per_s: told.and_then(|counts| counts.connects_per_s()),
        connecting: begun.cpus_until(&first),
    })
}

/// A load whose accounts are wrong, or whose fleet is not whole, says nothing.
fn check(measured: &Measured) -> Result<(), String> {
    if let Some(panic) = measured.panics.first() {
        return Err(format!("a worker ended early: {panic}"));
    }
    if let Some((_, imbalance)) = measured.tally.imbalances().first() {
        return Err(format!("its accounts do not balance: {imbalance}"));
    }
    let (made, planned) = (measured.connections_made, measured.connections_planned);
    if made < planned {
        return Err(format!("{made} of {planned} endpoints could connect"));
    }
    Ok(())
}

/// Both processes at one instant.
struct Look {
    at_ns: u64,
    /// Processor time of this process, s.
    midge_s: f64,
    /// The same of the tenant, if that is at the other end.
    tenant_s: Option<f64>,
    /// Of the sink, if that is at the other end.
    counts: Option<Counts>,
}

impl Look {
    fn cpus_until(&self, later: &Self) -> Cpus {
        let ns = later.at_ns.saturating_sub(self.at_ns).max(1);
        let of = |earlier_s: f64, later_s: f64| (later_s - earlier_s) * 1e9 / ns as f64;
        let sink = self.counts.zip(later.counts);
        let sink = sink.map(|(earlier, later)| later.busy_since(&earlier));
        let tenant = self.tenant_s.zip(later.tenant_s);
        Cpus {
            midge: of(self.midge_s, later.midge_s),
            far: sink.or_else(|| tenant.map(|(earlier, later)| of(earlier, later))),
        }
    }
}

/// When measuring begins, and when it ends.
fn looks(
    run: &Run,
    far: &mut Far,
    size: Size,
    clock: Clock,
    signals: &mut Signals,
) -> Result<(Look, Look), Halt> {
    let begins = loop {
        // Asked first: what is over has said before whether it was loading.
        let over = run.is_finished();
        if run
            .progress
            .try_iter()
            .any(|said| said == Progress::Loading)
            && let Some(begins) = run.load_start()
        {
            break begins;
        }
        if over {
            return Err(Failure::internal("nobody could connect to the far side").into());
        }
        wait(TICK, signals)?;
    };
    let opens = begins + size.warm_up.as_nanos() as u64;
    let closes = opens + size.measure.as_nanos() as u64;
    let mut look_at = |instant: u64, signals: &mut Signals| {
        loop {
            let left = instant.saturating_sub(clock.now());
            if left == 0 {
                return far.look(clock);
            }
            wait(Duration::from_nanos(left), signals)?;
        }
    };
    Ok((look_at(opens, signals)?, look_at(closes, signals)?))
}

fn wait(time: Duration, signals: &mut Signals) -> Result<(), Halt> {
    match signals.wait(time) {
        Wake::Tick => Ok(()),
        Wake::Interrupt | Wake::Terminate => Err(Halt::Stopped),
    }
}

/// The other end.
enum Far {
    Sink(SinkProcess),
    Tenant(SimulatedTenant),
}

impl Far {
    fn start(side: FarSide, loaded: &Loaded) -> Result<Self, Failure> {
        match side {
            FarSide::Sink => SinkProcess::start().map(Self::Sink),
            FarSide::Tenant => {
                SimulatedTenant::start(&loaded.profile.name, loaded).map(Self::Tenant)
            }
        }
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Sink(sink) => sink.address,
            Self::Tenant(tenant) => tenant.address,
        }
    }

    /// The sink counts while this waits for its answer, and the load goes on: the processor time
    /// half-way is the one that belongs to the counts.
    fn look(&mut self, clock: Clock) -> Result<Look, Halt> {
        let asked = environment::cpu_s();
        let (counts, tenant_s) = match self {
            Self::Sink(sink) => (Some(sink.counts()?), None),
            Self::Tenant(tenant) => (None, environment::cpu_s_of(tenant.id())),
        };
        Ok(Look {
            at_ns: clock.now(),
            midge_s: f64::midpoint(asked, environment::cpu_s()),
            tenant_s,
            counts,
        })
    }

    /// Fails unless the sink has counted exactly the messages that were sent; it may still be
    /// reading. Its counts then.
    fn has_read(&mut self, sent: u64) -> Result<Option<Counts>, Failure> {
        let Self::Sink(sink) = self else {
            return Ok(None);
        };
        let begun = Instant::now();
        loop {
            let counts = sink.counts()?;
            if counts.messages == sent {
                return Ok(Some(counts));
            }
            if begun.elapsed() > PATIENCE {
                let counted = counts.messages;
                return Err(Failure::internal(format!(
                    "{sent} messages were sent and the sink has counted {counted}"
                )));
            }
            std::thread::sleep(TICK);
        }
    }
}
