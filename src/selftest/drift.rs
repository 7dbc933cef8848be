//! T10: the millionth request leaves as punctually as the first. A pacer that waits for "the interval
//! less a bit" after each send falls behind, send by send.

use super::Trouble;
use super::bench::Bench;
use super::observed::Observed;
use super::order::Order;
use super::row::Rows;
use crate::measure::Entry;

const SENDS: u32 = 1_000_000;
const RATE: u32 = 20_000;
/// How much later than planned the last one may leave, ms, on any machine.
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
    let limit_ms = LATE_MS.min(bench.terms().tail_ms);
    // A pacer that falls behind does so in any run, and one that was late for another reason is late
    // for a while.
    let observed = bench.believed_or(&order, |observed| {
        let ends = ends(observed);
        observed.log.len() as u64 == u64::from(SENDS)
            && ends.is_some_and(|(_, last)| late_ms(last) <= limit_ms)
    })?;
    rows.about(observed.planned());
    rows.exact("planned", SENDS.into(), observed.planned());
    rows.exact("sent", SENDS.into(), observed.log.len() as u64);
    let Some((first, last)) = ends(&observed) else {
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
    rows.at_most(
        "last send after its plan, ms",
        limit_ms,
        Some(late_ms(last)),
    );
    let early = observed
        .log
        .iter()
        .filter(|entry| entry.sent < entry.intended);
    rows.exact("sends before their plan", 0, early.count() as u64);
    Ok(())
}

/// The first and the last message of the plan.
fn ends(observed: &Observed) -> Option<(&Entry, &Entry)> {
    let by_plan = |entry: &&Entry| entry.intended;
    let first = observed.log.iter().min_by_key(by_plan)?;
    Some((first, observed.log.iter().max_by_key(by_plan)?))
}

/// How much later than planned a message left, ms.
fn late_ms(entry: &Entry) -> f64 {
    entry.sent.saturating_sub(entry.intended) as f64 / 1e6
}
