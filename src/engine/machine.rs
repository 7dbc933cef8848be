//! Asks the kernel how this process fares: memory, descriptors, CPU quota.
//!
//! Once a second, by the heartbeat's thread: a worker never opens such a file. Nothing is allocated for
//! a look on Linux 6.2 and later. Not here: what the files' texts mean (see `cgroup`).

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::cgroup;

/// The longest of the files that are read each second, with room to spare, bytes.
const FILE_MAX: usize = 4096;

/// Where to look, and what was counted at the last look.
#[derive(Debug)]
pub(super) struct Machine {
    quotas: Vec<PathBuf>,
    /// Periods and ns, of all quotas.
    throttled: Option<(u64, u64)>,
}

/// One look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Periods in which a quota stopped us since the last look, and for how long, ns.
    pub throttled: Option<(u64, u64)>,
    pub rss_bytes: Option<u64>,
    pub descriptors: Option<u64>,
}

impl Machine {
    /// Finds the files and begins to count.
    pub(super) fn find() -> Self {
        let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (cgroup, mounts) = (file("/proc/self/cgroup"), file("/proc/self/mountinfo"));
        let folders = cgroup::folders(&cgroup, &mounts, "cpu");
        let mut machine = Self {
            quotas: folders.iter().map(|of| of.join("cpu.stat")).collect(),
            throttled: None,
        };
        machine.throttled = machine.counts();
        machine
    }

    /// Memory that this process may have: of its groups or of the machine, bytes.
    pub(super) fn memory_limit() -> Option<u64> {
        let file = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        let (cgroup, mounts) = (
            file(Path::new("/proc/self/cgroup")),
            file(Path::new("/proc/self/mountinfo")),
        );
        let folders = cgroup::folders(&cgroup, &mounts, "memory");
        let limits = folders.iter().flat_map(|folder| {
            ["memory.max", "memory.limit_in_bytes"]
                .map(|name| cgroup::memory_limit(&file(&folder.join(name))))
        });
        let whole = cgroup::size_of(&file(Path::new("/proc/meminfo")), "MemTotal");
        limits.chain([whole]).flatten().min()
    }

    /// Looks now.
    pub(super) fn look(&mut self) -> Look {
        let counts = self.counts();
        let before = std::mem::replace(&mut self.throttled, counts);
        let since = |now: (u64, u64), before: (u64, u64)| {
            let (periods, ns) = (
                now.0.saturating_sub(before.0),
                now.1.saturating_sub(before.1),
            );
            (periods, ns)
        };
        let mut room = [0; FILE_MAX];
        let status = text(Path::new("/proc/self/status"), &mut room);
        Look {
            throttled: counts.zip(before).map(|(now, before)| since(now, before)),
            rss_bytes: status.and_then(|status| cgroup::size_of(status, "VmRSS")),
            descriptors: descriptors(),
        }
    }

    fn counts(&self) -> Option<(u64, u64)> {
        let mut room = [0; FILE_MAX];
        let mut sum = None;
        for path in &self.quotas {
            let Some((periods, ns)) = text(path, &mut room).and_then(cgroup::throttled) else {
                continue;
            };
            let (all_periods, all_ns) = sum.unwrap_or((0, 0));
            sum = Some((periods + all_periods, ns + all_ns));
        }
        sum
    }
}

/// A file's text; what does not fit is cut off.
fn text<'a>(path: &Path, room: &'a mut [u8]) -> Option<&'a str> {
    let length = File::open(path).ok()?.read(room).ok()?;
    std::str::from_utf8(&room[..length]).ok()
}

/// Open descriptors. Since Linux 6.2 the folder's size says so; before, its entries have to be counted.
fn descriptors() -> Option<u64> {
    let folder = Path::new("/proc/self/fd");
    match fs::metadata(folder).ok()?.len() {
        // The one that lists them is among them.
        0 => Some((fs::read_dir(folder).ok()?.count() as u64).saturating_sub(1)),
        count => Some(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Elsewhere there is nothing to read.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_tells_of_memory_and_descriptors() {
        let mut machine = Machine::find();
        let before = machine.look();
        let files: Vec<File> = (0..10)
            .map(|_| File::open("/proc/self/status").unwrap())
            .collect();
        let block = vec![1_u8; 64 << 20];
        let after = machine.look();
        // Other tests open and close files and take memory meanwhile, in the same process.
        assert!(after.descriptors.unwrap() >= files.len() as u64 + 3);
        assert!(after.rss_bytes.unwrap() >= block.len() as u64);
        assert!(before.rss_bytes.is_some() && before.descriptors.is_some());
        assert!(Machine::memory_limit().unwrap() > 64 << 20);
    }
}
