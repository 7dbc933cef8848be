//! What it costs to write down what became of a request.
//!
//! Not here: single histograms (see `histogram`), and what happens once per second or run.

use std::hint::black_box;
use std::sync::Arc;

use midge::measure::{Outcome, Recorder, Replies, RequestShape, Shape};

use super::Measure;

/// Waits as they come: no two alike, all within 4 ms.
pub fn wait(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 42
}

fn recorder() -> Recorder {
    let request = RequestShape {
        name: "telemetry".into(),
        reactive: false,
        has_reply: true,
        replies: Replies::One,
        silence_is_ok: false,
        qos: 1,
        deadline_ns: 5_000_000_000,
    };
    let mut recorder = Recorder::new(Arc::new(Shape {
        requests: vec![request],
        inbound: vec![],
        deliveries: vec![],
        warm_up_ns: 0,
        measure_ns: u64::MAX / 2,
        stages: vec![],
    }));
    recorder.begin_load(0);
    recorder
}

pub fn each(measure: &mut impl Measure) {
    answered(measure);
    fired(measure);
}

fn answered(measure: &mut impl Measure) {
    let mut recorder = recorder();
    let mut number = 0;
    measure.operation("recorder/planned, sent, completed", || {
        number += 1;
        let intended = number * 1_000;
        let sent = intended + 5_000;
        recorder.planned(0, intended);
        recorder.sent(0, intended, intended + 2_000, sent);
        let at = sent + wait(black_box(number));
        recorder.completed(0, intended, sent, at, Outcome::Ok, None);
    });
    measure.operation("recorder/acknowledged", || {
        number += 1;
        let (intended, sent) = (number * 1_000, number * 1_000 + 5_000);
        recorder.acknowledged(0, intended, sent, sent + wait(black_box(number)));
    });
    let (status, why) = ("400".to_owned(), "Bad Request".to_owned());
    measure.operation("recorder/planned, sent, an error with its reason", || {
        number += 1;
        let intended = number * 1_000;
        let sent = intended + 5_000;
        recorder.planned(0, intended);
        recorder.sent(0, intended, intended + 2_000, sent);
        let at = sent + wait(black_box(number));
        recorder.error_detail(0, Some(&status), &why, at);
        recorder.completed(0, intended, sent, at, Outcome::Error, Some(&status));
    });
    assert!(recorder.finish().imbalances().is_empty());
}

fn fired(measure: &mut impl Measure) {
    for count in [1, 16] {
        let mut recorder = recorder();
        let mut number = 0;
        let name = format!("recorder/planned and fired, {count} in one write");
        measure.operation(&name, || {
            number += 1;
            let intended = number * 1_000;
            for _ in 0..count {
                recorder.planned(0, intended);
            }
            let sent = intended + wait(black_box(number));
            recorder.fired(0, intended, intended + 500, sent, count);
        });
        assert!(recorder.finish().imbalances().is_empty());
    }
}
