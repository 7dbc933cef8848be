//! Reads `[[inbound]]`: what the tenant pushes and how the endpoint answers.
//!
//! Not here: compiling topics into matchers, which also finds captures (the plan).

use std::collections::BTreeSet;

use super::super::tree::Node;
use super::super::{Answer, CORRELATION_DATA, Delay, Inbound, Items, Sender};
use super::Section;
use super::request::{label, unique};
use super::value::{self, Wrong};

/// More kinds of pushed messages, or more answers to one, are a mistake.
const MOST: usize = 1_000;

/// All inbound messages in the order of the file.
pub(super) fn all(top: &Section<'_>) -> Vec<Inbound> {
    let sections = top.sections("inbound", label);
    if sections.len() > MOST {
        top.wrong_at(
            "inbound",
            Wrong::new(format!("stands more than {MOST} times")),
        );
        return Vec::new();
    }
    let mut names = BTreeSet::new();
    let mut inbound = Vec::with_capacity(sections.len());
    for section in &sections {
        let message = one(section);
        unique(section, &message.name, &mut names);
        inbound.push(message);
    }
    inbound
}

fn one(section: &Section<'_>) -> Inbound {
    // Resolved before; here only because the reader knows the key.
    let _ = section.has("use");
    let items = [("one", Items::One), ("each", Items::Each)];
    let sides = [("endpoint", Sender::Endpoint), ("caller", Sender::Caller)];
    let at = section.read("at", |node| value::choice(node, &sides));
    let at = at.unwrap_or(Sender::Endpoint);
    let answers = answers(section);
    if at == Sender::Caller && !answers.is_empty() {
        let wrong = Wrong::new(
            "holds what a caller cannot give: a caller's answer is a request of its own",
        );
        section.wrong_at(
            "answer",
            wrong.instead("a [[request]] with from = \"caller\""),
        );
    }
    let id = section.read("id", id);
    let key = section.read("key", value::texts);
    let key = key.unwrap_or_else(|| id.iter().map(|_| "id".to_owned()).collect());
    if key.iter().any(|field| field == "id") && id.is_none() && !section.has("id") {
        let wrong = Wrong::new("uses id, but nothing says where it stands");
        section.wrong_at("key", wrong.instead("id = \"/id\" too"));
    }
    let deduplicate = section.read("deduplicate", value::truth);
    if deduplicate == Some(true) && key.is_empty() {
        let wrong = Wrong::new("needs a key that identifies an item");
        section.wrong_at(
            "deduplicate",
            wrong.instead("id = \"/id\" or key = [...] too"),
        );
    }
    let share = section.read("share", group);
    if at == Sender::Caller && share.is_some() {
        let wrong = Wrong::new("is of no use to a caller, which listens alone");
        section.wrong_at("share", wrong.instead("at = \"endpoint\""));
    }
    Inbound {
        name: section.required("name", value::name).unwrap_or_default(),
        at,
        topic: section.required("topic", value::topic).unwrap_or_default(),
        items: section
            .read("items", |node| value::choice(node, &items))
            .unwrap_or(Items::One),
        payload: section.read("payload", value::payload),
        deduplicate: deduplicate.unwrap_or(!key.is_empty()),
        delivery_of: section.read("delivery_of", value::name),
        share,
        answers,
        id,
        key,
    }
}

/// Where the ID of an item stands.
fn id(node: &Node) -> Result<String, Wrong> {
    let written = value::text(node)?;
    if written == CORRELATION_DATA {
        return Ok(written);
    }
    value::pointer(node)
}

/// The name of a group of shared subscriptions (MQTT 5, section 4.8.2).
fn group(node: &Node) -> Result<String, Wrong> {
    let name = value::text(node)?;
    if name.is_empty() || name.contains(['/', '+', '#', '{', '\0']) {
        return Err(Wrong::new("is no name of a group").instead("a word without /, + and #"));
    }
    Ok(name)
}

fn answers(inbound: &Section<'_>) -> Vec<Answer> {
    let sections = inbound.sections("answer", |index, _| (index + 1).to_string());
    if sections.len() > MOST {
        inbound.wrong_at(
            "answer",
            Wrong::new(format!("holds more than {MOST} answers")),
        );
        return Vec::new();
    }
    let answer = |section: &Section<'_>| Answer {
        after: section.read("after", value::unit).unwrap_or(Delay::ZERO),
        topic: section.required("topic", value::topic).unwrap_or_default(),
        payload: section.read("payload", value::payload).unwrap_or_default(),
        qos: section.read("qos", value::qos).unwrap_or_default(),
    };
    sections.iter().map(answer).collect()
}
