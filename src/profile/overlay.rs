//! Lays one table over another: a profile's request over its platform's definition.
//!
//! Key by key, and each value keeps its origin. Keys that exclude each other displace each other.
//! Not here: finding the definition (`platform`), and overrides of the command line (`set`).

use super::keys;
use super::tree::{Table, Value};

/// Groups of keys of one table of which only one can hold.
const ALTERNATIVES: [(&str, &[&[&str]]); 4] = [
    (
        "request.*",
        &[
            &["payload"],
            &["sample", "batch", "sample_interval"],
            &["bytes"],
            &["file"],
        ],
    ),
    ("request.*", &[&["weight"], &["rate"], &["every", "jitter"]]),
    ("request.*.request_id", &[&["range"], &["generate"]]),
    (
        "fleet.connections",
        &[&["per_endpoint"], &["endpoints_per_connection"]],
    ),
];

/// Keys that give a reply a new shape: the old one goes as a whole.
const SHAPE: [&str; 4] = ["ok", "error", "topic", "outcome"];

/// Lays `over` on `base`, both at this path of the key table.
pub(super) fn lay(base: &mut Table, over: Table, path: &str) {
    for entry in &over.entries {
        displace(base, path, &entry.key);
    }
    for entry in over.entries {
        let below = keys::canonical(path, &entry.key);
        let inner = match (
            base.get_mut(&entry.key).map(|old| &mut old.node.value),
            &entry.node.value,
        ) {
            (Some(Value::Table(old)), Value::Table(new)) if merges(&below, new) => Some((old, new)),
            _ => None,
        };
        match inner {
            Some((old, new)) => lay(old, new.clone(), &below),
            None => base.put(entry),
        }
    }
}

/// Removes what cannot stand beside a key that is about to be written.
pub(super) fn displace(table: &mut Table, path: &str, key: &str) {
    for (at, groups) in ALTERNATIVES {
        if at != path || !groups.iter().any(|group| group.contains(&key)) {
            continue;
        }
        for group in groups.iter().filter(|group| !group.contains(&key)) {
            for other in *group {
                table.remove(other);
            }
        }
    }
}

/// Whether a table adds to the one beneath it. An empty table always replaces: it removes.
fn merges(path: &str, new: &Table) -> bool {
    match path {
        "request.*.generate.*" => false,
        "request.*.reply" => {
            !SHAPE.iter().any(|key| new.get(key).is_some()) && !new.entries.is_empty()
        }
        _ => !new.entries.is_empty(),
    }
}
