//! Looks at the machine: what a result must say about where it was made.

use crate::conclusion::Process;
use crate::report::Environment;

/// Fills in what can be found out; the rest stays empty.
pub(super) fn look(descriptors: u64) -> Environment {
    let system = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_str().ok().map(str::to_owned);
    let file = |path: &str| std::fs::read_to_string(path).ok();
    Environment {
        host: text(system.nodename()),
        os: std::env::consts::OS.to_owned(),
        kernel: text(system.release()),
        architecture: std::env::consts::ARCH.to_owned(),
        cpu: file("/proc/cpuinfo")
            .and_then(|text| value_of(&text, "model name").map(str::to_owned)),
        cpus: std::thread::available_parallelism().map_or(0, |count| count.get() as u32),
        cpu_quota: file("/sys/fs/cgroup/cpu.max").and_then(|text| quota_of(&text)),
        memory_bytes: file("/proc/meminfo").and_then(|text| kib_of(value_of(&text, "MemTotal")?)),
        descriptors,
        build: if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        }
        .to_owned(),
        commit: None,
        arguments: std::env::args().skip(1).collect(),
    }
}

/// What this process has taken so far.
pub(super) fn process(spin: bool) -> Process {
    Process {
        spin,
        cpu_s: cpu_s(),
        peak_rss_bytes: peak_rss_bytes(),
    }
}

/// Largest resident size of this process, bytes.
fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    value_of(&status, "VmHWM").and_then(kib_of).unwrap_or(0)
}

/// CPU time of this process, s.
pub(super) fn cpu_s() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// CPU time of another process, s: the sum over its threads.
pub(super) fn cpu_s_of(process: u32) -> Option<f64> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let ns = threads.map(|thread| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        on_cpu_ns(&text)
    });
    ns.sum::<Option<u64>>().map(|ns| ns as f64 / 1e9)
}

/// `schedstat`: time on a processor and time in wait for one, ns, and how often.
fn on_cpu_ns(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

/// `name : value` of a file in /proc.
fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

fn kib_of(value: &str) -> Option<u64> {
    value
        .split_whitespace()
        .next()?
        .parse::<u64>()
        .ok()
        .map(|kib| kib * 1024)
}

/// `cpu.max` of a control group: quota and period, or "max".
fn quota_of(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace();
    let quota: f64 = words.next()?.parse().ok()?;
    let period: f64 = words.next()?.parse().ok()?;
    (period > 0.0).then_some(quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_a_number_of_processors_and_max_is_none() {
        assert_eq!(quota_of("150000 100000\n"), Some(1.5));
        assert_eq!(quota_of("max 100000\n"), None);
    }

    #[test]
    fn time_on_processors_is_the_first_of_its_numbers() {
        assert_eq!(on_cpu_ns("123456789 42 7\n"), Some(123_456_789));
        assert_eq!(on_cpu_ns(""), None);
    }

    #[test]
    fn values_are_found_by_their_name() {
        let text = "VmPeak:\t 5 kB\nVmHWM:\t   1536 kB\n";
        assert_eq!(value_of(text, "VmHWM").and_then(kib_of), Some(1536 * 1024));
    }
}
