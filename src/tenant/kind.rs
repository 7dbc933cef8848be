//! The kinds of messages the tenant knows, by the names its report and the shipped platform
//! definitions use, and counters over them.
//!
//! Not here: how a topic becomes a kind (`kaa`, `enapter`).

use std::collections::BTreeMap;
use std::sync::Arc;

/// What a PUBLISH from a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Kaa data collection, JSON samples.
    DcxJson,
    /// Kaa data collection, one plain metric.
    DcxPlain,
    /// Kaa endpoint metadata: values.
    MetadataGet,
    /// Kaa endpoint metadata: names of the keys.
    MetadataKeys,
    /// Kaa endpoint metadata: replace everything.
    MetadataReplace,
    /// Kaa endpoint metadata: replace the given keys.
    MetadataUpdate,
    /// Kaa endpoint metadata: delete the given keys.
    MetadataDelete,
    /// Kaa commands: asking for the outstanding ones.
    CommandPoll,
    /// Kaa configuration: asking for it.
    Config,
    /// Kaa configuration: applied or refused.
    ConfigApplied,
    /// Kaa software over the air: asking for it.
    OtaConfig,
    /// Kaa software over the air: applied or refused.
    OtaApplied,
    /// Kaa binary data: a token for uploads.
    Token,
    /// Enapter telemetry.
    Telemetry,
    /// Enapter properties, on either of their two topics.
    Properties,
    /// Enapter logs.
    Logs,
    /// An Enapter command request that a caller published.
    Command,
    /// The answer of an endpoint to a command, on either platform.
    CommandAnswer,
    /// A topic of a known platform that names nothing the tenant serves.
    Unknown,
    /// Any other topic.
    Other,
}

impl Kind {
    /// Every kind, in the order of the declaration.
    pub const ALL: [Self; 20] = [
        Self::DcxJson,
        Self::DcxPlain,
        Self::MetadataGet,
        Self::MetadataKeys,
        Self::MetadataReplace,
        Self::MetadataUpdate,
        Self::MetadataDelete,
        Self::CommandPoll,
        Self::Config,
        Self::ConfigApplied,
        Self::OtaConfig,
        Self::OtaApplied,
        Self::Token,
        Self::Telemetry,
        Self::Properties,
        Self::Logs,
        Self::Command,
        Self::CommandAnswer,
        Self::Unknown,
        Self::Other,
    ];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DcxJson => "dcx-json",
            Self::DcxPlain => "dcx-plain",
            Self::MetadataGet => "metadata-get",
            Self::MetadataKeys => "metadata-keys",
            Self::MetadataReplace => "metadata-replace",
            Self::MetadataUpdate => "metadata-update",
            Self::MetadataDelete => "metadata-delete",
            Self::CommandPoll => "command-poll",
            Self::Config => "config",
            Self::ConfigApplied => "config-applied",
            Self::OtaConfig => "ota-config",
            Self::OtaApplied => "ota-applied",
            Self::Token => "token",
            Self::Telemetry => "telemetry",
            Self::Properties => "properties",
            Self::Logs => "logs",
            Self::Command => "command",
            Self::CommandAnswer => "command-answer",
            Self::Unknown => "unknown",
            Self::Other => "other",
        }
    }
}

impl Kind {
    /// Whether a success is told even to those who gave no request ID.
    pub const fn answers_without_id(self) -> bool {
        matches!(
            self,
            Self::CommandPoll | Self::Config | Self::OtaConfig | Self::Token
        )
    }
}

/// Under which name a message is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// One of a platform that the tenant knows by itself.
    Kind(Kind),
    /// One of a definition, by the place of its name.
    Defined(u16),
}

impl From<Kind> for Name {
    fn from(kind: Kind) -> Self {
        Self::Kind(kind)
    }
}

/// One counter for each name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counter {
    kinds: [u64; Kind::ALL.len()],
    defined: Vec<u64>,
    names: Arc<[Box<str>]>,
}

impl Counter {
    /// With these names of definitions.
    pub fn of(names: &Arc<[Box<str>]>) -> Self {
        Self {
            kinds: [0; Kind::ALL.len()],
            defined: vec![0; names.len()],
            names: Arc::clone(names),
        }
    }

    /// Counts one message of this name.
    pub fn add(&mut self, name: impl Into<Name>) {
        match name.into() {
            Name::Kind(kind) => self.kinds[kind as usize] += 1,
            Name::Defined(place) => {
                if let Some(count) = self.defined.get_mut(usize::from(place)) {
                    *count += 1;
                }
            }
        }
    }

    /// The counters that are not zero, by name. Several definitions of one name count together.
    pub fn by_name(&self) -> BTreeMap<String, u64> {
        let kinds = Kind::ALL.iter().map(|kind| kind.name()).zip(self.kinds);
        let names = self.names.iter().map(|name| &**name);
        let defined = names.zip(self.defined.iter().copied());
        let mut by_name = BTreeMap::new();
        for (name, count) in kinds.chain(defined).filter(|&(_, n)| n > 0) {
            *by_name.entry(name.to_owned()).or_default() += count;
        }
        by_name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_counters_keep_them_apart() {
        let mut counter = Counter::default();
        for (position, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, position);
            for _ in 0..=position {
                counter.add(kind);
            }
        }
        let by_name = counter.by_name();
        assert_eq!(by_name.len(), Kind::ALL.len());
        assert_eq!(by_name["dcx-json"], 1);
        assert_eq!(by_name["other"], 20);
        assert!(Counter::default().by_name().is_empty());
    }

    #[test]
    fn definitions_count_beside_the_kinds_and_together_where_names_are_equal() {
        let names: Arc<[Box<str>]> = ["up", "telemetry", "up"].map(Box::from).into();
        let mut counter = Counter::of(&names);
        for place in 0..4 {
            counter.add(Name::Defined(place));
        }
        counter.add(Kind::Telemetry);
        let by_name: Vec<_> = counter.by_name().into_iter().collect();
        assert_eq!(by_name, [("telemetry".to_owned(), 2), ("up".to_owned(), 2)]);
    }
}
