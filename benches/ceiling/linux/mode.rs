//! The modes: which profile, against whom, and what the bare loop does in its place.
//!
//! Not here: how either side does it.

use std::time::Duration;

use midge::plan::{Identities, Plan};
use midge::profile::{self, Loaded};

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FarSide {
    /// The null broker.
    Sink,
    /// The simulated tenant.
    Tenant,
}

/// What the bare loop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loop {
    /// Writes so many messages at once, one connection after the other, and never reads.
    Flood { per_write: usize },
    /// Writes the next message of a connection when the last one was answered.
    Closed,
    /// Writes at the profile's arrival rate, evenly spaced, one connection after the other.
    Paced,
}

/// One line of the comparison.
#[derive(Debug)]
pub struct Mode {
    /// As the environment calls it.
    pub name: &'static str,
    /// As the table calls it.
    pub title: &'static str,
    /// File of `profiles/bench/`, without its end.
    profile: &'static str,
    /// What is different from it.
    set: Option<&'static str>,
    pub far: FarSide,
    pub bare: Loop,
}

/// All of them, in the order of the table.
pub const MODES: [Mode; 5] = [
    Mode {
        name: "flood",
        title: "QoS 0, 16 messages per write",
        profile: "flood",
        set: None,
        far: FarSide::Sink,
        bare: Loop::Flood { per_write: 16 },
    },
    Mode {
        name: "flood-1",
        title: "QoS 0, one message per write",
        profile: "flood",
        set: Some("load.batch=1"),
        far: FarSide::Sink,
        bare: Loop::Flood { per_write: 1 },
    },
    Mode {
        name: "closed",
        title: "QoS 1, one in flight per connection",
        profile: "closed",
        set: None,
        far: FarSide::Sink,
        bare: Loop::Closed,
    },
    Mode {
        name: "paced",
        title: "QoS 1, paced",
        profile: "paced",
        set: None,
        far: FarSide::Sink,
        bare: Loop::Paced,
    },
    Mode {
        name: "kaa",
        title: "request and reply, paced, simulated tenant",
        profile: "kaa",
        set: None,
        far: FarSide::Tenant,
        bare: Loop::Paced,
    },
];

impl Mode {
    /// Its profile and plan for so many endpoints and lengths.
    pub fn load(&self, endpoints: u32, warm_up: Duration, measure: Duration) -> (Loaded, Plan) {
        let mut sets = vec![
            format!("fleet.endpoints={endpoints}"),
            format!("load.warm_up={}us", warm_up.as_micros()),
            format!("load.measure={}us", measure.as_micros()),
        ];
        sets.extend(self.set.map(str::to_owned));
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles/bench");
        let path = format!("{folder}/{}.toml", self.profile);
        let loaded = profile::load(&path, &sets, &|path| std::fs::read_to_string(path));
        let loaded = loaded.expect("a profile that the tests have read");
        let plan =
            Plan::compile(&loaded.profile, Identities::none()).expect("it can be carried out");
        (loaded, plan)
    }

    /// What the profile tells the simulated tenant.
    pub fn tenant_flags(&self) -> Vec<String> {
        let second = Duration::from_secs(1);
        let (loaded, _) = self.load(1, second, second);
        let flags = loaded.profile.tenant.iter();
        flags
            .map(|(flag, value)| format!("--{flag}={value}"))
            .collect()
    }

    /// Whether messages leave by a schedule, so that they can be late.
    pub fn is_paced(&self) -> bool {
        self.bare == Loop::Paced
    }
}
