//! T2: delays drawn from known distributions come out as these distributions.

use super::Trouble;
use super::answers::{deviation, quantile};
use super::bench::Bench;
use super::observed::{Observed, ms};
use super::order::{Arrivals, Order};
use super::row::Rows;
use crate::delay::Delay;
use crate::measure::Distribution;

const RATE: u32 = 3_000;
const MEASURE_MS: u32 = 6_000;
/// Share of the figure that the histogram may be off by.
const RESOLUTION: f64 = 0.002;
/// Deviations of a quantile that a sample may be off by.
const DEVIATIONS: f64 = 4.0;

const EXPONENTIAL: Delay = Delay::Exponential(std::time::Duration::from_millis(10));
const LOGNORMAL: Delay = Delay::Lognormal(std::time::Duration::from_millis(5), 0.5);
const RARE: f64 = 0.01;
const BIMODAL: Delay = Delay::Bimodal(
    std::time::Duration::from_millis(2),
    std::time::Duration::from_millis(50),
    RARE,
);

pub(super) fn judge(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let floor = run(bench, Delay::ZERO)?.result.total.response_time_us;
    let fixed = Delay::Fixed(std::time::Duration::from_millis(5));
    for (name, delay, percentiles) in [
        ("fixed", fixed, &[0.5, 0.9, 0.99][..]),
        ("exponential", EXPONENTIAL, &[0.5, 0.9, 0.99, 0.999]),
        ("lognormal", LOGNORMAL, &[0.5, 0.9, 0.99, 0.999]),
        // Its 99th percentile is on the edge between both values.
        ("bimodal", BIMODAL, &[0.5, 0.9, 0.999]),
    ] {
        let observed = run(bench, delay)?;
        rows.about(observed.planned());
        for p in percentiles {
            percentile(bench, (name, delay, *p), &floor, &observed, rows);
        }
        if delay == BIMODAL {
            let n = observed.planned() as f64;
            let tolerance = DEVIATIONS * (RARE * (1.0 - RARE) / n).sqrt() * 100.0;
            let got = observed.share_above(45.0) * 100.0;
            rows.near(
                "bimodal, share above 45 ms, %",
                RARE * 100.0,
                Some(got),
                tolerance,
            );
        }
    }
    Ok(())
}

fn run(bench: &Bench, delay: Delay) -> Result<Observed, Trouble> {
    let order = Order {
        endpoints: 100,
        rate: RATE,
        arrivals: Arrivals::Constant,
        measure_ms: MEASURE_MS * bench.terms().longer,
        ..Order::default()
    };
    bench.believed(&order.tenant("service-time", delay.to_string()))
}

fn of(time: &Distribution, p: f64) -> (&'static str, Option<f64>) {
    match p {
        p if p < 0.9 => ("p50", ms(time.p50)),
        p if p < 0.99 => ("p90", ms(time.p90)),
        p if p < 0.999 => ("p99", ms(time.p99)),
        _ => ("p99.9", ms(time.p999)),
    }
}

/// A percentile, with what a round trip without any delay was found to take, as far as that is small.
fn percentile(
    bench: &Bench,
    (name, delay, p): (&str, Delay, f64),
    floor: &Distribution,
    observed: &Observed,
    rows: &mut Rows,
) {
    let terms = bench.terms();
    let (statistic, got) = of(&observed.result.total.response_time_us, p);
    let expected = quantile(delay, p);
    let most = if p < 0.95 {
        terms.middle_ms
    } else {
        terms.tail_ms
    };
    let machine = of(floor, p)
        .1
        .map_or(most, |floor| floor.max(most / 2.0).min(most));
    let sampling = DEVIATIONS * deviation(delay, p, observed.planned());
    let what = format!("{name}, {statistic}, ms");
    let tolerance = RESOLUTION * expected + sampling + machine;
    rows.near(&what, expected, got, tolerance);
}
