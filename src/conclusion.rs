//! From what the engine has measured to the result of a run: the one place that knows both.
//!
//! The same for runs over sockets and in virtual time. Not here: running (`engine`, `simulation`),
//! looking at the machine (`cli`), weighing (`measure`) and rendering (`report`).

use crate::engine::{Lengths, Logged, Measured};
use crate::event::{Clock, Waiting};
use crate::measure::{Ceiling, Gates, Health, Pacing, Phase, Shape, Threshold};
use crate::plan::Plan;
use crate::planted::{self, Mistake};
use crate::profile::{self, Loaded, Model, Profile};
use crate::report::{Environment, Inputs, PhaseLengths, ProfileId, RawLog, RunResult};

/// A run that has ended: what it was, and what it has measured.
#[derive(Debug)]
pub struct Ended<'a> {
    /// The profile as run.
    pub loaded: &'a Loaded,
    /// What it was compiled to.
    pub plan: &'a Plan,
    /// Rows of what was measured.
    pub shape: &'a Shape,
    /// Of the profile.
    pub thresholds: &'a [Threshold],
    /// What came of it.
    pub measured: &'a Measured,
    /// The run's clock.
    pub clock: Clock,
    /// URLs.
    pub targets: Vec<String>,
    /// The target was started by this run.
    pub simulated_tenant: bool,
    /// The signal that stopped the run before its end.
    pub stopped_by: Option<String>,
    /// Where it ran.
    pub environment: Environment,
    /// What the fleet's process took.
    pub process: Process,
    /// What this machine was found to manage; `None` where that is not known, or no machine is at work.
    pub ceiling: Option<&'a Ceiling>,
    /// What the simulated tenant reported at its exit.
    pub tenant: Option<serde_json::Value>,
}

/// What the process with the fleet took of the machine; nothing in virtual time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Process {
    /// Whether workers spent the last microseconds before each instant awake.
    pub spin: bool,
    /// CPU time, s.
    pub cpu_s: f64,
    /// Largest resident size, bytes.
    pub peak_rss_bytes: u64,
}

/// The result, verdict and exit code included.
pub fn result(run: Ended) -> RunResult {
    let measured = run.measured;
    let profile = &run.loaded.profile;
    let health = health(measured, run.process);
    let unix_ns = run.clock.unix_ns_at_start();
    let mut result = RunResult::build(Inputs {
        shape: run.shape,
        tally: &measured.tally,
        seconds: &measured.seconds,
        profile: ProfileId {
            name: profile.name.clone(),
            sha256: run.loaded.sha256.clone(),
        },
        seed: profile.load.seed,
        targets: run.targets,
        simulated_tenant: run.simulated_tenant,
        started_unix_ns: unix_ns,
        finished_unix_ns: unix_ns + run.clock.now(),
        stopped_by: run.stopped_by,
        environment: run.environment,
        asked_per_s: asked_per_s(run.plan, profile),
        phases: phases(measured.lengths),
        connections_planned: measured.connections_planned,
        pacing: pacing(profile),
        generator_limited: generator_limited(profile, &health),
        overlap: run.plan.overlap.as_ref().map(ToString::to_string),
        health: &health,
        ceiling: run.ceiling,
        gates: gates(&profile.gates),
        thresholds: run.thresholds,
        tenant: run.tenant,
    });
    let sources = profile.target.bind.iter().map(|source| source.to_string());
    result.connections.source_addresses = sources.collect();
    result.raw_log = measured.logged.as_ref().map(told);
    if planted::is_made(Mistake::Averages) {
        average(&mut result, measured);
    }
    result
}

/// The mistake of that name.
fn average(result: &mut RunResult, measured: &Measured) {
    let seconds = measured.seconds.together.iter();
    let seconds = seconds.filter(|second| second.phase == Phase::Measure);
    let p99s: Vec<f64> = seconds.filter_map(|second| second.p99_us).collect();
    let mean = p99s.iter().sum::<f64>() / p99s.len().max(1) as f64;
    result.total.response_time_us.p99 = Some(mean);
}

/// What the result says of the raw log.
fn told(logged: &Logged) -> RawLog {
    RawLog {
        entries: logged.entries,
        lost: logged.lost,
        load_start_ns: logged
            .load_start
            .map(|at| at.to_string())
            .unwrap_or_default(),
    }
}

/// State over the whole run.
fn health(measured: &Measured, process: Process) -> Health {
    Health {
        workers: measured.workers as u32,
        waiting: measured.waiting.map_or("", Waiting::name),
        spin: process.spin,
        cpu_s: process.cpu_s,
        busy_max: busy_max(measured),
        peak_rss_bytes: process.peak_rss_bytes,
        hiccup_max_us: measured.hiccup.as_nanos() as f64 / 1000.0,
        resource_failures: 0,
        panics: measured.panics.clone(),
    }
}

/// Of the busiest worker: over the measured time, or over the whole run if none was measured.
fn busy_max(measured: &Measured) -> f64 {
    let shares = measured.seconds.busy.iter().copied();
    shares.reduce(f64::max).unwrap_or_else(|| {
        let Lengths {
            connect,
            warm_up,
            measure,
            drain,
        } = measured.lengths;
        let lived = connect + warm_up + measure + drain;
        let lived_ns = lived.as_nanos().max(1) as f64;
        measured.tally.traffic.busy_max_ns as f64 / lived_ns
    })
}

/// The gates of a profile in the units of the verdict.
fn gates(of: &profile::Gates) -> Gates {
    let ms = |duration: std::time::Duration| duration.as_nanos() as f64 / 1e6;
    Gates {
        not_written_percent: of.not_written.0 * 100.0,
        pacer_lag_p99_ms: ms(of.pacer_lag_p99),
        pacer_lag_p999_ms: ms(of.pacer_lag_p999),
        pacer_lag_max_ms: ms(of.pacer_lag_max),
        busy_percent: of.busy.0 * 100.0,
        ceiling_percent: of.ceiling.0 * 100.0,
        hiccup_ms: ms(of.hiccup),
        throttled_periods: f64::from(of.throttled),
        memory_percent: of.memory.0 * 100.0,
    }
}

fn phases(lengths: Lengths) -> PhaseLengths {
    PhaseLengths {
        connect_s: lengths.connect.as_secs_f64(),
        warm_up_s: lengths.warm_up.as_secs_f64(),
        measure_s: lengths.measure.as_secs_f64(),
        drain_s: lengths.drain.as_secs_f64(),
    }
}

fn pacing(profile: &Profile) -> Pacing {
    match profile.load.model {
        Model::Open(_) | Model::OpenOwnRates => Pacing::OpenRate,
        Model::Max => Pacing::AsFastAsPossible,
        Model::Closed { .. } => Pacing::Closed,
    }
}

/// At `"max"` and closed: a worker that was hardly ever idle set the pace, not the target.
fn generator_limited(profile: &Profile, health: &Health) -> bool {
    pacing(profile) != Pacing::OpenRate && health.busy_max > 0.8
}

fn asked_per_s(plan: &Plan, profile: &Profile) -> Option<f64> {
    match profile.load.model {
        Model::Open(_) | Model::OpenOwnRates => {
            let requests = 0..plan.requests.len() as u16;
            let expected: f64 = requests
                .map(|request| plan.schedule.expected_in_measure(request))
                .sum();
            Some(expected / profile.load.measure.as_secs_f64().max(1e-9))
        }
        Model::Closed { cap, .. } => cap.map(|rate| rate.0),
        Model::Max => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gates_with(sets: &[&str]) -> Gates {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let loaded = profile::load("mqtt-publish", &sets, &|_| unreachable!()).unwrap();
        gates(&loaded.profile.gates)
    }

    #[test]
    fn the_defaults_of_the_key_table_are_those_of_the_verdict() {
        assert_eq!(gates_with(&[]), Gates::default());
    }

    #[test]
    fn a_profile_moves_each_gate() {
        let moved = gates_with(&[
            "gates.not_written=2%",
            "gates.pacer_lag_p99=2ms",
            "gates.pacer_lag_p999=10ms",
            "gates.pacer_lag_max=100ms",
            "gates.busy=50%",
            "gates.ceiling=75%",
            "gates.hiccup=100ms",
            "gates.throttled=3",
            "gates.memory=25%",
        ]);
        let expected = Gates {
            not_written_percent: 2.0,
            pacer_lag_p99_ms: 2.0,
            pacer_lag_p999_ms: 10.0,
            pacer_lag_max_ms: 100.0,
            busy_percent: 50.0,
            ceiling_percent: 75.0,
            hiccup_ms: 100.0,
            throttled_periods: 3.0,
            memory_percent: 25.0,
        };
        assert_eq!(moved, expected);
    }
}
