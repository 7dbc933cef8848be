//! What it costs to render a message: topic, fields and payload into the bytes of a packet.
//!
//! Not here: one buffer or several for the kernel (see `writev.rs` beside this folder).

use std::hint::black_box;

use midge::plan::{Captures, Moment, Plan, Sheet, TopicAs};

use super::{Measure, plans};

/// The messages of `profiles/bench/flood.toml`, in other ways too.
const FLOOD: &str = include_str!("../../profiles/bench/flood.toml");
const BYTES: &str = r#"
format = 1
name = "bytes"
[fleet]
endpoints = 1_000
subscribe = "none"
[load]
arrival_rate = "max"
[[request]]
name = "block"
topic = "bench/{endpoint:07}/block"
bytes = "1KiB"
"#;

const ASKS: &str = r#"
format = 1
name = "asks"
[fleet]
endpoints = 1_000
[load]
arrival_rate = "1_000/s"
[[request]]
name = "ask"
topic = "acme/{endpoint}/ask"
payload = '{"n":{seq}}'
request_id = { in = "correlation-data" }
reply = { ok = "acme/{endpoint}/answers" }
[[request]]
name = "short"
topic = "acme/{endpoint}/tell"
payload = '{"n":{seq}}'
topic_alias = true
"#;

pub fn each(measure: &mut impl Measure) {
    let flood = plans::of_text(FLOOD);
    render(measure, &flood, "telemetry", "200 bytes with three fields");
    let kaa = plans::shipped("kaa-fleet");
    render(measure, &kaa, "dcx-json", "Kaa telemetry with a request ID");
    let batch = "dcx-json-batch";
    render(measure, &kaa, batch, "Kaa telemetry, ten samples");
    let bytes = plans::of_text(BYTES);
    render(measure, &bytes, "block", "1 KiB of block");
    let kaa = plans::in_5("kaa-fleet", "");
    let what = "Kaa telemetry with a request ID, MQTT 5";
    render(measure, &kaa, "dcx-json", what);
    let asks = plans::in_5("./bench.toml", ASKS);
    render(measure, &asks, "ask", "correlation data, MQTT 5");
    render_short(measure, &asks, "short", "alias of a topic, MQTT 5");
}

fn render(measure: &mut impl Measure, plan: &Plan, request: &str, what: &str) {
    let request = &plan.requests[plans::request(plan, request)];
    let mut state = vec![0; plan.state_words];
    let mut out = Sheet::default();
    let moment = Moment::at(plans::UNIX_NS);
    let captures = Captures::new();
    measure.operation(&format!("encoder/{what}"), || {
        out.clear();
        let message = plans::message(plan, &captures, &moment, black_box(54_321));
        request.encode(&mut out, &message, &mut state);
        out.len()
    });
}

/// A message whose topic is known by its number already.
fn render_short(measure: &mut impl Measure, plan: &Plan, request: &str, what: &str) {
    let request = &plan.requests[plans::request(plan, request)];
    let mut state = vec![0; plan.state_words];
    let mut out = Sheet::default();
    let moment = Moment::at(plans::UNIX_NS);
    let captures = Captures::new();
    measure.operation(&format!("encoder/{what}"), || {
        out.clear();
        let message = plans::message(plan, &captures, &moment, black_box(54_321));
        request.encode_after(None, TopicAs::Alias, &mut out, &message, &mut state);
        out.len()
    });
}
