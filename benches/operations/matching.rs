//! What it costs to say what a message from the target is: a reply, an error, a push, or not ours.
//!
//! Against one definition, the twelve of the default profile, and fifty. Not here: which request in
//! flight a reply answers (see `request_ids`).

use std::hint::black_box;

use midge::plan::{Captures, Heard, Listener, Plan, Recognised};

use super::{Measure, plans};

const ONE: &str = r#"
format = 1
name = "one"
platforms = ["kaa"]
[fleet]
endpoints = 1_000
subscribe = "none"
[load]
arrival_rate = "1_000/s"
[[request]]
use = "kaa/dcx-json"
[[inbound]]
use = "kaa/command"
"#;
const NUMBERED: &str = r#"
format = 1
name = "numbered"
[fleet]
endpoints = 1_000
subscribe = "none"
[load]
arrival_rate = "1_000/s"
"#;
const REPLY: &str = "kp1/bspu542ikfmmfgrk47s0-v1/dcx/ep-7/json/54321/status";
const ERROR: &str = "kp1/bspu542ikfmmfgrk47s0-v1/dcx/ep-7/json/54321/error";
const WHY: &[u8] = br#"{"statusCode":400,"reasonPhrase":"Bad Request"}"#;
const PUSH: &str = "kp1/bspu542ikfmmfgrk47s0-v1/cex/ep-7/command/reboot/status";
const COMMANDS: &[u8] = br#"[{"id":1,"payload":{}}]"#;
const FOREIGN: &str = "kp1/bspu542ikfmmfgrk47s0-v1/dcx/ep-8/json/54321/status";
const LAST: &str = "kp1/bspu542ikfmmfgrk47s0-v1/bcx/ep-7/token/54321/status";

pub fn each(measure: &mut impl Measure) {
    let one = plans::of_text(ONE);
    let fleet = plans::shipped("kaa-fleet");
    for (plan, many) in [(&one, "1 definition"), (&fleet, "12 definitions")] {
        let mut captures = Captures::new();
        for (what, topic, payload) in [
            ("a reply", REPLY, &b""[..]),
            ("an error with status and reason", ERROR, WHY),
            ("an inbound message", PUSH, COMMANDS),
            ("a foreign topic", FOREIGN, b""),
        ] {
            let meant = recognise(plan, topic, payload, None, &mut captures);
            let right = match meant {
                Recognised::Reply { .. } => what.starts_with("a reply") || topic == ERROR,
                Recognised::Inbound { .. } => topic == PUSH,
                Recognised::Unknown => topic == FOREIGN,
                _ => false,
            };
            assert!(right, "{what} is taken for {meant:?}");
            let (topic, payload) = (topic.to_owned(), payload.to_vec());
            measure.operation(&format!("matching/{what}, {many}"), || {
                recognise(plan, black_box(&topic), &payload, None, &mut captures)
            });
        }
    }
    let fifty = plans::of_text(&numbered(50));
    for (plan, what, topic, known) in [
        (
            &fleet,
            "a reply to the last one, 12 definitions",
            LAST,
            true,
        ),
        (
            &fifty,
            "a reply to the last one, 50 definitions",
            "acme/r50/ep-7/54321/ok",
            true,
        ),
        (
            &fifty,
            "a foreign topic, 50 definitions",
            "acme/r50/ep-8/54321/ok",
            false,
        ),
    ] {
        let mut captures = Captures::new();
        let meant = recognise(plan, topic, b"", None, &mut captures);
        assert_eq!(meant != Recognised::Unknown, known, "{what}: {meant:?}");
        measure.operation(&format!("matching/{what}"), || {
            recognise(plan, black_box(topic), b"", None, &mut captures)
        });
    }
    correlated(measure);
}

/// A reply whose ID is its correlation data.
fn correlated(measure: &mut impl Measure) {
    const ASKS: &str = r#"
[[request]]
name = "ask"
topic = "acme/ep-{endpoint}/ask"
request_id = { in = "correlation-data", range = [10_000, 99_999] }
reply = { ok = "acme/ep-{endpoint}/answers", error = "acme/ep-{endpoint}/errors" }
"#;
    let text = format!("{NUMBERED}{ASKS}");
    let plan = plans::in_5("./bench.toml", &text);
    let mut captures = Captures::new();
    let mut hear = || {
        let (topic, id) = (black_box("acme/ep-7/answers"), black_box(&b"54321"[..]));
        recognise(&plan, topic, b"", Some(id), &mut captures)
    };
    let meant = hear();
    let id = Some(54_321);
    let right = matches!(meant, Recognised::Reply { id: found, .. } if found == id);
    assert!(right, "{meant:?}");
    measure.operation("matching/a reply by correlation data, MQTT 5", hear);
}

/// A profile of so many requests, which differ by a word of their topics.
fn numbered(requests: usize) -> String {
    const REQUEST: &str = r#"
[[request]]
name = "rNUMBER"
topic = "acme/rNUMBER/ep-{endpoint}/{request_id}"
request_id = { range = [10_000, 99_999] }
reply = { ok = "{topic}/ok", error = "{topic}/error" }
"#;
    let requests = (1..=requests).map(|number| REQUEST.replace("NUMBER", &number.to_string()));
    NUMBERED.to_owned() + &requests.collect::<String>()
}

// As one function, however many operations call it.
#[inline(never)]
fn recognise<'a>(
    plan: &Plan,
    topic: &str,
    payload: &'a [u8],
    correlation: Option<&[u8]>,
    captures: &mut Captures,
) -> Recognised<'a> {
    let heard = Heard {
        topic,
        payload,
        correlation,
    };
    plan.recognise_heard(Listener::Endpoint(7), &heard, captures)
}
