//! What one histogram of waits costs.
//!
//! `merge` and `reset` happen once per second or run, and once per histogram. Not here: how many
//! histograms one request writes to (see `recorder`).

use std::hint::black_box;

use midge::measure::{Bounds, Samples};

use super::Measure;
use super::recorder::wait;

pub fn each(measure: &mut impl Measure) {
    let bounds = Bounds::up_to(60_000_000_000);
    let mut samples = Samples::new(bounds);
    let mut number = 0;
    measure.operation("histogram/record", || {
        number += 1;
        samples.record(wait(black_box(number)));
    });
    measure.operation("histogram/record 16 at once", || {
        number += 1;
        samples.record_many(wait(black_box(number)), 16);
    });
    // A second's worth of waits.
    let mut second = Samples::new(bounds);
    (0..10_000).for_each(|number| second.record(wait(number)));
    measure.operation("histogram/merge 10,000 waits", || {
        samples.merge(black_box(&second));
    });
    measure.operation("histogram/record one and reset", || {
        samples.record(black_box(1_000_000));
        samples.reset();
    });
}
