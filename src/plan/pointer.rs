//! Values out of a JSON text, by pointer (RFC 6901).
//!
//! Descends along all pointers at once and skips everything else; no tree is built and values are
//! borrowed as they were written. Texts that are not JSON, to the last byte, hold nothing. The parser allocates
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
        let [found] = find_all([Some(self)], json);
        found
    }
}

/// The values of several pointers, each as [`Pointer::find`] has it, in one pass.
pub(crate) fn find_all<'a, const N: usize>(
    pointers: [Option<&Pointer>; N],
    json: &'a [u8],
) -> [Option<&'a str>; N] {
    let steps = pointers.map(|pointer| pointer.map(|pointer| &*pointer.steps));
    if json.is_empty() || steps.iter().all(Option::is_none) {
        return [None; N];
    }
    // Checked as a whole, once, and not again for every key.
    let text = std::str::from_utf8(json);
    if let Ok(text) = text
        && let Some(found) = descend(steps, serde_json::Deserializer::from_str(text))
    {
        return found.map(|raw| raw.map(RawValue::get));
    }
    if N == 1 && text.is_ok() {
        return [None; N];
    }
    // The parser is stricter with what it descends into than with what it skips: one pointer must
    // not cost another one its value.
    steps.map(|steps| {
        let parser = serde_json::Deserializer::from_slice(json);
        let [found] = descend([Some(steps?)], parser)?;
        found.map(RawValue::get)
    })
}

/// `None` when the text is not JSON.
fn descend<'a, const N: usize, R: serde_json::de::Read<'a>>(
    steps: [Option<&[Step]>; N],
    mut parser: serde_json::Deserializer<R>,
) -> Option<[Option<&'a RawValue>; N]> {
    let mut found = [None; N];
    let descend = Descend {
        steps,
        found: &mut found,
    };
    descend.deserialize(&mut parser).ok()?;
    parser.end().ok()?;
    Some(found)
}

/// A raw JSON value without the quotes of a string. Escapes stay as written.
pub(crate) fn unquoted(raw: &str) -> &str {
    raw.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(raw)
}

/// What is left of each pointer that leads into the value at hand.
struct Descend<'p, 'f, 'de, const N: usize> {
    steps: [Option<&'p [Step]>; N],
    found: &'f mut [Option<&'de RawValue>; N],
}

impl<'p, const N: usize> Descend<'p, '_, '_, N> {
    /// The pointers that go on through what `leads` says, unless they were found before; nothing
    /// when there are none.
    fn next(&self, leads: impl Fn(&Step) -> bool) -> Option<[Option<&'p [Step]>; N]> {
        let next = std::array::from_fn(|index| {
            let (step, rest) = self.steps[index]?.split_first()?;
            (leads(step) && self.found[index].is_none()).then_some(rest)
        });
        next.iter().any(Option::is_some).then_some(next)
    }
}

impl<'de, const N: usize> DeserializeSeed<'de> for Descend<'_, '_, 'de, N> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        let mut steps = self.steps.iter().flatten();
        if steps.all(|steps| !steps.is_empty()) {
            return parser.deserialize_any(self);
        }
        let raw = <&RawValue>::deserialize(parser)?;
        for (steps, found) in self.steps.into_iter().zip(self.found) {
            *found = match steps {
                None => *found,
                Some([]) => Some(raw),
                // Another pointer leads further into the value of this one.
                steps => {
                    let parser = serde_json::Deserializer::from_str(raw.get());
                    descend([steps], parser).and_then(|[found]| found)
                }
            };
        }
        Ok(())
    }
}

impl<'de, const N: usize> Visitor<'de> for Descend<'_, '_, 'de, N> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(next) = map.next_key_seed(Lead(&self))? {
            if let Some(steps) = next {
                let found = &mut *self.found;
                map.next_value_seed(Descend { steps, found })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        for index in 0_usize.. {
            let more = if let Some(steps) = self.next(|step| step.index == Some(index)) {
                let found = &mut *self.found;
                list.next_element_seed(Descend { steps, found })?.is_some()
            } else {
                list.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Where a key leads to; it is compared where it stands.
struct Lead<'l, 'p, 'f, 'de, const N: usize>(&'l Descend<'p, 'f, 'de, N>);

impl<'p, 'de, const N: usize> DeserializeSeed<'de> for Lead<'_, 'p, '_, '_, N> {
    type Value = Option<[Option<&'p [Step]>; N]>;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Self::Value, D::Error> {
        parser.deserialize_str(self)
    }
}

impl<'p, const N: usize> Visitor<'_> for Lead<'_, 'p, '_, '_, N> {
    type Value = Option<[Option<&'p [Step]>; N]>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.next(|step| *step.name == *key))
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

    /// A value, and texts that may stand in the place of one.
    fn json() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "1",
            "1",
            "1",
            "null",
            "\"a\"",
            "{}",
            "[]",
            "1e999",
            r#"{"\ud800":1}"#,
            "{",
            "\"\u{1}\"",
        ])
        .prop_map(str::to_owned);
        leaf.prop_recursive(3, 12, 3, |inner| {
            let key = prop_oneof![Just("a"), Just("b"), Just("0"), Just(r"\u0061")];
            let pair = (key, inner.clone()).prop_map(|(key, value)| format!("\"{key}\":{value}"));
            prop_oneof![
                prop::collection::vec(pair, 0..4).prop_map(|all| format!("{{{}}}", all.join(","))),
                prop::collection::vec(inner, 0..3).prop_map(|all| format!("[{}]", all.join(" ,"))),
            ]
        })
    }

    proptest! {
        /// Sound texts, broken ones, keys that are there twice, pointers into each other's values.
        #[test]
        fn several_pointers_find_what_each_finds_alone(
            json in json(),
            pointers in prop::array::uniform4(prop::option::of("(/[ab01]){0,3}")),
            broken: bool,
        ) {
            let mut json = json.into_bytes();
            // A byte that is no text.
            if let (Some(last), true) = (json.iter().rposition(|byte| *byte == b'a'), broken) {
                json[last] = 0xFF;
            }
            let pointers = pointers.map(|text| text.and_then(|text| Pointer::parse(&text)));
            let found = find_all(pointers.each_ref().map(Option::as_ref), &json);
            let alone = pointers.each_ref().map(|p| p.as_ref().and_then(|p| p.find(&json)));
            prop_assert_eq!(found, alone);
        }

        #[test]
        fn what_is_found_is_what_the_whole_text_holds(json in json(), pointer in "(/[ab01]){0,3}") {
            // The last of equal keys stays in a tree, the first one is found here.
            if let Ok(tree) = serde_json::from_str::<serde_json::Value>(&json)
                && tree.to_string().len() == json.replace([' '], "").replace(r"\u0061", "a").len()
            {
                let found = find(&pointer, &json).map(|raw| serde_json::from_str::<serde_json::Value>(&raw).expect("a value"));
                prop_assert_eq!(found.as_ref(), tree.pointer(&pointer));
            }
        }

        #[test]
        fn any_bytes_are_searched_without_panic(bytes: Vec<u8>) {
            let pointer = Pointer::parse("/a/0").expect("a pointer");
            let found = pointer.find(&bytes);
            prop_assert!(found.is_none() || serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
        }
    }
}
