//! `midge run`: the main job, from a profile to a folder of results.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::calibration::CalibrationArgs;
use super::kernel_timestamps::KernelTimestampsArgs;
use super::limits::Machine;
use super::prepare::{Prepared, fetch, prepare_with};
use super::progress::ProgressLine;
use super::raw_log::{self, RawLogArgs};
use super::signals::{Signals, Wake};
use super::simulated::SimulatedTenant;
use super::witness::{Beside, WitnessArgs, make_room};
use super::{
    Failure, ProfileArgs, colour, environment, print_data, size, sources, target, tls, websocket,
};
use crate::conclusion::{self, Ended};
use crate::engine::{self, Approach, Measured, Settings};
use crate::event::Clock;
use crate::plan::Arithmetic;
use crate::profile::{Loaded, Profile, Target};
use crate::report::{self, Exit, Recorded, RunResult};

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    profile: ProfileArgs,
    /// The run's own folder: new, or existing and empty [default: results/<UTC time>-<profile>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Threads that drive the fleet
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: u16,
    /// Stays awake for the last microseconds before each intended instant: requests leave more
    /// punctually, and each thread takes up to a core for itself
    #[arg(long)]
    spin: bool,
    /// Prints run.json instead of the screen
    #[arg(long)]
    json: bool,
    /// A host that may be loaded although it is neither loopback nor private
    #[arg(long = "allow-target", value_name = "HOST")]
    allowed: Vec<String>,
    #[command(flatten)]
    witness: WitnessArgs,
    #[command(flatten)]
    raw_log: RawLogArgs,
    #[command(flatten)]
    kernel_timestamps: KernelTimestampsArgs,
    #[command(flatten)]
    calibration: CalibrationArgs,
}

impl Default for RunArgs {
    fn default() -> Self {
        #[derive(clap::Parser)]
        struct Bare {
            #[command(flatten)]
            args: RunArgs,
        }
        <Bare as clap::Parser>::parse_from(["midge"]).args
    }
}

/// Where the messages go.
enum Goal {
    Simulated(SimulatedTenant),
    Real(Vec<SocketAddr>),
}

pub(super) fn run(args: &RunArgs) -> Result<Exit, Failure> {
    let prepared = prepare_with(&args.profile, args.witness.endpoints())?;
    let order = args.witness.order(&prepared)?;
    let profile = &prepared.loaded.profile;
    let (machine, arithmetic) = admit(args, &prepared)?;
    let environment = environment::look(machine.descriptors);
    let known = args.calibration.look(&environment, args.workers)?;
    let signals = Signals::new()
        .map_err(|error| Failure::internal(format!("cannot wait for signals: {error}")))?;
    let clock = Clock::start();
    let goal = aim(args, &prepared.loaded)?;
    let mut settings = settings(args, &prepared, &goal, clock)?;
    tls::admit_witness(&settings, order.is_some())?;
    websocket::admit_witness(&settings, order.is_some())?;
    if let Some(order) = &order {
        make_room(order, &settings.targets, &mut settings.profile)?;
    }
    let folder = claim(args.out.as_deref(), clock.unix_ns_at_start(), &profile.name)?;
    announce(profile, &goal);
    eprintln!("{}", size::line(profile, &prepared.plan, &arithmetic));
    let mut beside = order
        .map(|order| Beside::start(order, &prepared, &settings, clock))
        .transpose()?;
    let (mut measured, stopped_by) =
        carry_out(&prepared, settings, clock, signals, beside.as_mut())?;
    let testimony = beside.map(Beside::finish);
    let targets = targets_in_words(profile, &goal);
    let (simulated, tenant) = match goal {
        Goal::Simulated(tenant) => (true, tenant.stop()),
        Goal::Real(_) => (false, None),
    };
    measured.seconds.limits = machine.limits(measured.seconds.limits, &profile.target);
    let mut result = conclusion::result(Ended {
        loaded: &prepared.loaded,
        plan: &prepared.plan,
        shape: &prepared.shape,
        thresholds: &prepared.thresholds,
        measured: &measured,
        clock,
        targets,
        simulated_tenant: simulated,
        stopped_by,
        environment,
        process: environment::process(args.spin),
        ceiling: known.ceiling.as_ref(),
        tenant,
    });
    result.connections.tls = tls::result(profile, &measured);
    result.generator.calibration_ignored = known.ignored;
    let (tally, bounds) = (&measured.tally, prepared.shape.bounds());
    args.kernel_timestamps.tell(&mut result, tally, bounds);
    if let Some(testimony) = testimony {
        result.add_witness(&testimony, &prepared.shape, &measured.tally);
    }
    keep(&prepared, &measured, &result, clock, &folder, args.json)
}

/// What the machine has and what the run needs of it, if that fits.
fn admit(args: &RunArgs, prepared: &Prepared) -> Result<(Machine, Arithmetic), Failure> {
    let target = &prepared.loaded.profile.target;
    let machine = Machine::look();
    let mut arithmetic = prepared.plan.arithmetic(u32::from(args.workers));
    arithmetic.files += u64::from(args.witness.endpoints());
    machine.admit(&arithmetic, sources::pairs(target))?;
    sources::are_here(&target.bind)?;
    Ok((machine, arithmetic))
}

/// What the engine needs besides the plan.
fn settings(
    args: &RunArgs,
    prepared: &Prepared,
    goal: &Goal,
    clock: Clock,
) -> Result<Settings, Failure> {
    let (profile, plan) = (&prepared.loaded.profile, &prepared.plan);
    Ok(Settings {
        profile: profile.clone(),
        targets: match goal {
            Goal::Simulated(tenant) => vec![tenant.address],
            Goal::Real(addresses) => addresses.clone(),
        },
        password: profile.target.password.as_ref().map(fetch).transpose()?,
        tls: tls::security(profile, plan)?,
        websocket: websocket::requests(profile)?,
        nonce: clock.unix_ns_at_start() ^ u64::from(std::process::id()).rotate_left(48),
        workers: usize::from(args.workers),
        raw_log: args.raw_log.create()?,
        approach: if args.spin {
            Approach::Awake
        } else {
            Approach::Asleep
        },
        kernel_timestamps: args.kernel_timestamps.share(),
    })
}

/// Writes the files and shows the result. The screen comes first: a full disk must not cost it.
fn keep(
    prepared: &Prepared,
    measured: &Measured,
    result: &RunResult,
    clock: Clock,
    folder: &Path,
    json: bool,
) -> Result<Exit, Failure> {
    let recorded = Recorded {
        result,
        shape: &prepared.shape,
        tally: &measured.tally,
        seconds: &measured.seconds,
        profile_toml: &prepared.loaded.source_text,
        started_unix_ns: clock.unix_ns_at_start(),
    };
    let written = report::write_run(folder, &recorded);
    if json {
        let text = serde_json::to_string_pretty(result)
            .map_err(|error| Failure::internal(format!("cannot write JSON: {error}")))?;
        print_data(&format!("{text}\n"))?;
    } else {
        let shown = written.is_ok().then(|| folder.display().to_string());
        print_data(&report::format::screen(result, shown.as_deref(), colour()))?;
    }
    written.map_err(|error| {
        Failure::internal(format!(
            "the results could not be kept in {}: {error}",
            folder.display()
        ))
    })?;
    raw_log::check(measured.logged.as_ref())?;
    Ok(report::exit_of(result, result.stopped_by.as_deref()))
}

/// The run's own folder. By default one of the present second; runs that begin together get a number.
fn claim(out: Option<&Path>, started_unix_ns: u64, profile: &str) -> Result<PathBuf, Failure> {
    const TOGETHER: u32 = 1000;
    let refused = |folder: &Path, error: std::io::Error| {
        Failure::usage(format!(
            "cannot keep results in {}: {error}",
            folder.display()
        ))
    };
    if let Some(folder) = out {
        report::claim(folder).map_err(|error| refused(folder, error))?;
        return Ok(folder.to_owned());
    }
    let results = Path::new("results");
    std::fs::create_dir_all(results).map_err(|error| refused(results, error))?;
    let first = results.join(report::folder::name(started_unix_ns, profile));
    let mut folder = first.clone();
    for number in 2..TOGETHER {
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                folder = PathBuf::from(format!("{}-{number}", first.display()));
            }
            Err(error) => return Err(refused(&folder, error)),
        }
    }
    Err(Failure::internal("a thousand runs began in one second"))
}

fn aim(args: &RunArgs, loaded: &Loaded) -> Result<Goal, Failure> {
    let Target { urls, bind, .. } = &loaded.profile.target;
    if urls.is_empty() {
        sources::reach(bind, sources::known(&loaded.profile.target))?;
        return SimulatedTenant::start(&args.profile.profile, loaded).map(Goal::Simulated);
    }
    let targets = target::resolve(urls, &args.allowed)?;
    sources::reach(bind, targets.iter().map(SocketAddr::ip))?;
    Ok(Goal::Real(targets))
}

fn targets_in_words(profile: &Profile, goal: &Goal) -> Vec<String> {
    match goal {
        Goal::Simulated(tenant) => vec![format!("mqtt://{}", tenant.address)],
        Goal::Real(_) => profile
            .target
            .urls
            .iter()
            .map(ToString::to_string)
            .collect(),
    }
}

/// The first line: what will be loaded, before anything is.
fn announce(profile: &Profile, goal: &Goal) {
    let targets = targets_in_words(profile, goal).join(", ");
    let kind = match goal {
        Goal::Simulated(_) => "the simulated tenant of this run, ",
        Goal::Real(_) => "",
    };
    let from = match &profile.target.bind {
        none if none.is_empty() => String::new(),
        sources => format!(" from {sources}"),
    };
    let unverified = if profile.target.tls.insecure {
        ", whose certificate is not verified"
    } else {
        ""
    };
    eprintln!(
        "{}: {} endpoints{from} against {kind}{targets}{unverified}",
        profile.name, profile.fleet.endpoints
    );
}

/// Runs the engine, shows its progress and hands signals on.
fn carry_out(
    prepared: &Prepared,
    settings: Settings,
    clock: Clock,
    mut signals: Signals,
    mut beside: Option<&mut Beside>,
) -> Result<(Measured, Option<String>), Failure> {
    let load = &prepared.loaded.profile.load;
    let connections = prepared.plan.arithmetic(settings.workers as u32);
    let line = ProgressLine::new(
        connections.connections + connections.callers,
        load.warm_up + load.measure,
    );
    let failed = |error: std::io::Error| Failure::internal(format!("the run broke down: {error}"));
    let run = engine::start(
        prepared.plan.clone(),
        prepared.shape.clone(),
        settings,
        clock,
    )
    .map_err(failed)?;
    let stopper = run.stopper();
    let mut stopped_by = None;
    while !run.is_finished() {
        let signal = match signals.wait(Duration::from_millis(100)) {
            Wake::Tick => None,
            Wake::Interrupt => Some("SIGINT"),
            Wake::Terminate => Some("SIGTERM"),
        };
        if let Some(beside) = &mut beside {
            beside.follow(&run);
        }
        run.progress
            .try_iter()
            .for_each(|progress| line.show(progress));
        match (signal, &stopped_by) {
            (Some(name), None) => {
                stopped_by = Some(name.to_owned());
                line.say("stopping: waiting for what is in flight (again: end at once)");
                stopper.stop();
                if let Some(beside) = &beside {
                    beside.stop();
                }
            }
            (Some(_), Some(_)) => stopper.abort(),
            (None, _) => {}
        }
    }
    line.end();
    run.finish()
        .map(|measured| (measured, stopped_by))
        .map_err(failed)
}
