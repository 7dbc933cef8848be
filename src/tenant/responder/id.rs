//! Where a request has its ID, as far as its definition says, and what an ID is.
//!
//! A definition says where the reply carries it; the request may have it elsewhere. Not here: reading
//! topics (`pattern`) and payloads (`place`), and what is done with the ID.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Number, Value};

use super::pattern::Pattern;
use super::place::Place;
use crate::profile::{IdKind, IdPlace, Part, Payload, Request, parts};

/// Stands for the ID where an example of a payload is searched for it.
const EXAMPLE_ID: &str = "7310987654321";

/// The place of a request's ID.
#[derive(Debug)]
pub enum IdIn {
    /// There is none.
    Nowhere,
    /// A field of the topic, by its place.
    Topic(usize),
    /// In the payload.
    Payload(Place),
}

impl IdIn {
    /// Of a request whose topic is this pattern.
    ///
    /// # Errors
    /// When the place cannot be read.
    pub fn of(request: &Request, pattern: &Pattern) -> Result<Self, String> {
        if let Some(place) = pattern.place("request_id") {
            return Ok(Self::Topic(place));
        }
        let IdPlace::Payload(pointer) = &request.request_id.place else {
            return Ok(Self::Nowhere);
        };
        let example = match &request.payload {
            Payload::Template(text) => Some(example(text)),
            Payload::Batch { sample, .. } => Some(format!("[{}]", example(sample))),
            Payload::Bytes(_) | Payload::Literal(_) => None,
        };
        let example = example.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        match example.and_then(|value| Place::holding(&value, EXAMPLE_ID)) {
            Some(place) => Ok(Self::Payload(place)),
            None => Place::new(pointer).map(Self::Payload),
        }
    }
}

/// A payload as a request might have it, with an ID that is found again.
fn example(template: &str) -> String {
    let parts = parts(template).into_iter();
    parts
        .map(|part| match part {
            Part::Literal(text) => text,
            Part::Field {
                name: "request_id", ..
            } => EXAMPLE_ID,
            Part::Field { .. } => "1",
        })
        .collect()
}

/// The ID of a topic as a payload writes it: numbers bare, unless they are the text of something
/// else.
pub fn id_of_topic(kind: IdKind, text: &str) -> Id<'_> {
    match kind {
        IdKind::Range(..) => text.parse::<u32>().map_or(Id::from(text), Id::from),
        IdKind::Uuid => Id::from(text),
    }
}

/// An ID, borrowed from its message where it can be.
#[derive(Debug, Clone, PartialEq)]
pub enum Id<'m> {
    /// A JSON number.
    Number(Number),
    /// A text.
    Text(Cow<'m, str>),
}

impl Id<'_> {
    /// Appends it as JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        // Writing into a Vec cannot fail.
        let _ = match self {
            Self::Number(number) => serde_json::to_writer(out, number),
            Self::Text(text) => serde_json::to_writer(out, text),
        };
    }

    /// Appends it as it stands in a topic.
    pub fn write_text(&self, out: &mut String) {
        // Writing into a String cannot fail.
        let _ = match self {
            Self::Number(number) => write!(out, "{number}"),
            Self::Text(text) => out.write_str(text),
        };
    }

    /// As a value of its own.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::from(text.as_ref()),
        }
    }
}

impl<'m> From<&'m str> for Id<'m> {
    fn from(text: &'m str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Id<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<Number> for Id<'_> {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Id<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Id<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

impl From<i64> for Id<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}
