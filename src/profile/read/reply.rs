//! Reads `reply = { ... }`: how an answer to a request is recognised.
//!
//! Two shapes: the topic decides the outcome, or a value in payload or topic does. Not here:
//! matching.

use super::super::tree::{Node, Value};
use super::super::{Outcome, OutcomeIn, Reply};
use super::Section;
use super::value::{self, Wrong};

/// The field of a reply's topic that is its status code.
const STATUS: &str = "{status}";

/// The reply of a request. None written, or an empty table: none expected.
pub(super) fn read(request: &Section<'_>) -> Option<Reply> {
    let section = request.section("reply")?;
    let reply = Reply {
        topic: section.read("topic", value::topic),
        status: section.read("status", value::pointer),
        reason: section.read("reason", value::pointer),
        carries: section.read("carries", value::name),
        payload: section.read("payload", value::json_payload),
        ..Reply::default()
    };
    let place = section.read("outcome", place);
    if !section.has("outcome") {
        return by_topic(&section, reply);
    }
    if !section.has("topic") {
        let wrong = Wrong::new("needs the topic of the replies beside it");
        section.wrong_at("outcome", wrong.instead("topic = \"...\" too"));
    }
    let outcome = place.map(|place| by_value(&section, place, reply.topic.as_deref()));
    Some(Reply { outcome, ..reply })
}

/// Where the value stands that decides the outcome.
fn place(node: &Node) -> Result<OutcomeIn, Wrong> {
    let text = value::text(node)?;
    if text == STATUS {
        return Ok(OutcomeIn::Topic);
    }
    if text.starts_with('{') {
        let found = super::super::origin::shortened(&text);
        return Err(Wrong::new(format!("cannot be {found:?}"))
            .instead("\"{status}\", or a JSON pointer such as \"/state\""));
    }
    value::pointer(node).map(OutcomeIn::Payload)
}

fn by_value(section: &Section<'_>, place: OutcomeIn, topic: Option<&str>) -> Outcome {
    let in_topic = place == OutcomeIn::Topic;
    if in_topic && topic.is_some_and(|topic| !topic.contains(STATUS)) {
        let wrong = Wrong::new("is {status}, but the topic of the replies does not hold it");
        section.wrong_at("outcome", wrong.instead("{status} into reply.topic"));
    }
    let ok = if in_topic {
        section.read("ok", value::one_or_more)
    } else {
        section.required("ok", value::one_or_more)
    };
    let ok = ok.unwrap_or_default();
    let error = section
        .read("error", value::one_or_more)
        .unwrap_or_default();
    let intermediate = section
        .read("intermediate", value::one_or_more)
        .unwrap_or_default();
    for (key, values) in [("error", &error), ("intermediate", &intermediate)] {
        let twice = |value: &&String| ok.contains(value) || key != "error" && error.contains(value);
        if let Some(value) = values.iter().find(twice) {
            section.wrong_at(
                key,
                Wrong::new(format!("holds {value:?}, which has another meaning")),
            );
        }
    }
    Outcome {
        place,
        ok,
        error,
        intermediate,
    }
}

/// `reply` without the topics that decide.
fn by_topic(section: &Section<'_>, reply: Reply) -> Option<Reply> {
    let ok_topic = section.read("ok", topic);
    let error_topic = section.read("error", topic);
    for key in ["topic", "intermediate"] {
        if section.has(key) {
            let wrong = Wrong::new("goes with outcome, the field that decides");
            section.wrong_at(
                key,
                wrong.instead("outcome = \"/state\" too, or ok = \"...\" instead"),
            );
        }
    }
    let patterns = section.has("ok") || section.has("error");
    if !patterns {
        if let Some(key) = ["status", "reason", "carries", "payload"]
            .into_iter()
            .find(|key| section.has(key))
        {
            let wrong = Wrong::new("needs the topic of the replies beside it");
            section.wrong_at(key, wrong.instead("ok = \"...\" or error = \"...\" too"));
        }
        return None;
    }
    if section.has("carries") && !section.has("ok") {
        let wrong = Wrong::new("needs the topic of success, whose payload it is about");
        section.wrong_at("carries", wrong.instead("ok = \"...\" too"));
    }
    Some(Reply {
        topic: None,
        ok_topic,
        error_topic,
        ..reply
    })
}

fn topic(node: &Node) -> Result<String, Wrong> {
    if matches!(node.value, Value::Array(_)) {
        return Err(Wrong::new("is a list of values, which goes with outcome")
            .instead("a topic, or outcome = \"/state\" beside it"));
    }
    value::topic(node)
}
