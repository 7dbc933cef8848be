//! The planned arrivals are a Poisson process, and the measure that says so would notice if not.
//!
//! Fixed seeds, no clock: these tests give the same figures on every machine.

use std::time::Duration;

use midge::measure::fit::{Fit, SUMMED, positions};
use midge::profile::{Arrivals, Pace, Profile, Stage};
use midge::units::Rate;

use super::{arrivals, compile, plain, profile};

const SEEDS: [u64; 5] = [1, 2, 3, 42, 2_026];

fn poisson(rate: f64, seconds: u64) -> Profile {
    let mut profile = profile(100, rate, seconds);
    profile.requests = vec![plain("r", Pace::Weight(1.0))];
    profile
}

/// Of the fleet's merged instants, by single gaps and by sums, against the plan's own rate.
fn fits(profile: &Profile) -> [Fit; 2] {
    let plan = compile(profile);
    let instants = arrivals(&plan, 0..profile.fleet.endpoints);
    let instants: Vec<u64> = instants.into_iter().map(|arrival| arrival.0).collect();
    let positions = positions(&instants, |at| plan.schedule.expected_by(at));
    [1, SUMMED].map(|summed| Fit::of(&positions, summed).expect("there are gaps"))
}

#[test]
fn planned_arrivals_fit_at_every_rate_and_seed() {
    for (rate, seconds) in [(50.0, 400), (1_000.0, 20), (10_000.0, 2)] {
        for seed in SEEDS {
            let mut profile = poisson(rate, seconds);
            profile.load.seed = seed;
            for fit in fits(&profile) {
                assert!(fit.is_good(), "{rate}/s, seed {seed}: {fit:?}");
            }
        }
    }
}

#[test]
fn planned_arrivals_fit_on_ramps_and_beside_a_rate_of_their_own() {
    let stage = |seconds, to| Stage {
        duration: Duration::from_secs(seconds),
        to: Rate(to),
    };
    for seed in SEEDS {
        let mut ramp = poisson(200.0, 25);
        ramp.load.warm_up = Duration::from_secs(5);
        ramp.load.stages = vec![
            stage(10, 1_500.0),
            stage(0, 400.0),
            stage(5, 400.0),
            stage(10, 0.0),
        ];
        ramp.requests.push(plain("own", Pace::Rate(Rate(150.0))));
        ramp.load.seed = seed;
        for fit in fits(&ramp) {
            assert!(fit.is_good(), "seed {seed}: {fit:?}");
        }
        // The same instants are no process of any constant rate.
        let plan = compile(&ramp);
        let instants = arrivals(&plan, 0..100);
        let total = plan.schedule.expected_by(u64::MAX) / plan.schedule.end_ns() as f64;
        let instants: Vec<u64> = instants.into_iter().map(|arrival| arrival.0).collect();
        let flat = positions(&instants, |at| at as f64 * total);
        let fit = Fit::of(&flat, 1).expect("there are gaps");
        assert!(!fit.is_good(), "seed {seed}: {fit:?}");
    }
}

#[test]
fn constant_arrivals_are_refused() {
    for rate in [50.0, 1_000.0, 10_000.0] {
        let mut constant = poisson(rate, 20_000 / rate as u64);
        constant.load.arrivals = Arrivals::Constant;
        let [gaps, sums] = fits(&constant);
        assert!((gaps.distance - 0.632).abs() < 0.01, "{rate}/s: {gaps:?}");
        assert!(!sums.is_good(), "{rate}/s: {sums:?}");
    }
}

/// Good arrivals, each moved as a bad pacer would.
fn moved(rate: f64, pacer: impl Fn(usize, u64) -> u64) -> Fit {
    let plan = compile(&poisson(rate, 20_000 / rate as u64));
    let good = arrivals(&plan, 0..100);
    let bad: Vec<u64> = good
        .iter()
        .enumerate()
        .map(|(number, arrival)| pacer(number, arrival.0))
        .collect();
    let positions = positions(&bad, |at| at as f64 / 1e9 * rate);
    Fit::of(&positions, 1).expect("there are gaps")
}

#[test]
fn a_timer_of_one_millisecond_is_seen_at_every_rate() {
    let ticks = |_, at: u64| at.next_multiple_of(1_000_000);
    for (rate, expected, tolerance) in [
        (50.0, 0.027, 0.012),
        (1_000.0, 0.37, 0.01),
        (10_000.0, 0.90, 0.01),
    ] {
        let fit = moved(rate, ticks);
        assert!(!fit.is_good(), "{rate}/s: {fit:?}");
        assert!(
            (fit.distance - expected).abs() < tolerance,
            "{rate}/s: {fit:?}"
        );
    }
}

#[test]
fn batches_of_ten_are_seen() {
    let plan = compile(&poisson(1_000.0, 20));
    let good: Vec<u64> = arrivals(&plan, 0..100).iter().map(|a| a.0).collect();
    let batches: Vec<u64> = good.chunks(10).flat_map(|ten| vec![ten[0]; 10]).collect();
    let positions = positions(&batches, |at| at as f64 / 1e6);
    let fit = Fit::of(&positions, 1).expect("there are gaps");
    assert!((fit.distance - 0.90).abs() < 0.01, "{fit:?}");
}

#[test]
fn a_jitter_of_fifty_microseconds_is_small_and_one_of_a_millisecond_is_not() {
    // Uniform enough: the fractional parts of multiples of the golden ratio.
    let share = |number: usize| (number as f64 * 0.618_033_988_749_895).fract();
    let jitter = |most: f64| move |number, at: u64| at + (share(number) * most) as u64;
    let fit = moved(1_000.0, jitter(50_000.0));
    assert!(fit.distance < 0.02, "{fit:?}");
    let fit = moved(1_000.0, jitter(10_000_000.0));
    assert!(!fit.is_good(), "{fit:?}");
}
