//! The loads whose cost is measured: profiles of `profiles/bench`, one form each.
//!
//! Not here: how many endpoints carry one, and for how long.

use std::fmt;

use clap::ValueEnum;

/// What the endpoints do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Load {
    /// QoS 0 as fast as the sockets take it, one message per write
    #[value(name = "flood-1")]
    Flood1,
    /// The same, sixteen messages per write
    #[value(name = "flood-16")]
    Flood16,
    /// QoS 1, the next message after the acknowledgement
    Closed,
    /// QoS 1 at 20,000 per second, evenly spaced
    Paced,
    /// A request with its reply at 20,000 per second, evenly spaced
    Kaa,
    /// Connections that are kept, and next to nothing is sent
    Idle,
}

impl Load {
    /// Path of the profile.
    pub fn profile(self) -> String {
        let name = match self {
            Self::Flood1 | Self::Flood16 => "flood",
            Self::Closed => "closed",
            Self::Paced => "paced",
            Self::Kaa => "kaa",
            Self::Idle => "idle",
        };
        format!("{}/profiles/bench/{name}.toml", env!("CARGO_MANIFEST_DIR"))
    }

    /// What is different from the profile, as `--set` takes it.
    pub fn sets(self) -> Vec<String> {
        let batch = match self {
            Self::Flood1 => Some(1),
            Self::Flood16 => Some(16),
            Self::Closed | Self::Paced | Self::Kaa | Self::Idle => None,
        };
        batch
            .map(|batch| format!("load.batch={batch}"))
            .into_iter()
            .collect()
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no value is skipped");
        f.write_str(value.get_name())
    }
}
