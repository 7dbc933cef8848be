//! T5: requests are planned, sent and received as a Poisson process. A timer that ticks, a pacer that
//! sends in bursts or at even intervals has another distribution of gaps.

use super::Trouble;
use super::bench::Bench;
use super::observed::Observed;
use super::order::{Arrivals, Order};
use super::row::Rows;
use super::runner::{Broken, Terms};
use crate::measure::fit::{Fit, SUMMED, positions};
use crate::plan::{Identities, Plan, Schedule};
use crate::profile;

/// Requests per second; how many gaps are summed (a write takes microseconds, so single gaps at high
/// rates cannot fit); how long it is measured.
const RATES: [(u32, u32, u32); 3] = [(50, 1, 20_000), (1_000, 1, 20_000), (10_000, SUMMED, 6_000)];

pub(super) fn judge(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let terms = bench.terms();
    for (rate, summed, measure_ms) in RATES {
        // Where a turn takes no time, single gaps can fit at any rate.
        let summed = if terms.turn_ms > 0.0 { summed } else { 1 };
        let order = Order {
            endpoints: 100,
            rate,
            arrivals: Arrivals::Poisson,
            measure_ms: measure_ms * terms.longer,
            answered: false,
            spin: true,
            instants: true,
            ..Order::default()
        };
        let plan = plan(&order)?;
        let observed = bench.believed(&order)?;
        compare(rate, summed, terms, &plan.schedule, &observed, rows);
    }
    if terms.obedient {
        rows.left_out(
            "how late a kernel wakes and delivers (there is none; see without --virtual)",
        );
    }
    Ok(())
}

fn plan(order: &Order) -> Result<Plan, Broken> {
    let text = order.profile();
    let loaded = profile::load(Order::FILE, &[], &|_| Ok(text.clone()));
    let compiled = loaded.map(|loaded| Plan::compile(&loaded.profile, Identities::none()));
    match compiled {
        Ok(Ok(plan)) => Ok(plan),
        Ok(Err(error)) => Err(Broken::Failed(error.to_string())),
        Err(errors) => Err(Broken::Failed(format!("{errors:?}"))),
    }
}

/// The distance of Kolmogorov and Smirnov of all three kinds of instants.
fn compare(
    rate: u32,
    summed: u32,
    terms: Terms,
    schedule: &Schedule,
    observed: &Observed,
    rows: &mut Rows,
) {
    let Some(start) = observed.load_start() else {
        rows.exact("loads that began", 1, 0);
        return;
    };
    let window = start + schedule.warm_up_ns()..start + schedule.end_ns();
    let received = observed.received.iter().copied();
    let received: Vec<u64> = received.filter(|at| window.contains(at)).collect();
    let kinds = [
        (
            "planned",
            observed.measured().map(|e| e.intended).collect(),
            0.0,
        ),
        (
            "sent",
            observed.measured().map(|e| e.sent).collect(),
            terms.sent,
        ),
        ("received", received, terms.received),
    ];
    let gaps = if summed == 1 {
        "gaps"
    } else {
        "sums of ten gaps"
    };
    for (name, instants, limit) in kinds {
        let instants: Vec<u64> = instants;
        let expected = |at: u64| schedule.expected_by(at.saturating_sub(start));
        let fit = Fit::of(&positions(&instants, expected), summed);
        rows.about(fit.map_or(0, |fit| fit.count as u64));
        // Perfect ones of so few have this distance already.
        let limit = fit.map_or(limit, |fit| fit.critical().max(limit));
        let what = format!("{rate}/s, {name}, distance of {gaps}");
        rows.at_most(&what, limit, fit.map(|fit| fit.distance));
    }
}
