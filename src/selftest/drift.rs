//! T10: the millionth request leaves as punctually as the first. A pacer that waits for "the interval
//! less a bit" after each send falls behind, send by send.

use super::Trouble;
use super::bench::Bench;
use super::order::Order;
use super::row::Rows;

const SENDS: u32 = 1_000_000;
const RATE: u32 = 20_000;
/// How much later than planned the last one may leave, ms.
const LATE_MS: f64 = 1.0;

pub(super) fn judge(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let order = Order {
        endpoints: 100,
        rate: RATE,
        warm_up_ms: 0,
        measure_ms: SENDS / (RATE / 1_000),
        answered: false,
        instants: true,
        ..Order::default()
    };
    let observed = bench.believed(&order)?;
    rows.about(observed.planned());
    rows.exact("planned", SENDS.into(), observed.planned());
    rows.exact("sent", SENDS.into(), observed.log.len() as u64);
    let by_plan = |entry: &&crate::measure::Entry| entry.intended;
    let first = observed.log.iter().min_by_key(by_plan);
    let last = observed.log.iter().max_by_key(by_plan);
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(());
    };
    let length_ms = (last.intended - first.intended) as f64 / 1e6;
    let expected_ms = f64::from(SENDS - 1) * 1e3 / f64::from(RATE);
    rows.near(
        "from the first to the last planned, ms",
        expected_ms,
        Some(length_ms),
        1e-3,
    );
    // Instants are the clock's before the write, so none is before its plan.
    let late_ms = last.sent.saturating_sub(last.intended) as f64 / 1e6;
    rows.at_most("last send after its plan, ms", LATE_MS, Some(late_ms));
    let early = observed
        .log
        .iter()
        .filter(|entry| entry.sent < entry.intended);
    rows.exact("sends before their plan", 0, early.count() as u64);
    Ok(())
}
