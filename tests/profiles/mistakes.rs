//! Typical mistakes and the exact words they are answered with: line, rule, what to write instead.

use super::{SMALL, complaint, small};

#[test]
fn a_misspelt_key_names_its_neighbour() {
    let text = small("endpoints", "endpionts");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:5:1: unknown key "endpionts" of fleet, did you mean "endpoints"?
  |
5 | endpionts = 10
  | ^^^^^^^^^ nothing reads this"#
    );
}

#[test]
fn a_misspelt_section_is_not_followed_by_noise() {
    let text = small("[load]", "[laod]");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:7:2: unknown key "laod" at the top of a profile, did you mean "load"?
  |
7 | [laod]
  |  ^^^^ nothing reads this"#
    );
}

#[test]
fn a_rate_in_a_bare_number_lacks_its_time() {
    let text = small("\"100/s\"", "100");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:8:16: load.arrival_rate is wrong: the rate "100" does not say per what
  |
8 | arrival_rate = 100
  |                ^^^
  |
  = help: write "100/s""#
    );
}

#[test]
fn a_duration_in_a_bare_number_lacks_its_unit() {
    let text = small(
        "arrival_rate = \"100/s\"",
        "arrival_rate = \"100/s\"\nmeasure = 30",
    );
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:9:11: load.measure is wrong: the duration "30" has no unit
  |
9 | measure = 30
  |           ^^
  |
  = help: write "30s""#
    );
}

#[test]
fn a_weight_needs_an_arrival_rate() {
    let text = small("arrival_rate = \"100/s\"\n", "");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:7:1: load.arrival_rate is missing, but request "data" with its weight needs it
  |
7 | [load]
  | ^^^^^^
  |
  = help: write arrival_rate = "100/s", or a rate or every for each request"#
    );
}

#[test]
fn two_payloads_exclude_each_other() {
    let text = small("payload = \"{}\"", "payload = \"{}\"\nbytes = \"256B\"");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:14:9: request.data.bytes stands beside payload, but only one of them can hold
   |
14 | bytes = "256B"
   |         ^^^^^^
   |
   = help: write one of payload, sample, bytes, file"#
    );
}

#[test]
fn a_range_from_high_to_low_is_turned_around() {
    let text = small("payload = \"{}\"", "generate.t = { uniform = [5, 1] }");
    assert_eq!(
        complaint(&text, &[]),
        r"error: profile.toml:13:26: request.data.generate.t.uniform ends before it begins
   |
13 | generate.t = { uniform = [5, 1] }
   |                          ^^^^^^
   |
   = help: write [1, 5]"
    );
}

#[test]
fn an_id_in_the_payload_needs_a_place_in_the_reply() {
    let text = small(
        "payload = \"{}\"",
        "payload = '{\"id\":{request_id}}'\nreply = { ok = \"{topic}/ok\" }",
    );
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:10:1: request.data.request_id does not say where the reply carries the ID of the payload
   |
10 | [[request]]
   | ^^^^^^^^^^^
   |
   = help: write request_id = { in = "/id" }"#
    );
}

#[test]
fn a_misspelt_definition_names_its_neighbour() {
    let text = small("payload = \"{}\"", "use = \"enapter/telemtry\"")
        .replace("format = 1", "platforms = [\"enapter\"]");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:13:7: enapter has no request "telemtry", did you mean "telemetry"?
   |
13 | use = "enapter/telemtry"
   |       ^^^^^^^^^^^^^^^^^^
   |
   = help: known are: telemetry, telemetry-alerts, properties, properties-register, logs, set-power"#
    );
}

#[test]
fn a_definition_needs_its_platform() {
    let text = small("payload = \"{}\"", "use = \"kaa/dcx-json\"");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:13:7: "kaa/dcx-json" is of a platform that this profile does not name
   |
13 | use = "kaa/dcx-json"
   |       ^^^^^^^^^^^^^^
   |
   = help: write platforms = ["kaa"] at the top of the profile"#
    );
}

#[test]
fn a_url_needs_a_scheme() {
    let text = small("[fleet]", "[target]\nurl = \"127.0.0.1:1883\"\n[fleet]");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:5:7: target.url is wrong: the target "127.0.0.1:1883" has no scheme
  |
5 | url = "127.0.0.1:1883"
  |       ^^^^^^^^^^^^^^^^
  |
  = help: write "mqtt://127.0.0.1:1883""#
    );
}

#[test]
fn what_is_planned_is_refused_in_plain_words() {
    let text = small(
        "[fleet]",
        "[target]\nurl = \"wss://h\"\nprotocol = \"5\"\n[fleet]",
    );
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:6:12: target.protocol "5" is not supported yet
  |
6 | protocol = "5"
  |            ^^^
  |
  = help: write "3.1.1""#
    );
}

#[test]
fn keys_of_tls_that_do_nothing_or_not_fit_together_are_mistakes() {
    let of = |target: &str| {
        let text = small("[fleet]", &format!("[target]\n{target}\n[fleet]"));
        complaint(&text, &[])
    };
    assert_eq!(
        of("url = \"mqtt://h\"\nca = \"ca.pem\""),
        r#"error: profile.toml:6:6: target.ca is about TLS, and the target is reached without
  |
6 | ca = "ca.pem"
  |      ^^^^^^^^
  |
  = help: write url = "mqtts://HOST", or leave it out"#
    );
    assert_eq!(
        of("url = \"mqtts://h\"\ncertificate = \"c.pem\""),
        r#"error: profile.toml:6:15: target.certificate needs target.key beside it
  |
6 | certificate = "c.pem"
  |               ^^^^^^^
  |
  = help: write key = "..." too"#
    );
    assert_eq!(
        of("url = [\"mqtts://h\", \"mqtt://h\"]"),
        r#"error: profile.toml:5:7: target.url is a list of targets with TLS and without
  |
5 | url = ["mqtts://h", "mqtt://h"]
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write mqtts:// or mqtt:// in all of them"#
    );
    assert_eq!(
        of("url = \"mqtts://h\"\ninsecure = true\nca = \"ca.pem\"\ntls_version = \"1.1\""),
        r#"error: profile.toml:7:6: target.ca is of no use beside target.insecure, which verifies nothing
  |
7 | ca = "ca.pem"
  |      ^^^^^^^^
  |
  = help: write one of the two

error: profile.toml:8:15: target.tls_version is no version of TLS that midge speaks
  |
8 | tls_version = "1.1"
  |               ^^^^^
  |
  = help: write "1.2", "1.3" or "any""#
    );
}

#[test]
fn headers_that_do_nothing_or_belong_to_the_upgrade_are_mistakes() {
    let of = |target: &str| {
        let text = small("[fleet]", &format!("[target]\n{target}\n[fleet]"));
        complaint(&text, &[])
    };
    assert_eq!(
        of("url = \"mqtts://h\"\nheaders = { X-A = \"b\" }"),
        r#"error: profile.toml:6:11: target.headers is about WebSocket, and the target is reached without
  |
6 | headers = { X-A = "b" }
  |           ^^^^^^^^^^^^^
  |
  = help: write url = "ws://HOST/PATH" or "wss://HOST/PATH", or leave it out"#
    );
    assert_eq!(
        of("url = [\"ws://h\", \"mqtt://h\"]"),
        r#"error: profile.toml:5:7: target.url is a list of targets with WebSocket and without
  |
5 | url = ["ws://h", "mqtt://h"]
  |       ^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write ws:// or mqtt:// in all of them"#
    );
    for (header, sentence) in [
        ("Sec-WebSocket-Key = \"x\"", "belongs to the upgrade itself"),
        ("HOST = \"x\"", "belongs to the upgrade itself"),
        ("\"a b\" = \"x\"", "is no name of a header"),
        ("X-A = \"b\\r\\nX-C: d\"", "is no value of a header"),
        ("X-A = \" b\"", "is no value of a header"),
    ] {
        let said = of(&format!("url = \"ws://h\"\nheaders = {{ {header} }}"));
        assert!(said.contains(sentence), "{said}");
    }
}

#[test]
fn a_secret_in_a_header_is_refused_and_not_repeated() {
    for name in [
        "Authorization",
        "cookie",
        "X-Api-Key",
        "x-access-token",
        "X-Auth",
    ] {
        let headers = format!("headers = {{ {name} = \"hunter2\" }}");
        let text = small(
            "[fleet]",
            &format!("[target]\nurl = \"ws://h\"\n{headers}\n[fleet]"),
        );
        let said = complaint(&text, &[]);
        let sentence = format!("target.headers.{name} must not be written into a profile");
        assert!(said.contains(&sentence), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        let set = format!("target.headers.{name}=hunter2");
        let said = complaint(
            &small("[fleet]", "[target]\nurl = \"ws://h\"\n[fleet]"),
            &[&set],
        );
        assert!(
            said.contains(&sentence) && !said.contains("hunter2"),
            "{said}"
        );
    }
}

#[test]
fn a_key_in_a_profile_is_refused_and_not_repeated() {
    let text = small(
        "[fleet]",
        "[target]\nurl = \"mqtts://h\"\ncertificate = \"c.pem\"\nkey = \"-----BEGIN PRIVATE KEY-----hunter2\"\n[fleet]",
    );
    let said = complaint(&text, &[]);
    assert!(
        said.contains("target.key must not be written into a profile"),
        "{said}"
    );
}

#[test]
fn a_type_that_does_not_fit_is_named() {
    let text = small(
        "endpoints = 10",
        "endpoints = \"many\"\nsubscribe = \"devices/#\"",
    );
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:5:13: fleet.endpoints must be a whole number, but is text
  |
5 | endpoints = "many"
  |             ^^^^^^ this is text

error: profile.toml:6:13: fleet.subscribe takes filters as a list
  |
6 | subscribe = "devices/#"
  |             ^^^^^^^^^^^
  |
  = help: write ["devices/#"]"#
    );
}

#[test]
fn a_misspelt_word_names_its_neighbour() {
    let text = small("[load]", "[load]\nmodel = \"close\"");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:8:9: load.model cannot be "close"
  |
8 | model = "close"
  |         ^^^^^^^
  |
  = help: write "closed""#
    );
}

#[test]
fn a_condition_needs_an_operator_and_a_quantity() {
    let text = small(
        "[load]",
        "[thresholds]\nfailure_rate = 0.01\nresponse_time.p99 = \"< 50 parsecs\"\n[load]",
    );
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:8:16: thresholds.failure_rate has no operator
  |
8 | failure_rate = 0.01
  |                ^^^^
  |
  = help: write "< 0.01"

error: profile.toml:9:21: thresholds.response_time.p99 compares with no quantity: "< 50 parsecs"
  |
9 | response_time.p99 = "< 50 parsecs"
  |                     ^^^^^^^^^^^^^^
  |
  = help: write a condition such as "< 50ms", "< 0.1%" or "= 0""#
    );
}

#[test]
fn values_out_of_range_name_their_bounds() {
    let text = small(
        "payload = \"{}\"",
        "deadline = \"2h\"\nevery = \"10s\"\njitter = \"6s\"\nreply = { ok = \"x\", status = \"code\" }",
    );
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:13:12: request.data.deadline is out of range: 2h
   |
13 | deadline = "2h"
   |            ^^^^
   |
   = help: write a duration above 0 and at most "1h"

error: profile.toml:15:10: request.data.jitter is more than half of every, so instants would change places
   |
15 | jitter = "6s"
   |          ^^^^
   |
   = help: write at most "5s"

error: profile.toml:16:30: request.data.reply.status is no JSON pointer: "code"
   |
16 | reply = { ok = "x", status = "code" }
   |                              ^^^^^^
   |
   = help: write a pointer such as "/code""#
    );
}

#[test]
fn a_request_takes_double_brackets() {
    let text = small("[[request]]", "[request]");
    assert_eq!(
        complaint(&text, &[]),
        r"error: profile.toml:10:1: request must be a list of tables, but is a table
   |
10 | [request]
   | ^^^^^^^^^
   |
   = help: write [[request]] in double brackets"
    );
}

#[test]
fn a_platform_that_is_not_known_names_its_neighbour() {
    let text = small("format = 1", "format = 2\nplatforms = [\"kaaa\"]");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:2:14: there is no platform "kaaa", did you mean "kaa"?
  |
2 | platforms = ["kaaa"]
  |              ^^^^^^
  |
  = help: known are: kaa, enapter; or "./FILE.toml""#
    );
}

#[test]
fn an_overflow_of_planned_requests_is_refused() {
    let text = small(
        "arrival_rate = \"100/s\"",
        "arrival_rate = \"1000000/s\"\nmeasure = \"480h\"",
    );
    assert_eq!(
        complaint(&text, &[]),
        r"error: profile.toml:7:1: load plans 1.7e12 requests
  |
7 | [load]
  | ^^^^^^
  |
  = help: write a shorter load.measure or a lower rate; at most 1e12 requests"
    );
}

#[test]
fn names_are_unique() {
    let text = format!("{SMALL}[[request]]\nname = \"data\"\ntopic = \"x\"\n");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:15:8: request.data.name "data" is taken by another one
   |
15 | name = "data"
   |        ^^^^^^
   |
   = help: write a name of its own: name = "...""#
    );
}

#[test]
fn flags_of_the_tenant_are_checked() {
    let text = small(
        "[load]",
        "[tenant]\nservice_tme = \"1ms\"\nservice-time = \"gauss:1ms\"\n[load]",
    );
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:8:1: unknown key "service_tme" of tenant, did you mean "service_time"?
  |
8 | service_tme = "1ms"
  | ^^^^^^^^^^^ nothing reads this

error: profile.toml:9:16: tenant.service_time is wrong: "gauss" is no kind of delay
  |
9 | service-time = "gauss:1ms"
  |                ^^^^^^^^^^^
  |
  = help: write "2ms", "fixed:2ms", "exp:10ms", "lognormal:5ms,0.5" or "bimodal:1ms,50ms,1%""#
    );
}

#[test]
fn an_empty_load_is_a_mistake_of_the_whole_file() {
    let text = small("[load]\narrival_rate = \"100/s\"\n", "");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml: load.arrival_rate is missing, but request "data" with its weight needs it
 |
 = help: write arrival_rate = "100/s", or a rate or every for each request"#
    );
}

/// The small profile whose request has an ID and these keys.
fn asking(keys: &str) -> String {
    let topic = "topic = \"devices/{endpoint}/data\"";
    small(
        topic,
        &format!("topic = \"devices/{{endpoint}}/data/{{request_id}}\"\n{keys}"),
    )
}

#[test]
fn an_outcome_in_the_topic_needs_its_place_there() {
    let text = asking("reply = { topic = \"r/{request_id}\", outcome = \"{status}\" }");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:13:47: request.data.reply.outcome is {status}, but the topic of the replies does not hold it
   |
13 | reply = { topic = "r/{request_id}", outcome = "{status}" }
   |                                               ^^^^^^^^^^
   |
   = help: write {status} into reply.topic"#
    );
}

#[test]
fn only_the_status_of_a_topic_is_an_outcome() {
    let text = asking("reply = { topic = \"r/{state}/{request_id}\", outcome = \"{state}\" }");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:13:55: request.data.reply.outcome cannot be "{state}"
   |
13 | reply = { topic = "r/{state}/{request_id}", outcome = "{state}" }
   |                                                       ^^^^^^^^^
   |
   = help: write "{status}", or a JSON pointer such as "/state""#
    );
}

#[test]
fn an_outcome_in_the_payload_has_no_default() {
    let text = asking("reply = { topic = \"r/{request_id}\", outcome = \"/state\" }");
    assert!(
        complaint(&text, &[])
            .starts_with("error: profile.toml:13:9: request.data.reply.ok is missing"),
        "{}",
        complaint(&text, &[])
    );
}

#[test]
fn only_a_success_carries_anything() {
    let text = asking("reply = { error = \"{topic}/error\", carries = \"command\" }");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:13:46: request.data.reply.carries needs the topic of success, whose payload it is about
   |
13 | reply = { error = "{topic}/error", carries = "command" }
   |                                              ^^^^^^^^^
   |
   = help: write ok = "..." too"#
    );
}

#[test]
fn a_caller_carries_nothing_out() {
    let text = asking("from = \"caller\"\nreply = { ok = \"{topic}/ok\", carries = \"command\" }");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:14:40: request.data.reply.carries is of a caller, which carries nothing out
   |
14 | reply = { ok = "{topic}/ok", carries = "command" }
   |                                        ^^^^^^^^^
   |
   = help: write from = "endpoint", or leave it out"#
    );
}

#[test]
fn an_observe_says_what_follows() {
    let text = asking("request_id = { observe = true }\nreply = { ok = \"{topic}/ok\" }");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:13:26: request.data.request_id.observe does not say what follows on the reply topic
   |
13 | request_id = { observe = true }
   |                          ^^^^
   |
   = help: write reply.carries = "NAME" too, an [[inbound]] message"#
    );
}

#[test]
fn an_observe_needs_an_id() {
    let text = small(
        "payload = \"{}\"",
        "request_id = { observe = true }\nreply = { ok = \"{topic}/ok\", carries = \"command\" }",
    );
    assert_eq!(
        complaint(&text, &[]),
        r"error: profile.toml:13:26: request.data.request_id.observe needs an ID, by which more replies are known
   |
13 | request_id = { observe = true }
   |                          ^^^^
   |
   = help: write {request_id} into the topic too"
    );
}

#[test]
fn a_caller_does_not_answer_what_it_hears() {
    let heard = r#"
[[inbound]]
name = "heard"
at = "caller"
topic = "devices/{endpoint}/data"
answer = [{ topic = "devices/{endpoint}/thanks" }]
"#;
    assert_eq!(
        complaint(&format!("{SMALL}{heard}"), &[]),
        r#"error: profile.toml:19:10: inbound.heard.answer holds what a caller cannot give: a caller's answer is a request of its own
   |
19 | answer = [{ topic = "devices/{endpoint}/thanks" }]
   |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: write a [[request]] with from = "caller""#
    );
}
