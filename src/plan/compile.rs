//! From a checked profile to a plan: templates, IDs and patterns of every message.
//!
//! Everything that can be wrong is found here, so that workers have nothing left to check. Not
//! here: reading files, and the schedule (it compiles itself).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::plan::captures::{CAPTURES_MAX, Captures};
use crate::plan::connection::{ConnectionTemplates, Filters, WillTemplate};
use crate::plan::delay::nanoseconds;
use crate::plan::encoder::remaining_length_width;
use crate::plan::error::PlanError;
use crate::plan::generator::{Generator, push_printable};
use crate::plan::hash::{self, Purpose};
use crate::plan::identities::Identities;
use crate::plan::inbound::{Inbound, KeyUse};
use crate::plan::pattern::{CaptureMeaning, Pattern};
use crate::plan::recognise::Recogniser;
use crate::plan::reply::parse_pointer;
use crate::plan::request::{Body, Message, ReplyUse, Request};
use crate::plan::request_id::{IdRange, RequestIdKind};
use crate::plan::schedule::Schedule;
use crate::plan::template::{ItemIdKnown, Position, Scope, Template, field_names};
use crate::plan::topic::{check_filter, check_topic, warn_about_digits};
use crate::plan::{Plan, replies};
use crate::profile::{self, Payload, Profile, Sender, Subscribe};

/// Most requests and answers of a plan.
const REQUESTS_MAX: usize = 4_096;

/// How long an answer may wait for its acknowledgement, in nanoseconds.
const ANSWER_DEADLINE_NS: u64 = 10_000_000_000;

/// Bytes of the shared block that generated payloads are cut from.
const BLOCK_BYTES: usize = 16 * 1024;

impl Plan {
    /// Compiles a profile. `identities` has a row for each endpoint, or no column at all.
    pub fn compile(profile: &Profile, identities: Identities) -> Result<Self, PlanError> {
        let answers: usize = profile
            .inbound
            .iter()
            .map(|inbound| inbound.answers.len())
            .sum();
        let count = profile.requests.len() + answers;
        if count > REQUESTS_MAX {
            return Err(PlanError::TooMany {
                what: "requests and answers",
                count,
                limit: REQUESTS_MAX,
            });
        }
        if profile.fleet.endpoints == 0 {
            return Err(PlanError::value("fleet.endpoints", "at least one"));
        }
        if !identities.columns().is_empty() && identities.rows() < profile.fleet.endpoints as usize
        {
            return Err(PlanError::value(
                "fleet.identities",
                "fewer rows than endpoints",
            ));
        }
        let mut compiler = Compiler::new(profile, &identities);
        compiler.check_vars()?;
        for request in &profile.requests {
            compiler.request(request)?;
        }
        let mut inbound = Vec::new();
        for pushed in &profile.inbound {
            inbound.push(compiler.inbound(pushed)?);
        }
        let connection = compiler.connection()?;
        let schedule = Schedule::compile(profile)?;
        let Compiler {
            requests,
            scopes,
            next_word,
            warnings,
            recogniser,
            ..
        } = compiler;
        Ok(Self {
            name: profile.name.clone(),
            seed: profile.load.seed,
            endpoints: profile.fleet.endpoints,
            connections: profile.fleet.connections,
            requests,
            inbound,
            schedule,
            state_words: next_word,
            scopes,
            warnings,
            identities,
            connection,
            recogniser,
        })
    }
}

struct Compiler<'a> {
    profile: &'a Profile,
    identities: &'a Identities,
    block: Arc<[u8]>,
    requests: Vec<Request>,
    scopes: Vec<String>,
    next_word: usize,
    warnings: Vec<String>,
    recogniser: Recogniser,
}

static NO_GENERATORS: BTreeMap<String, profile::Generator> = BTreeMap::new();

impl<'a> Compiler<'a> {
    fn new(profile: &'a Profile, identities: &'a Identities) -> Self {
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        push_printable(
            &mut block,
            hash::key(profile.load.seed, Purpose::Block, 0),
            BLOCK_BYTES,
        );
        Self {
            profile,
            identities,
            block: block.into(),
            requests: Vec::new(),
            scopes: Vec::new(),
            next_word: 0,
            warnings: Vec::new(),
            recogniser: Recogniser::default(),
        }
    }

    fn scope<'s>(&self, place: &'s str, position: Position) -> Scope<'s>
    where
        'a: 's,
    {
        Scope {
            place,
            position,
            vars: &self.profile.fleet.vars,
            identities: self.identities,
            generators: &NO_GENERATORS,
            captures: &[],
            topic: None,
            item_id: ItemIdKnown::No,
        }
    }

    fn check_vars(&self) -> Result<(), PlanError> {
        for (name, text) in &self.profile.fleet.vars {
            self.scope(&format!("fleet.vars.{name}"), Position::Endpoint)
                .compile(text)?;
            self.scope(&format!("fleet.vars.{name}"), Position::Endpoint)
                .compile(&format!("{{{name}}}"))?;
        }
        Ok(())
    }

    fn request(&mut self, request: &profile::Request) -> Result<(), PlanError> {
        let name = &request.name;
        let scope = Scope {
            generators: &request.generators,
            ..self.scope("", Position::Topic)
        };
        let index = self.requests.len();
        let generators = Generator::compile_all(
            &request.generators,
            name,
            self.profile.load.seed,
            index,
            &mut self.next_word,
        )?;
        let topic_place = format!("request {name}, topic");
        let topic = scope
            .at(&topic_place, Position::Topic)
            .compile(&request.topic)?;
        check_topic(&topic_place, &topic, &generators, self.identities)?;
        let payload_place = format!("request {name}, payload");
        let body = self.body(
            &request.payload,
            scope.at(&payload_place, Position::Payload),
            index,
        )?;
        let id_kind = request_id_kind(request, &topic, &body)?;
        self.warn(request, &topic, id_kind);
        if let Some(reply) = &request.reply {
            let owner = replies::Owner {
                request,
                index: index as u16,
                id_kind,
                scope,
            };
            replies::compile(reply, &owner, &mut self.recogniser)?;
        }
        self.echo(&topic, request.from);
        let reply = match &request.reply {
            None => ReplyUse::None,
            Some(reply) if reply.ok_topic.is_none() && reply.topic.is_none() => {
                ReplyUse::ErrorsOnly
            }
            Some(_) => ReplyUse::Expected,
        };
        let scope_index = self.scope_index(&request.request_id.scope);
        let outcome = request
            .reply
            .as_ref()
            .and_then(|reply| reply.outcome.as_ref());
        self.push_request(Request {
            name: name.clone(),
            from: request.from,
            qos: request.qos,
            retain: request.retain,
            deadline_ns: nanoseconds(request.deadline),
            id_kind,
            scope: scope_index,
            reply,
            intermediate: outcome.is_some_and(|outcome| !outcome.intermediate.is_empty()),
            reactive: None,
            topic,
            body,
            generators,
            ..self.blank()
        })
    }

    fn inbound(&mut self, pushed: &profile::Inbound) -> Result<Inbound, PlanError> {
        let place = format!("inbound {}, topic", pushed.name);
        let mut captures: Vec<String> = Vec::new();
        let scope = self.scope(&place, Position::Topic);
        for name in field_names(&pushed.topic) {
            if !scope.knows(name) && !captures.iter().any(|known| known == name) {
                captures.push(name.to_owned());
            }
        }
        if captures.len() > CAPTURES_MAX {
            let (count, limit) = (captures.len(), CAPTURES_MAX);
            return Err(PlanError::TooMany {
                what: "captures of one topic",
                count,
                limit,
            });
        }
        let item_id = if pushed.id.is_some() {
            ItemIdKnown::Yes
        } else {
            ItemIdKnown::No
        };
        let scope = Scope {
            captures: &captures,
            ..scope
        };
        let topic = scope.compile(&pushed.topic)?;
        check_topic(&place, &topic, &[], self.identities)?;
        let pattern = Pattern::new(&topic, &place, CaptureMeaning::Capture, Sender::Endpoint)?;
        self.recogniser.endpoint.inbound.push(pattern);
        let mut answers = Vec::new();
        for (index, answer) in pushed.answers.iter().enumerate() {
            let name = match pushed.answers.len() {
                1 => format!("{}-answer", pushed.name),
                _ => format!("{}-answer-{}", pushed.name, index + 1),
            };
            answers.push(self.requests.len() as u16);
            self.answer(answer, &name, Scope { item_id, ..scope })?;
        }
        let (key, key_captures) = key_fields(pushed, &scope)?;
        let id_place = format!("inbound {}, id", pushed.name);
        Ok(Inbound {
            name: pushed.name.clone(),
            items: pushed.items,
            deduplicate: pushed.deduplicate,
            answers,
            id: pushed
                .id
                .as_deref()
                .map(|id| parse_pointer(&id_place, id))
                .transpose()?,
            key_captures,
            key,
        })
    }

    fn answer(
        &mut self,
        answer: &profile::Answer,
        name: &str,
        scope: Scope<'_>,
    ) -> Result<(), PlanError> {
        if self.requests.iter().any(|request| request.name == name) {
            return Err(PlanError::value(
                format!("request {name}"),
                "an answer has the same name",
            ));
        }
        let topic_place = format!("{name}, topic");
        let topic = scope
            .at(&topic_place, Position::Topic)
            .compile(&answer.topic)?;
        check_topic(&topic_place, &topic, &[], self.identities)?;
        let payload_place = format!("{name}, payload");
        let payload = scope
            .at(&payload_place, Position::Payload)
            .compile(&answer.payload)?;
        if topic.has_request_id() || payload.has_request_id() {
            return Err(PlanError::RequestId {
                place: name.to_owned(),
                reason: "answers have no request ID",
            });
        }
        self.echo(&topic, Sender::Endpoint);
        self.push_request(Request {
            name: name.to_owned(),
            qos: answer.qos,
            reactive: Some(answer.after),
            topic,
            body: Body::Template(payload),
            ..self.blank()
        })
    }

    /// Our own messages may come back. A topic that no pattern can describe is just not known then.
    fn echo(&mut self, topic: &Template, from: Sender) {
        let side = match from {
            Sender::Endpoint => &mut self.recogniser.endpoint,
            Sender::Caller => &mut self.recogniser.caller,
        };
        side.echoes
            .extend(Pattern::new(topic, "", CaptureMeaning::Free, from).ok());
    }

    /// A request without content, with the keys of the next number.
    fn blank(&self) -> Request {
        let seed = self.profile.load.seed;
        let index = self.requests.len() as u64;
        Request {
            name: String::new(),
            from: Sender::Endpoint,
            qos: 0,
            retain: false,
            deadline_ns: ANSWER_DEADLINE_NS,
            id_kind: RequestIdKind::None,
            scope: 0,
            reply: ReplyUse::None,
            intermediate: false,
            reactive: None,
            frame_typical: 0,
            frame_longest: 0,
            topic: Template::default(),
            body: Body::Literal(Box::default()),
            generators: Vec::new(),
            counter_word: self.next_word,
            length_width: 1,
            uuid_key: hash::key(seed, Purpose::Uuid, index),
            delay_key: hash::key(seed, Purpose::Delay, index),
        }
    }

    fn push_request(&mut self, mut request: Request) -> Result<(), PlanError> {
        self.next_word += 1;
        request.frame_longest = request.longest(self.identities).saturating_add(5);
        if request.frame_longest > crate::plan::encoder::REMAINING_LENGTH_MAX {
            let place = format!("request {}, payload", request.name);
            return Err(PlanError::value(
                place,
                "the packet would be longer than 256 MiB (MQTT 3.1.1, section 2.2.3)",
            ));
        }
        if self.scopes.is_empty() {
            self.scopes.push(String::new());
        }
        // The first message tells how long messages are.
        let captures = Captures::new();
        let request_id = match request.id_kind {
            RequestIdKind::Decimal(range) => u128::from(range.last),
            _ => 0,
        };
        let message = Message {
            endpoint: 0,
            request_id,
            packet_id: 1,
            unix_ns: 1_700_000_000_000_000_000,
            identities: self.identities,
            captures: &captures,
        };
        let mut state = vec![0; self.next_word];
        let mut frame = Vec::new();
        request.encode(&mut frame, &message, &mut state);
        request.frame_typical = frame.len();
        request.length_width = remaining_length_width(frame.len().saturating_sub(2));
        self.requests.push(request);
        Ok(())
    }

    fn body(&self, payload: &Payload, scope: Scope<'_>, index: usize) -> Result<Body, PlanError> {
        Ok(match payload {
            Payload::Template(text) => Body::Template(scope.compile(text)?),
            Payload::Literal(bytes) => Body::Literal(bytes.as_slice().into()),
            Payload::Bytes(length) => Body::Bytes {
                length: usize::try_from(*length).unwrap_or(usize::MAX),
                key: hash::key(self.profile.load.seed, Purpose::Block, 1 + index as u64),
                block: Arc::clone(&self.block),
            },
            Payload::Batch { batch: 0, .. } => {
                return Err(PlanError::value(
                    scope.place,
                    "a batch has at least one sample",
                ));
            }
            Payload::Batch {
                sample,
                batch,
                interval,
            } => Body::Batch {
                sample: scope.compile(sample)?,
                batch: *batch,
                interval_ns: nanoseconds(*interval),
            },
        })
    }

    fn connection(&self) -> Result<ConnectionTemplates, PlanError> {
        let fleet = &self.profile.fleet;
        let compile = |place: &str, text: &str| self.scope(place, Position::Endpoint).compile(text);
        let will = match &fleet.will {
            None => None,
            Some(will) => {
                let topic = compile("fleet.will, topic", &will.topic)?;
                check_topic("fleet.will, topic", &topic, &[], self.identities)?;
                let payload = compile("fleet.will, payload", &will.payload)?;
                Some(WillTemplate {
                    topic,
                    payload,
                    qos: will.qos,
                    retain: will.retain,
                })
            }
        };
        let filters = match &fleet.subscribe {
            Subscribe::Auto => Filters::Derived,
            Subscribe::None => Filters::None,
            Subscribe::Filters(filters) => {
                let mut templates = Vec::new();
                for filter in filters {
                    let template = compile("fleet.subscribe", filter)?;
                    check_filter("fleet.subscribe", &template, self.identities)?;
                    templates.push(template);
                }
                Filters::Templates(templates)
            }
        };
        let username = self.profile.target.username.as_deref();
        Ok(ConnectionTemplates {
            client_id: compile("fleet.client_id", &fleet.client_id)?,
            username: username
                .map(|text| compile("target.username", text))
                .transpose()?,
            will,
            filters,
        })
    }

    fn warn(&mut self, request: &profile::Request, topic: &Template, id_kind: RequestIdKind) {
        self.warnings
            .extend(warn_about_digits(&request.name, topic));
        if let RequestIdKind::Decimal(range) = id_kind
            && request.reply.is_some()
            && range.size() < 2 * u64::from(self.profile.load.in_flight_max)
        {
            self.warnings.push(format!(
                "request {}: {} request IDs for up to {} requests in flight per endpoint; IDs of timed-out requests are withheld, so requests may be dropped",
                request.name, range.size(), self.profile.load.in_flight_max
            ));
        }
    }

    fn scope_index(&mut self, scope: &str) -> u16 {
        let index = self
            .scopes
            .iter()
            .position(|known| known == scope)
            .unwrap_or_else(|| {
                self.scopes.push(scope.to_owned());
                self.scopes.len() - 1
            });
        index as u16
    }
}

fn request_id_kind(
    request: &profile::Request,
    topic: &Template,
    body: &Body,
) -> Result<RequestIdKind, PlanError> {
    use profile::{IdKind, IdPlace};
    let error = |reason| {
        Err(PlanError::RequestId {
            place: format!("request {}", request.name),
            reason,
        })
    };
    let in_payload = match body {
        Body::Template(template)
        | Body::Batch {
            sample: template, ..
        } => template.has_request_id(),
        Body::Bytes { .. } | Body::Literal(_) => false,
    };
    match &request.request_id.place {
        IdPlace::None if topic.has_request_id() || in_payload => {
            return error("{request_id} is used, but request_id.in is \"none\"");
        }
        IdPlace::None => return Ok(RequestIdKind::None),
        IdPlace::Topic if !topic.has_request_id() => {
            return error("request_id.in is \"topic\", but the topic has no {request_id}");
        }
        IdPlace::Payload(_) if !in_payload => {
            return error(
                "request_id.in is a place in the payload, but the payload has no {request_id}",
            );
        }
        IdPlace::Topic | IdPlace::Payload(_) => {}
    }
    match request.request_id.kind {
        IdKind::Uuid => Ok(RequestIdKind::Uuid),
        IdKind::Range(first, last) if first <= last => {
            Ok(RequestIdKind::Decimal(IdRange { first, last }))
        }
        IdKind::Range(..) => error("request_id.range ends before it begins"),
    }
}

fn key_fields(
    pushed: &profile::Inbound,
    scope: &Scope<'_>,
) -> Result<(KeyUse, Vec<usize>), PlanError> {
    if pushed.key.is_empty() {
        return Ok((KeyUse::WithId, (0..scope.captures.len()).collect()));
    }
    let mut key = (KeyUse::WithoutId, Vec::new());
    for name in &pushed.key {
        if let Some(index) = scope.captures.iter().position(|capture| capture == name) {
            key.1.push(index);
        } else if name == "id" && pushed.id.is_some() {
            key.0 = KeyUse::WithId;
        } else if !scope.knows(name) {
            let place = format!("inbound {}, key", pushed.name);
            return Err(PlanError::UnknownField {
                place,
                field: name.clone(),
                nearest: None,
            });
        }
    }
    Ok(key)
}
