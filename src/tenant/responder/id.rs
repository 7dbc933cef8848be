//! Where a request has its ID, as far as its definition says.
//!
//! A definition says where the reply carries it; the request may have it elsewhere. Not here: reading
//! topics (`pattern`), and what is done with the ID.

use serde_json::Value;

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
pub fn id_of_topic(request: &Request, text: &str) -> Value {
    match request.request_id.kind {
        IdKind::Range(..) => text.parse::<u32>().map_or(Value::from(text), Value::from),
        IdKind::Uuid => Value::from(text),
    }
}

/// A payload that is read at most once.
pub enum Json<'p> {
    /// Not yet.
    Unread(&'p [u8]),
    /// What was found; `None`: no JSON.
    Read(Option<Value>),
}

impl Json<'_> {
    /// What it holds; `None`: it is no JSON.
    pub fn value(&mut self) -> Option<&Value> {
        if let Self::Unread(payload) = *self {
            *self = Self::Read(serde_json::from_slice(payload).ok());
        }
        match self {
            Self::Read(value) => value.as_ref(),
            Self::Unread(_) => None,
        }
    }
}
