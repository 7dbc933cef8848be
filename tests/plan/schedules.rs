//! Schedules: distributions, exactness, ramps, weights and periods.
//!
//! Fixed seeds; the statistical bounds are at the one percent level or wider.

use std::time::Duration;

use midge::plan::Cursor;
use midge::profile::{Arrivals, Model, Pace, Stage};
use midge::units::Rate;

use super::{arrivals, compile, plain, profile};

/// Kolmogorov-Smirnov distance of values in [0, 1] from the uniform distribution.
fn distance_from_uniform(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let gap = |(i, v): (usize, &f64)| {
        (v - i as f64 / n)
            .abs()
            .max((v - (i as f64 + 1.0) / n).abs())
    };
    values.iter().enumerate().map(gap).fold(0.0, f64::max)
}

#[test]
fn poisson_arrivals_have_exponential_gaps_at_every_rate() {
    for (rate, seconds, endpoints) in [(50.0, 400, 20), (1_000.0, 20, 100), (10_000.0, 2, 1_000)] {
        let mut poisson = profile(endpoints, rate, seconds);
        poisson.requests = vec![plain("r", Pace::Weight(1.0))];
        let all = arrivals(&compile(&poisson), 0..endpoints);
        let count = all.len() as f64;
        assert!(
            (count - 20_000.0).abs() < 4.0 * 20_000_f64.sqrt(),
            "{rate}/s: {count}"
        );
        let gaps = all
            .windows(2)
            .map(|w| 1.0 - (-((w[1].0 - w[0].0) as f64) / 1e9 * rate).exp())
            .collect();
        let distance = distance_from_uniform(gaps);
        assert!(distance <= 1.63 / count.sqrt(), "{rate}/s: {distance}");
    }
}

#[test]
fn one_endpoint_is_a_poisson_stream_of_its_own() {
    let mut poisson = profile(4, 40.0, 1_000);
    poisson.requests = vec![plain("r", Pace::Weight(1.0))];
    let all = arrivals(&compile(&poisson), 2..3);
    let gaps: Vec<f64> = all
        .windows(2)
        .map(|w| 1.0 - (-((w[1].0 - w[0].0) as f64) / 1e8).exp())
        .collect();
    let limit = 1.63 / (gaps.len() as f64).sqrt();
    assert!(distance_from_uniform(gaps) <= limit);
}

#[test]
fn constant_arrivals_are_exact_after_a_million() {
    let mut constant = profile(100, 3_000.0, 400);
    constant.load.arrivals = Arrivals::Constant;
    constant.load.warm_up = Duration::from_secs(7);
    constant.requests = vec![plain("r", Pace::Weight(1.0))];
    let plan = compile(&constant);
    let all = arrivals(&plan, 0..100);
    assert_eq!(all.len(), 3_000 * 407);
    for (position, (intended, endpoint, _)) in all.iter().enumerate() {
        let exact = position as u64 * 1_000_000 / 3;
        assert!(
            intended.abs_diff(exact) <= 1,
            "arrival {position}: {intended}"
        );
        assert_eq!(*endpoint, position as u32 % 100);
    }
}

#[test]
fn ramps_follow_the_integral_of_their_rate() {
    let mut ramp = profile(50, 200.0, 25);
    ramp.load.warm_up = Duration::from_secs(5);
    let stage = |seconds, to| Stage {
        duration: Duration::from_secs(seconds),
        to: Rate(to),
    };
    ramp.load.stages = vec![stage(10, 1_500.0), stage(5, 1_500.0), stage(10, 0.0)];
    ramp.requests = vec![plain("r", Pace::Weight(1.0))];
    // Expected arrivals until t seconds, worked out by hand.
    let expected = |t: f64| match t {
        ..5.0 => 200.0 * t,
        5.0..15.0 => 1_000.0 + 200.0 * (t - 5.0) + 65.0 * (t - 5.0).powi(2),
        15.0..20.0 => 9_500.0 + 1_500.0 * (t - 15.0),
        _ => 17_000.0 + 1_500.0 * (t - 20.0) - 75.0 * (t - 20.0).powi(2),
    };
    let plan = compile(&ramp);
    assert!((plan.schedule.expected_total(0) - 24_500.0).abs() < 1e-6);
    assert!((plan.schedule.expected_in_measure(0) - 23_500.0).abs() < 1e-6);
    let all = arrivals(&plan, 0..50);
    let scaled: Vec<f64> = all.iter().map(|a| expected(a.0 as f64 / 1e9)).collect();
    let gaps: Vec<f64> = scaled
        .windows(2)
        .map(|w| 1.0 - (w[0] - w[1]).exp())
        .collect();
    let limit = 1.63 / (gaps.len() as f64).sqrt();
    assert!(distance_from_uniform(gaps) <= limit);
    assert!(distance_from_uniform(scaled.iter().map(|v| v / 24_500.0).collect()) <= limit);

    ramp.load.arrivals = Arrivals::Constant;
    let all = arrivals(&compile(&ramp), 0..50);
    assert_eq!(all.len(), 24_500);
    for (position, (intended, ..)) in all.iter().enumerate() {
        assert!((expected(*intended as f64 / 1e9) - position as f64).abs() < 1e-3);
    }
}

#[test]
fn weights_are_kept_in_the_schedule_and_in_picks() {
    let mut weighted = profile(20, 1_000.0, 20);
    weighted.requests = vec![
        plain("eight", Pace::Weight(8.0)),
        plain("none", Pace::Weight(0.0)),
        plain("two", Pace::Weight(2.0)),
    ];
    let plan = compile(&weighted);
    let all = arrivals(&plan, 0..20);
    let share =
        |request: u16| all.iter().filter(|a| a.2 == request).count() as f64 / all.len() as f64;
    // Four standard deviations of a share of 0.8 in 20,000.
    assert!((share(0) - 0.8).abs() < 0.0115, "{}", share(0));
    assert!(share(1) == 0.0 && (plan.schedule.expected_total(0) - 16_000.0).abs() < 1e-6);
    assert!((plan.schedule.expected_total(2) - 4_000.0).abs() < 1e-6);

    weighted.load.model = Model::Max;
    let plan = compile(&weighted);
    assert_eq!(plan.schedule.streams(), 0);
    let picked = (0..20_000).filter(|k| plan.pick(3, *k) == Some(0)).count();
    assert!((15_770..16_230).contains(&picked), "{picked}");
}

#[test]
fn periodic_requests_keep_their_period_phase_and_jitter() {
    let (period, jitter) = (Duration::from_secs(2), Duration::from_millis(500));
    let mut every = profile(300, 1.0, 100);
    every.load.model = Model::OpenOwnRates;
    every.requests = vec![plain(
        "r",
        Pace::Every {
            period,
            jitter: Duration::ZERO,
        },
    )];
    let exact = compile(&every);
    every.requests = vec![plain("r", Pace::Every { period, jitter })];
    let moved = compile(&every);
    let mut phases = Vec::new();
    let mut jitters = Vec::new();
    for endpoint in 0..300 {
        let due = arrivals(&exact, endpoint..endpoint + 1);
        assert_eq!(due.len(), 50);
        assert!(due.windows(2).all(|w| w[1].0 - w[0].0 == 2_000_000_000));
        phases.push(due[0].0 as f64 / 2e9);
        for (due, moved) in due
            .iter()
            .zip(arrivals(&moved, endpoint..endpoint + 1))
            .skip(1)
        {
            assert!(due.0.abs_diff(moved.0) <= 500_000_000);
            jitters.push((moved.0 as f64 - due.0 as f64) / 1e9 + 0.5);
        }
    }
    assert!(distance_from_uniform(phases) <= 1.63 / 300_f64.sqrt());
    let limit = 1.63 / (jitters.len() as f64).sqrt();
    assert!(distance_from_uniform(jitters) <= limit);
    assert!((moved.schedule.expected_total(0) - 15_000.0).abs() < 1e-6);
}

#[test]
fn a_cursor_is_small_and_can_be_kept_by_value() {
    fn copy<T: Copy>(_: T) -> usize {
        size_of::<T>()
    }
    assert!(copy(Cursor::default()) <= 24);
}

#[test]
fn a_stage_spans_what_lasts_and_a_jump_does_not() {
    let mut steps = profile(50, 200.0, 25);
    let stage = |seconds, to| Stage {
        duration: Duration::from_secs(seconds),
        to: Rate(to),
    };
    steps.load.stages = vec![stage(10, 200.0), stage(0, 500.0), stage(5, 800.0)];
    let every = Pace::Every {
        period: Duration::from_secs(5),
        jitter: Duration::ZERO,
    };
    steps.requests = vec![plain("r", Pace::Weight(1.0)), plain("own", every)];
    let spans = compile(&steps).stages;
    // The fifty endpoints add ten a second of their own.
    let found: Vec<_> = spans
        .iter()
        .map(|span| (span.from_ns, span.to_ns, span.from_per_s, span.to_per_s))
        .collect();
    let s = 1_000_000_000;
    let expected = [(0, 10 * s, 210.0, 210.0), (10 * s, 15 * s, 510.0, 810.0)];
    assert_eq!(found, expected);
    steps.load.stages.clear();
    assert_eq!(compile(&steps).stages, []);
}
