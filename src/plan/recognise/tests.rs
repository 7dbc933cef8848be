//! All patterns at once against a plain model that tries them one after the other.
//!
//! The patterns are random and made of few texts, so that they share beginnings, differ by a
//! payload alone, or fit the same topic.

mod random;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::plan::pattern::CaptureMeaning;
use crate::plan::pointer::Pointer;
use crate::plan::template::{Piece, Template};
use crate::profile::{self, OutcomeIn};
use random::{definitions, word};

/// What a request's replies say, and where.
#[derive(Debug, Clone, Default)]
struct Places {
    id: Option<&'static str>,
    correlated: bool,
    reply: profile::Reply,
}

/// One definition: a topic, and what it is.
#[derive(Debug, Clone)]
struct Definition {
    topic: Template,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Reply(TopicMeaning, RequestIdKind, Box<Places>),
    LoneError(u16),
    Inbound,
    Echo(RequestIdKind),
}

/// A side, and what the model has to know of its replies.
struct Sides {
    side: Side,
    places: Vec<Places>,
}

impl Sides {
    /// Definitions whose free parts would have no end are left out, as the compiler does.
    fn of(definitions: &[Definition], heard_by: Sender) -> Self {
        let mut side = Side::default();
        let mut all = Vec::new();
        for Definition { topic, what } in definitions {
            let meaning = match what {
                What::Reply(..) | What::LoneError(_) => CaptureMeaning::Status,
                What::Inbound => CaptureMeaning::Capture,
                What::Echo(_) => CaptureMeaning::Free,
            };
            let Ok(pattern) = Pattern::new(topic, "", meaning, heard_by) else {
                continue;
            };
            match what {
                What::Reply(meaning, id_kind, places) => {
                    let content = ReplyContent::compile("", &places.reply, places.id);
                    side.contents.push(content.expect("sound pointers"));
                    all.push(Places::clone(places));
                    side.replies.push(ReplyRule {
                        pattern,
                        // Some requests have several topics.
                        request: (side.replies.len() / 2) as u16,
                        id_kind: *id_kind,
                        correlated: places.correlated,
                        meaning: *meaning,
                        content: side.contents.len() - 1,
                    });
                }
                What::LoneError(request) => side.lone_errors.push((*request, pattern)),
                What::Inbound => side.inbound.push((side.inbound.len() as u16, pattern)),
                What::Echo(kind) => side.echoes.push((pattern, *kind)),
            }
        }
        side.ready(heard_by);
        Self { side, places: all }
    }

    fn patterns(&self) -> Vec<&Pattern> {
        let side = &self.side;
        let replies = side.replies.iter().map(|rule| &rule.pattern);
        let lone = side.lone_errors.iter().map(|(_, pattern)| pattern);
        let inbound = side.inbound.iter().map(|(_, pattern)| pattern);
        let echoes = side.echoes.iter().map(|(pattern, _)| pattern);
        replies.chain(lone).chain(inbound).chain(echoes).collect()
    }

    /// The model: every pattern by itself, in order, and the payload once for each value.
    fn one_by_one<'a>(
        &self,
        who: Listener,
        heard: &Heard<'_, 'a>,
        identities: &Identities,
        captures: &mut Captures,
    ) -> Recognised<'a> {
        let Heard { topic, payload, .. } = *heard;
        let side = &self.side;
        for rule in &side.replies {
            if let Some(found) = rule.pattern.matches(topic, who, identities, captures)
                && let Some(mut reply) = self.reply(rule, found, heard)
            {
                if let Recognised::Reply { id: None, push, .. } = &mut reply {
                    *push = self.push(who, topic, identities, captures);
                }
                return reply;
            }
        }
        let mut lone = side
            .lone_errors
            .iter()
            .filter(|(_, p)| p.matches(topic, who, identities, captures).is_some());
        if let Some((request, _)) = lone.next() {
            let rule = side.replies.iter().find(|rule| rule.request == *request);
            let status = rule.and_then(|rule| self.status(rule, payload));
            return Recognised::LoneError {
                request: lone.next().is_none().then_some(*request),
                status,
            };
        }
        if let Some(inbound) = self.push(who, topic, identities, captures) {
            return Recognised::Inbound { inbound };
        }
        let echo = side.echoes.iter().any(|(pattern, kind)| {
            let found = pattern.matches(topic, who, identities, captures);
            found.is_some_and(|found| {
                let id = found.request_id;
                id.is_none_or(|id| kind.parse(id.as_bytes()).is_some())
            })
        });
        if echo {
            Recognised::Echo
        } else {
            Recognised::Unknown
        }
    }

    fn push(
        &self,
        who: Listener,
        topic: &str,
        identities: &Identities,
        captures: &mut Captures,
    ) -> Option<u16> {
        let mut pushed = self.side.inbound.iter();
        let found = pushed.find(|(_, pattern)| {
            let fits = pattern.matches(topic, who, identities, captures);
            fits.is_some()
        });
        found.map(|(index, _)| *index)
    }

    fn status(&self, rule: &ReplyRule, payload: &[u8]) -> Option<Status> {
        let raw = value(self.places[rule.content].reply.status.as_deref(), payload)?;
        (raw != "null").then(|| Status::new(unquoted(raw)))
    }

    fn reply<'a>(
        &self,
        rule: &ReplyRule,
        found: Found<'_>,
        heard: &Heard<'_, 'a>,
    ) -> Option<Recognised<'a>> {
        let payload = heard.payload;
        let places = &self.places[rule.content];
        let id = match (rule.id_kind, places.id) {
            (RequestIdKind::None, _) => None,
            (kind, None) if places.correlated => match heard.correlation {
                Some(data) => Some(kind.parse(data)?),
                None if rule.meaning == TopicMeaning::Error => {
                    return Some(Recognised::LoneError {
                        request: Some(rule.request),
                        status: self.status(rule, payload),
                    });
                }
                None => return None,
            },
            (kind, None) => Some(kind.parse(found.request_id?.as_bytes())?),
            (kind, pointer) => match value(pointer, payload) {
                Some(raw) => Some(kind.parse(unquoted(raw).as_bytes())?),
                None if rule.meaning == TopicMeaning::Error => {
                    return Some(Recognised::LoneError {
                        request: Some(rule.request),
                        status: self.status(rule, payload),
                    });
                }
                None => return None,
            },
        };
        let outcome = match (rule.meaning, &places.reply.outcome) {
            (TopicMeaning::Error, _) => ReplyOutcome::Error,
            (TopicMeaning::Ok, _) | (_, None) => ReplyOutcome::Ok,
            (TopicMeaning::Content, Some(outcome)) => {
                let value = match &outcome.place {
                    OutcomeIn::Topic => found.status.unwrap_or_default(),
                    OutcomeIn::Payload(text) => value(Some(text), payload).map_or("", unquoted),
                };
                match value {
                    "1" => ReplyOutcome::Ok,
                    "2" => ReplyOutcome::Intermediate,
                    _ => ReplyOutcome::Error,
                }
            }
        };
        let in_topic = found.status.map(Status::new);
        let reason = value(places.reply.reason.as_deref(), payload);
        let reason = reason.filter(|raw| *raw != "null").map(Reason);
        Some(Recognised::Reply {
            request: rule.request,
            id,
            outcome,
            status: in_topic.or_else(|| self.status(rule, payload)),
            reason: reason.filter(|_| outcome != ReplyOutcome::Ok),
            push: None,
        })
    }
}

fn value<'a>(pointer: Option<&str>, payload: &'a [u8]) -> Option<&'a str> {
    let pointer = Pointer::parse(pointer?).expect("a pointer");
    pointer.find(payload)
}

/// A topic that fits the pattern, or nearly: the words may not be what it wants.
fn fitting(pattern: &Pattern, words: &[&str], identities: &Identities, long: bool) -> String {
    let mut captures = Captures::new();
    for word in words {
        captures.push(word.as_bytes());
    }
    let text = pattern.example(7, identities, words[0].as_bytes(), &captures);
    let any = if long {
        "a".repeat(300)
    } else {
        words[1].to_owned()
    };
    text.replace("{any}", &any).replace("{status}", words[2])
}

const PAYLOADS: [&str; 14] = [
    "",
    "1",
    "null",
    r#"{"a":1}"#,
    r#"{"a":2,"b":"why"}"#,
    r#"{"b":7,"a":{"b":"12"}}"#,
    r#"{"b":null,"a":"13"}"#,
    r#"{"a":"0190163d-8694-739b-aea5-966c26f8ad91","b":1}"#,
    r#"{"b":2,"a":1e999}"#,
    r#"{"a":{"\ud800":0},"b":3}"#,
    r#"{"a":1,"a":2,"b":1}"#,
    r#"{"a":1"#,
    r#"{"a":1}}"#,
    "[1]",
];

fn all_of(captures: &Captures) -> String {
    format!("{captures:?}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn the_trie_finds_what_the_patterns_find_one_by_one(
        definitions in definitions(),
        heard_by in select(vec![Sender::Endpoint, Sender::Caller]),
        topics in vec((any::<Index>(), vec(word(), 4), 0..8_u8, any::<Index>(), word()), 12),
        payloads in vec(select(PAYLOADS.to_vec()), 3),
    ) {
        let rows = "name,site\na,b\nb,a/b\nc,-\nd,x\ne,a\nf,\u{fc}\ng,1\na1,a/1\nh,y\n";
        let identities = Identities::from_csv(rows.as_bytes(), 9, 0..9).expect("nine rows");
        let sides = Sides::of(&definitions, heard_by);
        let patterns = sides.patterns();
        let who = match heard_by {
            Sender::Endpoint => Listener::Endpoint(7),
            Sender::Caller => Listener::Caller,
        };
        for (pattern, words, change, place, inserted) in topics {
            if patterns.is_empty() {
                break;
            }
            let pattern = pattern.get(&patterns);
            let mut topic = fitting(pattern, &words, &identities, change == 7);
            let ends: Vec<usize> = topic.char_indices().map(|(at, _)| at).collect();
            if let Some(&at) = (!ends.is_empty()).then(|| place.get(&ends)) {
                match change {
                    0 => topic.insert_str(at, inserted),
                    1 => drop(topic.remove(at)),
                    2 => topic.truncate(at),
                    _ => {}
                }
            }
            for payload in &payloads {
                let payload = payload.as_bytes();
                let (mut here, mut there) = (Captures::new(), Captures::new());
                let heard = Heard {
                    topic: &topic,
                    payload,
                    correlation: (change > 1).then_some(words[3].as_bytes()),
                };
                let found = sides.side.recognise(who, &heard, &identities, &mut here);
                let model = sides.one_by_one(who, &heard, &identities, &mut there);
                prop_assert_eq!(found, model, "{} {:?}", topic, String::from_utf8_lossy(payload));
                let captured = matches!(
                    found,
                    Recognised::Inbound { .. } | Recognised::Reply { push: Some(_), .. }
                );
                if captured {
                    prop_assert_eq!(all_of(&here), all_of(&there), "{}", topic);
                }
            }
        }
    }
}

fn literal(text: &str) -> Piece {
    Piece::Literal(text.as_bytes().into())
}

/// An inbound definition of each of these topics.
fn pushed(topics: &[&[Piece]]) -> Sides {
    let definitions = topics.iter().map(|pieces| Definition {
        topic: Template {
            pieces: pieces.to_vec(),
        },
        what: What::Inbound,
    });
    Sides::of(&definitions.collect::<Vec<_>>(), Sender::Endpoint)
}

fn hear(sides: &Sides, topic: &str, captures: &mut Captures) -> Recognised<'static> {
    let (who, identities) = (Listener::Endpoint(7), Identities::none());
    let heard = Heard {
        topic,
        payload: b"",
        correlation: None,
    };
    sides.side.recognise(who, &heard, &identities, captures)
}

#[test]
fn the_first_definition_that_fits_wins_whichever_way_it_is_found() {
    let wild: &[Piece] = &[literal("a/"), Piece::Capture(0)];
    let plain: &[Piece] = &[literal("a/b")];
    let mut captures = Captures::new();
    for (topics, name) in [([wild, plain], "b"), ([plain, wild], "")] {
        let found = hear(&pushed(&topics), "a/b", &mut captures);
        assert_eq!(found, Recognised::Inbound { inbound: 0 });
        assert_eq!(captures.get(0), name.as_bytes());
    }
}

#[test]
fn captures_of_a_definition_that_does_not_fit_after_all_are_forgotten() {
    let twice: &[Piece] = &[Piece::Capture(0), literal("/"), Piece::Capture(0)];
    let apart: &[Piece] = &[literal("a/"), Piece::Capture(0)];
    let mut captures = Captures::new();
    let sides = pushed(&[twice, apart]);
    let found = hear(&sides, "a/b", &mut captures);
    assert_eq!(found, Recognised::Inbound { inbound: 1 });
    assert_eq!((captures.len(), captures.get(0)), (1, &b"b"[..]));
    let found = hear(&sides, "b/b", &mut captures);
    assert_eq!(found, Recognised::Inbound { inbound: 0 });
    assert_eq!((captures.len(), captures.get(0)), (1, &b"b"[..]));
}

#[test]
fn a_capture_that_stands_there_twice_is_one_and_the_next_one_is_another() {
    let topic: &[Piece] = &[
        Piece::Capture(0),
        literal("/"),
        Piece::Capture(0),
        literal("/"),
        Piece::Capture(1),
    ];
    let sides = pushed(&[topic]);
    let mut captures = Captures::new();
    let found = hear(&sides, "a/a/b", &mut captures);
    assert_eq!(found, Recognised::Inbound { inbound: 0 });
    assert_eq!(
        (captures.len(), captures.get(0), captures.get(1)),
        (2, &b"a"[..], &b"b"[..])
    );
    assert_eq!(hear(&sides, "a/b/b", &mut captures), Recognised::Unknown);
}
