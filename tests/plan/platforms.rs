//! Plans for real platforms: their messages, their replies, their pushes.
//!
//! The wire facts are those of the vendors' public documentation.

use std::collections::BTreeMap;
use std::time::Duration;

use midge::plan::{
    Captures, ConnectionRole, Identities, Listener, Plan, PlanError, Recognised, ReplyOutcome,
    uuid_request_id,
};
use midge::profile::{
    Answer, Delay, Generator, IdKind, IdPlace, Inbound, Items, Outcome, Pace, Payload, Profile,
    Reply, Request, RequestIdUse, Sender, Subscribe, TimestampFormat, Will,
};

use super::{encode, parse, profile, request};

fn template(name: &str, topic: &str, payload: &str) -> Request {
    request(
        name,
        topic,
        Payload::Template(payload.into()),
        Pace::Weight(1.0),
    )
}

fn topics(ok: Option<&str>, error: Option<&str>) -> Reply {
    Reply {
        ok_topic: ok.map(str::to_owned),
        error_topic: error.map(str::to_owned),
        status: Some("/statusCode".into()),
        reason: Some("/reasonPhrase".into()),
        ..Reply::default()
    }
}

fn id(place: IdPlace, kind: IdKind, scope: &str) -> RequestIdUse {
    RequestIdUse {
        place,
        kind,
        scope: scope.into(),
    }
}

fn kaa() -> Profile {
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

fn command(items: Items) -> Inbound {
    Inbound {
        name: "command".into(),
        topic: "kp1/{app}/cex/{token}/command/{command_type}/status".into(),
        items,
        id: Some("/id".into()),
        key: vec!["token".into(), "command_type".into(), "id".into()],
        deduplicate: true,
        answers: vec![Answer {
            after: Delay::Fixed(Duration::from_millis(20)),
            topic: "kp1/{app}/cex/{token}/result/{command_type}".into(),
            payload: r#"[{"id":{id},"statusCode":200}]"#.into(),
            qos: 0,
        }],
    }
}

fn enapter() -> Profile {
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
            pointer: "/state".into(),
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
        topic: "v1/to/{hardware_id}/{channel_id}/v1/command/requests".into(),
        items: Items::One,
        id: Some("/id".into()),
        key: vec![],
        deduplicate: false,
        answers: vec![answer("log"), answer("completed")],
    }];
    enapter
}

fn compile(profile: &Profile) -> Plan {
    Plan::compile(profile, Identities::none()).expect("a sound profile")
}

fn hear<'a>(plan: &Plan, endpoint: u32, topic: &str, payload: &'a str) -> Recognised<'a> {
    plan.recognise(
        Listener::Endpoint(endpoint),
        topic,
        payload.as_bytes(),
        &mut Captures::new(),
    )
}

/// Request, ID and outcome of a reply.
fn reply(recognised: Recognised<'_>) -> (u16, Option<u128>, ReplyOutcome) {
    match recognised {
        Recognised::Reply {
            request,
            id,
            outcome,
            ..
        } => (request, id, outcome),
        other => panic!("not a reply: {other:?}"),
    }
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
fn replies_name_their_request_id_and_outcome() {
    let plan = compile(&kaa());
    let of = |topic: &str| reply(hear(&plan, 7, topic, ""));
    assert_eq!(
        of("kp1/demo-v1/dcx/ep-7/json/42/status"),
        (0, Some(42), ReplyOutcome::Ok)
    );
    assert_eq!(
        of("kp1/demo-v1/epmx/ep-7/get/42/status"),
        (1, Some(42), ReplyOutcome::Ok)
    );
    assert_eq!(
        of("kp1/demo-v1/epmx/ep-7/get/keys/42/status"),
        (2, Some(42), ReplyOutcome::Ok)
    );
    let failed = r#"{"statusCode":400,"reasonPhrase":"Bad \"json\""}"#;
    let heard = hear(&plan, 7, "kp1/demo-v1/dcx/ep-7/json/99/error", failed);
    let Recognised::Reply {
        id: Some(99),
        outcome: ReplyOutcome::Error,
        status,
        reason,
        push: None,
        ..
    } = heard
    else {
        panic!("{heard:?}");
    };
    assert_eq!(status.expect("a status").as_str(), "400");
    assert_eq!(reason.expect("a reason").text(), "Bad \"json\"");
    assert!(plan.requests[4].silence_is_ok() && plan.requests[4].has_reply());
    assert_eq!(
        of("kp1/demo-v1/cex/ep-7/result/reboot/12/error").2,
        ReplyOutcome::Error
    );
}

#[test]
fn foreign_malformed_and_impossible_ids_are_unknown() {
    let plan = compile(&kaa());
    for topic in [
        "kp1/demo-v1/dcx/ep-8/json/42/status",
        "kp1/demo-v1/dcx/ep-77/json/42/status",
        "kp1/demo-v2/dcx/ep-7/json/42/status",
        "kp1/demo-v1/dcx/ep-7/json/9/status",
        "kp1/demo-v1/dcx/ep-7/json/100/status",
        "kp1/demo-v1/dcx/ep-7/json/042/status",
        "kp1/demo-v1/dcx/ep-7/json/4x/status",
        "kp1/demo-v1/dcx/ep-7/json//status",
        "kp1/demo-v1/dcx/ep-7/json/42/1/status",
        "kp1/demo-v1/dcx/ep-7/json/42/status/",
        "kp1/demo-v1/dcx/ep-7/json/42/statusx",
        "kp1/demo-v1/dcx/ep-7/json/status",
        "",
        "/",
    ] {
        assert_eq!(hear(&plan, 7, topic, ""), Recognised::Unknown, "{topic}");
    }
    assert_eq!(
        hear(&plan, 1, "kp1/demo-v1/dcx/ep-12/json/42/status", ""),
        Recognised::Unknown
    );
}

#[test]
fn our_own_requests_are_echoes() {
    let plan = compile(&kaa());
    for (index, _) in plan.requests.iter().enumerate() {
        let frame = encode(&plan, index, 7, 42, &mut vec![0; plan.state_words]);
        let topic = parse(&frame).topic.to_owned();
        // The answer to a push has no capture here, and so no whole topic.
        if !topic.ends_with('/') {
            assert_eq!(hear(&plan, 7, &topic, ""), Recognised::Echo, "{topic}");
        }
        assert_eq!(hear(&plan, 8, &topic, ""), Recognised::Unknown, "{topic}");
    }
    assert_eq!(
        hear(&plan, 7, "kp1/demo-v1/cex/ep-7/result/anything", ""),
        Recognised::Echo
    );
}

#[test]
fn an_error_without_an_id_belongs_to_its_resource() {
    let mut two = kaa();
    let plan = compile(&two);
    let topic = "kp1/demo-v1/dcx/ep-7/json/error";
    let Recognised::LoneError {
        request: Some(0),
        status,
    } = hear(&plan, 7, topic, r#"{"statusCode":413}"#)
    else {
        panic!("a lone error");
    };
    assert_eq!(status.expect("a status").as_str(), "413");
    let mut twin = two.requests[0].clone();
    twin.name = "dcx-twin".into();
    two.requests.push(twin);
    let plan = compile(&two);
    assert!(matches!(
        hear(&plan, 7, topic, ""),
        Recognised::LoneError {
            request: None,
            status: None
        }
    ));
}

#[test]
fn a_reply_without_an_id_may_be_a_push_instead() {
    let plan = compile(&kaa());
    let mut captures = Captures::new();
    let topic = "kp1/demo-v1/cex/ep-7/command/reboot/status";
    let heard = plan.recognise(Listener::Endpoint(7), topic, b"[]", &mut captures);
    assert!(
        matches!(
            heard,
            Recognised::Reply {
                request: 3,
                id: None,
                push: Some(0),
                ..
            }
        ),
        "{heard:?}"
    );
    assert_eq!(captures.get(0), b"reboot");
    let other = "kp1/demo-v1/cex/ep-7/command/close-door/status";
    assert_eq!(
        hear(&plan, 7, other, "[]"),
        Recognised::Inbound { inbound: 0 }
    );
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
        assert!(command.capture_id(item, &mut captures));
        keys.push(command.key(7, &captures));
        let message = midge::plan::Message {
            endpoint: 7,
            request_id: 0,
            packet_id: 0,
            unix_ns: 0,
            identities: &plan.identities,
            captures: &captures,
        };
        let mut frame = Vec::new();
        answer.encode(&mut frame, &message, &mut vec![0; plan.state_words]);
        let publish = parse(&frame);
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
fn a_caller_hears_intermediate_and_final_answers_of_any_endpoint() {
    let plan = compile(&enapter());
    assert!(plan.requests[1].intermediate);
    let uuid = uuid_request_id(5, 3, 1);
    let text = uuid::Uuid::from_u128(uuid).to_string();
    let hear = |topic: &str, payload: String| {
        let payload: &'static [u8] = payload.into_bytes().leak();
        plan.recognise(Listener::Caller, topic, payload, &mut Captures::new())
    };
    let topic = "v1/from/SD595D4EF54C643B7988AADDBF12A2E30/s/v1/command/responses";
    let answer = |state: &str| {
        format!(r#"{{"id":"{text}","state":"{state}","payload":{{"message":"no"}}}}"#)
    };
    assert_eq!(
        reply(hear(topic, answer("log"))),
        (1, Some(uuid), ReplyOutcome::Intermediate)
    );
    assert_eq!(
        reply(hear(topic, answer("completed"))),
        (1, Some(uuid), ReplyOutcome::Ok)
    );
    let failed = hear(topic, answer("error"));
    assert!(
        matches!(failed, Recognised::Reply { reason: Some(reason), .. } if reason.text() == "no")
    );
    assert_eq!(reply(failed).2, ReplyOutcome::Error);
    for payload in [
        "",
        "{}",
        r#"{"id":7,"state":"log"}"#,
        r#"{"id":"not-a-uuid"}"#,
    ] {
        assert_eq!(
            hear(topic, payload.to_owned()),
            Recognised::Unknown,
            "{payload}"
        );
    }
    assert_eq!(
        hear("v1/to/S1/s/v1/command/requests", "{}".to_owned()),
        Recognised::Echo
    );
    assert_eq!(
        hear("v1/from/S1/s/v1/telemetry", "{}".to_owned()),
        Recognised::Unknown
    );
}

#[test]
fn several_answers_are_numbered_and_keep_the_quotes_of_their_template() {
    let plan = compile(&enapter());
    let names: Vec<&str> = plan.requests[2..].iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["command-answer-1", "command-answer-2"]);
    let mut captures = Captures::new();
    assert!(plan.inbound[0].capture_id(br#"{"id":"a-b","name":"n"}"#, &mut captures));
    let message = midge::plan::Message {
        endpoint: 3,
        request_id: 0,
        packet_id: 0,
        unix_ns: 0,
        identities: &plan.identities,
        captures: &captures,
    };
    let mut frame = Vec::new();
    plan.requests[3].encode(&mut frame, &message, &mut vec![0; plan.state_words]);
    assert_eq!(
        parse(&frame).payload,
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
    assert_eq!(plan.caller_filters(), ["v1/from/+/s/v1/command/responses"]);
    let mut own = enapter();
    own.fleet.subscribe = Subscribe::Filters(vec![
        "v1/to/{hardware_id}/#".into(),
        "v1/to/{hardware_id}/+/x".into(),
    ]);
    let mut filters = Vec::new();
    compile(&own).filters(0, &mut filters);
    assert!(filters.len() == 1 && filters[0].ends_with("/#"));
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

#[test]
fn ids_in_payloads_and_statuses_in_topics_are_found() {
    let mut others = profile(3, 10.0, 1);
    let mut shadow = template(
        "shadow",
        "$aws/things/{token}/shadow/update",
        r#"{"clientToken":"{request_id}"}"#,
    );
    shadow.request_id = id(
        IdPlace::Payload("/clientToken".into()),
        IdKind::Range(1, 999),
        "shadow",
    );
    shadow.reply = Some(Reply {
        ok_topic: Some("{topic}/accepted".into()),
        error_topic: Some("{topic}/rejected".into()),
        status: Some("/code".into()),
        reason: Some("/message".into()),
        ..Reply::default()
    });
    let mut twin = template("twin", "$iothub/twin/GET/?$rid={request_id}", "");
    twin.request_id = id(IdPlace::Topic, IdKind::Range(0, 9_999), "twin");
    let topic = Some("$iothub/twin/res/{status}/?$rid={request_id}".into());
    twin.reply = Some(Reply {
        topic,
        ..Reply::default()
    });
    others.requests = vec![shadow, twin];
    let plan = compile(&others);
    let accepted = "$aws/things/ep-1/shadow/update/accepted";
    assert_eq!(
        reply(hear(&plan, 1, accepted, r#"{"clientToken":"17"}"#)),
        (0, Some(17), ReplyOutcome::Ok)
    );
    assert_eq!(hear(&plan, 1, accepted, "{}"), Recognised::Unknown);
    let rejected = "$aws/things/ep-1/shadow/update/rejected";
    let lone = hear(&plan, 1, rejected, r#"{"code":400}"#);
    assert!(matches!(
        lone,
        Recognised::LoneError {
            request: Some(0),
            status: Some(_)
        }
    ));
    let heard = hear(&plan, 1, "$iothub/twin/res/200/?$rid=0", "");
    assert_eq!(reply(heard), (1, Some(0), ReplyOutcome::Ok));
    let heard = hear(&plan, 1, "$iothub/twin/res/429/?$rid=12", "");
    assert!(matches!(heard, Recognised::Reply { status: Some(s), .. } if s.as_str() == "429"));
    assert_eq!(reply(heard), (1, Some(12), ReplyOutcome::Error));
    let mut filters = Vec::new();
    plan.filters(1, &mut filters);
    assert_eq!(filters[2], "$iothub/twin/res/+/+");
}

#[test]
fn a_reply_that_cannot_be_matched_is_refused() {
    let refused = |change: &dyn Fn(&mut Profile)| {
        let mut bad = kaa();
        change(&mut bad);
        Plan::compile(&bad, Identities::none()).expect_err("must be refused")
    };
    let no_id = refused(&|p| p.requests[0].reply = Some(topics(Some("kp1/x/status"), None)));
    assert!(
        matches!(&no_id, PlanError::RequestId { place, .. } if place == "request dcx, reply.ok"),
        "{no_id}"
    );
    let nowhere = refused(&|p| p.requests[0].reply = Some(Reply::default()));
    assert!(nowhere.to_string().contains("a reply needs a topic"));
    let joined = refused(&|p| p.inbound[0].topic = "a/{x}{y}".into());
    assert!(
        matches!(joined, PlanError::AmbiguousTopic { .. }),
        "{joined}"
    );
    let many =
        refused(&|p| p.inbound[0].topic = "{a1}/{a2}/{a3}/{a4}/{a5}/{a6}/{a7}/{a8}/{a9}".into());
    assert!(
        matches!(many, PlanError::TooMany { count: 9, .. }),
        "{many}"
    );
    let key = refused(&|p| p.inbound[0].key.push("nothing".into()));
    assert!(matches!(key, PlanError::UnknownField { .. }), "{key}");
    let payload = refused(&|p| p.requests[0].request_id.place = IdPlace::Payload("/id".into()));
    assert!(
        payload
            .to_string()
            .contains("the payload has no {request_id}")
    );
}

#[test]
fn captures_that_do_not_fit_are_not_recognised() {
    let plan = compile(&kaa());
    let topic = |length| format!("kp1/demo-v1/cex/ep-7/command/{}/status", "x".repeat(length));
    assert_eq!(
        hear(&plan, 7, &topic(256), "[]"),
        Recognised::Inbound { inbound: 0 }
    );
    assert_eq!(hear(&plan, 7, &topic(257), "[]"), Recognised::Unknown);
}
