//! Templates: text with `{fields}`, compiled to literal spans and typed pieces.
//!
//! `{name}` or `{name:format}` with a name in `[a-z_][a-z0-9_]*` is a field, any other brace is
//! literal, so that JSON needs no escapes. Variables are expanded here, once, so that a worker never
//! looks up a name. Not here: rendering (the encoder) and matching (patterns).
//!
//! A name means, in this order: a generator of the request, a column of the identities, a variable,
//! a capture, `{endpoint}` (formats `:06` and `:hex32`), and in messages `{request_id}`, `{seq}`
//! (number of the message), `{uuid}`, `{now}` (formats `s`, `ms`, `iso8601`, `iso8601-basic`),
//! `{now_s}`, `{now_ms}`.

use std::collections::BTreeMap;

use crate::nearest::nearest;
use crate::plan::error::PlanError;
use crate::plan::identities::Identities;
use crate::plan::pen::Padded;
use crate::plan::text::EndpointFormat;
use crate::profile::{Generator, Part, TimestampFormat, parts};

/// One part of a compiled template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    /// Bytes that every message shares.
    Literal(Padded),
    /// The endpoint's number.
    Endpoint(EndpointFormat),
    /// A column of the identities.
    Identity(usize),
    /// Canonical decimal or UUID text.
    RequestId,
    /// The wall clock.
    Clock(TimestampFormat),
    /// A generator of the request, by its place among them.
    Generator(usize),
    /// The number of the message.
    Sequence,
    /// A random UUID, the same one everywhere in a message.
    Uuid,
    /// A topic level of the message that is answered.
    Capture(usize),
    /// The ID of the item that is answered.
    ItemId(ItemIdForm),
}

/// How an item's ID is inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemIdForm {
    /// As written in the message.
    Json,
    /// Without quotes: the template has quotes of its own around the field.
    Unquoted,
    /// Without quotes and without characters that a topic name must not have.
    Topic,
}

/// A compiled template.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Template {
    /// Neighbouring literals are one.
    pub(crate) pieces: Vec<Piece>,
}

/// Where a template stands decides which fields it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// Only what is fixed for an endpoint.
    Endpoint,
    /// The topic of a message.
    Topic,
    /// The payload of a message.
    Payload,
}

/// The names that a template may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// For errors: owner and key.
    pub(crate) place: &'a str,
    pub(crate) position: Position,
    pub(crate) vars: &'a BTreeMap<String, String>,
    pub(crate) identities: &'a Identities,
    pub(crate) generators: &'a BTreeMap<String, Generator>,
    /// Names of captures, in order.
    pub(crate) captures: &'a [String],
    /// What `{topic}` stands for.
    pub(crate) topic: Option<&'a str>,
    /// Whether `{id}` is the ID of an item.
    pub(crate) item_id: ItemIdKnown,
}

/// Whether there is an item to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemIdKnown {
    Yes,
    No,
}

const IN_MESSAGES: [&str; 6] = ["request_id", "seq", "uuid", "now", "now_s", "now_ms"];

/// Names of the fields of a template, in order, repeated as often as they are used.
pub(crate) fn field_names(text: &str) -> impl Iterator<Item = &str> {
    parts(text).into_iter().filter_map(|part| match part {
        Part::Field { name, .. } => Some(name),
        Part::Literal(_) => None,
    })
}

impl<'a> Scope<'a> {
    /// Compiles a template.
    pub(crate) fn compile(&self, text: &str) -> Result<Template, PlanError> {
        let mut template = Template::default();
        self.expand(text, &mut Vec::new(), &mut template)?;
        template.settle_item_ids(self.position);
        Ok(template)
    }

    /// The same scope for another template.
    pub(crate) fn at(self, place: &'a str, position: Position) -> Self {
        Self {
            place,
            position,
            ..self
        }
    }

    fn expand<'t>(
        &self,
        text: &'t str,
        within: &mut Vec<&'t str>,
        out: &mut Template,
    ) -> Result<(), PlanError>
    where
        'a: 't,
    {
        for part in parts(text) {
            match part {
                Part::Literal(literal) => out.push_literal(literal.as_bytes()),
                Part::Field { name, format } => self.field(name, format, within, out)?,
            }
        }
        Ok(())
    }

    fn field<'t>(
        &self,
        name: &'t str,
        format: Option<&str>,
        within: &mut Vec<&'t str>,
        out: &mut Template,
    ) -> Result<(), PlanError>
    where
        'a: 't,
    {
        let in_message =
            within.iter().all(|outer| *outer == "topic") && self.position != Position::Endpoint;
        let plain = |piece: Piece| match format {
            None => Ok(piece),
            Some(format) => Err(self.unknown_format(name, format, "it has none")),
        };
        let nested = if name == "topic" && self.topic.is_some() && !within.contains(&"topic") {
            self.topic
        } else if in_message && let Some(index) = self.generators.keys().position(|key| key == name)
        {
            out.pieces.push(plain(match self.generators[name] {
                Generator::Timestamp(format) => Piece::Clock(format),
                _ => Piece::Generator(index),
            })?);
            return Ok(());
        } else if let Some(column) = self.identities.column(name) {
            out.pieces.push(plain(Piece::Identity(column))?);
            return Ok(());
        } else {
            self.vars.get(name).map(String::as_str)
        };
        let Some(nested) = nested else {
            out.pieces.push(self.built_in(name, format, in_message)?);
            return Ok(());
        };
        plain(Piece::Sequence)?;
        if let Some(from) = within.iter().position(|outer| *outer == name) {
            let names = within[from..].iter().chain(std::iter::once(&name));
            return Err(PlanError::VariableCycle {
                names: names.map(|n| (*n).to_owned()).collect(),
            });
        }
        within.push(name);
        self.expand(nested, within, out)?;
        within.pop();
        Ok(())
    }

    fn built_in(
        &self,
        name: &str,
        format: Option<&str>,
        in_message: bool,
    ) -> Result<Piece, PlanError> {
        let plain = |piece: Piece| match format {
            None => Ok(piece),
            Some(format) => Err(self.unknown_format(name, format, "it has none")),
        };
        if in_message && let Some(index) = self.captures.iter().position(|capture| capture == name)
        {
            return plain(Piece::Capture(index));
        }
        match name {
            "endpoint" => match format {
                None => Ok(Piece::Endpoint(EndpointFormat::Plain)),
                Some(format) => EndpointFormat::parse(format)
                    .map(Piece::Endpoint)
                    .ok_or_else(|| {
                        self.unknown_format(
                            name,
                            format,
                            "known are 01 to 020 (zero-padded) and hex32",
                        )
                    }),
            },
            "id" if in_message && self.item_id == ItemIdKnown::Yes => {
                plain(Piece::ItemId(ItemIdForm::Json))
            }
            "request_id" if in_message => plain(Piece::RequestId),
            "seq" if in_message => plain(Piece::Sequence),
            "uuid" if in_message => plain(Piece::Uuid),
            "now_s" if in_message => plain(Piece::Clock(TimestampFormat::Seconds)),
            "now_ms" if in_message => plain(Piece::Clock(TimestampFormat::Milliseconds)),
            "now" if in_message => match format {
                Some("s") => Ok(Piece::Clock(TimestampFormat::Seconds)),
                None | Some("ms") => Ok(Piece::Clock(TimestampFormat::Milliseconds)),
                Some("iso8601") => Ok(Piece::Clock(TimestampFormat::Iso8601)),
                Some("iso8601-basic") => Ok(Piece::Clock(TimestampFormat::Iso8601Basic)),
                Some(other) => Err(self.unknown_format(
                    name,
                    other,
                    "known are s, ms, iso8601 and iso8601-basic",
                )),
            },
            _ => Err(self.unknown_field(name, in_message)),
        }
    }

    fn unknown_format(&self, field: &str, format: &str, known: &'static str) -> PlanError {
        let (field, format) = (field.to_owned(), format.to_owned());
        PlanError::UnknownFormat {
            place: self.place.to_owned(),
            field,
            format,
            known,
        }
    }

    fn unknown_field(&self, field: &str, in_message: bool) -> PlanError {
        let mut known: Vec<&str> = vec!["endpoint"];
        known.extend(
            self.identities
                .columns()
                .iter()
                .chain(self.vars.keys())
                .map(String::as_str),
        );
        if in_message {
            known.extend(
                self.generators
                    .keys()
                    .chain(self.captures)
                    .map(String::as_str),
            );
            known.extend(IN_MESSAGES);
        }
        let nearest = nearest(field, known.into_iter()).map(str::to_owned);
        PlanError::UnknownField {
            place: self.place.to_owned(),
            field: field.to_owned(),
            nearest,
            columns: self.identities.columns().to_vec(),
        }
    }

    /// Whether a template here would read `name` as something other than a capture.
    pub(crate) fn knows(&self, name: &str) -> bool {
        name == "endpoint" || self.identities.column(name).is_some() || self.vars.contains_key(name)
    }
}

impl Template {
    /// Whether a message's own ID is part of it.
    pub(crate) fn has_request_id(&self) -> bool {
        self.pieces.contains(&Piece::RequestId)
    }

    /// Whether all messages of an endpoint have the same text.
    pub(crate) fn is_fixed(&self) -> bool {
        let fixed = |piece: &Piece| match piece {
            Piece::Literal(_) | Piece::Endpoint(_) | Piece::Identity(_) => true,
            Piece::RequestId
            | Piece::Clock(_)
            | Piece::Generator(_)
            | Piece::Sequence
            | Piece::Uuid
            | Piece::Capture(_)
            | Piece::ItemId(_) => false,
        };
        self.pieces.iter().all(fixed)
    }

    /// The template without the whole topic level (and the slash before it) that is the request ID.
    pub(crate) fn without_request_id_level(&self) -> Option<Self> {
        let at = self
            .pieces
            .iter()
            .position(|piece| *piece == Piece::RequestId)?;
        let before = match at.checked_sub(1).map(|index| &self.pieces[index]) {
            Some(Piece::Literal(text)) => text.as_bytes().strip_suffix(b"/")?,
            _ => return None,
        };
        let after: &[u8] = match self.pieces.get(at + 1) {
            None => b"",
            Some(Piece::Literal(text)) if text.as_bytes().first() == Some(&b'/') => text.as_bytes(),
            Some(_) => return None,
        };
        let mut out = Self {
            pieces: self.pieces[..at - 1].to_vec(),
        };
        out.push_literal(before);
        out.push_literal(after);
        out.pieces
            .extend_from_slice(self.pieces.get(at + 2..).unwrap_or_default());
        (!out.has_request_id()).then_some(out)
    }

    /// Adds literal bytes, to the last piece when that is literal too.
    pub(crate) fn push_literal(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        if let Some(Piece::Literal(last)) = self.pieces.last_mut() {
            *last = [last.as_bytes(), text].concat().as_slice().into();
        } else {
            self.pieces.push(Piece::Literal(text.into()));
        }
    }

    /// `"{id}"` must not double the quotes of an ID that is a JSON string.
    fn settle_item_ids(&mut self, position: Position) {
        for index in 0..self.pieces.len() {
            let quoted = |piece: Option<&Piece>, at_end: bool| match piece {
                Some(Piece::Literal(text)) => {
                    let text = text.as_bytes();
                    (if at_end { text.last() } else { text.first() }) == Some(&b'"')
                }
                _ => false,
            };
            let before = index
                .checked_sub(1)
                .and_then(|before| self.pieces.get(before));
            let both = quoted(before, true) && quoted(self.pieces.get(index + 1), false);
            if let Piece::ItemId(form) = &mut self.pieces[index] {
                *form = match position {
                    Position::Topic => ItemIdForm::Topic,
                    _ if both => ItemIdForm::Unquoted,
                    _ => ItemIdForm::Json,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Names {
        vars: BTreeMap<String, String>,
        identities: Identities,
        generators: BTreeMap<String, Generator>,
        captures: Vec<String>,
    }

    impl Names {
        fn new(vars: &[(&str, &str)]) -> Self {
            Self {
                vars: vars
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                    .collect(),
                identities: Identities::from_csv("site\nrome\n".as_bytes(), 1, 0..1)
                    .expect("one row"),
                generators: BTreeMap::from([("temperature".to_owned(), Generator::Uuid)]),
                captures: vec!["command_type".to_owned()],
            }
        }

        fn compile(&self, text: &str) -> Result<Vec<Piece>, PlanError> {
            let scope = Scope {
                place: "request dcx, payload",
                position: Position::Payload,
                vars: &self.vars,
                identities: &self.identities,
                generators: &self.generators,
                captures: &self.captures,
                topic: Some("t/{request_id}"),
                item_id: ItemIdKnown::Yes,
            };
            scope.compile(text).map(|template| template.pieces)
        }
    }

    fn literal(text: &str) -> Piece {
        Piece::Literal(text.as_bytes().into())
    }

    #[test]
    fn json_braces_are_literal_and_fields_are_found_inside() {
        let names = Names::new(&[]);
        let text = r#"{"a":{"b":{temperature}},"c":{},"{":{seq}}"#;
        assert_eq!(
            names.compile(text).expect("a good template"),
            [
                literal(r#"{"a":{"b":"#),
                Piece::Generator(0),
                literal(r#"},"c":{},"{":"#),
                Piece::Sequence,
                literal("}")
            ]
        );
        for text in [
            "{",
            "}",
            "{}",
            "{A}",
            "{a b}",
            "{1a}",
            "{a:}",
            "{a: 1}",
            "{\"a\":1}",
            "{{",
        ] {
            assert_eq!(
                names.compile(text).expect("literal"),
                [literal(text)],
                "{text}"
            );
        }
    }

    #[test]
    fn variables_are_expanded_and_folded_into_one_literal() {
        let names = Names::new(&[
            ("app", "{name}-v1"),
            ("name", "demo"),
            ("token", "ep-{endpoint:06}"),
        ]);
        assert_eq!(
            names
                .compile("x1/{app}/dcx/{token}/{site}/json")
                .expect("a good template"),
            [
                literal("x1/demo-v1/dcx/ep-"),
                Piece::Endpoint(EndpointFormat::Padded(6)),
                literal("/"),
                Piece::Identity(0),
                literal("/json")
            ]
        );
        assert_eq!(
            names.compile("{topic}/status").expect("a good template"),
            [literal("t/"), Piece::RequestId, literal("/status")]
        );
        assert_eq!(
            names.compile("{command_type}").expect("a capture"),
            [Piece::Capture(0)]
        );
    }

    #[test]
    fn variables_in_a_circle_are_an_error() {
        let names = Names::new(&[("a", "{b}"), ("b", "x{c}"), ("c", "{b}")]);
        let error = names.compile("{a}").expect_err("a circle").to_string();
        assert_eq!(
            error,
            "fleet.vars: b -> c -> b refer to each other in a circle"
        );
    }

    #[test]
    fn an_unknown_field_names_the_place_and_the_nearest_known_one() {
        let error = Names::new(&[])
            .compile("{temprature}")
            .expect_err("unknown")
            .to_string();
        assert_eq!(
            error,
            "request dcx, payload: unknown field {temprature}; line 1 of fleet.identities has the columns site; did you mean {temperature}?"
        );
        let error = Names::new(&[])
            .compile("{zzzzzzzz}")
            .expect_err("unknown")
            .to_string();
        assert_eq!(
            error,
            "request dcx, payload: unknown field {zzzzzzzz}; line 1 of fleet.identities has the columns site"
        );
    }

    #[test]
    fn variables_hold_only_what_is_fixed_for_an_endpoint() {
        assert!(Names::new(&[("a", "{request_id}")]).compile("{a}").is_err());
        assert!(
            Names::new(&[("a", "{temperature}")])
                .compile("{a}")
                .is_err()
        );
    }

    #[test]
    fn unknown_formats_are_errors() {
        for text in [
            "{endpoint:6}",
            "{now:rfc}",
            "{seq:06}",
            "{site:x}",
            "{temperature:2}",
        ] {
            assert!(
                matches!(
                    Names::new(&[]).compile(text),
                    Err(PlanError::UnknownFormat { .. })
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn item_ids_lose_their_quotes_where_the_template_has_its_own() {
        let form = |text: &str| {
            let pieces = Names::new(&[]).compile(text).expect("a good template");
            pieces.iter().find_map(|p| {
                if let Piece::ItemId(form) = p {
                    Some(*form)
                } else {
                    None
                }
            })
        };
        assert_eq!(form(r#"{"id":{id}}"#), Some(ItemIdForm::Json));
        assert_eq!(form(r#"{"id":"{id}"}"#), Some(ItemIdForm::Unquoted));
    }

    #[test]
    fn the_level_of_the_request_id_can_be_left_out() {
        let names = Names::new(&[]);
        let without = |text: &str| {
            let template = Template {
                pieces: names.compile(text).expect("a good template"),
            };
            template.without_request_id_level().map(|t| t.pieces)
        };
        assert_eq!(
            without("a/{request_id}/error"),
            Some(vec![literal("a/error")])
        );
        assert_eq!(without("a/{request_id}"), Some(vec![literal("a")]));
        assert_eq!(without("a/$rid={request_id}"), None);
        assert_eq!(without("a/b"), None);
    }
}
