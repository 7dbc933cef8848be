//! One value out of a JSON text, by pointer (RFC 6901).
//!
//! Descends along the pointer and skips everything else; no tree is built and the value is borrowed
//! as it was written. Texts that are not JSON, to the last byte, hold nothing. The parser allocates
//! only for malformed texts and to skip a value nested two levels deep or more.

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

/// A parsed JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    steps: Box<[Step]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    name: Box<str>,
    /// The name as an array index, when it is one.
    index: Option<usize>,
}

impl Pointer {
    /// `""` is the whole text; otherwise each step begins with `/`, `~1` means `/`, `~0` means `~`.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self {
                steps: Box::default(),
            });
        }
        let step = |part: &str| {
            let canonical = part == "0" || !part.starts_with(['0', '+']);
            let index = if canonical { part.parse().ok() } else { None };
            Step {
                name: part.replace("~1", "/").replace("~0", "~").into(),
                index,
            }
        };
        Some(Self {
            steps: text.strip_prefix('/')?.split('/').map(step).collect(),
        })
    }

    /// The value as written, `None` when it is not there or the text is not JSON.
    pub fn find<'a>(&self, json: &'a [u8]) -> Option<&'a str> {
        if json.is_empty() {
            return None;
        }
        let mut parser = serde_json::Deserializer::from_slice(json);
        let found = Descend(&self.steps).deserialize(&mut parser).ok()?;
        parser.end().ok()?;
        found.map(RawValue::get)
    }
}

/// A raw JSON value without the quotes of a string. Escapes stay as written.
pub(crate) fn unquoted(raw: &str) -> &str {
    raw.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(raw)
}

struct Descend<'p>(&'p [Step]);

impl<'de> DeserializeSeed<'de> for Descend<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() {
            <&RawValue>::deserialize(parser).map(Some)
        } else {
            parser.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for Descend<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some((step, rest)) = self.0.split_first() else {
            return Ok(None);
        };
        let mut found = None;
        while let Some(same) = map.next_key_seed(SameKey(&step.name))? {
            if same && found.is_none() {
                found = map.next_value_seed(Descend(rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Some((step, rest)) = self.0.split_first() else {
            return Ok(None);
        };
        let mut found = None;
        for index in 0_usize.. {
            if step.index == Some(index) {
                match list.next_element_seed(Descend(rest))? {
                    Some(value) => found = value,
                    None => break,
                }
            } else if list.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Compares a key where it stands.
struct SameKey<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for SameKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<bool, D::Error> {
        parser.deserialize_str(self)
    }
}

impl Visitor<'_> for SameKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find(pointer: &str, json: &str) -> Option<String> {
        Pointer::parse(pointer)
            .expect("a pointer")
            .find(json.as_bytes())
            .map(str::to_owned)
    }

    #[test]
    fn values_are_found_as_they_were_written() {
        let json = r#" {"a":{"b":[1, 2.50,{"c":"x\"y"}]},"":0,"m~n":{"k/l": null},"id":"7"} "#;
        assert_eq!(find("/a/b/1", json).as_deref(), Some("2.50"));
        assert_eq!(find("/a/b/2/c", json).as_deref(), Some(r#""x\"y""#));
        assert_eq!(find("/", json).as_deref(), Some("0"));
        assert_eq!(find("/m~0n/k~1l", json).as_deref(), Some("null"));
        assert_eq!(find("/id", json).as_deref(), Some("\"7\""));
        assert_eq!(find("", "[1]").as_deref(), Some("[1]"));
        assert_eq!(find("/a", r#"{"\u0061":1}"#).as_deref(), Some("1"));
    }

    #[test]
    fn absent_values_and_broken_texts_hold_nothing() {
        for (pointer, json) in [
            ("/b", r#"{"a":1}"#),
            ("/a/b", r#"{"a":1}"#),
            ("/a/01", r#"{"a":[1,2]}"#),
            ("/a/2", r#"{"a":[1,2]}"#),
            ("/a", r#"{"a":1"#),
            ("/a", r#"{"a":1} x"#),
            ("/a", ""),
            ("/a", "null"),
            ("/a", "\"a\""),
        ] {
            assert_eq!(find(pointer, json), None, "{pointer} in {json}");
        }
        assert_eq!(Pointer::parse("id"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_searched_without_panic(bytes: Vec<u8>) {
            let pointer = Pointer::parse("/a/0").expect("a pointer");
            let found = pointer.find(&bytes);
            prop_assert!(found.is_none() || serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
        }
    }
}
