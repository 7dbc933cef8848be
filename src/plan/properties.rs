//! The properties of a PUBLISH of MQTT 5, from templates to bytes (5.0: sections 2.2.2 and 3.3.2.3).
//!
//! Not here: properties of other packets (the codec), and when an alias may stand for a topic (the
//! engine).

use crate::plan::compile::Compiler;
use crate::plan::encoder::{Values, remaining_length_width, write_variable};
use crate::plan::error::PlanError;
use crate::plan::generator::Generator;
use crate::plan::identities::Identities;
use crate::plan::pen::Padded;
use crate::plan::sheet::Sheet;
use crate::plan::template::{ItemIdForm, Piece, Position, Scope, Template};
use crate::plan::topic::check_topic;
use crate::profile::{self, Connections, IdPlace, Protocol, Sender};

// Identifiers of table 2-4.
const PAYLOAD_FORMAT: u8 = 0x01;
const MESSAGE_EXPIRY: u8 = 0x02;
const CONTENT_TYPE: u8 = 0x03;
const RESPONSE_TOPIC: u8 = 0x08;
const CORRELATION_DATA: u8 = 0x09;
const TOPIC_ALIAS: u8 = 0x23;
const USER_PROPERTY: u8 = 0x26;

/// Longest text of a property, in bytes (5.0: section 1.5.4).
const TEXT_MAX: usize = 65_535;

/// What stands between packet ID and payload.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Properties {
    /// Nothing, not even a length: MQTT 3.1.1.
    Absent,
    /// The same in every message, with its length in front.
    Alike(Padded),
    /// Some texts differ between messages.
    Different(Box<Different>),
}

/// Properties of which some differ.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Different {
    alike: Padded,
    texts: Vec<Text>,
    /// Guess for the bytes of the length in front.
    width: usize,
}

/// A property whose value is a text that differs.
#[derive(Debug, Clone, PartialEq)]
struct Text {
    /// Identifier, of a user property its name, and two bytes for the length of the text.
    head: Padded,
    value: Template,
    longest: usize,
}

/// The number that may stand for a request's topic.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alias {
    pub(crate) number: u16,
    /// The request's properties, and the number.
    pub(crate) properties: Properties,
}

impl Properties {
    /// Bytes at most.
    pub(crate) fn longest(&self) -> usize {
        match self {
            Self::Absent => 0,
            Self::Alike(block) => block.as_bytes().len(),
            Self::Different(different) => different.longest(),
        }
    }
}

impl Different {
    fn longest(&self) -> usize {
        let text = |text: &Text| text.head.as_bytes().len() + text.longest;
        let texts: usize = self.texts.iter().map(text).sum();
        4 + self.alike.as_bytes().len() + texts
    }

    /// Appends them, with their length in front.
    pub(crate) fn write(&self, values: &Values<'_>, out: &mut Sheet) {
        let start = out.len();
        let before = self.width + self.alike.as_bytes().len();
        out.append(before, |pen| {
            pen.first(self.width, &[0; 4]).padded(&self.alike)
        });
        for Text {
            head,
            value,
            longest,
        } in &self.texts
        {
            let at = out.len() + head.as_bytes().len();
            out.append(head.as_bytes().len() + longest, |pen| {
                value.write(values, pen.padded(head))
            });
            let length = (out.len() - at) as u16;
            out.text_from_mut(at - 2)[..2].copy_from_slice(&length.to_be_bytes());
        }
        let body = start + self.width;
        let length = out.len() - body;
        let width = remaining_length_width(length);
        if width != self.width {
            out.shift(body, start + width);
        }
        write_variable(&mut out.text_from_mut(start)[..width], length);
    }
}

/// Properties that are being put together.
#[derive(Debug, Clone, Default)]
struct Maker {
    alike: Vec<u8>,
    texts: Vec<Text>,
}

impl Maker {
    /// Adds a text behind what comes before its length.
    fn text(
        &mut self,
        head: &[u8],
        text: Template,
        place: &str,
        (generators, identities): (&[Generator], &Identities),
    ) -> Result<(), PlanError> {
        let longest = text.longest(generators, identities);
        if longest > TEXT_MAX {
            let reason = "must not be longer than 65,535 bytes (MQTT 5, section 1.5.4)";
            return Err(PlanError::value(place, reason));
        }
        let literal = match text.pieces.as_slice() {
            [] => Some(&[][..]),
            [Piece::Literal(text)] => Some(text.as_bytes()),
            _ => None,
        };
        if let Some(literal) = literal {
            self.alike.extend_from_slice(head);
            self.alike
                .extend_from_slice(&(literal.len() as u16).to_be_bytes());
            self.alike.extend_from_slice(literal);
        } else {
            let head = [head, &[0, 0]].concat();
            let head = Padded::from(head.as_slice());
            self.texts.push(Text {
                head,
                value: text,
                longest,
            });
        }
        Ok(())
    }

    fn with_alias(mut self, number: u16) -> Self {
        self.alike.push(TOPIC_ALIAS);
        self.alike.extend_from_slice(&number.to_be_bytes());
        self
    }

    fn done(self) -> Properties {
        if !self.texts.is_empty() {
            let mut different = Different {
                alike: self.alike.as_slice().into(),
                texts: self.texts,
                width: 1,
            };
            different.width = remaining_length_width(different.longest() - 4).min(2);
            return Properties::Different(Box::new(different));
        }
        let mut block = vec![0; remaining_length_width(self.alike.len())];
        write_variable(&mut block, self.alike.len());
        block.extend_from_slice(&self.alike);
        Properties::Alike(block.as_slice().into())
    }
}

impl Compiler<'_> {
    fn has_properties(&self) -> bool {
        self.profile.target.protocol == Protocol::V5
    }

    /// Those of a message without any.
    pub(crate) fn no_properties(&self) -> Properties {
        if self.has_properties() {
            Maker::default().done()
        } else {
            Properties::Absent
        }
    }

    /// Those of an answer to an item whose ID was its correlation data.
    pub(crate) fn correlated_answer(&self, place: &str) -> Result<Properties, PlanError> {
        let mut made = Maker::default();
        let pieces = vec![Piece::ItemId(ItemIdForm::Json)];
        let id = Template { pieces };
        made.text(&[CORRELATION_DATA], id, place, (&[], self.identities))?;
        Ok(made.done())
    }

    /// Those of a request, and what they are where an alias stands for its topic.
    pub(crate) fn properties<'s>(
        &self,
        request: &'s profile::Request,
        scope: Scope<'s>,
        topic: &Template,
        generators: &[Generator],
    ) -> Result<(Properties, Option<Box<Alias>>), PlanError> {
        if !self.has_properties() {
            return Ok((Properties::Absent, None));
        }
        let made = self.message_properties(request, scope, generators)?;
        let alias = request
            .topic_alias
            .then(|| self.alias_number(request, topic))
            .transpose()?;
        let alias = alias.map(|number| Alias {
            number,
            properties: made.clone().with_alias(number).done(),
        });
        Ok((made.done(), alias.map(Box::new)))
    }

    fn message_properties(
        &self,
        request: &profile::Request,
        scope: Scope<'_>,
        generators: &[Generator],
    ) -> Result<Maker, PlanError> {
        let said = &request.properties;
        let mut made = Maker::default();
        if let Some(text) = said.text {
            made.alike
                .extend_from_slice(&[PAYLOAD_FORMAT, u8::from(text)]);
        }
        if let Some(seconds) = said.expiry_s {
            made.alike.push(MESSAGE_EXPIRY);
            made.alike.extend_from_slice(&seconds.to_be_bytes());
        }
        let scope = Scope {
            topic: Some(&request.topic),
            ..scope
        };
        let place = |key: &str| format!("request {}, {key}", request.name);
        let compile = |key: &str, position: Position, text: &str| {
            let place = place(key);
            let template = scope.at(&place, position).compile(text)?;
            if template.has_request_id() && request.request_id.place == IdPlace::None {
                let reason = "{request_id} is used, but request_id.in is \"none\"";
                return Err(PlanError::RequestId { place, reason });
            }
            Ok(template)
        };
        let sources = (generators, self.identities);
        if let Some(text) = &said.content_type {
            let template = compile("content_type", Position::Payload, text)?;
            made.text(&[CONTENT_TYPE], template, &place("content_type"), sources)?;
        }
        if let Some(text) = response_topic(request) {
            let place = place("response_topic");
            let template = compile("response_topic", Position::Topic, text)?;
            check_topic(&place, &template, generators, self.identities)?;
            made.text(&[RESPONSE_TOPIC], template, &place, sources)?;
        }
        if request.request_id.place == IdPlace::CorrelationData {
            let pieces = vec![Piece::RequestId];
            let id = Template { pieces };
            made.text(&[CORRELATION_DATA], id, &place("request_id"), sources)?;
        }
        for (name, text) in &said.user_properties {
            let key = format!("user_properties.{name}");
            let template = compile(&key, Position::Payload, text)?;
            let Ok(length) = u16::try_from(name.len()) else {
                let reason = "its name must not be longer than 65,535 bytes";
                return Err(PlanError::value(place("user_properties"), reason));
            };
            let head = [&[USER_PROPERTY][..], &length.to_be_bytes(), name.as_bytes()].concat();
            made.text(&head, template, &place(&key), sources)?;
        }
        Ok(made)
    }

    /// The number for the topic of the next request.
    fn alias_number(&self, request: &profile::Request, topic: &Template) -> Result<u16, PlanError> {
        let shared = matches!(self.profile.fleet.connections, Connections::Shared(_));
        let reason = if !topic.is_fixed() {
            "stands for a topic that is the same in all messages of an endpoint, and this one is not"
        } else if shared || request.from == Sender::Caller {
            "needs a connection for each endpoint"
        } else {
            let before = self.requests.iter().filter(|one| one.alias.is_some());
            return Ok(before.count() as u16 + 1);
        };
        let place = format!("request {}, topic_alias", request.name);
        Err(PlanError::value(place, reason))
    }
}

/// Where replies are asked for: where they are looked for, unless something else is written.
fn response_topic(request: &profile::Request) -> Option<&str> {
    let written = request.properties.response_topic.as_deref();
    let reply = request.reply.as_ref();
    let heard = reply.and_then(|reply| reply.ok_topic.as_deref().or(reply.topic.as_deref()));
    // A status that only the reply tells is no part of a topic to ask for.
    let heard = heard.filter(|topic| !topic.contains("{status}"));
    let correlated = request.request_id.place == IdPlace::CorrelationData;
    written.or(heard.filter(|_| correlated))
}
