//! T3: one server with exponential service times and Poisson arrivals, the M/M/1 queue. What it does to
//! response times depends on how requests arrive, so arrivals that are not Poisson do not pass.

use super::Trouble;
use super::answers::queue_quantile;
use super::bench::Bench;
use super::order::{Arrivals, Order};
use super::row::Rows;
use crate::measure::Bucket;

/// Requests that the server could answer per second.
const CAPACITY: u32 = 2_000;
/// Requests that come.
const RATE: u32 = 1_600;
/// Runs that are pooled: one that is disturbed costs less than a long one. Together 192,000 requests.
const RUNS: u32 = 5;
const MEASURE_MS: u32 = 24_000;

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
/// Each run has the next one.
const FIRST_SEED: u64 = 42;

pub(super) fn judge(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let terms = bench.terms();
    let service_us = 1_000_000 / CAPACITY;
    let (mut planned, mut buckets) = (0, Vec::new());
    for run in 0..RUNS {
        let order = Order {
            rate: RATE,
            arrivals: Arrivals::Poisson,
            warm_up_ms: 2_000,
            measure_ms: MEASURE_MS * terms.longer,
            seed: FIRST_SEED + u64::from(run),
            ..Order::default()
        };
        let order = order
            .tenant("service-time", format!("exp:{service_us}us"))
            .tenant("servers", "1");
        let observed = bench.believed(&order)?;
        planned += observed.planned();
        buckets.extend(observed.response);
    }
    buckets.sort_unstable_by_key(|bucket| bucket.from_ns);
    let found = PERCENTILES.map(|(_, p, _)| percentile(&buckets, planned, p));
    rows.about(planned);
    compare(found, planned, [terms.middle_ms, terms.tail_ms], rows);
    Ok(())
}

/// The end of the bucket that a percentile of `planned` requests falls into, ms; `None`: none of those
/// who were answered, who are in these buckets.
fn percentile(buckets: &[Bucket], planned: u64, p: f64) -> Option<f64> {
    let rank = (p * planned as f64).ceil() as u64;
    let mut below = 0;
    let found = buckets.iter().find(|bucket| {
        below += bucket.count;
        below >= rank
    })?;
    Some(found.to_ns as f64 / 1e6)
}

/// Percentiles of `n` requests against those of the queue, where the machine adds so much to the middle
/// and to the tail.
fn compare(found: [Option<f64>; 4], n: u64, [middle, tail]: [f64; 2], rows: &mut Rows) {
    for ((name, p, deviation), got) in PERCENTILES.into_iter().zip(found) {
        let expected = queue_quantile(f64::from(RATE), f64::from(CAPACITY), p);
        let sampling = DEVIATIONS * deviation * (SIMULATED / n.max(1) as f64).sqrt();
        let machine = if p < 0.95 { middle } else { tail };
        let what = format!("M/M/1, {name}, ms");
        rows.near(&what, expected, got, sampling * expected + machine);
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::Row;
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
        let mut rows = Rows::new("T3", REQUESTS);
        compare(found, REQUESTS, [0.3, 1.3], &mut rows);
        let rows: Vec<Row> = rows.into();
        [0, 1, 2, 3].map(|row: usize| rows[row].passed)
    }

    #[test]
    fn pooled_percentiles_are_over_all_that_was_planned() {
        let bucket = |from_ns, count| Bucket {
            from_ns,
            to_ns: from_ns + 1_000_000,
            count,
        };
        let buckets = [bucket(0, 50), bucket(1_000_000, 40)];
        let found = [0.5, 0.51, 0.9].map(|p| percentile(&buckets, 100, p));
        assert_eq!(found, [Some(1.0), Some(2.0), Some(2.0)]);
        // Ten were not answered.
        assert_eq!(percentile(&buckets, 100, 0.91), None);
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
