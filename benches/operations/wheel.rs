//! What timers cost: setting, cancelling, firing, asking for the next, while few or many wait.
//!
//! Not here: sleeping until one is due.

use std::hint::black_box;

use midge::event::Wheel;

use super::Measure;

const SECOND: u64 = 1_000_000_000;

pub fn each(measure: &mut impl Measure) {
    for (waiting, many) in [(1_000, "1,000"), (100_000, "100,000")] {
        let mut wheel = Wheel::new(0);
        for timer in 0..waiting {
            wheel.insert(timer * SECOND / waiting, timer as u32);
        }
        let mut at = 0;
        let name = format!("wheel/insert and cancel, {many} wait");
        measure.operation(&name, || {
            // Deadlines of a second's requests.
            at = (at + 1_000_003) % SECOND;
            let handle = wheel.insert(black_box(at), 0);
            assert!(wheel.cancel(handle));
        });
        measure.operation(&format!("wheel/next, {many} wait"), || {
            black_box(&mut wheel).next(SECOND / 50)
        });
        let mut now = 0;
        let mut due = Vec::with_capacity(64);
        let name = format!("wheel/expire one and insert it again, {many} wait");
        measure.operation(&name, || {
            now += SECOND / waiting;
            due.clear();
            wheel.expire(black_box(now), &mut due);
            for &(at, timer) in &due {
                wheel.insert(at + SECOND, timer);
            }
            due.len()
        });
        assert_eq!(wheel.len() as u64, waiting);
    }
}
