//! What a connection says about itself: client id, user name, will, and topic filters.
//!
//! Cold: used when connecting, and allowed to allocate. Not here: passwords (they are never part of
//! a plan) and packets.

use crate::plan::Plan;
use crate::plan::pattern::{Listener, Pattern, explicit_filter, without_overlap};
use crate::plan::template::Template;

/// What a connection is for; decides its client id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionRole {
    /// The connection of an endpoint (or of a gateway: its first endpoint), also the publishing one of two.
    Main,
    /// The subscribing one of two.
    Subscriber,
    /// The caller of this number.
    Caller(u32),
}

/// A will, rendered (section 3.1.2.5). What is the same for all endpoints stands in the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    /// Topic name.
    pub topic: String,
    /// Payload.
    pub payload: Vec<u8>,
    /// 0 to 2.
    pub qos: u8,
    /// Retain flag.
    pub retain: bool,
    /// Content type; only MQTT 5 has one, and the rest.
    pub content_type: Option<String>,
    /// Response topic.
    pub response_topic: Option<String>,
    /// User properties.
    pub user_properties: Vec<(String, String)>,
}

/// Templates of what connections say, compiled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConnectionTemplates {
    pub(crate) client_id: Template,
    pub(crate) username: Option<Template>,
    /// Of CONNECT in MQTT 5.
    pub(crate) user_properties: NamedTemplates,
    /// Certificate and key.
    pub(crate) own: Option<(Template, Template)>,
    pub(crate) will: Option<WillTemplate>,
    pub(crate) filters: Filters,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WillTemplate {
    pub(crate) topic: Template,
    pub(crate) payload: Template,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) content_type: Option<Template>,
    pub(crate) response_topic: Option<Template>,
    pub(crate) user_properties: NamedTemplates,
}

/// User properties: names with templates of their values.
pub(crate) type NamedTemplates = Vec<(String, Template)>;

/// Where topic filters of endpoints come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filters {
    Derived,
    None,
    Templates(Vec<Template>),
}

impl Plan {
    /// Appends the client id; nothing when the profile leaves the choice to the broker.
    pub fn client_id(&self, endpoint: u32, role: ConnectionRole, out: &mut String) {
        let template = &self.connection.client_id;
        if template.pieces.is_empty() {
            return;
        }
        match role {
            ConnectionRole::Caller(number) => {
                out.push_str("midge-caller-");
                out.push_str(&number.to_string());
            }
            ConnectionRole::Main | ConnectionRole::Subscriber => {
                out.push_str(&self.of_endpoint(template, endpoint));
                if role == ConnectionRole::Subscriber {
                    out.push_str("-sub");
                }
            }
        }
    }

    /// The user name, when there is one. Callers use that of endpoint 0.
    pub fn username(&self, endpoint: u32) -> Option<String> {
        self.connection
            .username
            .as_ref()
            .map(|template| self.of_endpoint(template, endpoint))
    }

    /// What its certificate and its key are read from, when it shows one: each the path of a PEM
    /// file, or PEM. Callers use those of endpoint 0.
    pub fn certificate_and_key(&self, endpoint: u32) -> Option<(String, String)> {
        let (certificate, key) = self.connection.own.as_ref()?;
        let of = |template| self.of_endpoint(template, endpoint);
        Some((of(certificate), of(key)))
    }

    /// The will of an endpoint's connection, when there is one.
    pub fn will(&self, endpoint: u32) -> Option<Will> {
        self.connection.will.as_ref().map(|will| Will {
            topic: self.of_endpoint(&will.topic, endpoint),
            payload: self.of_endpoint(&will.payload, endpoint).into_bytes(),
            qos: will.qos,
            retain: will.retain,
            content_type: self.of_endpoint_if_any(will.content_type.as_ref(), endpoint),
            response_topic: self.of_endpoint_if_any(will.response_topic.as_ref(), endpoint),
            user_properties: self.named(&will.user_properties, endpoint),
        })
    }

    /// The user properties of an endpoint's CONNECT (MQTT 5). Callers use those of endpoint 0.
    pub fn user_properties(&self, endpoint: u32) -> Vec<(String, String)> {
        self.named(&self.connection.user_properties, endpoint)
    }

    fn named(&self, templates: &NamedTemplates, endpoint: u32) -> Vec<(String, String)> {
        let named = templates.iter();
        named
            .map(|(name, value)| (name.clone(), self.of_endpoint(value, endpoint)))
            .collect()
    }

    fn of_endpoint_if_any(&self, template: Option<&Template>, endpoint: u32) -> Option<String> {
        template.map(|template| self.of_endpoint(template, endpoint))
    }

    /// Appends the topic filters of one endpoint: what can be answered or pushed to it, each
    /// topic covered once; or those that the profile lists, as they are, even if they overlap.
    /// Already there: filters of the connection's other endpoints.
    pub fn filters(&self, endpoint: u32, out: &mut Vec<String>) {
        let side = &self.recogniser.endpoint;
        match &self.connection.filters {
            Filters::None => {}
            Filters::Templates(templates) => {
                out.extend(
                    templates
                        .iter()
                        .map(|t| explicit_filter(t, endpoint, &self.identities)),
                );
            }
            Filters::Derived => {
                let who = Listener::Endpoint(endpoint);
                let replies = side.replies.iter().map(|rule| &rule.pattern);
                self.derive(replies, who, out);
                for (inbound, pattern) in &side.inbound {
                    let filter = pattern.filter(who, &self.identities);
                    let filter = self.inbound[usize::from(*inbound)].subscription(filter);
                    if !out.contains(&filter) {
                        out.push(filter);
                    }
                }
                without_overlap(out);
            }
        }
    }

    /// The topic filters of the caller of this number: the answers of every endpoint. The first
    /// caller alone also hears what is delivered without having been asked for, so that it is
    /// received once.
    pub fn caller_filters(&self, number: u32) -> Vec<String> {
        let mut filters = Vec::new();
        let side = &self.recogniser.caller;
        let replies = side.replies.iter().map(|rule| &rule.pattern);
        let pushed = side.inbound.iter().map(|(_, pattern)| pattern);
        let heard = if number == 0 { usize::MAX } else { 0 };
        self.derive(
            replies.chain(pushed.take(heard)),
            Listener::Caller,
            &mut filters,
        );
        without_overlap(&mut filters);
        filters
    }

    fn derive<'a>(
        &self,
        patterns: impl Iterator<Item = &'a Pattern>,
        who: Listener,
        out: &mut Vec<String>,
    ) {
        for pattern in patterns {
            let filter = pattern.filter(who, &self.identities);
            if !out.contains(&filter) {
                out.push(filter);
            }
        }
    }

    fn of_endpoint(&self, template: &Template, endpoint: u32) -> String {
        let mut text = Vec::new();
        template.render(endpoint, &self.identities, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }
}
