//! Reads `[fleet]`: how many endpoints, how they connect, what they know.
//!
//! Not here: reading the identities and filling in templates (the plan).

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::tree::{Node, Table, Value};
use super::super::{Connections, Fleet, Subscribe, Will, is_field_name};
use super::value::{self, Wrong};
use super::{Around, Section, reconnect};
use crate::units::Rate;

/// Names of fields that templates have anyway.
const BUILT_IN: [&str; 10] = [
    "endpoint",
    "request_id",
    "now_s",
    "now_ms",
    "now_iso8601",
    "now_iso8601_basic",
    "uuid",
    "sequence",
    "topic",
    "id",
];

/// Longest keep-alive: 16 bits of seconds (MQTT 3.1.1, 3.1.2.10).
const LONGEST_KEEP_ALIVE: Duration = Duration::from_secs(65_535);

/// The fleet; without `[fleet]`, all defaults.
pub(super) fn read(top: &Section<'_>, around: &Around<'_>) -> Fleet {
    let empty = Table::default();
    let section = top
        .section("fleet")
        .unwrap_or_else(|| Section::new(&empty, "fleet", "fleet", top.origin, top.log));
    let identities = section.read("identities", value::template);
    Fleet {
        endpoints: section
            .read("endpoints", |node| value::integer(node, 1..=10_000_000))
            .unwrap_or_default(),
        identities: identities.map(|path| around.folder.join(path).to_string_lossy().into_owned()),
        client_id: section
            .read("client_id", value::template)
            .unwrap_or_default(),
        connect_rate: section
            .read("connect_rate", value::rate)
            .unwrap_or(Rate(0.0)),
        churn_rate: section.read("churn_rate", value::rate),
        reconnect: reconnect::read(&section),
        connects_in_progress: section
            .read("connects_in_progress", |node| {
                value::integer(node, 1..=1_000_000)
            })
            .unwrap_or_default(),
        keep_alive: section.read("keep_alive", keep_alive).unwrap_or_default(),
        subscribe: section
            .read("subscribe", subscribe)
            .unwrap_or(Subscribe::None),
        subscribe_qos: section
            .read("subscribe_qos", value::qos)
            .unwrap_or_default(),
        connections: connections(&section),
        clean_start: section
            .read("clean_start", value::truth)
            .unwrap_or_default(),
        will: section.section("will").map(|will| self::will(&will)),
        vars: vars(&section),
    }
}

fn keep_alive(node: &Node) -> Result<Duration, Wrong> {
    let duration = value::duration(node, Duration::ZERO..=LONGEST_KEEP_ALIVE)?;
    if duration.subsec_nanos() == 0 {
        return Ok(duration);
    }
    Err(Wrong::new("must be whole seconds, as MQTT counts it")
        .instead(format!("\"{}s\"", duration.as_secs().max(1))))
}

fn subscribe(node: &Node) -> Result<Subscribe, Wrong> {
    match &node.value {
        Value::Array(_) => {
            let filters = value::texts(node)?;
            if filters.iter().any(String::is_empty) {
                return Err(Wrong::new("holds an empty filter").instead("\"none\" for nothing"));
            }
            Ok(Subscribe::Filters(filters))
        }
        Value::Text(text) if text.contains('/') => {
            Err(Wrong::new("takes filters as a list").instead(format!("[{text:?}]")))
        }
        _ => value::choice(node, &[("auto", true), ("none", false)]).map(|auto| {
            if auto {
                Subscribe::Auto
            } else {
                Subscribe::None
            }
        }),
    }
}

fn connections(fleet: &Section<'_>) -> Connections {
    let empty = Table::default();
    let section = fleet.section("connections").unwrap_or_else(|| {
        Section::new(
            &empty,
            "fleet.connections",
            "fleet.connections",
            fleet.origin,
            fleet.log,
        )
    });
    section.one_of(&["per_endpoint", "endpoints_per_connection"]);
    let per_endpoint = section.read("per_endpoint", |node| value::integer(node, 1..=2_u32));
    let shared = section.read("endpoints_per_connection", |node| {
        value::integer(node, 1..=1_000_000_u32)
    });
    match (per_endpoint, shared) {
        (Some(2), _) => Connections::PublisherAndSubscriber,
        (_, Some(endpoints @ 2..)) => Connections::Shared(endpoints),
        _ => Connections::One,
    }
}

fn will(section: &Section<'_>) -> Will {
    Will {
        topic: section.required("topic", value::topic).unwrap_or_default(),
        // In CONNECT the will is a field with a 16-bit length (MQTT 3.1.1, 3.1.3.3).
        payload: section.read("payload", value::template).unwrap_or_default(),
        qos: section.read("qos", value::qos).unwrap_or_default(),
        retain: section.read("retain", value::truth).unwrap_or_default(),
    }
}

pub(super) fn vars(fleet: &Section<'_>) -> BTreeMap<String, String> {
    let empty = Table::default();
    let section = fleet.section("vars").unwrap_or_else(|| {
        Section::new(&empty, "fleet.vars", "fleet.vars", fleet.origin, fleet.log)
    });
    let mut vars = BTreeMap::new();
    for entry in section.entries() {
        let name = entry.key.as_str();
        if BUILT_IN.contains(&name) {
            let wrong = Wrong::new("is a field that every template has").instead("another name");
            section.wrong_at(name, wrong);
        } else if !is_field_name(name) {
            let wrong = Wrong::new("is no name for a variable")
                .instead("lower-case letters, digits and underscores, no digit first");
            section.wrong_at(name, wrong);
        } else {
            match value::any_text(&entry.node) {
                Ok(text) => drop(vars.insert(name.to_owned(), text)),
                Err(wrong) => section.wrong_at(name, wrong),
            }
        }
    }
    vars
}
