//! What the machine is and what its processes use, as the kernel's files say it.
//!
//! Linux only, like the figures. Not here: what it means.

use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::table::Fact;

fn file(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// `name: 12 kB` of a file in /proc, in bytes.
fn kib(path: &str, name: &str) -> u64 {
    let text = file(path);
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let word = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    word.unwrap_or(0) * 1024
}

/// Resident size of a process now.
pub fn resident_bytes(process: u32) -> u64 {
    kib(&format!("/proc/{process}/status"), "VmRSS:")
}

/// Memory of the kernel for small objects, sockets among them; of the whole machine.
pub fn slab_bytes() -> u64 {
    kib("/proc/meminfo", "Slab:")
}

/// CPU time of all threads of a process that are there now, s.
pub fn process_cpu_s(process: u32) -> Option<f64> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let of_thread = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    let ns: u64 = threads.flatten().filter_map(of_thread).sum();
    Some(ns as f64 / 1e9)
}

/// Raises the soft limit of open files to the hard one, for this process and its children.
pub fn raise_descriptors() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    let raised = setrlimit(Resource::Nofile, all).is_ok();
    let now = if raised { maximum } else { current };
    now.unwrap_or(u64::MAX)
}

/// Facts to be kept beside the figures.
pub struct Machine(Vec<Fact>);

impl Machine {
    /// Before the measurement.
    pub fn look(descriptors: u64) -> Self {
        let cpu = file("/proc/cpuinfo");
        let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name"));
        let cpu = cpu.map_or("", |rest| rest.trim_start_matches([' ', '\t', ':']));
        let ports = file("/proc/sys/net/ipv4/ip_local_port_range");
        let ends: Vec<u64> = ports.split_whitespace().flat_map(str::parse).collect();
        let ports = match ends[..] {
            [low, high] if high >= low => high - low + 1,
            _ => 0,
        };
        let cpus = std::thread::available_parallelism().map_or(0, usize::from);
        let build = if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        };
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let mut facts = Self(Vec::new());
        facts.add("began", &jiff::Timestamp::now().to_string());
        facts.add("midge", env!("CARGO_PKG_VERSION"));
        facts.add("commit", &commit());
        facts.add("build", build);
        facts.add("kernel", file("/proc/sys/kernel/osrelease").trim());
        facts.add("processor", cpu);
        facts.add("processors", &cpus.to_string());
        facts.add(
            "memory_bytes",
            &kib("/proc/meminfo", "MemTotal:").to_string(),
        );
        facts.add("descriptors_per_process", &descriptors.to_string());
        facts.add("ports_per_source_address", &ports.to_string());
        facts.add("arguments", &arguments.join(" "));
        facts.add("load_average_at_begin", &load_average());
        facts
    }

    /// After it.
    pub fn ended(&mut self) {
        self.add("load_average_at_end", &load_average());
        self.add("ended", &jiff::Timestamp::now().to_string());
    }

    /// As rows.
    pub fn rows(self) -> impl Iterator<Item = Fact> {
        self.0.into_iter()
    }

    fn add(&mut self, fact: &str, value: &str) {
        self.0.push(Fact {
            fact: fact.to_owned(),
            value: value.to_owned(),
        });
    }
}

/// Over one minute.
fn load_average() -> String {
    let text = file("/proc/loadavg");
    text.split_whitespace().next().unwrap_or("").to_owned()
}

/// The commit, and whether files differ from it.
fn commit() -> String {
    let git = |words: &[&str]| {
        let output = Command::new("git").args(words).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]);
    let note = if changed.is_some_and(|files| !files.is_empty()) {
        ", changed"
    } else {
        ""
    };
    git(&["rev-parse", "--short=12", "HEAD"]).map_or_else(String::new, |commit| commit + note)
}
