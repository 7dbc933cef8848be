//! From the merged tree to the checked profile: every value, its default and its range.
//!
//! All mistakes are collected, so that one look at the screen shows them all. Not here: files,
//! platform definitions and overrides, which are already merged, and unknown keys (`check`).

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::error::ProfileError;
use super::keys;
use super::origin::Origin;
use super::tree::{Entry, Node, Table, Value};
use super::{Definitions, Profile, Request};
use value::Wrong;

pub(super) mod check;
mod fleet;
mod gates;
mod generator;
mod inbound;
mod limits;
mod load;
mod reconnect;
mod reply;
mod request;
mod target;
mod tls;
mod value;
mod websocket;

/// Mistakes beyond this many help nobody.
const MOST: usize = 50;

/// What surrounds a profile: the things that its paths and its name refer to.
pub(super) struct Around<'a> {
    /// The folder that paths are relative to.
    pub(super) folder: &'a Path,
    /// Name of the file without its end.
    pub(super) stem: &'a str,
    /// Reads a file.
    pub(super) read: &'a dyn Fn(&Path) -> std::io::Result<String>,
}

/// Mistakes found so far, and the keys that the reader knows.
#[derive(Debug, Default)]
pub(super) struct Log {
    errors: RefCell<Vec<ProfileError>>,
    asked: RefCell<BTreeSet<String>>,
}

impl Log {
    /// Notes a mistake at a place.
    pub(super) fn push(&self, origin: &Origin, error: ProfileError) {
        // Enough is enough; also, finding a line takes time in a large file.
        if self.count() < MOST {
            self.push_placed(ProfileError {
                place: origin.place(),
                ..error
            });
        }
    }

    /// Notes a mistake that already has its place.
    pub(super) fn push_placed(&self, error: ProfileError) {
        let mut errors = self.errors.borrow_mut();
        // Definitions and profiles are checked again after they were merged.
        if errors.len() < MOST && !errors.contains(&error) {
            errors.push(error);
        }
    }

    /// How many mistakes there are so far.
    pub(super) fn count(&self) -> usize {
        self.errors.borrow().len()
    }

    /// Whether nothing was wrong so far.
    pub(super) fn is_empty(&self) -> bool {
        self.errors.borrow().is_empty()
    }

    /// All mistakes, in the order in which they were found.
    pub(super) fn into_errors(self) -> Vec<ProfileError> {
        self.errors.into_inner()
    }

    /// Paths of all keys that were read or would have been, for the test against the table.
    #[cfg(test)]
    pub(super) fn asked(&self) -> BTreeSet<String> {
        self.asked.borrow().clone()
    }
}

/// Reads a whole profile. It is only meaningful when the log stayed empty.
pub(super) fn profile(root: &Node, around: &Around<'_>, log: &Log) -> Profile {
    let empty = Table::default();
    let table = match &root.value {
        Value::Table(table) => table,
        _ => &empty,
    };
    let top = Section::new(table, "", "", &root.origin, log);
    top.read("format", |node| {
        value::integer(node, 1..=1).map_err(|_| value::format(node))
    });
    // Resolved before; here only for its type.
    top.read("platforms", value::texts);
    let requests = request::all(&top, around);
    let load = load::read(&top, &requests);
    let fleet = fleet::read(&top, around);
    sums(&top, &load, &fleet, &requests);
    Profile {
        name: name(&top, around.stem),
        description: top.text("description"),
        target: target::read(&top),
        inbound: inbound::all(&top),
        tenant: limits::tenant(&top),
        limits: limits::read(&top),
        gates: gates::read(&top),
        thresholds: limits::thresholds(&top),
        fleet,
        load,
        requests,
    }
}

/// Reads the definitions of a platform or a profile, and nothing else of it.
pub(super) fn definitions(root: &Table, around: &Around<'_>, log: &Log) -> Definitions {
    let top = Section::new(root, "", "", &Origin::Nowhere, log);
    let fleet = top.section("fleet");
    Definitions {
        vars: fleet.map(|fleet| fleet::vars(&fleet)).unwrap_or_default(),
        requests: request::all(&top, around),
        inbound: inbound::all(&top),
    }
}

/// The name of the profile, by default that of its file.
fn name(top: &Section<'_>, stem: &str) -> String {
    let written = top.read("name", value::name);
    if top.has("name") {
        return written.unwrap_or_default();
    }
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name: String = stem.chars().map(plain).take(value::LONGEST_NAME).collect();
    if name.is_empty() {
        "profile".to_owned()
    } else {
        name
    }
}

/// More planned requests than this are a slip of the pen and would overflow counters.
const MOST_REQUESTS: f64 = 1e12;

/// Rates times durations must stay countable.
fn sums(top: &Section<'_>, load: &super::Load, fleet: &super::Fleet, requests: &[Request]) {
    let seconds = (load.warm_up + load.measure).as_secs_f64();
    let base = match load.model {
        super::Model::Open(rate) => rate.0,
        _ => 0.0,
    };
    let curve = load
        .stages
        .iter()
        .map(|stage| stage.to.0)
        .fold(base, f64::max);
    let own = requests.iter().map(|request| match request.pace {
        super::Pace::Rate(rate) => rate.0,
        super::Pace::Every { period, .. } if !period.is_zero() => {
            f64::from(fleet.endpoints) / period.as_secs_f64()
        }
        _ => 0.0,
    });
    let planned = (curve + own.sum::<f64>()) * seconds;
    if planned > MOST_REQUESTS {
        let wrong = Wrong::new(format!("plans {planned:.1e} requests"))
            .instead("a shorter load.measure or a lower rate; at most 1e12 requests");
        top.wrong_at("load", wrong);
    }
}

/// A table being read: its keys, where it stands in the key table, and how messages call it.
pub(super) struct Section<'a> {
    table: &'a Table,
    /// Path in the key table, for example `request.*`.
    path: String,
    /// Path in messages, for example `request.dcx`.
    shown: String,
    /// Where the table begins.
    origin: &'a Origin,
    log: &'a Log,
}

impl<'a> Section<'a> {
    fn new(table: &'a Table, path: &str, shown: &str, origin: &'a Origin, log: &'a Log) -> Self {
        Self {
            table,
            path: path.to_owned(),
            shown: shown.to_owned(),
            origin,
            log,
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn shown_of(&self, key: &str) -> String {
        match (self.shown.as_str(), key) {
            ("", key) => key.to_owned(),
            (shown, "") => shown.to_owned(),
            (shown, key) => format!("{shown}.{key}"),
        }
    }

    /// The entry of a key; notes that the reader knows it.
    fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.log.asked.borrow_mut().insert(self.path_of(key));
        self.table.get(key)
    }

    /// Whether the key was written.
    fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Whether the table itself was not written, so that its mistakes are those of the whole file.
    fn is_absent(&self) -> bool {
        matches!(self.origin, Origin::Whole(_))
    }

    /// Where the key stands, or else the table.
    fn origin_of(&self, key: &str) -> &'a Origin {
        self.table
            .get(key)
            .map_or(self.origin, |entry| &entry.node.origin)
    }

    /// Notes a mistake at the value of a key, or at the table where the key is missing.
    fn wrong_at(&self, key: &str, wrong: Wrong) {
        let error = wrong.about(&self.shown_of(key));
        self.log.push(self.origin_of(key), error);
    }

    /// Reads a value or its default. `None`: absent without default, or wrong (and noted).
    fn read<T>(&self, key: &str, read: impl FnOnce(&Node) -> Result<T, Wrong>) -> Option<T> {
        let result = if let Some(entry) = self.entry(key) {
            read(&entry.node)
        } else {
            let default = keys::find(&self.path_of(key))?.default?;
            let node = super::tree::value(default, &Origin::Nowhere).ok()?;
            read(&node)
        };
        result.map_err(|wrong| self.wrong_at(key, wrong)).ok()
    }

    /// Text, or nothing.
    fn text(&self, key: &str) -> String {
        self.read(key, value::text).unwrap_or_default()
    }

    /// A value without which the table makes no sense.
    fn required<T>(&self, key: &str, read: impl FnOnce(&Node) -> Result<T, Wrong>) -> Option<T> {
        if !self.has(key) {
            let path = self.path_of(key);
            let unit = keys::find(&path).map_or("", |row| row.unit);
            self.wrong_at(
                key,
                Wrong::new("is missing").instead(format!("{key} = ... ({unit})")),
            );
        }
        self.read(key, read)
    }

    /// The section of a key that holds a table.
    fn section(&self, key: &str) -> Option<Section<'a>> {
        let entry = self.table.get(key)?;
        if let Value::Table(table) = &entry.node.value {
            let (path, shown) = (self.path_of(key), self.shown_of(key));
            return Some(Section::new(
                table,
                &path,
                &shown,
                &entry.node.origin,
                self.log,
            ));
        }
        let kind = entry.node.value.kind();
        self.wrong_at(key, Wrong::new(format!("must be a table, but is {kind}")));
        None
    }

    /// The sections of a key that holds a list of tables; `name` says how messages call each.
    fn sections(&self, key: &str, name: impl Fn(usize, &Table) -> String) -> Vec<Section<'a>> {
        let Some(entry) = self.table.get(key) else {
            return Vec::new();
        };
        let Value::Array(items) = &entry.node.value else {
            let kind = entry.node.value.kind();
            let wrong = Wrong::new(format!("must be a list of tables, but is {kind}"));
            self.wrong_at(key, wrong.instead(format!("[[{key}]] in double brackets")));
            return Vec::new();
        };
        let path = format!("{}.*", self.path_of(key));
        let mut sections = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            if let Value::Table(table) = &item.value {
                let shown = self.shown_of(&format!("{key}.{}", name(index, table)));
                sections.push(Section::new(table, &path, &shown, &item.origin, self.log));
            } else {
                let wrong = Wrong::new(format!("must hold tables, not {}", item.value.kind()));
                self.log
                    .push(&item.origin, wrong.about(&self.shown_of(key)));
            }
        }
        sections
    }

    /// All entries of a table whose keys are names of the user's.
    fn entries(&self) -> &'a [Entry] {
        self.log.asked.borrow_mut().insert(self.path_of("*"));
        &self.table.entries
    }

    /// At most one of these groups of keys may be written: notes it otherwise.
    fn one_of(&self, keys: &[&str]) {
        let written: Vec<&str> = keys.iter().copied().filter(|key| self.has(key)).collect();
        if let [first, second, ..] = written[..] {
            let wrong = Wrong::new(format!(
                "stands beside {first}, but only one of them can hold"
            ))
            .instead(format!("one of {}", keys.join(", ")));
            self.wrong_at(second, wrong);
        }
    }
}

#[cfg(test)]
mod tests;
