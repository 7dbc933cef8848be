//! What an incoming message is: a reply, a push, our own request coming back, or nothing of ours.
//!
//! Decided from topic and payload alone. Not here: whether a reply is late, a duplicate or an
//! orphan; only the table of outstanding requests knows.

use crate::plan::Plan;
use crate::plan::captures::Captures;
use crate::plan::identities::Identities;
use crate::plan::pattern::{Found, Listener, Pattern};
use crate::plan::pointer::unquoted;
use crate::plan::reply::{Reason, ReplyContent, ReplyOutcome, Status, TopicMeaning};
use crate::plan::request_id::RequestIdKind;
use crate::plan::trie::{Fit, Trie};
use crate::profile::Sender;

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
    /// All of their patterns, once they are complete.
    trie: Trie<Rule>,
}

/// What a pattern stands for: an index into the list of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Reply(usize),
    LoneError(usize),
    Inbound(usize),
    Echo(usize),
}

/// One reply topic of one request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReplyRule {
    pub(crate) pattern: Pattern,
    pub(crate) request: u16,
    pub(crate) id_kind: RequestIdKind,
    /// Whether the ID is the correlation data.
    pub(crate) correlated: bool,
    pub(crate) meaning: TopicMeaning,
    /// Index into [`Side::contents`].
    pub(crate) content: usize,
}

/// A message that arrived, as far as it tells what it is.
#[derive(Debug, Clone, Copy)]
pub struct Heard<'t, 'a> {
    /// Its topic.
    pub topic: &'t str,
    /// Its payload.
    pub payload: &'a [u8],
    /// Its correlation data; MQTT 3.1.1 has none.
    pub correlation: Option<&'t [u8]>,
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
        let heard = Heard {
            topic,
            payload,
            correlation: None,
        };
        self.recognise_heard(who, &heard, captures)
    }

    /// The same of a message that may have correlation data (MQTT 5).
    pub fn recognise_heard<'a>(
        &self,
        who: Listener,
        heard: &Heard<'_, 'a>,
        captures: &mut Captures,
    ) -> Recognised<'a> {
        let side = match who {
            Listener::Endpoint(_) => &self.recogniser.endpoint,
            Listener::Caller => &self.recogniser.caller,
        };
        side.recognise(who, heard, &self.identities, captures)
    }
}

impl Recogniser {
    /// Makes both sides ready: all patterns are there.
    pub(crate) fn ready(mut self) -> Self {
        self.endpoint.ready(Sender::Endpoint);
        self.caller.ready(Sender::Caller);
        self
    }
}

/// What the patterns say that a message fits; of each kind the first one counts.
#[derive(Debug, Default)]
struct Meant<'a> {
    reply: Option<(usize, Recognised<'a>)>,
    lone: Option<usize>,
    /// Whether more than one failure without an ID fits.
    several: bool,
    inbound: Option<usize>,
    echo: bool,
}

/// Whether `index` comes before the one that was found.
fn is_first(index: usize, found: Option<usize>) -> bool {
    found.is_none_or(|found| index < found)
}

impl Side {
    fn ready(&mut self, heard_by: Sender) {
        let mut trie = Trie::default();
        for (index, rule) in self.replies.iter().enumerate() {
            // One that takes and reads what an earlier one does is never asked.
            let known = self.replies[..index].iter().any(|first| {
                (first.id_kind, first.correlated, first.meaning)
                    == (rule.id_kind, rule.correlated, rule.meaning)
                    && first.pattern == rule.pattern
                    && self.contents[first.content] == self.contents[rule.content]
            });
            if !known {
                trie.add(&rule.pattern, heard_by, Rule::Reply(index));
            }
        }
        for (index, (_, pattern)) in self.lone_errors.iter().enumerate() {
            trie.add(pattern, heard_by, Rule::LoneError(index));
        }
        for (index, (_, pattern)) in self.inbound.iter().enumerate() {
            trie.add(pattern, heard_by, Rule::Inbound(index));
        }
        for (index, (pattern, _)) in self.echoes.iter().enumerate() {
            trie.add(pattern, heard_by, Rule::Echo(index));
        }
        self.trie = trie;
    }

    fn recognise<'a>(
        &self,
        who: Listener,
        heard: &Heard<'_, 'a>,
        identities: &Identities,
        captures: &mut Captures,
    ) -> Recognised<'a> {
        let topic = heard.topic;
        let mut meant = Meant::default();
        self.trie
            .each_fit(topic, who, identities, &mut |rule, fit| match *rule {
                Rule::Reply(index) if is_first(index, meant.reply.map(|(index, _)| index)) => {
                    let rule = &self.replies[index];
                    let read = rule.read(&self.contents[rule.content], fit.found(), heard);
                    if let Some(reply) = read {
                        meant.reply = Some((index, reply));
                    }
                }
                Rule::LoneError(index) => {
                    meant.several = meant.lone.is_some();
                    let first = meant.lone.map_or(index, |first| first.min(index));
                    meant.lone = Some(first);
                }
                Rule::Inbound(index) if is_first(index, meant.inbound) => {
                    if fit.capture(captures) {
                        meant.inbound = Some(index);
                    } else if let Some(index) = meant.inbound {
                        // Its captures were overwritten.
                        let pattern = &self.inbound[index].1;
                        pattern.matches(topic, who, identities, captures);
                    }
                }
                Rule::Echo(index) => meant.echo |= self.is_echo(index, fit),
                Rule::Reply(_) | Rule::Inbound(_) => {}
            });
        self.settle(&meant, heard.payload)
    }

    /// Our own messages have IDs that may have been issued.
    fn is_echo(&self, index: usize, fit: &Fit<'_>) -> bool {
        let kind = self.echoes[index].1;
        let id = fit.found().request_id;
        id.is_none_or(|id| kind.parse(id.as_bytes()).is_some())
    }

    /// A reply goes before a failure without an ID, that before a push, and all before an echo.
    fn settle<'a>(&self, meant: &Meant<'a>, payload: &'a [u8]) -> Recognised<'a> {
        let inbound = meant.inbound.map(|index| self.inbound[index].0);
        if let Some((_, mut reply)) = meant.reply {
            if let Recognised::Reply { id: None, push, .. } = &mut reply {
                *push = inbound;
            }
            return reply;
        }
        if let Some(index) = meant.lone {
            let request = self.lone_errors[index].0;
            let rule = self.replies.iter().find(|rule| rule.request == request);
            let said = rule
                .map(|rule| self.contents[rule.content].read(payload, TopicMeaning::Error))
                .unwrap_or_default();
            return Recognised::LoneError {
                request: (!meant.several).then_some(request),
                status: said.status(),
            };
        }
        match inbound {
            Some(inbound) => Recognised::Inbound { inbound },
            None if meant.echo => Recognised::Echo,
            None => Recognised::Unknown,
        }
    }
}

impl ReplyRule {
    /// `None` when the ID is not one that could have been issued.
    fn read<'a>(
        &self,
        content: &ReplyContent,
        found: Found<'_>,
        heard: &Heard<'_, 'a>,
    ) -> Option<Recognised<'a>> {
        let id_in_payload = content.has_id();
        let outside = match self.id_kind {
            RequestIdKind::None => None,
            _ if id_in_payload => None,
            kind if self.correlated => match heard.correlation {
                Some(data) => Some(kind.parse(data)?),
                // As an error without an ID in its payload.
                None if self.meaning == TopicMeaning::Error => None,
                None => return None,
            },
            kind => Some(kind.parse(found.request_id?.as_bytes())?),
        };
        let said = content.read(heard.payload, self.meaning);
        let id = match (self.id_kind, said.id) {
            (RequestIdKind::None, _) => None,
            _ if outside.is_some() => outside,
            (kind, Some(raw)) => Some(kind.parse(unquoted(raw).as_bytes())?),
            (_, None) if self.meaning == TopicMeaning::Error => {
                return Some(Recognised::LoneError {
                    request: Some(self.request),
                    status: said.status(),
                });
            }
            (_, None) => return None,
        };
        let outcome = match self.meaning {
            TopicMeaning::Ok => ReplyOutcome::Ok,
            TopicMeaning::Error => ReplyOutcome::Error,
            TopicMeaning::Content => content.outcome(&said, found.status),
        };
        let status = found.status.map(Status::new).or_else(|| said.status());
        let reason = if outcome == ReplyOutcome::Ok {
            None
        } else {
            said.reason()
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

#[cfg(test)]
mod tests;
