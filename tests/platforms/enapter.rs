//! Enapter's v1 messages: what devices report, and a command from the caller to its final answer.
//!
//! Sources: the vendor's developer documentation and python-sdk. Device messages have no reply.

use midge::plan::{Captures, Listener, Recognised, ReplyOutcome, uuid_request_id};

use super::{ENDPOINT, Fleet, Heard, message};

/// A device as in the documentation: S, 32 hexadecimal digits, channel s.
const VARS: &str = r#"hardware_id = "SD595D4EF54C643B7988AADDBF12A2E30""#;
const FROM: &str = "v1/from/SD595D4EF54C643B7988AADDBF12A2E30/s/";
const REQUESTS: &str = "v1/to/SD595D4EF54C643B7988AADDBF12A2E30/s/v1/command/requests";
const RESPONSES: &str = "v1/from/SD595D4EF54C643B7988AADDBF12A2E30/s/v1/command/responses";
const VALUES: &str = r#"
generate.temperature = { choice = ["23.5"] }
generate.pressure = { choice = ["2.7"] }
"#;

/// A report: this topic and payload, no reply.
#[track_caller]
fn is_reported(definition: &str, values: &str, kind: &str, payload: &str) {
    let lines = format!("[[request]]\nuse = \"enapter/{definition}\"\n{values}");
    let fleet = Fleet::new("enapter", VARS, &lines);
    let topic = format!("{FROM}{kind}");
    assert_eq!(fleet.sends(definition, 0), message(&topic, payload));
    assert!(!fleet.plan.requests[0].has_reply());
}

#[test]
fn telemetry_has_a_timestamp_in_seconds_and_no_alerts() {
    is_reported(
        "telemetry",
        VALUES,
        "v1/telemetry",
        r#"{"timestamp":1759212723,"temperature":23.5,"pressure":2.7,"alerts":null}"#,
    );
}

#[test]
fn alerts_are_null_or_a_list_of_names() {
    for alerts in ["null", "[]", r#"["high_temperature","low_pressure"]"#] {
        is_reported(
            "telemetry-alerts",
            &format!("{VALUES}generate.alerts = {{ choice = ['{alerts}'] }}"),
            "v1/telemetry",
            &format!(
                r#"{{"timestamp":1759212723,"temperature":23.5,"pressure":2.7,"alerts":{alerts}}}"#
            ),
        );
    }
}

#[test]
fn properties_have_the_topic_of_the_documentation_or_that_of_the_library() {
    let payload = r#"{"timestamp":1759212723,"vendor":"Acme","fw_ver":"7.5.0"}"#;
    is_reported("properties", "", "v1/properties", payload);
    is_reported("properties-register", "", "v1/register", payload);
}

#[test]
fn logs_have_a_message_and_a_severity() {
    is_reported(
        "logs",
        "generate.message = { choice = [\"pump started\"] }\ngenerate.severity = { choice = [\"info\"] }",
        "v3/logs",
        r#"{"timestamp":1759212723,"message":"pump started","severity":"info","persist":false}"#,
    );
}

fn caller() -> Fleet {
    let lines = "[[request]]\nuse = \"enapter/set-power\"\ngenerate.power = { choice = [\"5000\"] }\n\
                 [[inbound]]\nuse = \"enapter/command\"\n";
    Fleet::new("enapter", VARS, lines)
}

#[test]
fn a_command_request_has_a_uuid_a_name_and_arguments() {
    let id = uuid_request_id(1, ENDPOINT, 9);
    let text = uuid::Uuid::from_u128(id).hyphenated().to_string();
    let payload = format!(r#"{{"id":"{text}","name":"set_power","arguments":{{"power":5000}}}}"#);
    assert_eq!(caller().sends("set-power", id), message(REQUESTS, &payload));
}

#[test]
fn a_command_is_answered_with_a_log_and_then_its_completion() {
    let payload = r#"{"id":"3f6c7d9e-0000-4000-8000-000000000001","name":"set_power","arguments":{"power":5000}}"#;
    let log = r#"{"id":"3f6c7d9e-0000-4000-8000-000000000001","state":"log","payload":{"message":"Executing command..."}}"#;
    let completed = r#"{"id":"3f6c7d9e-0000-4000-8000-000000000001","state":"completed","payload":{"result":null}}"#;
    for arguments in [r#","arguments":{"power":5000}"#, r#","arguments":null"#, ""] {
        let payload = payload.replace(r#","arguments":{"power":5000}"#, arguments);
        assert_eq!(
            caller().answers(REQUESTS, &payload),
            [message(RESPONSES, log), message(RESPONSES, completed)]
        );
    }
}

#[test]
fn the_state_of_a_response_decides_whether_the_caller_waits_on() {
    let fleet = caller();
    let id = uuid_request_id(1, ENDPOINT, 9);
    let text = uuid::Uuid::from_u128(id).hyphenated().to_string();
    for (state, outcome) in [
        ("log", ReplyOutcome::Intermediate),
        ("completed", ReplyOutcome::Ok),
        ("error", ReplyOutcome::Error),
    ] {
        let payload = format!(r#"{{"id":"{text}","state":"{state}","payload":{{}}}}"#);
        let mut captures = Captures::new();
        let heard = fleet.plan.recognise(
            Listener::Caller,
            RESPONSES,
            payload.as_bytes(),
            &mut captures,
        );
        let expected = Heard {
            request: "set-power".to_owned(),
            id: Some(id),
            outcome,
            status: None,
            reason: None,
        };
        assert_eq!(fleet.reply(heard), expected, "{state}");
    }
    let mut captures = Captures::new();
    let foreign = br#"{"state":"completed"}"#;
    let heard = fleet
        .plan
        .recognise(Listener::Caller, RESPONSES, foreign, &mut captures);
    assert_eq!(heard, Recognised::Unknown, "without an ID it is nobody's");
}
