//! `midge check`: the profile in words, its size, its first frames. Nothing is sent.

use std::fmt::Write as _;

use clap::Args;

use super::frames::Frames;
use super::limits::Machine;
use super::prepare::{Prepared, prepare};
use super::{Failure, ProfileArgs, print_data, size, sources, tls, websocket};
use crate::profile::{Fleet, Jitter, Model, Policy, Profile, ReconnectRate, Stage, Subscribe};
use crate::report::Exit;

/// Stages that are written out.
const STAGES_MAX: usize = 20;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    profile: ProfileArgs,
}

pub(super) fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let prepared = prepare(&args.profile)?;
    let machine = Machine::look();
    let mut out = String::new();
    in_words(&mut out, &prepared.loaded.profile);
    sizes(&mut out, &prepared, machine.ports);
    let frames = Frames::show(&prepared.loaded.profile, &prepared.plan);
    out.push_str(&frames.out);
    let warnings = prepared.plan.warnings.iter().chain(&frames.warnings);
    for (index, warning) in warnings.enumerate() {
        let before = if index == 0 { "\n" } else { "" };
        let _ = writeln!(out, "{before}warning: {warning}");
    }
    print_data(&out)?;
    tls::security(&prepared.loaded.profile, &prepared.plan)?;
    websocket::requests(&prepared.loaded.profile)?;
    let target = &prepared.loaded.profile.target;
    sources::reach(&target.bind, sources::known(target))?;
    sources::are_here(&target.bind)?;
    let refusal = machine.refuses(&prepared.plan.arithmetic(1), sources::pairs(target));
    match refusal {
        Some(why) => Err(Failure::internal(format!(
            "it does not fit into this machine: {why}"
        ))),
        None => print_data("\nvalid; nothing was sent\n").map(|()| Exit::Passed),
    }
}

fn in_words(out: &mut String, profile: &Profile) {
    let load = &profile.load;
    let targets: Vec<String> = profile
        .target
        .urls
        .iter()
        .map(ToString::to_string)
        .collect();
    let target = if targets.is_empty() {
        "the simulated tenant".to_owned()
    } else {
        targets.join(", ")
    };
    let model = match load.model {
        Model::Open(rate) => {
            format!("open model, {:?} arrivals at {rate}", load.arrivals).to_lowercase()
        }
        Model::OpenOwnRates => "open model, each request at its own rate".to_owned(),
        Model::Max => "as fast as the sockets take".to_owned(),
        Model::Closed { think_time, cap } => {
            let cap = cap
                .map(|rate| format!(", at most {rate}"))
                .unwrap_or_default();
            format!(
                "closed model, {} ms think time{cap}",
                think_time.as_millis()
            )
        }
    };
    let subscribe = match &profile.fleet.subscribe {
        Subscribe::Auto => "subscribe to what they expect",
        Subscribe::None => "subscribe to nothing",
        Subscribe::Filters(_) => "subscribe to the given filters",
    };
    let _ = writeln!(out, "{}: {}", profile.name, profile.description);
    let _ = writeln!(out, "  target   {target}");
    let _ = writeln!(
        out,
        "  fleet    {} endpoints, connecting at {}; they {subscribe}",
        profile.fleet.endpoints, profile.fleet.connect_rate
    );
    let _ = writeln!(out, "  losses   {}", losses(&profile.fleet));
    let _ = writeln!(out, "  load     {model}; seed {}", load.seed);
    if !load.stages.is_empty() {
        let _ = writeln!(out, "  stages   {}", stages(&load.stages));
    }
    let seconds = |duration: std::time::Duration| duration.as_secs_f64();
    let _ = writeln!(
        out,
        "  phases   {} s warm-up, {} s measure, drain at most {} s",
        seconds(load.warm_up),
        seconds(load.measure),
        seconds(load.drain)
    );
}

/// `back after 0.5 s, give or take 25 %, doubled by each failure up to 30 s; at most 500/s with first connects`
fn losses(fleet: &Fleet) -> String {
    let reconnect = fleet.reconnect;
    let seconds = |duration: std::time::Duration| duration.as_secs_f64();
    let mut text = format!("back after {} s", seconds(reconnect.initial_delay));
    match reconnect.jitter {
        Jitter::Around(part) if part > 0.0 => {
            let _ = write!(text, ", give or take {} %", (part * 1e4).round() / 1e2);
        }
        Jitter::Around(_) => {}
        Jitter::Full => text.push_str(" or any time before"),
        Jitter::Decorrelated => text.push_str(" to three times the last wait"),
    }
    if reconnect.policy == Policy::Exponential {
        let longest = seconds(reconnect.max_delay);
        let grows = match reconnect.jitter {
            Jitter::Decorrelated => "",
            _ => ", doubled by each failure",
        };
        let _ = write!(text, "{grows} up to {longest} s");
    }
    let _ = match reconnect.rate {
        ReconnectRate::AsConnects => {
            write!(text, "; at most {} with first connects", fleet.connect_rate)
        }
        ReconnectRate::Own(rate) => write!(text, "; at most {rate}"),
        ReconnectRate::Unlimited => write!(text, "; at any rate"),
    };
    if let Some(attempts) = reconnect.give_up_after {
        let _ = write!(text, "; given up after {attempts} attempts");
    }
    if let Some(rate) = fleet.churn_rate {
        let _ = write!(text, "; {rate} leave by themselves");
    }
    text
}

/// `5 s to 200/s, 0 s to 400/s and 3 more`
fn stages(all: &[Stage]) -> String {
    let shown: Vec<String> = all
        .iter()
        .take(STAGES_MAX)
        .map(|stage| format!("{} s to {}", stage.duration.as_secs_f64(), stage.to))
        .collect();
    let more = all.len().saturating_sub(STAGES_MAX);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    shown.join(", ") + &more
}

fn sizes(out: &mut String, prepared: &Prepared, ports: u64) {
    let size = prepared.plan.arithmetic(1);
    let _ = writeln!(
        out,
        "  size     {} connections, {} open files, {} local ports, about {} MiB here and {} MiB in the kernel",
        size.connections + size.callers,
        size.files,
        size.source_ports,
        size.memory_bytes >> 20,
        size.kernel_bytes >> 20
    );
    let target = &prepared.loaded.profile.target;
    if !target.bind.is_empty() {
        let _ = writeln!(
            out,
            "  sources  {}; {} of {} local ports of each for each target",
            target.bind,
            size::count(size.source_ports.div_ceil(sources::pairs(target)) as f64),
            size::count(ports as f64)
        );
    }
    let load = &prepared.loaded.profile.load;
    let mut within = format!(" in {} s", (load.warm_up + load.measure).as_secs_f64());
    if size.total_in_measure > 0.0 {
        let measured = size::count(size.total_in_measure);
        let _ = write!(within, ", {measured} of them measured");
    }
    let requests = size::requests(&prepared.loaded.profile, &prepared.plan, &size, &within);
    let _ = writeln!(out, "  messages {requests}");
}
