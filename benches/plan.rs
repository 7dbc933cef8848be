//! What the plan costs per message: writing one, the next instant, recognising a reply.
//!
//! Not here: anything with a socket.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use midge::plan::{Captures, Identities, Listener, Message, Plan};
use midge::profile::{
    Arrivals, Connections, Fleet, Generator, IdKind, IdPlace, Limits, Load, Model, Pace, Payload,
    Profile, Protocol, Reply, Request, RequestIdUse, Sender, Sources, Subscribe, Target,
};
use midge::units::Rate;

fn telemetry() -> Request {
    let walk = |low, high| Generator::Walk {
        low,
        high,
        step: 0.5,
        decimals: 1,
    };
    Request {
        name: "dcx".into(),
        from: Sender::Endpoint,
        topic: "kp1/{app}/dcx/{token}/json/{request_id}".into(),
        payload: Payload::Template(
            r#"{"ts":{now_ms},"temperature":{temperature},"humidity":{humidity}}"#.into(),
        ),
        qos: 0,
        retain: false,
        pace: Pace::Weight(1.0),
        deadline: Duration::from_secs(5),
        request_id: RequestIdUse {
            place: IdPlace::Topic,
            kind: IdKind::Range(10, 99),
            scope: "dcx".into(),
            observe: false,
        },
        reply: Some(Reply {
            ok_topic: Some("{topic}/status".into()),
            error_topic: Some("{topic}/error".into()),
            status: Some("/statusCode".into()),
            ..Reply::default()
        }),
        generators: BTreeMap::from([
            ("temperature".to_owned(), walk(15.0, 30.0)),
            ("humidity".to_owned(), walk(20.0, 90.0)),
        ]),
    }
}

fn profile() -> Profile {
    Profile {
        name: "bench".into(),
        description: String::new(),
        target: Target {
            urls: vec![],
            protocol: Protocol::V311,
            username: None,
            password: None,
            bind: Sources::default(),
            connect_timeout: Duration::from_secs(10),
        },
        fleet: Fleet {
            endpoints: 1_000,
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
            vars: [
                ("app", "bspu542ikfmmfgrk47s0-v1"),
                ("token", "ep-{endpoint}"),
            ]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        },
        load: Load {
            model: Model::Open(Rate(5_000.0)),
            arrivals: Arrivals::Poisson,
            stages: vec![],
            warm_up: Duration::ZERO,
            measure: Duration::from_secs(1_000_000_000),
            drain: Duration::from_secs(5),
            in_flight_max: 16,
            batch: 16,
            seed: 42,
        },
        requests: vec![telemetry()],
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

fn per_message(criterion: &mut Criterion) {
    let plan = Plan::compile(&profile(), Identities::none()).expect("a sound profile");
    let mut captures = Captures::new();
    let mut state = vec![0; plan.state_words];
    let mut out = Vec::with_capacity(4_096);
    let none = Captures::new();
    criterion.bench_function("encode a telemetry packet", |bencher| {
        bencher.iter(|| {
            out.clear();
            let message = Message {
                endpoint: 7,
                request_id: 42,
                packet_id: 0,
                unix_ns: black_box(1_759_212_723_456_000_000),
                identities: &plan.identities,
                captures: &none,
            };
            plan.requests[0].encode(&mut out, &message, &mut state);
            out.len()
        });
    });
    let mut cursor = plan.schedule.cursor(0, 7);
    criterion.bench_function("next arrival of a Poisson stream", |bencher| {
        bencher.iter(|| plan.schedule.next(0, 7, black_box(&mut cursor)));
    });
    let topic = "kp1/bspu542ikfmmfgrk47s0-v1/dcx/ep-7/json/42/status";
    criterion.bench_function("recognise a reply", |bencher| {
        bencher
            .iter(|| plan.recognise(Listener::Endpoint(7), black_box(topic), b"", &mut captures));
    });
    let failed = br#"{"statusCode":400,"reasonPhrase":"Bad Request"}"#;
    let topic = "kp1/bspu542ikfmmfgrk47s0-v1/dcx/ep-7/json/42/error";
    criterion.bench_function("recognise an error with its status", |bencher| {
        bencher.iter(|| {
            plan.recognise(
                Listener::Endpoint(7),
                black_box(topic),
                failed,
                &mut captures,
            )
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(500));
    targets = per_message
}
criterion_main!(benches);
