//! Compiles what the tenant may push, and the answers, which are requests of their own.
//!
//! Not here: recognising a push and walking through its items.

use crate::plan::captures::CAPTURES_MAX;
use crate::plan::compile::Compiler;
use crate::plan::error::PlanError;
use crate::plan::inbound::{Inbound, KeyUse};
use crate::plan::pattern::{CaptureMeaning, Pattern};
use crate::plan::reply::parse_pointer;
use crate::plan::request::{Body, Request};
use crate::plan::request_id::RequestIdKind;
use crate::plan::template::{ItemIdKnown, Position, Scope, field_names};
use crate::plan::topic::check_topic;
use crate::profile::{self, Sender};

impl Compiler<'_> {
    /// Adds the answers to the requests and the pattern to the recogniser.
    pub(crate) fn inbound(&mut self, pushed: &profile::Inbound) -> Result<Inbound, PlanError> {
        let place = format!("inbound {}, topic", pushed.name);
        let mut captures: Vec<String> = Vec::new();
        let scope = self.scope(&place, Position::Topic);
        for name in field_names(&pushed.topic) {
            if !scope.knows(name) && !captures.iter().any(|known| known == name) {
                captures.push(name.to_owned());
            }
        }
        if captures.len() > CAPTURES_MAX {
            let (count, limit) = (captures.len(), CAPTURES_MAX);
            return Err(PlanError::TooMany {
                what: "captures of one topic",
                count,
                limit,
            });
        }
        let item_id = if pushed.id.is_some() {
            ItemIdKnown::Yes
        } else {
            ItemIdKnown::No
        };
        let scope = Scope {
            captures: &captures,
            ..scope
        };
        let topic = scope.compile(&pushed.topic)?;
        check_topic(&place, &topic, &[], self.identities)?;
        let pattern = Pattern::new(&topic, &place, CaptureMeaning::Capture, Sender::Endpoint)?;
        self.recogniser.endpoint.inbound.push(pattern);
        let mut answers = Vec::new();
        for (index, answer) in pushed.answers.iter().enumerate() {
            let name = match pushed.answers.len() {
                1 => format!("{}-answer", pushed.name),
                _ => format!("{}-answer-{}", pushed.name, index + 1),
            };
            answers.push(self.requests.len() as u16);
            self.answer(answer, &name, Scope { item_id, ..scope })?;
        }
        let (key, key_captures) = key_fields(pushed, &scope)?;
        let id_place = format!("inbound {}, id", pushed.name);
        Ok(Inbound {
            name: pushed.name.clone(),
            items: pushed.items,
            deduplicate: pushed.deduplicate,
            answers,
            captures: captures.clone(),
            id: pushed
                .id
                .as_deref()
                .map(|id| parse_pointer(&id_place, id))
                .transpose()?,
            key_captures,
            key,
        })
    }

    fn answer(
        &mut self,
        answer: &profile::Answer,
        name: &str,
        scope: Scope<'_>,
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
        self.push_request(Request {
            name: name.to_owned(),
            qos: answer.qos,
            reactive: Some(answer.after),
            topic,
            body: Body::Template(payload),
            ..self.blank()
        })
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
