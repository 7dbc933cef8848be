//! All patterns of one kind of listener as one trie: a topic is gone through once, however many
//! definitions there are.
//!
//! What patterns have in common at their beginning is there once, and they part at the first byte
//! that differs. A pattern fits here exactly when [`Pattern::matches`] says so; captures, which only
//! some need, are cut out afterwards. Not here: which of the patterns that fit counts (the
//! recogniser).

use std::ops::Range;

use crate::plan::captures::Captures;
use crate::plan::identities::Identities;
use crate::plan::pattern::{Found, Listener, Pattern, Segment, level, until};
use crate::plan::text::EndpointFormat;
use crate::profile::Sender;

/// Most decimal digits whose value is certain to fit into 64 bits.
const DIGITS_MAX: u8 = 19;

/// Patterns, each with what it stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trie<T> {
    /// The first one is the root.
    nodes: Vec<Node<T>>,
}

/// A place that some topics have in common, from their beginning to here.
#[derive(Debug, Clone, PartialEq)]
struct Node<T> {
    /// Their first bytes differ, so a topic goes on with one at most.
    literals: Vec<Literal>,
    fields: Vec<(Field, usize)>,
    /// Of the patterns that end here, as they were added.
    ends: Vec<(T, Places)>,
}

/// Bytes that must be there, and the node behind them.
#[derive(Debug, Clone, PartialEq)]
struct Literal {
    first: u8,
    /// What follows the first byte.
    rest: Box<[u8]>,
    to: usize,
}

/// A part of a topic that is no literal.
#[derive(Debug, Clone, PartialEq)]
enum Field {
    Endpoint(EndpointFormat),
    Identity(usize),
    /// Any text, to the end of its level.
    Level,
    /// Any text within its level, up to this literal.
    Until(Box<[u8]>),
}

/// Which free parts of a topic a pattern needs, counted from the last one.
#[derive(Debug, Clone, PartialEq, Default)]
struct Places {
    request_id: Option<usize>,
    status: Option<usize>,
    /// Numbers of captures in the order of the topic, and where they are.
    captures: Box<[(usize, usize)]>,
}

/// The free parts on the way to a place in a topic, last one first.
struct Part<'p> {
    /// Where it stands in the topic.
    text: Range<usize>,
    before: Option<&'p Part<'p>>,
}

/// A pattern that a topic fits.
pub(crate) struct Fit<'f> {
    topic: &'f str,
    places: &'f Places,
    last: Option<&'f Part<'f>>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self {
            literals: Vec::new(),
            fields: Vec::new(),
            ends: Vec::new(),
        }
    }
}

impl<T> Default for Trie<T> {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }
}

impl<T> Trie<T> {
    /// Adds a pattern of this kind of listener, which stands for `meaning`.
    pub(crate) fn add(&mut self, pattern: &Pattern, heard_by: Sender, meaning: T) {
        let mut node = 0;
        let mut free = Vec::new();
        for (index, segment) in pattern.segments().iter().enumerate() {
            let field = match (segment, heard_by) {
                (Segment::Literal(text), _) => {
                    node = self.literal(node, text);
                    continue;
                }
                (Segment::Endpoint(format), Sender::Endpoint) => Field::Endpoint(*format),
                (Segment::Identity(column), Sender::Endpoint) => Field::Identity(*column),
                _ => {
                    free.push(segment);
                    match pattern.segments().get(index + 1) {
                        None => Field::Level,
                        Some(Segment::Literal(text)) if text.first() == Some(&b'/') => Field::Level,
                        Some(Segment::Literal(text)) => Field::Until(text.clone()),
                        // Where it ends cannot be found, so nothing fits.
                        Some(_) => return,
                    }
                }
            };
            node = self.field(node, field);
        }
        self.nodes[node].ends.push((meaning, Places::of(&free)));
    }

    /// The node behind a literal.
    fn literal(&mut self, mut node: usize, mut text: &[u8]) -> usize {
        while let Some((&first, after)) = text.split_first() {
            let mut known = self.nodes[node].literals.iter();
            let Some(index) = known.position(|literal| literal.first == first) else {
                let to = self.node();
                self.nodes[node].literals.push(Literal {
                    first,
                    rest: after.into(),
                    to,
                });
                return to;
            };
            let Literal { rest, to, .. } = self.nodes[node].literals[index].clone();
            let pairs = rest.iter().zip(after);
            let common = pairs.take_while(|(one, other)| one == other).count();
            let mut next = to;
            if let Some((&first, apart)) = rest[common..].split_first() {
                // They part within the literal: a node is put where.
                next = self.node();
                self.nodes[next].literals.push(Literal {
                    first,
                    rest: apart.into(),
                    to,
                });
                let literal = &mut self.nodes[node].literals[index];
                (literal.rest, literal.to) = (rest[..common].into(), next);
            }
            (node, text) = (next, &after[common..]);
        }
        node
    }

    /// The node behind a field.
    fn field(&mut self, node: usize, field: Field) -> usize {
        let mut known = self.nodes[node].fields.iter();
        if let Some((_, to)) = known.find(|(known, _)| *known == field) {
            return *to;
        }
        let to = self.node();
        self.nodes[node].fields.push((field, to));
        to
    }

    fn node(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    /// Shows every pattern that a topic fits to `each`, in no order.
    pub(crate) fn each_fit(
        &self,
        topic: &str,
        who: Listener,
        identities: &Identities,
        each: &mut impl FnMut(&T, &Fit<'_>),
    ) {
        let mut walk = Walk {
            nodes: &self.nodes,
            topic,
            who,
            identities,
            each,
        };
        walk.from(0, topic.as_bytes(), None);
    }
}

/// One topic on its way through a trie.
struct Walk<'w, T, F> {
    nodes: &'w [Node<T>],
    topic: &'w str,
    who: Listener,
    identities: &'w Identities,
    each: &'w mut F,
}

/// A node, and what is left of the topic there.
type Place<'w> = (usize, &'w [u8]);

impl<'w, T, F: FnMut(&T, &Fit<'_>)> Walk<'w, T, F> {
    /// Goes on from a node with the rest of the topic. Several ways may be open; calls of itself
    /// are as deep as a pattern has free parts, and one more wherever patterns part.
    fn from(&mut self, node: usize, mut rest: &'w [u8], last: Option<&Part<'_>>) {
        let mut here = &self.nodes[node];
        loop {
            let place = match (&*here.fields, &*here.literals) {
                ([], _) if rest.is_empty() => return self.end(here, last),
                ([], _) => here.literal(rest),
                // Nowhere else to go, nor to end: the usual place of a field.
                ([(field, to)], []) if here.ends.is_empty() => {
                    let after = self.behind(field, rest);
                    match after.map(|after| (*to, after)) {
                        Some(place) if field.is_free() => return self.part(place, rest, last),
                        place => place,
                    }
                }
                _ => return self.everywhere(here, rest, last),
            };
            let Some((to, after)) = place else { return };
            (here, rest) = (&self.nodes[to], after);
        }
    }

    /// Goes every way that is open.
    // These are not inlined: the way along literals has the registers to itself.
    #[inline(never)]
    fn everywhere(&mut self, here: &'w Node<T>, rest: &'w [u8], last: Option<&Part<'_>>) {
        if rest.is_empty() {
            self.end(here, last);
        }
        if let Some((to, after)) = here.literal(rest) {
            self.from(to, after, last);
        }
        for (field, to) in &here.fields {
            match self.behind(field, rest) {
                Some(after) if field.is_free() => self.part((*to, after), rest, last),
                Some(after) => self.from(*to, after, last),
                None => {}
            }
        }
    }

    /// The rest behind a field, if it stands there.
    #[inline(never)]
    fn behind(&self, field: &Field, rest: &'w [u8]) -> Option<&'w [u8]> {
        let length = match (field, self.who) {
            (Field::Level, _) => level(rest)?,
            (Field::Until(text), _) => until(rest, text)?,
            (Field::Endpoint(format), Listener::Endpoint(endpoint)) => {
                return written(*format, endpoint, rest);
            }
            (Field::Identity(column), Listener::Endpoint(endpoint)) => {
                return rest.strip_prefix(self.identities.get(*column, endpoint));
            }
            // Callers have no fields of their own.
            (_, Listener::Caller) => return None,
        };
        rest.get(length..)
    }

    /// Goes on behind a free part, which is what the place has less than `rest`.
    fn part(&mut self, (to, after): Place<'w>, rest: &'w [u8], before: Option<&Part<'_>>) {
        let text = self.topic.len() - rest.len()..self.topic.len() - after.len();
        self.from(to, after, Some(&Part { text, before }));
    }

    /// Where the topic ends, these patterns fit.
    #[inline(never)]
    fn end(&mut self, here: &Node<T>, last: Option<&Part<'_>>) {
        let topic = self.topic;
        for (meaning, places) in &here.ends {
            let fit = Fit {
                topic,
                places,
                last,
            };
            (self.each)(meaning, &fit);
        }
    }
}

impl Field {
    /// Whether any text may stand there.
    fn is_free(&self) -> bool {
        matches!(self, Self::Level | Self::Until(_))
    }
}

impl<T> Node<T> {
    /// The place behind the literal that the topic goes on with.
    #[inline]
    fn literal<'w>(&self, rest: &'w [u8]) -> Option<Place<'w>> {
        let (first, after) = rest.split_first()?;
        let mut literals = self.literals.iter();
        let literal = literals.find(|literal| literal.first == *first)?;
        Some((literal.to, after.strip_prefix(&*literal.rest)?))
    }
}

/// The rest of a topic behind an endpoint's number as this format writes it.
///
/// Decimal digits are read, which takes a fraction of what writing and comparing them does: as many
/// as the number has, or the format's width, so that no other text has the same value.
fn written(format: EndpointFormat, endpoint: u32, rest: &[u8]) -> Option<&[u8]> {
    let width = match format {
        EndpointFormat::Plain => 1,
        EndpointFormat::Padded(width) if width <= DIGITS_MAX => usize::from(width),
        _ => return rest.strip_prefix(format.text(endpoint).as_bytes()),
    };
    let digits = endpoint.checked_ilog10().unwrap_or_default() as usize + 1;
    let (text, after) = rest.split_at_checked(width.max(digits))?;
    let mut value = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    (value == u64::from(endpoint)).then_some(after)
}

impl Places {
    /// `free` are the segments of a pattern that fit any text, in its order.
    fn of(free: &[&Segment]) -> Self {
        let mut places = Self::default();
        let mut captures = Vec::new();
        for (index, segment) in free.iter().enumerate() {
            let back = free.len() - 1 - index;
            match segment {
                Segment::RequestId => places.request_id = Some(back),
                Segment::Status => places.status = Some(back),
                Segment::Capture(number) => captures.push((*number, back)),
                _ => {}
            }
        }
        places.captures = captures.into();
        places
    }
}

impl Fit<'_> {
    /// Request ID and status in the topic.
    pub(crate) fn found(&self) -> Found<'_> {
        Found {
            request_id: self.places.request_id.map(|back| self.text(back)),
            status: self.places.status.map(|back| self.text(back)),
        }
    }

    /// Puts the captures into `captures`. False when they are too many, too long, or one that
    /// stands there twice is not the same: then the topic does not fit after all.
    pub(crate) fn capture(&self, captures: &mut Captures) -> bool {
        captures.clear();
        self.places.captures.iter().all(|&(number, back)| {
            let text = self.text(back).as_bytes();
            if number < captures.len() {
                captures.get(number) == text
            } else {
                captures.push(text)
            }
        })
    }

    fn text(&self, back: usize) -> &str {
        let mut part = self.last;
        for _ in 0..back {
            part = part.and_then(|part| part.before);
        }
        // Free parts end where text ends, never inside a character.
        let text = part.and_then(|part| self.topic.get(part.text.clone()));
        text.unwrap_or_default()
    }
}
