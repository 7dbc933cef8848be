//! The profiles and platform definitions that are compiled into the binary.
//!
//! The list stands beside the files because platforms are named nowhere else. A test compares it
//! with the folder.

/// Profiles by name, the one that runs by default first.
pub(super) const PROFILES: &[(&str, &str)] = &[
    ("kaa-fleet", include_str!("kaa-fleet.toml")),
    ("kaa-telemetry", include_str!("kaa-telemetry.toml")),
    (
        "kaa-telemetry-batch",
        include_str!("kaa-telemetry-batch.toml"),
    ),
    ("kaa-metadata", include_str!("kaa-metadata.toml")),
    ("kaa-commands", include_str!("kaa-commands.toml")),
    ("kaa-config", include_str!("kaa-config.toml")),
    ("kaa-software", include_str!("kaa-software.toml")),
    ("kaa-uploads", include_str!("kaa-uploads.toml")),
    ("enapter-fleet", include_str!("enapter-fleet.toml")),
    ("enapter-telemetry", include_str!("enapter-telemetry.toml")),
    ("enapter-commands", include_str!("enapter-commands.toml")),
    ("mqtt-publish", include_str!("mqtt-publish.toml")),
    ("mqtt-fan-in", include_str!("mqtt-fan-in.toml")),
    ("mqtt-fan-out", include_str!("mqtt-fan-out.toml")),
    ("mqtt-one-to-one", include_str!("mqtt-one-to-one.toml")),
    ("mqtt-shared", include_str!("mqtt-shared.toml")),
    ("mqtt-retained", include_str!("mqtt-retained.toml")),
    ("connect-storm", include_str!("connect-storm.toml")),
    ("reconnect-storm", include_str!("reconnect-storm.toml")),
    ("churn", include_str!("churn.toml")),
];

/// Profiles that load this program itself, by what they load it with.
pub(super) const BENCH: &[(&str, &str)] = &[
    ("flood", include_str!("bench/flood.toml")),
    ("closed", include_str!("bench/closed.toml")),
    ("request-reply", include_str!("bench/kaa.toml")),
    ("paced", include_str!("bench/paced.toml")),
    ("idle", include_str!("bench/idle.toml")),
];

/// Platform definitions by name.
pub(super) const PLATFORMS: &[(&str, &str)] = &[
    ("kaa", include_str!("platform/kaa.toml")),
    ("enapter", include_str!("platform/enapter.toml")),
];
