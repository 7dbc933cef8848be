//! The one list of every key that a profile may have.
//!
//! It drives the complaint about an unknown key, the defaults, `--set` and `midge profiles keys`;
//! a test holds it together with the reader. Not here: the checks of values (`read`).

use super::error::ProfileError;
use crate::nearest::nearest;

mod table;

/// One key: where it stands, what it takes, what it is when left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Dotted path as `--set` takes it; `*` stands for a request's name or any name or position.
    pub path: &'static str,
    /// Type, unit and range in words.
    pub unit: &'static str,
    /// The default as TOML; `None`: absent, or required where `meaning` says so.
    pub default: Option<&'static str>,
    /// What it is for, one sentence.
    pub meaning: &'static str,
}

/// The paths that hold lists of tables, not tables.
pub(super) const LISTS: [&str; 4] = ["request", "inbound", "load.stages", "inbound.*.answer"];

/// Every key in the order of the documentation.
pub fn keys_table() -> Vec<Key> {
    table::KEYS.iter().map(row).collect()
}

/// The key of a row; rows are tuples so that each is two lines of source.
fn row(&(path, unit, default, meaning): &table::Row) -> Key {
    let default = (!default.is_empty()).then_some(default);
    Key {
        path,
        unit,
        default,
        meaning,
    }
}

/// The row of exactly this path.
pub(super) fn find(path: &str) -> Option<Key> {
    table::KEYS.iter().find(|row| row.0 == path).map(row)
}

/// What a path of the table stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// A key with a value.
    Leaf,
    /// A table that holds further keys, or a list of such tables.
    Section,
    /// A key that is planned: the sentence that says so.
    Refused(&'static str),
    /// Nothing that midge knows.
    No,
}

/// Looks up a path without wildcards for names, for example `request.*.qos` or `fleet.vars.token`.
pub(super) fn known(path: &str) -> Known {
    if let Some((_, why)) = table::REFUSED.iter().find(|(refused, _)| *refused == path) {
        return Known::Refused(why);
    }
    let mut best = Known::No;
    for (row, ..) in table::KEYS {
        match rest(row, path) {
            Some("") if best == Known::No => best = Known::Leaf,
            Some("") | None => {}
            Some(_) => best = Known::Section,
        }
    }
    best
}

/// The path as the table spells it: wildcards where names stand.
pub(super) fn canonical(parent: &str, key: &str) -> String {
    let path = joined(parent, key);
    if table::KEYS
        .iter()
        .any(|(row, ..)| row.starts_with(&path) && on_border(row, path.len()))
    {
        return path;
    }
    let wild = joined(parent, "*");
    let known = |row: &str| row.starts_with(&wild) && on_border(row, wild.len());
    if table::KEYS.iter().any(|(row, ..)| known(row)) {
        wild
    } else {
        path
    }
}

fn joined(parent: &str, key: &str) -> String {
    if parent.is_empty() {
        key.to_owned()
    } else {
        format!("{parent}.{key}")
    }
}

fn on_border(row: &str, at: usize) -> bool {
    matches!(row.as_bytes().get(at), None | Some(b'.'))
}

/// What follows a path in a row; `Some("")` where they are equal, `None` where they differ.
fn rest<'a>(row: &'a str, path: &str) -> Option<&'a str> {
    let mut names = row.split('.');
    for asked in path.split('.') {
        names.next().filter(|name| *name == asked || *name == "*")?;
    }
    Some(names.next().unwrap_or(""))
}

/// The complaint about a key that is not in the table: message and advice, still without a place.
pub(super) fn unknown(parent: &str, key: &str) -> ProfileError {
    let place = match parent {
        "" => "at the top of a profile".to_owned(),
        "request.*" => "of a [[request]]".to_owned(),
        "inbound.*" => "of an [[inbound]]".to_owned(),
        parent => format!("of {}", parent.replace(".*", "")),
    };
    let wrong = format!("unknown key {:?}", super::origin::shortened(key));
    let siblings = children(parent);
    if let Some(near) = nearest(key, siblings.iter().copied()) {
        return ProfileError::plain(format!("{wrong} {place}, did you mean {near:?}?"));
    }
    let elsewhere = |row: &&str| row.rsplit('.').next() == Some(key);
    if let Some(path) = table::KEYS.iter().map(|row| row.0).find(elsewhere) {
        let help = format!("{key:?} is known as {}", path.replace(".*", ".NAME"));
        return ProfileError::plain(format!("{wrong} {place}")).with_help(help);
    }
    let known = siblings.join(", ");
    ProfileError::plain(format!("{wrong} {place}")).with_help(format!("known are: {known}"))
}

/// The names that may stand directly beneath a path.
fn children(parent: &str) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for (row, ..) in table::KEYS {
        let below = match parent {
            "" => Some(*row),
            parent => row
                .strip_prefix(parent)
                .and_then(|rest| rest.strip_prefix('.')),
        };
        let name = below.and_then(|below| below.split('.').next());
        if let Some(name) = name.filter(|name| *name != "*" && !names.contains(name)) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_is_listed_once_with_unit_and_meaning() {
        let mut seen = BTreeSet::new();
        for key in keys_table() {
            assert!(seen.insert(key.path), "{} twice", key.path);
            assert!(
                !key.unit.is_empty() && !key.meaning.is_empty(),
                "{}",
                key.path
            );
            assert!(!key.meaning.ends_with('.'), "{}: no full stop", key.path);
        }
    }

    #[test]
    fn every_default_is_toml() {
        for key in keys_table() {
            if let Some(default) = key.default {
                let read =
                    super::super::tree::value(default, &super::super::origin::Origin::Nowhere);
                assert!(read.is_ok(), "{}: {default}", key.path);
            }
        }
    }

    #[test]
    fn names_stand_for_wildcards() {
        assert_eq!(known("fleet.endpoints"), Known::Leaf);
        assert_eq!(known("fleet"), Known::Section);
        assert_eq!(known("fleet.vars.token"), Known::Leaf);
        assert_eq!(known("request.*.generate.temperature.walk"), Known::Leaf);
        assert_eq!(known("fleet.endpoints.x"), Known::No);
        assert!(matches!(known("tenant.listen"), Known::Refused(_)));
        assert_eq!(canonical("fleet.vars", "token"), "fleet.vars.*");
        assert_eq!(canonical("request.*", "qos"), "request.*.qos");
    }
}
