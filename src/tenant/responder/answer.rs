//! What the tenant answers to a request of a definition: the topics and payloads, made ready.
//!
//! The payload holds what the definition says that the fleet reads, no more, unless the definition
//! has a payload of its own. Not here: which of the answers it is to be.

use serde_json::{Map, Value};

use super::super::problem::{INJECTED, INVALID_JSON};
use super::id::Id;
use super::names::{Depth, Names, Token};
use super::pattern::Pattern;
use super::place::Place;
use crate::profile::{IdPlace, Outcome, OutcomeIn, Reply, Request};

/// The answers to one request; `None`: that cannot be said.
#[derive(Debug)]
pub struct Answers {
    /// All is well. Without it, silence says so.
    pub ok: Option<Answer>,
    /// Something went wrong here.
    pub error: Option<Answer>,
    /// The request is no JSON.
    pub invalid: Option<Answer>,
    /// More is to come.
    pub intermediate: Option<Answer>,
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    /// Whether the request may ask for another topic.
    by_request: bool,
    topic: Text,
    payload: Body,
}

#[derive(Debug)]
enum Body {
    /// The same each time.
    Fixed(Vec<u8>),
    /// JSON text around the ID, and the same JSON for a request that has none.
    WithId {
        before: Vec<u8>,
        after: Vec<u8>,
        without: Vec<u8>,
    },
    /// A template, into whose JSON these values and the ID go.
    Template {
        text: Text,
        fixed: Vec<(Place, Value)>,
        id: Option<Place>,
    },
}

/// A request that is to be answered.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Values of the fields of its topic.
    pub values: &'a [&'a str],
    /// Its ID, as the request writes it.
    pub id: Option<&'a Id<'a>>,
    /// The topic that it asks for its reply on; empty: it does not.
    pub response_topic: &'a str,
}

/// What an answer says besides its place.
#[derive(Debug, Clone, Copy)]
struct Says<'a> {
    status: u16,
    reason: Option<&'a str>,
    /// The value that decides.
    outcome: Option<&'a str>,
    /// A template instead of what is read.
    payload: Option<&'a str>,
}

impl Answers {
    /// Of a request whose topic is this pattern.
    ///
    /// # Errors
    /// When an answer's topic needs what the request's topic does not tell.
    pub fn new(
        request: &Request,
        pattern: &Pattern,
        names: &Names<'_>,
        depth: Depth,
    ) -> Result<Option<Self>, String> {
        let Some(reply) = &request.reply else {
            return Ok(None);
        };
        let maker = Maker {
            request,
            reply,
            pattern,
            names,
            depth,
        };
        let ok = Says {
            status: 200,
            reason: None,
            outcome: None,
            payload: reply.payload.as_deref(),
        };
        let error = Says {
            status: INJECTED.status,
            reason: Some(INJECTED.phrase),
            payload: None,
            ..ok
        };
        let invalid = Says {
            status: INVALID_JSON.status,
            reason: Some(INVALID_JSON.phrase),
            ..error
        };
        let Some(outcome) = &reply.outcome else {
            return Ok(Some(Self {
                ok: maker.answer(reply.ok_topic.as_deref(), ok)?,
                error: maker.answer(reply.error_topic.as_deref(), error)?,
                invalid: maker.answer(reply.error_topic.as_deref(), invalid)?,
                intermediate: None,
            }));
        };
        let by_value = |says: Says<'_>, listed: &[String], status: Option<u16>| {
            let status = status.map(|status| status.to_string());
            let value = listed.first().or(status.as_ref());
            let Some(value) = value else { return Ok(None) };
            let outcome = Some(value.as_str());
            maker.answer(reply.topic.as_deref(), Says { outcome, ..says })
        };
        let fits = |says: Says<'_>, lists: [&[String]; 2]| unlisted(outcome, says.status, lists);
        let (listed_ok, wrong) = (outcome.ok.as_slice(), outcome.error.as_slice());
        let unless = outcome.intermediate.as_slice();
        Ok(Some(Self {
            ok: by_value(ok, listed_ok, fits(ok, [wrong, unless]))?,
            error: by_value(error, wrong, fits(error, [listed_ok, unless]))?,
            invalid: by_value(invalid, wrong, fits(invalid, [listed_ok, unless]))?,
            intermediate: by_value(
                Says {
                    payload: None,
                    ..ok
                },
                &outcome.intermediate,
                None,
            )?,
        }))
    }
}

/// A status in a topic may be one that no list has, unless it is listed as something else.
fn unlisted(outcome: &Outcome, status: u16, others: [&[String]; 2]) -> Option<u16> {
    let text = status.to_string();
    let otherwise = others.into_iter().flatten().any(|value| *value == text);
    (outcome.place == OutcomeIn::Topic && !otherwise).then_some(status)
}

/// What all answers of one request are made from.
struct Maker<'a> {
    request: &'a Request,
    reply: &'a Reply,
    pattern: &'a Pattern,
    names: &'a Names<'a>,
    depth: Depth,
}

impl Maker<'_> {
    fn answer(&self, topic: Option<&str>, says: Says<'_>) -> Result<Option<Answer>, String> {
        let Some(topic) = topic else { return Ok(None) };
        // The status in the topic is the value that decides, where it does.
        let status = says
            .outcome
            .map_or_else(|| says.status.to_string(), str::to_owned);
        // An error's own topic is not what a request asks for.
        let is_error = self.reply.error_topic.as_deref() == Some(topic);
        let correlated = self.request.request_id.place == IdPlace::CorrelationData;
        Ok(Some(Answer {
            by_request: correlated && !is_error,
            topic: self.text(topic, &status)?,
            payload: self.body(says, &status)?,
        }))
    }

    fn text(&self, template: &str, status: &str) -> Result<Text, String> {
        let topic = Some(self.request.topic.as_str());
        let tokens = self.names.expand(template, topic, self.depth)?;
        let pieces = tokens.into_iter().map(|token| match token {
            Token::Literal(text) => Ok(Piece::Literal(text.into())),
            Token::Field(name) => match (self.pattern.place(&name), name.as_str()) {
                (Some(place), _) => Ok(Piece::Value(place)),
                (None, "status") => Ok(Piece::Literal(status.into())),
                (None, "request_id") => Ok(Piece::Id),
                (None, _) => match self.names.constant(&name) {
                    Some(text) => Ok(Piece::Literal(text.into())),
                    None => Err(format!(
                        "its answer has {{{name}}}, which its topic does not tell"
                    )),
                },
            },
        });
        Ok(Text(pieces.collect::<Result<_, _>>()?))
    }

    fn body(&self, says: Says<'_>, status: &str) -> Result<Body, String> {
        let place = |pointer: &Option<String>| pointer.as_deref().map(Place::new).transpose();
        let id = match &self.request.request_id.place {
            IdPlace::Payload(pointer) => Some(Place::new(pointer)?),
            IdPlace::Topic | IdPlace::CorrelationData | IdPlace::None => None,
        };
        let mut fixed: Vec<(Place, Value)> = Vec::new();
        if says.payload.is_none() {
            if let Some(place) = place(&self.reply.status)? {
                fixed.push((place, Value::from(says.status)));
            }
            if let (Some(place), Some(reason)) = (place(&self.reply.reason)?, says.reason) {
                fixed.push((place, Value::from(reason)));
            }
        }
        if let Some(OutcomeIn::Payload(pointer)) = self.reply.outcome.as_ref().map(|o| &o.place) {
            fixed.push((Place::new(pointer)?, plain(status)));
        }
        if let Some(template) = says.payload {
            let text = self.text(template, status)?;
            return Ok(Body::Template { text, fixed, id });
        }
        let mut value = Value::Object(Map::new());
        for (place, written) in fixed {
            place.put(&mut value, written);
        }
        Ok(match id {
            Some(id) => Body::around(&value, &id),
            None if value.as_object().is_some_and(Map::is_empty) => Body::Fixed(Vec::new()),
            None => Body::Fixed(value.to_string().into_bytes()),
        })
    }
}

impl Body {
    /// A JSON value into which an ID goes at this place.
    fn around(value: &Value, id: &Place) -> Self {
        let with = |id_value: Value| {
            let mut value = value.clone();
            id.put(&mut value, id_value);
            value.to_string()
        };
        // A text that stands nowhere else, so that it shows where the ID is.
        let mut mark = String::from("id");
        let other = with(Value::Null);
        while other.contains(&mark) {
            mark.push('~');
        }
        let quoted = format!("\"{mark}\"");
        let text = with(Value::from(mark));
        let (before, after) = text.split_once(&quoted).unwrap_or((&text, ""));
        Self::WithId {
            before: before.into(),
            after: after.into(),
            without: value.to_string().into(),
        }
    }
}

/// A listed value as JSON: a number or truth value bare, anything else as text.
fn plain(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        _ => Value::from(text),
    }
}

impl Answer {
    /// Appends its topic and its payload.
    pub fn write(&self, asked: &Asked<'_>, topic: &mut String, payload: &mut Vec<u8>) {
        if self.by_request && !asked.response_topic.is_empty() {
            topic.push_str(asked.response_topic);
        } else {
            self.topic.write(asked, topic);
        }
        match &self.payload {
            Body::Fixed(bytes) => payload.extend_from_slice(bytes),
            Body::WithId {
                before,
                after,
                without,
            } => match asked.id {
                Some(id) => {
                    payload.extend_from_slice(before);
                    id.write_json(payload);
                    payload.extend_from_slice(after);
                }
                None => payload.extend_from_slice(without),
            },
            Body::Template { text, fixed, id } => {
                let mut written = String::new();
                text.write(asked, &mut written);
                let id = id.as_ref().zip(asked.id);
                let whole = serde_json::from_str::<Value>(&written).ok();
                match whole.filter(|_| id.is_some() || !fixed.is_empty()) {
                    Some(mut value) => {
                        for (place, written) in fixed {
                            place.put(&mut value, written.clone());
                        }
                        if let Some((place, id)) = id {
                            place.put(&mut value, id.to_value());
                        }
                        // Writing into a Vec cannot fail.
                        let _ = serde_json::to_writer(payload, &value);
                    }
                    None => payload.extend_from_slice(written.as_bytes()),
                }
            }
        }
    }
}

/// Text with values of the request.
#[derive(Debug)]
struct Text(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Literal(Box<str>),
    /// A field of the request's topic.
    Value(usize),
    /// The request's ID, from its payload.
    Id,
}

impl Text {
    fn write(&self, asked: &Asked<'_>, out: &mut String) {
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Value(place) => out.push_str(asked.values.get(*place).unwrap_or(&"")),
                Piece::Id => {
                    if let Some(id) = asked.id {
                        id.write_text(out);
                    }
                }
            }
        }
    }
}
