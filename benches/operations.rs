//! How long each operation of the hot path takes.
//!
//! `cargo bench --bench operations` prints all of them, `cargo bench --bench operations -- wheel` those
//! of one group; each group is a file of `operations/`. Not here: how many instructions they take
//! (`instructions.rs`; compare those where the machine is busy), and sockets.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

#[path = "operations/all.rs"]
mod operations;

/// Lets criterion time what it is shown.
struct Clock<'a>(&'a mut Criterion);

impl operations::Measure for Clock<'_> {
    fn operation<R>(&mut self, name: &str, mut operation: impl FnMut() -> R) {
        self.0
            .bench_function(name, |bencher| bencher.iter(&mut operation));
    }
}

fn all(criterion: &mut Criterion) {
    operations::each(&mut Clock(criterion));
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(500));
    targets = all
}
criterion_main!(benches);
