//! T8: Little's law. What is in flight on average is the rate times the mean time in flight; an
//! instrument that loses time somewhere does not find it so.

use super::Trouble;
use super::bench::Bench;
use super::order::Order;
use super::row::Rows;

/// Percent that they may differ by.
const TOLERANCE: f64 = 2.0;

pub(super) fn judge(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    // Even arrivals and equal delays, so that a few looks tell the mean. With a delay that is a multiple
    // of the interval, replies would come at the instants of the looks.
    for delay_us in [20_250, 100_250] {
        let order = Order {
            rate: 2_000,
            measure_ms: 8_000 * bench.terms().longer,
            ..Order::default()
        };
        let order = order.tenant("service-time", format!("fixed:{delay_us}us"));
        let observed = bench.believed(&order)?;
        let looks = &observed.in_flight;
        rows.about(looks.len() as u64);
        let mean = looks.iter().sum::<u64>() as f64 / looks.len() as f64;
        let result = &observed.result;
        let sent_per_s = result.total.ledger.sent as f64 / result.load.measure_s;
        let by_law = result
            .total
            .service_time_us
            .mean
            .map(|us| sent_per_s * us / 1e6);
        let delay_ms = f64::from(delay_us) / 1e3;
        let what = format!("{delay_ms} ms, in flight");
        let by_law = by_law.unwrap_or(f64::NAN);
        rows.near(&what, by_law, Some(mean), by_law * TOLERANCE / 100.0);
        // And both are what was asked for.
        let asked = f64::from(order.rate) * delay_ms / 1e3;
        let machine = bench.terms().middle_ms * f64::from(order.rate) / 1e3;
        let what = format!("{delay_ms} ms, in flight as asked");
        rows.near(
            &what,
            asked,
            Some(mean),
            asked * TOLERANCE / 100.0 + machine,
        );
    }
    Ok(())
}
