//! What a PUBLISH means: to which platform it belongs, what is replied, and to whom it goes on.
//!
//! Knows endpoints and counts, but neither sockets nor time nor how a message is delivered. The
//! texts of what is to be sent are left in `topic` and `payload`, which are used again each time.

use super::commands::Commands;
use super::defined::Intermediate;
use super::enapter::{self, Direction};
use super::endpoints::{Contact, EndpointId, Endpoints};
use super::faults::{Fate, Faults};
use super::instances::Extension;
use super::kaa::{IGNORED_PATH, Resource};
use super::kaa_address;
use super::kind::{Kind, Name};
use super::options::{OnConnect, TenantOptions};
use super::problem::{self, Problem};
use super::random::{Random, Stream};
use super::report::Counts;
use super::responder::Responder;
use super::routes::{Known, Routes, repeated};
use super::rules::Rules;
use super::sessions::ConnectionId;
use super::terms::Asked;
use crate::mqtt::{Property, PropertyList};

/// More endpoints than any fleet of one machine has.
const ENDPOINTS_MAX: usize = 4_000_000;
/// Commands that are remembered, open and finished ones.
const COMMANDS_MAX: usize = 200_000;

/// To whom a PUBLISH goes on, apart from the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// To nobody.
    Nobody,
    /// To nobody, and nor would a broker send it on: its topic is the connection's own, and other
    /// connections mean themselves by it.
    Private,
    /// To the connections that subscribed to it.
    Subscribers,
    /// To this endpoint.
    Endpoint(EndpointId),
}

/// To whom a reply goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// To the connection that speaks for this endpoint when the reply is ready.
    Endpoint(EndpointId),
    /// To this connection; the request named no endpoint.
    Connection(ConnectionId),
    /// To this connection and no other, because it is the endpoint: no topic names one.
    Session(ConnectionId),
}

/// Whether a reply says that all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It does.
    Ok,
    /// It is an error.
    Error,
}

/// A reply to one request; topic and payload are in [`Platforms`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The name of the request.
    pub name: Name,
    /// Ok or error.
    pub outcome: Outcome,
    /// Whom it is for.
    pub to: Recipient,
    /// What becomes of it.
    pub fate: Fate,
}

/// The platforms, their endpoints and what has been counted.
#[derive(Debug)]
pub struct Platforms {
    /// All counters of the report.
    pub counts: Counts,
    /// Topic of the last reply or push.
    pub topic: String,
    /// Payload of the last reply or push.
    pub payload: Vec<u8>,
    /// What goes with replies to the message at hand.
    pub properties: PropertyList,
    /// Where it asks for its reply; empty: it does not.
    pub(super) response_topic: String,
    pub(super) rules: Rules,
    pub(super) endpoints: Endpoints,
    /// Kaa endpoints.
    pub(super) things: Vec<EndpointId>,
    /// Enapter devices.
    pub(super) devices: Vec<EndpointId>,
    pub(super) commands: Commands,
    pub(super) faults: Faults,
    pub(super) random: Random,
    /// A Kaa endpoint that is sent its configurations because it has just come, and which is next.
    pub(super) greeted: Option<(EndpointId, usize)>,
    /// Pushes of commands so far; types take turns.
    pub(super) command_turn: usize,
    pub(super) key: String,
    pub(super) routes: Routes,
    pub(super) responder: Responder,
    /// What goes before the last reply.
    pub(super) intermediate: Intermediate,
}

impl Platforms {
    /// As the options ask for.
    pub fn new(options: &TenantOptions) -> Self {
        let responder = Responder::new(&options.definitions);
        Self {
            counts: Counts::of(&responder.names, &responder.inbound),
            responder,
            intermediate: Intermediate::default(),
            topic: String::new(),
            payload: Vec::new(),
            properties: PropertyList::new(),
            response_topic: String::new(),
            rules: Rules::new(options),
            endpoints: Endpoints::new(ENDPOINTS_MAX),
            things: Vec::new(),
            devices: Vec::new(),
            commands: Commands::new(COMMANDS_MAX),
            faults: Faults::new(options),
            random: Random::new(options.seed, Stream::Pushes),
            greeted: None,
            command_turn: 0,
            key: String::new(),
            routes: Routes::default(),
        }
    }

    /// What the next message says about its reply. Correlation data are for whoever asked, so every reply
    /// has them; where replies go is the platform's affair, unless the definition leaves it to the request.
    pub fn asked(&mut self, asked: Asked<'_>) {
        self.properties.clear();
        if let Some(data) = asked.correlation {
            // As long as in the request, so it fits.
            let _ = self.properties.push(Property::CorrelationData(data));
        }
        self.response_topic.clear();
        self.response_topic
            .push_str(asked.topic.unwrap_or_default());
    }

    /// A message from a connection: where it goes on, and what is replied.
    pub fn publish(
        &mut self,
        from: ConnectionId,
        topic: &str,
        payload: &[u8],
    ) -> (Route, Option<Reply>) {
        let (resource, id) = repeated(topic);
        match self.routes.find(from, resource) {
            Some(Known::Kaa {
                spans,
                endpoint,
                kind,
                resource: about,
            }) => {
                let address = kaa_address::Address::again(spans, resource, id);
                self.speak(from, endpoint, &address);
                let found = (kind, Ok(about));
                (
                    Route::Nobody,
                    self.kaa(from, &address, Ok(endpoint), found, payload),
                )
            }
            Some(Known::Enapter {
                device,
                direction,
                kind,
            }) => (
                self.enapter(from, Ok(device), (direction, kind), payload),
                None,
            ),
            Some(Known::Defined {
                name,
                endpoint,
                message,
            }) => self.unanswered(from, name, endpoint, message),
            Some(Known::Other) => self.other(),
            None => self.publish_unknown(from, topic, payload),
        }
    }

    /// A message whose topic is met for the first time, or is not worth keeping.
    fn publish_unknown(
        &mut self,
        from: ConnectionId,
        topic: &str,
        payload: &[u8],
    ) -> (Route, Option<Reply>) {
        if let Some(address) = kaa_address::Address::parse(topic) {
            let found = self.rules.resource(&address);
            let endpoint = self.kaa_endpoint(from, &address);
            if let (Ok(endpoint), (kind, Ok(resource))) = (endpoint, found) {
                let spans = address.spans();
                let known = Known::Kaa {
                    spans,
                    endpoint,
                    kind,
                    resource,
                };
                self.routes.keep(from, address.resource, known);
            }
            let reply = self.kaa(from, &address, endpoint, found, payload);
            return (Route::Nobody, reply);
        }
        if let Some(address) = enapter::Address::parse(topic) {
            let device = self.device(&address);
            let (direction, kind) = (address.direction, address.kind());
            if let Ok(device) = device
                && kind != Kind::Unknown
            {
                let known = Known::Enapter {
                    device,
                    direction,
                    kind,
                };
                self.routes.keep(from, topic, known);
            }
            let route = self.enapter(from, device, (direction, kind), payload);
            return (route, None);
        }
        if topic.starts_with("kp1/") {
            self.counts.received.add(Kind::Unknown);
            self.counts.reject(problem::MALFORMED_TOPIC.name);
            return (Route::Nobody, None);
        }
        if let Some(handled) = self.defined(from, topic, payload) {
            return handled;
        }
        self.routes.keep(from, topic, Known::Other);
        self.other()
    }

    fn other(&mut self) -> (Route, Option<Reply>) {
        self.counts.received.add(Kind::Other);
        (Route::Subscribers, None)
    }

    fn kaa(
        &mut self,
        from: ConnectionId,
        address: &kaa_address::Address,
        endpoint: Result<EndpointId, Problem>,
        (kind, resource): (Kind, Result<Resource, Problem>),
        payload: &[u8],
    ) -> Option<Reply> {
        self.topic.clear();
        self.payload.clear();
        self.counts.received.add(kind);
        let decided = resource.and_then(|resource| self.rules.action(resource, address, payload));
        let outcome = match (endpoint, decided) {
            (Err(problem), _) | (_, Err(problem)) => Err(problem),
            // Without an ID there is no reply that could become an error.
            (Ok(_), Ok(_)) if address.id.is_some() && self.faults.fails() => Err(problem::INJECTED),
            (Ok(endpoint), Ok(action)) => match self.endpoints.thing(endpoint) {
                None => Err(problem::FULL),
                Some(thing) => {
                    thing.perform(action, &self.rules, &mut self.payload, &mut self.counts)
                }
            },
        };
        if let Err(problem) = outcome {
            self.payload.clear();
            problem.write(&mut self.payload);
            if problem != problem::INJECTED {
                self.counts.reject(problem.name);
            }
            if problem == IGNORED_PATH {
                return None;
            }
        } else if !kind.answers_without_id() {
            // Success is told only to those who gave an ID.
            address.id?;
        }
        address.write_reply_topic(outcome, &mut self.topic);
        Some(Reply {
            name: kind.into(),
            outcome: if outcome.is_ok() {
                Outcome::Ok
            } else {
                Outcome::Error
            },
            to: endpoint.map_or(Recipient::Connection(from), Recipient::Endpoint),
            fate: self.faults.fate(),
        })
    }

    fn kaa_endpoint(
        &mut self,
        from: ConnectionId,
        address: &kaa_address::Address,
    ) -> Result<EndpointId, Problem> {
        self.rules.admit(address)?;
        self.key.clear();
        for part in ["kp1/", address.family(), "/", address.token] {
            self.key.push_str(part);
        }
        let before = self.endpoints.len();
        let endpoint = self.endpoints.find(&self.key).ok_or(problem::FULL)?;
        if self.endpoints.len() > before {
            self.things.push(endpoint);
        }
        self.speak(from, endpoint, address);
        Ok(endpoint)
    }

    /// A Kaa endpoint speaks.
    fn speak(&mut self, from: ConnectionId, endpoint: EndpointId, address: &kaa_address::Address) {
        let contacts = [
            self.endpoints.spoke(endpoint, from),
            self.endpoints.spoke_as(endpoint, address.application),
        ];
        if contacts.contains(&Contact::First) {
            self.meet(endpoint);
        }
    }

    /// A Kaa endpoint has come: on another connection, or as another application version.
    fn meet(&mut self, endpoint: EndpointId) {
        let on_connect = self.rules.on_connect;
        let first = self.rules.instances.first(Extension::Configuration);
        let Some(thing) = self.endpoints.thing(endpoint) else {
            return;
        };
        thing.moved();
        if on_connect == OnConnect::Configuration {
            thing.configurations.ensure_settings(first, on_connect);
            self.greeted = Some((endpoint, 0));
        }
    }

    /// A connection subscribed: a filter for the commands of one device speaks for that device,
    /// unless somebody did already.
    pub fn subscribed(&mut self, connection: ConnectionId, filter: &str) {
        self.defined_subscribed(connection, filter);
        let Some(address) = enapter::Address::parse(filter) else {
            return;
        };
        let names_a_device =
            !address.hardware.contains(['+', '#']) && !address.channel.contains(['+', '#']);
        if address.direction == Direction::To
            && names_a_device
            && let Ok(device) = self.device(&address)
            && self.endpoints.speaker(device).is_none()
        {
            self.endpoints.spoke(device, connection);
        }
    }

    /// A connection has ended.
    pub fn closed(&mut self, connection: ConnectionId) {
        self.routes.closed(connection);
        self.responder.closed(connection);
    }

    /// The connection that last spoke for an endpoint; it may be closed by now.
    pub fn speaker(&self, to: Recipient) -> Option<ConnectionId> {
        match to {
            Recipient::Endpoint(endpoint) => self.endpoints.speaker(endpoint),
            Recipient::Connection(connection) | Recipient::Session(connection) => Some(connection),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ConnectionId = ConnectionId::new(1, 0);
    const TWO: ConnectionId = ConnectionId::new(2, 0);

    fn platforms(flags: &[(&str, &str)]) -> Platforms {
        let mut options = TenantOptions::default();
        for (flag, value) in flags {
            options.set(flag, value).unwrap();
        }
        Platforms::new(&options)
    }

    #[test]
    fn a_request_without_an_id_is_answered_only_if_it_is_wrong() {
        let mut platforms = platforms(&[]);
        assert_eq!(
            platforms.publish(ONE, "kp1/a-1/dcx/t/json", b"1"),
            (Route::Nobody, None)
        );
        let (_, reply) = platforms.publish(ONE, "kp1/a-1/dcx/t/json", b"{");
        assert_eq!(reply.unwrap().outcome, Outcome::Error);
        assert_eq!(platforms.topic, "kp1/a-1/dcx/t/json/error");
        assert_eq!(platforms.counts.received.by_name()["dcx-json"], 2);
        assert_eq!(platforms.counts.rejected["invalid-json"], 1);
    }

    #[test]
    fn some_requests_without_an_id_are_answered_because_the_answer_is_the_point() {
        let mut platforms = platforms(&[]);
        for (topic, payload) in [
            ("kp1/a-1/cex/t/command/set_power", "{}"),
            ("kp1/a-1/cmx/t/config/json", "{}"),
            ("kp1/a-1/cmx_ota/t/config/json", "{}"),
            ("kp1/a-1/bcx/t/token", ""),
        ] {
            let (_, reply) = platforms.publish(ONE, topic, payload.as_bytes());
            assert_eq!(reply.unwrap().outcome, Outcome::Ok, "{topic}");
            assert_eq!(platforms.topic, format!("{topic}/status"));
        }
        let (_, reply) = platforms.publish(
            ONE,
            "kp1/a-1/cmx_ota/t/applied/json",
            br#"{"configId":"1.0.1"}"#,
        );
        assert_eq!(reply, None);
        assert_eq!(platforms.counts.results["applied"], 1);
    }

    #[test]
    fn software_is_pushed_only_to_those_that_speak_of_it() {
        let mut platforms = platforms(&[]);
        let pushed = |platforms: &mut Platforms| {
            let names = (0..64).map(|_| platforms.push_config().unwrap().name);
            names.collect::<std::collections::BTreeSet<_>>()
        };
        platforms.publish(ONE, "kp1/a-1/cmx/t/config/json", b"{}");
        assert!(pushed(&mut platforms).iter().eq(["config"].iter()));
        platforms.publish(ONE, "kp1/a-1/cmx_ota/t/config/json", b"{}");
        let both = pushed(&mut platforms);
        assert!(both.iter().eq(["config", "ota-config"].iter()));
        while platforms.push_config().unwrap().name == "config" {}
        assert_eq!(platforms.topic, "kp1/a-1/cmx_ota/t/config/json/status");
        assert!(platforms.payload.starts_with(br#"{"configId":"1.0."#));
    }

    #[test]
    fn replies_go_to_the_latest_speaker_of_a_token() {
        let mut platforms = platforms(&[]);
        let (_, reply) = platforms.publish(ONE, "kp1/a-1/dcx/t/json/1", b"1");
        let to = reply.unwrap().to;
        assert_eq!(platforms.speaker(to), Some(ONE));
        platforms.publish(TWO, "kp1/a-2/dcx/t/json", b"1");
        assert_eq!(platforms.speaker(to), Some(TWO));
        platforms.publish(ONE, "kp1/b-1/dcx/t/json", b"1");
        assert_eq!(platforms.speaker(to), Some(TWO));
    }

    #[test]
    fn an_injected_error_changes_nothing() {
        let mut broken = platforms(&[("error-rate", "1")]);
        let (_, reply) = broken.publish(ONE, "kp1/a-1/epmx/t/update/1", br#"{"a":1}"#);
        assert_eq!(reply.unwrap().outcome, Outcome::Error);
        assert_eq!(
            broken.payload,
            br#"{"statusCode":500,"reasonPhrase":"Internal Server Error"}"#
        );
        assert!(broken.counts.rejected.is_empty());
        // Without an ID nothing is replied, so nothing goes wrong.
        assert_eq!(
            broken
                .publish(ONE, "kp1/a-1/epmx/t/update", br#"{"a":1}"#)
                .1,
            None
        );
    }

    #[test]
    fn a_command_goes_to_its_device_and_its_answers_to_subscribers() {
        let mut platforms = platforms(&[]);
        let request = "v1/to/S1/s/v1/command/requests";
        let response = "v1/from/S1/s/v1/command/responses";
        let answer = |state: &str| format!(r#"{{"id":"x","state":"{state}"}}"#).into_bytes();
        assert_eq!(
            platforms.publish(ONE, response, &answer("log")).0,
            Route::Nobody
        );
        let (route, _) = platforms.publish(TWO, request, br#"{"id":"x","name":"n"}"#);
        let Route::Endpoint(device) = route else {
            panic!("{route:?}")
        };
        assert_eq!(platforms.speaker(Recipient::Endpoint(device)), Some(ONE));
        assert_eq!(
            platforms.publish(ONE, response, &answer("log")).0,
            Route::Subscribers
        );
        assert_eq!(
            platforms.publish(ONE, response, &answer("completed")).0,
            Route::Subscribers
        );
        assert_eq!(
            platforms.publish(ONE, response, &answer("error")).0,
            Route::Nobody
        );
        assert_eq!(
            platforms.publish(ONE, response, &answer("log")).0,
            Route::Nobody
        );
        // Another device does not know this command.
        let other = "v1/from/S2/s/v1/command/responses";
        assert_eq!(
            platforms.publish(ONE, other, &answer("completed")).0,
            Route::Nobody
        );
        let rejected: Vec<_> = platforms
            .counts
            .rejected
            .iter()
            .map(|(&r, &n)| (r, n))
            .collect();
        assert_eq!(
            rejected,
            [
                ("log-after-final", 1),
                ("second-final", 1),
                ("unknown-command", 2)
            ]
        );
        let results: Vec<_> = platforms
            .counts
            .results
            .iter()
            .map(|(&r, &n)| (r, n))
            .collect();
        assert_eq!(results, [("completed", 1), ("log", 1)]);
    }

    #[test]
    fn a_subscription_makes_a_device_known_but_does_not_take_it_over() {
        let mut platforms = platforms(&[]);
        platforms.subscribed(ONE, "v1/to/+/s/v1/command/requests");
        platforms.subscribed(ONE, "v1/from/S1/s/v1/telemetry");
        assert_eq!(platforms.push_command(), None);
        platforms.subscribed(ONE, "v1/to/S1/s/#");
        platforms.subscribed(TWO, "v1/to/S1/s/v1/command/requests");
        let device = platforms.push_command().unwrap().endpoint;
        assert_eq!(platforms.speaker(Recipient::Endpoint(device)), Some(ONE));
        assert_eq!(platforms.topic, "v1/to/S1/s/v1/command/requests");
        assert!(enapter::check_command(&platforms.payload).is_ok());
        platforms.publish(TWO, "v1/from/S1/s/v1/telemetry", br#"{"timestamp":1}"#);
        assert_eq!(platforms.speaker(Recipient::Endpoint(device)), Some(TWO));
    }

    #[test]
    fn other_topics_are_passed_on_and_malformed_ones_are_not() {
        let mut platforms = platforms(&[]);
        assert_eq!(
            platforms.publish(ONE, "a/b", b""),
            (Route::Subscribers, None)
        );
        assert_eq!(
            platforms.publish(ONE, "kp1/a/dcx", b""),
            (Route::Nobody, None)
        );
        assert_eq!(
            platforms
                .counts
                .received
                .by_name()
                .into_iter()
                .collect::<Vec<_>>(),
            [("other".to_owned(), 1), ("unknown".to_owned(), 1)]
        );
    }
}
