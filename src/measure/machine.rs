//! This machine and process second by second, and the worst of it: could they do what was planned?
//!
//! Values only. Not here: how they are found out (the engine's `machine`), and which of them is bad
//! enough to disbelieve a run (see `verdict`).

use serde::{Deserialize, Serialize};

use super::collector::{Live, Seconds};
use super::distribution::{Distribution, Population, micros};
use super::phase::Phase;
use super::samples::Samples;
use super::shape::Shape;
use super::tally::Tally;

/// What was seen of the machine in one second of the run; `None` where the system does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MachineSecond {
    /// Its beginning, ns since the run's epoch.
    pub start: u64,
    /// Its end.
    pub end: u64,
    /// Longest time for which a thread that only sleeps was kept from running, ns.
    pub hiccup_ns: u64,
    /// Periods of the CPU quota in which the process was stopped.
    pub throttled_periods: Option<u64>,
    /// For how long, ns.
    pub throttled_ns: Option<u64>,
    /// Resident size of the process at the end, bytes.
    pub rss_bytes: Option<u64>,
    /// Open file descriptors at the end.
    pub descriptors: Option<u64>,
}

impl Seconds {
    /// What was seen of the machine in this second. Both begin together; only the first, in which the
    /// fleet connects, may begin a little later for whoever looks.
    pub fn machine_in(&self, live: &Live) -> Option<MachineSecond> {
        let after = self.machine.partition_point(|of| of.start <= live.start);
        let seen = self.machine.get(after.saturating_sub(1))?;
        (seen.start < live.end && seen.end > live.start).then_some(*seen)
    }
}

/// How much of each there is; `None` where there is no limit or none is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MachineLimits {
    /// Memory of the machine or of the control group, bytes.
    pub memory_bytes: Option<u64>,
    /// Soft limit of open files.
    pub descriptors: Option<u64>,
    /// Local ports, over all pairs of source address and target.
    pub ports: Option<u64>,
}

impl MachineLimits {
    /// Ports that are left while so many connections are up.
    pub fn ports_left(&self, connected: u64) -> Option<u64> {
        self.ports.map(|ports| ports.saturating_sub(connected))
    }
}

/// The worst that was seen of the generator; serialised as `health` of the result files.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Worst {
    /// The part of the schedule lag until a worker came to the request, scheduled requests of the
    /// measure phase.
    pub pacer_lag_us: Distribution,
    /// The rest of the schedule lag: sockets that take no more, and writes that came before.
    pub back_pressure_lag_us: HeldBack,
    /// Share of the measured time that each worker was busy, 0 to 1.
    pub busy: Vec<f64>,
    /// The same of the busiest worker in its busiest second.
    pub busy_second_max: Option<f64>,
    /// Longest time that the machine kept the process from running.
    pub hiccup_max_us: f64,
    /// Periods of a CPU quota in which the process was stopped since measuring began; null if the
    /// system does not tell.
    pub throttled_periods: Option<u64>,
    /// For how long.
    pub throttled_s: Option<f64>,
    /// Largest resident size at the end of a second.
    pub rss_max_bytes: Option<u64>,
    /// Of the machine or of the control group.
    pub memory_limit_bytes: Option<u64>,
    /// Most descriptors that were open at the end of a second.
    pub descriptors_max: Option<u64>,
    /// Soft limit of open files.
    pub descriptors_limit: Option<u64>,
    /// Fewest local ports that were left for connections at the end of a second.
    pub ports_left_min: Option<u64>,
    /// Local ports that there are for them.
    pub ports: Option<u64>,
}

/// Lag behind a socket, us.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct HeldBack {
    /// Over the scheduled requests of the measure phase; null without any.
    pub mean: Option<f64>,
    /// Longest, over what was written in the measure phase.
    pub max: Option<f64>,
}

impl Worst {
    /// Of a run with these seconds; `hiccup_max_us` is over the whole of it.
    pub fn of(shape: &Shape, tally: &Tally, seconds: &Seconds, hiccup_max_us: f64) -> Self {
        let machine = &seconds.machine;
        let limits = seconds.limits;
        let since_measure = |second: &&MachineSecond| {
            let begun = first_measured(&seconds.together);
            begun.is_some_and(|begun| second.start >= begun)
        };
        let sum = |of: fn(&MachineSecond) -> Option<u64>| -> Option<u64> {
            machine.iter().filter(since_measure).map(of).sum()
        };
        let known = |of: fn(&MachineSecond) -> Option<u64>| machine.iter().filter_map(of).max();
        let told = machine.iter().any(|second| second.throttled_ns.is_some());
        let connected_max = seconds.together.iter().map(|live| live.connected).max();
        let measured = || {
            let rows = seconds.together.iter();
            rows.filter(|live| live.phase == Phase::Measure)
        };
        let (pacer_lag_us, mean) = lags(shape, tally);
        Self {
            pacer_lag_us,
            back_pressure_lag_us: HeldBack {
                mean,
                max: held_back_max(shape, seconds),
            },
            busy: seconds.busy.clone(),
            busy_second_max: measured().map(|live| live.busy_max).reduce(f64::max),
            hiccup_max_us,
            throttled_periods: sum(|second| second.throttled_periods).filter(|_| told),
            throttled_s: sum(|second| second.throttled_ns)
                .filter(|_| told)
                .map(|ns| ns as f64 / 1e9),
            rss_max_bytes: known(|second| second.rss_bytes),
            memory_limit_bytes: limits.memory_bytes,
            descriptors_max: known(|second| second.descriptors),
            descriptors_limit: limits.descriptors,
            ports_left_min: limits.ports_left(connected_max.unwrap_or(0)),
            ports: limits.ports,
        }
    }

    /// Most local ports that were in use.
    pub fn ports_max(&self) -> Option<u64> {
        Some(self.ports?.saturating_sub(self.ports_left_min?))
    }
}

fn first_measured(seconds: &[Live]) -> Option<u64> {
    let mut measured = seconds.iter().filter(|live| live.phase == Phase::Measure);
    measured.next().map(|live| live.start)
}

/// Pacer lag of scheduled requests, and the mean of what is left of their schedule lag, us. Means add
/// up, so the rest needs no histogram of its own.
fn lags(shape: &Shape, tally: &Tally) -> (Distribution, Option<f64>) {
    let bounds = shape.bounds();
    let (mut lag, pacer) = (Samples::new(bounds), &tally.pacer_lag);
    let rows = tally.requests.iter().zip(&shape.requests);
    for (request, _) in rows.filter(|(_, shape)| !shape.reactive) {
        lag.merge(&request.lag);
    }
    let means = lag.mean_ns().zip(pacer.mean_ns());
    let mean = means.map(|(lag, pacer)| (lag - pacer).max(0.0).round() / 1000.0);
    let population = Population {
        planned: pacer.count(),
        longest_unanswered_ns: 0,
    };
    (Distribution::of(pacer, population), mean)
}

fn held_back_max(shape: &Shape, seconds: &Seconds) -> Option<f64> {
    let scheduled = |request: u16| !shape.requests[usize::from(request)].reactive;
    let rows = seconds.rows.iter();
    rows.filter(|row| row.phase == Phase::Measure && scheduled(row.request))
        .filter_map(|row| row.back_pressure_lag_max_us)
        .reduce(f64::max)
}

/// The longest of some lags of a second, us; none if nothing was written.
pub(super) fn longest(ns: u64, written: u64) -> Option<f64> {
    (written > 0).then(|| micros(ns))
}
