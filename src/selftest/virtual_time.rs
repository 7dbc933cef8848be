//! Orders carried out in virtual time: fleet and simulated tenant in this thread, over a network in
//! memory, and the result in a folder as users get it.
//!
//! Nothing but arithmetic adds to a figure here, so the terms are strict, and the same order has the
//! same result on any machine. Not here: whose turn it is (see `simulation`), what is ordered, and what
//! should come of it.

use std::fmt::Display;
use std::fs::{self, File};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::folder::{ARRIVALS, Folder, LOG, OUT};
use super::observed::Observed;
use super::order::{Hold, Order};
use super::runner::{Broken, Runner, Terms, failed};
use crate::conclusion::{self, Ended, Process};
use crate::engine::{self, Approach, Settings};
use crate::measure::{Shape, Threshold};
use crate::plan::{Identities, Plan};
use crate::profile::{self, Loaded};
use crate::report::{self, Environment, Recorded, RunResult};
use crate::simulation::{self, Conditions, Simulated, Stop, Who, tenant_of};

/// Workers of each run. More than one, so that adding up is tested too.
const WORKERS: usize = 2;

/// Runs in this thread.
#[derive(Debug)]
pub struct VirtualTime {
    sets: Vec<String>,
    stopped: Arc<AtomicBool>,
}

impl VirtualTime {
    /// `sets` change the profile of every run; with `stopped` the next one does not begin.
    pub fn new(sets: Vec<String>, stopped: Arc<AtomicBool>) -> Self {
        Self { sets, stopped }
    }
}

impl Runner for VirtualTime {
    fn terms(&self) -> Terms {
        Terms {
            longer: 4,
            // Turns take no time at all.
            middle_ms: 0.0,
            tail_ms: 0.0,
            turn_ms: 0.0,
            // At a thousand per second, the next request after the pause's beginning.
            pause_ms: 1.0,
            sent: 0.0,
            received: 0.0,
            // The next one would be the same.
            attempts: 1,
            obedient: true,
        }
    }

    fn run(&self, order: &Order) -> Result<Observed, Broken> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(Broken::Stopped);
        }
        let folder = Folder::make()?;
        let job = Job::of(order, &self.sets)?;
        let simulated = job.carry_out(order, &folder)?;
        let result = job.keep(&simulated, &folder)?;
        let held = order.held.map(|hold| hold.length);
        folder.read(order, result, held)
    }

    fn rest(&self, _: u32) {}
}

/// An order, compiled.
struct Job {
    loaded: Loaded,
    plan: Arc<Plan>,
    shape: Arc<Shape>,
    thresholds: Vec<Threshold>,
}

impl Job {
    fn of(order: &Order, sets: &[String]) -> Result<Self, Broken> {
        let text = order.profile();
        let loaded = profile::load(Order::FILE, sets, &|_| Ok(text.clone()));
        let loaded = loaded.map_err(|errors| {
            let said: Vec<String> = errors
                .iter()
                .map(|error| error.render(profile::Colour::Never))
                .collect();
            Broken::Failed(said.join("\n\n"))
        })?;
        let plan = Plan::compile(&loaded.profile, Identities::none());
        let plan = plan.map_err(failed("the profile cannot be carried out"))?;
        let shape = engine::shape(&plan, &loaded.profile);
        let thresholds = Threshold::parse_all(&loaded.profile.thresholds, &shape);
        Ok(Self {
            plan: Arc::new(plan),
            thresholds: thresholds.map_err(failed("the profile"))?,
            shape: Arc::new(shape),
            loaded,
        })
    }

    /// Runs it; instants that are wanted come to be in the folder.
    fn carry_out(&self, order: &Order, folder: &Folder) -> Result<Simulated, Broken> {
        let mut tenant = tenant_of(&self.loaded).map_err(failed("the simulated tenant"))?;
        let mut raw_log = None;
        if order.instants {
            let file = File::create(folder.path().join(LOG));
            raw_log = Some(Arc::new(file.map_err(failed("no raw log"))?));
            tenant.arrivals = Some(folder.path().join(ARRIVALS));
        }
        let settings = Settings {
            profile: self.loaded.profile.clone(),
            // There is one, in memory.
            targets: Vec::new(),
            password: None,
            websocket: Vec::new(),
            nonce: order.seed,
            workers: WORKERS,
            raw_log,
            approach: Approach::Asleep,
            kernel_timestamps: 0.0,
            tls: None,
        };
        let conditions = Conditions {
            stops: order.held.map_or_else(Vec::new, stops),
            fleet_write: order.machine.write,
            tenant_write: Duration::ZERO,
            clock_set: order.machine.clock_set,
        };
        let (plan, shape) = (self.plan.clone(), self.shape.clone());
        let simulated = simulation::run(plan, shape, settings, tenant, &conditions);
        let simulated = simulated.map_err(failed("a run broke down"))?;
        if let Some(error) = log_error(&simulated) {
            return Err(failed("a raw log broke off")(error));
        }
        Ok(simulated)
    }

    /// Writes the result's files, and reads the result as others do.
    fn keep(&self, simulated: &Simulated, folder: &Folder) -> Result<RunResult, Broken> {
        let Simulated {
            measured,
            tenant,
            clock,
            ..
        } = simulated;
        let tenant = serde_json::to_value(tenant).map_err(failed("the tenant's counts"))?;
        let result = conclusion::result(Ended {
            loaded: &self.loaded,
            plan: &self.plan,
            shape: &self.shape,
            thresholds: &self.thresholds,
            measured,
            clock: *clock,
            targets: Vec::new(),
            simulated_tenant: true,
            stopped_by: None,
            // No machine has a part in it.
            environment: Environment::default(),
            process: Process::default(),
            ceiling: None,
            tenant: Some(tenant),
        });
        let recorded = Recorded {
            result: &result,
            shape: &self.shape,
            tally: &measured.tally,
            seconds: &measured.seconds,
            profile_toml: &self.loaded.source_text,
            started_unix_ns: clock.unix_ns_at_start(),
        };
        let out = folder.path().join(OUT);
        fs::create_dir(&out)
            .and_then(|()| report::write_run(&out, &recorded))
            .and_then(|()| report::read_run(&out))
            .map_err(failed("a run's files cannot be kept"))
    }
}

fn log_error(simulated: &Simulated) -> Option<&impl Display> {
    simulated.measured.logged.as_ref()?.error.as_ref()
}

/// The whole process of the fleet stands still, as by a signal.
fn stops(hold: Hold) -> Vec<Stop> {
    let Hold {
        after,
        length,
        pause,
        times,
    } = hold;
    let stop = |before: u32| Stop {
        who: Who::Fleet,
        after: after + (length + pause) * before,
        length,
    };
    (0..times).map(stop).collect()
}

#[cfg(test)]
mod tests {
    use super::super::order::Arrivals;
    use super::*;

    fn run(order: &Order, sets: &[&str]) -> Result<Observed, Broken> {
        let sets = sets.iter().map(ToString::to_string).collect();
        VirtualTime::new(sets, Arc::default()).run(order)
    }

    fn brief() -> Order {
        Order {
            arrivals: Arrivals::Poisson,
            measure_ms: 1_000,
            instants: true,
            ..Order::default()
        }
    }

    #[test]
    fn an_order_has_the_same_files_each_time() {
        let order = brief().tenant("service-time", "exp:5ms");
        let [one, two] = [(); 2].map(|()| run(&order, &[]).unwrap());
        let json = |of: &Observed| serde_json::to_string(&of.result).unwrap();
        assert_eq!(json(&one), json(&two));
        assert_eq!(one.received, two.received);
        assert_eq!(one.log, two.log);
        assert!(one.result.verdict.valid && one.planned() > 800);
        assert_eq!(one.log.len(), one.received.len());
        assert!(one.load_start().is_some() && one.held.is_none());
    }

    #[test]
    fn a_pause_comes_when_it_was_ordered_as_often_as_it_was_ordered() {
        let hold = Hold {
            after: Duration::from_millis(1_200),
            length: Duration::from_millis(50),
            pause: Duration::from_millis(150),
            times: 3,
        };
        let ordered = stops(hold);
        let after: Vec<u128> = ordered.iter().map(|stop| stop.after.as_millis()).collect();
        assert_eq!(after, [1_200, 1_400, 1_600]);
        let order = Order {
            held: Some(hold),
            arrivals: Arrivals::Constant,
            ..brief()
        };
        let observed = run(&order, &[]).unwrap();
        let late = observed
            .measured()
            .filter(|entry| entry.sent > entry.intended);
        let late = late.count();
        assert!((147..=150).contains(&late), "{late}");
        assert_eq!(observed.held, Some(hold.length));
    }

    #[test]
    fn what_cannot_be_run_says_why() {
        for (set, said) in [
            ("load.arrival_rates=5/s", "arrival_rates"),
            ("tenant.stall=never", "stall"),
            ("request.*.payload={nothing}", "nothing"),
        ] {
            match run(&brief(), &[set]) {
                Err(Broken::Failed(why)) => assert!(why.contains(said), "{why}"),
                other => panic!("{set}: {other:?}"),
            }
        }
        let stopped = Arc::new(AtomicBool::new(true));
        let runner = VirtualTime::new(Vec::new(), stopped);
        assert_eq!(runner.run(&brief()).unwrap_err(), Broken::Stopped);
    }
}
