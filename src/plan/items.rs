//! The items of a pushed message.
//!
//! A push holds one item or a JSON array of them; each is borrowed as it was written. Not here:
//! what an item means, and which of them were answered before.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::profile;

/// The payload is not what the inbound definition says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payload is not a JSON array of items")]
pub struct MalformedItems;

/// Iterates over the items of one payload; ends after the first error.
#[derive(Debug, Clone)]
pub struct Items<'a> {
    rest: &'a [u8],
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    One,
    Start,
    Inside,
    End,
}

impl<'a> Items<'a> {
    /// `payload` as it came. A payload that is one item may hold anything, but an array must be one.
    pub fn new(kind: profile::Items, payload: &'a [u8]) -> Self {
        let state = match kind {
            profile::Items::One => State::One,
            profile::Items::Each => State::Start,
        };
        Self {
            rest: payload,
            state,
        }
    }

    fn step(&mut self) -> Result<Option<&'a [u8]>, MalformedItems> {
        match self.state {
            State::End => return Ok(None),
            State::One => {
                self.state = State::End;
                return Ok(Some(self.rest));
            }
            State::Start => {
                self.eat(b'[')?;
                self.state = State::Inside;
                if self.eat(b']').is_ok() {
                    return self.finish();
                }
            }
            State::Inside => {
                if self.eat(b']').is_ok() {
                    return self.finish();
                }
                self.eat(b',')?;
            }
        }
        self.rest = self.rest.trim_ascii_start();
        let mut parser = serde_json::Deserializer::from_slice(self.rest);
        let item = <&RawValue>::deserialize(&mut parser)
            .map_err(|_| MalformedItems)?
            .get();
        // The raw value begins at the first byte that is not white space, which is where `rest` is.
        self.rest = &self.rest[item.len()..];
        Ok(Some(item.as_bytes()))
    }

    fn eat(&mut self, wanted: u8) -> Result<(), MalformedItems> {
        let (first, rest) = self
            .rest
            .trim_ascii_start()
            .split_first()
            .ok_or(MalformedItems)?;
        if *first != wanted {
            return Err(MalformedItems);
        }
        self.rest = rest;
        Ok(())
    }

    fn finish(&mut self) -> Result<Option<&'a [u8]>, MalformedItems> {
        self.state = State::End;
        if self.rest.trim_ascii_start().is_empty() {
            Ok(None)
        } else {
            Err(MalformedItems)
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<&'a [u8], MalformedItems>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if matches!(step, Some(Err(_))) {
            self.state = State::End;
        }
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn each(payload: &str) -> Result<Vec<String>, MalformedItems> {
        Items::new(profile::Items::Each, payload.as_bytes())
            .map(|item| item.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
            .collect()
    }

    #[test]
    fn an_array_yields_its_items_as_written() {
        assert_eq!(
            each(" [ {\"id\":1, \"x\":[1,2]} ,2.50, \"a,]b\" ] ").expect("an array"),
            ["{\"id\":1, \"x\":[1,2]}", "2.50", "\"a,]b\""]
        );
        assert_eq!(each("[]").expect("an array"), Vec::<String>::new());
        assert_eq!(each(" [\n] ").expect("an array"), Vec::<String>::new());
    }

    #[test]
    fn one_item_is_the_payload() {
        let items: Vec<_> = Items::new(profile::Items::One, b"[1,2]").collect();
        assert_eq!(items, [Ok(&b"[1,2]"[..])]);
    }

    #[test]
    fn what_is_no_array_is_an_error_after_the_good_items() {
        for payload in [
            "", "{}", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "[1]x", "nul",
        ] {
            assert_eq!(each(payload), Err(MalformedItems), "{payload}");
        }
        let items: Vec<_> = Items::new(profile::Items::Each, b"[1,2,x").collect();
        assert_eq!(items, [Ok(&b"1"[..]), Ok(b"2"), Err(MalformedItems)]);
    }

    proptest! {
        #[test]
        fn arrays_of_anything_agree_with_a_full_parse(bytes in "[\\[\\]{},:\"a1 ]{0,24}") {
            let full = serde_json::from_str::<Vec<&RawValue>>(&bytes);
            match each(&bytes) {
                Ok(items) => prop_assert_eq!(items.len(), full.expect("items came out of it").len()),
                Err(_) => prop_assert!(full.is_err()),
            }
        }
    }
}
