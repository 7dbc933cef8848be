//! The stages of the load, as spans of the measure phase with the arrival rates that they ask for.
//!
//! For the results: they say where one stage ends and the next one begins. Not here: instants of
//! requests (see `schedule`).

use std::time::Duration;

use crate::profile::{Model, Pace, Profile};
use crate::units::nanoseconds;

/// One stage that lasts (a jump does not).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageSpan {
    /// Its first instant, nanoseconds since measure began.
    pub from_ns: u64,
    /// The first instant after it, nanoseconds since measure began.
    pub to_ns: u64,
    /// Arrival rate of the whole load at its beginning, per second.
    pub from_per_s: f64,
    /// The same at its end.
    pub to_per_s: f64,
}

/// All of them, in order; none without `load.stages`.
pub(crate) fn spans(profile: &Profile) -> Vec<StageSpan> {
    let Model::Open(rate) = profile.load.model else {
        return Vec::new();
    };
    // Requests with a rate or period of their own keep it through all stages.
    let beside: f64 = profile
        .requests
        .iter()
        .map(|request| match request.pace {
            Pace::Rate(rate) => rate.0,
            Pace::Every { period, .. } if !period.is_zero() => {
                f64::from(profile.fleet.endpoints) / period.as_secs_f64()
            }
            _ => 0.0,
        })
        .sum();
    let (mut at, mut per_s) = (Duration::ZERO, rate.0);
    let mut spans = Vec::new();
    for stage in &profile.load.stages {
        let end = at.saturating_add(stage.duration);
        if !stage.duration.is_zero() {
            spans.push(StageSpan {
                from_ns: nanoseconds(at),
                to_ns: nanoseconds(end),
                from_per_s: beside + per_s,
                to_per_s: beside + stage.to.0,
            });
        }
        (at, per_s) = (end, stage.to.0);
    }
    spans
}
