//! T1: a tenant that stands still once, for a known time. Instruments that wait for replies before they
//! send again, or that measure from the send, do not see it.

use super::Trouble;
use super::answers::Stalled;
use super::bench::Bench;
use super::observed::{Observed, ms};
use super::order::{Arrivals, Order};
use super::row::Rows;

const SERVICE_MS: u32 = 2;
/// A wait that is longer than any reply takes without the stall, ms.
const LONG_MS: f64 = 50.0;

pub(super) fn judge(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    for endpoints in [10, 100, 1_000] {
        even(bench, endpoints, rows)?;
    }
    random(bench, rows)?;
    Ok(())
}

/// One stall in the middle of the measure phase.
fn order(endpoints: u32, arrivals: Arrivals, measure_ms: u32, stall_ms: u32) -> Order {
    let order = Order {
        endpoints,
        arrivals,
        measure_ms,
        ..Order::default()
    };
    // Counted from the first message, which is at the beginning of the warm-up.
    let at = order.warm_up_ms + measure_ms / 2;
    order
        .tenant("service-time", format!("fixed:{SERVICE_MS}ms"))
        .tenant("stall", format!("{at}ms+{stall_ms}ms"))
}

fn known(measure_ms: u32, stall_ms: u32) -> Stalled {
    let [service, stall, over] = [SERVICE_MS, stall_ms, measure_ms].map(f64::from);
    Stalled {
        service,
        stall,
        over,
    }
}

/// Requests at even intervals: every percentile is known to one interval.
fn even(bench: &Bench, endpoints: u32, rows: &mut Rows) -> Result<(), Trouble> {
    const STALL_MS: u32 = 400;
    let terms = bench.terms();
    let measure_ms = 12_000 * terms.longer;
    let stall_ms = STALL_MS * terms.longer;
    let order = order(endpoints, Arrivals::Constant, measure_ms, stall_ms);
    let known = known(measure_ms, stall_ms);
    let observed = bench.believed(&order)?;
    rows.about(observed.planned());
    let time = &observed.result.total.response_time_us;
    let interval = 1e3 / f64::from(order.rate);
    // After the stall, connections with something to read have their turns one after the other.
    let waiting = (known.stall / interval).min(endpoints.into());
    let catching_up = waiting * terms.turn_ms;
    let percentiles = [
        ("p50", 0.5, time.p50),
        ("p95", 0.95, time.p95),
        ("p99", 0.99, time.p99),
        ("p99.9", 0.999, time.p999),
        ("max", 1.0, time.max),
    ];
    for (name, p, us) in percentiles {
        let expected = known.quantile(p);
        let machine = if p < 0.95 {
            terms.middle_ms
        } else {
            terms.tail_ms
        };
        let what = format!("{endpoints} connections, {name}, ms");
        // Only those who came in the stall depend on when it was.
        let in_stall = expected > known.service;
        let unsure = if in_stall {
            interval + catching_up
        } else {
            0.0
        };
        let tolerance = unsure + 0.001 * expected + machine;
        rows.near(&what, expected, ms(us), tolerance);
    }
    let tolerance = 0.001 + (interval + terms.tail_ms + catching_up) / known.over * 100.0;
    share(
        &format!("{endpoints} connections"),
        known,
        &observed,
        tolerance,
        rows,
    );
    Ok(())
}

/// A Poisson process: how many come in the stall varies.
fn random(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    const MEASURE_MS: u32 = 60_000;
    const STALL_MS: u32 = 2_000;
    let order = order(100, Arrivals::Poisson, MEASURE_MS, STALL_MS);
    let known = known(MEASURE_MS, STALL_MS);
    let observed = bench.believed(&order)?;
    rows.about(observed.planned());
    let time = &observed.result.total.response_time_us;
    // What simulations of this process gave at 1000/s.
    for (name, p, us, tolerance) in [
        ("p99", 0.99, time.p99, 65.0),
        ("p99.9", 0.999, time.p999, 16.0),
    ] {
        let what = format!("Poisson, {name}, ms");
        rows.near(&what, known.quantile(p), ms(us), tolerance);
    }
    share("Poisson", known, &observed, 0.21, rows);
    Ok(())
}

/// Percent of the requests that waited for long.
fn share(name: &str, known: Stalled, observed: &Observed, tolerance: f64, rows: &mut Rows) {
    let what = format!("{name}, share above {LONG_MS} ms, %");
    let expected = known.share_above(LONG_MS) * 100.0;
    let got = observed.share_above(LONG_MS) * 100.0;
    rows.near(&what, expected, Some(got), tolerance);
}
