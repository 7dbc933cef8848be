//! T12: two runs of the same are called the same, whatever chance does, and 5 ms more are found to be 5 ms
//! more.

use super::Trouble;
use super::answers::deviation;
use super::bench::Bench;
use super::observed::{Observed, ms};
use super::order::{Arrivals, Order};
use super::row::Rows;
use crate::delay::Delay;
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
    let decided = Comparison::of(&again.result, &slower.result, Limits::default()).decision;
    let claimed = u64::from(decided == Decision::Regression);
    rows.exact("5 ms more, regressions claimed", 1, claimed);
    if bench.terms().obedient {
        other_seeds(bench, rows)?;
    } else {
        rows.left_out(
            "ten pairs of runs with other seeds (they would take minutes; see --virtual)",
        );
    }
    Ok(())
}

/// Pairs of runs of the same that chance makes different: other instants, other delays.
fn other_seeds(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    const PAIRS: u64 = 10;
    const DELAY: Delay = Delay::Lognormal(std::time::Duration::from_millis(10), 0.5);
    /// Of the difference, that the farthest of so many may be off by.
    const DEVIATIONS: f64 = 4.0;
    let run = |seed: u64| {
        let order = Order {
            arrivals: Arrivals::Poisson,
            measure_ms: 20_000,
            seed,
            ..Order::default()
        };
        bench.believed(&order.tenant("service-time", DELAY.to_string()))
    };
    let (mut planned, mut claimed, mut same, mut apart) = (0, 0, 0, Vec::new());
    for pair in 0..PAIRS {
        let [one, two] = [run(1_000 + pair)?, run(2_000 + pair)?];
        planned += one.planned() + two.planned();
        match Comparison::of(&one.result, &two.result, Limits::default()).decision {
            Decision::Regression => claimed += 1,
            Decision::NoRegression => same += 1,
            Decision::Inconclusive => {}
        }
        let [one, two] = [one, two].map(|of| ms(of.result.total.response_time_us.p50));
        apart.extend(one.zip(two).map(|(one, two)| (one - two).abs()));
    }
    rows.about(planned);
    rows.exact("ten pairs of other seeds, regressions claimed", 0, claimed);
    rows.exact("ten pairs of other seeds, called the same", PAIRS, same);
    let of_each = deviation(DELAY, 0.5, planned / (2 * PAIRS));
    rows.at_most(
        "ten pairs of other seeds, p50 apart, ms",
        DEVIATIONS * of_each * std::f64::consts::SQRT_2 + BUCKETS_MS,
        apart.into_iter().reduce(f64::max),
    );
    Ok(())
}
