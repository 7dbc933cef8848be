//! Compiles what the tenant may push, and the answers, which are requests of their own.
//!
//! Not here: recognising a push and walking through its items.

use crate::plan::captures::CAPTURES_MAX;
use crate::plan::compile::Compiler;
use crate::plan::error::PlanError;
use crate::plan::inbound::{Inbound, ItemId, KeyUse};
use crate::plan::pattern::{CaptureMeaning, Pattern};
use crate::plan::reply::parse_pointer;
use crate::plan::request::{Body, Request};
use crate::plan::request_id::RequestIdKind;
use crate::plan::template::{ItemIdKnown, Piece, Position, Scope, Template, field_names};
use crate::plan::topic::check_topic;
use crate::profile::{self, Sender};

impl Compiler<'_> {
    /// Adds the answers to the requests and the pattern to the recogniser.
    pub(crate) fn inbound(
        &mut self,
        index: u16,
        pushed: &profile::Inbound,
    ) -> Result<Inbound, PlanError> {
        let place = format!("inbound {}, topic", pushed.name);
        let (topic, captures) = self.pushed_topic(pushed)?;
        let id = match pushed.id.as_deref() {
            None => ItemId::None,
            Some(profile::CORRELATION_DATA) => ItemId::CorrelationData,
            Some(pointer) => {
                let place = format!("inbound {}, id", pushed.name);
                ItemId::Payload(parse_pointer(&place, pointer)?)
            }
        };
        let item_id = if pushed.id.is_some() {
            ItemIdKnown::Yes
        } else {
            ItemIdKnown::No
        };
        let scope = Scope {
            captures: &captures,
            ..self.scope(&place, Position::Topic)
        };
        check_topic(&place, &topic, &[], self.identities)?;
        let heard = self.listen(index, pushed.at, &topic, &place)?;
        let delivery = self.delivery(pushed, &topic)?;
        let mut answers = Vec::new();
        for (index, answer) in pushed.answers.iter().enumerate() {
            let name = match pushed.answers.len() {
                1 => format!("{}-answer", pushed.name),
                _ => format!("{}-answer-{}", pushed.name, index + 1),
            };
            answers.push(self.requests.len() as u16);
            self.answer(answer, &name, Scope { item_id, ..scope }, &id)?;
        }
        let (key, key_fields) = key_fields(pushed, &scope)?;
        Ok(Inbound {
            name: pushed.name.clone(),
            at: pushed.at,
            items: pushed.items,
            deduplicate: pushed.deduplicate,
            answers,
            delivery,
            share: pushed.share.clone(),
            captures: heard.names(&captures),
            id,
            key_captures: heard.key(&key_fields),
            key,
        })
    }

    /// The topic of a pushed message and the names of its captures, in order.
    pub(crate) fn pushed_topic(
        &self,
        pushed: &profile::Inbound,
    ) -> Result<(Template, Vec<String>), PlanError> {
        let place = format!("inbound {}, topic", pushed.name);
        let scope = self.scope(&place, Position::Topic);
        let mut captures: Vec<String> = Vec::new();
        for name in field_names(&pushed.topic) {
            if !scope.knows(name) && !captures.iter().any(|known| known == name) {
                captures.push(name.to_owned());
            }
        }
        let scope = Scope {
            captures: &captures,
            ..scope
        };
        let topic = scope.compile(&pushed.topic)?;
        Ok((topic, captures))
    }

    /// Adds the pattern of a pushed message to those of its listener.
    fn listen(
        &mut self,
        index: u16,
        at: Sender,
        topic: &Template,
        place: &str,
    ) -> Result<Heard, PlanError> {
        let heard = Heard::of(topic, at);
        if heard.captures > CAPTURES_MAX {
            return Err(PlanError::TooMany {
                what: "captures of one topic",
                count: heard.captures,
                limit: CAPTURES_MAX,
            });
        }
        let pattern = Pattern::new(&heard.topic, place, CaptureMeaning::Capture, at)?;
        let side = match at {
            Sender::Endpoint => &mut self.recogniser.endpoint,
            Sender::Caller => &mut self.recogniser.caller,
        };
        side.inbound.push((index, pattern));
        Ok(heard)
    }

    fn answer(
        &mut self,
        answer: &profile::Answer,
        name: &str,
        scope: Scope<'_>,
        id: &ItemId,
    ) -> Result<(), PlanError> {
        if self.requests.iter().any(|request| request.name == name) {
            return Err(PlanError::value(
                format!("request {name}"),
                "an answer has the same name",
            ));
        }
        let topic_place = format!("{name}, topic");
        let topic = scope
            .at(&topic_place, Position::Topic)
            .compile(&answer.topic)?;
        check_topic(&topic_place, &topic, &[], self.identities)?;
        let payload_place = format!("{name}, payload");
        let payload = scope
            .at(&payload_place, Position::Payload)
            .compile(&answer.payload)?;
        if topic.has_request_id() || payload.has_request_id() {
            return Err(PlanError::RequestId {
                place: name.to_owned(),
                reason: "answers have no request ID",
            });
        }
        self.echo(&topic, Sender::Endpoint, RequestIdKind::None);
        let properties = match id {
            ItemId::CorrelationData => self.correlated_answer(name)?,
            ItemId::None | ItemId::Payload(_) => self.no_properties(),
        };
        self.push_request(Request {
            name: name.to_owned(),
            qos: answer.qos,
            reactive: Some(answer.after),
            topic,
            properties,
            body: Body::Template(payload),
            ..self.blank()
        })
    }
}

/// A pushed message's topic as its listener cuts it up.
struct Heard {
    topic: Template,
    /// How many captures a message yields.
    captures: usize,
    /// Where each capture of the profile is among them.
    named: Vec<usize>,
    /// Those that stand for the endpoint. It tells items apart at a caller too, where it is not
    /// known from the connection.
    endpoint: Vec<usize>,
}

impl Heard {
    fn of(topic: &Template, at: Sender) -> Self {
        let mut heard = Self {
            topic: topic.clone(),
            captures: 0,
            named: Vec::new(),
            endpoint: Vec::new(),
        };
        for piece in &mut heard.topic.pieces {
            match piece {
                // The first use of a capture adds it, in the order of their numbers.
                Piece::Capture(number) if *number < heard.named.len() => {
                    *number = heard.named[*number];
                }
                Piece::Capture(number) => {
                    *number = heard.captures;
                    heard.named.push(heard.captures);
                    heard.captures += 1;
                }
                Piece::Endpoint(_) | Piece::Identity(_) if at == Sender::Caller => {
                    *piece = Piece::Capture(heard.captures);
                    heard.endpoint.push(heard.captures);
                    heard.captures += 1;
                }
                _ => {}
            }
        }
        heard
    }

    /// The names of all captures; `any` where the profile has none.
    fn names(&self, named: &[String]) -> Vec<String> {
        let mut all = vec!["any".to_owned(); self.captures];
        for (index, name) in self.named.iter().zip(named) {
            all[*index].clone_from(name);
        }
        all
    }

    fn key(&self, fields: &[usize]) -> Vec<usize> {
        let named = fields.iter().map(|field| self.named[*field]);
        self.endpoint.iter().copied().chain(named).collect()
    }
}

fn key_fields(
    pushed: &profile::Inbound,
    scope: &Scope<'_>,
) -> Result<(KeyUse, Vec<usize>), PlanError> {
    if pushed.key.is_empty() {
        return Ok((KeyUse::WithId, (0..scope.captures.len()).collect()));
    }
    let mut key = (KeyUse::WithoutId, Vec::new());
    for name in &pushed.key {
        if let Some(index) = scope.captures.iter().position(|capture| capture == name) {
            key.1.push(index);
        } else if name == "id" && pushed.id.is_some() {
            key.0 = KeyUse::WithId;
        } else if !scope.knows(name) {
            let place = format!("inbound {}, key", pushed.name);
            return Err(PlanError::UnknownField {
                place,
                field: name.clone(),
                nearest: None,
                columns: Vec::new(),
            });
        }
    }
    Ok(key)
}
