//! Overrides of the command line: `--set KEY=VALUE`.
//!
//! Applied to the tree, after platforms were resolved, so that every key of the table can be
//! reached; values are TOML, and a bare word is text. Not here: the checks of values (`read`).

use std::sync::Arc;

use super::error::ProfileError;
use super::keys::{self, Known};
use super::origin::{Origin, Override};
use super::overlay;
use super::read::check;
use super::tree::{self, Entry, Node, Table, Value};
use crate::nearest::nearest;

/// One override that can be applied.
pub(super) struct Set {
    names: Vec<String>,
    node: Node,
}

/// When an override applies: those that say which definitions are used come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    BeforePlatforms,
    AfterPlatforms,
}

/// Deepest key of the table, and a little.
const DEEPEST: usize = 8;

impl Set {
    /// Reads `KEY=VALUE`.
    pub(super) fn new(text: &str) -> Result<Self, ProfileError> {
        let example = "write --set fleet.endpoints=5000";
        let Some((key, value)) = text.split_once('=') else {
            // Not repeated: without a key nobody knows whether it is a secret.
            return Err(ProfileError::plain("--set takes KEY=VALUE").with_help(example));
        };
        let (key, value) = (key.trim(), value.trim());
        let origin = Origin::Set(Arc::new(Override {
            key: key.to_owned(),
            value: value.to_owned(),
        }));
        let refuse = |message: String| {
            let error = ProfileError {
                place: origin.place(),
                ..ProfileError::plain(message)
            };
            Err(error.with_help(example))
        };
        let mut names: Vec<String> = key.split('.').map(str::to_owned).collect();
        match names.first().map(String::as_str) {
            // Conditions are named with dots.
            Some("thresholds") if names.len() > 1 => {
                let rest = names.split_off(1).join(".");
                names.push(rest.trim_matches(['"', '\'']).to_owned());
            }
            Some("tenant") if names.len() > 1 => names[1] = names[1].replace('-', "_"),
            _ => {}
        }
        if names.iter().any(String::is_empty) || names.len() > DEEPEST {
            return refuse("this is no key".to_owned());
        }
        match parsed(value, &origin) {
            Ok(node) => Ok(Self { names, node }),
            Err(problem) => refuse(format!("the value is not TOML: {problem}")),
        }
    }

    /// When this one applies.
    pub(super) fn when(&self) -> When {
        match self.names.last().map(String::as_str) {
            Some("platforms" | "use") => When::BeforePlatforms,
            _ => When::AfterPlatforms,
        }
    }

    /// Where it was written.
    pub(super) fn origin(&self) -> &Origin {
        &self.node.origin
    }

    /// Puts the value into the tree. The error has no place yet.
    pub(super) fn apply(&self, root: &mut Table) -> Result<(), ProfileError> {
        match self.names.as_slice() {
            [list, rest @ ..] if list == "request" || list == "inbound" => {
                self.each(root, list, rest)
            }
            names => self.assign(root, "", names),
        }
    }

    /// `request.NAME.key` or `request.*.key`.
    fn each(&self, root: &mut Table, list: &str, names: &[String]) -> Result<(), ProfileError> {
        let [name, rest @ ..] = names else {
            return Err(
                ProfileError::plain(format!("{list} is a list of tables")).with_help(format!(
                    "write --set {list}.NAME.KEY=VALUE, or * for every name"
                )),
            );
        };
        if rest.is_empty() {
            return Err(ProfileError::plain(format!("{list}.{name} is a table"))
                .with_help(format!("write --set {list}.{name}.KEY=VALUE")));
        }
        let known: Vec<String> = root.tables_mut(list).map(|table| called(table)).collect();
        if name != "*" && !known.contains(name) {
            let near = nearest(name, known.iter().map(String::as_str));
            let hint = near
                .map(|near| format!(", did you mean {near:?}?"))
                .unwrap_or_default();
            let error = ProfileError::plain(format!("there is no {list} {name:?}{hint}"));
            return Err(error.with_help(format!("known are: {}", known.join(", "))));
        }
        let path = format!("{list}.*");
        for table in root.tables_mut(list) {
            if name == "*" || called(table) == *name {
                self.assign(table, &path, rest)?;
            }
        }
        Ok(())
    }

    fn assign(
        &self,
        table: &mut Table,
        parent: &str,
        names: &[String],
    ) -> Result<(), ProfileError> {
        let [name, rest @ ..] = names else {
            return Ok(());
        };
        let path = keys::canonical(parent, name);
        let dotted = parent == "thresholds";
        match keys::known(&path) {
            _ if dotted => {}
            Known::Refused(why) => return Err(check::refused(name, why)),
            Known::Section if keys::LISTS.contains(&path.as_str()) && !rest.is_empty() => {
                return Err(ProfileError::plain(format!("{name} is a list"))
                    .with_help("set the list as a whole: [{ ... }, { ... }]"));
            }
            Known::Leaf if rest.is_empty() => {}
            Known::Section => {}
            Known::Leaf => return Err(keys::unknown(&path, &rest[0])),
            Known::No => return Err(keys::unknown(parent, name)),
        }
        overlay::displace(table, parent, name);
        if rest.is_empty() {
            table.put(self.entry(name, self.node.clone()));
            return Ok(());
        }
        if table.get(name).is_none() {
            let value = Value::Table(Table::default());
            table.put(self.entry(
                name,
                Node {
                    value,
                    origin: self.node.origin.clone(),
                },
            ));
        }
        match table.get_mut(name).map(|entry| &mut entry.node.value) {
            Some(Value::Table(inner)) => self.assign(inner, &path, rest),
            _ => Err(ProfileError::plain(format!(
                "{name} is no table in this profile"
            ))),
        }
    }

    fn entry(&self, name: &str, node: Node) -> Entry {
        Entry {
            key: name.to_owned(),
            key_origin: self.node.origin.clone(),
            node,
        }
    }
}

/// The name of a request, also while it still is that of its definition.
fn called(table: &Table) -> String {
    let used = || table.text("use").and_then(|used| used.rsplit('/').next());
    table
        .text("name")
        .or_else(used)
        .unwrap_or_default()
        .to_owned()
}

/// A TOML value, or else text.
fn parsed(value: &str, origin: &Origin) -> Result<Node, String> {
    match tree::value(value, origin) {
        Ok(node) => Ok(node),
        // Who begins a list, a table or a string means one.
        Err(problem) if value.starts_with(['[', '{', '"', '\'']) => Err(problem),
        Err(_) => Ok(Node {
            value: Value::Text(value.to_owned()),
            origin: origin.clone(),
        }),
    }
}
