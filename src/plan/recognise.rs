//! What an incoming message is: a reply, a push, our own request coming back, or nothing of ours.
//!
//! Decided from topic and payload alone. Not here: whether a reply is late, a duplicate or an
//! orphan; only the table of outstanding requests knows.

use crate::plan::Plan;
use crate::plan::captures::Captures;
use crate::plan::identities::Identities;
use crate::plan::pattern::{Found, Listener, Pattern};
use crate::plan::pointer::unquoted;
use crate::plan::reply::{Reason, ReplyContent, ReplyOutcome, Status};
use crate::plan::request_id::RequestIdKind;

/// What an incoming message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognised<'a> {
    /// The answer to a request.
    Reply {
        /// The first request whose pattern fits. Requests of one scope may share a reply topic:
        /// with an ID, the outstanding request is the one of (endpoint, this request's scope, ID).
        request: u16,
        /// `None` for requests without IDs: first in, first out.
        id: Option<u128>,
        /// What it reports.
        outcome: ReplyOutcome,
        /// Status code, from the payload or the topic.
        status: Option<Status>,
        /// Reason text.
        reason: Option<Reason<'a>>,
        /// Without an ID: the pushed message that this may be instead, when nothing is outstanding
        /// (its captures are filled in).
        push: Option<u16>,
    },
    /// A failure that names no request ID.
    LoneError {
        /// The request that it can only belong to; `None` when there are several.
        request: Option<u16>,
        /// Status code.
        status: Option<Status>,
    },
    /// A pushed message; its captures are filled in.
    Inbound {
        /// Index into [`Plan::inbound`].
        inbound: u16,
    },
    /// A message of our own, delivered back by a broker because a subscription covers it.
    Echo,
    /// None of the above: another endpoint's, an ID that is never issued, or not of this profile.
    Unknown,
}

/// All patterns of a plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Recogniser {
    pub(crate) endpoint: Side,
    pub(crate) caller: Side,
}

/// The patterns of one kind of listener.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Side {
    pub(crate) replies: Vec<ReplyRule>,
    pub(crate) lone_errors: Vec<(u16, Pattern)>,
    /// Pushed messages, by their indices in [`Plan::inbound`].
    pub(crate) inbound: Vec<(u16, Pattern)>,
    /// Topics of our own, with what their IDs may be.
    pub(crate) echoes: Vec<(Pattern, RequestIdKind)>,
    /// Content of each request's replies; `replies` refers to it.
    pub(crate) contents: Vec<ReplyContent>,
}

/// One reply topic of one request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReplyRule {
    pub(crate) pattern: Pattern,
    pub(crate) request: u16,
    pub(crate) id_kind: RequestIdKind,
    pub(crate) meaning: TopicMeaning,
    /// Index into [`Side::contents`].
    pub(crate) content: usize,
}

/// What a reply topic says about the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TopicMeaning {
    Ok,
    Error,
    Content,
}

impl Plan {
    /// What a PUBLISH that arrived for `who` is. `captures` is scratch; it is meaningful after
    /// [`Recognised::Inbound`] and when `push` is given.
    ///
    /// A caller hears the answers of all endpoints: the parts of a topic that differ between
    /// endpoints fit any text then, and only the ID tells whose it is.
    pub fn recognise<'a>(
        &self,
        who: Listener,
        topic: &str,
        payload: &'a [u8],
        captures: &mut Captures,
    ) -> Recognised<'a> {
        let side = match who {
            Listener::Endpoint(_) => &self.recogniser.endpoint,
            Listener::Caller => &self.recogniser.caller,
        };
        side.recognise(who, topic, payload, &self.identities, captures)
    }
}

impl Side {
    fn recognise<'a>(
        &self,
        who: Listener,
        topic: &str,
        payload: &'a [u8],
        identities: &Identities,
        captures: &mut Captures,
    ) -> Recognised<'a> {
        for rule in &self.replies {
            if let Some(found) = rule.pattern.matches(topic, who, identities, captures)
                && let Some(mut reply) = rule.read(&self.contents[rule.content], found, payload)
            {
                if let Recognised::Reply { id: None, push, .. } = &mut reply {
                    *push = self.push(who, topic, identities, captures);
                }
                return reply;
            }
        }
        let mut lone = self
            .lone_errors
            .iter()
            .filter(|(_, p)| p.matches(topic, who, identities, captures).is_some());
        if let Some((request, _)) = lone.next() {
            let content = self
                .replies
                .iter()
                .find(|rule| rule.request == *request)
                .map(|rule| rule.content);
            let status = content.and_then(|index| self.contents[index].status(payload));
            return Recognised::LoneError {
                request: lone.next().is_none().then_some(*request),
                status,
            };
        }
        if let Some(inbound) = self.push(who, topic, identities, captures) {
            return Recognised::Inbound { inbound };
        }
        let ours = |(pattern, kind): &(Pattern, RequestIdKind)| {
            let found = pattern.matches(topic, who, identities, captures);
            found.is_some_and(|f| {
                f.request_id
                    .is_none_or(|id| kind.parse(id.as_bytes()).is_some())
            })
        };
        if self.echoes.iter().any(ours) {
            return Recognised::Echo;
        }
        Recognised::Unknown
    }

    fn push(
        &self,
        who: Listener,
        topic: &str,
        identities: &Identities,
        captures: &mut Captures,
    ) -> Option<u16> {
        let mut fits =
            |pattern: &Pattern| pattern.matches(topic, who, identities, captures).is_some();
        let found = self.inbound.iter().find(|(_, pattern)| fits(pattern));
        found.map(|(index, _)| *index)
    }
}

impl ReplyRule {
    /// `None` when the ID is not one that could have been issued.
    fn read<'a>(
        &self,
        content: &ReplyContent,
        found: Found<'_>,
        payload: &'a [u8],
    ) -> Option<Recognised<'a>> {
        let id = match (self.id_kind, &content.id) {
            (RequestIdKind::None, _) => None,
            (kind, None) => Some(kind.parse(found.request_id?.as_bytes())?),
            (kind, Some(pointer)) => match pointer.find(payload) {
                Some(raw) => Some(kind.parse(unquoted(raw).as_bytes())?),
                None if self.meaning == TopicMeaning::Error => {
                    let status = content.status(payload);
                    return Some(Recognised::LoneError {
                        request: Some(self.request),
                        status,
                    });
                }
                None => return None,
            },
        };
        let outcome = match self.meaning {
            TopicMeaning::Ok => ReplyOutcome::Ok,
            TopicMeaning::Error => ReplyOutcome::Error,
            TopicMeaning::Content => content.outcome(payload, found.status),
        };
        let status = found
            .status
            .map(Status::new)
            .or_else(|| content.status(payload));
        let reason = if outcome == ReplyOutcome::Ok {
            None
        } else {
            content.reason(payload)
        };
        Some(Recognised::Reply {
            request: self.request,
            id,
            outcome,
            status,
            reason,
            push: None,
        })
    }
}
