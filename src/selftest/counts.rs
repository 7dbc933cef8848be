//! T6: both sides count every message, and agree exactly; nothing is planned that does not end.

use std::sync::Arc;

use super::Trouble;
use super::bench::Bench;
use super::order::Order;
use super::row::Rows;
use crate::measure::{Outcome, Recorder, Replies, RequestShape, Shape};

pub(super) fn judge(bench: &Bench, rows: &mut Rows) -> Result<(), Trouble> {
    // Twenty endpoints come to plan twenty requests each while the tenant stands still, and may have
    // eight in flight: the others are dropped.
    let order = Order {
        endpoints: 20,
        in_flight_max: 8,
        deadline_ms: 2_000,
        instants: true,
        ..Order::default()
    };
    let order = order
        .tenant("stall", "2s+400ms")
        .tenant("loss", "1%")
        .tenant("duplicate", "1%")
        .tenant("error-rate", "2%");
    let due = u64::from(order.rate) * u64::from(order.warm_up_ms + order.measure_ms) / 1_000;
    // Counts hold whether or not the machine is busy.
    let observed = bench.once(&order)?;
    let counts = observed.ledger();
    rows.about(counts.planned);
    let dropped: u64 = counts.dropped_by.iter().map(|(_, count)| count).sum();
    let ends = counts.ok + counts.error + counts.timeout + counts.failed + counts.in_flight;
    rows.exact("planned, by the rate and the time", due, counts.planned);
    rows.exact(
        "planned = sent + dropped",
        counts.planned,
        counts.sent + dropped,
    );
    rows.exact("sent = the sum of its ends", counts.sent, ends);
    rows.exact(
        "sent, rows of the raw log",
        counts.sent,
        observed.log.len() as u64,
    );
    rows.exact(
        "sent, instants at the tenant",
        counts.sent,
        observed.received.len() as u64,
    );
    for (what, ours, theirs) in [
        ("sent, received by the tenant", counts.sent, "received"),
        ("ok, replied by the tenant", counts.ok, "replied_ok"),
        (
            "errors, replied by the tenant",
            counts.error,
            "replied_error",
        ),
        ("timeouts, lost by the tenant", counts.timeout, "lost"),
        (
            "duplicates, made by the tenant",
            counts.duplicate,
            "duplicated",
        ),
    ] {
        let theirs = observed.tenant(theirs);
        rows.near(what, ours as f64, theirs.map(|count| count as f64), 0.0);
    }
    rows.exact(
        "late, orphans and copies",
        0,
        counts.late + counts.orphan + counts.copies,
    );
    // None of these rows says much if there was nothing to count.
    let kinds = [dropped, counts.error, counts.timeout, counts.duplicate];
    let there = kinds.iter().filter(|count| **count > 0).count();
    rows.exact("kinds of faults that occurred", 4, there as u64);
    lost(rows);
    Ok(())
}

/// A request of whose end nobody wrote down anything must be missed: of the counts none may be worked out
/// from the others, or they would agree about it.
fn lost(rows: &mut Rows) {
    const SENT: u64 = 10;
    let probe = RequestShape {
        name: Order::REQUEST.to_owned(),
        reactive: false,
        has_reply: true,
        replies: Replies::One,
        silence_is_ok: false,
        qos: 0,
        deadline_ns: 1_000,
    };
    let mut recorder = Recorder::new(Arc::new(Shape {
        requests: vec![probe],
        inbound: Vec::new(),
        deliveries: Vec::new(),
        warm_up_ns: 0,
        measure_ns: 1_000,
        stages: Vec::new(),
    }));
    recorder.begin_load(0);
    for at in 0..SENT {
        recorder.planned(0, at);
        recorder.sent(0, at, at, at);
        if at > 0 {
            recorder.completed(0, at, at, at + 1, Outcome::Ok, None);
        }
    }
    let missed = recorder.finish().imbalances();
    rows.about(SENT);
    rows.exact(
        "one without an end, ledgers that miss it",
        // Of the measure phase and of the whole run.
        2,
        missed.len() as u64,
    );
    let by = missed.iter().map(|(_, gap)| gap.left.abs_diff(gap.right));
    rows.exact("one without an end, missed in both", 2, by.sum());
}
