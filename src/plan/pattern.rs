//! Topic patterns: what a topic template looks like to the side that receives.
//!
//! Literal parts must be there, an endpoint's own fields must read as that endpoint writes them,
//! everything that differs per message is one topic level (or a part of one). Matching one pattern
//! goes through the topic once and allocates nothing. Not here: all patterns at once (the trie).

use crate::plan::captures::Captures;
use crate::plan::error::PlanError;
use crate::plan::identities::Identities;
use crate::plan::template::{Piece, Template};
use crate::plan::text::EndpointFormat;
use crate::profile::Sender;

/// Whose connection a message arrived on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// An endpoint's.
    Endpoint(u32),
    /// A caller's: it hears the answers of every endpoint.
    Caller,
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pattern {
    segments: Box<[Segment]>,
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Segment {
    Literal(Box<[u8]>),
    Endpoint(EndpointFormat),
    Identity(usize),
    RequestId,
    Status,
    Capture(usize),
    Any,
}

/// What a match found besides captures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Found<'t> {
    pub(crate) request_id: Option<&'t str>,
    pub(crate) status: Option<&'t str>,
}

/// What a capture of a template means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CaptureMeaning {
    /// A part of a pushed message's topic.
    Capture,
    /// The status of a reply.
    Status,
    /// Nothing that is needed again.
    Free,
}

impl Pattern {
    /// Fails when the end of a free part could not be found by a listener of this kind (an
    /// endpoint's own fields are free parts for callers).
    pub(crate) fn new(
        template: &Template,
        place: &str,
        meaning: CaptureMeaning,
        heard_by: Sender,
    ) -> Result<Self, PlanError> {
        let segments: Box<[Segment]> = template
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => Segment::Literal(text.as_bytes().into()),
                Piece::Endpoint(format) => Segment::Endpoint(*format),
                Piece::Identity(column) => Segment::Identity(*column),
                Piece::RequestId => Segment::RequestId,
                Piece::Capture(_) if meaning == CaptureMeaning::Status => Segment::Status,
                Piece::Capture(index) if meaning == CaptureMeaning::Capture => {
                    Segment::Capture(*index)
                }
                _ => Segment::Any,
            })
            .collect();
        for pair in segments.windows(2) {
            let has_end = match pair[0] {
                Segment::Literal(_) => true,
                Segment::Endpoint(_) | Segment::Identity(_) => heard_by == Sender::Endpoint,
                _ => false,
            };
            if !has_end && !matches!(pair[1], Segment::Literal(_)) {
                let field = match pair[0] {
                    Segment::RequestId => "request_id",
                    Segment::Status => "status",
                    _ => "field",
                };
                let (place, field) = (place.to_owned(), field.to_owned());
                return Err(PlanError::AmbiguousTopic { place, field });
            }
        }
        Ok(Self { segments })
    }

    /// Whether a topic fits. `captures` holds those of this pattern afterwards (when it fits).
    pub(crate) fn matches<'t>(
        &self,
        topic: &'t str,
        who: Listener,
        identities: &Identities,
        captures: &mut Captures,
    ) -> Option<Found<'t>> {
        if let Some(Segment::Literal(end)) = self.segments.last()
            && !topic.as_bytes().ends_with(end)
        {
            return None;
        }
        captures.clear();
        let mut found = Found::default();
        let mut rest = topic;
        for (index, segment) in self.segments.iter().enumerate() {
            let length = match (segment, who) {
                (Segment::Literal(text), _) => fixed(rest, text)?,
                (Segment::Endpoint(format), Listener::Endpoint(endpoint)) => {
                    fixed(rest, format.text(endpoint).as_bytes())?
                }
                (Segment::Identity(column), Listener::Endpoint(endpoint)) => {
                    fixed(rest, identities.get(*column, endpoint))?
                }
                _ => free(rest, self.segments.get(index + 1))?,
            };
            // Both kinds of length end where text ends, never inside a character.
            let (text, after) = rest.split_at_checked(length)?;
            rest = after;
            match segment {
                Segment::RequestId => found.request_id = Some(text),
                Segment::Status => found.status = Some(text),
                Segment::Capture(number) => {
                    // One that stands there again is the same text, and no capture more.
                    let fits = if *number < captures.len() {
                        captures.get(*number) == text.as_bytes()
                    } else {
                        captures.push(text.as_bytes())
                    };
                    if !fits {
                        return None;
                    }
                }
                _ => {}
            }
        }
        rest.is_empty().then_some(found)
    }

    /// Its parts; neighbouring literals are one.
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether a topic that fits holds a status.
    pub(crate) fn has_status(&self) -> bool {
        self.segments.contains(&Segment::Status)
    }

    /// A topic that fits, for people: `{any}` stands for what only the tenant knows.
    pub(crate) fn example(
        &self,
        endpoint: u32,
        identities: &Identities,
        request_id: &[u8],
        captures: &Captures,
    ) -> String {
        let mut text = Vec::new();
        for segment in &self.segments {
            match segment {
                Segment::Literal(literal) => text.extend_from_slice(literal),
                Segment::Endpoint(format) => {
                    text.extend_from_slice(format.text(endpoint).as_bytes());
                }
                Segment::Identity(column) => {
                    text.extend_from_slice(identities.get(*column, endpoint));
                }
                Segment::RequestId => text.extend_from_slice(request_id),
                Segment::Capture(number) => text.extend_from_slice(captures.get(*number)),
                Segment::Status => text.extend_from_slice(b"{status}"),
                Segment::Any => text.extend_from_slice(b"{any}"),
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The topic filter for this pattern: every level with a free part is `+`.
    pub(crate) fn filter(&self, who: Listener, identities: &Identities) -> String {
        let mut text = Vec::new();
        for segment in &self.segments {
            match (segment, who) {
                (Segment::Literal(literal), _) => text.extend_from_slice(literal),
                (Segment::Endpoint(format), Listener::Endpoint(endpoint)) => {
                    text.extend_from_slice(format.text(endpoint).as_bytes());
                }
                (Segment::Identity(column), Listener::Endpoint(endpoint)) => {
                    text.extend_from_slice(identities.get(*column, endpoint));
                }
                // No topic holds this byte (MQTT 3.1.1, section 4.7.3), so it marks the level.
                _ => text.push(0),
            }
        }
        let text = String::from_utf8_lossy(&text);
        let levels: Vec<&str> = text
            .split('/')
            .map(|l| if l.contains('\0') { "+" } else { l })
            .collect();
        levels.join("/")
    }
}

fn fixed(rest: &str, text: &[u8]) -> Option<usize> {
    rest.as_bytes().starts_with(text).then_some(text.len())
}

/// Length of a free part: not empty, within one level, up to the literal that follows.
fn free(rest: &str, next: Option<&Segment>) -> Option<usize> {
    match next {
        None => level(rest.as_bytes()).filter(|length| *length == rest.len()),
        Some(Segment::Literal(text)) if text.first() == Some(&b'/') => level(rest.as_bytes()),
        Some(Segment::Literal(text)) => until(rest.as_bytes(), text),
        Some(_) => None,
    }
}

/// Length of a free part that ends with its level.
pub(crate) fn level(rest: &[u8]) -> Option<usize> {
    let length = rest.iter().position(|b| *b == b'/').unwrap_or(rest.len());
    (length > 0).then_some(length)
}

/// Length of a free part that ends within its level, before this literal.
pub(crate) fn until(rest: &[u8], literal: &[u8]) -> Option<usize> {
    (1..level(rest)?).find(|at| rest[*at..].starts_with(literal))
}

/// Whether every topic that `narrow` matches is matched by `wide` too (MQTT 3.1.1, section 4.7).
pub(crate) fn covers(wide: &str, narrow: &str) -> bool {
    if narrow.starts_with('$') && wide.starts_with(['+', '#']) {
        return false;
    }
    let mut narrow = narrow.split('/');
    for level in wide.split('/') {
        match (level, narrow.next()) {
            ("#", _) => return true,
            ("+", Some(other)) if other != "#" => {}
            (level, Some(other)) if level == other => {}
            _ => return false,
        }
    }
    narrow.next().is_none()
}

/// The filter of a template that may have wildcards of its own.
pub(crate) fn explicit_filter(
    template: &Template,
    endpoint: u32,
    identities: &Identities,
) -> String {
    let mut text = Vec::new();
    template.render(endpoint, identities, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Keeps each filter that no other one covers, in order.
pub(crate) fn without_overlap(filters: &mut Vec<String>) {
    let all = std::mem::take(filters);
    for (index, filter) in all.iter().enumerate() {
        let covered = all.iter().enumerate().any(|(other, wide)| {
            other != index && covers(wide, filter) && (other < index || !covers(filter, wide))
        });
        if !covered {
            filters.push(filter.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_filters_cover_narrow_ones() {
        for (wide, narrow, expected) in [
            ("a/+/c", "a/b/c", true),
            ("a/#", "a/b/c", true),
            ("a/#", "a", true),
            ("a/+", "a/#", false),
            ("+/+", "a/b/c", false),
            ("#", "+/a", true),
            ("#", "$aws/a", false),
            ("$aws/#", "$aws/a", true),
            ("a/b/c", "a/+/c", false),
            ("a/b", "a/b/c", false),
        ] {
            assert_eq!(covers(wide, narrow), expected, "{wide} {narrow}");
        }
    }

    #[test]
    fn duplicates_and_covered_filters_are_removed_in_order() {
        let mut filters: Vec<String> = ["a/b/c", "x", "a/+/c", "x", "a/+/c", "y/#"]
            .map(str::to_owned)
            .to_vec();
        without_overlap(&mut filters);
        assert_eq!(filters, ["x", "a/+/c", "y/#"]);
    }

    #[test]
    fn a_free_part_ends_at_the_next_literal_and_inside_its_level() {
        let after = |text: &str| Segment::Literal(text.as_bytes().into());
        assert_eq!(free("ab/c", Some(&after("/c"))), Some(2));
        assert_eq!(free("ab-c/d", Some(&after("-c/d"))), Some(2));
        assert_eq!(free("abc", None), Some(3));
        assert_eq!(free("a/b", None), None);
        assert_eq!(free("/c", Some(&after("/c"))), None);
        assert_eq!(free("", None), None);
        assert_eq!(free("ab/-c", Some(&after("-c"))), None);
    }
}
