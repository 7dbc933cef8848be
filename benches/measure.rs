//! What measuring costs per request: the recorder's events, a histogram's record, a timer.
//!
//! Not here: anything with a socket, and what happens once per second or run.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use midge::event::Wheel;
use midge::measure::{Bounds, Outcome, Recorder, Replies, RequestShape, Samples, Shape};

const SECOND: u64 = 1_000_000_000;

fn recorder() -> Recorder {
    let request = RequestShape {
        name: "telemetry".into(),
        reactive: false,
        has_reply: true,
        replies: Replies::One,
        silence_is_ok: false,
        qos: 0,
        deadline_ns: 5 * SECOND,
    };
    let mut recorder = Recorder::new(Arc::new(Shape {
        requests: vec![request],
        inbound: vec![],
        warm_up_ns: 0,
        measure_ns: u64::MAX / 2,
        stages: vec![],
    }));
    recorder.begin_load(0);
    recorder
}

/// Waits as they come: no two alike, all within 4 ms.
fn wait(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 42
}

fn recording(criterion: &mut Criterion) {
    let mut recorder = recorder();
    let mut number = 0;
    criterion.bench_function("measure/one request: planned, sent, completed", |bencher| {
        bencher.iter(|| {
            number += 1;
            let intended = number * 1_000;
            let sent = intended + 5_000;
            recorder.planned(0, intended);
            recorder.sent(0, intended, intended + 2_000, sent);
            let at = sent + wait(black_box(number));
            recorder.completed(0, intended, sent, at, Outcome::Ok, None);
        });
    });
    assert!(recorder.finish().imbalances().is_empty());

    let mut samples = Samples::new(Bounds::up_to(60 * SECOND));
    criterion.bench_function("measure/one wait into a histogram", |bencher| {
        bencher.iter(|| {
            number += 1;
            samples.record(wait(black_box(number)));
        });
    });
}

/// Ten thousand timers wait; each turn takes what is due in 100 us and sets as many anew.
fn timers(criterion: &mut Criterion) {
    const TIMERS: u64 = 10_000;
    const TURN: u64 = 100_000;
    let mut wheel = Wheel::new(0);
    for timer in 0..TIMERS {
        wheel.insert(timer * SECOND / TIMERS, timer as u32);
    }
    let mut now = 0;
    let mut due = Vec::new();
    criterion.bench_function(
        "measure/wheel: one of 10,000 timers fires and is set",
        |bencher| {
            bencher.iter(|| {
                now += TURN;
                due.clear();
                wheel.expire(black_box(now), &mut due);
                for &(at, timer) in &due {
                    wheel.insert(at + SECOND, timer);
                }
                wheel.next()
            });
        },
    );
    criterion.bench_function("measure/wheel: set a deadline and cancel it", |bencher| {
        bencher.iter(|| {
            let handle = wheel.insert(black_box(now + 5 * SECOND), 0);
            assert!(wheel.cancel(handle));
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(500));
    targets = recording, timers
}
criterion_main!(benches);
