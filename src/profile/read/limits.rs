//! Reads `[limits]`, `[tenant]` and `[thresholds]`.
//!
//! The tenant's flags and the conditions stay text: the tenant and the verdict read them again.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::super::keys;
use super::super::tree::{Node, Table, Value};
use super::super::{Delay, Limits};
use super::Section;
use super::value::{self, Wrong};
use crate::units::{Bytes, Rate, Share, Span};

/// The limits; without `[limits]`, all defaults.
pub(super) fn read(top: &Section<'_>) -> Limits {
    let empty = Table::default();
    let section = top
        .section("limits")
        .unwrap_or_else(|| Section::new(&empty, "limits", "limits", top.origin, top.log));
    Limits {
        messages_per_s: section
            .read("messages_per_s", messages)
            .unwrap_or(Rate(0.0)),
        buffer_per_connection: section
            .read("buffer_per_connection", |node| size(node, 1 << 10, 1 << 30))
            .unwrap_or_default(),
        // MQTT allows 256 MiB less one byte plus the header (MQTT 3.1.1, 2.2.3).
        packet_size: section
            .read("packet_size", |node| size(node, 128, 256 << 20))
            .unwrap_or_default(),
        in_flight: section
            .read("in_flight", |node| value::integer(node, 1..=100_000_000))
            .unwrap_or_default(),
    }
}

/// The key says "per second", so a bare number is a rate too.
fn messages(node: &Node) -> Result<Rate, Wrong> {
    let rate = match node.value {
        Value::Integer(_) | Value::Float(_) => Rate(value::number(node)?),
        _ => value::unit(node)?,
    };
    if rate.0 > 0.0 && rate.0 <= Rate::MAX.0 {
        return Ok(rate);
    }
    let problem = format!("is out of range: {}", rate.0);
    Err(Wrong::new(problem).instead("a number above 0, at most 1_000_000_000"))
}

fn size(node: &Node, least: u64, most: u64) -> Result<u64, Wrong> {
    let Bytes(size) = value::unit(node)?;
    if (least..=most).contains(&size) {
        return Ok(size);
    }
    let (found, least, most) = (Bytes(size), Bytes(least), Bytes(most));
    Err(Wrong::new(format!("is out of range: {found}"))
        .instead(format!("a size from \"{least}\" to \"{most}\"")))
}

/// Flags of the simulated tenant, with hyphens as on its command line, and their values as text.
pub(super) fn tenant(top: &Section<'_>) -> BTreeMap<String, String> {
    let mut flags = BTreeMap::new();
    let Some(section) = top.section("tenant") else {
        return flags;
    };
    for key in keys::keys_table()
        .iter()
        .filter_map(|key| key.path.strip_prefix("tenant."))
    {
        if let Some(text) = section.read(key, value::any_text) {
            flags.insert(key.replace('_', "-"), text);
        }
    }
    if section.has("service_time") {
        section.read("service_time", value::unit::<Delay>);
    }
    flags
}

/// Conditions in the order of the file.
pub(super) fn thresholds(top: &Section<'_>) -> Vec<(String, String)> {
    let Some(section) = top.section("thresholds") else {
        return Vec::new();
    };
    let mut thresholds = Vec::new();
    for entry in section.entries() {
        match condition(&entry.node) {
            Ok(condition) => thresholds.push((entry.key.clone(), condition)),
            Err(wrong) => section.wrong_at(&entry.key, wrong),
        }
    }
    thresholds
}

/// Longest first, so that `<=` is not read as `<`.
const OPERATORS: [&str; 6] = ["<=", ">=", "==", "<", ">", "="];

/// An operator and a quantity. Which unit a metric takes is decided where it is measured.
fn condition(node: &Node) -> Result<String, Wrong> {
    let examples = "a condition such as \"< 50ms\", \"< 0.1%\" or \"= 0\"";
    let text = match &node.value {
        Value::Integer(_) | Value::Float(_) => {
            let number = value::any_text(node)?;
            return Err(Wrong::new("has no operator").instead(format!("\"< {number}\"")));
        }
        _ => value::text(node)?,
    };
    let found = super::super::origin::shortened(&text);
    let operator = OPERATORS
        .into_iter()
        .find_map(|operator| text.trim().strip_prefix(operator));
    let Some(operand) = operator.map(str::trim) else {
        return Err(Wrong::new(format!("has no operator: {found:?}")).instead(examples));
    };
    let number = operand.parse::<f64>().is_ok_and(f64::is_finite);
    let read = number
        || Span::from_str(operand).is_ok()
        || Share::from_str(operand).is_ok()
        || Rate::from_str(operand).is_ok()
        || Bytes::from_str(operand).is_ok()
        || operand.replace('_', "").parse::<u64>().is_ok();
    if read {
        return Ok(text);
    }
    Err(Wrong::new(format!("compares with no quantity: {found:?}")).instead(examples))
}
