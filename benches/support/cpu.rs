//! What this process has cost. Not here: what for.

use rustix::time::{ClockId, clock_gettime};

/// Time on processors so far, all threads, user and kernel, ns.
pub fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
