//! `midge calibrate`: what this machine can do, found out with the whole engine and kept in a file.
//!
//! Not here: the loads and what is kept of them (see `calibration`), and carrying one out (see
//! `round`).

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::calibration::{FILE, usual_file};
use super::round::{Cpus, Halt, carry_out};
use super::signals::Signals;
use super::size::count;
use super::{Failure, environment, limits, print_data};
use crate::calibration::{Calibration, Capability, Connections, Lag, Load, Machine, Size};
use crate::plan::{FILES_APART, Identities, Plan};
use crate::report::{Environment, Exit, folder};
use crate::units::Span;

/// Endpoints of most loads, where as many fit.
const ENDPOINTS: u64 = 1_000;
/// Endpoints that connect, where as many fit.
const CONNECTING: u64 = 5_000;
/// For how long each load is measured.
const MEASURE: Duration = Duration::from_secs(2);
/// Before a load is measured, at most.
const WARM_UP: Duration = Duration::from_millis(500);
/// Endpoints whose memory is computed to find that of one.
const MANY: u32 = 1_001;
/// In the load of connects there is nothing to wait for.
const HARDLY: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub(super) struct CalibrateArgs {
    /// One round instead of three: less than half a minute, and more likely to be disturbed
    #[arg(long)]
    quick: bool,
    /// Keeps the figures in this file [default: midge/calibration.toml in `$XDG_STATE_HOME`, or else in
    /// `~/.local/state`, where runs look for it]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Threads that drive the fleet; the figures hold for runs with as many
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: u16,
    /// For how long each load is measured in each round [default: 2s]
    #[arg(long, hide = true, value_name = "DURATION", value_parser = measure)]
    measure: Option<Duration>,
}

fn measure(text: &str) -> Result<Duration, String> {
    let Span(measure) = text.parse::<Span>().map_err(|error| format!("{error}"))?;
    let (least, most) = (Duration::from_millis(10), Duration::from_secs(10));
    if (least..=most).contains(&measure) {
        Ok(measure)
    } else {
        Err("write 10ms to 10s".to_owned())
    }
}

pub(super) fn run(args: &CalibrateArgs) -> Result<Exit, Failure> {
    let Some(file) = args.out.clone().or_else(usual_file) else {
        let text = "neither XDG_STATE_HOME nor HOME says where to keep the figures; use --out FILE";
        return Err(Failure::usage(text));
    };
    // Before a minute is spent.
    let (parent, name) = place(&file)?;
    folder::write_whole(&parent, &format!("{name}.try"), "")
        .and_then(|()| std::fs::remove_file(parent.join(format!("{name}.try"))))
        .map_err(|error| unwritable(&file, &error))?;
    let mut signals = Signals::new()
        .map_err(|error| Failure::internal(format!("cannot wait for signals: {error}")))?;
    let machine = limits::Machine::look();
    let environment = environment::look(machine.descriptors);
    let calibration = match measured(args, machine, &environment, &mut signals) {
        Ok(calibration) => calibration,
        Err(Halt::Stopped) => return Ok(Exit::Stopped),
        Err(Halt::Failed(failure)) => return Err(failure),
    };
    let text = calibration
        .text()
        .map_err(|error| Failure::internal(format!("cannot write TOML: {error}")))?;
    print_data(&table(&calibration))?;
    folder::write_whole(&parent, &name, &text).map_err(|error| unwritable(&file, &error))?;
    print_data(&format!("kept in      {}\n", file.display()))?;
    Ok(Exit::Passed)
}

/// The folder, which is there then, and the name in it.
fn place(file: &Path) -> Result<(PathBuf, String), Failure> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        let shown = file.display();
        Failure::usage(format!(
            "{shown} names no file; say --out {FILE}, for example"
        ))
    })?;
    let parent = match file.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    };
    std::fs::create_dir_all(parent).map_err(|error| unwritable(file, &error))?;
    Ok((parent.to_owned(), name.to_owned()))
}

fn unwritable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!(
        "cannot keep the figures in {}: {error}",
        file.display()
    ))
}

/// What one round has yielded, or the best of several.
struct Round {
    qos0: Capability,
    qos0_batched: Capability,
    qos1: Capability,
    qos2: Capability,
    request_reply: Capability,
    connects: Capability,
    lag: Vec<Lag>,
}

impl Round {
    fn and(self, other: Self) -> Self {
        let lag = self.lag.into_iter().zip(other.lag);
        Self {
            qos0: self.qos0.and(other.qos0),
            qos0_batched: self.qos0_batched.and(other.qos0_batched),
            qos1: self.qos1.and(other.qos1),
            qos2: self.qos2.and(other.qos2),
            request_reply: self.request_reply.and(other.request_reply),
            connects: self.connects.and(other.connects),
            lag: lag.map(|(mine, other)| mine.and(other)).collect(),
        }
    }
}

/// How much is run.
struct Scale {
    rounds: u32,
    size: Size,
    connecting: u64,
    workers: u16,
}

impl Scale {
    fn of(args: &CalibrateArgs, room: u64) -> Result<Self, Failure> {
        let rounds = if args.quick { 1 } else { 3 };
        let measure = args.measure.unwrap_or(MEASURE);
        if room == 0 {
            return Err(Failure::internal(
                "no connection fits into this machine: raise the limit of open files (ulimit -n)",
            ));
        }
        Ok(Self {
            rounds,
            size: Size {
                endpoints: ENDPOINTS.min(room) as u32,
                warm_up: WARM_UP.min(measure),
                measure,
            },
            connecting: CONNECTING.min(room),
            workers: args.workers,
        })
    }

    /// Every load once.
    fn round(&self, signals: &mut Signals) -> Result<Round, Halt> {
        let mut run = |load: &Load, size| {
            eprintln!("  {}", load.title);
            carry_out(load, size, self.workers, signals)
        };
        let connecting = Size {
            endpoints: self.connecting as u32,
            warm_up: Duration::ZERO,
            measure: HARDLY,
        };
        let mut rate_of = |load: &Load| -> Result<Capability, Halt> {
            let seen = run(load, self.size)?;
            capability(load, Some(seen.per_s), seen.cpus)
        };
        let qos0 = rate_of(&Load::QOS0)?;
        let qos0_batched = rate_of(&Load::QOS0_BATCHED)?;
        let qos1 = rate_of(&Load::QOS1)?;
        let qos2 = rate_of(&Load::QOS2)?;
        let request_reply = rate_of(&Load::REQUEST_REPLY)?;
        let seen = run(&Load::CONNECTS, connecting)?;
        let connects = capability(&Load::CONNECTS, seen.connects_per_s, seen.connecting)?;
        let mut lag = Vec::new();
        for (load, at_per_s) in [(Load::PACED_1000, 1e3), (Load::PACED_20000, 2e4)] {
            let seen = run(&load, self.size)?.lag;
            lag.push(Lag {
                at_per_s,
                messages: seen.count,
                p50_us: seen.p50,
                p99_us: seen.p99,
            });
        }
        Ok(Round {
            qos0,
            qos0_batched,
            qos1,
            qos2,
            request_reply,
            connects,
            lag,
        })
    }
}

/// A rate of nothing is none.
fn capability(load: &Load, per_s: Option<f64>, cpus: Cpus) -> Result<Capability, Halt> {
    match per_s {
        Some(per_s) if per_s >= 1.0 => Ok(Capability::new(per_s, load.far, cpus.midge, cpus.far)),
        _ => Err(Failure::internal(format!("{}: nothing was counted", load.title)).into()),
    }
}

fn measured(
    args: &CalibrateArgs,
    machine: limits::Machine,
    environment: &Environment,
    signals: &mut Signals,
) -> Result<Calibration, Halt> {
    let room = room(machine, args.workers)?;
    let fit = room.iter().map(|(count, _)| *count).min().unwrap_or(0);
    let scale = Scale::of(args, fit)?;
    let mut best: Option<Round> = None;
    for number in 1..=scale.rounds {
        eprintln!("round {number} of {}", scale.rounds);
        let round = scale.round(signals)?;
        best = Some(match best {
            None => round,
            Some(before) => before.and(round),
        });
    }
    let Some(best) = best else {
        return Err(Failure::internal("there was no round").into());
    };
    Ok(Calibration {
        format: Calibration::FORMAT,
        midge: env!("CARGO_PKG_VERSION").to_owned(),
        date: format!("{:.0}", Timestamp::now()),
        workers: args.workers.into(),
        rounds: scale.rounds,
        measured_s: scale.size.measure.as_secs_f64(),
        machine: Machine::of(environment),
        qos0: best.qos0,
        qos0_batched: best.qos0_batched,
        qos1: best.qos1,
        qos2: best.qos2,
        request_reply: best.request_reply,
        connects: best.connects,
        connections: Connections::new(scale.connecting, room),
        lag: best.lag,
    })
}

/// For how many connections there is room, by what gives it.
fn room(machine: limits::Machine, workers: u16) -> Result<[(u64, &'static str); 3], Failure> {
    let bytes = |endpoints| {
        let size = Size {
            endpoints,
            warm_up: Duration::ZERO,
            measure: HARDLY,
        };
        let loaded = Load::CONNECTS
            .load(size)
            .map_err(|errors| Failure::profile(&errors))?;
        let plan = Plan::compile(&loaded.profile, Identities::none())
            .map_err(|error| Failure::internal(error.to_string()))?;
        let size = plan.arithmetic(workers.into());
        Ok::<_, Failure>(size.memory_bytes + size.kernel_bytes)
    };
    let (one, many) = (bytes(1)?, bytes(MANY)?);
    let each = many.saturating_sub(one) / u64::from(MANY - 1);
    Ok([
        (
            machine.descriptors.saturating_sub(FILES_APART),
            "open files",
        ),
        (machine.ports, "local ports"),
        (machine.memory.saturating_sub(one) / each.max(1), "memory"),
    ])
}

fn table(of: &Calibration) -> String {
    let machine = &of.machine;
    let mut text = format!(
        "machine      {}: {}, {} processors, {} {}, {}\n\
         measured     {} with midge {}; workers: {}, rounds: {}, each load {} s\n\n",
        machine.host,
        machine.cpu,
        machine.cpus,
        machine.os,
        machine.kernel,
        machine.architecture,
        of.date,
        of.midge,
        of.workers,
        of.rounds,
        of.measured_s
    );
    text.push_str(&line(
        "",
        "per second",
        "worst round",
        "midge",
        "far side",
        "busier",
    ));
    for (load, of) in rates(of) {
        let cpus = |cpus: Option<f64>| cpus.map_or_else(|| "-".to_owned(), |of| format!("{of:.2}"));
        text.push_str(&line(
            load.title,
            &count(of.per_s),
            &count(of.lowest_per_s),
            &cpus(Some(of.midge_cpus)),
            &cpus(of.far_cpus),
            of.busier.as_deref().unwrap_or("-"),
        ));
    }
    let Connections {
        opened,
        fit,
        limited_by,
    } = &of.connections;
    let (opened, fit) = (count(*opened as f64), count(*fit as f64));
    let _ = writeln!(
        text,
        "\nconnections  {opened} were up at once; {fit} fit, as far as {limited_by} go"
    );
    for lag in &of.lag {
        let us = |us: Option<f64>| us.map_or_else(|| "-".to_owned(), |us| format!("{us:.1} us"));
        let _ = writeln!(
            text,
            "lag          at {}/s: p50 {}, p99 {}",
            count(lag.at_per_s),
            us(lag.p50_us),
            us(lag.p99_us)
        );
    }
    if of.is_disturbed() {
        text.push_str(
            "disturbed    the rounds differ much, or midge could not have the processors: stop what else runs on \
             this machine, and calibrate again\n",
        );
    }
    text
}

fn rates(of: &Calibration) -> impl Iterator<Item = (&'static Load, &Capability)> {
    [
        (&Load::QOS0, &of.qos0),
        (&Load::QOS0_BATCHED, &of.qos0_batched),
        (&Load::QOS1, &of.qos1),
        (&Load::QOS2, &of.qos2),
        (&Load::REQUEST_REPLY, &of.request_reply),
        (&Load::CONNECTS, &of.connects),
    ]
    .into_iter()
}

fn line(what: &str, per_s: &str, lowest: &str, midge: &str, far: &str, busier: &str) -> String {
    format!("{what:<48} {per_s:>11} {lowest:>11} {midge:>6} {far:>9}  {busier}")
        .trim_end()
        .to_owned()
        + "\n"
}
