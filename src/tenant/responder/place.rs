//! Places in JSON values by pointer (RFC 6901): read from a request, written into an answer.
//!
//! A request is read in one pass and no tree is made of it; answers are small trees. Not here: what
//! stands at a place.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::super::json;
use super::super::problem::Problem;
use super::id::Id;

/// Steps of one pointer; JSON is not read any deeper either.
const STEPS_MAX: usize = 32;
/// An array is not made longer than this by writing into it.
const ITEMS_MAX: usize = 64;

/// A parsed pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    steps: Vec<String>,
}

impl Place {
    /// `/a/b`; `~1` means `/`, `~0` means `~`.
    ///
    /// # Errors
    /// When it is no pointer, or has more steps than any sensible one.
    pub fn new(pointer: &str) -> Result<Self, String> {
        let rest = pointer
            .strip_prefix('/')
            .ok_or_else(|| format!("{pointer:?} is no JSON pointer"))?;
        let step = |step: &str| step.replace("~1", "/").replace("~0", "~");
        let steps: Vec<String> = rest.split('/').map(step).collect();
        if steps.len() > STEPS_MAX {
            return Err(format!("a JSON pointer has more than {STEPS_MAX} steps"));
        }
        Ok(Self { steps })
    }

    /// The number or text there in a payload; `None`: there is none.
    ///
    /// # Errors
    /// `INVALID_JSON`: the payload is no JSON.
    pub fn read<'p>(&self, payload: &'p [u8]) -> Result<Option<Id<'p>>, Problem> {
        json::seeded(payload, Walk(&self.steps))
    }

    /// Writes a value there. What is in the way, because nothing can be inside of it, goes.
    pub fn put(&self, into: &mut Value, value: Value) {
        let mut at = into;
        for step in &self.steps {
            let index = step.parse().ok().filter(|&index: &usize| index < ITEMS_MAX);
            let holds = matches!(at, Value::Object(_)) || at.is_array() && index.is_some();
            if !holds {
                *at = Value::Object(Map::new());
            }
            at = match at {
                Value::Array(items) => {
                    let index = index.unwrap_or_default();
                    if items.len() <= index {
                        items.resize(index + 1, Value::Null);
                    }
                    &mut items[index]
                }
                Value::Object(map) => map.entry(step.clone()).or_insert(Value::Null),
                _ => return,
            };
        }
        *at = value;
    }

    /// The place of a number or text that contains this text, if there is one.
    pub fn holding(value: &Value, text: &str) -> Option<Self> {
        let mut left = vec![(Vec::new(), value)];
        while let Some((steps, value)) = left.pop() {
            let below = |step: String| {
                let mut steps: Vec<String> = steps.clone();
                steps.push(step);
                steps
            };
            match value {
                Value::Number(number) if number.to_string() == text => return Self::of(steps),
                Value::String(found) if found == text => return Self::of(steps),
                Value::Object(map) if steps.len() < STEPS_MAX => {
                    left.extend(map.iter().map(|(name, value)| (below(name.clone()), value)));
                }
                Value::Array(items) if steps.len() < STEPS_MAX => {
                    let items = items.iter().enumerate();
                    left.extend(items.map(|(index, value)| (below(index.to_string()), value)));
                }
                _ => {}
            }
        }
        None
    }

    /// `None` for the whole value, which no pointer here means.
    fn of(steps: Vec<String>) -> Option<Self> {
        (!steps.is_empty()).then_some(Self { steps })
    }
}

/// Goes down these steps and passes over everything else. Of equal keys the last one counts.
#[derive(Clone, Copy)]
struct Walk<'s>(&'s [String]);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Option<Id<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Walk<'_> {
    /// What a number or text stands for where it is met.
    fn met<'de>(self, id: impl Into<Id<'de>>) -> Option<Id<'de>> {
        self.0.is_empty().then(|| id.into())
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Option<Id<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(self.met(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(self.met(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        let number = serde_json::Number::from_f64(number);
        Ok(number.and_then(|number| self.met(number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(self.met(text.to_owned()))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(self.met(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let (wanted, rest) = match self.0.split_first() {
            Some((step, rest)) => (index(step), rest),
            None => (None, self.0),
        };
        let mut found = None;
        for at in 0.. {
            if wanted == Some(at) {
                match items.next_element_seed(Walk(rest))? {
                    Some(value) => found = value,
                    None => break,
                }
            } else if items.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
        let step = self.0.split_first();
        let mut found = None;
        while let Some(wanted) = pairs.next_key_seed(Key(step.map(|(step, _)| step.as_str())))? {
            match step {
                Some((_, rest)) if wanted => found = pairs.next_value_seed(Walk(rest))?,
                _ => {
                    pairs.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// An index as a pointer writes it: digits without a leading zero.
fn index(step: &str) -> Option<usize> {
    let canonical = step == "0" || !step.starts_with(['0', '+']);
    step.parse().ok().filter(|_| canonical)
}

/// Whether a key is this one.
#[derive(Clone, Copy)]
struct Key<'s>(Option<&'s str>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(self.0 == Some(key))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_where_the_pointer_leads() {
        let mut value = json!({"a": 1, "list": [1]});
        for (pointer, written) in [("/b", 2), ("/a/x/y", 3), ("/list/2", 4), ("/m~1n~0", 5)] {
            Place::new(pointer).unwrap().put(&mut value, json!(written));
        }
        assert_eq!(
            value,
            json!({"a": {"x": {"y": 3}}, "b": 2, "list": [1, null, 4], "m/n~": 5})
        );
        Place::new("/list/99999999999")
            .unwrap()
            .put(&mut value, json!(1));
        assert_eq!(value["list"], json!({"99999999999": 1}));
    }

    fn read(pointer: &str, payload: &str) -> Result<Option<Value>, &'static str> {
        let found = Place::new(pointer).unwrap().read(payload.as_bytes());
        let found = found.map_err(|problem| problem.name)?;
        Ok(found.map(|id| id.to_value()))
    }

    #[test]
    fn only_numbers_and_texts_are_read() {
        let payload =
            r#" {"a": {"b": "x"}, "n": 7, "o": {}, "l": [1, [2, -3.5]], "e": "\u00e4\n"} "#;
        for (pointer, expected) in [
            ("/a/b", Some(json!("x"))),
            ("/n", Some(json!(7))),
            ("/l/0", Some(json!(1))),
            ("/l/1/1", Some(json!(-3.5))),
            ("/e", Some(json!("\u{e4}\n"))),
            ("/o", None),
            ("/none", None),
            ("/l", None),
            ("/l/2", None),
            ("/l/01", None),
            ("/n/x", None),
            ("/a/b/0", None),
        ] {
            assert_eq!(read(pointer, payload), Ok(expected), "{pointer}");
        }
        assert!(Place::new("a").is_err());
        assert!(Place::new(&"/a".repeat(33)).is_err());
    }

    #[test]
    fn what_is_no_json_is_told_from_what_has_nothing_there() {
        for broken in [
            "",
            "{",
            r#"{"a":1"#,
            r#"{"a":1}}"#,
            "nul",
            r#"{"a":1,"b":[}"#,
        ] {
            assert_eq!(read("/a", broken), Err("invalid-json"), "{broken}");
        }
        for other in ["5", "null", "true", r#""a""#, "[]", "[1,{}]", "{}"] {
            assert_eq!(read("/a", other), Ok(None), "{other}");
        }
    }

    proptest! {
        /// As the tree of the same text has it, which is how a pointer is defined.
        #[test]
        fn reading_finds_what_the_tree_has(
            payload in r#"\{("(a|b|c)":(1|"x"|null|\{"a":("y"|2|\[\])\}|\[0,\{"a":3\}\]),){0,3}"a":(4|"z"|\{"a":5\}|\[6,7\])\}"#,
            pointer in "(/(a|b|c|0|1)){1,3}",
        ) {
            let tree: Value = serde_json::from_str(&payload).unwrap();
            let there = tree.pointer(&pointer).filter(|v| v.is_number() || v.is_string());
            prop_assert_eq!(read(&pointer, &payload), Ok(there.cloned()));
        }
    }

    #[test]
    fn a_value_is_found_in_a_tree() {
        let value = json!({"a": [0, {"b/c": 77}], "t": "88"});
        for (text, pointer) in [("77", "/a/1/b~1c"), ("88", "/t")] {
            assert_eq!(Place::holding(&value, text), Place::new(pointer).ok());
        }
        assert_eq!(Place::holding(&value, "99"), None);
        assert_eq!(Place::holding(&json!(5), "5"), None);
    }
}
