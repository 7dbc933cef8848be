//! Topic filters of one connection that match the same topic.
//!
//! A broker may deliver a message once for each of them (MQTT 3.1.1, section 3.3.5), so that a copy of
//! the broker looks like a duplicate of the tenant. Not here: where filters come from.

use std::fmt;
use std::ops::Range;

use crate::plan::Plan;
use crate::plan::pattern::covers;

/// Filters that are compared with each other; a list that is longer is not looked at to its end.
const COMPARED_MAX: usize = 1_000;

/// Two filters of one connection that share a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// As subscribed to.
    pub first: String,
    /// As subscribed to.
    pub second: String,
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, second } = self;
        write!(
            f,
            "the filters `{first}` and `{second}` overlap, and a broker may deliver a message once for each: \
             a reply that comes again there is counted in copies, because a duplicate of the tenant's cannot \
             be told from a copy of the broker's; an inbound message is received once per copy, and answered \
             again unless it has a key"
        )
    }
}

impl Plan {
    /// Two filters that overlap, of the first endpoint's connection or of the first caller's.
    pub(crate) fn find_overlap(&self) -> Option<Overlap> {
        // Two endpoints of one connection stand for all: they differ by their names alone.
        let neighbours = self.endpoints_per_connection().min(self.endpoints).min(2);
        let mut filters = Vec::new();
        for endpoint in 0..neighbours {
            self.filters(endpoint, &mut filters);
        }
        first_overlap(&filters).or_else(|| first_overlap(&self.caller_filters(0)))
    }

    /// Whether more than one filter of a connection that serves these endpoints matches a topic.
    /// Renders filters, which is slow: for messages that should not be there.
    pub fn filters_overlap_at(&self, endpoints: Range<u32>, topic: &str) -> bool {
        let mut found: Option<String> = None;
        let mut filters = Vec::new();
        for endpoint in endpoints {
            filters.clear();
            self.filters(endpoint, &mut filters);
            for filter in filters.drain(..).filter(|filter| covers(filter, topic)) {
                match &found {
                    Some(first) if *first != filter => return true,
                    _ => found = Some(filter),
                }
            }
        }
        false
    }

    /// The same for the caller of this number.
    pub fn caller_filters_overlap_at(&self, number: u32, topic: &str) -> bool {
        let filters = self.caller_filters(number);
        filters.iter().filter(|f| covers(f, topic)).count() > 1
    }
}

fn first_overlap(filters: &[String]) -> Option<Overlap> {
    let filters = &filters[..filters.len().min(COMPARED_MAX)];
    let later = |(index, first)| {
        filters[index + 1..]
            .iter()
            .map(move |second| (first, second))
    };
    let mut pairs = filters.iter().enumerate().flat_map(later);
    let (first, second) = pairs.find(|(first, second)| first != second && share(first, second))?;
    Some(Overlap {
        first: first.clone(),
        second: second.clone(),
    })
}

/// Whether some topic matches both filters (MQTT 3.1.1, section 4.7).
fn share(one: &str, other: &str) -> bool {
    let beside = |wild: &str, plain: &str| wild.starts_with(['+', '#']) && plain.starts_with('$');
    if beside(one, other) || beside(other, one) {
        return false;
    }
    let (mut one, mut other) = (one.split('/'), other.split('/'));
    loop {
        match (one.next(), other.next()) {
            // `a/#` matches `a` too.
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some(level), Some(same)) if level == same => {}
            (Some("+"), Some(_)) | (Some(_), Some("+")) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_share_a_topic_or_do_not() {
        for (one, other, expected) in [
            ("a/b", "a/b", true),
            ("a/+/c", "a/b/+", true),
            ("a/+/c", "a/b/d", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("a/#", "b/#", false),
            ("a/+", "a/b/c", false),
            ("a/+/#", "a", false),
            ("#", "+/+", true),
            ("#", "$SYS/a", false),
            ("+/a", "$SYS/a", false),
            ("$SYS/#", "$SYS/a", true),
            ("k/+/get/#", "k/+/get/keys/#", true),
            ("k/+/get/+/status", "k/+/get/keys/+/status", false),
        ] {
            assert_eq!(share(one, other), expected, "{one} {other}");
            assert_eq!(share(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn the_first_two_that_overlap_are_named() {
        let filters = ["x", "a/#", "a/b", "a/+"].map(str::to_owned);
        let overlap = first_overlap(&filters).expect("there are some");
        assert_eq!((&*overlap.first, &*overlap.second), ("a/#", "a/b"));
        assert_eq!(first_overlap(&filters[..2]), None);
    }
}
