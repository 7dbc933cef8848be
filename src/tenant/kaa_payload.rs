//! What the payloads of Kaa's requests have to look like, and what is taken from them.
//!
//! Strict and pure. Not here: topics and rules of the tenant (`kaa`), what is done (`thing`).

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::json::{self, AnyText, object};
use super::problem::{INVALID_FIELDS, Problem};
use super::watch::Observe;

/// Neither a number nor a number and a unit.
pub const INVALID_VALUE: Problem = Problem::new(
    "invalid-value",
    400,
    "Payload is not a number with an optional unit",
);
/// A key with other characters than letters, digits and the underscore.
pub const INVALID_KEY: Problem =
    Problem::new("invalid-key", 400, "Key name does not match [a-zA-Z0-9_]+");

/// `^[a-zA-Z0-9_]+$` (RFC 10/EPMP).
pub fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A number, or a number and a unit without anything between them: `200`, `47%`, `20m`.
///
/// # Errors
/// [`INVALID_VALUE`]
pub fn valid_measurement(payload: &[u8]) -> Result<(), Problem> {
    let text = std::str::from_utf8(payload).map_err(|_| INVALID_VALUE)?;
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+');
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let is_number = number.parse::<f64>().is_ok_and(f64::is_finite);
    if is_number && !unit.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Ok(())
    } else {
        Err(INVALID_VALUE)
    }
}

/// The body of a get: nothing, `{}`, or `{"keys":[..]}`. `None`: all keys.
///
/// # Errors
/// `INVALID_JSON`, [`INVALID_FIELDS`] or [`INVALID_KEY`]
pub fn wanted_keys(payload: &[u8]) -> Result<Option<Vec<String>>, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        keys: Option<Vec<String>>,
    }
    if payload.is_empty() {
        return Ok(None);
    }
    let wanted: Wanted = object(payload)?;
    if wanted.keys.iter().flatten().any(|key| !is_key(key)) {
        return Err(INVALID_KEY);
    }
    Ok(wanted.keys)
}

/// The body of a request for commands: `{}` or `{"observe":true|false}` (RFC 11/CEP).
///
/// # Errors
/// `INVALID_JSON` or [`INVALID_FIELDS`]
pub fn observe(payload: &[u8]) -> Result<Observe, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[serde(default = "unsaid", deserialize_with = "said")]
        observe: Observe,
    }
    object::<Body>(payload).map(|body| body.observe)
}

fn unsaid() -> Observe {
    Observe::Unsaid
}

/// A text or null, borrowed where it can be.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    Ok(Option::deserialize(deserializer)?.map(|Text(text)| text))
}

/// True or false, and not null.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Observe, D::Error> {
    let said = bool::deserialize(deserializer)?;
    Ok(if said { Observe::Begin } else { Observe::End })
}

/// A request that has no payload.
///
/// # Errors
/// [`INVALID_FIELDS`]
pub fn nothing(payload: &[u8]) -> Result<(), Problem> {
    if payload.is_empty() {
        Ok(())
    } else {
        Err(INVALID_FIELDS)
    }
}

/// One command's result: its id and HTTP-like status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandResult {
    /// Unique within endpoint and command type.
    pub id: u64,
    /// 2xx: done.
    pub status: u16,
}

/// The results of commands: an array, one or more (RFC 11/CEP).
///
/// # Errors
/// `INVALID_JSON` or [`INVALID_FIELDS`]
pub fn command_results(payload: &[u8]) -> Result<Vec<CommandResult>, Problem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Item {
        id: u64,
        status_code: u16,
        #[serde(rename = "reasonPhrase")]
        _reason: Option<AnyText>,
    }
    let items: Vec<&RawValue> = json::value(payload)?;
    if items.is_empty() {
        return Err(INVALID_FIELDS);
    }
    let results = items.iter().map(|item| {
        let item: Item = object(item.get().as_bytes())?;
        Ok(CommandResult {
            id: item.id,
            status: item.status_code,
        })
    });
    results.collect()
}

/// The body of a request for the configuration: nothing, or an object that may name the one
/// the endpoint has, and say whether it wants to be told of others.
///
/// # Errors
/// `INVALID_JSON` or [`INVALID_FIELDS`]
pub fn known_config(payload: &[u8]) -> Result<(Option<Cow<'_, str>>, Observe), Problem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Known<'a> {
        #[serde(default, borrow, deserialize_with = "text")]
        config_id: Option<Cow<'a, str>>,
        #[serde(default = "unsaid", deserialize_with = "said")]
        observe: Observe,
    }
    if payload.is_empty() {
        return Ok((None, Observe::Unsaid));
    }
    let known: Known = object(payload)?;
    Ok((known.config_id, known.observe))
}

/// What an endpoint says about a configuration: its id, and a status code that is 200 if absent.
///
/// # Errors
/// `INVALID_JSON` or [`INVALID_FIELDS`]
pub fn applied_config(payload: &[u8]) -> Result<(Cow<'_, str>, u16), Problem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Applied<'a> {
        #[serde(borrow)]
        config_id: Cow<'a, str>,
        status_code: Option<u16>,
        #[serde(rename = "reasonPhrase")]
        _reason: Option<AnyText>,
    }
    let applied: Applied = object(payload)?;
    Ok((applied.config_id, applied.status_code.unwrap_or(200)))
}
