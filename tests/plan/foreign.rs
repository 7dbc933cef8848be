//! Three platforms that are not shipped, as TOML only: what they need of the format, and whether
//! their replies, pushes and our own messages are told apart.
//!
//! The wire facts are those of the vendors' public documentation: `ThingsBoard`'s MQTT device API, AWS
//! `IoT` Core's device shadows, Azure `IoT` Hub's twins and direct methods. Not here: running them.

use std::io;
use std::path::Path;

use midge::plan::{
    Captures, Identities, Listener, Message, Moment, Plan, Recognised, ReplyOutcome, Sheet,
};
use midge::profile::{Colour, load};

use super::{encode, parse};

/// An integer in the topic; a word of the topic changes; no topic for failures.
const THINGSBOARD: &str = r#"
[fleet]
endpoints = 10
[load]
arrival_rate = "1/s"

[[request]]
name = "attributes"
topic = "v1/devices/me/attributes/request/{request_id}"
payload = '{"clientKeys":"serial","sharedKeys":"interval"}'
request_id = { range = [1, 9999] }
reply = { ok = "v1/devices/me/attributes/response/{request_id}" }

[[request]]
name = "telemetry"
topic = "v1/devices/me/telemetry"
payload = '{"temperature":21}'

[[inbound]]
name = "rpc"
topic = "v1/devices/me/rpc/request/{rpc_id}"
key = ["rpc_id"]
answer = [{ topic = "v1/devices/me/rpc/response/{rpc_id}", payload = '{"done":true}' }]
"#;

/// The ID stands in the payload; the topic has none. Without a payload: first in, first out.
const SHADOW: &str = r#"
[fleet]
endpoints = 10
vars = { thing = "pump-{endpoint}" }
[load]
arrival_rate = "1/s"

[[request]]
name = "update"
topic = "$aws/things/{thing}/shadow/update"
payload = '{"state":{"reported":{"temperature":21}},"clientToken":"{request_id}"}'
request_id = { in = "/clientToken", scope = "shadow" }
reply = { ok = "{topic}/accepted", error = "{topic}/rejected", status = "/code", reason = "/message" }

[[request]]
name = "get"
topic = "$aws/things/{thing}/shadow/get"
reply = { ok = "{topic}/accepted", error = "{topic}/rejected", status = "/code", reason = "/message" }

[[inbound]]
name = "delta"
topic = "$aws/things/{thing}/shadow/update/delta"
id = "/version"
answer = [{ topic = "$aws/things/{thing}/shadow/update", payload = '{"state":{"reported":{"version":{id}}}}' }]
"#;

/// One topic for every outcome, with the status in it; the ID is a part of a level.
const TWIN: &str = r#"
[fleet]
endpoints = 10
subscribe = ["$iothub/twin/res/#", "$iothub/methods/POST/#"]
[load]
arrival_rate = "1/s"

[[request]]
name = "get"
topic = "$iothub/twin/GET/?$rid={request_id}"
request_id = { scope = "twin" }
reply = { topic = "$iothub/twin/res/{status}/?$rid={request_id}", outcome = "{status}", reason = "/Message" }

[[request]]
name = "report"
topic = "$iothub/twin/PATCH/properties/reported/?$rid={request_id}"
payload = '{"temperature":21}'
request_id = { scope = "twin" }
reply = { topic = "$iothub/twin/res/{status}/?$rid={request_id}", outcome = "{status}", ok = "204", intermediate = "202" }

[[inbound]]
name = "method"
topic = "$iothub/methods/POST/{method}/?$rid={method_id}"
key = ["method_id"]
answer = [{ topic = "$iothub/methods/res/200/?$rid={method_id}", payload = '{}' }]
"#;

/// The plan of a profile that consists of this text, and no warning.
#[track_caller]
fn plan(text: &str) -> Plan {
    let read = |_: &Path| -> io::Result<String> { Ok(text.to_owned()) };
    let loaded = load("foreign.toml", &[], &read).unwrap_or_else(|errors| {
        let errors: Vec<_> = errors.iter().map(|e| e.render(Colour::Never)).collect();
        panic!("{}", errors.join("\n"))
    });
    let plan = Plan::compile(&loaded.profile, Identities::none()).expect("a sound profile");
    assert_eq!(plan.warnings, Vec::<String>::new());
    // What a results folder keeps says the same.
    let read = |_: &Path| -> io::Result<String> { Ok(loaded.source_text.clone()) };
    let again = load("foreign.toml", &[], &read).expect("it is what was loaded");
    assert_eq!(again.profile, loaded.profile);
    plan
}

/// Topic and payload of a request of endpoint 7.
fn sent(plan: &Plan, request: usize, id: u128) -> (String, String) {
    let frame = encode(plan, request, 7, id, &mut vec![0; plan.state_words]);
    let publish = parse(&frame);
    let payload = String::from_utf8_lossy(publish.payload).into_owned();
    (publish.topic.to_owned(), payload)
}

fn hear<'a>(plan: &Plan, topic: &str, payload: &'a str) -> Recognised<'a> {
    let who = Listener::Endpoint(7);
    plan.recognise(who, topic, payload.as_bytes(), &mut Captures::new())
}

/// Request, ID, outcome, status and reason of a reply.
#[track_caller]
fn reply(
    plan: &Plan,
    topic: &str,
    payload: &str,
) -> (u16, Option<u128>, ReplyOutcome, String, String) {
    let heard = hear(plan, topic, payload);
    let Recognised::Reply {
        request,
        id,
        outcome,
        status,
        reason,
        ..
    } = heard
    else {
        panic!("not a reply: {topic} {heard:?}")
    };
    let status = status.map(|status| status.as_str().to_owned());
    let reason = reason.map(|reason| reason.text().into_owned());
    (
        request,
        id,
        outcome,
        status.unwrap_or_default(),
        reason.unwrap_or_default(),
    )
}

fn ok(
    request: u16,
    id: Option<u128>,
    status: &str,
) -> (u16, Option<u128>, ReplyOutcome, String, String) {
    (request, id, ReplyOutcome::Ok, status.into(), String::new())
}

/// What endpoint 7 answers to a push.
#[track_caller]
fn answered(plan: &Plan, topic: &str, payload: &str) -> (String, String) {
    let mut captures = Captures::new();
    let who = Listener::Endpoint(7);
    let heard = plan.recognise(who, topic, payload.as_bytes(), &mut captures);
    assert_eq!(heard, Recognised::Inbound { inbound: 0 }, "{topic}");
    assert!(plan.inbound[0].capture_id(payload.as_bytes(), None, &mut captures));
    let message = Message {
        endpoint: 7,
        request_id: 0,
        packet_id: 0,
        moment: &Moment::at(0),
        identities: &plan.identities,
        captures: &captures,
    };
    let answer = &plan.requests[usize::from(plan.inbound[0].answers[0])];
    let mut frame = Sheet::default();
    answer.encode(&mut frame, &message, &mut vec![0; plan.state_words]);
    let publish = parse(frame.text());
    let payload = String::from_utf8_lossy(publish.payload).into_owned();
    (publish.topic.to_owned(), payload)
}

fn pair(topic: &str, payload: &str) -> (String, String) {
    (topic.to_owned(), payload.to_owned())
}

#[test]
fn attributes_are_answered_on_a_topic_with_another_word() {
    let plan = plan(THINGSBOARD);
    let request = "v1/devices/me/attributes/request/42";
    let payload = r#"{"clientKeys":"serial","sharedKeys":"interval"}"#;
    assert_eq!(sent(&plan, 0, 42), pair(request, payload));
    let response = "v1/devices/me/attributes/response/42";
    let values = r#"{"client":{"serial":"x"},"shared":{"interval":5}}"#;
    assert_eq!(reply(&plan, response, values), ok(0, Some(42), ""));
    assert!(!plan.requests[0].silence_is_ok(), "no answer is a timeout");
    assert_eq!(hear(&plan, request, payload), Recognised::Echo);
    for strange in [
        "v1/devices/me/attributes/response/042",
        "v1/devices/me/attributes/response/10000",
        "v1/devices/me/attributes/response",
        "v1/devices/me/attributes",
    ] {
        assert_eq!(
            hear(&plan, strange, values),
            Recognised::Unknown,
            "{strange}"
        );
    }
    let mut filters = Vec::new();
    plan.filters(7, &mut filters);
    assert_eq!(
        filters,
        [
            "v1/devices/me/attributes/response/+",
            "v1/devices/me/rpc/request/+"
        ]
    );
}

#[test]
fn a_remote_call_is_answered_under_its_own_number() {
    let plan = plan(THINGSBOARD);
    let call = r#"{"method":"setPower","params":{"power":5}}"#;
    assert_eq!(
        answered(&plan, "v1/devices/me/rpc/request/17", call),
        pair("v1/devices/me/rpc/response/17", r#"{"done":true}"#)
    );
    let own = hear(&plan, "v1/devices/me/rpc/response/17", "{}");
    assert_eq!(own, Recognised::Echo);
}

#[test]
fn an_update_of_a_shadow_is_known_by_the_token_in_its_payload() {
    let plan = plan(SHADOW);
    let topic = "$aws/things/pump-7/shadow/update";
    let payload = r#"{"state":{"reported":{"temperature":21}},"clientToken":"12345"}"#;
    assert_eq!(sent(&plan, 0, 12_345), pair(topic, payload));
    let accepted = format!("{topic}/accepted");
    let rejected = format!("{topic}/rejected");
    let body = r#"{"state":{"reported":{"temperature":21}},"version":4,"clientToken":"12345"}"#;
    assert_eq!(reply(&plan, &accepted, body), ok(0, Some(12_345), ""));
    let conflict = r#"{"code":409,"message":"Version conflict","clientToken":"12345"}"#;
    assert_eq!(
        reply(&plan, &rejected, conflict),
        (
            0,
            Some(12_345),
            ReplyOutcome::Error,
            "409".into(),
            "Version conflict".into()
        )
    );
    assert_eq!(hear(&plan, topic, payload), Recognised::Echo);
    // Somebody else's update of the same thing has another token, or none.
    for foreign in [r#"{"clientToken":"app-1"}"#, "{}", r#"{"clientToken":7}"#] {
        assert_eq!(
            hear(&plan, &accepted, foreign),
            Recognised::Unknown,
            "{foreign}"
        );
    }
    let lone = hear(&plan, &rejected, r#"{"code":400,"message":"Bad JSON"}"#);
    assert!(
        matches!(
            lone,
            Recognised::LoneError {
                request: Some(0),
                ..
            }
        ),
        "{lone:?}"
    );
}

#[test]
fn a_shadow_is_asked_for_with_nothing_and_answered_in_order() {
    let plan = plan(SHADOW);
    let topic = "$aws/things/pump-7/shadow/get";
    assert_eq!(sent(&plan, 1, 0), pair(topic, ""));
    let whole = r#"{"state":{},"version":4}"#;
    let accepted = format!("{topic}/accepted");
    assert_eq!(reply(&plan, &accepted, whole), ok(1, None, ""));
    let none = r#"{"code":404,"message":"No shadow exists with name: 'pump-7'"}"#;
    let rejected = reply(&plan, &format!("{topic}/rejected"), none);
    assert_eq!(
        (rejected.0, rejected.1, rejected.3.as_str()),
        (1, None, "404")
    );
    assert_eq!(hear(&plan, topic, ""), Recognised::Echo);
    let other = "$aws/things/pump-8/shadow/get/accepted";
    assert_eq!(hear(&plan, other, whole), Recognised::Unknown);
}

#[test]
fn a_difference_of_a_shadow_is_answered_with_an_update() {
    let answer = answered(
        &plan(SHADOW),
        "$aws/things/pump-7/shadow/update/delta",
        r#"{"version":5,"state":{"temperature":22}}"#,
    );
    let payload = r#"{"state":{"reported":{"version":5}}}"#;
    assert_eq!(answer, pair("$aws/things/pump-7/shadow/update", payload));
}

#[test]
fn the_outcome_of_a_twin_stands_in_the_topic() {
    let plan = plan(TWIN);
    let topic = "$iothub/twin/GET/?$rid=12345";
    assert_eq!(sent(&plan, 0, 12_345), pair(topic, ""));
    let answer = |status: &str| format!("$iothub/twin/res/{status}/?$rid=12345");
    for status in ["200", "204", "299"] {
        let twin = r#"{"desired":{},"reported":{}}"#;
        assert_eq!(
            reply(&plan, &answer(status), twin),
            ok(0, Some(12_345), status)
        );
    }
    for status in ["400", "429", "500", "302"] {
        let heard = reply(&plan, &answer(status), r#"{"Message":"Throttled"}"#);
        let (outcome, reason) = (ReplyOutcome::Error, "Throttled".to_owned());
        assert_eq!(heard, (0, Some(12_345), outcome, status.into(), reason));
    }
    assert_eq!(hear(&plan, topic, ""), Recognised::Echo);
    for strange in [
        "$iothub/twin/res/200/?$rid=012345",
        "$iothub/twin/res/200/?$rid=",
        "$iothub/twin/res//?$rid=12345",
        "$iothub/twin/res/200/?$rid=12345/x",
    ] {
        assert_eq!(hear(&plan, strange, ""), Recognised::Unknown, "{strange}");
    }
}

#[test]
fn both_requests_of_a_twin_share_a_reply_topic_and_so_their_ids() {
    let plan = plan(TWIN);
    let topic = "$iothub/twin/PATCH/properties/reported/?$rid=12345";
    assert_eq!(sent(&plan, 1, 12_345), pair(topic, r#"{"temperature":21}"#));
    assert_eq!(plan.requests[0].scope, plan.requests[1].scope);
    assert!(plan.requests[1].intermediate && !plan.requests[0].intermediate);
    let mut filters = Vec::new();
    plan.filters(7, &mut filters);
    assert_eq!(filters, ["$iothub/twin/res/#", "$iothub/methods/POST/#"]);
}

#[test]
fn the_lists_of_statuses_replace_2xx() {
    let (_, report) = TWIN.split_once("[[request]]").expect("two requests");
    let (_, report) = report.split_once("[[request]]").expect("two requests");
    let head = "[fleet]\nendpoints = 10\n[load]\narrival_rate = \"1/s\"\n[[request]]";
    let plan = plan(&format!("{head}{report}"));
    let outcome = |status: &str| {
        let topic = format!("$iothub/twin/res/{status}/?$rid=12345");
        reply(&plan, &topic, "").2
    };
    assert_eq!(outcome("204"), ReplyOutcome::Ok);
    assert_eq!(outcome("202"), ReplyOutcome::Intermediate);
    assert_eq!(outcome("200"), ReplyOutcome::Error);
}

#[test]
fn a_direct_method_is_answered_under_its_own_number() {
    let answer = answered(
        &plan(TWIN),
        "$iothub/methods/POST/setPower/?$rid=9",
        r#"{"power":5}"#,
    );
    assert_eq!(answer, pair("$iothub/methods/res/200/?$rid=9", "{}"));
}
