//! One kind of message of a plan: what workers need to know of it, and how to write it.
//!
//! Values depend on the number of the message alone, and a message that is not sent takes its
//! number with it. Not here: when it is due (the schedule) and what its answer looks like.

use std::sync::Arc;

use crate::plan::captures::Captures;
use crate::plan::carried::Carried;
use crate::plan::deliveries::Lines;
use crate::plan::encoder::{Fields, Frame, Head, Values};
use crate::plan::generator::write_printable;
use crate::plan::identities::Identities;
use crate::plan::moment::Moment;
use crate::plan::pen::{Pen, SLACK};
use crate::plan::properties::{Alias, Properties};
use crate::plan::request_id::RequestIdKind;
use crate::plan::sheet::Sheet;
use crate::plan::template::Template;
use crate::profile::{Delay, Sender};
use crate::random::{below, hash};

/// A request, or an answer to a pushed message.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `[a-z0-9-]+`, unique in the plan.
    pub name: String,
    /// Endpoint or caller.
    pub from: Sender,
    /// 0 to 2.
    pub qos: u8,
    /// Retain flag.
    pub retain: bool,
    /// From the intended instant; nanoseconds.
    pub deadline_ns: u64,
    /// What its IDs are.
    pub id_kind: RequestIdKind,
    /// Index into [`Plan::scopes`](crate::plan::Plan::scopes): IDs of one endpoint are unique within it.
    pub scope: u16,
    /// Whether an answer is expected.
    pub reply: ReplyUse,
    /// Whether an answer may be followed by another one.
    pub intermediate: bool,
    /// Whether it asks for more on its reply topic: its IDs are never issued again, and what
    /// arrives after the answer is what [`Plan::carried`](crate::plan::Plan::carried) names.
    pub observe: bool,
    /// Whether its payloads begin with a [`Stamp`](crate::plan::Stamp), and how they are numbered.
    pub stamp: Option<Lines>,
    /// For answers: the delay after the pushed item was received.
    pub reactive: Option<Delay>,
    /// Bytes of the whole packet, as rendered for the first endpoint.
    pub frame_typical: usize,
    /// Bytes of the whole packet at most. A buffer with this much room is never grown.
    pub frame_longest: usize,
    pub(crate) carried: Option<Carried>,
    pub(crate) topic: Template,
    /// Those of MQTT 5.
    pub(crate) properties: Properties,
    pub(crate) alias: Option<Box<Alias>>,
    pub(crate) body: Body,
    pub(crate) fields: Fields,
    /// State word that counts the messages.
    pub(crate) counter_word: usize,
    /// [`Request::page`], computed once.
    pub(crate) page: usize,
    pub(crate) topics: Topics,
    /// Guess for the bytes of the remaining length.
    pub(crate) length_width: usize,
    pub(crate) delay_key: u64,
}

/// What the topics of one endpoint's messages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topics {
    Alike,
    Different,
}

/// How a packet says what its topic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicAs {
    /// By its name.
    Name,
    /// By its name, and from then on a number stands for it on this connection.
    Introduced,
    /// By that number.
    Alias,
}

/// Whether a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyUse {
    /// No: it ends with its acknowledgement or its write.
    None,
    /// Yes; no answer by the deadline is a timeout.
    Expected,
    /// Only when it fails; silence until the deadline is success.
    ErrorsOnly,
}

/// The payload of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    Template(Template),
    Batch {
        sample: Template,
        batch: u32,
        interval_ns: u64,
    },
    /// Printable bytes: a few that differ for each message, then a shared block over and over.
    Bytes {
        length: usize,
        key: u64,
        block: Arc<[u8]>,
    },
    Literal(Box<[u8]>),
}

/// What differs between two messages of a request.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The endpoint that sends it; for a caller's request the endpoint that it addresses.
    pub endpoint: u32,
    /// Decimal number or UUID bits; ignored without an ID.
    pub request_id: u128,
    /// Not 0 with `QoS` 1 and 2; ignored with `QoS` 0.
    pub packet_id: u16,
    /// Wall clock.
    pub moment: &'a Moment,
    /// Those of the plan.
    pub identities: &'a Identities,
    /// What is answered; [`Captures::new`] for everything else.
    pub captures: &'a Captures,
}

impl Request {
    /// Whether an answer is looked for.
    pub fn has_reply(&self) -> bool {
        self.reply != ReplyUse::None
    }

    /// Whether silence until the deadline is success.
    pub fn silence_is_ok(&self) -> bool {
        self.reply == ReplyUse::ErrorsOnly
    }

    /// The topic alias, from 1 to the number of requests that have one; `None`: its packets have the
    /// topic's name.
    pub fn alias(&self) -> Option<u16> {
        self.alias.as_ref().map(|alias| alias.number)
    }

    /// The topic of an endpoint's messages where it is the same in all of them, as for an alias it is.
    pub(crate) fn fixed_topic(&self, endpoint: u32, identities: &Identities) -> String {
        let mut topic = Vec::new();
        self.topic.render(endpoint, identities, &mut topic);
        String::from_utf8(topic).unwrap_or_default()
    }

    /// Free bytes that a sheet needs so that [`Request::encode`] does not make it grow.
    pub fn room(&self) -> usize {
        // A pen asks for its page before it knows how little of it will be used.
        self.frame_longest.saturating_add(self.page + SLACK)
    }

    /// Appends one PUBLISH packet (section 3.3) of the profile's version of MQTT, with its topic's name,
    /// and takes the next message number.
    ///
    /// `state`: the endpoint's [`Plan::state_words`](crate::plan::Plan::state_words) words, zero at first.
    pub fn encode(&self, out: &mut Sheet, message: &Message<'_>, state: &mut [u64]) {
        self.encode_after(None, TopicAs::Name, out, message, state);
    }

    /// As [`Request::encode`], after a packet of the same request and endpoint that lies in `out` at
    /// `previous`: where their topics are alike, this one's is copied. Says where the packet's own
    /// beginning lies, if it serves the next. Only a topic by its name serves, and is served.
    pub fn encode_after(
        &self,
        previous: Option<Head>,
        topic: TopicAs,
        out: &mut Sheet,
        message: &Message<'_>,
        state: &mut [u64],
    ) -> Option<Head> {
        // Decided here and not at each place: in 3.1.1 a message takes nothing more for what 5.0 has.
        if let Properties::Absent = self.properties {
            self.render::<false>(previous, &self.properties, true, out, message, state)
        } else {
            self.encode_5(previous, topic, out, message, state)
        }
    }

    #[inline(never)]
    fn encode_5(
        &self,
        previous: Option<Head>,
        topic: TopicAs,
        out: &mut Sheet,
        message: &Message<'_>,
        state: &mut [u64],
    ) -> Option<Head> {
        let (properties, named) = match (&self.alias, topic) {
            (None, _) | (_, TopicAs::Name) => (&self.properties, true),
            (Some(alias), topic) => (&alias.properties, topic == TopicAs::Introduced),
        };
        let head = self.render::<true>(previous, properties, named, out, message, state);
        head.filter(|_| topic == TopicAs::Name)
    }

    /// Appends the packet; `FIVE`: with these properties, and if it is `named` its topic's name. Each of
    /// the two has one caller, and is compiled into it.
    #[inline]
    fn render<const FIVE: bool>(
        &self,
        previous: Option<Head>,
        properties: &Properties,
        named: bool,
        out: &mut Sheet,
        message: &Message<'_>,
        state: &mut [u64],
    ) -> Option<Head> {
        let number = self.take_number(state);
        let first = number.wrapping_mul(self.samples());
        self.advance(message.endpoint, first, state);
        let values = self.values(message, first, state);
        let mut frame = Frame::begin(previous, self.length_width, out);
        out.append_after(self.page, |before, pen| {
            let mut pen = match previous {
                Some(head) => frame.same_head(&before[head.range()], pen),
                None => frame.head(self.qos, self.retain, pen, |pen| {
                    if named || !FIVE {
                        self.topic.write(&values, pen)
                    } else {
                        pen
                    }
                }),
            };
            if self.qos > 0 {
                pen = pen.first(2, &message.packet_id.to_be_bytes());
            }
            match properties {
                Properties::Alike(block) if FIVE => pen = pen.padded(block),
                Properties::Different(_) if FIVE => return pen,
                _ => {}
            }
            if let Body::Template(template) = &self.body {
                pen = template.write(&values, pen);
            }
            pen
        });
        if FIVE && let Properties::Different(different) = properties {
            different.write(&values, out);
            if let Body::Template(template) = &self.body {
                out.append(self.page, |pen| template.write(&values, pen));
            }
        }
        self.append_body::<FIVE>(first, message, number, state, out);
        let head = frame.end(out);
        head.filter(|_| self.topics == Topics::Alike)
    }

    /// Appends a payload that is no template. As [`Request::render`], one for each version.
    #[inline]
    fn append_body<const FIVE: bool>(
        &self,
        first: u64,
        message: &Message<'_>,
        number: u64,
        state: &mut [u64],
        out: &mut Sheet,
    ) {
        match &self.body {
            Body::Template(_) => {}
            Body::Literal(bytes) => out.append(bytes.len(), |pen| pen.write(bytes)),
            Body::Bytes { length, key, block } => {
                let bits = hash(*key, u64::from(message.endpoint), number);
                out.append(*length, |pen| write_bytes(bits, *length, block, pen));
            }
            Body::Batch {
                sample,
                batch,
                interval_ns,
            } => {
                for index in 0..*batch {
                    if index > 0 {
                        self.advance(message.endpoint, first + u64::from(index), state);
                    }
                    let mut values = self.values(message, first + u64::from(index), state);
                    let age = u64::from(batch - 1 - index).saturating_mul(*interval_ns);
                    values.sample_unix_ns = Some(message.moment.unix_ns().saturating_sub(age));
                    out.append(self.page, |pen| {
                        let pen = pen.byte(if index == 0 { b'[' } else { b',' });
                        sample.write(&values, pen)
                    });
                }
                out.append(1, |pen| pen.byte(b']'));
            }
        }
    }

    /// Takes the next message number without writing: everything after it is as if it had been sent.
    pub fn skip(&self, endpoint: u32, state: &mut [u64]) {
        let first = self.take_number(state).wrapping_mul(self.samples());
        for index in 0..self.samples() {
            self.advance(endpoint, first + index, state);
        }
    }

    /// How long an endpoint waits before answer `number`, in nanoseconds; 0 for what is no answer.
    pub fn reaction_ns(&self, endpoint: u32, number: u64) -> u64 {
        let bits = || hash(self.delay_key, u64::from(endpoint), number);
        self.reactive.map_or(0, |delay| delay.draw(bits()))
    }

    /// What [`Request::encode`] writes with one pen, at most, in bytes: everything up to the payload,
    /// and the payload if it is a template; of a batch each sample.
    pub(crate) fn page(&self, identities: &Identities) -> usize {
        let text = |template: &Template| template.longest(&self.fields.generators, identities);
        let payload = match &self.body {
            Body::Template(template) => text(template),
            Body::Batch { sample, .. } => text(sample),
            Body::Bytes { .. } | Body::Literal(_) => 0,
        };
        Frame::HEAD + text(&self.topic) + 2 + self.properties_longest() + payload
    }

    /// Bytes of the properties at most, an alias among them.
    fn properties_longest(&self) -> usize {
        let alias = self.alias.as_ref();
        let aliased = alias.map_or(0, |alias| alias.properties.longest());
        self.properties.longest().max(aliased)
    }

    /// Topic, packet ID, properties and payload at most, in bytes.
    pub(crate) fn longest(&self, identities: &Identities) -> usize {
        let text = |template: &Template| template.longest(&self.fields.generators, identities);
        let payload = match &self.body {
            Body::Template(template) => text(template),
            Body::Batch { sample, batch, .. } => (text(sample) + 1)
                .saturating_mul(*batch as usize)
                .saturating_add(1),
            Body::Bytes { length, .. } => *length,
            Body::Literal(bytes) => bytes.len(),
        };
        payload.saturating_add(text(&self.topic) + 4 + self.properties_longest())
    }

    fn samples(&self) -> u64 {
        if let Body::Batch { batch, .. } = self.body {
            u64::from(batch)
        } else {
            1
        }
    }

    fn take_number(&self, state: &mut [u64]) -> u64 {
        let Some(word) = state.get_mut(self.counter_word) else {
            return 0;
        };
        let number = *word;
        *word = number.wrapping_add(1);
        number
    }

    fn advance(&self, endpoint: u32, number: u64, state: &mut [u64]) {
        for generator in &self.fields.generators {
            generator.advance(endpoint, number, state);
        }
    }

    fn values<'a>(&'a self, message: &'a Message<'a>, number: u64, state: &'a [u64]) -> Values<'a> {
        Values {
            message,
            fields: &self.fields,
            sample_unix_ns: None,
            number,
            state,
        }
    }
}

/// Bytes of a generated payload that are fresh for each message.
const FRESH_BYTES: usize = 20;

#[allow(clippy::inline_always, reason = "one for each version, as its caller")]
#[inline(always)]
fn write_bytes<'p>(bits: u64, length: usize, block: &[u8], pen: Pen<'p>) -> Pen<'p> {
    let mut pen = write_printable(bits, length.min(FRESH_BYTES), pen);
    let mut left = length.saturating_sub(FRESH_BYTES);
    // Another start in the block each time: equal payloads would flatter a compressing link.
    let mut rest = &block[below(bits, block.len() as u64) as usize..];
    while left > 0 {
        let take = left.min(rest.len());
        pen = pen.write(&rest[..take]);
        left -= take;
        rest = block;
    }
    pen
}
