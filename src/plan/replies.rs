//! Compiles request IDs, and what a request's replies look like, into the recogniser's rules.
//!
//! Not here: matching a message against them.

use crate::plan::error::PlanError;
use crate::plan::pattern::{CaptureMeaning, Pattern};
use crate::plan::recognise::{Recogniser, ReplyRule};
use crate::plan::reply::{ReplyContent, TopicMeaning};
use crate::plan::request::Body;
use crate::plan::request_id::{IdRange, RequestIdKind};
use crate::plan::template::{Position, Scope, Template};
use crate::profile::{self, IdPlace, Sender};

/// The request whose replies are compiled.
pub(crate) struct Owner<'a> {
    pub(crate) request: &'a profile::Request,
    pub(crate) index: u16,
    pub(crate) id_kind: RequestIdKind,
    pub(crate) scope: Scope<'a>,
}

/// Adds the rules of one request with a reply.
pub(crate) fn compile(
    reply: &profile::Reply,
    owner: &Owner<'_>,
    recogniser: &mut Recogniser,
) -> Result<(), PlanError> {
    let request = owner.request;
    let place = format!("request {}", request.name);
    if reply.topic.is_none() && reply.ok_topic.is_none() && reply.error_topic.is_none() {
        return Err(PlanError::value(
            format!("{place}, reply"),
            "a reply needs a topic: ok, error or topic",
        ));
    }
    if reply.outcome.is_some() && reply.topic.is_none() {
        return Err(PlanError::value(
            format!("{place}, reply.outcome"),
            "goes with reply.topic, not with ok and error topics",
        ));
    }
    let id_pointer = match &request.request_id.place {
        IdPlace::Payload(pointer) => Some(pointer.as_str()),
        IdPlace::Topic | IdPlace::CorrelationData | IdPlace::None => None,
    };
    let side = match request.from {
        Sender::Endpoint => &mut recogniser.endpoint,
        Sender::Caller => &mut recogniser.caller,
    };
    let content = side.contents.len();
    side.contents
        .push(ReplyContent::compile(&place, reply, id_pointer)?);
    for (key, text, meaning) in [
        ("reply.ok", &reply.ok_topic, TopicMeaning::Ok),
        ("reply.error", &reply.error_topic, TopicMeaning::Error),
        ("reply.topic", &reply.topic, TopicMeaning::Content),
    ] {
        let Some(text) = text else { continue };
        let place = format!("{place}, {key}");
        let template = reply_template(text, &place, owner)?;
        let pattern = Pattern::new(&template, &place, CaptureMeaning::Status, request.from)?;
        if meaning == TopicMeaning::Content
            && side.contents[content].needs_topic_status()
            && !pattern.has_status()
        {
            return Err(PlanError::value(
                place,
                "the outcome is {status}, but the topic has no such field (or it is a variable)",
            ));
        }
        if meaning == TopicMeaning::Error
            && let Some(without_id) = template.without_request_id_level()
        {
            let lone = Pattern::new(&without_id, &place, CaptureMeaning::Status, request.from)?;
            side.lone_errors.push((owner.index, lone));
        }
        side.replies.push(ReplyRule {
            pattern,
            request: owner.index,
            id_kind: owner.id_kind,
            correlated: request.request_id.place == IdPlace::CorrelationData,
            meaning,
            content,
        });
    }
    Ok(())
}

pub(crate) fn reply_template(
    text: &str,
    place: &str,
    owner: &Owner<'_>,
) -> Result<Template, PlanError> {
    let status = ["status".to_owned()];
    let scope = Scope {
        captures: &status,
        topic: Some(&owner.request.topic),
        ..owner.scope
    };
    let template = scope.at(place, Position::Topic).compile(text)?;
    let reason = match (&owner.request.request_id.place, template.has_request_id()) {
        (IdPlace::Topic, false) => {
            "the request ID is in the topic, so the reply's topic needs {request_id} too"
        }
        (IdPlace::Payload(_), true) => {
            "the request ID is read from the payload, so the reply's topic must not have it"
        }
        (IdPlace::CorrelationData, true) => {
            "the request ID is the correlation data, so the reply's topic must not have it"
        }
        (IdPlace::None, true) => "{request_id} is used, but request_id.in is \"none\"",
        _ => return Ok(template),
    };
    Err(PlanError::RequestId {
        place: place.to_owned(),
        reason,
    })
}

/// What a request's IDs are; checks that they are where they are said to be.
pub(crate) fn request_id_kind(
    request: &profile::Request,
    topic: &Template,
    body: &Body,
) -> Result<RequestIdKind, PlanError> {
    use profile::IdKind;
    let error = |reason| {
        Err(PlanError::RequestId {
            place: format!("request {}", request.name),
            reason,
        })
    };
    let in_payload = match body {
        Body::Template(template)
        | Body::Batch {
            sample: template, ..
        } => template.has_request_id(),
        Body::Bytes { .. } | Body::Literal(_) => false,
    };
    match &request.request_id.place {
        IdPlace::None if topic.has_request_id() || in_payload => {
            return error("{request_id} is used, but request_id.in is \"none\"");
        }
        IdPlace::None => return Ok(RequestIdKind::None),
        IdPlace::Topic if !topic.has_request_id() => {
            return error("request_id.in is \"topic\", but the topic has no {request_id}");
        }
        IdPlace::Payload(_) if !in_payload => {
            return error(
                "request_id.in is a place in the payload, but the payload has no {request_id}",
            );
        }
        IdPlace::Topic | IdPlace::Payload(_) | IdPlace::CorrelationData => {}
    }
    match request.request_id.kind {
        IdKind::Uuid => Ok(RequestIdKind::Uuid),
        IdKind::Range(first, last) if first <= last => {
            Ok(RequestIdKind::Decimal(IdRange { first, last }))
        }
        IdKind::Range(..) => error("request_id.range ends before it begins"),
    }
}
