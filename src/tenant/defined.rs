//! Messages of platforms that the tenant knows by their definitions only: counted, answered, pushed.
//!
//! Puts together what the definitions say (`responder`), who is there (`endpoints`) and what goes
//! wrong on purpose (`faults`). Not here: sockets, and when a reply is ready.

use super::endpoints::EndpointId;
use super::kind::Name;
use super::platforms::{Outcome, Platforms, Recipient, Reply, Route};
use super::problem::{self, Problem};
use super::responder::{Asked, Form, Meaning, Recognised, Subscriber, Target};
use super::routes::{Known, Unanswered};
use super::sessions::ConnectionId;
use crate::mqtt::Property;

/// The first of two answers to one request: more is to come. It leaves at once.
#[derive(Debug, Default)]
pub struct Intermediate {
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
    /// To whom; `None`: there is none.
    pub to: Option<Recipient>,
}

/// A push of an inbound definition; topic and payload are in [`Platforms`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefinedPush {
    /// Place of the inbound definition.
    pub inbound: u16,
    /// Whom it is for.
    pub to: Recipient,
}

impl Platforms {
    /// A message that a definition knows: where it goes on, and what is replied.
    pub(super) fn defined(
        &mut self,
        from: ConnectionId,
        topic: &str,
        payload: &[u8],
    ) -> Option<(Route, Option<Reply>)> {
        self.intermediate.to = None;
        let found = self.responder.recognise(topic, payload)?;
        let endpoint = match self.defined_endpoint(&found) {
            Ok(endpoint) => endpoint,
            Err(problem) => {
                self.counts.received.add(Name::Defined(found.name));
                self.counts.reject(problem.name);
                return Some((Route::Nobody, None));
            }
        };
        if endpoint.is_none() && found.meaning != Meaning::Call {
            self.responder.known.spoke(from);
        }
        let name = found.name;
        let message = match found.meaning {
            Meaning::Request { definition, .. } if self.responder.answers(definition).is_some() => {
                self.counts.received.add(Name::Defined(name));
                if let Some(endpoint) = endpoint {
                    self.endpoints.spoke(endpoint, from);
                }
                let to = endpoint.map_or(Recipient::Session(from), Recipient::Endpoint);
                return Some(self.answer(&found, to));
            }
            Meaning::Request { .. } => Unanswered::Request,
            Meaning::Answer(inbound) => Unanswered::Answer(inbound),
            Meaning::Call => Unanswered::Call,
        };
        if found.steady {
            let known = Known::Defined {
                name,
                endpoint,
                message,
            };
            self.routes.keep(from, topic, known);
        }
        Some(self.unanswered(from, name, endpoint, message))
    }

    /// A message that gets no answer; a connection that is an endpoint itself is known already.
    pub(super) fn unanswered(
        &mut self,
        from: ConnectionId,
        name: u16,
        endpoint: Option<EndpointId>,
        message: Unanswered,
    ) -> (Route, Option<Reply>) {
        self.counts.received.add(Name::Defined(name));
        if message != Unanswered::Call
            && let Some(endpoint) = endpoint
        {
            self.endpoints.spoke(endpoint, from);
        }
        match message {
            Unanswered::Request => (Route::Subscribers, None),
            Unanswered::Answer(inbound) => {
                self.counts.defined_results.add(Name::Defined(inbound));
                // On a topic that names nobody, others may wait for what is meant for themselves.
                let private = endpoint.is_none() && !self.responder.has_callers();
                let route = if private {
                    Route::Private
                } else {
                    Route::Subscribers
                };
                (route, None)
            }
            Unanswered::Call => (endpoint.map_or(Route::Subscribers, Route::Endpoint), None),
        }
    }

    /// The endpoint that a topic names, new if it must be; `None`: it names none.
    fn defined_endpoint(&mut self, found: &Recognised<'_>) -> Result<Option<EndpointId>, Problem> {
        self.key.clear();
        let Some(form) = self.responder.write_identity(found, &mut self.key) else {
            return Ok(None);
        };
        let before = self.endpoints.len();
        let endpoint = self.endpoints.find(&self.key).ok_or(problem::FULL)?;
        if self.endpoints.len() > before {
            self.responder.known.add(form, endpoint);
        }
        Ok(Some(endpoint))
    }

    fn answer(&mut self, found: &Recognised<'_>, to: Recipient) -> (Route, Option<Reply>) {
        let Meaning::Request {
            definition,
            id,
            form,
        } = &found.meaning
        else {
            return (Route::Subscribers, None);
        };
        let Some(answers) = self.responder.answers(*definition) else {
            return (Route::Subscribers, None);
        };
        let route = match to {
            Recipient::Session(_) => Route::Private,
            Recipient::Endpoint(_) | Recipient::Connection(_) => Route::Nobody,
        };
        if *form == Form::Broken {
            self.counts.reject(problem::INVALID_JSON.name);
        }
        let (answer, outcome) = match form {
            Form::Broken => (&answers.invalid, Outcome::Error),
            Form::Sound if answers.error.is_some() && self.faults.fails() => {
                (&answers.error, Outcome::Error)
            }
            Form::Sound => (&answers.ok, Outcome::Ok),
        };
        // Silence may be an answer too.
        let Some(answer) = answer else {
            return (route, None);
        };
        let asked = Asked {
            values: &found.values,
            id: id.as_ref(),
            response_topic: &self.response_topic,
        };
        if let Some(first) = &answers.intermediate
            && *form == Form::Sound
        {
            let intermediate = &mut self.intermediate;
            intermediate.topic.clear();
            intermediate.payload.clear();
            first.write(&asked, &mut intermediate.topic, &mut intermediate.payload);
            intermediate.to = Some(to);
        }
        self.topic.clear();
        self.payload.clear();
        answer.write(&asked, &mut self.topic, &mut self.payload);
        let reply = Reply {
            name: Name::Defined(found.name),
            outcome,
            to,
            fate: self.faults.fate(),
        };
        (route, Some(reply))
    }

    /// Somebody who subscribed to what is pushed is there, even before the first message.
    pub(super) fn defined_subscribed(&mut self, connection: ConnectionId, filter: &str) {
        for subscriber in self.responder.subscribers(filter) {
            match subscriber {
                Subscriber::Connection => self.responder.known.spoke(connection),
                Subscriber::Endpoint(form, values) => {
                    self.key.clear();
                    super::responder::write_identity(form, values.into_iter(), &mut self.key);
                    let before = self.endpoints.len();
                    let Some(endpoint) = self.endpoints.find(&self.key) else {
                        continue;
                    };
                    if self.endpoints.len() > before {
                        self.responder.known.add(form, endpoint);
                    }
                    if self.endpoints.speaker(endpoint).is_none() {
                        self.endpoints.spoke(endpoint, connection);
                    }
                }
            }
        }
    }

    /// Makes up a push of an inbound definition for one of all endpoints there are, of the
    /// platforms that the tenant knows by itself too: `None` if it is one of those, or nobody.
    pub(super) fn push_defined(&mut self) -> Option<DefinedPush> {
        let defined = self.responder.candidates();
        if defined == 0 {
            return None;
        }
        let others = self.things.len() + self.devices.len();
        if self.random.below(defined + others) >= defined {
            return None;
        }
        let (place, target) = self.responder.choose(&mut self.random)?;
        let (identity, to) = match target {
            Target::Endpoint(endpoint) => (
                self.endpoints.identity(endpoint),
                Recipient::Endpoint(endpoint),
            ),
            Target::Connection(connection) => ("", Recipient::Session(connection)),
        };
        self.topic.clear();
        self.payload.clear();
        let (topic, payload) = (&mut self.topic, &mut self.payload);
        let (inbound, id) = self.responder.write_push(place, identity, topic, payload)?;
        self.properties.clear();
        if let Some(id) = id {
            let mut text = itoa::Buffer::new();
            let data = text.format(id).as_bytes();
            // A number is short.
            let _ = self.properties.push(Property::CorrelationData(data));
        }
        Some(DefinedPush { inbound, to })
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::super::options::TenantOptions;
    use super::*;
    use crate::profile::definitions;

    const ONE: ConnectionId = ConnectionId::new(1, 0);
    const TWO: ConnectionId = ConnectionId::new(2, 0);

    const ACME: &str = r#"
        vars = { device = "d-{endpoint}" }
        [[request]]
        name = "up"
        topic = "acme/{device}/up/{request_id}"
        reply = { ok = "acme/{device}/up/{request_id}/ok", error = "acme/{device}/up/{request_id}/error" }
        [[request]]
        name = "report"
        topic = "acme/{device}/report"
        [[request]]
        name = "slow"
        topic = "acme/{device}/slow/{request_id}"
        reply = { topic = "{topic}/state", outcome = "/state", ok = ["done"], intermediate = ["working"] }
        [[request]]
        name = "json"
        topic = "acme/{device}/json"
        payload = '{"id":{request_id}}'
        request_id = { in = "/id" }
        reply = { ok = "{topic}/ok" }
        [[request]]
        name = "own"
        topic = "acme/me/own/{request_id}"
        reply = { ok = "acme/me/own/{request_id}/ok" }
        [[request]]
        name = "call"
        from = "caller"
        topic = "acme/{device}/call/{request_id}"
        reply = { ok = "acme/{device}/called/{request_id}" }
        [[inbound]]
        name = "command"
        topic = "acme/{device}/command/{kind}"
        payload = '{"for":"{device}","id":{id}}'
        answer = [{ topic = "acme/{device}/answer/{kind}" }]
    "#;

    fn platforms(text: &str, flags: &[(&str, &str)]) -> Platforms {
        let read = |_: &Path| -> io::Result<String> { Ok(text.to_owned()) };
        let mut options = TenantOptions::default();
        for (flag, value) in flags {
            options.set(flag, value).unwrap();
        }
        options.definitions = definitions("./acme.toml", &read).unwrap();
        Platforms::new(&options)
    }

    fn written(platforms: &Platforms) -> (&str, &str) {
        let payload = std::str::from_utf8(&platforms.payload).unwrap();
        (&platforms.topic, payload)
    }

    #[test]
    fn a_request_is_answered_to_who_speaks_for_its_endpoint() {
        let mut platforms = platforms(ACME, &[]);
        let (route, reply) = platforms.publish(ONE, "acme/d-1/up/5", b"");
        let reply = reply.unwrap();
        assert_eq!((route, reply.outcome), (Route::Nobody, Outcome::Ok));
        assert_eq!(written(&platforms), ("acme/d-1/up/5/ok", ""));
        assert_eq!(platforms.speaker(reply.to), Some(ONE));
        platforms.publish(TWO, "acme/d-1/report", b"");
        assert_eq!(platforms.speaker(reply.to), Some(TWO));
        assert_eq!(platforms.counts.received.by_name()["up"], 1);
        assert_eq!(platforms.counts.received.by_name()["report"], 1);
    }

    #[test]
    fn where_no_topic_names_an_endpoint_the_connection_is_answered() {
        let mut platforms = platforms(ACME, &[]);
        let (_, reply) = platforms.publish(ONE, "acme/me/own/5", b"");
        assert_eq!(reply.unwrap().to, Recipient::Session(ONE));
        assert_eq!(written(&platforms), ("acme/me/own/5/ok", ""));
    }

    #[test]
    fn messages_that_want_no_reply_go_to_their_subscribers() {
        let mut platforms = platforms(ACME, &[]);
        let passed_on = (Route::Subscribers, None);
        assert_eq!(platforms.publish(ONE, "acme/d-1/report", b"x"), passed_on);
        assert_eq!(platforms.publish(ONE, "elsewhere", b"x"), passed_on);
        assert_eq!(platforms.counts.received.by_name()["other"], 1);
    }

    #[test]
    fn errors_are_injected_where_they_can_be_said() {
        let mut platforms = platforms(ACME, &[("error-rate", "1")]);
        let (_, reply) = platforms.publish(ONE, "acme/d-1/up/5", b"");
        assert_eq!(reply.unwrap().outcome, Outcome::Error);
        assert_eq!(written(&platforms), ("acme/d-1/up/5/error", ""));
        let (_, reply) = platforms.publish(ONE, "acme/me/own/5", b"");
        assert_eq!(reply.unwrap().outcome, Outcome::Ok);
        assert!(platforms.counts.rejected.is_empty());
    }

    #[test]
    fn what_is_no_json_is_counted_even_if_nothing_can_be_answered() {
        let mut platforms = platforms(ACME, &[]);
        let answer = platforms.publish(ONE, "acme/d-1/json", b"{");
        assert_eq!(answer, (Route::Nobody, None));
        assert_eq!(platforms.counts.rejected["invalid-json"], 1);
        platforms.publish(ONE, "acme/d-1/json", br#"{"id":7}"#);
        assert_eq!(written(&platforms), ("acme/d-1/json/ok", r#"{"id":7}"#));
    }

    #[test]
    fn more_to_come_is_said_first_and_only_for_its_request() {
        let mut platforms = platforms(ACME, &[]);
        platforms.publish(ONE, "acme/d-1/slow/5", b"");
        let first = &platforms.intermediate;
        assert_eq!(first.topic, "acme/d-1/slow/5/state");
        assert_eq!(first.payload, br#"{"state":"working"}"#);
        assert!(first.to.is_some());
        let done = r#"{"state":"done"}"#;
        assert_eq!(written(&platforms), ("acme/d-1/slow/5/state", done));
        platforms.publish(ONE, "acme/d-1/up/5", b"");
        assert_eq!(platforms.intermediate.to, None);
    }

    #[test]
    fn a_caller_reaches_the_endpoint_and_its_answer_the_subscribers() {
        let mut platforms = platforms(ACME, &[]);
        platforms.publish(ONE, "acme/d-1/report", b"");
        let (route, reply) = platforms.publish(TWO, "acme/d-1/call/5", b"");
        let Route::Endpoint(endpoint) = route else {
            panic!("{route:?}")
        };
        assert_eq!(reply, None);
        assert_eq!(platforms.speaker(Recipient::Endpoint(endpoint)), Some(ONE));
        let answer = platforms.publish(ONE, "acme/d-1/answer/reboot", b"");
        assert_eq!(answer, (Route::Subscribers, None));
        assert_eq!(platforms.counts.defined_results.by_name()["command"], 1);
        assert_eq!(platforms.counts.received.by_name()["command-answer"], 1);
    }

    #[test]
    fn pushes_have_the_values_of_their_endpoint_and_running_numbers() {
        let mut platforms = platforms(ACME, &[]);
        assert_eq!(platforms.push_defined(), None);
        platforms.publish(ONE, "acme/d-1/report", b"");
        for number in 1..3 {
            let push = platforms.push_defined().unwrap();
            assert_eq!(platforms.speaker(push.to), Some(ONE));
            let topic = format!("acme/d-1/command/{number}");
            let payload = format!(r#"{{"for":"d-1","id":{number}}}"#);
            assert_eq!(written(&platforms), (topic.as_str(), payload.as_str()));
        }
    }

    #[test]
    fn who_subscribes_to_pushes_is_there_and_does_not_take_over() {
        let mut platforms = platforms(ACME, &[]);
        for filter in ["acme/+/command/+", "#", "acme/d-2/other/+"] {
            platforms.subscribed(TWO, filter);
        }
        assert_eq!(platforms.push_defined(), None);
        platforms.subscribed(ONE, "acme/d-2/command/+");
        platforms.subscribed(TWO, "acme/d-2/command/+");
        let push = platforms.push_defined().unwrap();
        assert_eq!(platforms.speaker(push.to), Some(ONE));
    }

    #[test]
    fn connections_are_pushed_to_where_no_topic_names_an_endpoint_until_they_end() {
        let text = r#"
            [[inbound]]
            name = "rpc"
            topic = "me/rpc/{number}"
            payload = '{"id":{id}}'
        "#;
        let mut platforms = platforms(text, &[]);
        platforms.subscribed(ONE, "me/rpc/+");
        platforms.subscribed(TWO, "me/+/+");
        let pushed = |platforms: &mut Platforms| {
            let pushes = (0..64).map_while(|_| platforms.push_defined());
            pushes.map(|push| push.to).collect::<Vec<_>>()
        };
        let both = pushed(&mut platforms);
        for connection in [ONE, TWO] {
            assert!(both.contains(&Recipient::Session(connection)), "{both:?}");
        }
        platforms.responder.closed(ONE);
        let left = pushed(&mut platforms);
        assert!(left.iter().all(|to| *to == Recipient::Session(TWO)));
        platforms.responder.closed(TWO);
        assert_eq!(pushed(&mut platforms), []);
    }
}
