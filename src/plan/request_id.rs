//! Request IDs: which one is next, and whether one that came back was ours.
//!
//! Decimal IDs cycle through their range, so the least recently used one is taken first. UUIDs
//! carry the run, the owner and a counter. Not here: which IDs are outstanding or quarantined (the
//! engine's table knows; it is asked).

use uuid::Uuid;

use crate::random::mix;

/// What the IDs of a request are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestIdKind {
    /// It has none: replies are matched first in, first out.
    None,
    /// Canonical decimal.
    Decimal(IdRange),
    /// A UUID in lower-case text form.
    Uuid,
}

/// Decimal IDs, both ends inclusive. Of more than 2^31 IDs the first 2^31 are issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdRange {
    /// Lowest.
    pub first: u32,
    /// Highest; not less than `first`.
    pub last: u32,
}

impl RequestIdKind {
    /// Reads an ID of this kind; `None` also for IDs that could not have been issued.
    pub fn parse(self, text: &[u8]) -> Option<u128> {
        match self {
            Self::None => None,
            Self::Decimal(range) => range.parse(text).map(u128::from),
            Self::Uuid => parse_uuid_text(text),
        }
    }
}

/// Where one endpoint stands in a range: four bytes, because each endpoint has one for each scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdCursor(u32);

impl IdCursor {
    /// Nothing was issued yet, whatever the range.
    pub const START: Self = Self(0);
    /// Whether every ID of the range was issued at least once.
    const WRAPPED: u32 = 1 << 31;

    /// How far above the first ID lies the one that is tried first.
    fn offset(self) -> u32 {
        self.0 & !Self::WRAPPED
    }

    fn has_wrapped(self) -> bool {
        self.0 & Self::WRAPPED != 0
    }
}

impl IdRange {
    /// How many IDs there are.
    pub fn size(self) -> u64 {
        u64::from(self.last.saturating_sub(self.first)) + 1
    }

    /// The next ID that is not busy; `None` when all are. Asks about each ID at most once.
    pub fn allocate(self, cursor: &mut IdCursor, is_busy: impl Fn(u32) -> bool) -> Option<u32> {
        let last = self.last_offset();
        for _ in 0..=last {
            let offset = cursor.offset();
            if offset >= last {
                *cursor = IdCursor(IdCursor::WRAPPED);
            } else {
                cursor.0 += 1;
            }
            let id = self.first + offset;
            if !is_busy(id) {
                return Some(id);
            }
        }
        None
    }

    /// Of the last ID that is issued.
    fn last_offset(self) -> u32 {
        self.last.saturating_sub(self.first).min(!IdCursor::WRAPPED)
    }

    /// Whether `id` was ever issued by `cursor`: a reply with another one is not ours.
    pub fn was_issued(self, cursor: IdCursor, id: u32) -> bool {
        id.checked_sub(self.first).is_some_and(|offset| {
            offset <= self.last_offset() && (cursor.has_wrapped() || offset < cursor.offset())
        })
    }

    /// Reads canonical decimal (no sign, no leading zero) within the range.
    pub fn parse(self, text: &[u8]) -> Option<u32> {
        let canonical = matches!(text, [b'0'] | [b'1'..=b'9', ..]) && text.len() <= 10;
        if !canonical || !text.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let value = text
            .iter()
            .fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
        let id = u32::try_from(value).ok()?;
        (self.first..=self.last).contains(&id).then_some(id)
    }
}

/// Largest counter that fits into a UUID request ID.
pub const UUID_COUNTER_MAX: u64 = (1 << 42) - 1;

/// A UUID that names its run, its owner and its number.
///
/// RFC 9562, section 5.8 (version 8): 48 bits of a hash of `run_nonce`, version, the upper 12 bits
/// of the counter, variant, 32 bits owner, the lower 30 bits of the counter. `counter` is taken
/// modulo 2^42 (at a million per second and owner that lasts fifty days).
pub fn uuid_request_id(run_nonce: u64, owner: u32, counter: u64) -> u128 {
    let counter = counter & UUID_COUNTER_MAX;
    let high = (run_tag(run_nonce) << 16) | 0x8000 | (counter >> 30);
    let low = (0b10 << 62) | (u64::from(owner) << 30) | (counter & 0x3FFF_FFFF);
    (u128::from(high) << 64) | u128::from(low)
}

/// Owner and counter of a UUID request ID; `None` when another run (or somebody else) made it.
pub fn parse_uuid_request_id(run_nonce: u64, id: u128) -> Option<(u32, u64)> {
    let (high, low) = ((id >> 64) as u64, id as u64);
    let ours = high >> 16 == run_tag(run_nonce) && high & 0xF000 == 0x8000 && low >> 62 == 0b10;
    let counter = ((high & 0xFFF) << 30) | (low & 0x3FFF_FFFF);
    ours.then_some(((low >> 30) as u32, counter))
}

/// Reads the canonical text form only: 36 bytes, lower case, hyphens (RFC 9562, section 4).
pub fn parse_uuid_text(text: &[u8]) -> Option<u128> {
    if text.len() != 36 || text.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    Uuid::try_parse_ascii(text).ok().map(|uuid| uuid.as_u128())
}

fn run_tag(run_nonce: u64) -> u64 {
    mix(run_nonce) >> 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{sheet::Sheet, text::write_uuid};
    use proptest::prelude::*;

    const RANGE: IdRange = IdRange {
        first: 10,
        last: 14,
    };

    #[test]
    fn ids_cycle_so_that_the_least_recently_used_comes_first() {
        let mut cursor = IdCursor::START;
        let ids: Vec<_> = (0..7)
            .map(|_| RANGE.allocate(&mut cursor, |_| false))
            .collect();
        assert_eq!(ids, [10, 11, 12, 13, 14, 10, 11].map(Some));
    }

    #[test]
    fn busy_ids_are_passed_over_and_a_full_range_ends_the_search() {
        let mut cursor = IdCursor::START;
        assert_eq!(RANGE.allocate(&mut cursor, |id| id < 12), Some(12));
        let asked = std::cell::Cell::new(0);
        let busy = |_| {
            asked.set(asked.get() + 1);
            true
        };
        assert_eq!(RANGE.allocate(&mut cursor, busy), None);
        assert_eq!(asked.get(), 5);
        assert_eq!(std::mem::size_of::<IdCursor>(), 4);
    }

    #[test]
    fn only_issued_ids_are_ours() {
        let mut cursor = IdCursor::START;
        assert!(!RANGE.was_issued(cursor, 10));
        RANGE.allocate(&mut cursor, |_| false);
        assert!(RANGE.was_issued(cursor, 10) && !RANGE.was_issued(cursor, 11));
        for _ in 0..4 {
            RANGE.allocate(&mut cursor, |_| false);
        }
        assert!(
            RANGE.was_issued(cursor, 14)
                && !RANGE.was_issued(cursor, 15)
                && !RANGE.was_issued(cursor, 9)
        );
    }

    #[test]
    fn the_largest_range_wraps_without_overflow() {
        let range = IdRange {
            first: u32::MAX - 1,
            last: u32::MAX,
        };
        let mut cursor = IdCursor::START;
        let ids: Vec<_> = (0..3)
            .map(|_| range.allocate(&mut cursor, |_| false))
            .collect();
        assert_eq!(
            ids,
            [Some(u32::MAX - 1), Some(u32::MAX), Some(u32::MAX - 1)]
        );
        assert_eq!(
            IdRange {
                first: 0,
                last: u32::MAX
            }
            .size(),
            1 << 32
        );
    }

    #[test]
    fn decimal_ids_must_be_canonical_and_in_range() {
        let range = IdRange { first: 0, last: 99 };
        assert_eq!(range.parse(b"0"), Some(0));
        assert_eq!(range.parse(b"42"), Some(42));
        for text in [
            "",
            "00",
            "007",
            "100",
            "+1",
            "-1",
            "1 ",
            "a",
            "4294967296",
            "99999999999",
        ] {
            assert_eq!(range.parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(
            IdRange {
                first: 1,
                last: u32::MAX
            }
            .parse(b"4294967295"),
            Some(u32::MAX)
        );
        assert_eq!(IdRange { first: 1, last: 99 }.parse(b"0"), None);
    }

    proptest! {
        #[test]
        fn a_uuid_gives_back_owner_and_counter(nonce: u64, other: u64, owner: u32, counter in 0..=UUID_COUNTER_MAX) {
            let id = uuid_request_id(nonce, owner, counter);
            prop_assert_eq!(parse_uuid_request_id(nonce, id), Some((owner, counter)));
            prop_assert_eq!(Uuid::from_u128(id).get_version_num(), 8);
            prop_assert_eq!(Uuid::from_u128(id).get_variant(), uuid::Variant::RFC4122);
            prop_assert!(nonce == other || parse_uuid_request_id(other, id).is_none());
            let mut text = Sheet::default();
            text.append(36, |pen| write_uuid(pen, Uuid::from_u128(id)));
            prop_assert_eq!(parse_uuid_text(text.text()), Some(id));
        }
    }

    #[test]
    fn only_the_canonical_uuid_text_is_read() {
        let good = "0190163d-8694-739b-aea5-966c26f8ad91";
        assert!(parse_uuid_text(good.as_bytes()).is_some());
        for text in [
            good.to_uppercase(),
            good.replace('-', ""),
            format!("{{{good}}}"),
            good.replace('9', "g"),
            good[..35].to_owned(),
            "0190163d86-94-739b-aea5-966c26f8ad91".to_owned(),
        ] {
            assert_eq!(parse_uuid_text(text.as_bytes()), None, "{text}");
        }
    }
}
