//! From a checked profile to a plan: templates, IDs and patterns of every message.
//!
//! Everything that can be wrong is found here, so that workers have nothing left to check. Not
//! here: reading files, and the schedule (it compiles itself).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::plan::captures::Captures;
use crate::plan::encoder::{Fields, remaining_length_width};
use crate::plan::error::PlanError;
use crate::plan::generator::{Generator, printable};
use crate::plan::hash::{self, Purpose};
use crate::plan::identities::Identities;
use crate::plan::moment::Moment;
use crate::plan::pattern::{CaptureMeaning, Pattern};
use crate::plan::recognise::Recogniser;
use crate::plan::request::{Body, Message, ReplyUse, Request, Topics};
use crate::plan::request_id::RequestIdKind;
use crate::plan::schedule::Schedule;
use crate::plan::sheet::Sheet;
use crate::plan::stages::spans;
use crate::plan::template::{ItemIdKnown, Position, Scope, Template};
use crate::plan::topic::check_topic;
use crate::plan::{Plan, columns, replies};
use crate::profile::{self, Profile, Sender, Url};
use crate::units::nanoseconds;

/// Most requests and answers of a plan.
const REQUESTS_MAX: usize = 4_096;

/// How long an answer may wait for its acknowledgement, in nanoseconds.
const ANSWER_DEADLINE_NS: u64 = 10_000_000_000;

/// Bytes of the shared block that generated payloads are cut from.
const BLOCK_BYTES: usize = 16 * 1024;

/// Of a request whose messages nobody has to count: each endpoint would hold eight bytes for nothing.
const NO_WORD: usize = usize::MAX;

impl Plan {
    /// Compiles a profile. `identities` has read a row for each endpoint, or has no column at all;
    /// messages of endpoints whose rows it did not keep must not be asked for.
    pub fn compile(profile: &Profile, identities: Identities) -> Result<Self, PlanError> {
        let inbound = profile.inbound.iter();
        let answers: usize = inbound.map(|inbound| inbound.answers.len()).sum();
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
        columns::check(profile, &identities)?;
        let mut compiler = Compiler::new(profile, &identities);
        compiler.check_vars()?;
        for request in &profile.requests {
            compiler.request(request)?;
        }
        let mut inbound = Vec::new();
        for (index, pushed) in profile.inbound.iter().enumerate() {
            inbound.push(compiler.inbound(index as u16, pushed)?);
        }
        compiler.carried()?;
        let connection = compiler.connection()?;
        compiler.warn_about_all();
        let schedule = Schedule::compile(profile)?;
        let Compiler {
            requests,
            scopes,
            next_word,
            warnings,
            recogniser,
            ..
        } = compiler;
        let mut plan = Self {
            name: profile.name.clone(),
            seed: profile.load.seed,
            endpoints: profile.fleet.endpoints,
            connections: profile.fleet.connections,
            tls: profile.target.urls.iter().any(|url| url.tls),
            websocket: profile.target.urls.iter().any(Url::is_websocket),
            requests,
            inbound,
            schedule,
            stages: spans(profile),
            state_words: next_word,
            scopes,
            warnings,
            overlap: None,
            identities,
            connection,
            recogniser: recogniser.ready(),
        };
        plan.overlap = plan.find_overlap();
        plan.warnings
            .extend(plan.overlap.iter().map(ToString::to_string));
        Ok(plan)
    }
}

/// A plan in the making.
pub(crate) struct Compiler<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) identities: &'a Identities,
    pub(crate) block: Arc<[u8]>,
    pub(crate) requests: Vec<Request>,
    scopes: Vec<String>,
    next_word: usize,
    pub(crate) warnings: Vec<String>,
    pub(crate) recogniser: Recogniser,
}

static NO_GENERATORS: BTreeMap<String, profile::Generator> = BTreeMap::new();

impl<'a> Compiler<'a> {
    fn new(profile: &'a Profile, identities: &'a Identities) -> Self {
        let bits = hash::key(profile.load.seed, Purpose::Block, 0);
        let room = Vec::with_capacity(BLOCK_BYTES);
        let block = printable(bits, BLOCK_BYTES, room, |mut block, text| {
            block.extend_from_slice(text);
            block
        });
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

    /// The names that every template knows.
    pub(crate) fn scope<'s>(&self, place: &'s str, position: Position) -> Scope<'s>
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
        let id_kind = replies::request_id_kind(request, &topic, &body)?;
        let (properties, alias) = self.properties(request, scope, &topic, &generators)?;
        self.warn(request, &topic, &generators, id_kind);
        if let Some(reply) = &request.reply {
            let owner = replies::Owner {
                request,
                index: index as u16,
                id_kind,
                scope,
            };
            replies::compile(reply, &owner, &mut self.recogniser)?;
        }
        self.echo(&topic, request.from, id_kind);
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
            observe: request.request_id.observe,
            reactive: None,
            topic,
            properties,
            alias,
            body,
            fields: self.fields(generators),
            ..self.blank()
        })
    }

    /// Our own messages may come back. A topic that no pattern can describe is just not known then.
    pub(crate) fn echo(&mut self, topic: &Template, from: Sender, kind: RequestIdKind) {
        let side = match from {
            Sender::Endpoint => &mut self.recogniser.endpoint,
            Sender::Caller => &mut self.recogniser.caller,
        };
        if let Ok(pattern) = Pattern::new(topic, "", CaptureMeaning::Free, from) {
            side.echoes.push((pattern, kind));
        }
    }

    /// What the fields of the next request are made of; the kind of its IDs comes later.
    fn fields(&self, generators: Vec<Generator>) -> Fields {
        let index = self.requests.len() as u64;
        Fields {
            id_kind: RequestIdKind::None,
            uuid_key: hash::key(self.profile.load.seed, Purpose::Uuid, index),
            generators,
        }
    }

    /// A request without content, with the keys of the next number.
    pub(crate) fn blank(&self) -> Request {
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
            observe: false,
            stamp: None,
            carried: None,
            reactive: None,
            frame_typical: 0,
            frame_longest: 0,
            topic: Template::default(),
            properties: self.no_properties(),
            alias: None,
            body: Body::Literal(Box::default()),
            fields: self.fields(Vec::new()),
            counter_word: self.next_word,
            page: 0,
            topics: Topics::Different,
            length_width: 1,
            delay_key: hash::key(seed, Purpose::Delay, index),
        }
    }

    /// Measures a request and adds it.
    pub(crate) fn push_request(&mut self, mut request: Request) -> Result<(), PlanError> {
        request.fields.id_kind = request.id_kind;
        if request.is_numbered() {
            self.next_word += 1;
        } else {
            request.counter_word = NO_WORD;
        }
        request.frame_longest = request.longest(self.identities).saturating_add(5);
        request.page = request.page(self.identities);
        if request.topic.is_fixed() {
            request.topics = Topics::Alike;
        }
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
            endpoint: self.identities.kept().start,
            request_id,
            packet_id: 1,
            moment: &Moment::at(1_700_000_000_000_000_000),
            identities: self.identities,
            captures: &captures,
        };
        let mut state = vec![0; self.next_word];
        let mut frame = Sheet::default();
        request.encode(&mut frame, &message, &mut state);
        request.frame_typical = frame.len();
        request.length_width = remaining_length_width(frame.len().saturating_sub(2));
        self.requests.push(request);
        Ok(())
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
