//! Reads what only MQTT 5 has: of connections, subscriptions, wills and messages.
//!
//! Not here: compiling the templates (the plan), and their bytes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::tree::{Node, Value};
use super::super::{CORRELATION_DATA, MessageProperties, Retained, Session};
use super::Section;
use super::value::{self, Wrong};

/// Keys of `[fleet]` that 3.1.1 has no place for.
const OF_FLEET: [&str; 7] = [
    "session_expiry",
    "receive_maximum",
    "topic_alias_maximum",
    "user_properties",
    "no_local",
    "retain_as_published",
    "retained",
];

/// The same of a message, be it a request or a will.
const OF_MESSAGE: [&str; 7] = [
    "payload_format",
    "message_expiry",
    "content_type",
    "response_topic",
    "user_properties",
    "topic_alias",
    "delay",
];

/// What connections say of themselves.
pub(super) fn session(fleet: &Section<'_>) -> Session {
    let retained = [
        ("always", Retained::Always),
        ("new", Retained::New),
        ("never", Retained::Never),
    ];
    Session {
        expiry_s: fleet.read("session_expiry", session_expiry),
        receive_maximum: fleet.read("receive_maximum", |node| value::integer(node, 1..=u16::MAX)),
        topic_alias_maximum: fleet.read("topic_alias_maximum", |node| {
            value::integer(node, 0..=u16::MAX)
        }),
        user_properties: user_properties(fleet),
        no_local: fleet.read("no_local", value::truth).unwrap_or_default(),
        retain_as_published: fleet
            .read("retain_as_published", value::truth)
            .unwrap_or_default(),
        retained: fleet
            .read("retained", |node| value::choice(node, &retained))
            .unwrap_or_default(),
    }
}

/// What goes with a message.
pub(super) fn message(section: &Section<'_>) -> MessageProperties {
    let formats = [("bytes", false), ("text", true)];
    MessageProperties {
        text: section.read("payload_format", |node| value::choice(node, &formats)),
        expiry_s: section.read("message_expiry", seconds),
        content_type: section.read("content_type", value::template),
        response_topic: section.read("response_topic", value::topic),
        user_properties: user_properties(section),
    }
}

/// Notes every key that 3.1.1 has no place for: it would be silently without effect.
pub(super) fn refuse(top: &Section<'_>) {
    if let Some(fleet) = top.section("fleet") {
        refuse_keys(&fleet, &OF_FLEET);
        if let Some(will) = fleet.section("will") {
            refuse_keys(&will, &OF_MESSAGE);
        }
    }
    for request in top.sections("request", super::request::label) {
        refuse_keys(&request, &OF_MESSAGE);
        if let Some(id) = request.section("request_id") {
            refuse_word(&id, "in");
        }
    }
    for inbound in top.sections("inbound", super::request::label) {
        refuse_word(&inbound, "id");
    }
}

fn refuse_keys(section: &Section<'_>, keys: &[&str]) {
    for key in keys.iter().filter(|key| section.table.get(key).is_some()) {
        section.wrong_at(key, needs_5("is a property of MQTT 5"));
    }
}

fn refuse_word(section: &Section<'_>, key: &str) {
    if section.table.text(key) == Some(CORRELATION_DATA) {
        section.wrong_at(key, needs_5("is \"correlation-data\", which MQTT 5 has"));
    }
}

fn needs_5(what: &str) -> Wrong {
    Wrong::new(format!("{what}, but target.protocol is \"3.1.1\""))
        .instead("target.protocol = \"5\" too")
}

/// Seconds, or for ever.
fn session_expiry(node: &Node) -> Result<u32, Wrong> {
    if matches!(&node.value, Value::Text(text) if text == "never") {
        return Ok(u32::MAX);
    }
    seconds(node)
}

/// A duration as MQTT 5 counts it.
pub(super) fn seconds(node: &Node) -> Result<u32, Wrong> {
    let longest = Duration::from_secs(u64::from(u32::MAX - 1));
    let duration = value::duration(node, Duration::ZERO..=longest)?;
    if duration.subsec_nanos() == 0 {
        return Ok(duration.as_secs() as u32);
    }
    Err(Wrong::new("must be whole seconds, as MQTT counts it")
        .instead(format!("\"{}s\"", duration.as_secs().max(1))))
}

fn user_properties(section: &Section<'_>) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    let Some(section) = section.section("user_properties") else {
        return properties;
    };
    for entry in section.entries() {
        let name = entry.key.as_str();
        let checked = value::any_text(&entry.node).and_then(|text| {
            if name.contains('\0') || text.contains('\0') {
                return Err(Wrong::new("holds the character U+0000, which MQTT forbids"));
            }
            Ok(text)
        });
        match checked {
            Ok(text) => drop(properties.insert(name.to_owned(), text)),
            Err(wrong) => section.wrong_at(name, wrong),
        }
    }
    properties
}
