//! What the tenant may push, and which answers follow.
//!
//! Not here: the topic pattern (the recogniser has it), the memory of items that were answered
//! before, and the answers themselves (requests of the plan).

use crate::plan::captures::Captures;
use crate::plan::deliveries::Delivery;
use crate::plan::items::Items;
use crate::plan::pointer::Pointer;
use crate::profile;
use crate::random::{hash, mix};

/// A kind of pushed message.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    /// `[a-z0-9-]+`, unique among inbound messages.
    pub name: String,
    /// Who hears it: every endpoint, or one caller for all of them.
    pub at: profile::Sender,
    /// One item per message, or a JSON array of items.
    pub items: profile::Items,
    /// Answer a repeated item only once.
    pub deduplicate: bool,
    /// The answers in order, as indices into the plan's requests; the last one is the final one.
    pub answers: Vec<u16>,
    /// Which request it is a delivery of, if its deliveries are accounted for.
    pub delivery: Option<Delivery>,
    /// The group of its listeners if they share a subscription.
    pub(crate) share: Option<String>,
    /// Names of the captures of its topic, in order.
    pub(crate) captures: Vec<String>,
    pub(crate) id: ItemId,
    /// Numbers of the captures that belong to an item's key.
    pub(crate) key_captures: Vec<usize>,
    /// Whether the item's ID belongs to its key.
    pub(crate) key: KeyUse,
}

/// Where the ID of an item stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ItemId {
    /// It has none.
    None,
    /// In the item.
    Payload(Pointer),
    /// It is the correlation data of its message (MQTT 5).
    CorrelationData,
}

/// Whether an item's ID tells it from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyUse {
    WithId,
    WithoutId,
}

impl Inbound {
    /// What its listeners subscribe to for this filter.
    pub(crate) fn subscription(&self, filter: String) -> String {
        match &self.share {
            Some(group) => format!("$share/{group}/{filter}"),
            None => filter,
        }
    }

    /// The items of a payload.
    pub fn items<'a>(&self, payload: &'a [u8]) -> Items<'a> {
        Items::new(self.items, payload)
    }

    /// Puts the item's ID, as written in the message, into `captures`. False when it should have
    /// one and has none, or it is too long (then the item cannot be answered).
    pub fn capture_id(
        &self,
        item: &[u8],
        correlation: Option<&[u8]>,
        captures: &mut Captures,
    ) -> bool {
        let id = match &self.id {
            ItemId::None => Some(&[][..]),
            ItemId::Payload(pointer) => pointer.find(item).map(str::as_bytes),
            ItemId::CorrelationData => correlation,
        };
        id.is_some_and(|id| captures.set_item_id(id))
    }

    /// Whether what a reply carries is no item: it should have an ID, and has none, `null` or `""`.
    /// That is how a tenant says that there is nothing to carry out.
    pub fn is_no_item(&self, item: &[u8]) -> bool {
        let has_none =
            |pointer: &Pointer| matches!(pointer.find(item), None | Some("null" | "\"\""));
        let pointed = match &self.id {
            ItemId::Payload(pointer) => Some(pointer),
            ItemId::None | ItemId::CorrelationData => None,
        };
        item.trim_ascii().is_empty() || pointed.is_some_and(has_none)
    }

    /// What tells an item from all others of this kind: a hash of the endpoint and the key fields.
    pub fn key(&self, endpoint: u32, captures: &Captures) -> u64 {
        let id = if self.key == KeyUse::WithId {
            captures.item_id()
        } else {
            &[]
        };
        let parts = self.key_captures.iter().map(|index| captures.get(*index));
        parts
            .chain(std::iter::once(id))
            .fold(mix(u64::from(endpoint)), |key, part| {
                let words = part.chunks(8).map(|chunk| {
                    let mut word = [0; 8];
                    word[..chunk.len()].copy_from_slice(chunk);
                    u64::from_le_bytes(word)
                });
                // The length ends each part, so that ("a", "bc") is not ("ab", "c").
                words
                    .chain(std::iter::once(part.len() as u64))
                    .fold(key, |key, word| hash(key, word, 0))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbound() -> Inbound {
        Inbound {
            name: "command".into(),
            at: profile::Sender::Endpoint,
            items: profile::Items::Each,
            deduplicate: true,
            answers: vec![],
            delivery: None,
            share: None,
            captures: vec!["command_type".into()],
            id: Pointer::parse("/id").map_or(ItemId::None, ItemId::Payload),
            key_captures: vec![0],
            key: KeyUse::WithId,
        }
    }

    fn key(endpoint: u32, capture: &str, item: &str) -> u64 {
        let mut captures = Captures::new();
        captures.push(capture.as_bytes());
        assert!(inbound().capture_id(item.as_bytes(), None, &mut captures));
        inbound().key(endpoint, &captures)
    }

    #[test]
    fn items_differ_by_endpoint_captures_and_id() {
        let same = key(1, "reboot", r#"{"id":17}"#);
        assert_eq!(same, key(1, "reboot", r#"{"payload":{}, "id":17}"#));
        for other in [
            key(2, "reboot", r#"{"id":17}"#),
            key(1, "reboo", r#"{"id":17}"#),
            key(1, "reboot", r#"{"id":18}"#),
            key(1, "reboot1", r#"{"id":7}"#),
            key(1, "reboot", r#"{"id":"17"}"#),
        ] {
            assert_ne!(same, other);
        }
    }

    #[test]
    fn what_has_no_id_or_an_empty_one_is_no_item() {
        for nothing in [
            "",
            " ",
            "{}",
            r#"{"id":null}"#,
            r#"{"id":"","config":null}"#,
            "7",
            "{",
        ] {
            assert!(inbound().is_no_item(nothing.as_bytes()), "{nothing}");
        }
        for item in [
            r#"{"id":0}"#,
            r#"{"id":"0"}"#,
            r#"{"id":false}"#,
            r#"{"id":" "}"#,
        ] {
            assert!(!inbound().is_no_item(item.as_bytes()), "{item}");
        }
        let any = Inbound {
            id: ItemId::None,
            ..inbound()
        };
        assert!(any.is_no_item(b"") && !any.is_no_item(b"{}"));
    }

    #[test]
    fn an_item_without_its_id_cannot_be_answered() {
        let mut captures = Captures::new();
        assert!(!inbound().capture_id(b"{}", None, &mut captures));
        let long = format!("{{\"id\":\"{}\"}}", "x".repeat(300));
        assert!(!inbound().capture_id(long.as_bytes(), None, &mut captures));
        assert!(
            Inbound {
                id: ItemId::None,
                ..inbound()
            }
            .capture_id(b"{}", None, &mut captures)
        );
    }

    #[test]
    fn correlation_data_are_an_id_that_no_item_needs() {
        let correlated = Inbound {
            id: ItemId::CorrelationData,
            ..inbound()
        };
        let mut captures = Captures::new();
        assert!(correlated.capture_id(b"{}", Some(b"c\x00d"), &mut captures));
        assert_eq!(captures.item_id(), b"c\x00d");
        assert!(!correlated.capture_id(b"{}", None, &mut captures));
        assert!(!correlated.is_no_item(b"{}") && correlated.is_no_item(b""));
    }
}
