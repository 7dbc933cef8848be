//! Properties of plans as a whole: schedules, shards, packets and what comes back.
//!
//! Everything is computed; no clock, no socket. Single functions are tested beside their code.

#[path = "plan/platforms.rs"]
mod platforms;

use std::collections::BTreeMap;
use std::time::Duration;

use midge::plan::{Captures, Cursor, Identities, Message, Plan, PlanError, Shard};
use midge::profile::{
    Arrivals, Connections, Fleet, Generator, IdKind, IdPlace, Limits, Load, Model, Pace, Payload,
    Profile, Protocol, Request, RequestIdUse, Sender, Stage, Subscribe, Target,
};
use midge::units::Rate;

/// A small open-model profile without requests.
fn profile(endpoints: u32, rate: f64, seconds: u64) -> Profile {
    Profile {
        name: "test".into(),
        description: String::new(),
        target: Target {
            urls: vec![],
            protocol: Protocol::V311,
            username: None,
            password: None,
            connect_timeout: Duration::from_secs(10),
        },
        fleet: Fleet {
            endpoints,
            identities: None,
            client_id: "midge-{endpoint}".into(),
            connect_rate: Rate(500.0),
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

/// Kolmogorov-Smirnov distance of values in [0, 1] from the uniform distribution.
fn distance_from_uniform(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let gap = |(i, v): (usize, &f64)| {
        (v - i as f64 / n)
            .abs()
            .max((v - (i as f64 + 1.0) / n).abs())
    };
    values.iter().enumerate().map(gap).fold(0.0, f64::max)
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
        unix_ns: 1_759_212_723_456_000_000,
        identities: &plan.identities,
        captures: &captures,
    };
    let mut out = Vec::with_capacity(plan.requests[index].frame_longest);
    let room = out.capacity();
    plan.requests[index].encode(&mut out, &message, state);
    assert_eq!(
        out.capacity(),
        room,
        "a buffer of the promised size is never grown"
    );
    out
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

#[test]
fn poisson_arrivals_have_exponential_gaps_at_every_rate() {
    for (rate, seconds, endpoints) in [(50.0, 400, 20), (1_000.0, 20, 100), (10_000.0, 2, 1_000)] {
        let mut poisson = profile(endpoints, rate, seconds);
        poisson.requests = vec![plain("r", Pace::Weight(1.0))];
        let all = arrivals(&compile(&poisson), 0..endpoints);
        let count = all.len() as f64;
        assert!(
            (count - 20_000.0).abs() < 4.0 * 20_000_f64.sqrt(),
            "{rate}/s: {count}"
        );
        let gaps = all
            .windows(2)
            .map(|w| 1.0 - (-((w[1].0 - w[0].0) as f64) / 1e9 * rate).exp())
            .collect();
        let distance = distance_from_uniform(gaps);
        assert!(distance <= 1.63 / count.sqrt(), "{rate}/s: {distance}");
    }
}

#[test]
fn one_endpoint_is_a_poisson_stream_of_its_own() {
    let mut poisson = profile(4, 40.0, 1_000);
    poisson.requests = vec![plain("r", Pace::Weight(1.0))];
    let all = arrivals(&compile(&poisson), 2..3);
    let gaps: Vec<f64> = all
        .windows(2)
        .map(|w| 1.0 - (-((w[1].0 - w[0].0) as f64) / 1e8).exp())
        .collect();
    let limit = 1.63 / (gaps.len() as f64).sqrt();
    assert!(distance_from_uniform(gaps) <= limit);
}

#[test]
fn constant_arrivals_are_exact_after_a_million() {
    let mut constant = profile(100, 3_000.0, 400);
    constant.load.arrivals = Arrivals::Constant;
    constant.load.warm_up = Duration::from_secs(7);
    constant.requests = vec![plain("r", Pace::Weight(1.0))];
    let plan = compile(&constant);
    let all = arrivals(&plan, 0..100);
    assert_eq!(all.len(), 3_000 * 407);
    for (position, (intended, endpoint, _)) in all.iter().enumerate() {
        let exact = position as u64 * 1_000_000 / 3;
        assert!(
            intended.abs_diff(exact) <= 1,
            "arrival {position}: {intended}"
        );
        assert_eq!(*endpoint, position as u32 % 100);
    }
}

#[test]
fn ramps_follow_the_integral_of_their_rate() {
    let mut ramp = profile(50, 200.0, 25);
    ramp.load.warm_up = Duration::from_secs(5);
    let stage = |seconds, to| Stage {
        duration: Duration::from_secs(seconds),
        to: Rate(to),
    };
    ramp.load.stages = vec![stage(10, 1_500.0), stage(5, 1_500.0), stage(10, 0.0)];
    ramp.requests = vec![plain("r", Pace::Weight(1.0))];
    // Expected arrivals until t seconds, worked out by hand.
    let expected = |t: f64| match t {
        ..5.0 => 200.0 * t,
        5.0..15.0 => 1_000.0 + 200.0 * (t - 5.0) + 65.0 * (t - 5.0).powi(2),
        15.0..20.0 => 9_500.0 + 1_500.0 * (t - 15.0),
        _ => 17_000.0 + 1_500.0 * (t - 20.0) - 75.0 * (t - 20.0).powi(2),
    };
    let plan = compile(&ramp);
    assert!((plan.schedule.expected_total(0) - 24_500.0).abs() < 1e-6);
    assert!((plan.schedule.expected_in_measure(0) - 23_500.0).abs() < 1e-6);
    let all = arrivals(&plan, 0..50);
    let scaled: Vec<f64> = all.iter().map(|a| expected(a.0 as f64 / 1e9)).collect();
    let gaps: Vec<f64> = scaled
        .windows(2)
        .map(|w| 1.0 - (w[0] - w[1]).exp())
        .collect();
    let limit = 1.63 / (gaps.len() as f64).sqrt();
    assert!(distance_from_uniform(gaps) <= limit);
    assert!(distance_from_uniform(scaled.iter().map(|v| v / 24_500.0).collect()) <= limit);

    ramp.load.arrivals = Arrivals::Constant;
    let all = arrivals(&compile(&ramp), 0..50);
    assert_eq!(all.len(), 24_500);
    for (position, (intended, ..)) in all.iter().enumerate() {
        assert!((expected(*intended as f64 / 1e9) - position as f64).abs() < 1e-3);
    }
}

#[test]
fn weights_are_kept_in_the_schedule_and_in_picks() {
    let mut weighted = profile(20, 1_000.0, 20);
    weighted.requests = vec![
        plain("eight", Pace::Weight(8.0)),
        plain("none", Pace::Weight(0.0)),
        plain("two", Pace::Weight(2.0)),
    ];
    let plan = compile(&weighted);
    let all = arrivals(&plan, 0..20);
    let share =
        |request: u16| all.iter().filter(|a| a.2 == request).count() as f64 / all.len() as f64;
    // Four standard deviations of a share of 0.8 in 20,000.
    assert!((share(0) - 0.8).abs() < 0.0115, "{}", share(0));
    assert!(share(1) == 0.0 && (plan.schedule.expected_total(0) - 16_000.0).abs() < 1e-6);
    assert!((plan.schedule.expected_total(2) - 4_000.0).abs() < 1e-6);

    weighted.load.model = Model::Max;
    let plan = compile(&weighted);
    assert_eq!(plan.schedule.streams(), 0);
    let picked = (0..20_000).filter(|k| plan.pick(3, *k) == Some(0)).count();
    assert!((15_770..16_230).contains(&picked), "{picked}");
}

#[test]
fn periodic_requests_keep_their_period_phase_and_jitter() {
    let (period, jitter) = (Duration::from_secs(2), Duration::from_millis(500));
    let mut every = profile(300, 1.0, 100);
    every.load.model = Model::OpenOwnRates;
    every.requests = vec![plain(
        "r",
        Pace::Every {
            period,
            jitter: Duration::ZERO,
        },
    )];
    let exact = compile(&every);
    every.requests = vec![plain("r", Pace::Every { period, jitter })];
    let moved = compile(&every);
    let mut phases = Vec::new();
    let mut jitters = Vec::new();
    for endpoint in 0..300 {
        let due = arrivals(&exact, endpoint..endpoint + 1);
        assert_eq!(due.len(), 50);
        assert!(due.windows(2).all(|w| w[1].0 - w[0].0 == 2_000_000_000));
        phases.push(due[0].0 as f64 / 2e9);
        for (due, moved) in due
            .iter()
            .zip(arrivals(&moved, endpoint..endpoint + 1))
            .skip(1)
        {
            assert!(due.0.abs_diff(moved.0) <= 500_000_000);
            jitters.push((moved.0 as f64 - due.0 as f64) / 1e9 + 0.5);
        }
    }
    assert!(distance_from_uniform(phases) <= 1.63 / 300_f64.sqrt());
    let limit = 1.63 / (jitters.len() as f64).sqrt();
    assert!(distance_from_uniform(jitters) <= limit);
    assert!((moved.schedule.expected_total(0) - 15_000.0).abs() < 1e-6);
}

#[test]
fn a_cursor_is_small_and_can_be_kept_by_value() {
    fn copy<T: Copy>(_: T) -> usize {
        size_of::<T>()
    }
    assert!(copy(Cursor::default()) <= 24);
}

#[test]
fn every_packet_can_be_read_back() {
    let mut sizes = profile(3, 10.0, 1);
    for (index, length) in [
        0, 1, 100, 115, 116, 117, 16_000, 16_373, 16_374, 16_375, 300_000,
    ]
    .iter()
    .enumerate()
    {
        let mut bytes = plain(&format!("r{index}"), Pace::Weight(1.0));
        bytes.payload = Payload::Bytes(*length);
        bytes.qos = (index % 3) as u8;
        bytes.retain = index % 2 == 0;
        sizes.requests.push(bytes);
    }
    let plan = compile(&sizes);
    for (index, request) in plan.requests.iter().enumerate() {
        let mut state = vec![0; plan.state_words];
        let frame = encode(&plan, index, 2, 0, &mut state);
        let publish = parse(&frame);
        assert_eq!(frame.len(), request.frame_typical);
        assert_eq!(publish.flags, request.qos << 1 | u8::from(request.retain));
        assert_eq!(publish.packet_id, (request.qos > 0).then_some(77));
        assert_eq!(publish.topic, "t/ep-2");
        let Payload::Bytes(length) = sizes.requests[index].payload else {
            unreachable!()
        };
        assert_eq!(publish.payload.len() as u64, length);
        assert!(publish.payload.iter().all(u8::is_ascii_graphic));
        let again = encode(&plan, index, 2, 0, &mut state);
        assert!(length < 8 || again != frame, "payloads differ");
    }
}

#[test]
fn a_batch_is_an_array_with_the_newest_sample_last() {
    let plan = compile(&mixed());
    let mut state = vec![0; plan.state_words];
    let mut values = Vec::new();
    for _ in 0..4 {
        let frame = encode(&plan, 1, 0, 0, &mut state);
        let samples: Vec<serde_json::Value> =
            serde_json::from_slice(parse(&frame).payload).expect("a JSON array");
        let times: Vec<_> = samples.iter().map(|s| s["ts"].as_u64()).collect();
        assert_eq!(
            times,
            [1_759_212_721, 1_759_212_722, 1_759_212_723].map(Some)
        );
        values.extend(samples.iter().filter_map(|s| s["t"].as_f64()));
    }
    assert_eq!(values.len(), 12);
    assert!(
        values.windows(2).all(|w| (w[0] - w[1]).abs() <= 0.5 + 1e-9),
        "one walk through all batches"
    );
    assert!(values.windows(2).any(|w| w[0].to_bits() != w[1].to_bits()));
}

#[test]
fn identities_are_variables_and_win_over_templates() {
    let mut listed = profile(2, 10.0, 1);
    listed.requests = vec![plain("r", Pace::Weight(1.0))];
    let identities =
        Identities::from_csv("token,site\nred,x\nblue,y\n".as_bytes(), 2).expect("two rows");
    let plan = Plan::compile(&listed, identities).expect("a sound profile");
    let frame = encode(&plan, 0, 1, 0, &mut vec![0; plan.state_words]);
    assert_eq!(parse(&frame).topic, "t/blue");
    let few = Identities::from_csv("token\nred\n".as_bytes(), 1).expect("one row");
    assert!(Plan::compile(&listed, few).is_err());
    let wild = Identities::from_csv("token\nred\na+b\n".as_bytes(), 2).expect("two rows");
    assert!(matches!(
        Plan::compile(&listed, wild),
        Err(PlanError::InvalidTopic { .. })
    ));
}

#[test]
fn the_size_of_a_run_is_known_before_it() {
    let mut sized = mixed();
    sized.fleet.connections = Connections::PublisherAndSubscriber;
    let plan = compile(&sized);
    let size = plan.arithmetic(4);
    assert_eq!(
        (
            size.connections,
            size.callers,
            size.source_ports,
            size.files
        ),
        (74, 0, 74, 138)
    );
    let third = size.messages[2].in_measure.expect("periodic");
    assert!((third - 37.0 * 4.0 / 0.7).abs() < 1e-6);
    assert!((size.total_in_measure - (1_600.0 + 360.0 + third)).abs() < 1e-6);
    assert!((size.messages[0].in_total.expect("weighted") - 1_500.0).abs() < 1e-6);
    sized.fleet.connections = Connections::Shared(10);
    let plan = compile(&sized);
    assert_eq!(plan.arithmetic(4).connections, 4);
    let parts: Vec<_> = (0..3)
        .map(|index| plan.shard(Shard { index, count: 3 }))
        .collect();
    assert_eq!(parts, [0..10, 10..20, 20..37]);
}

#[test]
fn what_cannot_be_carried_out_is_refused_with_its_place() {
    let refused = |change: &dyn Fn(&mut Profile)| {
        let mut bad = mixed();
        change(&mut bad);
        Plan::compile(&bad, Identities::none())
            .expect_err("must be refused")
            .to_string()
    };
    assert_eq!(
        refused(&|p| p.requests[0].topic = "a/{tokn}".into()),
        "request first, topic: unknown field {tokn}; did you mean {token}?"
    );
    assert_eq!(
        refused(&|p| p.requests[0].topic = String::new()),
        "request first, topic: a topic must not be empty"
    );
    assert!(refused(&|p| p.requests[0].topic = "a/+".into()).contains("must not have +"));
    assert!(refused(&|p| p.requests[0].topic = "x".repeat(65_536)).contains("65,535"));
    assert!(
        refused(&|p| p.requests[0].topic = "a/{request_id}".into())
            .contains("request_id.in is \"none\"")
    );
    assert!(refused(&|p| p.requests[0].payload = Payload::Bytes(300_000_000)).contains("256 MiB"));
    assert!(refused(&|p| p.requests[0].pace = Pace::Weight(-1.0)).contains("weights"));
    assert!(refused(&|p| p.requests.clear()).contains("no request has a weight"));
    assert!(
        refused(&|p| p
            .fleet
            .vars
            .insert("x".into(), "{x}".into())
            .map_or((), drop))
        .contains("circle")
    );
    assert!(
        refused(&|p| p.fleet.client_id = "{seq}".into())
            .starts_with("fleet.client_id: unknown field {seq}")
    );
    assert!(
        refused(&|p| p.fleet.subscribe = Subscribe::Filters(vec!["a/#/b".into()]))
            .contains("fleet.subscribe")
    );
    let half = Duration::from_millis(351);
    let every = Pace::Every {
        period: Duration::from_millis(700),
        jitter: half,
    };
    assert!(refused(&|p| p.requests[2].pace = every).contains("at most half"));
    assert!(
        refused(&|p| {
            p.requests[0].request_id.place = IdPlace::Topic;
            p.requests[0].request_id.kind = IdKind::Range(9, 1);
            p.requests[0].topic = "a/{request_id}".into();
        })
        .contains("ends before it begins")
    );
}

#[test]
fn a_number_at_the_end_of_a_topic_is_a_warning() {
    let mut numbered = profile(1, 10.0, 1);
    numbered.requests = vec![plain("r", Pace::Weight(1.0)), plain("s", Pace::Weight(1.0))];
    numbered.requests[0].topic = "kp1/x/7".into();
    assert_eq!(compile(&numbered).warnings.len(), 1);
    assert!(
        compile(&numbered).warnings[0].starts_with("request r: the last topic level is a number")
    );
}
