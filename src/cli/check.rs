//! `midge check`: the profile in words, its size, its first frames. Nothing is sent.

use std::fmt::Write as _;

use clap::Args;

use super::limits::Machine;
use super::prepare::{Prepared, prepare};
use super::{Failure, ProfileArgs, print_data};
use crate::mqtt::{self, Packet, Role, Version};
use crate::plan::{Captures, Message, Plan, RequestIdKind, uuid_request_id};
use crate::profile::{Model, Profile, Stage, Subscribe};
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
    let mut out = String::new();
    in_words(&mut out, &prepared.loaded.profile);
    size(&mut out, &prepared);
    frames(&mut out, &prepared.plan);
    for warning in &prepared.plan.warnings {
        let _ = writeln!(out, "warning: {warning}");
    }
    let machine = Machine::look();
    let addresses = prepared.loaded.profile.target.urls.len().max(1) as u64;
    let refusal = machine.refuses(&prepared.plan.arithmetic(1), addresses);
    print_data(&out)?;
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

fn size(out: &mut String, prepared: &Prepared) {
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
    let _ = writeln!(
        out,
        "  messages about {:.0} in all, {:.0} of them measured, {:.1} MB to send",
        size.total,
        size.total_in_measure,
        size.bytes_sent / 1e6
    );
}

fn frames(out: &mut String, plan: &Plan) {
    let mut state = vec![0; plan.state_words];
    // What an answer answers: an item with the ID 1.
    let mut pushed = Captures::new();
    pushed.set_item_id(b"1");
    for request in &plan.requests {
        let kind = if request.reactive.is_some() {
            "answer"
        } else {
            "request"
        };
        let _ = writeln!(out, "\n{kind} {} (QoS {})", request.name, request.qos);
        let mut frame = Vec::new();
        let message = Message {
            endpoint: 0,
            request_id: match request.id_kind {
                RequestIdKind::Decimal(range) => u128::from(range.first),
                RequestIdKind::Uuid => uuid_request_id(0, 0, 1),
                RequestIdKind::None => 0,
            },
            packet_id: 1,
            unix_ns: 1_700_000_000_000_000_000,
            identities: &plan.identities,
            captures: &pushed,
        };
        request.encode(&mut frame, &message, &mut state);
        match mqtt::decode(&frame, Role::Server, Version::V311, usize::MAX) {
            Ok(Some((Packet::Publish(publish), _))) => {
                let _ = writeln!(out, "  topic    {}", publish.topic);
                let _ = writeln!(out, "  payload  {}", readable(publish.payload));
            }
            _ => {
                let _ = writeln!(out, "  (does not decode as a PUBLISH packet)");
            }
        }
        if let Some(inbound) = request.carries() {
            let name = &plan.inbound[usize::from(inbound)].name;
            let _ = writeln!(
                out,
                "  carries  {name}, carried out as if it had been pushed"
            );
        }
        if request.observe {
            let _ = writeln!(
                out,
                "  observe  more may follow on the reply topic; no ID is used twice"
            );
        }
    }
}

/// At most a screen's width of text; other bytes as hexadecimal numbers.
fn readable(payload: &[u8]) -> String {
    const MOST: usize = 200;
    let shown = &payload[..payload.len().min(MOST)];
    let rest = payload.len() - shown.len();
    let more = if rest > 0 {
        format!("… ({rest} bytes more)")
    } else {
        String::new()
    };
    match std::str::from_utf8(shown) {
        Ok("") => "(empty)".to_owned(),
        Ok(text) => format!(
            "{}{more}",
            text.escape_debug().to_string().replace("\\\"", "\"")
        ),
        Err(_) => {
            let mut text = String::new();
            for byte in shown {
                let _ = write!(text, "{byte:02x}");
            }
            text + &more
        }
    }
}
