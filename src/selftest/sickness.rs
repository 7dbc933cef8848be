//! T7: a generator that is kept from running says so, and does not blame the tenant; a tenant that is
//! kept from running makes no run invalid.

use std::time::Duration;

use super::Trouble;
use super::answers::{Stalled, mean_wait};
use super::bench::Bench;
use super::observed::{Observed, ms};
use super::order::{Arrivals, Hold, Machine, Order};
use super::row::Rows;
use crate::event::ClockSet;

const HELD: Duration = Duration::from_millis(500);
const SERVICE_MS: f64 = 2.0;
/// Width of a bucket of the histogram, as a share of what it holds.
const BUCKET: f64 = 0.001;

pub(super) fn judge(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    stopped(bench, rows)?;
    starved(bench, rows)?;
    tenant(bench, rows)?;
    if bench.terms().obedient {
        slow_writes(bench, rows)?;
        clock_set(bench, rows)?;
    } else {
        rows.left_out("writes that take 50 us (a machine decides that itself; see --virtual)");
        rows.left_out("the wall clock set in mid-run (it is everybody's; see --virtual)");
    }
    Ok(())
}

fn order(held: Option<Hold>) -> Order {
    let order = Order {
        held,
        ..Order::default()
    };
    order.tenant("service-time", "2ms")
}

fn invalid(observed: &Observed) -> u64 {
    u64::from(!observed.result.verdict.valid)
}

/// Whether the verdict has this reason.
fn says(observed: &Observed, reason: &str) -> u64 {
    let mut reasons = observed.result.verdict.reasons.iter();
    u64::from(reasons.any(|found| found.code == reason))
}

/// Once, for half a second.
fn stopped(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let hold = Hold {
        after: Duration::from_secs(3),
        length: HELD,
        pause: Duration::ZERO,
        times: 1,
    };
    let observed = bench.once(&order(Some(hold)))?;
    let total = &observed.result.total;
    rows.about(observed.planned());
    rows.exact(
        "stopped for 500 ms, runs called INVALID",
        1,
        invalid(&observed),
    );
    for reason in ["pacer_lag_p99", "hiccup"] {
        let what = format!("stopped for 500 ms, reasons {reason}");
        rows.exact(&what, 1, says(&observed, reason));
    }
    let stopped_ms = observed.held.unwrap_or(HELD).as_secs_f64() * 1e3;
    let lag = ms(total.schedule_lag_us.max);
    rows.near(
        "stopped for 500 ms, longest schedule lag, ms",
        stopped_ms,
        lag,
        bench.terms().pause_ms,
    );
    waited(&observed, stopped_ms, bench.terms().pause_ms, rows);
    rows.exact(
        "stopped for 500 ms, answered",
        total.ledger.planned,
        total.ledger.ok,
    );
    // Service times of most requests are the tenant's all the same.
    let service = ms(total.service_time_us.p50);
    let machine = bench.terms().middle_ms;
    rows.near(
        "stopped for 500 ms, service time p50, ms",
        SERVICE_MS,
        service,
        machine.max(BUCKET * SERVICE_MS),
    );
    Ok(())
}

/// Who came due in the pause waited for the rest of it, and nobody else for long: what was due is sent at
/// once, however much it is, and its wait begins when it was due.
fn waited(observed: &Observed, stopped_ms: f64, pause_ms: f64, rows: &mut Rows) {
    const LONG_MS: f64 = 50.0;
    let known = Stalled {
        service: SERVICE_MS,
        stall: stopped_ms,
        over: observed.result.load.measure_s * 1e3,
    };
    rows.near(
        "stopped for 500 ms, share above 50 ms, %",
        known.share_above(LONG_MS) * 100.0,
        Some(observed.share_above(LONG_MS) * 100.0),
        pause_ms / known.over * 100.0,
    );
}

/// It gets a fifth of its time, in slices of 20 ms, as from a quota of a control group.
fn starved(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let hold = Hold {
        after: Duration::from_secs(2),
        length: Duration::from_millis(80),
        pause: Duration::from_millis(20),
        times: 30,
    };
    let observed = bench.once(&order(Some(hold)))?;
    rows.about(observed.planned());
    rows.exact(
        "a fifth of a CPU, runs called INVALID",
        1,
        invalid(&observed),
    );
    let of_the_pacer = says(&observed, "pacer_lag_p99");
    rows.exact("a fifth of a CPU, reasons pacer_lag_p99", 1, of_the_pacer);
    let lag = ms(observed.result.total.schedule_lag_us.max);
    let stopped = observed.held.unwrap_or(hold.length);
    let stopped_ms = stopped.as_secs_f64() * 1e3;
    rows.near(
        "a fifth of a CPU, longest schedule lag, ms",
        stopped_ms,
        lag,
        bench.terms().pause_ms,
    );
    Ok(())
}

/// The tenant stands still: a valid run, with the wait in the service times.
fn tenant(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let held = HELD.as_secs_f64() * 1e3;
    let stall = format!("3s+{held}ms");
    let observed = bench.believed(&order(None).tenant("stall", stall))?;
    rows.about(observed.planned());
    rows.exact("tenant stopped, runs called INVALID", 0, invalid(&observed));
    let service = ms(observed.result.total.service_time_us.max);
    rows.near(
        "tenant stopped, longest service time, ms",
        held + SERVICE_MS,
        service,
        bench.terms().pause_ms,
    );
    Ok(())
}

/// Writes that take 50 us. Requests wait for those before them as in a queue with one server and one
/// service time, for each worker, and all of that is schedule lag. Whoever reads the clock once for all
/// that was due together sees only a part of it.
fn slow_writes(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    const WRITE_US: u32 = 50;
    const RATE: u32 = 20_000;
    /// Standard deviation of the mean of a run of this length, as a share of it: 20 simulated ones. (Waits
    /// of one queue depend on each other.)
    const DEVIATION: f64 = 0.009;
    const DEVIATIONS: f64 = 4.0;
    let order = Order {
        // So many that two requests that wait for their turn are hardly ever of one connection, which
        // would write them together.
        endpoints: 2_000,
        rate: RATE,
        arrivals: Arrivals::Poisson,
        measure_ms: 8_000,
        answered: false,
        machine: Machine {
            write: Duration::from_micros(WRITE_US.into()),
            ..Machine::default()
        },
        ..Order::default()
    };
    let observed = bench.once(&order)?;
    rows.about(observed.planned());
    let workers = f64::from(observed.result.generator.workers);
    let load = f64::from(RATE) / workers * f64::from(WRITE_US) / 1e6;
    let expected = mean_wait(load, f64::from(WRITE_US));
    rows.near(
        "writes take 50 us, mean schedule lag, us",
        expected,
        observed.result.total.schedule_lag_us.mean,
        DEVIATIONS * DEVIATION * expected,
    );
    rows.exact(
        "writes take 50 us, runs called INVALID",
        0,
        invalid(&observed),
    );
    Ok(())
}

/// Half a second is put on the machine's wall clock in mid-run: nothing changes, because no duration
/// comes from it.
fn clock_set(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let set = ClockSet {
        after: Duration::from_secs(4),
        forward: HELD,
    };
    let order = Order {
        machine: Machine {
            clock_set: Some(set),
            ..Machine::default()
        },
        ..order(None)
    };
    let observed = bench.once(&order)?;
    let total = &observed.result.total;
    rows.about(observed.planned());
    let tail_ms = bench.terms().tail_ms;
    rows.exact(
        "clock set by 500 ms, runs called INVALID",
        0,
        invalid(&observed),
    );
    rows.at_most(
        "clock set by 500 ms, longest schedule lag, ms",
        tail_ms,
        ms(total.schedule_lag_us.max),
    );
    rows.near(
        "clock set by 500 ms, longest response time, ms",
        SERVICE_MS,
        ms(total.response_time_us.max),
        tail_ms + BUCKET * SERVICE_MS,
    );
    Ok(())
}
