//! Places in JSON values by pointer (RFC 6901): read from a request, written into an answer.
//!
//! Works on small trees. Not here: what stands at a place.

use serde_json::{Map, Value};

/// Steps of one pointer; JSON is not read any deeper either.
const STEPS_MAX: usize = 32;
/// An array is not made longer than this by writing into it.
const ITEMS_MAX: usize = 64;

/// A parsed pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    text: String,
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
        Ok(Self {
            text: pointer.to_owned(),
            steps,
        })
    }

    /// The number or text there.
    pub fn scalar<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        value
            .pointer(&self.text)
            .filter(|found| found.is_number() || found.is_string())
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
        let escaped = steps
            .iter()
            .map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")));
        let text: String = escaped.collect();
        (!steps.is_empty()).then_some(Self { text, steps })
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn only_numbers_and_texts_are_read() {
        let value = json!({"a": {"b": "x"}, "n": 7, "o": {}});
        let read = |pointer: &str| Place::new(pointer).unwrap().scalar(&value).cloned();
        assert_eq!(read("/a/b"), Some(json!("x")));
        assert_eq!(read("/n"), Some(json!(7)));
        assert_eq!(read("/o"), None);
        assert_eq!(read("/none"), None);
        assert!(Place::new("a").is_err());
        assert!(Place::new(&"/a".repeat(33)).is_err());
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
