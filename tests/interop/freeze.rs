//! Freezes a process from outside, so that it cannot know.

use std::time::{Duration, Instant};

use crate::support::{Process, Signal};

/// Stops a process for about this long, from a moment on. For how long it was stopped.
pub fn freeze(process: &Process, after: Duration, length: Duration) -> Duration {
    std::thread::sleep(after);
    let begin = Instant::now();
    process.signal(Signal::STOP);
    std::thread::sleep(length);
    process.signal(Signal::CONT);
    begin.elapsed()
}

/// Stops a process, from a moment on, until somebody kills it.
pub fn freeze_for_good(process: &Process, after: Duration) {
    std::thread::sleep(after);
    process.signal(Signal::STOP);
}
