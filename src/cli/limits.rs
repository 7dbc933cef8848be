//! How much of everything this machine has, and whether the run fits. Asked before anything is opened.
//!
//! Raises the soft limit of open files to the hard one first. Not here: what a run needs (the plan's
//! arithmetic).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Failure, sources};
use crate::measure::MachineLimits;
use crate::plan::Arithmetic;
use crate::profile::Target;

/// What this process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Machine {
    /// Open files.
    pub descriptors: u64,
    /// Local ports for connections to one address.
    pub ports: u64,
    /// Memory that is free now, bytes.
    pub memory: u64,
}

impl Machine {
    /// Raises what may be raised and looks.
    pub(super) fn look() -> Self {
        let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            descriptors: raise_descriptors(),
            ports: ports_of(&file("/proc/sys/net/ipv4/ip_local_port_range")),
            memory: memory_of(&file("/proc/meminfo")),
        }
    }

    /// Why the run does not fit, with what to do instead. `pairs`: of source address and target.
    pub(super) fn refuses(&self, size: &Arithmetic, pairs: u64) -> Option<String> {
        let endpoints_instead = |most: u64| {
            format!("help: at most about {most} connections fit; lower fleet.endpoints")
        };
        if size.files > self.descriptors {
            return Some(format!(
                "the run needs {} open files and this process may have {}\n{}, or raise the hard limit \
                 (ulimit -Hn)",
                size.files,
                self.descriptors,
                endpoints_instead(self.descriptors.saturating_sub(crate::plan::FILES_APART))
            ));
        }
        let ports = self.ports.saturating_mul(pairs.max(1));
        if size.source_ports > ports {
            return Some(format!(
                "the run needs {} local ports and there are {ports} (net.ipv4.ip_local_port_range: {} for \
                 each pair of source address and target)\n{}, or connect from {} addresses of this \
                 machine (target.bind)",
                size.source_ports,
                self.ports,
                endpoints_instead(ports),
                size.source_ports.div_ceil(self.ports.max(1))
            ));
        }
        let memory = size.memory_bytes + size.kernel_bytes;
        (memory > self.memory).then(|| {
            format!(
                "the run needs about {} MiB of memory and {} MiB are free\nhelp: lower fleet.endpoints",
                memory >> 20,
                self.memory >> 20
            )
        })
    }

    /// As an error, if the run does not fit.
    pub(super) fn admit(&self, size: &Arithmetic, pairs: u64) -> Result<(), Failure> {
        match self.refuses(size, pairs) {
            Some(why) => Err(Failure::internal(format!("{why}\nnothing was sent"))),
            None => Ok(()),
        }
    }

    /// How much there is of everything: what the engine knows, and what was found before the run.
    pub(super) fn limits(&self, known: MachineLimits, target: &Target) -> MachineLimits {
        // The largest number stands for what could not be found out.
        let some = |count: u64| Some(count).filter(|count| *count < u64::MAX);
        let pairs = sources::pairs(target).max(1);
        MachineLimits {
            descriptors: some(self.descriptors),
            ports: some(self.ports).map(|ports| ports.saturating_mul(pairs)),
            ..known
        }
    }
}

/// Raises the soft limit to the hard one; what holds then.
pub(super) fn raise_descriptors() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
    let now = getrlimit(Resource::Nofile).current;
    now.or(current).unwrap_or(u64::MAX)
}

fn ports_of(range: &str) -> u64 {
    let mut ends = range
        .split_whitespace()
        .filter_map(|text| text.parse::<u64>().ok());
    match (ends.next(), ends.next()) {
        (Some(low), Some(high)) if high >= low => high - low + 1,
        _ => u64::MAX,
    }
}

fn memory_of(meminfo: &str) -> u64 {
    let line = meminfo
        .lines()
        .find(|line| line.starts_with("MemAvailable:"));
    let kib = line
        .and_then(|line| line.split_whitespace().nth(1))
        .and_then(|text| text.parse::<u64>().ok());
    kib.map_or(u64::MAX, |kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Identities, Plan};

    fn size() -> Arithmetic {
        let loaded = crate::profile::load("kaa-fleet", &[], &|_| unreachable!()).unwrap();
        Plan::compile(&loaded.profile, Identities::none())
            .unwrap()
            .arithmetic(1)
    }

    #[test]
    fn a_run_that_fits_is_admitted_and_one_that_does_not_is_refused_with_advice() {
        let plenty = Machine {
            descriptors: 1 << 20,
            ports: 28_232,
            memory: 1 << 40,
        };
        assert_eq!(plenty.refuses(&size(), 1), None);
        let few_files = Machine {
            descriptors: 256,
            ..plenty
        };
        assert!(
            few_files
                .refuses(&size(), 1)
                .unwrap()
                .contains("open files")
        );
        let few_ports = Machine {
            ports: 10,
            ..plenty
        };
        let said = few_ports.refuses(&size(), 3).unwrap();
        assert!(said.contains("1000 local ports and there are 30"), "{said}");
        assert!(said.contains("from 100 addresses"), "{said}");
        assert_eq!(few_ports.refuses(&size(), 100), None);
        let little_memory = Machine {
            memory: 1 << 20,
            ..plenty
        };
        assert!(
            little_memory
                .refuses(&size(), 1)
                .unwrap()
                .contains("memory")
        );
    }

    #[test]
    fn each_pair_of_source_and_target_has_all_ports() {
        let machine = Machine {
            descriptors: 1024,
            ports: 100,
            memory: u64::MAX,
        };
        let sets = ["target.bind=127.0.0.2-127.0.0.4".to_owned()];
        let loaded = crate::profile::load("mqtt-publish", &sets, &|_| unreachable!()).unwrap();
        let target = &loaded.profile.target;
        let found = machine.limits(MachineLimits::default(), target);
        assert_eq!((found.descriptors, found.ports), (Some(1024), Some(300)));
        let unknown = Machine {
            ports: u64::MAX,
            ..machine
        };
        assert_eq!(unknown.limits(found, target).ports, None);
    }

    #[test]
    fn the_kernel_s_files_are_read_as_they_are_written() {
        assert_eq!(ports_of("32768\t60999\n"), 28_232);
        assert_eq!(
            memory_of("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"),
            2 << 20
        );
    }
}
