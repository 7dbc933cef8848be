//! The tenant of any platform: what a message means by the definitions that a profile is made of.
//!
//! The definitions are the fleet's too; recognising and answering is done here once more and apart
//! from the fleet's, so that a mistake in one is no mistake in both. Not here: who gets a message
//! (`defined`, `router`) and platforms that the tenant knows by itself.

use std::sync::Arc;

use super::random::Random;
use super::sessions::ConnectionId;
use crate::profile::{Definitions, IdKind, Inbound, Request, Sender};
use id::{IdIn, id_of_topic};
use names::{Depth, Names};
use pattern::{Pattern, Values};
use push::Pushed;

mod answer;
mod id;
mod known;
mod names;
mod pattern;
mod place;
mod push;

pub use answer::{Answers, Asked};
pub use id::Id;
pub use known::{FormId, Known, write_identity};
pub use push::{Subscriber, Target};

/// Requests, and inbound messages, of all platforms together.
const MOST: usize = 1_000;

/// A message that a definition knows.
#[derive(Debug)]
pub struct Recognised<'t> {
    /// Its name in reports, by its place in [`Responder::names`].
    pub name: u16,
    /// Values of the fields of its topic.
    pub values: Values<'t>,
    /// What it is.
    pub meaning: Meaning<'t>,
    /// Whether every message of this topic is the same, whatever its payload is.
    pub steady: bool,
    identity: Option<IdentityId>,
}

/// What a message is.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning<'t> {
    /// A request of an endpoint.
    Request {
        /// Place of its definition.
        definition: usize,
        /// Its ID, as it is to be repeated.
        id: Option<Id<'t>>,
        /// Whether it could be read.
        form: Form,
    },
    /// The answer of an endpoint to what was pushed, by the place of the inbound definition.
    Answer(u16),
    /// What a caller sends to an endpoint.
    Call,
}

/// Whether a payload with an ID could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Yes, or it need not be read.
    Sound,
    /// It is no JSON.
    Broken,
}

/// Everything that was compiled from definitions.
#[derive(Debug, Default)]
pub struct Responder {
    /// Names of requests, and of answers to what was pushed.
    pub names: Arc<[Box<str>]>,
    /// Names of inbound messages.
    pub inbound: Arc<[Box<str>]>,
    /// Who was heard of.
    pub known: Known,
    /// Why some definitions take no part, each a sentence.
    pub notes: Vec<String>,
    /// What is fixed at length comes first.
    requests: Vec<Definition>,
    answers: Vec<Heard>,
    calls: Vec<Heard>,
    pushed: Vec<Pushed>,
    identities: Vec<Identity>,
    number: u64,
}

/// A request of endpoints.
#[derive(Debug)]
struct Definition {
    heard: Heard,
    id: IdIn,
    id_kind: IdKind,
    answers: Option<Answers>,
}

/// A topic that somebody publishes to.
#[derive(Debug)]
struct Heard {
    name: u16,
    /// Of the inbound definition that is answered.
    inbound: u16,
    pattern: Pattern,
    /// `None`: the connection tells the endpoint.
    identity: Option<IdentityId>,
    /// Whether no field of the topic differs between messages of one endpoint.
    settled: bool,
}

/// Number of an [`Identity`].
type IdentityId = usize;

/// Which fields of a topic tell its endpoint.
#[derive(Debug)]
struct Identity {
    form: FormId,
    places: Vec<usize>,
}

impl Responder {
    /// From the definitions of a run or of platforms.
    pub fn new(definitions: &Definitions) -> Self {
        let mut names = Names::new(&definitions.vars);
        let mut responder = Self::default();
        let mut all: Vec<Box<str>> = Vec::new();
        let pushed = definitions.inbound.len();
        if definitions.requests.len().max(pushed) > MOST {
            let note = format!("of each kind only the first {MOST} definitions are answered");
            responder.notes.push(note);
        }
        for request in definitions.requests.iter().take(MOST) {
            let name = all.len() as u16;
            all.push(request.name.as_str().into());
            let added = either(|depth| responder.request(request, name, &mut names, depth));
            responder.note("request", &request.name, added);
        }
        let inbound = definitions.inbound.iter().take(MOST);
        for (number, message) in inbound.clone().enumerate() {
            let name = all.len() as u16;
            all.push(format!("{}-answer", message.name).into());
            let numbers = (number as u16, name);
            let added = either(|depth| responder.inbound(message, numbers, &names, depth));
            responder.note("inbound", &message.name, added);
        }
        for pushed in &mut responder.pushed {
            pushed.settle(&responder.known);
        }
        // Stable: of equals the first one in the file stays the first.
        let requests = &mut responder.requests;
        requests.sort_by_key(|one| std::cmp::Reverse(one.heard.pattern.fixed()));
        responder.names = all.into();
        responder.inbound = inbound.map(|one| one.name.as_str().into()).collect();
        responder
    }

    fn note(&mut self, kind: &str, name: &str, added: Result<(), String>) {
        if let Err(reason) = added {
            let note = format!("{kind} {name}: the simulated tenant leaves it out: {reason}");
            self.notes.push(note);
        }
    }

    fn request(
        &mut self,
        request: &Request,
        name: u16,
        names: &mut Names<'_>,
        depth: Depth,
    ) -> Result<(), String> {
        let pattern = Pattern::new(names.expand(&request.topic, None, depth)?)?;
        let generated = |name: &str| request.generators.contains_key(name);
        let mut own: Vec<&str> = Vec::new();
        for field in pattern.fields() {
            if names.of_endpoint(field, generated) {
                own.push(field);
            }
        }
        let own = own.into_iter().map(str::to_owned).collect();
        let answers = Answers::new(request, &pattern, names, depth)?;
        let id = IdIn::of(request, &pattern)?;
        let heard = self.heard((name, 0), pattern, own);
        match request.from {
            Sender::Caller => self.calls.push(heard),
            Sender::Endpoint => self.requests.push(Definition {
                heard,
                id,
                id_kind: request.request_id.kind,
                answers,
            }),
        }
        Ok(())
    }

    fn inbound(
        &mut self,
        message: &Inbound,
        (inbound, name): (u16, u16),
        names: &Names<'_>,
        depth: Depth,
    ) -> Result<(), String> {
        let pushed = Pushed::new(message, inbound, names, depth, &mut self.known)?;
        let mut heard = Vec::new();
        for answer in &message.answers {
            let pattern = Pattern::new(names.expand(&answer.topic, None, depth)?)?;
            let fields = pattern.fields().iter().map(String::as_str);
            let own = fields.filter(|field| names.of_pushed_endpoint(field));
            let own = own.map(str::to_owned).collect();
            heard.push(self.heard((name, inbound), pattern, own));
        }
        self.pushed.extend(pushed);
        self.answers.extend(heard);
        Ok(())
    }

    /// A topic whose endpoint is told by these fields.
    fn heard(
        &mut self,
        (name, inbound): (u16, u16),
        pattern: Pattern,
        mut own: Vec<String>,
    ) -> Heard {
        own.sort_unstable();
        let fields: Vec<&str> = own.iter().map(String::as_str).collect();
        let settled = pattern.fields().iter().all(|field| own.contains(field));
        let identity = (!own.is_empty()).then(|| {
            let form = self.known.form(&fields);
            let places = fields.iter().filter_map(|field| pattern.place(field));
            let places = places.collect();
            self.identities.push(Identity { form, places });
            self.identities.len() - 1
        });
        Heard {
            name,
            inbound,
            pattern,
            identity,
            settled,
        }
    }

    /// Topic filters that match every request, and every answer to what was pushed.
    pub fn filters(&self) -> impl Iterator<Item = String> {
        let requests = self.requests.iter().map(|request| &request.heard.pattern);
        let answers = self.answers.iter().map(|heard| &heard.pattern);
        requests.chain(answers).map(Pattern::filter)
    }

    /// What a message is; `None`: no definition knows it.
    pub fn recognise<'t>(&self, topic: &'t str, payload: &'t [u8]) -> Option<Recognised<'t>> {
        self.recognise_request(topic, payload)
            .or_else(|| {
                let (heard, values) = first(&self.answers, topic)?;
                Some(heard.found(values, Meaning::Answer(heard.inbound)))
            })
            .or_else(|| {
                let (heard, values) = first(&self.calls, topic)?;
                Some(heard.found(values, Meaning::Call))
            })
    }

    /// The first definition of this topic whose ID the message has; else the first one without an
    /// ID; else the first one, whose ID is missing.
    fn recognise_request<'t>(&self, topic: &'t str, payload: &'t [u8]) -> Option<Recognised<'t>> {
        let (mut plain, mut lacking) = (None, None);
        for (place, definition) in self.requests.iter().enumerate() {
            let Some(values) = definition.heard.pattern.matches(topic) else {
                continue;
            };
            let found = |values: Values<'t>, id: Option<Id<'t>>, form| {
                let meaning = Meaning::Request {
                    definition: place,
                    id,
                    form,
                };
                definition.heard.found(values, meaning)
            };
            match &definition.id {
                IdIn::Payload(at) => {
                    let (id, form) = match at.read(payload) {
                        Ok(id) => (id, Form::Sound),
                        Err(_) => (None, Form::Broken),
                    };
                    if id.is_some() {
                        return Some(found(values, id, form));
                    }
                    lacking.get_or_insert_with(|| found(values, None, form));
                }
                _ if plain.is_some() => {}
                IdIn::Topic(at) => {
                    let id = values.get(*at).copied();
                    let id = id.map(|id| id_of_topic(definition.id_kind, id));
                    plain = Some(found(values, id, Form::Sound));
                }
                IdIn::Nowhere => plain = Some(found(values, None, Form::Sound)),
            }
        }
        // A definition whose ID is missing here might have it in the next message.
        let steady = lacking.is_none();
        plain.or(lacking).map(|found| Recognised {
            steady: found.steady && steady,
            ..found
        })
    }

    /// The answers to a request; `None`: it is not answered.
    pub fn answers(&self, definition: usize) -> Option<&Answers> {
        self.requests.get(definition)?.answers.as_ref()
    }

    /// Appends the identity of the endpoint that a message is from or for. `None`: its connection
    /// is all that tells.
    pub fn write_identity(&self, found: &Recognised<'_>, identity: &mut String) -> Option<FormId> {
        let Identity { form, places } = self.identities.get(found.identity?)?;
        let values = places.iter().map(|&place| found.values[place]);
        write_identity(*form, values, identity);
        Some(*form)
    }

    /// Whether anybody else than the tenant sends commands and waits for answers.
    pub fn has_callers(&self) -> bool {
        !self.calls.is_empty()
    }

    /// How many endpoints could be pushed to.
    pub fn candidates(&self) -> usize {
        let pushed = self.pushed.iter();
        let candidates = pushed.map(|pushed| pushed.candidates(&self.known));
        candidates.max().unwrap_or(0)
    }

    /// Something to push, by its place, and to whom. `None`: there is nobody yet.
    pub fn choose(&self, random: &mut Random) -> Option<(usize, Target)> {
        let count = self.pushed.len();
        let first = random.below(count);
        let mut places = (0..count).map(|step| (first + step) % count);
        places.find_map(|place| Some((place, self.pushed[place].choose(&self.known, random)?)))
    }

    /// Appends topic and payload of the next push to the endpoint of this identity (empty for a
    /// connection); the place of its inbound definition, and its ID where correlation data carry it.
    pub fn write_push(
        &mut self,
        place: usize,
        identity: &str,
        topic: &mut String,
        payload: &mut Vec<u8>,
    ) -> Option<(u16, Option<u64>)> {
        let pushed = self.pushed.get(place)?;
        self.number += 1;
        pushed.write(identity, self.number, topic, payload);
        let id = pushed.correlated.then_some(self.number);
        Some((pushed.inbound, id))
    }

    /// Who is behind a subscription, as far as something could be pushed to them.
    pub fn subscribers<'f>(&self, filter: &'f str) -> Vec<Subscriber<'f>> {
        let pushed = self.pushed.iter();
        pushed
            .filter_map(|pushed| pushed.subscribed(filter))
            .collect()
    }

    /// A connection has ended.
    pub fn closed(&mut self, connection: ConnectionId) {
        self.known.closed(connection);
    }
}

impl Heard {
    fn found<'t>(&self, values: Values<'t>, meaning: Meaning<'t>) -> Recognised<'t> {
        Recognised {
            name: self.name,
            values,
            meaning,
            steady: self.settled,
            identity: self.identity,
        }
    }
}

fn first<'h, 't>(all: &'h [Heard], topic: &'t str) -> Option<(&'h Heard, Values<'t>)> {
    all.iter()
        .find_map(|heard| Some((heard, heard.pattern.matches(topic)?)))
}

/// With variables as they are, or else without any: what failed first says why.
fn either(mut add: impl FnMut(Depth) -> Result<(), String>) -> Result<(), String> {
    add(Depth::Levels).or_else(|reason| add(Depth::Endpoint).map_err(|_| reason))
}

#[cfg(test)]
mod tests;
