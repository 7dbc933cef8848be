//! Plans for real platforms: their messages, their replies, their pushes.
//!
//! The wire facts are those of the vendors' public documentation.

use std::collections::BTreeMap;
use std::time::Duration;

use midge::plan::{
    Captures, ConnectionRole, Identities, Listener, Moment, Plan, Recognised, Sheet,
    uuid_request_id,
};
use midge::profile::{
    Answer, Delay, Generator, IdKind, IdPlace, Inbound, Items, MessageProperties, Outcome,
    OutcomeIn, Pace, Payload, Profile, Reply, Request, RequestIdUse, Sender, Subscribe,
    TimestampFormat, Will,
};

use super::{encode, parse, profile, request};

pub(super) fn template(name: &str, topic: &str, payload: &str) -> Request {
    request(
        name,
        topic,
        Payload::Template(payload.into()),
        Pace::Weight(1.0),
    )
}

pub(super) fn topics(ok: Option<&str>, error: Option<&str>) -> Reply {
    Reply {
        ok_topic: ok.map(str::to_owned),
        error_topic: error.map(str::to_owned),
        status: Some("/statusCode".into()),
        reason: Some("/reasonPhrase".into()),
        ..Reply::default()
    }
}

pub(super) fn id(place: IdPlace, kind: IdKind, scope: &str) -> RequestIdUse {
    RequestIdUse {
        place,
        kind,
        scope: scope.into(),
        observe: false,
    }
}

pub(super) fn kaa() -> Profile {
    let mut kaa = profile(100, 100.0, 1);
    let range = |scope| id(IdPlace::Topic, IdKind::Range(10, 99), scope);
    let both = || Some(topics(Some("{topic}/status"), Some("{topic}/error")));
    let mut dcx = template(
        "dcx",
        "kp1/{app}/dcx/{token}/json/{request_id}",
        r#"{"ts":"{ts}","temperature":{temperature},"location":{"lat":{lat},"lon":-118.3}}"#,
    );
    dcx.request_id = range("dcx");
    dcx.reply = both();
    dcx.generators = BTreeMap::from([
        (
            "ts".to_owned(),
            Generator::Timestamp(TimestampFormat::Iso8601Basic),
        ),
        (
            "temperature".to_owned(),
            Generator::Walk {
                low: -5.0,
                high: 30.0,
                step: 2.0,
                decimals: 1,
            },
        ),
        (
            "lat".to_owned(),
            Generator::Normal {
                mean: 34.134,
                deviation: 0.01,
                decimals: 7,
            },
        ),
    ]);
    let mut get = template("get", "kp1/{app}/epmx/{token}/get/{request_id}", "{}");
    get.request_id = range("epmx");
    get.reply = both();
    let mut keys = template("keys", "kp1/{app}/epmx/{token}/get/keys/{request_id}", "");
    keys.request_id = range("epmx");
    keys.reply = both();
    let mut outstanding = template("outstanding", "kp1/{app}/cex/{token}/command/reboot", "{}");
    outstanding.reply = both();
    let mut result = template(
        "result",
        "kp1/{app}/cex/{token}/result/reboot/{request_id}",
        "[]",
    );
    result.request_id = range("cex");
    result.reply = Some(topics(None, Some("{topic}/error")));
    kaa.requests = vec![dcx, get, keys, outstanding, result];
    kaa.inbound = vec![command(Items::Each)];
    kaa
}

pub(super) fn command(items: Items) -> Inbound {
    Inbound {
        name: "command".into(),
        at: Sender::Endpoint,
        topic: "kp1/{app}/cex/{token}/command/{command_type}/status".into(),
        items,
        id: Some("/id".into()),
        key: vec!["token".into(), "command_type".into(), "id".into()],
        payload: None,
        deduplicate: true,
        delivery_of: None,
        share: None,
        answers: vec![Answer {
            after: Delay::Fixed(Duration::from_millis(20)),
            topic: "kp1/{app}/cex/{token}/result/{command_type}".into(),
            payload: r#"[{"id":{id},"statusCode":200}]"#.into(),
            qos: 0,
        }],
    }
}

pub(super) fn enapter() -> Profile {
    let mut enapter = profile(10, 10.0, 1);
    let vars = [("hardware_id", "S{endpoint:hex32}"), ("channel_id", "s")];
    enapter.fleet.vars = vars.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let telemetry = r#"{"timestamp":{now_s},"temperature":{temperature},"alerts":null}"#;
    let mut telemetry = template(
        "telemetry",
        "v1/from/{hardware_id}/{channel_id}/v1/telemetry",
        telemetry,
    );
    telemetry.generators.insert(
        "temperature".into(),
        Generator::Uniform {
            low: 20.0,
            high: 25.0,
            decimals: 2,
        },
    );
    let mut set_power = template(
        "set-power",
        "v1/to/{hardware_id}/{channel_id}/v1/command/requests",
        r#"{"id":"{request_id}","name":"set_power","arguments":{"power":{power}}}"#,
    );
    set_power.from = Sender::Caller;
    set_power.request_id = id(IdPlace::Payload("/id".into()), IdKind::Uuid, "commands");
    set_power.generators.insert(
        "power".into(),
        Generator::Counter {
            start: 0,
            step: 500,
        },
    );
    set_power.reply = Some(Reply {
        topic: Some("v1/from/{hardware_id}/{channel_id}/v1/command/responses".into()),
        outcome: Some(Outcome {
            place: OutcomeIn::Payload("/state".into()),
            ok: vec!["completed".into()],
            error: vec!["error".into()],
            intermediate: vec!["log".into()],
        }),
        reason: Some("/payload/message".into()),
        ..Reply::default()
    });
    enapter.requests = vec![telemetry, set_power];
    let answer = |state: &str| Answer {
        after: Delay::Exponential(Duration::from_millis(5)),
        topic: "v1/from/{hardware_id}/{channel_id}/v1/command/responses".into(),
        payload: format!(r#"{{"id":"{{id}}","state":"{state}","payload":{{}}}}"#),
        qos: 0,
    };
    enapter.inbound = vec![Inbound {
        name: "command".into(),
        at: Sender::Endpoint,
        topic: "v1/to/{hardware_id}/{channel_id}/v1/command/requests".into(),
        items: Items::One,
        id: Some("/id".into()),
        key: vec![],
        payload: None,
        deduplicate: false,
        delivery_of: None,
        share: None,
        answers: vec![answer("log"), answer("completed")],
    }];
    enapter
}

pub(super) fn compile(profile: &Profile) -> Plan {
    Plan::compile(profile, Identities::none()).expect("a sound profile")
}

#[test]
fn every_platform_message_is_a_packet_with_valid_json() {
    for (profile, name) in [(kaa(), "kaa"), (enapter(), "enapter")] {
        let plan = compile(&profile);
        for (index, request) in plan.requests.iter().enumerate() {
            let mut state = vec![0; plan.state_words];
            for number in 0..200_u128 {
                let frame = encode(&plan, index, 7, 10 + number % 90, &mut state);
                let publish = parse(&frame);
                let json: Result<serde_json::Value, _> = serde_json::from_slice(publish.payload);
                let answer_without_id = request.reactive.is_some() && name == "kaa";
                assert!(
                    publish.payload.is_empty() || answer_without_id || json.is_ok(),
                    "{name} {}",
                    request.name
                );
            }
        }
    }
}

#[test]
fn topics_and_ids_are_written_as_the_platform_reads_them() {
    let plan = compile(&kaa());
    let frame = encode(&plan, 0, 7, 42, &mut vec![0; plan.state_words]);
    let publish = parse(&frame);
    assert_eq!(publish.topic, "kp1/demo-v1/dcx/ep-7/json/42");
    let json: serde_json::Value = serde_json::from_slice(publish.payload).expect("JSON");
    assert_eq!(json["ts"], "2025-09-30T06:12:03+0000");
    let plan = compile(&enapter());
    let frame = encode(
        &plan,
        1,
        3,
        uuid_request_id(1, 3, 9),
        &mut vec![0; plan.state_words],
    );
    let publish = parse(&frame);
    let levels: Vec<&str> = publish.topic.split('/').collect();
    assert!(levels[2].len() == 33 && levels[2].starts_with('S'));
    let json: serde_json::Value = serde_json::from_slice(publish.payload).expect("JSON");
    let expected = uuid::Uuid::from_u128(uuid_request_id(1, 3, 9)).to_string();
    assert_eq!(json["id"], expected);
}

#[test]
fn pushed_commands_are_answered_with_captures_and_ids() {
    let plan = compile(&kaa());
    let mut captures = Captures::new();
    let payload = br#"[{"id":1,"payload":{"a":[1,{"b":2}]}}, {"id":"x-2"}]"#;
    let topic = "kp1/demo-v1/cex/ep-7/command/close-door/status";
    let heard = plan.recognise(Listener::Endpoint(7), topic, payload, &mut captures);
    assert_eq!(heard, Recognised::Inbound { inbound: 0 });
    let command = &plan.inbound[0];
    let answer = &plan.requests[usize::from(command.answers[0])];
    assert_eq!(answer.name, "command-answer");
    assert_eq!(answer.reaction_ns(7, 0), 20_000_000);
    let mut answers = Vec::new();
    let mut keys = Vec::new();
    for item in command.items(payload) {
        let item = item.expect("an array");
        assert!(command.capture_id(item, None, &mut captures));
        keys.push(command.key(7, &captures));
        let message = midge::plan::Message {
            endpoint: 7,
            request_id: 0,
            packet_id: 0,
            moment: &Moment::at(0),
            identities: &plan.identities,
            captures: &captures,
        };
        let mut frame = Sheet::default();
        answer.encode(&mut frame, &message, &mut vec![0; plan.state_words]);
        let publish = parse(frame.text());
        assert_eq!(publish.topic, "kp1/demo-v1/cex/ep-7/result/close-door");
        answers.push(String::from_utf8_lossy(publish.payload).into_owned());
    }
    assert_eq!(
        answers,
        [
            r#"[{"id":1,"statusCode":200}]"#,
            r#"[{"id":"x-2","statusCode":200}]"#
        ]
    );
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn several_answers_are_numbered_and_keep_the_quotes_of_their_template() {
    let plan = compile(&enapter());
    let names: Vec<&str> = plan.requests[2..].iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["command-answer-1", "command-answer-2"]);
    let mut captures = Captures::new();
    assert!(plan.inbound[0].capture_id(br#"{"id":"a-b","name":"n"}"#, None, &mut captures));
    let message = midge::plan::Message {
        endpoint: 3,
        request_id: 0,
        packet_id: 0,
        moment: &Moment::at(0),
        identities: &plan.identities,
        captures: &captures,
    };
    let mut frame = Sheet::default();
    plan.requests[3].encode(&mut frame, &message, &mut vec![0; plan.state_words]);
    assert_eq!(
        parse(frame.text()).payload,
        br#"{"id":"a-b","state":"completed","payload":{}}"#
    );
}

#[test]
fn derived_filters_cover_each_answer_once() {
    let plan = compile(&kaa());
    let mut filters = Vec::new();
    plan.filters(7, &mut filters);
    assert_eq!(
        filters,
        [
            "kp1/demo-v1/dcx/ep-7/json/+/status",
            "kp1/demo-v1/dcx/ep-7/json/+/error",
            "kp1/demo-v1/epmx/ep-7/get/+/status",
            "kp1/demo-v1/epmx/ep-7/get/+/error",
            "kp1/demo-v1/epmx/ep-7/get/keys/+/status",
            "kp1/demo-v1/epmx/ep-7/get/keys/+/error",
            "kp1/demo-v1/cex/ep-7/command/reboot/error",
            "kp1/demo-v1/cex/ep-7/result/reboot/+/error",
            "kp1/demo-v1/cex/ep-7/command/+/status",
        ]
    );
    let plan = compile(&enapter());
    assert_eq!(plan.caller_filters(0), ["v1/from/+/s/v1/command/responses"]);
    let mut own = enapter();
    own.fleet.subscribe = Subscribe::Filters(vec![
        "v1/to/{hardware_id}/#".into(),
        "v1/to/{hardware_id}/+/x".into(),
    ]);
    let mut filters = Vec::new();
    let overlapping = compile(&own);
    overlapping.filters(0, &mut filters);
    assert_eq!(filters.len(), 2, "a list is subscribed to as it is");
    let overlap = overlapping.overlap.as_ref().expect("it overlaps");
    assert_eq!(
        [&overlap.first, &overlap.second],
        [&filters[0], &filters[1]]
    );
    assert!(overlapping.warnings.contains(&overlap.to_string()));
    own.fleet.subscribe = Subscribe::None;
    filters.clear();
    compile(&own).filters(0, &mut filters);
    assert!(filters.is_empty());
}

#[test]
fn connections_have_names_and_wills() {
    let mut named = kaa();
    named.target.username = Some("{token}".into());
    let (topic, payload) = ("gone/{token}".to_owned(), r#"{"n":{endpoint}}"#.to_owned());
    named.fleet.will = Some(Will {
        topic,
        payload,
        qos: 1,
        retain: true,
        delay_s: None,
        properties: MessageProperties::default(),
    });
    let plan = compile(&named);
    let name = |plan: &Plan, role| {
        let mut name = String::new();
        plan.client_id(4, role, &mut name);
        name
    };
    assert_eq!(name(&plan, ConnectionRole::Main), "midge-4");
    assert_eq!(name(&plan, ConnectionRole::Subscriber), "midge-4-sub");
    assert_eq!(name(&plan, ConnectionRole::Caller(2)), "midge-caller-2");
    assert_eq!(plan.username(4).as_deref(), Some("ep-4"));
    let will = plan.will(4).expect("a will");
    assert_eq!(
        (will.topic.as_str(), will.payload.as_slice()),
        ("gone/ep-4", &br#"{"n":4}"#[..])
    );
    named.fleet.client_id = String::new();
    assert_eq!(name(&compile(&named), ConnectionRole::Subscriber), "");
}
