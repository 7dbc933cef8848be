//! JSON payloads of any platform: is it JSON at all, and an object of the shape asked for?
//!
//! Strict and pure. Not here: what the fields mean (`kaa_payload`, `enapter`).

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::problem::{INVALID_FIELDS, INVALID_JSON, Problem};

/// One JSON value and nothing else (RFC 8259).
///
/// # Errors
/// [`INVALID_JSON`]
pub fn valid(payload: &[u8]) -> Result<(), Problem> {
    // Ignored strings are not checked for UTF-8 by the parser.
    let text = std::str::from_utf8(payload).map_err(|_| INVALID_JSON)?;
    match serde_json::from_str(text) {
        Ok(IgnoredAny) => Ok(()),
        Err(_) => Err(INVALID_JSON),
    }
}

/// A JSON value of this shape.
///
/// # Errors
/// [`INVALID_JSON`], or [`INVALID_FIELDS`] for JSON of another shape.
pub fn value<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(payload).map_err(|_| INVALID_JSON)?;
    // What is right is read once; only what is wrong is read again, to say why.
    serde_json::from_str(text).map_err(|_| valid(payload).err().unwrap_or(INVALID_FIELDS))
}

/// A JSON value read by something that takes any.
///
/// # Errors
/// [`INVALID_JSON`]
pub fn seeded<'a, S: DeserializeSeed<'a>>(payload: &'a [u8], seed: S) -> Result<S::Value, Problem> {
    let text = std::str::from_utf8(payload).map_err(|_| INVALID_JSON)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let found = seed.deserialize(&mut reader).map_err(|_| INVALID_JSON)?;
    reader.end().map_err(|_| INVALID_JSON)?;
    Ok(found)
}

/// A JSON object read into a struct; a derived struct alone would also take an array.
///
/// # Errors
/// As for [`value`].
pub fn object<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, Problem> {
    if payload.trim_ascii_start().first() == Some(&b'{') {
        value(payload)
    } else {
        Err(valid(payload).err().unwrap_or(INVALID_FIELDS))
    }
}

/// A JSON string, whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnyText;

impl<'de> Deserialize<'de> for AnyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Self)
    }
}

impl Visitor<'_> for AnyText {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
}

/// A JSON array of such items, of which none is kept.
#[derive(Debug)]
pub struct Each<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Each<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Self(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<T> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<T>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Point {
        x: u8,
    }

    #[test]
    fn an_object_of_the_shape_is_read() {
        assert_eq!(object(b" {\"x\":1,\"y\":2} "), Ok(Point { x: 1 }));
        assert_eq!(value(b"[1,2]"), Ok([1, 2]));
        for (payload, good) in [
            (r#"["a","\n"]"#, true),
            ("[]", true),
            ("[1]", false),
            (r#""a""#, false),
            ("null", false),
        ] {
            let read = value::<Each<AnyText>>(payload.as_bytes());
            assert_eq!(read.is_ok(), good, "{payload}");
        }
    }

    #[test]
    fn json_of_another_shape_is_told_from_what_is_no_json() {
        for other in ["[1]", "5", "null", "{}", r#"{"x":"1"}"#, r#"{"x":256}"#] {
            let read = object::<Point>(other.as_bytes());
            assert_eq!(read, Err(INVALID_FIELDS), "{other}");
        }
        // The last two have a wrong field before the text breaks off.
        let no_json: [&[u8]; 7] = [
            b"",
            b"{",
            b"[1",
            b"{\"x\":1}}",
            b"{\"y\":\"\xff\",\"x\":1}",
            b"{\"x\":\"1\"",
            b"{\"x\":[,}",
        ];
        for text in no_json {
            assert_eq!(object::<Point>(text), Err(INVALID_JSON), "{text:?}");
            assert_eq!(valid(text), Err(INVALID_JSON), "{text:?}");
        }
    }
}
