//! The metadata of one Kaa endpoint: key-value pairs that it can read and write (RFC 10/EPMP).
//!
//! Values stay the text they came as. Not here: whether a request is well-formed (`kaa`).

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::problem::Problem;

/// The metadata of one endpoint would exceed [`Metadata::LIMIT`].
pub const TOO_LARGE: Problem = Problem::new("metadata-too-large", 413, "Metadata is too large");

/// What a well-formed request asks for.
#[derive(Debug)]
pub enum Action {
    /// Nothing that this tenant would keep.
    Accept,
    /// The pairs of these keys, or all; keys that do not exist are left out.
    Get(Option<Vec<String>>),
    /// The names of all keys.
    Keys,
    /// These pairs instead of all there are.
    Replace(BTreeMap<String, Box<RawValue>>),
    /// These pairs in addition to, or instead of those of the same key.
    Merge(BTreeMap<String, Box<RawValue>>),
    /// Without these keys; keys that do not exist are fine.
    Delete(Vec<String>),
}

/// Keys and values of one endpoint.
#[derive(Debug, Default)]
pub struct Metadata(BTreeMap<String, Box<RawValue>>);

impl Metadata {
    /// Most bytes of keys and values together.
    pub const LIMIT: usize = 64 << 10;

    /// Does what is asked and appends the reply's payload to `out`.
    ///
    /// # Errors
    /// [`TOO_LARGE`]; then nothing is changed.
    pub fn perform(&mut self, action: Action, out: &mut Vec<u8>) -> Result<(), Problem> {
        match action {
            Action::Accept => {}
            Action::Get(None) => {
                write_object(
                    self.0.iter().map(|(key, value)| (key.as_str(), &**value)),
                    out,
                );
            }
            Action::Get(Some(keys)) => {
                let pair = |key: &'_ String| self.0.get_key_value(key.as_str());
                let pairs = keys.iter().filter_map(pair);
                write_object(pairs.map(|(key, value)| (key.as_str(), &**value)), out);
            }
            Action::Keys => write_keys(self.0.keys(), out),
            Action::Replace(values) => {
                let size = values
                    .iter()
                    .map(|(key, value)| size(key, value))
                    .sum::<usize>();
                if size > Self::LIMIT {
                    return Err(TOO_LARGE);
                }
                self.0 = values;
            }
            Action::Merge(values) => {
                let kept = self.0.iter().filter(|(key, _)| !values.contains_key(*key));
                if kept
                    .chain(&values)
                    .map(|(key, value)| size(key, value))
                    .sum::<usize>()
                    > Self::LIMIT
                {
                    return Err(TOO_LARGE);
                }
                self.0.extend(values);
            }
            Action::Delete(keys) => {
                for key in &keys {
                    self.0.remove(key);
                }
            }
        }
        Ok(())
    }
}

fn size(key: &str, value: &RawValue) -> usize {
    key.len() + value.get().len()
}

/// Keys are letters, digits and underscores: nothing to escape.
fn write_key(key: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(key.as_bytes());
    out.push(b'"');
}

fn write_object<'a>(pairs: impl Iterator<Item = (&'a str, &'a RawValue)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (position, (key, value)) in pairs.enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_key(key, out);
        out.push(b':');
        out.extend_from_slice(value.get().as_bytes());
    }
    out.push(b'}');
}

fn write_keys<'a>(keys: impl Iterator<Item = &'a String>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (position, key) in keys.enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_key(key, out);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> BTreeMap<String, Box<RawValue>> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn metadata_stops_growing_at_its_limit() {
        let mut metadata = Metadata::default();
        let half = format!(r#"{{"a":"{}"}}"#, "x".repeat(Metadata::LIMIT / 2));
        let other = half.replace("\"a\"", "\"b\"");
        let mut out = Vec::new();
        assert_eq!(
            metadata.perform(Action::Merge(values(&half)), &mut out),
            Ok(())
        );
        assert_eq!(
            metadata.perform(Action::Merge(values(&half)), &mut out),
            Ok(())
        );
        assert_eq!(
            metadata.perform(Action::Merge(values(&other)), &mut out),
            Err(TOO_LARGE)
        );
        assert_eq!(
            metadata.perform(Action::Replace(values(&other)), &mut out),
            Ok(())
        );
        assert_eq!(metadata.perform(Action::Keys, &mut out), Ok(()));
        assert_eq!(out, b"[\"b\"]");
    }
}
