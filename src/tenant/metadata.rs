//! The metadata of one Kaa endpoint: key-value pairs that it can read and write (RFC 10/EPMP).
//!
//! Values stay the text they came as. Not here: whether a request is well-formed (`kaa`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::problem::Problem;

/// The metadata of one endpoint would exceed [`Metadata::LIMIT`].
pub const TOO_LARGE: Problem = Problem::new("metadata-too-large", 413, "Metadata is too large");

/// A key that the endpoint does not have.
pub const ABSENT_KEY: Problem = Problem::new("absent-key", 404, "No such key");

/// Keys and their values, each the JSON text it came as.
pub type Values = BTreeMap<String, Box<RawValue>>;

/// Keys and values of one endpoint.
#[derive(Debug, Default)]
pub struct Metadata(Values);

impl Metadata {
    /// Most bytes of keys and values together.
    pub const LIMIT: usize = 64 << 10;

    /// Whether all of these keys exist.
    pub fn has_all(&self, keys: &[String]) -> bool {
        keys.iter().all(|key| self.0.contains_key(key))
    }

    /// Appends the pairs of these keys, or of all that are not hidden, as an object; keys that do
    /// not exist are left out.
    pub fn write(&self, keys: Option<&[String]>, hidden: &BTreeSet<String>, out: &mut Vec<u8>) {
        let Some(keys) = keys else {
            let shown = self.0.iter().filter(|(key, _)| !hidden.contains(*key));
            return write_object(shown.map(|(key, value)| (key.as_str(), &**value)), out);
        };
        let pairs = keys.iter().filter_map(|key| self.0.get_key_value(key));
        write_object(pairs.map(|(key, value)| (key.as_str(), &**value)), out);
    }

    /// Appends the names of all keys that are not hidden as an array.
    pub fn write_keys(&self, hidden: &BTreeSet<String>, out: &mut Vec<u8>) {
        write_keys(self.0.keys().filter(|key| !hidden.contains(*key)), out);
    }

    /// These pairs instead of all there are.
    ///
    /// # Errors
    /// [`TOO_LARGE`]; then nothing is changed.
    pub fn replace(&mut self, values: Values) -> Result<(), Problem> {
        let sizes = values.iter().map(|(key, value)| size(key, value));
        if sizes.sum::<usize>() > Self::LIMIT {
            return Err(TOO_LARGE);
        }
        self.0 = values;
        Ok(())
    }

    /// These pairs in addition to, or instead of those of the same key.
    ///
    /// # Errors
    /// [`TOO_LARGE`]; then nothing is changed.
    pub fn merge(&mut self, values: Values) -> Result<(), Problem> {
        let kept = self.0.iter().filter(|(key, _)| !values.contains_key(*key));
        let sizes = kept.chain(&values).map(|(key, value)| size(key, value));
        if sizes.sum::<usize>() > Self::LIMIT {
            return Err(TOO_LARGE);
        }
        self.0.extend(values);
        Ok(())
    }

    /// Without these keys; keys that do not exist are fine.
    pub fn delete(&mut self, keys: &[String]) {
        for key in keys {
            self.0.remove(key);
        }
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

    #[test]
    fn metadata_stops_growing_at_its_limit() {
        let values = |text: &str| serde_json::from_str::<Values>(text).unwrap();
        let mut metadata = Metadata::default();
        let half = format!(r#"{{"a":"{}"}}"#, "x".repeat(Metadata::LIMIT / 2));
        let other = half.replace("\"a\"", "\"b\"");
        assert_eq!(metadata.merge(values(&half)), Ok(()));
        assert_eq!(metadata.merge(values(&half)), Ok(()));
        assert_eq!(metadata.merge(values(&other)), Err(TOO_LARGE));
        assert_eq!(metadata.replace(values(&other)), Ok(()));
        let mut out = Vec::new();
        metadata.write_keys(&BTreeSet::new(), &mut out);
        assert_eq!(out, b"[\"b\"]");
    }
}
