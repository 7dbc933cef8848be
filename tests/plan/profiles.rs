//! From profiles to packets: what is written, what is refused, what is warned of.
//!
//! Not here: real platforms.

use std::time::Duration;

use midge::plan::{Identities, Plan, Shard};
use midge::profile::{
    Connections, IdKind, IdPlace, Model, Pace, Payload, Profile, Reply, Stage, Subscribe,
};
use midge::units::Rate;

use super::{compile, encode, mixed, parse, plain, profile};

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
        Identities::from_csv("token\nred\nblue\n".as_bytes(), 2, 0..2).expect("two rows");
    let plan = Plan::compile(&listed, identities).expect("a sound profile");
    let frame = encode(&plan, 0, 1, 0, &mut vec![0; plan.state_words]);
    assert_eq!(parse(&frame).topic, "t/blue");
    let few = Identities::from_csv("token\nred\n".as_bytes(), 1, 0..1).expect("one row");
    assert!(Plan::compile(&listed, few).is_err());
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
    // Stages have histograms of their own, for each request and worker; a single one has not.
    let memory = |stages: usize, workers| {
        let mut staged = sized.clone();
        let stage = Stage {
            duration: Duration::from_secs(1),
            to: Rate(1.0),
        };
        staged.load.stages = vec![stage; stages];
        compile(&staged).arithmetic(workers).memory_bytes
    };
    let (none, requests) = (memory(0, 1), plan.requests.len() as u64);
    assert_eq!(memory(1, 1), none);
    assert_eq!(memory(4, 2) - memory(1, 2), 8 * requests * 176 * 1024);
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
fn requests_that_share_a_reply_topic_but_no_scope_are_a_warning() {
    let mut shared = profile(1, 10.0, 1);
    let mut first = plain("r", Pace::Weight(1.0));
    first.reply = Some(Reply {
        topic: Some("{topic}/reply".into()),
        ..Reply::default()
    });
    let mut second = first.clone();
    second.name = "s".into();
    shared.requests = vec![first, second];
    assert!(compile(&shared).warnings.is_empty());
    shared.requests[1].request_id.scope = "another".into();
    assert!(compile(&shared).warnings[0].starts_with("requests r and s share a reply topic"));
}

#[test]
fn a_weight_without_an_arrival_rate_is_a_warning() {
    let mut unpaced = profile(1, 10.0, 1);
    unpaced.load.model = Model::OpenOwnRates;
    unpaced.requests = vec![plain("r", Pace::Weight(1.0))];
    assert!(compile(&unpaced).warnings[0].starts_with("request r: never sent"));
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
