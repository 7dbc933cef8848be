//! Reads `[load]`: the model, the rates, the phases.
//!
//! The model depends on what the requests say about their own pace. Not here: instants (the plan).

use std::time::Duration;

use super::super::tree::{Node, Table, Value};
use super::super::{Arrivals, Load, Model, Pace, Request, Stage};
use super::Section;
use super::value::{self, Wrong};
use crate::units::{Rate, Span};

/// Word of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Open,
    Closed,
}

/// What `arrival_rate` says.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Asked {
    Nothing,
    Max,
    Rate(Rate),
}

/// The load; without `[load]`, all defaults.
pub(super) fn read(top: &Section<'_>, requests: &[Request]) -> Load {
    let empty = Table::default();
    let section = top
        .section("load")
        .unwrap_or_else(|| Section::new(&empty, "load", "load", top.origin, top.log));
    let stages = stages(&section);
    let arrivals = [
        ("poisson", Arrivals::Poisson),
        ("constant", Arrivals::Constant),
    ];
    let length = |node: &Node| value::duration(node, Duration::ZERO..=value::MONTH);
    Load {
        model: model(&section, requests, &stages),
        arrivals: section
            .read("arrivals", |node| value::choice(node, &arrivals))
            .unwrap_or(Arrivals::Poisson),
        warm_up: section.read("warm_up", length).unwrap_or_default(),
        measure: measure(&section, &stages),
        drain: section
            .read("drain", |node| {
                value::duration(node, Duration::ZERO..=value::HOUR)
            })
            .unwrap_or_default(),
        in_flight_max: section
            .read("in_flight_max", |node| value::integer(node, 1..=1_000_000))
            .unwrap_or_default(),
        batch: section
            .read("batch", |node| value::integer(node, 1..=10_000))
            .unwrap_or_default(),
        seed: section.read("seed", value::seed).unwrap_or_default(),
        stages,
    }
}

/// Most stages of a load: each has histograms of its own.
const STAGES_MAX: usize = 100;

fn stages(load: &Section<'_>) -> Vec<Stage> {
    let sections = load.sections("stages", |index, _| (index + 1).to_string());
    if sections.len() > STAGES_MAX {
        let wrong = Wrong::new(format!("has {} stages", sections.len()));
        load.wrong_at("stages", wrong.instead(format!("at most {STAGES_MAX}")));
    }
    let stage = |section: &Section<'_>| Stage {
        duration: section
            .required("for", |node| {
                value::duration(node, Duration::ZERO..=value::MONTH)
            })
            .unwrap_or_default(),
        to: section.required("to", value::unit).unwrap_or(Rate(0.0)),
    };
    sections.iter().map(stage).collect()
}

fn measure(load: &Section<'_>, stages: &[Stage]) -> Duration {
    let written = load.read("measure", |node| {
        value::duration(node, value::ABOVE_ZERO..=value::MONTH)
    });
    if stages.is_empty() {
        return written.unwrap_or_default();
    }
    let sum = stages
        .iter()
        .map(|stage| stage.duration)
        .fold(Duration::ZERO, Duration::saturating_add);
    if sum.is_zero() {
        let wrong = Wrong::new("last no time: one that takes 0s is a jump to its rate");
        load.wrong_at("stages", wrong.instead("a stage with a length after it"));
    }
    if sum > value::MONTH {
        load.wrong_at("stages", Wrong::new("last longer than 30 days"));
    }
    if load.has("measure") && written.is_some_and(|written| written != sum) {
        let wrong = Wrong::new("differs from the sum of load.stages")
            .instead(format!("\"{}\", or leave it out", Span(sum)));
        load.wrong_at("measure", wrong);
    }
    sum
}

fn model(load: &Section<'_>, requests: &[Request], stages: &[Stage]) -> Model {
    let words = [("open", Word::Open), ("closed", Word::Closed)];
    let word = load
        .read("model", |node| value::choice(node, &words))
        .unwrap_or(Word::Open);
    let asked = load.read("arrival_rate", asked).unwrap_or(Asked::Nothing);
    let think_time = load
        .read("think_time", |node| {
            value::duration(node, Duration::ZERO..=value::HOUR)
        })
        .unwrap_or_default();
    let weighted = |request: &&Request| matches!(request.pace, Pace::Weight(_));
    let own = requests.iter().find(|request| !weighted(request));
    let curve = !stages.is_empty();
    match (word, asked) {
        (Word::Closed, Asked::Max) => {
            let wrong = Wrong::new("cannot be \"max\" in the closed model, where it is a cap")
                .instead("a rate such as \"100/s\", or leave it out");
            load.wrong_at("arrival_rate", wrong);
        }
        (_, Asked::Rate(rate)) if rate.0 <= 0.0 && !curve => {
            let wrong = Wrong::new("must be above 0 without load.stages");
            load.wrong_at("arrival_rate", wrong.instead("\"1/s\" or more"));
        }
        (Word::Closed, _) | (_, Asked::Max) if curve => {
            let wrong = Wrong::new("need the open model and a numeric load.arrival_rate");
            load.wrong_at(
                "stages",
                wrong.instead("model = \"open\", arrival_rate = \"100/s\""),
            );
        }
        (Word::Closed, _) | (_, Asked::Max) => {
            if let Some(request) = own {
                let what = if word == Word::Closed {
                    "model"
                } else {
                    "arrival_rate"
                };
                let wrong = Wrong::new(format!(
                    "leaves no room for rate or every, which request {:?} has",
                    request.name
                ));
                load.wrong_at(what, wrong.instead("a weight for that request"));
            }
        }
        (Word::Open, Asked::Nothing) => missing(load, requests.iter().find(weighted), curve),
        (Word::Open, Asked::Rate(_)) => {}
    }
    let shared = curve || own.is_none() || requests.iter().any(|request| weighted(&request));
    match (word, asked) {
        (Word::Closed, Asked::Rate(rate)) => Model::Closed {
            think_time,
            cap: Some(rate),
        },
        (Word::Closed, _) => Model::Closed {
            think_time,
            cap: None,
        },
        (Word::Open, Asked::Max) => Model::Max,
        (Word::Open, Asked::Rate(rate)) if shared => Model::Open(rate),
        (Word::Open, _) => Model::OpenOwnRates,
    }
}

/// Notes that there is no arrival rate although something depends on it.
fn missing(load: &Section<'_>, weighted: Option<&Request>, curve: bool) {
    // A rate that is there but wrong, or a misspelt section, was already noted.
    let noted = load.has("arrival_rate") || load.is_absent() && !load.log.is_empty();
    if noted || weighted.is_none() && !curve {
        return;
    }
    let who = weighted.map_or("load.stages".to_owned(), |request| {
        format!("request {:?} with its weight", request.name)
    });
    let wrong = Wrong::new(format!("is missing, but {who} needs it"))
        .instead("arrival_rate = \"100/s\", or a rate or every for each request");
    load.wrong_at("arrival_rate", wrong);
}

fn asked(node: &Node) -> Result<Asked, Wrong> {
    match &node.value {
        Value::Text(text) if text == "max" => Ok(Asked::Max),
        _ => value::unit(node).map(Asked::Rate),
    }
}
