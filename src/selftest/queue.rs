//! T3: one server with exponential service times and Poisson arrivals, the M/M/1 queue. What it does to
//! response times depends on how requests arrive, so arrivals that are not Poisson do not pass.

use super::Trouble;
use super::answers::queue_quantile;
use super::bench::Bench;
use super::observed::ms;
use super::order::{Arrivals, Order};
use super::row::{Row, Rows};

/// Requests that the server could answer per second.
const CAPACITY: u32 = 2_000;
/// Requests that come.
const RATE: u32 = 1_600;
/// With 240,000 requests.
const MEASURE_MS: u32 = 150_000;

/// Percentiles, and the standard deviation of their estimates in samples of [`SIMULATED`] requests as a
/// share of the percentile: 120 simulated runs. (Waits of one queue depend on each other, so it is more
/// than that of independent ones.)
const PERCENTILES: [(&str, f64, f64); 4] = [
    ("p50", 0.5, 0.014),
    ("p90", 0.9, 0.020),
    ("p99", 0.99, 0.038),
    ("p99.9", 0.999, 0.084),
];
const SIMULATED: f64 = 240_000.0;
const DEVIATIONS: f64 = 4.0;

/// The queue, with its arrivals.
#[derive(Debug, Clone, Copy)]
pub struct Queue {
    /// What it is asked for: the answer is that of Poisson arrivals.
    pub arrivals: Arrivals,
    /// Length of the measure phase, ms.
    pub measure_ms: u32,
}

pub(super) fn judge(bench: &Bench) -> Result<Vec<Row>, Trouble> {
    let queue = Queue {
        arrivals: Arrivals::Poisson,
        measure_ms: MEASURE_MS * bench.terms().longer,
    };
    queue.judge(bench)
}

impl Queue {
    /// Runs it, and compares with M/M/1.
    ///
    /// # Errors
    /// There is no result, or none that may be believed.
    pub fn judge(self, bench: &Bench) -> Result<Vec<Row>, Trouble> {
        let service_us = 1_000_000 / CAPACITY;
        let order = Order {
            rate: RATE,
            arrivals: self.arrivals,
            warm_up_ms: 2_000,
            measure_ms: self.measure_ms,
            ..Order::default()
        };
        let order = order
            .tenant("service-time", format!("exp:{service_us}us"))
            .tenant("servers", "1");
        let observed = bench.believed(&order)?;
        let time = &observed.result.total.response_time_us;
        let found = [time.p50, time.p90, time.p99, time.p999].map(ms);
        let terms = bench.terms();
        Ok(compare(
            found,
            observed.planned(),
            [terms.middle_ms, terms.tail_ms],
        ))
    }
}

/// Percentiles of `n` requests against those of the queue, where the machine adds so much to the middle
/// and to the tail.
fn compare(found: [Option<f64>; 4], n: u64, [middle, tail]: [f64; 2]) -> Vec<Row> {
    let mut rows = Rows::new("T3", n);
    for ((name, p, deviation), got) in PERCENTILES.into_iter().zip(found) {
        let expected = queue_quantile(f64::from(RATE), f64::from(CAPACITY), p);
        let sampling = DEVIATIONS * deviation * (SIMULATED / n.max(1) as f64).sqrt();
        let machine = if p < 0.95 { middle } else { tail };
        let what = format!("M/M/1, {name}, ms");
        rows.near(&what, expected, got, sampling * expected + machine);
    }
    rows.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{exponential, hash};

    const REQUESTS: u64 = 240_000;

    /// Percentiles of the time in the queue, ms: each request waits for the one before (Lindley 1952).
    /// `gap` is what lies between arrivals `n - 1` and `n`, s.
    fn simulated(seed: u64, gap: impl Fn(u64) -> f64) -> [Option<f64>; 4] {
        let (mut now, mut free) = (0.0_f64, 0.0_f64);
        let mut times: Vec<f64> = (0..REQUESTS)
            .map(|n| {
                now += gap(n);
                free = free.max(now) + exponential(hash(seed, 2, n)) / f64::from(CAPACITY);
                (free - now) * 1e3
            })
            .collect();
        times.sort_unstable_by(f64::total_cmp);
        PERCENTILES.map(|(_, p, _)| times.get((p * REQUESTS as f64) as usize).copied())
    }

    fn held(found: [Option<f64>; 4]) -> [bool; 4] {
        let rows = compare(found, REQUESTS, [0.3, 1.3]);
        [0, 1, 2, 3].map(|row: usize| rows[row].passed)
    }

    #[test]
    fn poisson_arrivals_pass_with_any_seed() {
        for seed in 0..20 {
            let gap = |n| exponential(hash(seed, 1, n)) / f64::from(RATE);
            assert_eq!(held(simulated(seed, gap)), [true; 4], "seed {seed}");
        }
    }

    #[test]
    fn even_arrivals_and_batches_fail_at_every_percentile() {
        for seed in 0..5 {
            let even = simulated(seed, |_| 1.0 / f64::from(RATE));
            assert_eq!(held(even), [false; 4], "seed {seed}: {even:?}");
            let batches = |n| match n % 10 {
                0 => exponential(hash(seed, 1, n)) * 10.0 / f64::from(RATE),
                _ => 0.0,
            };
            let batches = simulated(seed, batches);
            assert_eq!(held(batches), [false; 4], "seed {seed}: {batches:?}");
        }
    }
}
