//! T9: what the histogram reports is what sorting every single wait yields, to one bucket.

use super::Trouble;
use super::bench::Bench;
use super::order::{Arrivals, Order};
use super::row::Rows;
use crate::measure::{Bounds, Distribution, Entry, Samples};

pub(super) fn judge(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let order = Order {
        rate: 3_000,
        arrivals: Arrivals::Poisson,
        instants: true,
        ..Order::default()
    };
    // Waits over four orders of magnitude.
    let order = order.tenant("service-time", "lognormal:5ms,1.2");
    let observed = bench.believed(&order)?;
    let total = &observed.result.total;
    let waits = |of: fn(&Entry) -> u64| {
        let answered = observed.measured().filter(|entry| entry.end.is_answered());
        answered.map(of).collect::<Vec<u64>>()
    };
    let response = waits(|entry| entry.ended - entry.intended);
    let service = waits(|entry| entry.ended - entry.sent);
    let lag = waits(|entry| entry.sent - entry.intended);
    compare("response time", response, &total.response_time_us, rows);
    compare("service time", service, &total.service_time_us, rows);
    compare("schedule lag", lag, &total.schedule_lag_us, rows);
    beyond(rows);
    Ok(())
}

/// Nearest rank: the smallest value that so many of 10,000 do not exceed.
fn sorted(waits: &[u64], per_10k: usize) -> Option<u64> {
    let rank = (waits.len() * per_10k).div_ceil(10_000);
    waits.get(rank.saturating_sub(1)).copied()
}

/// Width of the bucket that a wait falls into, ns.
fn bucket_ns(wait: u64) -> u64 {
    let mut samples = Samples::new(Bounds::up_to(wait));
    samples.record(wait);
    let buckets: Vec<_> = samples.buckets();
    buckets
        .first()
        .map_or(0, |bucket| bucket.to_ns - bucket.from_ns)
}

fn compare(name: &str, mut waits: Vec<u64>, found: &Distribution, rows: &mut Rows) {
    waits.sort_unstable();
    rows.about(waits.len() as u64);
    rows.exact(&format!("{name}, waits"), waits.len() as u64, found.count);
    for (percentile, per_10k, us) in [
        ("p50", 5_000, found.p50),
        ("p90", 9_000, found.p90),
        ("p99", 9_900, found.p99),
        ("p99.9", 9_990, found.p999),
        ("max", 10_000, found.max),
    ] {
        let exact = sorted(&waits, per_10k).unwrap_or(0);
        let what = format!("{name}, {percentile}, us");
        let bucket = bucket_ns(exact) as f64 / 1e3;
        rows.near(&what, exact as f64 / 1e3, us, bucket);
    }
    let mean = waits.iter().sum::<u64>() as f64 / waits.len().max(1) as f64 / 1e3;
    rows.near(&format!("{name}, mean, us"), mean, found.mean, 0.001);
}

/// A wait beyond the histogram's end counts at its end, and is counted.
fn beyond(rows: &mut Rows) {
    let bounds = Bounds::up_to(0);
    let mut samples = Samples::new(bounds);
    samples.record(bounds.high_ns());
    samples.record(bounds.high_ns() + 1_000_000_000);
    rows.about(samples.count());
    rows.exact(
        "beyond the end, waits clamped and counted",
        1,
        samples.clamped(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_the_definition() {
        let waits: Vec<u64> = (1..=1_000).collect();
        let found = [5_000, 9_990, 10_000].map(|per_10k| sorted(&waits, per_10k));
        assert_eq!(found, [Some(500), Some(999), Some(1_000)]);
        assert_eq!(sorted(&[7], 1), Some(7));
        assert_eq!(sorted(&[], 5_000), None);
    }

    #[test]
    fn buckets_are_a_thousandth_of_what_they_hold_or_64_ns() {
        for wait in [100, 100_000, 1_000_000, 50_000_000, 7_000_000_000] {
            let width = bucket_ns(wait) as f64;
            assert!(
                width <= (wait as f64 / 1_000.0).max(64.0),
                "{wait}: {width}"
            );
        }
    }
}
