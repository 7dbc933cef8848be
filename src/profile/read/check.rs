//! Finds keys that nothing reads: the misspelt, the misplaced and the planned.
//!
//! Walks the tree beside the key table. Not here: the values.

use super::super::error::ProfileError;
use super::super::keys::{self, Known};
use super::super::origin::Origin;
use super::super::tree::{Node, Table, Value};
use super::Log;

/// Which file is checked: a platform's may also define variables for its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::profile) enum Kind {
    Profile,
    Platform,
}

/// What a platform file may hold at its top.
const PLATFORM: [&str; 8] = [
    "format",
    "name",
    "description",
    "vars",
    "fleet",
    "target",
    "request",
    "inbound",
];

/// Whether a file holds nothing that a platform's may not hold.
pub(in crate::profile) fn is_platform(root: &Table) -> bool {
    let mut keys = root.entries.iter().map(|entry| entry.key.as_str());
    keys.all(|key| PLATFORM.contains(&key))
}

/// Notes every unknown key beneath the root.
pub(in crate::profile) fn keys(root: &Table, kind: Kind, log: &Log) {
    if kind == Kind::Profile {
        return table(root, "", log);
    }
    for entry in &root.entries {
        match entry.key.as_str() {
            "vars" => one(&entry.node, "fleet.vars", log),
            key if PLATFORM.contains(&key) => one(&entry.node, key, log),
            key => {
                let known = PLATFORM.join(", ");
                let error = ProfileError::plain(format!("{key:?} cannot stand in a platform file"))
                    .with_help(format!("known are: {known}"));
                log.push(&entry.key_origin, error);
            }
        }
    }
}

fn table(table: &Table, parent: &str, log: &Log) {
    for entry in &table.entries {
        // Conditions may be named with dots; they were flattened before.
        if parent == "thresholds" {
            continue;
        }
        let path = keys::canonical(parent, &entry.key);
        let known = if entry.key.contains('.') {
            Known::No
        } else {
            keys::known(&path)
        };
        match known {
            Known::Leaf => {}
            Known::Section => one(&entry.node, &path, log),
            Known::Refused(why) => log.push(&entry.key_origin, refused(&entry.key, why)),
            Known::No => log.push(
                &entry.key_origin,
                unknown(parent, &entry.key, &entry.key_origin),
            ),
        }
    }
}

fn one(node: &Node, path: &str, log: &Log) {
    let is_list = keys::LISTS.contains(&path);
    match &node.value {
        Value::Table(inner) if !is_list => table(inner, path, log),
        Value::Array(items) if is_list => {
            for item in items {
                if let Value::Table(inner) = &item.value {
                    table(inner, &format!("{path}.*"), log);
                }
            }
        }
        // The reader complains about the type.
        _ => {}
    }
}

/// The complaint about a planned key.
pub(in crate::profile) fn refused(key: &str, why: &str) -> ProfileError {
    ProfileError::plain(format!("{key}: {why}"))
}

fn unknown(parent: &str, key: &str, origin: &Origin) -> ProfileError {
    let mut error = keys::unknown(parent, key);
    if matches!(origin, Origin::File(..)) {
        error.label = Some("nothing reads this".to_owned());
    }
    error
}
