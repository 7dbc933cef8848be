//! Whether the instrument may be believed: VALID or INVALID, with figures, limits and advice.
//!
//! Only causes on our side make a run INVALID. A target that refuses, resets, slows down or pushes
//! back gives a VALID run with bad results. Not here: what the user wants the target to reach
//! (see `threshold`).

use serde::{Deserialize, Serialize};

use super::ceiling::OfCeiling;
use super::gates::Gates;
use super::machine::Worst;
use super::shape::Shape;
use super::statistics::Statistics;
use super::tally::Tally;

mod reasons;
mod tls;
mod warnings;
mod websocket;

/// What paces the run: gates on rate and lag make sense only where a rate is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pacing {
    /// An open model with rates in numbers.
    OpenRate,
    /// As fast as the sockets take.
    AsFastAsPossible,
    /// The next request after the reply.
    Closed,
}

/// What the machine and the process said of themselves during the run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Health {
    /// Worker threads.
    pub workers: u32,
    /// How they waited for events and instants, in a word; empty if that is not known.
    pub waiting: &'static str,
    /// Whether they spent the last microseconds before each instant awake.
    pub spin: bool,
    /// CPU time of this process (the simulated tenant is another one), s.
    pub cpu_s: f64,
    /// Largest share of the measured time that a worker was busy, 0 to 1.
    pub busy_max: f64,
    /// Largest resident size of the process, bytes.
    pub peak_rss_bytes: u64,
    /// Longest time that a thread which only sleeps and looks was kept from looking, us.
    pub hiccup_max_us: f64,
    /// Descriptors, ports and memory that could not be had elsewhere than in connecting.
    pub resource_failures: u64,
    /// What panicked workers said.
    pub panics: Vec<String>,
}

/// Everything that the verdict looks at.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Rows of the tally.
    pub shape: &'a Shape,
    /// The merged measurement.
    pub tally: &'a Tally,
    /// The machine's side.
    pub health: &'a Health,
    /// The machine's worst seconds.
    pub worst: &'a Worst,
    /// Whether the run was steady.
    pub statistics: &'a Statistics,
    /// How much of this machine's ceiling the load takes, if that was found out.
    pub of_ceiling: Option<&'a OfCeiling>,
    /// How much may go wrong.
    pub gates: Gates,
    /// The strictest upper bound that the profile sets on a response time, ms.
    pub threshold_ms: Option<f64>,
    /// What paced the run.
    pub pacing: Pacing,
    /// With `AsFastAsPossible` and `Closed`: this program, and not the target, set the pace.
    pub generator_limited: bool,
    /// Which of our own filters overlap, and what that means; `None` if none do.
    pub overlap: Option<&'a str>,
}

/// VALID or INVALID, and why; serialised as the result files have it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Verdict {
    /// False: do not believe the instrument.
    pub valid: bool,
    /// The rate that was reached is ours, not the target's.
    pub generator_limited: bool,
    /// Why it is not valid; empty if it is.
    pub reasons: Vec<Finding>,
    /// What to know before believing it.
    pub warnings: Vec<Finding>,
}

/// One finding, with what to do about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable word for scripts.
    pub code: String,
    /// What was found.
    pub figure: f64,
    /// What is allowed.
    pub limit: f64,
    /// Of both: `ms`, `%`, ...
    pub unit: String,
    /// What it means here.
    pub detail: String,
    /// What to do.
    pub advice: String,
}

impl Verdict {
    /// Weighs the evidence.
    pub fn of(evidence: &Evidence) -> Self {
        let reasons = reasons::reasons(evidence);
        let generator_limited = evidence.generator_limited && evidence.pacing != Pacing::OpenRate;
        Self {
            valid: reasons.is_empty(),
            generator_limited,
            reasons,
            warnings: warnings::warnings(evidence, generator_limited),
        }
    }
}

/// What is said of a load that is near the ceiling, whatever the limit.
fn near_ceiling(of: &OfCeiling, limit: f64) -> Finding {
    let OfCeiling {
        date,
        planned_per_s,
        ceiling_per_s,
        ..
    } = of;
    let detail = format!(
        "{planned_per_s:.0} requests came due per second when there were most, and this machine managed {ceiling_per_s:.0} \
         of that mix per second when it was calibrated ({date})"
    );
    let advice = "lower the rate, add workers (and calibrate with as many), or use several machines; calibrate \
                  again if the machine was busy then";
    finding("ceiling", of.percent(), limit, "%", detail, advice)
}

fn finding(
    code: &str,
    figure: f64,
    limit: f64,
    unit: &str,
    detail: String,
    advice: &str,
) -> Finding {
    Finding {
        code: code.into(),
        figure,
        limit,
        unit: unit.into(),
        detail,
        advice: advice.into(),
    }
}
