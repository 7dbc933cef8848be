//! What a reply says besides which request it answers: its ID in the payload, outcome and status.
//!
//! Values are borrowed from the payload or small and on the stack. Not here: topics (patterns) and
//! whether anybody still waits for it (the engine).

use std::borrow::Cow;

use crate::plan::error::PlanError;
use crate::plan::pointer::{Pointer, find_all, unquoted};
use crate::profile::{self, OutcomeIn};

/// The outcome that a reply reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyOutcome {
    /// Success; final.
    Ok,
    /// Failure; final. Also an outcome that the profile does not list.
    Error,
    /// More is to come.
    Intermediate,
}

/// A status code: a number or a short text, as it was written; cut off after 23 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status {
    bytes: [u8; 23],
    length: u8,
}

impl Status {
    /// Keeps as many whole characters as fit.
    pub fn new(text: &str) -> Self {
        let mut bytes = [0; 23];
        let length = text.floor_char_boundary(bytes.len());
        bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
        Self {
            bytes,
            length: length as u8,
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl std::fmt::Debug for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

/// A reason, borrowed from the payload as it was written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason<'a>(pub(crate) &'a str);

impl<'a> Reason<'a> {
    /// The text without quotes and escapes; allocates only when there are escapes.
    pub fn text(self) -> Cow<'a, str> {
        if self.0.starts_with('"') && self.0.contains('\\') {
            return serde_json::from_str(self.0).map_or(Cow::Borrowed(self.0), Cow::Owned);
        }
        Cow::Borrowed(unquoted(self.0))
    }
}

/// What a reply topic says about the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TopicMeaning {
    Ok,
    Error,
    Content,
}

/// What the payload of a reply holds, as it was written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Said<'a> {
    /// The request ID.
    pub(crate) id: Option<&'a str>,
    outcome: Option<&'a str>,
    status: Option<&'a str>,
    reason: Option<&'a str>,
}

impl<'a> Said<'a> {
    /// The status; `null` is none.
    pub(crate) fn status(&self) -> Option<Status> {
        let status = self.status.filter(|raw| *raw != "null")?;
        Some(Status::new(unquoted(status)))
    }

    /// The reason; `null` is none.
    pub(crate) fn reason(&self) -> Option<Reason<'a>> {
        self.reason.filter(|raw| *raw != "null").map(Reason)
    }
}

/// Where the parts of a request's replies are.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ReplyContent {
    id: Option<Pointer>,
    status: Option<Pointer>,
    reason: Option<Pointer>,
    outcome: Option<(ValuePlace, profile::Outcome)>,
}

/// Where the value stands that decides the outcome.
#[derive(Debug, Clone, PartialEq)]
enum ValuePlace {
    Payload(Pointer),
    Topic,
}

impl ReplyContent {
    pub(crate) fn compile(
        place: &str,
        reply: &profile::Reply,
        id: Option<&str>,
    ) -> Result<Self, PlanError> {
        let pointer = |key: &str, text: Option<&str>| {
            text.map(|text| parse_pointer(&format!("{place}, {key}"), text))
                .transpose()
        };
        let outcome = match &reply.outcome {
            None => None,
            Some(outcome) => {
                let value = match &outcome.place {
                    OutcomeIn::Topic => ValuePlace::Topic,
                    OutcomeIn::Payload(text) => {
                        let place = format!("{place}, reply.outcome");
                        ValuePlace::Payload(parse_pointer(&place, text)?)
                    }
                };
                Some((value, outcome.clone()))
            }
        };
        Ok(Self {
            id: pointer("request_id.in", id)?,
            status: pointer("reply.status", reply.status.as_deref())?,
            reason: pointer("reply.reason", reply.reason.as_deref())?,
            outcome,
        })
    }

    /// What the payload holds of that which a reply on a topic of this meaning is asked for. It
    /// is read once.
    #[inline]
    pub(crate) fn read<'a>(&self, payload: &'a [u8], meaning: TopicMeaning) -> Said<'a> {
        // Most replies that tell all by their topic have none.
        if payload.is_empty() {
            return Said::default();
        }
        let outcome = match &self.outcome {
            Some((ValuePlace::Payload(pointer), _)) => Some(pointer),
            _ => None,
        };
        let pointers = [
            self.id.as_ref(),
            outcome.filter(|_| meaning == TopicMeaning::Content),
            self.status.as_ref(),
            self.reason.as_ref().filter(|_| meaning != TopicMeaning::Ok),
        ];
        let [id, outcome, status, reason] = find_all(pointers, payload);
        Said {
            id,
            outcome,
            status,
            reason,
        }
    }

    /// Whether the request ID stands in the payload.
    pub(crate) fn has_id(&self) -> bool {
        self.id.is_some()
    }

    /// The outcome of a reply whose topic does not tell: by the value in its payload or its topic.
    /// Without such a value there is only success.
    pub(crate) fn outcome(&self, said: &Said<'_>, topic_status: Option<&str>) -> ReplyOutcome {
        let Some((place, outcome)) = &self.outcome else {
            return ReplyOutcome::Ok;
        };
        let value = match place {
            ValuePlace::Payload(_) => said.outcome.map_or("", unquoted),
            ValuePlace::Topic => topic_status.unwrap_or_default(),
        };
        let listed = |values: &[String]| values.iter().any(|listed| listed == value);
        if listed(&outcome.ok) {
            ReplyOutcome::Ok
        } else if listed(&outcome.intermediate) {
            ReplyOutcome::Intermediate
        } else if outcome.ok.is_empty() && !listed(&outcome.error) && is_2xx(value) {
            ReplyOutcome::Ok
        } else {
            ReplyOutcome::Error
        }
    }

    /// Whether the topic must hold the value that decides.
    pub(crate) fn needs_topic_status(&self) -> bool {
        matches!(self.outcome, Some((ValuePlace::Topic, _)))
    }
}

fn is_2xx(value: &str) -> bool {
    matches!(value.as_bytes(), [b'2', b'0'..=b'9', b'0'..=b'9'])
}

pub(crate) fn parse_pointer(place: &str, text: &str) -> Result<Pointer, PlanError> {
    Pointer::parse(text).ok_or_else(|| PlanError::InvalidPointer {
        place: place.to_owned(),
        pointer: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_short_text() {
        assert_eq!(Status::new("404").as_str(), "404");
        assert_eq!(Status::new(&"ü".repeat(20)).as_str(), "ü".repeat(11));
        assert_eq!(std::mem::size_of::<Status>(), 24);
    }

    #[test]
    fn a_reason_loses_quotes_and_escapes() {
        assert_eq!(Reason("\"Not found\"").text(), "Not found");
        assert_eq!(Reason(r#""a\"b\u00fc""#).text(), "a\"bü");
        assert_eq!(Reason("12").text(), "12");
    }

    #[test]
    fn outcomes_follow_the_payload_field() {
        let reply = profile::Reply {
            outcome: Some(profile::Outcome {
                place: OutcomeIn::Payload("/state".into()),
                ok: vec!["completed".into(), "200".into()],
                error: vec!["error".into()],
                intermediate: vec!["log".into()],
            }),
            status: Some("/code".into()),
            ..profile::Reply::default()
        };
        let content = ReplyContent::compile("request r", &reply, None).expect("good pointers");
        let said = |payload: &'static str| content.read(payload.as_bytes(), TopicMeaning::Content);
        let outcome = |payload| content.outcome(&said(payload), None);
        assert_eq!(outcome(r#"{"state":"completed"}"#), ReplyOutcome::Ok);
        assert_eq!(outcome(r#"{"state":200}"#), ReplyOutcome::Ok);
        assert_eq!(outcome(r#"{"state":"log"}"#), ReplyOutcome::Intermediate);
        for payload in [r#"{"state":"error"}"#, r#"{"state":"what"}"#, "{}", "", "{"] {
            assert_eq!(outcome(payload), ReplyOutcome::Error, "{payload}");
        }
        assert_eq!(said(r#"{"code":404}"#).status(), Some(Status::new("404")));
        assert_eq!(said(r#"{"code":null}"#).status(), None);
    }

    fn by_topic(
        ok: &[&str],
        error: &[&str],
        intermediate: &[&str],
    ) -> impl Fn(&str) -> ReplyOutcome {
        let texts = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
        let reply = profile::Reply {
            outcome: Some(profile::Outcome {
                place: OutcomeIn::Topic,
                ok: texts(ok),
                error: texts(error),
                intermediate: texts(intermediate),
            }),
            ..profile::Reply::default()
        };
        let content = ReplyContent::compile("request r", &reply, None).expect("no pointers");
        move |status| {
            let said = content.read(b"{\"status\":\"200\"}", TopicMeaning::Content);
            content.outcome(&said, Some(status))
        }
    }

    #[test]
    fn every_2xx_in_the_topic_is_success_unless_the_lists_say_otherwise() {
        let outcome = by_topic(&[], &["299"], &["202"]);
        for ok in ["200", "204", "298"] {
            assert_eq!(outcome(ok), ReplyOutcome::Ok, "{ok}");
        }
        assert_eq!(outcome("202"), ReplyOutcome::Intermediate);
        for error in ["299", "304", "429", "500", "2", "20", "2000", "2xx", "ok"] {
            assert_eq!(outcome(error), ReplyOutcome::Error, "{error}");
        }
    }

    #[test]
    fn listed_statuses_in_the_topic_replace_2xx() {
        let outcome = by_topic(&["204", "done"], &[], &[]);
        assert_eq!(outcome("204"), ReplyOutcome::Ok);
        assert_eq!(outcome("done"), ReplyOutcome::Ok);
        assert_eq!(outcome("200"), ReplyOutcome::Error);
    }

    #[test]
    fn a_bad_pointer_names_its_place() {
        let reply = profile::Reply {
            status: Some("code".into()),
            ..profile::Reply::default()
        };
        let error = ReplyContent::compile("request r", &reply, None)
            .expect_err("no slash")
            .to_string();
        assert_eq!(
            error,
            "request r, reply.status: `code` is not a JSON pointer; it must be empty or begin with `/`"
        );
    }
}
