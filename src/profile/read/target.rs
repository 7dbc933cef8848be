//! Reads `[target]`: addresses, MQTT version, credentials by reference.
//!
//! Not here: resolving a secret or a host name, which happens when the run begins.

use super::super::tree::Node;
use super::super::{Protocol, Secret, Sources, Target, Url};
use super::Section;
use super::value::{self, Wrong};
use super::{tls, websocket};
use crate::profile::tree::Value;

/// The target; without `[target]`, the simulated tenant.
pub(super) fn read(top: &Section<'_>) -> Target {
    let empty = super::Table::default();
    let section = top
        .section("target")
        .unwrap_or_else(|| Section::new(&empty, "target", "target", top.origin, top.log));
    let username = section.read("username", value::template);
    let password = section.read("password", secret);
    // MQTT 3.1.1, 3.1.2.9: a password needs a user name.
    if section.has("password") && !section.has("username") {
        let wrong = Wrong::new("needs a user name beside it").instead("username = \"...\" too");
        section.wrong_at("password", wrong);
    }
    let urls = section.read("url", urls);
    let known = urls.as_deref().or((!section.has("url")).then_some(&[]));
    let tls = tls::read(&section, known);
    let headers = websocket::read(&section, known);
    Target {
        urls: urls.unwrap_or_default(),
        tls,
        headers,
        protocol: section.read("protocol", protocol).unwrap_or(Protocol::V311),
        username,
        password,
        bind: section.read("bind", bind).unwrap_or_default(),
        connect_timeout: section
            .read("connect_timeout", |node| {
                value::duration(node, value::ABOVE_ZERO..=value::HOUR)
            })
            .unwrap_or_default(),
    }
}

fn urls(node: &Node) -> Result<Vec<Url>, Wrong> {
    match &node.value {
        Value::Array(items) if items.is_empty() => {
            Err(Wrong::new("is an empty list").instead("a url, or leave it out"))
        }
        Value::Array(items) => items.iter().map(value::unit).collect(),
        Value::Text(_) => Ok(vec![value::unit(node)?]),
        _ => Err(value::mismatch(node, "a url or a list of them")),
    }
}

fn bind(node: &Node) -> Result<Sources, Wrong> {
    let items = match &node.value {
        Value::Array(items) if items.is_empty() => {
            return Err(Wrong::new("is an empty list").instead("an address, or leave it out"));
        }
        Value::Array(items) => items,
        _ => std::slice::from_ref(node),
    };
    let mut sources = Sources::default();
    for item in items {
        sources.add(&value::text(item)?)?;
    }
    Ok(sources)
}

fn protocol(node: &Node) -> Result<Protocol, Wrong> {
    match value::any_text(node)?.as_str() {
        "3.1.1" => Ok(Protocol::V311),
        "5" | "5.0" => Err(Wrong::new("\"5\" is not supported yet").instead("\"3.1.1\"")),
        _ => Err(Wrong::new("is no version of MQTT that midge speaks").instead("\"3.1.1\"")),
    }
}

/// A reference. The value itself is never repeated: it may be a password after all.
pub(super) fn secret(node: &Node) -> Result<Secret, Wrong> {
    let by_reference = || {
        Wrong::new("must not be written into a profile")
            .instead("\"env:NAME\" or \"file:PATH\"")
            .label("only by reference")
    };
    let text = value::text(node).map_err(|_| by_reference())?;
    let named = |name: &str| !name.is_empty() && !name.contains(['=', '\0']);
    match text.split_once(':') {
        Some(("env", name)) if named(name) => Ok(Secret::Environment(name.to_owned())),
        Some(("file", path)) if !path.is_empty() => Ok(Secret::File(path.to_owned())),
        _ => Err(by_reference()),
    }
}
