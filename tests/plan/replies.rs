//! What comes back from real platforms, and whether it is recognised.
//!
//! Not here: what is written to them.

use midge::plan::{
    Captures, Identities, Listener, Plan, PlanError, Recognised, ReplyOutcome, uuid_request_id,
};
use midge::profile::{IdKind, IdPlace, Outcome, OutcomeIn, Profile, Reply, Sender};

use super::platforms::{compile, enapter, id, kaa, template, topics};
use super::{encode, parse, profile};

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
        outcome: Some(Outcome {
            place: OutcomeIn::Topic,
            ok: vec![],
            error: vec![],
            intermediate: vec![],
        }),
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

/// The Kaa profile with an inbound message for the caller: what the endpoints report of a type.
fn overheard() -> Plan {
    let mut heard = kaa();
    heard.inbound[0].at = Sender::Caller;
    heard.inbound[0].answers.clear();
    let mut second = heard.inbound[0].clone();
    second.name = "pushed".into();
    second.at = Sender::Endpoint;
    heard.inbound.push(second);
    compile(&heard)
}

#[test]
fn a_caller_hears_the_messages_of_every_endpoint_and_tells_them_apart() {
    let plan = overheard();
    let mut captures = Captures::new();
    let mut key = |endpoint: &str, kind: &str, item: &str| {
        let topic = format!("kp1/demo-v1/cex/{endpoint}/command/{kind}/status");
        let heard = plan.recognise(Listener::Caller, &topic, b"[]", &mut captures);
        assert_eq!(heard, Recognised::Inbound { inbound: 0 }, "{topic}");
        assert!(plan.inbound[0].capture_id(item.as_bytes(), None, &mut captures));
        plan.inbound[0].key(0, &captures)
    };
    let one = key("ep-1", "reboot", r#"{"id":1}"#);
    assert_eq!(one, key("ep-1", "reboot", r#"{"id":1}"#));
    for (endpoint, kind, item) in [
        ("ep-2", "reboot", r#"{"id":1}"#),
        ("ep-1", "update", r#"{"id":1}"#),
        ("ep-1", "reboot", r#"{"id":2}"#),
    ] {
        assert_ne!(one, key(endpoint, kind, item), "{endpoint} {kind} {item}");
    }
    // The same topic is the other message where an endpoint hears it.
    let topic = "kp1/demo-v1/cex/ep-7/command/update/status";
    assert_eq!(
        hear(&plan, 7, topic, "[]"),
        Recognised::Inbound { inbound: 1 }
    );
    assert_eq!(hear(&plan, 8, topic, "[]"), Recognised::Unknown);
}

#[test]
fn the_first_caller_alone_subscribes_to_what_callers_hear() {
    let plan = overheard();
    let filter = "kp1/demo-v1/cex/+/command/+/status";
    assert_eq!(plan.caller_filters(0), [filter]);
    assert!(plan.caller_filters(1).is_empty());
    // One connection for all workers, because no request comes from a caller.
    assert_eq!(plan.arithmetic(4).callers, 1);
    assert_eq!(compile(&kaa()).arithmetic(4).callers, 0);
    assert_eq!(compile(&enapter()).arithmetic(4).callers, 4);
}

#[test]
fn fields_of_the_endpoint_count_among_a_callers_captures() {
    let mut many = kaa();
    many.inbound[0].at = Sender::Caller;
    many.inbound[0].answers.clear();
    many.inbound[0].topic = "{endpoint}/{token}/{a1}/{a2}/{a3}/{a4}/{a5}/{a6}/{a7}".into();
    many.inbound[0].key.clear();
    let refused = Plan::compile(&many, Identities::none()).expect_err("nine are too many");
    assert!(
        matches!(refused, PlanError::TooMany { count: 9, .. }),
        "{refused}"
    );
}
