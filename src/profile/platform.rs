//! Platforms: files of definitions that requests `use`, shipped or the user's own.
//!
//! A platform is data; none is known by name here. Not here: what the definitions mean.

use std::sync::Arc;

use super::error::{Place, ProfileError};
use super::load::{names, source};
use super::origin::{SourceFile, shortened};
use super::overlay;
use super::platforms;
use super::read::check::{self, Kind};
use super::read::{Around, Log};
use super::tree::{self, Entry, Node, Table, Value};
use crate::nearest::nearest;

/// A platform file that was read.
struct Platform {
    name: String,
    root: Table,
}

/// Parts of a profile that a platform may have defaults for.
const DEFAULTS: [&str; 2] = ["fleet", "target"];

/// Replaces every `use` of a profile by what it stands for, and lays the platforms' defaults
/// beneath the profile. Afterwards the tree names no platform any more.
pub(super) fn resolve(root: &mut Table, around: &Around<'_>, log: &Log) {
    let mut found = Vec::new();
    if let Some(Value::Array(items)) = root.get("platforms").map(|entry| &entry.node.value) {
        for item in items {
            // Anything else than text is reported by the reader.
            let Value::Text(name) = &item.value else {
                return;
            };
            match read(name, around) {
                Ok(platform) => found.push(platform),
                Err(mut error) => {
                    if error.place == Place::Nowhere {
                        error.place = item.origin.place();
                    }
                    log.push_placed(error);
                }
            }
        }
    }
    for platform in &found {
        check::keys(&platform.root, Kind::Platform, log);
        defaults(root, platform);
    }
    for list in ["request", "inbound"] {
        for table in root.tables_mut(list) {
            used(table, list, &found, log);
        }
    }
    if log.is_empty() {
        root.remove("platforms");
    }
}

/// A platform on its own as if it were a profile: its variables, requests and inbound messages.
pub(super) fn as_profile(
    name: &str,
    around: &Around<'_>,
    log: &Log,
) -> Result<Table, ProfileError> {
    let platform = read(name, around)?;
    check::keys(&platform.root, Kind::Platform, log);
    let mut root = Table::default();
    defaults(&mut root, &platform);
    for list in ["request", "inbound"] {
        if let Some(entry) = platform.root.get(list) {
            root.put(entry.clone());
        }
    }
    Ok(root)
}

/// Reads a platform: a shipped name, or a path relative to the profile's folder.
fn read(name: &str, around: &Around<'_>) -> Result<Platform, ProfileError> {
    let (file, stem) = if super::load::is_path(name) {
        let path = around.folder.join(name);
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        (
            source(&path.to_string_lossy(), &path, around.read)?,
            stem.unwrap_or_default(),
        )
    } else if let Some((_, text)) = platforms().iter().find(|(known, _)| *known == name) {
        let file = SourceFile {
            name: format!("{name}.toml"),
            text: (*text).to_owned(),
        };
        (Arc::new(file), name.to_owned())
    } else {
        let near = nearest(name, platforms().iter().map(|(known, _)| *known));
        let hint = near
            .map(|near| format!(", did you mean {near:?}?"))
            .unwrap_or_default();
        let message = format!("there is no platform {:?}{hint}", shortened(name));
        return Err(ProfileError::plain(message).with_help(format!(
            "known are: {}; or \"./FILE.toml\"",
            names(platforms())
        )));
    };
    let Value::Table(root) = tree::document(&file)?.value else {
        return Err(ProfileError::plain("this is no platform"));
    };
    let name = root.text("name").map_or(stem, str::to_owned);
    Ok(Platform { name, root })
}

/// Lays a platform's `[vars]` and other defaults beneath the profile.
fn defaults(root: &mut Table, platform: &Platform) {
    let mut base = Table::default();
    for name in DEFAULTS {
        if let Some(entry) = platform.root.get(name) {
            base.put(entry.clone());
        }
    }
    if let Some(vars) = platform.root.get("vars") {
        let entry = Entry {
            key: "vars".to_owned(),
            ..vars.clone()
        };
        let fleet = Table {
            entries: vec![entry],
        };
        let node = Node {
            value: Value::Table(fleet),
            origin: vars.node.origin.clone(),
        };
        let key_origin = vars.key_origin.clone();
        let over = Entry {
            key: "fleet".to_owned(),
            key_origin,
            node,
        };
        overlay::lay(
            &mut base,
            Table {
                entries: vec![over],
            },
            "",
        );
    }
    for mut entry in base.entries {
        let Some(own) = root.get(&entry.key) else {
            root.put(entry);
            continue;
        };
        if let (Value::Table(beneath), Value::Table(over)) =
            (&mut entry.node.value, &own.node.value)
        {
            overlay::lay(beneath, over.clone(), &entry.key);
            entry.node.origin = own.node.origin.clone();
            root.put(entry);
        }
    }
}

/// Replaces the `use` of one request or inbound message.
fn used(table: &mut Table, list: &str, found: &[Platform], log: &Log) {
    let Some(entry) = table.get("use").cloned() else {
        return;
    };
    let Value::Text(wanted) = &entry.node.value else {
        let kind = entry.node.value.kind();
        let error = ProfileError::plain(format!("use must be text, but is {kind}"))
            .with_help("write use = \"PLATFORM/DEFINITION\"");
        return log.push(&entry.node.origin, error);
    };
    match definition(wanted, list, found) {
        Ok(mut base) => {
            let mut over = table.clone();
            over.remove("use");
            let path = format!("{list}.*");
            overlay::lay(&mut base, over, &path);
            *table = base;
        }
        Err(error) => log.push(&entry.node.origin, error),
    }
}

/// The definition that `PLATFORM/DEFINITION` names, as a table of its own.
fn definition(wanted: &str, list: &str, found: &[Platform]) -> Result<Table, ProfileError> {
    let shown = shortened(wanted);
    let Some((platform, name)) = wanted.rsplit_once('/') else {
        return Err(
            ProfileError::plain(format!("{shown:?} names no definition"))
                .with_help("write use = \"PLATFORM/DEFINITION\""),
        );
    };
    let Some(platform) = found.iter().find(|known| known.name == platform) else {
        let message = format!("{shown:?} is of a platform that this profile does not name");
        let shipped = platforms().iter().any(|(known, _)| *known == platform);
        let word = if shipped {
            platform.to_owned()
        } else {
            format!("./{platform}.toml")
        };
        return Err(ProfileError::plain(message).with_help(format!(
            "write platforms = [{word:?}] at the top of the profile"
        )));
    };
    let tables = match platform.root.get(list).map(|entry| &entry.node.value) {
        Some(Value::Array(items)) => items.as_slice(),
        _ => &[],
    };
    let tables = tables.iter().filter_map(|node| match &node.value {
        Value::Table(table) => Some(table),
        _ => None,
    });
    let known: Vec<&str> = tables
        .clone()
        .filter_map(|table| table.text("name"))
        .collect();
    match tables
        .clone()
        .find(|table| table.text("name") == Some(name))
    {
        Some(table) if table.get("use").is_some() => Err(ProfileError::plain(format!(
            "{shown:?} itself uses a definition"
        ))
        .with_help("spell that definition out in the platform file")),
        Some(table) => Ok(table.clone()),
        None => {
            let near = nearest(name, known.iter().copied());
            let hint = near
                .map(|near| format!(", did you mean {near:?}?"))
                .unwrap_or_default();
            let what = if list == "request" {
                "request"
            } else {
                "inbound message"
            };
            let message = format!(
                "{} has no {what} {:?}{hint}",
                platform.name,
                shortened(name)
            );
            Err(ProfileError::plain(message).with_help(format!("known are: {}", known.join(", "))))
        }
    }
}
