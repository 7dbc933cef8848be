//! T11: replies that are repeated, late, out of order, at the wrong endpoint or to nobody's request are
//! counted as what they are, and make no response time.

use super::Trouble;
use super::bench::Bench;
use super::observed::Observed;
use super::order::{Arrivals, Order};
use super::row::Rows;

pub(super) fn judge(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    repeated(bench, rows)?;
    late(bench, rows)?;
    overtaking(bench, rows)?;
    misdirected(bench, rows)?;
    orphaned(bench, rows)?;
    Ok(())
}

/// Counts hold whether or not the machine is busy.
fn run(
    bench: &Bench,
    deadline_ms: u32,
    faults: &[(&'static str, &str)],
) -> Result<Observed, Trouble> {
    bench.once(&order(deadline_ms, faults))
}

fn order(deadline_ms: u32, faults: &[(&'static str, &str)]) -> Order {
    let mut order = Order {
        endpoints: 20,
        arrivals: Arrivals::Poisson,
        warm_up_ms: 500,
        measure_ms: 3_000,
        deadline_ms,
        ..Order::default()
    };
    for (flag, value) in faults {
        order = order.tenant(flag, *value);
    }
    order
}

/// What is answered has a response time, and nothing else.
fn no_other_times(name: &str, observed: &Observed, rows: &mut Rows) {
    let total = &observed.result.total;
    let what = format!("{name}, response times = answers");
    let answers = total.ledger.ok + total.ledger.error;
    rows.exact(&what, answers, total.response_time_us.count);
}

/// One of our counts beside one of the tenant's, of which there are some.
fn both(what: &str, ours: u64, theirs: Option<u64>, rows: &mut Rows) {
    let theirs = theirs.filter(|count| *count > 0);
    rows.near(what, ours as f64, theirs.map(|count| count as f64), 0.0);
}

fn repeated(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let observed = run(bench, 2_000, &[("duplicate", "5%")])?;
    let counts = observed.ledger();
    rows.about(counts.planned);
    let theirs = observed.tenant("duplicated");
    both(
        "repeated, duplicates counted",
        counts.duplicate,
        theirs,
        rows,
    );
    rows.exact("repeated, answered", counts.planned, counts.ok);
    no_other_times("repeated", &observed, rows);
    Ok(())
}

fn late(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let delay = ("service-time", "bimodal:1ms,700ms,5%");
    let observed = run(bench, 300, &[delay])?;
    let counts = observed.ledger();
    rows.about(counts.planned);
    // The last ones come when nobody is there any more; one may come while the door is closed.
    let lost = observed.tenant("lost").unwrap_or(0);
    let came = (counts.late > 0).then_some((counts.late + lost) as f64);
    rows.near(
        "late, timeouts = late + gone",
        counts.timeout as f64,
        came,
        1.0,
    );
    rows.exact(
        "late, planned = ok + timeouts",
        counts.planned,
        counts.ok + counts.timeout,
    );
    no_other_times("late", &observed, rows);
    Ok(())
}

/// Every fifth takes 50 ms longer, so that fifty later ones overtake it. Matched by order instead of by
/// ID, replies would have all times in between.
fn overtaking(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let delay = ("service-time", "bimodal:1ms,51ms,20%");
    let observed = bench.believed(&order(2_000, &[delay]))?;
    let counts = observed.ledger();
    rows.about(counts.planned);
    rows.exact("out of order, answered", counts.planned, counts.ok);
    rows.exact(
        "out of order, counted as something else",
        0,
        counts.duplicate + counts.orphan,
    );
    let slow = observed.share_above(48.0) * 100.0;
    let deviation = (0.2 * 0.8 / observed.planned().max(1) as f64).sqrt() * 100.0;
    rows.near(
        "out of order, share above 48 ms, %",
        20.0,
        Some(slow),
        4.0 * deviation,
    );
    Ok(())
}

fn misdirected(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let observed = run(bench, 1_000, &[("misdirect", "5%")])?;
    let counts = observed.ledger();
    rows.about(counts.planned);
    let theirs = observed.tenant("misdirected");
    both("wrong endpoint, timeouts", counts.timeout, theirs, rows);
    let unrecognised = observed.result.generator.unrecognised;
    both(
        "wrong endpoint, messages of nobody",
        unrecognised,
        theirs,
        rows,
    );
    let answered = counts.planned - counts.timeout.min(counts.planned);
    rows.exact("wrong endpoint, all others answered", answered, counts.ok);
    no_other_times("wrong endpoint", &observed, rows);
    Ok(())
}

fn orphaned(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    let observed = run(bench, 2_000, &[("orphan", "5%")])?;
    let counts = observed.ledger();
    rows.about(counts.planned);
    let theirs = observed.tenant("orphaned");
    both("orphans, counted", counts.orphan, theirs, rows);
    rows.exact("orphans, answered", counts.planned, counts.ok);
    no_other_times("orphans", &observed, rows);
    Ok(())
}
