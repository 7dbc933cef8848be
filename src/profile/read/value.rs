//! Single values: text, numbers, quantities, choices, names, templates, pointers.
//!
//! Each function takes a node and gives the value or says what is wrong with it. Not here: which
//! key wants which of them.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::super::error::{Place, ProfileError};
use super::super::origin::{Origin, shortened};
use super::super::tree::{Node, Value};
use crate::nearest::nearest;
use crate::units::{Rate, Span, UnitError};

/// Longest name of a profile, a request or an inbound message.
pub(super) const LONGEST_NAME: usize = 64;

/// Longest text in an MQTT packet (MQTT 3.1.1, 1.5.3).
const LONGEST_TEXT: usize = 65_535;

/// Largest payload.
pub(super) const LARGEST_PAYLOAD: u64 = 16 << 20;

/// What is wrong with a value, still without its key and place.
#[derive(Debug)]
pub(in crate::profile) struct Wrong {
    problem: String,
    instead: Option<String>,
    label: Option<String>,
}

impl Wrong {
    /// `problem` continues a sentence that begins with the key.
    pub(in crate::profile) fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            instead: None,
            label: None,
        }
    }

    /// What to write instead.
    pub(in crate::profile) fn instead(mut self, instead: impl Into<String>) -> Self {
        self.instead = Some(instead.into());
        self
    }

    /// What to say beneath the marked text.
    pub(in crate::profile) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The error about a key.
    pub(in crate::profile) fn about(self, key: &str) -> ProfileError {
        ProfileError {
            message: format!("{key} {}", self.problem),
            place: Place::Nowhere,
            label: self.label,
            help: self.instead.map(|instead| format!("write {instead}")),
        }
    }
}

impl From<UnitError> for Wrong {
    fn from(error: UnitError) -> Self {
        Self::new(format!("is wrong: {}", error.problem)).instead(error.instead)
    }
}

/// Text. An override need not be quoted: there, numbers are text too.
pub(super) fn text(node: &Node) -> Result<String, Wrong> {
    match (&node.value, &node.origin) {
        (Value::Text(text), _) => Ok(text.clone()),
        (Value::Table(_) | Value::Array(_), _) => Err(mismatch(node, "text")),
        (_, Origin::Set(set)) => Ok(set.value.trim().to_owned()),
        (value, _) => {
            let written = plain(value).unwrap_or_default();
            Err(mismatch(node, "text").instead(format!("\"{written}\" in quotes")))
        }
    }
}

/// Text, or a number or truth value as text.
pub(super) fn any_text(node: &Node) -> Result<String, Wrong> {
    match &node.value {
        Value::Text(text) => Ok(text.clone()),
        value => plain(value).ok_or_else(|| mismatch(node, "text, a number, true or false")),
    }
}

/// A number or truth value as it would be written.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// The value is of another type.
pub(super) fn mismatch(node: &Node, wanted: &str) -> Wrong {
    let kind = node.value.kind();
    Wrong::new(format!("must be {wanted}, but is {kind}")).label(format!("this is {kind}"))
}

/// A rate, a duration, a size, a share, a delay or a URL, from its text.
pub(super) fn unit<T>(node: &Node) -> Result<T, Wrong>
where
    T: FromStr<Err = UnitError>,
{
    match &node.value {
        Value::Text(text) => Ok(text.parse()?),
        Value::Integer(_) | Value::Float(_) => {
            let number = plain(&node.value).unwrap_or_default();
            // The parser says which unit a bare number lacks.
            Ok(number.parse()?)
        }
        _ => Err(mismatch(node, "a quantity in quotes")),
    }
}

/// A rate that is not zero.
pub(super) fn rate(node: &Node) -> Result<Rate, Wrong> {
    match unit(node)? {
        Rate(zero) if zero <= 0.0 => Err(Wrong::new("must be above 0").instead("\"1/s\" or more")),
        rate => Ok(rate),
    }
}

/// A duration within bounds.
pub(super) fn duration(node: &Node, bounds: RangeInclusive<Duration>) -> Result<Duration, Wrong> {
    let Span(duration) = unit(node)?;
    let (low, high) = (Span(*bounds.start()), Span(*bounds.end()));
    if bounds.contains(&duration) {
        return Ok(duration);
    }
    let rule = if low.0 == Duration::from_nanos(1) {
        format!("above 0 and at most \"{high}\"")
    } else {
        format!("from \"{low}\" to \"{high}\"")
    };
    let found = Span(duration);
    Err(Wrong::new(format!("is out of range: {found}")).instead(format!("a duration {rule}")))
}

/// The shortest duration that is not zero.
pub(super) const ABOVE_ZERO: Duration = Duration::from_nanos(1);

/// An hour.
pub(super) const HOUR: Duration = Duration::from_hours(1);

/// Thirty days.
pub(super) const MONTH: Duration = Duration::from_hours(720);

/// A whole number within bounds.
pub(super) fn integer<T>(node: &Node, bounds: RangeInclusive<T>) -> Result<T, Wrong>
where
    T: Copy + Into<i128> + TryFrom<i128> + PartialOrd + Display,
{
    let found = match (&node.value, &node.origin) {
        (Value::Integer(number), _) => *number,
        // 1_000 and 1000.0 on the command line are one word to most people.
        (Value::Float(number), Origin::Set(_)) if number.fract() == 0.0 && number.abs() < 1e15 => {
            *number as i128
        }
        _ => return Err(mismatch(node, "a whole number")),
    };
    let (low, high) = (*bounds.start(), *bounds.end());
    let within = T::try_from(found)
        .ok()
        .filter(|number| bounds.contains(number));
    within.ok_or_else(|| {
        Wrong::new(format!("is out of range: {found}"))
            .instead(format!("a whole number from {low} to {high}"))
    })
}

/// A whole number for the seed: also as text, because `run.json` has it so.
pub(super) fn seed(node: &Node) -> Result<u64, Wrong> {
    match &node.value {
        Value::Text(text) => text.parse().map_err(|_| {
            Wrong::new("must be a whole number").instead(format!("a number from 0 to {}", u64::MAX))
        }),
        _ => integer(node, 0..=u64::MAX),
    }
}

/// A finite number.
pub(super) fn number(node: &Node) -> Result<f64, Wrong> {
    match node.value {
        Value::Integer(number) => Ok(number as f64),
        Value::Float(number) => Ok(number),
        _ => Err(mismatch(node, "a number")),
    }
}

/// True or false.
pub(super) fn truth(node: &Node) -> Result<bool, Wrong> {
    match node.value {
        Value::Boolean(yes) => Ok(yes),
        _ => Err(mismatch(node, "true or false").instead("true or false without quotes")),
    }
}

/// One of a few words.
pub(super) fn choice<T: Copy>(node: &Node, words: &[(&str, T)]) -> Result<T, Wrong> {
    let found = text(node)?;
    if let Some((_, meant)) = words.iter().find(|(word, _)| *word == found) {
        return Ok(*meant);
    }
    let known: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
    let near = nearest(&found, words.iter().map(|(word, _)| *word));
    let instead = near.map_or_else(|| known.join(" or "), |near| format!("{near:?}"));
    let problem = format!("cannot be {:?}", shortened(&found));
    Err(Wrong::new(problem).instead(instead))
}

/// The elements of a list.
pub(super) fn list(node: &Node) -> Result<&[Node], Wrong> {
    match &node.value {
        Value::Array(items) => Ok(items),
        _ => Err(mismatch(node, "a list")),
    }
}

/// A list of texts.
pub(super) fn texts(node: &Node) -> Result<Vec<String>, Wrong> {
    list(node)?.iter().map(text).collect()
}

/// A text or a list of texts; numbers and truth values count as text.
pub(super) fn one_or_more(node: &Node) -> Result<Vec<String>, Wrong> {
    match &node.value {
        Value::Array(items) => items.iter().map(any_text).collect(),
        _ => Ok(vec![any_text(node)?]),
    }
}

/// Two finite numbers.
pub(super) fn pair(node: &Node) -> Result<(f64, f64), Wrong> {
    match list(node)? {
        [first, second] => Ok((number(first)?, number(second)?)),
        items => {
            let problem = format!("must hold two numbers, not {}", items.len());
            Err(Wrong::new(problem).instead("[1.0, 2.0]"))
        }
    }
}

/// A name for folders, rows and `--set`.
pub(super) fn name(node: &Node) -> Result<String, Wrong> {
    let name = text(node)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(plain) {
        return Ok(name);
    }
    let found = shortened(&name);
    Err(Wrong::new(format!("cannot be {found:?}"))
        .instead("1 to 64 lower-case letters, digits and hyphens"))
}

/// Any template: text without what MQTT forbids in text (MQTT 3.1.1, 1.5.3).
pub(super) fn template(node: &Node) -> Result<String, Wrong> {
    let text = text(node)?;
    if text.contains('\0') {
        return Err(Wrong::new("holds the character U+0000, which MQTT forbids"));
    }
    if text.len() > LONGEST_TEXT {
        return Err(Wrong::new(format!("is {} bytes long", text.len()))
            .instead(format!("at most {LONGEST_TEXT} bytes")));
    }
    Ok(text)
}

/// A topic to publish to: not empty, no wildcards (MQTT 3.1.1, 4.7).
pub(super) fn topic(node: &Node) -> Result<String, Wrong> {
    let topic = template(node)?;
    if topic.is_empty() {
        return Err(Wrong::new("is empty").instead("a topic such as \"devices/{endpoint}/data\""));
    }
    let mut depth = 0_usize;
    for c in topic.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '+' | '#' if depth == 0 => {
                let problem = format!("holds the wildcard {c:?}, but a message has one topic");
                return Err(Wrong::new(problem).instead("a field in braces, such as {endpoint}"));
            }
            _ => {}
        }
    }
    Ok(topic)
}

/// The template of a payload.
pub(super) fn payload(node: &Node) -> Result<String, Wrong> {
    let text = text(node)?;
    if text.len() as u64 > LARGEST_PAYLOAD {
        return Err(Wrong::new("is larger than 16 MiB"));
    }
    Ok(text)
}

/// The template of a payload that is one JSON value whatever its fields are.
pub(super) fn json_payload(node: &Node) -> Result<String, Wrong> {
    let template = payload(node)?;
    // A digit is JSON wherever a field may stand: as a value, and inside of a text.
    let example = super::super::field::filled(&template, "1");
    match serde_json::from_str::<serde::de::IgnoredAny>(&example) {
        Ok(_) => Ok(template),
        Err(error) => Err(Wrong::new(format!("is no JSON: {error}"))
            .instead("one JSON value, such as '{\"state\":{}}'")),
    }
}

/// A JSON pointer (RFC 6901).
pub(super) fn pointer(node: &Node) -> Result<String, Wrong> {
    let pointer = text(node)?;
    let escapes = pointer
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    if pointer.starts_with('/') && escapes {
        return Ok(pointer);
    }
    let bare = shortened(pointer.trim_start_matches("$.")).replace('.', "/");
    Err(
        Wrong::new(format!("is no JSON pointer: {:?}", shortened(&pointer)))
            .instead(format!("a pointer such as \"/{bare}\"")),
    )
}

/// `QoS` 0 to 2.
pub(super) fn qos(node: &Node) -> Result<u8, Wrong> {
    integer(node, 0..=2)
}

/// A format that is not 1.
pub(super) fn format(node: &Node) -> Wrong {
    let found = any_text(node).unwrap_or_else(|_| node.value.kind().to_owned());
    Wrong::new(format!(
        "is {}, but this midge reads format 1",
        shortened(&found)
    ))
    .instead("format = 1")
}
