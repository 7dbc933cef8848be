//! What Linux writes about control groups and processes, read as values.
//!
//! Pure functions over the texts of the kernel's files (proc(5), cgroups(7), and the kernel's
//! cgroup-v2 and sched-bwc documents). Not here: opening those files (see `machine`).

use std::path::{Path, PathBuf};

/// Folders of this process's group and of all groups above it that have this controller, the own one
/// first; from `/proc/self/cgroup` and `/proc/self/mountinfo`. Empty if it has none.
///
/// A limit may be set on each of them, and holds for everything below.
pub(super) fn folders(cgroup: &str, mountinfo: &str, controller: &str) -> Vec<PathBuf> {
    let first = own_group(cgroup, |controllers| {
        controllers.split(',').any(|name| name == controller)
    });
    // In version 2 there is one hierarchy, and its line names no controllers.
    let (group, mount) = match first {
        Some(group) => (group, mount_of(mountinfo, "cgroup", Some(controller))),
        None => match own_group(cgroup, str::is_empty) {
            Some(group) => (group, mount_of(mountinfo, "cgroup2", None)),
            None => return Vec::new(),
        },
    };
    let Some((root, point)) = mount else {
        return Vec::new();
    };
    // What is mounted may be a part of the hierarchy; a group outside of it cannot be looked at.
    let inside = Path::new(group).strip_prefix(root).unwrap_or(Path::new(""));
    let own = Path::new(point).join(inside);
    let above = own.ancestors();
    above
        .take_while(|folder| folder.starts_with(point))
        .map(Path::to_owned)
        .collect()
}

/// `id:controllers:path` of the line with these controllers.
fn own_group(cgroup: &str, wanted: impl Fn(&str) -> bool) -> Option<&str> {
    cgroup.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        wanted(controllers).then_some(path)
    })
}

/// Root within the file system, and mount point, of the first mount of this type whose options name
/// the controller: `id parent device root point options [tags] - type source options`.
fn mount_of<'a>(
    mountinfo: &'a str,
    kind: &str,
    controller: Option<&str>,
) -> Option<(&'a str, &'a str)> {
    mountinfo.lines().find_map(|line| {
        let (mount, system) = line.split_once(" - ")?;
        let mut system = system.split(' ');
        let (found, options) = (system.next()?, system.nth(1)?);
        let has = controller.is_none_or(|wanted| options.split(',').any(|name| name == wanted));
        let mut mount = mount.split(' ').skip(3);
        (found == kind && has).then_some((mount.next()?, mount.next()?))
    })
}

/// From `cpu.stat`: periods of the quota in which the group was stopped, and for how long, ns.
/// `None` without such a quota's counts.
pub(super) fn throttled(cpu_stat: &str) -> Option<(u64, u64)> {
    let value = |name: &str| {
        let mut pairs = cpu_stat.lines().filter_map(|line| line.split_once(' '));
        let (_, value) = pairs.find(|(key, _)| *key == name)?;
        value.trim().parse::<u64>().ok()
    };
    // Version 2 counts microseconds, version 1 nanoseconds.
    let ns = value("throttled_usec").map(|us| us.saturating_mul(1000));
    Some((
        value("nr_throttled")?,
        ns.or_else(|| value("throttled_time"))?,
    ))
}

/// From `memory.max` or `memory.limit_in_bytes`: bytes, `None` where there is no limit.
pub(super) fn memory_limit(text: &str) -> Option<u64> {
    /// What version 1 writes for none: the largest signed number, in whole pages.
    const NONE: u64 = i64::MAX as u64 >> 16 << 16;
    let limit = text.trim().parse::<u64>().ok()?;
    (limit < NONE).then_some(limit)
}

/// A size from `/proc/meminfo` or `/proc/PID/status`, bytes.
pub(super) fn size_of(text: &str, name: &str) -> Option<u64> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    let kib = value.split_whitespace().next()?.parse::<u64>().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "4:memory:/pods/a\n3:cpuset:/\n2:cpu,cpuacct:/pods/a/b\n0::/\n";
    const V1_MOUNTS: &str = "\
        31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
        34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n\
        32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
        35 31 0:32 /pods/a /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
    const V2: &str = "0::/user.slice/run.scope\n";
    const V2_MOUNTS: &str =
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

    fn found(cgroup: &str, mounts: &str, controller: &str) -> Vec<String> {
        let folders = folders(cgroup, mounts, controller);
        let text = |folder: PathBuf| folder.to_string_lossy().trim_end_matches('/').to_owned();
        folders.into_iter().map(text).collect()
    }

    #[test]
    fn the_own_group_and_those_above_are_found_in_version_1() {
        let base = "/sys/fs/cgroup/cpu";
        let expected = [format!("{base}/pods/a/b"), format!("{base}/pods/a")];
        let all = found(V1, V1_MOUNTS, "cpu");
        assert_eq!(all[..2], expected);
        assert_eq!(all[2..], [format!("{base}/pods"), base.to_owned()]);
    }

    #[test]
    fn a_mount_of_a_part_of_the_hierarchy_is_the_group_itself() {
        assert_eq!(found(V1, V1_MOUNTS, "memory"), ["/sys/fs/cgroup/memory"]);
        let elsewhere = V1.replace("memory:/pods/a", "memory:/../other");
        assert_eq!(
            found(&elsewhere, V1_MOUNTS, "memory"),
            ["/sys/fs/cgroup/memory"]
        );
    }

    #[test]
    fn version_2_has_one_hierarchy() {
        let base = "/sys/fs/cgroup";
        let expected = [
            format!("{base}/user.slice/run.scope"),
            format!("{base}/user.slice"),
            base.to_owned(),
        ];
        assert_eq!(found(V2, V2_MOUNTS, "cpu"), expected);
        assert_eq!(found(V2, V2_MOUNTS, "memory"), expected);
        assert!(found("", "", "cpu").is_empty() && found(V2, "", "cpu").is_empty());
    }

    #[test]
    fn throttling_is_counted_in_both_versions() {
        let v1 = "nr_periods 40\nnr_throttled 7\nthrottled_time 1500000\n";
        let v2 = "usage_usec 9\nnr_periods 40\nnr_throttled 7\nthrottled_usec 1500\n";
        assert_eq!(throttled(v1), Some((7, 1_500_000)));
        assert_eq!(throttled(v2), throttled(v1));
        assert_eq!(throttled("usage_usec 9\nuser_usec 5\n"), None);
    }

    #[test]
    fn no_limit_is_none() {
        assert_eq!(memory_limit("536870912\n"), Some(512 << 20));
        assert_eq!(memory_limit("max\n"), None);
        assert_eq!(memory_limit("9223372036854771712\n"), None);
    }

    #[test]
    fn sizes_are_found_by_their_name() {
        let status = "VmPeak:\t 9 kB\nVmRSS:\t   1536 kB\n";
        assert_eq!(size_of(status, "VmRSS"), Some(1536 * 1024));
        assert_eq!(size_of(status, "VmSwap"), None);
    }
}
