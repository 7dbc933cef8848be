//! What a run's result has to know of the machine: its state, its limits, and the gates.
//!
//! From the words of profile and engine to those of `measure`. Not here: looking at it while the run
//! goes on (the engine's heartbeat).

use super::limits::Machine;
use super::{environment, sources};
use crate::engine::{Lengths, Measured};
use crate::event::Waiting;
use crate::measure::{Gates, Health, MachineLimits};
use crate::profile::{self, Target};

/// State over the whole run.
pub(super) fn health(measured: &Measured, spin: bool) -> Health {
    Health {
        workers: measured.workers as u32,
        waiting: measured.waiting.map_or("", Waiting::name),
        spin,
        cpu_s: environment::cpu_s(),
        busy_max: busy_max(measured),
        peak_rss_bytes: environment::peak_rss_bytes(),
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

/// How much there is of everything: what the engine knows, and what was found before the run.
pub(super) fn limits(known: MachineLimits, machine: Machine, target: &Target) -> MachineLimits {
    // The largest number stands for what could not be found out.
    let some = |count: u64| Some(count).filter(|count| *count < u64::MAX);
    let pairs = sources::pairs(target).max(1);
    MachineLimits {
        descriptors: some(machine.descriptors),
        ports: some(machine.ports).map(|ports| ports.saturating_mul(pairs)),
        ..known
    }
}

/// The gates of a profile in the units of the verdict.
pub(super) fn gates(of: &profile::Gates) -> Gates {
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

    #[test]
    fn each_pair_of_source_and_target_has_all_ports() {
        let machine = Machine {
            descriptors: 1024,
            ports: 100,
            memory: u64::MAX,
        };
        let sets = ["target.bind=127.0.0.2-127.0.0.4".to_owned()];
        let loaded = profile::load("mqtt-publish", &sets, &|_| unreachable!()).unwrap();
        let target = &loaded.profile.target;
        let found = limits(MachineLimits::default(), machine, target);
        assert_eq!((found.descriptors, found.ports), (Some(1024), Some(300)));
        let unknown = Machine {
            ports: u64::MAX,
            ..machine
        };
        assert_eq!(limits(found, unknown, target).ports, None);
    }
}
