//! T12: two runs of the same are called the same, and 5 ms more are found to be 5 ms more.

use super::Trouble;
use super::bench::Bench;
use super::observed::{Observed, ms};
use super::order::Order;
use super::row::Rows;
use crate::report::{Comparison, Decision, Limits};

const BEFORE_MS: u32 = 10;
const MORE_MS: u32 = 5;
/// How far the difference may be from the true one, ms: a bucket of the histogram in each run, and what
/// any machine may add.
const BUCKETS_MS: f64 = 0.025;
const MACHINE_MS: f64 = 0.075;

pub(super) fn judge(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let run = |delay_ms: u32| {
        let order = Order::default().tenant("service-time", format!("fixed:{delay_ms}ms"));
        bench.believed(&order)
    };
    let (first, again) = (run(BEFORE_MS)?, run(BEFORE_MS)?);
    let slower = run(BEFORE_MS + MORE_MS)?;
    rows.about(first.planned());
    let tolerance = BUCKETS_MS + MACHINE_MS.min(bench.terms().middle_ms);
    let decided = Comparison::of(&first.result, &again.result, Limits::default()).decision;
    let claimed = u64::from(decided == Decision::Regression);
    rows.exact("the same twice, regressions claimed", 0, claimed);
    let found = u64::from(decided == Decision::NoRegression);
    rows.exact("the same twice, comparisons that say so", 1, found);
    let median = |observed: &Observed| ms(observed.result.total.response_time_us.p50);
    let more = |from: &Observed, to: &Observed| Some(median(to)? - median(from)?);
    rows.near(
        "the same twice, difference of p50, ms",
        0.0,
        more(&first, &again),
        tolerance,
    );
    let expected = f64::from(MORE_MS);
    rows.near(
        "5 ms more, difference of p50, ms",
        expected,
        more(&again, &slower),
        tolerance,
    );
    Ok(())
}
