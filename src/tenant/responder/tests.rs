//! Definitions as a platform writes them, and what the tenant makes of messages.

use std::io;
use std::path::Path;

use super::*;
use crate::profile::definitions;

fn responder(text: &str) -> Responder {
    let read = |_: &Path| -> io::Result<String> { Ok(text.to_owned()) };
    let definitions = definitions("./platform.toml", &read).unwrap_or_else(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", errors.join("\n"))
    });
    Responder::new(&definitions)
}

/// What is answered: kind, topic, payload. With an intermediate one in front if there is any.
fn answered(responder: &Responder, topic: &str, payload: &str) -> Vec<(&'static str, String)> {
    let found = responder.recognise(topic, payload.as_bytes()).unwrap();
    let Meaning::Request {
        definition,
        id,
        form,
    } = &found.meaning
    else {
        panic!("{found:?}")
    };
    let asked = Asked {
        values: &found.values,
        id: id.as_ref(),
        response_topic: "",
    };
    let answers = responder.answers(*definition).unwrap();
    let all = match form {
        Form::Broken => vec![("invalid", &answers.invalid)],
        Form::Sound => vec![
            ("more", &answers.intermediate),
            ("ok", &answers.ok),
            ("error", &answers.error),
        ],
    };
    let there = all.into_iter().filter_map(|(kind, answer)| {
        let (mut topic, mut payload) = (String::new(), Vec::new());
        answer.as_ref()?.write(&asked, &mut topic, &mut payload);
        let payload = String::from_utf8(payload).unwrap();
        Some((kind, format!("{topic} {payload}")))
    });
    there.collect()
}

fn expected(lines: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let lines = lines.iter();
    lines.map(|&(kind, line)| (kind, line.to_owned())).collect()
}

fn name_of(responder: &Responder, topic: &str, payload: &str) -> Option<String> {
    let found = responder.recognise(topic, payload.as_bytes())?;
    Some(responder.names[usize::from(found.name)].to_string())
}

#[test]
fn an_id_in_the_topic_comes_back_in_the_topic() {
    let responder = responder(
        r#"
        vars = { device = "d-{endpoint}", area = "hall" }
        [[request]]
        name = "get"
        topic = "acme/{area}/{device}/get/{request_id}"
        reply = { ok = "acme/{area}/{device}/got/{request_id}", error = "{topic}/failed", status = "/code", reason = "/why" }
        "#,
    );
    assert_eq!(
        answered(&responder, "acme/hall/mine/get/17", ""),
        expected(&[
            ("ok", r#"acme/hall/mine/got/17 {"code":200}"#),
            (
                "error",
                r#"acme/hall/mine/get/17/failed {"code":500,"why":"Internal Server Error"}"#
            ),
        ])
    );
    assert!(responder.recognise("acme/hall/mine/get", b"").is_none());
    assert!(
        responder
            .recognise("acme/hall/mine/get/17/x", b"")
            .is_none()
    );
    assert_eq!(responder.notes, Vec::<String>::new());
}

#[test]
fn an_id_in_the_payload_comes_back_as_it_was_written() {
    let responder = responder(
        r#"
        [[request]]
        name = "update"
        topic = "acme/{thing}/update"
        payload = '{"state":{},"clientToken":"{request_id}"}'
        request_id = { in = "/clientToken" }
        reply = { ok = "{topic}/accepted", error = "{topic}/rejected", status = "/code", reason = "/message" }
        "#,
    );
    for id in [r#""t-1""#, "17", r#""a\"b""#] {
        assert_eq!(
            answered(
                &responder,
                "acme/t/update",
                &format!(r#"{{"clientToken":{id}}}"#)
            )[0],
            (
                "ok",
                format!(r#"acme/t/update/accepted {{"code":200,"clientToken":{id}}}"#)
            )
        );
    }
    // Not given: not repeated.
    assert_eq!(
        answered(&responder, "acme/t/update", r#"{"state":{}}"#)[0].1,
        r#"acme/t/update/accepted {"code":200}"#
    );
    for broken in ["", "{", "\u{0}"] {
        assert_eq!(
            answered(&responder, "acme/t/update", broken),
            expected(&[(
                "invalid",
                r#"acme/t/update/rejected {"code":400,"message":"Payload is not valid JSON"}"#
            )]),
            "{broken:?}"
        );
    }
}

#[test]
fn an_id_may_stand_elsewhere_in_the_reply() {
    let responder = responder(
        r#"
        [[request]]
        name = "nested"
        topic = "a/nested"
        payload = '{"head":{"number":{request_id}}}'
        request_id = { in = "/id" }
        reply = { ok = "{topic}/ok" }
        [[request]]
        name = "topic"
        topic = "a/{request_id}"
        request_id = { in = "/id" }
        reply = { ok = "b" }
        [[request]]
        name = "back"
        topic = "c"
        payload = '[{"id":"{request_id}"}]'
        request_id = { in = "/0/id", generate = "uuid" }
        reply = { ok = "c/ok", payload = '[{"id":"","n":1}]' }
        "#,
    );
    for (topic, payload, answer) in [
        (
            "a/nested",
            r#"{"head":{"number":5}}"#,
            r#"a/nested/ok {"id":5}"#,
        ),
        ("a/17", "", r#"b {"id":17}"#),
        ("c", r#"[{"id":"x"}]"#, r#"c/ok [{"id":"x","n":1}]"#),
    ] {
        let all = answered(&responder, topic, payload);
        assert_eq!(all, expected(&[("ok", answer)]));
    }
}

#[test]
fn a_message_belongs_to_the_definition_whose_id_it_has() {
    let responder = responder(
        r#"
        [[request]]
        name = "get"
        topic = "acme/{thing}/get"
        reply = { ok = "{topic}/accepted" }
        [[request]]
        name = "get-named"
        topic = "acme/{thing}/get"
        payload = '{"token":"{request_id}"}'
        request_id = { in = "/token" }
        reply = { ok = "{topic}/accepted" }
        [[request]]
        name = "special"
        topic = "acme/one/get"
        "#,
    );
    let name = |topic: &str, payload: &str| name_of(&responder, topic, payload).unwrap();
    assert_eq!(name("acme/t/get", ""), "get");
    assert_eq!(name("acme/t/get", "{}"), "get");
    assert_eq!(name("acme/t/get", r#"{"token":"5"}"#), "get-named");
    assert_eq!(name("acme/one/get", ""), "special");
}

#[test]
fn outcomes_of_the_payload_are_the_first_that_are_listed() {
    let responder = responder(
        r#"
        [[request]]
        name = "job"
        topic = "job/{request_id}"
        reply = { topic = "{topic}/state", outcome = "/s/state", ok = ["done", "well"], error = ["failed"], intermediate = ["log"] }
        [[request]]
        name = "number"
        topic = "number/{request_id}"
        reply = { topic = "{topic}/r", outcome = "/code", ok = [200], payload = '{"x":{request_id}}' }
        "#,
    );
    assert_eq!(
        answered(&responder, "job/1", ""),
        expected(&[
            ("more", r#"job/1/state {"s":{"state":"log"}}"#),
            ("ok", r#"job/1/state {"s":{"state":"done"}}"#),
            ("error", r#"job/1/state {"s":{"state":"failed"}}"#),
        ])
    );
    assert_eq!(
        answered(&responder, "number/7", ""),
        expected(&[("ok", r#"number/7/r {"x":7,"code":200}"#)])
    );
}

#[test]
fn outcomes_of_the_topic_are_listed_or_plain_statuses() {
    let responder = responder(
        r#"
        [[request]]
        name = "twin"
        topic = "$iothub/twin/GET/?$rid={request_id}"
        reply = { topic = "$iothub/twin/res/{status}/?$rid={request_id}", outcome = "{status}" }
        [[request]]
        name = "own"
        topic = "own/{request_id}"
        reply = { topic = "own/{request_id}/{status}", outcome = "{status}", ok = ["204"], error = ["418"], intermediate = ["102"] }
        "#,
    );
    assert_eq!(
        answered(&responder, "$iothub/twin/GET/?$rid=12", ""),
        expected(&[
            ("ok", "$iothub/twin/res/200/?$rid=12 "),
            ("error", "$iothub/twin/res/500/?$rid=12 "),
        ])
    );
    assert_eq!(
        answered(&responder, "own/3", ""),
        expected(&[
            ("more", "own/3/102 "),
            ("ok", "own/3/204 "),
            ("error", "own/3/418 ")
        ])
    );
}

#[test]
fn silence_can_be_success_and_some_failures_cannot_be_said() {
    let responder = responder(
        r#"
        [[request]]
        name = "quiet"
        topic = "quiet"
        reply = { error = "quiet/error" }
        [[request]]
        name = "kind"
        topic = "kind/{request_id}"
        reply = { ok = "kind/{request_id}/ok", payload = '{"list":[{request_id}]}' }
        "#,
    );
    assert_eq!(
        answered(&responder, "quiet", ""),
        expected(&[("error", "quiet/error ")])
    );
    assert_eq!(
        answered(&responder, "kind/5", ""),
        expected(&[("ok", r#"kind/5/ok {"list":[5]}"#)])
    );
}

#[test]
fn variables_are_parts_of_topics_whatever_the_fleet_puts_there() {
    let responder = responder(
        r#"
        vars = { base = "acme/v2", token = "ep-{endpoint}", prefix = "S" }
        [[request]]
        name = "up"
        topic = "{base}/{token}/up/{request_id}"
        reply = { ok = "{base}/{token}/down/{request_id}" }
        [[request]]
        name = "joined"
        topic = "{prefix}{endpoint:06}/up/{request_id}"
        reply = { ok = "{prefix}{endpoint:06}/down/{request_id}" }
        "#,
    );
    assert_eq!(
        answered(&responder, "acme/v2/from-a-file/up/1", ""),
        expected(&[("ok", "acme/v2/from-a-file/down/1 ")])
    );
    assert_eq!(
        answered(&responder, "S000004/up/1", ""),
        expected(&[("ok", "S000004/down/1 ")])
    );
    assert_eq!(responder.notes, Vec::<String>::new());
}

#[test]
fn what_cannot_be_answered_is_left_out_and_said() {
    let responder = responder(
        r#"
        vars = { token = "ep-{endpoint}" }
        [[request]]
        name = "lost"
        topic = "lost/{request_id}"
        reply = { ok = "{token}/{request_id}" }
        [[request]]
        name = "endless"
        topic = "endless/{serial}{endpoint}"
        [[request]]
        name = "sound"
        topic = "sound"
        [[inbound]]
        name = "deaf"
        topic = "deaf/{n}"
        payload = "{token}"
        "#,
    );
    assert_eq!(
        responder.notes,
        [
            "request lost: the simulated tenant leaves it out: its answer has {token}, which its topic does not tell",
            "request endless: the simulated tenant leaves it out: nothing says where the field before {endpoint} ends",
            "inbound deaf: the simulated tenant leaves it out: its payload has {token}, which its topic does not tell",
        ]
    );
    assert!(responder.recognise("lost/5", b"").is_none());
    assert!(responder.recognise("sound", b"").is_some());
}

#[test]
fn the_shipped_platforms_leave_nothing_out() {
    for (name, _) in crate::profile::platforms() {
        let none = |_: &Path| Err(io::ErrorKind::NotFound.into());
        let responder = Responder::new(&definitions(name, &none).unwrap());
        assert_eq!(responder.notes, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn more_definitions_than_anybody_writes_are_left_out() {
    let mut many = Definitions::default();
    let one = responder_definition();
    many.requests = vec![one; MOST + 1];
    let responder = Responder::new(&many);
    assert_eq!(responder.notes.len(), 1);
    assert_eq!(responder.names.len(), MOST);
}

fn responder_definition() -> Request {
    let text = "[[request]]\nname = \"a\"\ntopic = \"a\"\n";
    let read = |_: &Path| -> io::Result<String> { Ok(text.to_owned()) };
    definitions("./p.toml", &read).unwrap().requests.remove(0)
}
