//! T4: a tenant that never answers again. Those who wait for it stay in every percentile.

use super::Trouble;
use super::bench::Bench;
use super::observed::ms;
use super::order::Order;
use super::row::Rows;
use crate::measure::Statistic;

const DEADLINE_MS: u32 = 1_500;

pub(super) fn judge(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    after_two_of_five_seconds(bench, rows)?;
    from_the_start(bench, rows)?;
    Ok(())
}

/// Three fifths of the requests get no answer.
fn after_two_of_five_seconds(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let order = Order {
        deadline_ms: DEADLINE_MS,
        ..Order::default()
    };
    let order = order
        .tenant("service-time", "2ms")
        .tenant("stall", "3s+10m");
    let observed = bench.believed(&order)?;
    let total = &observed.result.total;
    let time = &total.response_time_us;
    rows.about(observed.planned());
    rows.exact(
        "planned = answered + timed out",
        total.ledger.planned,
        total.ledger.ok + total.ledger.timeout,
    );
    let failed = total.failure_rate.map(|rate| rate * 100.0);
    // The stall begins within an interval and a service time of its instant.
    let unsure = (bench.terms().tail_ms + 3.0) / f64::from(order.measure_ms) * 100.0;
    rows.near("unanswered, % of the planned", 60.0, failed, unsure);
    rows.exact("answers with a response time", total.ledger.ok, time.count);
    for (name, us) in [("p50", time.p50), ("p99", time.p99), ("max", time.max)] {
        let what = format!("{name}, longest certain wait, ms");
        let deadline = f64::from(DEADLINE_MS);
        rows.near(&what, deadline, ms(us), 0.001 * deadline);
    }
    let among = [
        Statistic::P50,
        Statistic::P90,
        Statistic::P95,
        Statistic::P99,
        Statistic::P999,
        Statistic::Max,
    ];
    let named = among.iter().filter(|s| time.at_least.contains(s)).count();
    rows.exact("percentiles shown as lower bounds", 6, named as u64);
    Ok(())
}

/// Nobody is answered: there is no figure to be had from answers.
fn from_the_start(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let order = Order {
        rate: 500,
        measure_ms: 2_000,
        deadline_ms: 500,
        ..Order::default()
    };
    let observed = bench.believed(&order.tenant("loss", "100%"))?;
    let time = &observed.result.total.response_time_us;
    rows.about(observed.planned());
    rows.exact("nobody answers, response times", 0, time.count);
    let made_up = [time.min, time.mean].iter().flatten().count();
    rows.exact(
        "nobody answers, minimum and mean made up",
        0,
        made_up as u64,
    );
    rows.near("nobody answers, p50, ms", 500.0, ms(time.p50), 0.5);
    Ok(())
}
