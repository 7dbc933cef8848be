//! Which core is whose, as far as this process may choose.
//!
//! A thread's affinity is inherited by the processes that it starts, so it is enough to be on the
//! right core while starting one. Not here: what is started.

use std::fmt;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A core for the client and one for the far side.
#[derive(Debug)]
pub enum Cores {
    /// Numbers of two processors that share no core where the kernel says so.
    Apart { client: usize, far: usize },
    /// Everybody runs where the kernel puts them, and why.
    Unpinned(String),
}

impl Cores {
    /// The first processor that is allowed for the far side, the next one of another core for the
    /// client.
    pub fn choose() -> Self {
        let allowed = match sched_getaffinity(None) {
            Ok(allowed) => allowed,
            Err(error) => return Self::Unpinned(format!("the kernel does not say: {error}")),
        };
        let mut all = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
        let Some(far) = all.next() else {
            return Self::Unpinned("no processor is allowed".into());
        };
        let others: Vec<usize> = all.collect();
        let twins = twins_of(far);
        let apart = others.iter().find(|cpu| !twins.contains(cpu));
        let Some(client) = apart.or(others.first()) else {
            let why = format!("processor {far} is the only one that this process may use");
            return Self::Unpinned(why);
        };
        let cores = Self::Apart {
            client: *client,
            far,
        };
        // Tried now, so that the heading says what is.
        match on(Some(*client), || ()) {
            Ok(()) => cores,
            Err(error) => Self::Unpinned(format!("the kernel refuses: {error}")),
        }
    }

    /// Does it on the client's core.
    pub fn on_client<T>(&self, start: impl FnOnce() -> T) -> T {
        let core = match self {
            Self::Apart { client, .. } => Some(*client),
            Self::Unpinned(_) => None,
        };
        on(core, start).expect("it was tried")
    }

    /// Does it on the far side's core.
    pub fn on_far<T>(&self, start: impl FnOnce() -> T) -> T {
        let core = match self {
            Self::Apart { far, .. } => Some(*far),
            Self::Unpinned(_) => None,
        };
        on(core, start).expect("it was tried")
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apart { client, far } => {
                write!(
                    f,
                    "client pinned to processor {client}, far side to processor {far}"
                )
            }
            Self::Unpinned(why) => write!(
                f,
                "NOT PINNED, the two sides disturb each other: {why}; believe CPU, not messages/s"
            ),
        }
    }
}

/// Does it on one processor and goes back to those that are allowed.
fn on<T>(core: Option<usize>, start: impl FnOnce() -> T) -> rustix::io::Result<T> {
    let Some(core) = core else {
        return Ok(start());
    };
    let before = sched_getaffinity(None)?;
    let mut one = CpuSet::new();
    one.set(core);
    sched_setaffinity(None, &one)?;
    let done = start();
    sched_setaffinity(None, &before)?;
    Ok(done)
}

/// Processors of the same core: `0-1,64` in a file of the kernel.
fn twins_of(cpu: usize) -> Vec<usize> {
    let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let ranges = text.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse::<usize>().ok()?..=last.parse().ok()?)
    });
    ranges.flatten().collect()
}
