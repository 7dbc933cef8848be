//! All patterns of one kind of listener as one trie: a topic is gone through once, however many
//! definitions there are.
//!
//! What patterns have in common at their beginning is there once, and they part at the first byte
//! that differs. A pattern fits here exactly when [`Pattern::matches`] says so; captures, which only
//! some need, are cut out afterwards. Not here: which of the patterns that fit counts (the
//! recogniser).

use crate::plan::captures::Captures;
use crate::plan::identities::Identities;
use crate::plan::pattern::{Found, Listener, Pattern, Segment, level, until};
use crate::plan::text::EndpointFormat;
use crate::profile::Sender;

/// Patterns, each with what it stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trie<T> {
    /// The first one is the root.
    nodes: Vec<Node<T>>,
}

/// A place that some topics have in common, from their beginning to here.
#[derive(Debug, Clone, PartialEq)]
struct Node<T> {
    /// The first byte of each of `literals`: all differ, so at most one of them can go on.
    firsts: Vec<u8>,
    literals: Vec<(Box<[u8]>, usize)>,
    fields: Vec<(Field, usize)>,
    /// Of the patterns that end here, as they were added.
    ends: Vec<(T, Places)>,
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
    text: &'p str,
    before: Option<&'p Part<'p>>,
}

/// A pattern that a topic fits.
pub(crate) struct Fit<'f> {
    places: &'f Places,
    last: Option<&'f Part<'f>>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self {
            firsts: Vec::new(),
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
        while let Some(first) = text.first() {
            let Some(index) = self.nodes[node].firsts.iter().position(|b| b == first) else {
                let to = self.node();
                self.nodes[node].firsts.push(*first);
                self.nodes[node].literals.push((text.into(), to));
                return to;
            };
            let (there, to) = self.nodes[node].literals[index].clone();
            let pairs = there.iter().zip(text);
            let common = pairs.take_while(|(one, other)| one == other).count();
            let mut next = to;
            if common < there.len() {
                next = self.node();
                self.nodes[next].firsts.push(there[common]);
                self.nodes[next].literals.push((there[common..].into(), to));
                self.nodes[node].literals[index] = (there[..common].into(), next);
            }
            (node, text) = (next, &text[common..]);
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
        walk.from(0, 0, None);
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

impl<T, F: FnMut(&T, &Fit<'_>)> Walk<'_, T, F> {
    /// Goes on from a node with the topic from `at` on. Several ways may be open; calls of itself
    /// are as deep as a pattern has free parts, and one more wherever patterns part.
    fn from(&mut self, mut node: usize, mut at: usize, last: Option<&Part<'_>>) {
        loop {
            let here = &self.nodes[node];
            let rest = &self.topic.as_bytes()[at..];
            if rest.is_empty() {
                for (meaning, places) in &here.ends {
                    (self.each)(meaning, &Fit { places, last });
                }
            }
            let mut next = here.literal(rest);
            for (field, to) in &here.fields {
                let own = match (field, self.who) {
                    (Field::Endpoint(format), Listener::Endpoint(endpoint)) => {
                        fixed(rest, format.text(endpoint).as_bytes())
                    }
                    (Field::Identity(column), Listener::Endpoint(endpoint)) => {
                        fixed(rest, self.identities.get(*column, endpoint))
                    }
                    _ => {
                        self.part(field, *to, at, last);
                        continue;
                    }
                };
                if let Some(length) = own
                    && let Some((other, length)) = next.replace((*to, length))
                {
                    self.from(other, at + length, last);
                }
            }
            let Some((to, length)) = next else { return };
            (node, at) = (to, at + length);
        }
    }

    /// Goes on behind a free part.
    fn part(&mut self, field: &Field, to: usize, at: usize, before: Option<&Part<'_>>) {
        let rest = &self.topic.as_bytes()[at..];
        let length = match field {
            Field::Until(text) => until(rest, text),
            _ => level(rest),
        };
        if let Some(end) = length.map(|length| at + length)
            && let Some(text) = self.topic.get(at..end)
        {
            self.from(to, end, Some(&Part { text, before }));
        }
    }
}

impl<T> Node<T> {
    /// The node behind the literal that the topic goes on with, and its length.
    fn literal(&self, rest: &[u8]) -> Option<(usize, usize)> {
        let first = rest.first()?;
        let index = self.firsts.iter().position(|byte| byte == first)?;
        let (text, to) = &self.literals[index];
        rest.starts_with(text).then_some((*to, text.len()))
    }
}

fn fixed(rest: &[u8], text: &[u8]) -> Option<usize> {
    rest.starts_with(text).then_some(text.len())
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
        part.map_or("", |part| part.text)
    }
}
