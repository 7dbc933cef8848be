//! Reads `reply = { ... }`: how an answer to a request is recognised.
//!
//! Two shapes: the topic decides the outcome, or a field of the payload does. Not here: matching.

use super::super::tree::{Node, Value};
use super::super::{Outcome, Reply};
use super::Section;
use super::value::{self, Wrong};

/// The reply of a request. None written, or an empty table: none expected.
pub(super) fn read(request: &Section<'_>) -> Option<Reply> {
    let section = request.section("reply")?;
    let topic = section.read("topic", value::topic);
    let status = section.read("status", value::pointer);
    let reason = section.read("reason", value::pointer);
    let pointer = section.read("outcome", value::pointer);
    if !section.has("outcome") {
        return by_topic(&section, status, reason);
    }
    if !section.has("topic") {
        let wrong = Wrong::new("needs the topic of the replies beside it");
        section.wrong_at("outcome", wrong.instead("topic = \"...\" too"));
    }
    let ok = section
        .required("ok", value::one_or_more)
        .unwrap_or_default();
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
    Some(Reply {
        topic,
        ok_topic: None,
        error_topic: None,
        status,
        reason,
        outcome: Some(Outcome {
            pointer: pointer.unwrap_or_default(),
            ok,
            error,
            intermediate,
        }),
    })
}

fn by_topic(
    section: &Section<'_>,
    status: Option<String>,
    reason: Option<String>,
) -> Option<Reply> {
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
        if let Some(key) = ["status", "reason"]
            .into_iter()
            .find(|key| section.has(key))
        {
            let wrong = Wrong::new("needs the topic of the replies beside it");
            section.wrong_at(key, wrong.instead("ok = \"...\" or error = \"...\" too"));
        }
        return None;
    }
    Some(Reply {
        topic: None,
        ok_topic,
        error_topic,
        status,
        reason,
        outcome: None,
    })
}

fn topic(node: &Node) -> Result<String, Wrong> {
    if matches!(node.value, Value::Array(_)) {
        return Err(Wrong::new("is a list of values, which goes with outcome")
            .instead("a topic, or outcome = \"/state\" beside it"));
    }
    value::topic(node)
}
