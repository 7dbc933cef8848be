//! Properties of plans as a whole: schedules, shards, packets and what comes back.
//!
//! Everything is computed; no clock, no socket. Single functions are tested beside their code.

#[path = "plan/arrivals.rs"]
mod arrivals;
#[path = "plan/carried.rs"]
mod carried;
#[path = "plan/foreign.rs"]
mod foreign;
#[path = "plan/identities.rs"]
mod identities;
#[path = "plan/platforms.rs"]
mod platforms;
#[path = "plan/profiles.rs"]
mod profiles;
#[path = "plan/replies.rs"]
mod replies;
#[path = "plan/schedules.rs"]
mod schedules;

use std::collections::BTreeMap;
use std::time::Duration;

use midge::plan::{Captures, Identities, Message, Moment, Plan, Shard, Sheet};
use midge::profile::{
    Arrivals, Connections, Fleet, Gates, Generator, IdKind, IdPlace, Jitter, Limits, Load, Model,
    Pace, Payload, Policy, Profile, Protocol, Reconnect, ReconnectRate, Request, RequestIdUse,
    Sender, Sources, Subscribe, Target,
};
use midge::units::{Rate, Share};
use proptest::prelude::*;

/// No plan depends on it.
const RECONNECT: Reconnect = Reconnect {
    policy: Policy::Fixed,
    jitter: Jitter::Full,
    initial_delay: Duration::from_secs(1),
    max_delay: Duration::from_secs(1),
    give_up_after: None,
    rate: ReconnectRate::AsConnects,
};

/// A small open-model profile without requests.
fn profile(endpoints: u32, rate: f64, seconds: u64) -> Profile {
    Profile {
        name: "test".into(),
        description: String::new(),
        target: Target {
            tls: midge::profile::TlsSetting::default(),
            headers: Vec::new(),
            urls: vec![],
            protocol: Protocol::V311,
            username: None,
            password: None,
            bind: Sources::default(),
            connect_timeout: Duration::from_secs(10),
        },
        fleet: Fleet {
            endpoints,
            identities: None,
            client_id: "midge-{endpoint}".into(),
            connect_rate: Rate(500.0),
            churn_rate: None,
            reconnect: RECONNECT,
            connects_in_progress: 100,
            keep_alive: Duration::from_mins(1),
            subscribe: Subscribe::Auto,
            subscribe_qos: 0,
            connections: Connections::One,
            clean_start: true,
            will: None,
            vars: BTreeMap::from([
                ("app".to_owned(), "demo-v1".to_owned()),
                ("token".to_owned(), "ep-{endpoint}".to_owned()),
            ]),
        },
        load: Load {
            model: Model::Open(Rate(rate)),
            arrivals: Arrivals::Poisson,
            stages: vec![],
            warm_up: Duration::ZERO,
            measure: Duration::from_secs(seconds),
            drain: Duration::from_secs(5),
            in_flight_max: 16,
            batch: 16,
            seed: 42,
        },
        requests: vec![],
        inbound: vec![],
        tenant: BTreeMap::new(),
        limits: Limits {
            messages_per_s: Rate(50_000.0),
            buffer_per_connection: 65_536,
            packet_size: 1_048_576,
            in_flight: 100_000,
        },
        gates: Gates {
            not_written: Share(0.01),
            pacer_lag_p99: Duration::from_millis(1),
            pacer_lag_p999: Duration::from_millis(5),
            pacer_lag_max: Duration::from_millis(50),
            busy: Share(0.95),
            ceiling: Share(0.8),
            hiccup: Duration::from_millis(50),
            throttled: 0,
            memory: Share(0.9),
        },
        thresholds: vec![],
    }
}

fn request(name: &str, topic: &str, payload: Payload, pace: Pace) -> Request {
    Request {
        name: name.into(),
        from: Sender::Endpoint,
        topic: topic.into(),
        payload,
        qos: 0,
        retain: false,
        pace,
        deadline: Duration::from_secs(5),
        request_id: RequestIdUse {
            place: IdPlace::None,
            kind: IdKind::Uuid,
            scope: name.into(),
            observe: false,
        },
        reply: None,
        generators: BTreeMap::new(),
    }
}

fn plain(name: &str, pace: Pace) -> Request {
    request(name, "t/{token}", Payload::Template("{seq}".into()), pace)
}

fn compile(profile: &Profile) -> Plan {
    Plan::compile(profile, Identities::none()).expect("a sound profile")
}

/// Every arrival of these endpoints: instant, endpoint, request; sorted.
fn arrivals(plan: &Plan, endpoints: std::ops::Range<u32>) -> Vec<(u64, u32, u16)> {
    let mut all = Vec::new();
    for endpoint in endpoints {
        for stream in 0..plan.schedule.streams() {
            let mut cursor = plan.schedule.cursor(stream, endpoint);
            let mut last = 0;
            while let Some(arrival) = plan.schedule.next(stream, endpoint, &mut cursor) {
                assert!(arrival.intended >= last, "instants never go back");
                last = arrival.intended;
                all.push((arrival.intended, endpoint, arrival.request));
            }
            assert_eq!(
                plan.schedule.next(stream, endpoint, &mut cursor),
                None,
                "an end is an end"
            );
        }
    }
    all.sort_unstable();
    all
}

/// Bytes of a PUBLISH packet, taken apart (MQTT 3.1.1, section 3.3).
struct Publish<'a> {
    flags: u8,
    topic: &'a str,
    packet_id: Option<u16>,
    payload: &'a [u8],
}

/// Reads exactly one packet; panics when it is malformed.
fn parse(frame: &[u8]) -> Publish<'_> {
    assert_eq!(frame[0] >> 4, 3, "a PUBLISH");
    let (mut remaining, mut at) = (0, 1);
    loop {
        remaining |= usize::from(frame[at] & 0x7F) << (7 * (at - 1));
        at += 1;
        if frame[at - 1] < 0x80 {
            break;
        }
    }
    assert!(at == 2 || frame[at - 1] != 0, "the shortest form");
    assert_eq!(frame.len() - at, remaining);
    let length = usize::from(u16::from_be_bytes([frame[at], frame[at + 1]]));
    let (topic, mut rest) = frame[at + 2..].split_at(length);
    let mut packet_id = None;
    if frame[0] & 6 != 0 {
        packet_id = Some(u16::from_be_bytes([rest[0], rest[1]]));
        rest = &rest[2..];
    }
    let topic = std::str::from_utf8(topic).expect("a topic is UTF-8");
    assert!(!topic.is_empty() && !topic.contains(['+', '#', '\0']));
    Publish {
        flags: frame[0] & 15,
        topic,
        packet_id,
        payload: rest,
    }
}

fn encode(
    plan: &Plan,
    index: usize,
    endpoint: u32,
    request_id: u128,
    state: &mut [u64],
) -> Vec<u8> {
    let captures = Captures::new();
    let message = Message {
        endpoint,
        request_id,
        packet_id: 77,
        moment: &Moment::at(1_759_212_723_456_000_000),
        identities: &plan.identities,
        captures: &captures,
    };
    let mut out = Sheet::default();
    out.reserve(plan.requests[index].room());
    let room = out.capacity();
    plan.requests[index].encode(&mut out, &message, state);
    assert_eq!(
        out.capacity(),
        room,
        "a buffer of the promised size is never grown"
    );
    out.into()
}

fn generators() -> BTreeMap<String, Generator> {
    BTreeMap::from([
        (
            "temperature".to_owned(),
            Generator::Walk {
                low: 15.0,
                high: 30.0,
                step: 0.5,
                decimals: 1,
            },
        ),
        (
            "humidity".to_owned(),
            Generator::Uniform {
                low: 20.0,
                high: 90.0,
                decimals: 0,
            },
        ),
        (
            "mode".to_owned(),
            Generator::Choice(vec![("\"on\"".into(), 1.0), ("\"off\"".into(), 3.0)]),
        ),
    ])
}

/// Weighted, own rate, periodic and batched requests with every kind of state.
fn mixed() -> Profile {
    let mut mixed = profile(37, 400.0, 4);
    mixed.load.warm_up = Duration::from_secs(1);
    let payload = r#"{"t":{temperature},"h":{humidity},"m":{mode},"n":{seq},"u":"{uuid}"}"#;
    let mut first = request(
        "first",
        "a/{token}",
        Payload::Template(payload.into()),
        Pace::Weight(3.0),
    );
    first.generators = generators();
    let batch = Payload::Batch {
        sample: r#"{"ts":{now_s},"t":{temperature},"h":{humidity}}"#.into(),
        batch: 3,
        interval: Duration::from_secs(1),
    };
    let mut second = request("second", "b/{token}", batch, Pace::Rate(Rate(90.0)));
    second.generators = generators();
    second.qos = 1;
    let every = Pace::Every {
        period: Duration::from_millis(700),
        jitter: Duration::from_millis(300),
    };
    mixed.requests = vec![
        first,
        second,
        request("third", "c/{token}", Payload::Bytes(300), every),
    ];
    mixed.requests.push(plain("fourth", Pace::Weight(1.0)));
    mixed
}

/// Payloads of 8 to 208 bytes: some remaining lengths take one byte and some two.
fn growing() -> Request {
    let mut growing = plain("growing", Pace::Weight(1.0));
    growing.payload = Payload::Template("{\"x\":\"{blob}\"}".into());
    let sizes = (0..200).step_by(8).map(|size| ("x".repeat(size), 1.0));
    growing
        .generators
        .insert("blob".to_owned(), Generator::Choice(sizes.collect()));
    growing
}

#[test]
fn packets_that_take_over_the_head_of_the_one_before_are_the_same_packets() {
    let mut profile = mixed();
    profile.requests.push(growing());
    let plan = compile(&profile);
    let captures = Captures::new();
    let mut taken_over = 0;
    for index in 0..plan.requests.len() {
        let (mut apart, mut state) = (vec![0; plan.state_words], vec![0; plan.state_words]);
        let (mut sheet, mut head, mut expected) = (Sheet::default(), None, Vec::new());
        for packet_id in 1..=50 {
            let message = Message {
                endpoint: 5,
                request_id: 0,
                packet_id,
                moment: &Moment::at(u64::from(packet_id) * 1_000_000_000),
                identities: &plan.identities,
                captures: &captures,
            };
            let mut alone = Sheet::default();
            plan.requests[index].encode(&mut alone, &message, &mut apart);
            expected.extend_from_slice(alone.text());
            taken_over += usize::from(head.is_some());
            head = plan.requests[index].encode_after(head, &mut sheet, &message, &mut state);
        }
        assert!(sheet.text() == expected, "{}", plan.requests[index].name);
    }
    assert!(taken_over >= 49 * 4, "{taken_over}");
}

#[test]
fn one_shard_or_eight_give_the_same_requests_instants_and_payloads() {
    let whole = compile(&mixed());
    let expected = arrivals(&whole, 0..37);
    assert!(expected.len() > 2_000);
    for count in 1..=8 {
        let plan = compile(&mixed());
        let mut all = Vec::new();
        let mut packets = BTreeMap::new();
        for index in 0..count {
            let endpoints = plan.shard(Shard { index, count });
            let mut states = vec![vec![0; plan.state_words]; 37];
            let mine = arrivals(&plan, endpoints);
            for (_, endpoint, request) in &mine {
                let state = &mut states[*endpoint as usize];
                packets
                    .entry(*endpoint)
                    .or_insert_with(Vec::new)
                    .extend(encode(&plan, usize::from(*request), *endpoint, 0, state));
            }
            all.extend(mine);
        }
        all.sort_unstable();
        assert!(all == expected, "{count} shards");
        let mut states = vec![vec![0; whole.state_words]; 37];
        let mut expected_packets = BTreeMap::new();
        for (_, endpoint, request) in &expected {
            let state = &mut states[*endpoint as usize];
            let packet = encode(&whole, usize::from(*request), *endpoint, 0, state);
            expected_packets
                .entry(*endpoint)
                .or_insert_with(Vec::new)
                .extend(packet);
        }
        assert!(packets == expected_packets, "{count} shards");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_plan_is_the_same_on_one_shard_or_several(
        seed in any::<u64>(),
        endpoints in 1..80_u32,
        rate in 1.0..400.0_f64,
        constant in any::<bool>(),
        count in 1..=8_u32,
    ) {
        let mut profile = mixed();
        profile.load.seed = seed;
        profile.fleet.endpoints = endpoints;
        profile.load.model = Model::Open(Rate(rate));
        profile.load.arrivals = if constant { Arrivals::Constant } else { Arrivals::Poisson };
        let plan = compile(&profile);
        let expected = arrivals(&plan, 0..endpoints);
        // Each shard has its own plan, as each process would.
        let mut all = Vec::new();
        let mut values = BTreeMap::new();
        for index in 0..count {
            let own = compile(&profile);
            let mine = arrivals(&own, own.shard(Shard { index, count }));
            let mut states = vec![vec![0; own.state_words]; endpoints as usize];
            for &(at, endpoint, request) in &mine {
                let state = &mut states[endpoint as usize];
                let packet = encode(&own, usize::from(request), endpoint, 0, state);
                values.entry((at, endpoint, request)).or_insert_with(Vec::new).push(packet);
            }
            all.extend(mine);
        }
        all.sort_unstable();
        prop_assert!(all == expected);
        let mut states = vec![vec![0; plan.state_words]; endpoints as usize];
        let mut expected_values = BTreeMap::new();
        for &(at, endpoint, request) in &expected {
            let state = &mut states[endpoint as usize];
            let packet = encode(&plan, usize::from(request), endpoint, 0, state);
            expected_values.entry((at, endpoint, request)).or_insert_with(Vec::new).push(packet);
        }
        prop_assert!(values == expected_values);
    }
}

#[test]
fn a_dropped_request_changes_no_later_value() {
    let plan = compile(&mixed());
    for (index, request) in plan.requests.iter().enumerate() {
        let (mut sent, mut dropped) = (vec![0; plan.state_words], vec![0; plan.state_words]);
        for number in 0..50_u32 {
            let expected = encode(&plan, index, 5, 0, &mut sent);
            if number % 3 == 1 {
                request.skip(5, &mut dropped);
            } else {
                assert!(
                    encode(&plan, index, 5, 0, &mut dropped) == expected,
                    "{} {number}",
                    request.name
                );
            }
        }
        assert_eq!(sent, dropped);
    }
}

#[test]
fn the_seed_decides_values_and_instants() {
    let mut other = mixed();
    other.load.seed = 43;
    let (one, two) = (compile(&mixed()), compile(&other));
    assert_ne!(arrivals(&one, 0..1), arrivals(&two, 0..1));
    let packet = |plan: &Plan| encode(plan, 0, 0, 0, &mut vec![0; plan.state_words]);
    assert_ne!(packet(&one), packet(&two));
}
