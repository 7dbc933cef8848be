//! A profile as it was written: TOML values that know where they come from.
//!
//! Between the text and the checked value; platform definitions and overrides are merged here.
//! Not here: what the keys mean.

use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::error::{Place, ProfileError};
use super::origin::{Origin, SourceFile, shortened};

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// What TOML can say. Dates are kept as their text, which no key wants.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i128),
    Float(f64),
    Boolean(bool),
    Array(Vec<Node>),
    Table(Table),
}

/// Keys and values in the order of the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
}

/// One key of a table.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_origin: Origin,
    pub(super) node: Node,
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.key == key)
    }

    /// Replaces the value of the key where it stands, or appends it.
    pub(super) fn put(&mut self, entry: Entry) {
        match self.get_mut(&entry.key) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at))
    }

    /// The text at a key, if it is text.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match &self.get(key)?.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The tables of an array of tables, such as `[[request]]`; anything else is passed over.
    pub(super) fn tables_mut(&mut self, key: &str) -> impl Iterator<Item = &mut Table> {
        let nodes = match self.get_mut(key).map(|entry| &mut entry.node.value) {
            Some(Value::Array(nodes)) => nodes.as_mut_slice(),
            _ => &mut [],
        };
        nodes.iter_mut().filter_map(|node| match &mut node.value {
            Value::Table(table) => Some(table),
            _ => None,
        })
    }
}

impl Value {
    /// The kind of value in words, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// The tree of a whole file.
pub(super) fn document(file: &Arc<SourceFile>) -> Result<Node, ProfileError> {
    let at = |span| Origin::File(Arc::clone(file), span);
    match DeTable::parse(&file.text) {
        Ok(table) => Ok(Node {
            value: Value::Table(grown(table.get_ref(), &at)?),
            origin: Origin::Whole(Arc::clone(file)),
        }),
        Err(error) => {
            let place = error
                .span()
                .map_or(Origin::Whole(Arc::clone(file)), at)
                .place();
            Err(syntax(error.message(), place))
        }
    }
}

/// TOML's own words, except for the most frequent causes: no value, or no quotes.
fn syntax(message: &str, place: Place) -> ProfileError {
    let value = match &place {
        Place::Line(line) => line.text.split_once('=').map(|(_, value)| value.trim()),
        _ => None,
    };
    let help = match value {
        _ if message.contains("duplicate") => None,
        Some("") => Some("write a value behind the equals sign"),
        Some(value) if !value.starts_with(['"', '\'', '[', '{', '*', '#']) => Some(QUOTES),
        _ => None,
    };
    ProfileError {
        message: format!("this is not TOML: {message}"),
        place,
        label: None,
        help: help.map(str::to_owned),
    }
}

const QUOTES: &str = "write text and quantities in quotes: \"30s\", \"5_000/s\", \"256B\"";

/// The tree of a single value, all of it with one origin. Errors are TOML's own words.
pub(super) fn value(text: &str, origin: &Origin) -> Result<Node, String> {
    let value = DeValue::parse(text).map_err(|error| error.message().to_owned())?;
    node(value.get_ref(), 0..0, &|_| origin.clone()).map_err(|error| error.message)
}

fn grown(
    table: &DeTable<'_>,
    at: &dyn Fn(std::ops::Range<usize>) -> Origin,
) -> Result<Table, ProfileError> {
    let mut keys: Vec<_> = table.iter().collect();
    // The parser sorts by key; the order of the file is the order of the reports.
    keys.sort_by_key(|(key, _)| key.span().start);
    let mut entries = Vec::with_capacity(keys.len());
    for (key, value) in keys {
        entries.push(Entry {
            key: key.get_ref().to_string(),
            key_origin: at(key.span()),
            node: node(value.get_ref(), value.span(), at)?,
        });
    }
    Ok(Table { entries })
}

fn node(
    value: &DeValue<'_>,
    span: std::ops::Range<usize>,
    at: &dyn Fn(std::ops::Range<usize>) -> Origin,
) -> Result<Node, ProfileError> {
    let origin = at(span);
    // The parser takes everything for a number that begins like one.
    let unreadable = |text: &str| {
        let number = text.parse::<f64>().is_ok();
        let problem = if number {
            "this number is too large"
        } else {
            "this is no number"
        };
        let place = origin.place();
        let message = if place.is_covered() {
            problem.to_owned()
        } else {
            format!("{problem}: {}", shortened(text))
        };
        ProfileError {
            message,
            place,
            label: None,
            help: (!number).then(|| QUOTES.to_owned()),
        }
    };
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            let read = i128::from_str_radix(number.as_str(), number.radix());
            Value::Integer(read.map_err(|_| unreadable(number.as_str()))?)
        }
        DeValue::Float(number) => {
            let read = number
                .as_str()
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite());
            Value::Float(read.ok_or_else(|| unreadable(number.as_str()))?)
        }
        DeValue::Boolean(yes) => Value::Boolean(*yes),
        DeValue::Datetime(date) => Value::Text(date.to_string()),
        DeValue::Array(items) => {
            let items = items
                .iter()
                .map(|item| node(item.get_ref(), item.span(), at));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Value::Table(grown(table, at)?),
    };
    Ok(Node { value, origin })
}
