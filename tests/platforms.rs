//! The shipped platforms: what endpoints write and what they understand, against messages written
//! by hand from the vendors' specifications; and every shipped profile against the simulated tenant.
//!
//! Values that a generator draws are replaced by fixed ones, so that every byte is known. Not here:
//! templates and patterns in general (`plan`), and the tenant's rules (`tenant`).

#[path = "platforms/enapter.rs"]
mod enapter;
#[path = "platforms/kaa.rs"]
mod kaa;
#[path = "platforms/kaa_carried.rs"]
mod kaa_carried;
#[path = "platforms/kaa_pushes.rs"]
mod kaa_pushes;
#[path = "platforms/shipped.rs"]
mod shipped;
mod support;
#[path = "platforms/third.rs"]
mod third;

use std::io;

use midge::mqtt::{Packet, Publish, Qos, Role, Version, decode};
use midge::plan::{
    Captures, Identities, Inbound, Listener, Message, Moment, Plan, Recognised, ReplyOutcome, Sheet,
};
use midge::profile::{Colour, load};

/// The endpoint that speaks in these tests.
const ENDPOINT: u32 = 7;
/// 2025-09-30T06:12:03.456Z, in nanoseconds.
const NOW: u64 = 1_759_212_723_456_000_000;

/// A fleet of a small profile.
struct Fleet {
    plan: Plan,
}

/// A message without its wrapping.
#[derive(Debug, PartialEq, Eq)]
struct Sent {
    topic: String,
    payload: String,
}

/// What a reply said.
#[derive(Debug, PartialEq, Eq)]
struct Heard {
    /// Name of the request that it answers.
    request: String,
    id: Option<u128>,
    outcome: ReplyOutcome,
    status: Option<String>,
    reason: Option<String>,
}

impl Fleet {
    /// Of a profile with these lines after its head.
    fn new(platform: &str, vars: &str, lines: &str) -> Self {
        let text = format!(
            "platforms = [{platform:?}]\n[fleet]\nendpoints = 10\nvars = {{ {vars} }}\n\
             [load]\narrival_rate = \"1/s\"\n{lines}"
        );
        let read = |_: &std::path::Path| -> io::Result<String> { Ok(text.clone()) };
        let loaded = load("small.toml", &[], &read).unwrap_or_else(|errors| {
            let errors: Vec<_> = errors.iter().map(|e| e.render(Colour::Never)).collect();
            panic!("{}\n{text}", errors.join("\n"))
        });
        let plan = Plan::compile(&loaded.profile, Identities::none());
        Self {
            plan: plan.unwrap_or_else(|error| panic!("{error}\n{text}")),
        }
    }

    fn index(&self, request: &str) -> usize {
        let found = self.plan.requests.iter().position(|r| r.name == request);
        found.unwrap_or_else(|| panic!("there is no request {request}"))
    }

    fn encode(&self, index: usize, request_id: u128, captures: &Captures) -> Vec<u8> {
        let message = Message {
            endpoint: ENDPOINT,
            request_id,
            packet_id: 1,
            moment: &Moment::at(NOW),
            identities: &self.plan.identities,
            captures,
        };
        let mut frame = Sheet::default();
        let mut state = vec![0; self.plan.state_words];
        self.plan.requests[index].encode(&mut frame, &message, &mut state);
        frame.into()
    }

    /// The packet that carries the first message of a request.
    fn frame(&self, request: &str, request_id: u128) -> Vec<u8> {
        self.encode(self.index(request), request_id, &Captures::new())
    }

    /// The first message of a request.
    fn sends(&self, request: &str, request_id: u128) -> Sent {
        taken_apart(&self.frame(request, request_id))
    }

    fn hears<'a>(&self, topic: &str, payload: &'a str) -> Recognised<'a> {
        let who = Listener::Endpoint(ENDPOINT);
        let captures = &mut Captures::new();
        self.plan
            .recognise(who, topic, payload.as_bytes(), captures)
    }

    /// What is heard, which must be a reply.
    #[track_caller]
    fn reply(&self, recognised: Recognised<'_>) -> Heard {
        let Recognised::Reply {
            request,
            id,
            outcome,
            status,
            reason,
            ..
        } = recognised
        else {
            panic!("not a reply: {recognised:?}")
        };
        Heard {
            request: self.plan.requests[usize::from(request)].name.clone(),
            id,
            outcome,
            status: status.map(|status| status.as_str().to_owned()),
            reason: reason.map(|reason| reason.text().into_owned()),
        }
    }

    /// Everything that the endpoint answers to a pushed message, in order.
    #[track_caller]
    fn answers(&self, topic: &str, payload: &str) -> Vec<Sent> {
        let mut captures = Captures::new();
        let who = Listener::Endpoint(ENDPOINT);
        let heard = self
            .plan
            .recognise(who, topic, payload.as_bytes(), &mut captures);
        let Recognised::Inbound { inbound } = heard else {
            panic!("not pushed: {heard:?}")
        };
        let inbound = &self.plan.inbound[usize::from(inbound)];
        let items = inbound
            .items(payload.as_bytes())
            .map(|item| item.expect("well-formed"));
        self.answered(inbound, items, &mut captures)
    }

    /// Everything that the endpoint answers to what a reply carries, in order.
    #[track_caller]
    fn carries_out(&self, topic: &str, payload: &str) -> Vec<Sent> {
        let Recognised::Reply { request, .. } = self.hears(topic, payload) else {
            panic!("not a reply: {topic}")
        };
        let mut captures = Captures::new();
        let carried = self.plan.carried(request, ENDPOINT, topic, &mut captures);
        let inbound = carried.expect("an inbound message");
        let inbound = &self.plan.inbound[usize::from(inbound)];
        let items = inbound
            .items(payload.as_bytes())
            .map(|item| item.expect("well-formed"));
        let items = items.filter(|item| !inbound.is_no_item(item));
        self.answered(inbound, items, &mut captures)
    }

    fn answered<'a>(
        &self,
        inbound: &Inbound,
        items: impl Iterator<Item = &'a [u8]>,
        captures: &mut Captures,
    ) -> Vec<Sent> {
        let mut all = Vec::new();
        for item in items {
            assert!(inbound.capture_id(item, captures), "it has an ID");
            for answer in &inbound.answers {
                all.push(taken_apart(&self.encode(usize::from(*answer), 0, captures)));
            }
        }
        all
    }
}

/// Reads a frame as the tenant would: one PUBLISH with QoS 0, not retained.
#[track_caller]
fn taken_apart(frame: &[u8]) -> Sent {
    let (packet, length) = decode(frame, Role::Server, Version::V311, 1 << 20)
        .expect("a valid packet")
        .expect("a whole packet");
    assert_eq!(length, frame.len(), "one packet");
    let Packet::Publish(Publish {
        dup: false,
        qos: Qos::AtMostOnce,
        retain: false,
        topic,
        packet_id: 0,
        payload,
        properties: _,
    }) = packet
    else {
        panic!("{packet:?}")
    };
    Sent {
        topic: topic.to_owned(),
        payload: String::from_utf8(payload.to_vec()).expect("text"),
    }
}

fn message(topic: &str, payload: &str) -> Sent {
    Sent {
        topic: topic.to_owned(),
        payload: payload.to_owned(),
    }
}
