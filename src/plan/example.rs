//! What replies and pushes of a plan look like, as text for people.
//!
//! Cold. Not here: recognising them, and what a message itself looks like (encode one).

use crate::plan::pattern::Listener;
use crate::plan::reply::TopicMeaning;
use crate::plan::{Captures, Message, Plan, RequestIdKind};
use crate::profile::Sender;

/// What a reply on a topic says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyMeaning {
    /// Success.
    Ok,
    /// Failure.
    Error,
    /// What its content says.
    Content,
}

/// One topic that a reply may come on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyTopic {
    /// What a reply there says.
    pub meaning: ReplyMeaning,
    /// The topic, with the ID of the request in it.
    pub topic: String,
}

/// A pushed message as one endpoint may get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushExample {
    /// The topic filter that it needs, where the tenant delivers to subscriptions only.
    pub filter: String,
    /// Its topic; captures stand there by name: `{command_type}`.
    pub topic: String,
    /// What is captured from such a topic, without an item's ID.
    pub captures: Captures,
}

impl Plan {
    /// The topics on which the reply to a message may come; none when no reply is expected.
    pub fn reply_topics(&self, request: u16, message: &Message<'_>) -> Vec<ReplyTopic> {
        let Some(asked) = self.requests.get(usize::from(request)) else {
            return Vec::new();
        };
        let id = match asked.id_kind {
            RequestIdKind::Decimal(_) => (message.request_id as u64).to_string(),
            RequestIdKind::Uuid => uuid::Uuid::from_u128(message.request_id).to_string(),
            RequestIdKind::None => String::new(),
        };
        let side = match asked.from {
            Sender::Endpoint => &self.recogniser.endpoint,
            Sender::Caller => &self.recogniser.caller,
        };
        let rules = side.replies.iter().filter(|rule| rule.request == request);
        rules
            .map(|rule| ReplyTopic {
                meaning: match rule.meaning {
                    TopicMeaning::Ok => ReplyMeaning::Ok,
                    TopicMeaning::Error => ReplyMeaning::Error,
                    TopicMeaning::Content => ReplyMeaning::Content,
                },
                topic: rule.pattern.example(
                    message.endpoint,
                    message.identities,
                    id.as_bytes(),
                    message.captures,
                ),
            })
            .collect()
    }

    /// What a pushed message of this kind may look like to an endpoint, or to a caller.
    pub fn push_example(&self, inbound: usize, endpoint: u32) -> Option<PushExample> {
        let pushed = self.inbound.get(inbound)?;
        let (side, who) = match pushed.at {
            Sender::Endpoint => (&self.recogniser.endpoint, Listener::Endpoint(endpoint)),
            Sender::Caller => (&self.recogniser.caller, Listener::Caller),
        };
        let mut heard = side.inbound.iter();
        let (_, pattern) = heard.find(|(index, _)| usize::from(*index) == inbound)?;
        let mut captures = Captures::new();
        for name in &pushed.captures {
            captures.push(format!("{{{name}}}").as_bytes());
        }
        Some(PushExample {
            filter: pushed.subscription(pattern.filter(who, &self.identities)),
            topic: pattern.example(endpoint, &self.identities, b"", &captures),
            captures,
        })
    }
}
