//! Topic names and topic filters: which are valid, and which filter matches which name (section
//! 4.7).
//!
//! Not here: a set of subscriptions. Matching walks one filter and one name and allocates nothing.

use super::{DecodeError, Version};

/// The longest topic, in bytes [MQTT-4.7.3-3].
pub const MAX_LEN: usize = 65_535;

/// Whether a message may be published to `name`: 1 to 65,535 bytes, no U+0000, no `+`, no `#`.
pub fn is_valid_name(name: &str) -> bool {
    name.len() <= MAX_LEN && check_name(name).is_ok()
}

/// Whether `filter` may be subscribed to: 1 to 65,535 bytes, no U+0000, wildcards alone in their
/// level, `#` last. To 3.1.1 a shared subscription of 5.0 is a filter like others.
pub fn is_valid_filter(filter: &str) -> bool {
    filter.len() <= MAX_LEN && check_filter(filter, Version::V311).is_ok()
}

/// The share name and the filter of a shared subscription, `$share/name/filter` (5.0: section 4.8.2);
/// `None`: it is not shared. Of a valid filter both are valid.
pub fn shared(filter: &str) -> Option<(&str, &str)> {
    let shared = filter.strip_prefix("$share/")?;
    Some(shared.split_once('/').unwrap_or((shared, "")))
}

/// Whether `topic` is among the names that `filter` subscribes to. Both are valid, otherwise the
/// answer means nothing.
///
/// `#` matches its parent level too (section 4.7.1.2), `+` matches an empty level, and a filter
/// that begins with a wildcard matches no name that begins with `$` [MQTT-4.7.2-1]. Characters are
/// compared as they are [MQTT-4.7.3-4].
pub fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (literal, Some(level)) if literal == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// [MQTT-1.5.3-2]: no U+0000 in any text.
pub(super) fn check_text(text: &str) -> Result<(), DecodeError> {
    if text.as_bytes().contains(&0) {
        Err(DecodeError::NullCharacter)
    } else {
        Ok(())
    }
}

/// [MQTT-4.7.3-1], [MQTT-4.7.3-2], [MQTT-4.7.1-1]. The length is the writer's business: a reader
/// cannot see a longer one.
#[inline]
pub(super) fn check_name(name: &str) -> Result<(), DecodeError> {
    if name.is_empty() || has_forbidden(name.as_bytes()) {
        Err(why_no_name(name))
    } else {
        Ok(())
    }
}

/// Whether there is a 0, a `+` or a `#`: the part of reading a PUBLISH that looks at every byte of
/// the topic.
///
/// Eight bytes at a time, without an early exit. The last eight overlap those before, so that only
/// a topic of less than eight bytes is looked at one by one.
#[inline]
fn has_forbidden(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk() else {
        return bytes.iter().any(|byte| matches!(byte, 0 | b'+' | b'#'));
    };
    let words = bytes.as_chunks().0.iter();
    words.fold(forbidden_in(*last), |seen, &word| seen | forbidden_in(word)) != 0
}

/// Not 0 if and only if one of the eight bytes is 0, `+` or `#`.
#[inline]
const fn forbidden_in(word: [u8; 8]) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
    // `+` is 0x2b and `#` is 0x23: without the bit in which they differ, both are `#`.
    const SAME: u64 = !u64::from_ne_bytes([b'+' ^ b'#'; 8]);
    const HASHES: u64 = u64::from_ne_bytes([b'#'; 8]);
    let word = u64::from_ne_bytes(word);
    let wildcards = (word & SAME) ^ HASHES;
    // Subtracting one borrows into the high bit of a byte below 1; of the others, those that had it
    // set drop out.
    let zero = word.wrapping_sub(ONES) & !word;
    let wildcard = wildcards.wrapping_sub(ONES) & !wildcards;
    (zero | wildcard) & HIGH_BITS
}

#[cold]
fn why_no_name(name: &str) -> DecodeError {
    if name.is_empty() {
        DecodeError::EmptyTopic
    } else if name.contains('\0') {
        DecodeError::NullCharacter
    } else {
        DecodeError::WildcardInTopicName
    }
}

/// [MQTT-4.7.3-1], [MQTT-4.7.3-2], [MQTT-4.7.1-2], [MQTT-4.7.1-3]; 5.0: [MQTT-4.7.1-1],
/// [MQTT-4.7.1-2], [MQTT-4.8.2-1], [MQTT-4.8.2-2].
pub(super) fn check_filter(filter: &str, version: Version) -> Result<(), DecodeError> {
    if version == Version::V5
        && let Some((name, rest)) = shared(filter)
    {
        check_text(name)?;
        if name.is_empty() || rest.is_empty() || name.contains(['+', '#']) {
            return Err(DecodeError::SharedFilter);
        }
        return check_levels(rest);
    }
    check_levels(filter)
}

fn check_levels(filter: &str) -> Result<(), DecodeError> {
    if filter.is_empty() {
        return Err(DecodeError::EmptyTopic);
    }
    check_text(filter)?;
    let mut levels = filter.split('/');
    while let Some(level) = levels.next() {
        let alone = level.len() == 1;
        let last = levels.clone().next().is_none();
        if (level.contains('+') && !alone) || (level.contains('#') && !(alone && last)) {
            return Err(DecodeError::MisplacedWildcard);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_have_characters_but_no_wildcards() {
        for name in [
            "a",
            "/",
            "a/b",
            "/finance",
            "$SYS/x",
            "Accounts payable",
            "a//b/",
            "é/\u{feff}",
            "\u{1}",
        ] {
            assert_eq!(check_name(name), Ok(()), "{name:?}");
        }
        assert_eq!(check_name(""), Err(DecodeError::EmptyTopic));
        assert_eq!(check_name("a\0b+"), Err(DecodeError::NullCharacter));
        for name in ["+", "#", "a/+", "a/b#", "sensor+1/x"] {
            assert_eq!(
                check_name(name),
                Err(DecodeError::WildcardInTopicName),
                "{name:?}"
            );
        }
        assert!(is_valid_name(&"a".repeat(65_535)) && !is_valid_name(&"a".repeat(65_536)));
    }

    #[test]
    fn filters_follow_the_examples_of_section_4_7_1() {
        for filter in [
            "#",
            "+",
            "sport/tennis/#",
            "+/tennis/#",
            "sport/+/player1",
            "/+",
            "+/+",
            "/",
            "$SYS/#",
            "a/+/#",
        ] {
            assert_eq!(check_filter(filter, Version::V311), Ok(()), "{filter:?}");
        }
        for filter in [
            "sport/tennis#",
            "sport/tennis/#/ranking",
            "sport+",
            "#/",
            "##",
            "+a/b",
            "a/+#",
            "a/++",
        ] {
            assert_eq!(
                check_filter(filter, Version::V311),
                Err(DecodeError::MisplacedWildcard),
                "{filter:?}"
            );
        }
        assert_eq!(
            check_filter("", Version::V311),
            Err(DecodeError::EmptyTopic)
        );
        assert_eq!(
            check_filter("a/\0/#", Version::V311),
            Err(DecodeError::NullCharacter)
        );
        assert!(is_valid_filter(&"+/".repeat(32_767)) && !is_valid_filter(&"+/".repeat(32_768)));
    }

    #[test]
    fn matching_follows_the_examples_of_section_4_7() {
        let table = [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            (
                "sport/tennis/player1/#",
                "sport/tennis/player1/ranking",
                true,
            ),
            (
                "sport/tennis/player1/#",
                "sport/tennis/player1/score/wimbledon",
                true,
            ),
            ("sport/tennis/player1/#", "sport/tennis/player10", false),
            ("sport/#", "sport", true),
            ("#", "sport/tennis", true),
            ("#", "/", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/monitor/Clients", false),
            ("+/monitor/Clients", "$SYS/monitor/Clients", false),
            ("$SYS/#", "$SYS/monitor/Clients", true),
            ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
            ("a/+", "a/$b", true),
            ("ACCOUNTS", "Accounts", false),
            ("/a", "a", false),
            ("a/", "a", false),
            ("a", "a", true),
            ("a/+/c/#", "a//c", true),
            ("a/+/c", "a/b/c/d", false),
        ];
        for (filter, topic, expected) in table {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn a_shared_subscription_has_a_name_and_a_filter() {
        for (filter, judged) in [
            ("$share/group/a/+", Ok(())),
            ("$share/g/#", Ok(())),
            ("$share/g//", Ok(())),
            ("$share", Ok(())), // no slash: a filter like others
            ("$shared/+", Ok(())),
            ("$share/", Err(DecodeError::SharedFilter)),
            ("$share/g", Err(DecodeError::SharedFilter)),
            ("$share/g/", Err(DecodeError::SharedFilter)),
            ("$share//a", Err(DecodeError::SharedFilter)),
            ("$share/+/a", Err(DecodeError::SharedFilter)),
            ("$share/g#/a", Err(DecodeError::SharedFilter)),
            ("$share/\0/a", Err(DecodeError::NullCharacter)),
            ("$share/g/a#", Err(DecodeError::MisplacedWildcard)),
        ] {
            assert_eq!(check_filter(filter, Version::V5), judged, "{filter}");
        }
        assert_eq!(check_filter("$share/g", Version::V311), Ok(()));
        assert_eq!(shared("$share/g/a/b"), Some(("g", "a/b")));
        assert_eq!(shared("a/$share/g/b"), None);
    }

    #[test]
    fn a_forbidden_byte_is_found_wherever_it_stands() {
        for len in 1..70 {
            for at in 0..len {
                for byte in 0..=u8::MAX {
                    let mut name = vec![b'a'; len];
                    name[at] = byte;
                    let expected = matches!(byte, 0 | b'+' | b'#');
                    assert_eq!(has_forbidden(&name), expected, "{byte} at {at} of {len}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_name_is_a_filter_that_matches_itself_alone(a in "[a-c/]{1,6}", b in "[a-c/]{1,6}") {
            prop_assert!(is_valid_name(&a) && is_valid_filter(&a));
            prop_assert_eq!(matches(&a, &b), a == b);
        }

        #[test]
        fn a_level_made_a_wildcard_still_matches(name in "[a-c/]{1,8}", at in 0_usize..8) {
            let levels: Vec<&str> = name.split('/').collect();
            let at = at % levels.len();
            let mut plus = levels.clone();
            plus[at] = "+";
            prop_assert!(matches(&plus.join("/"), &name));
            let mut hash = levels[..at].to_vec();
            hash.push("#");
            prop_assert!(is_valid_filter(&hash.join("/")));
            prop_assert!(matches(&hash.join("/"), &name));
        }

        #[test]
        fn checks_never_panic(text in any::<String>(), other in any::<String>()) {
            let name = is_valid_name(&text);
            let wildcard = text.contains(['+', '#']);
            prop_assert_eq!(name, !wildcard && !text.is_empty() && !text.contains('\0'));
            prop_assert!(!name || is_valid_filter(&text));
            let _ = matches(&text, &other);
        }
    }
}
