//! Requests of Kaa's kp1 and their replies: one test for each row of resources.
//!
//! Sources: kaaproject/kaa-rfcs 1/KP (topics, request IDs, `/status` and `/error`), 2/DCP, 7/CMP,
//! 10/EPMP, 11/CEP. Not here: what the tenant sends unasked (`kaa_pushes`).

use midge::plan::{Recognised, ReplyOutcome};

use super::{Fleet, Heard, message};

const VARS: &str = r#"appversion_name = "demo-v1""#;
/// Values instead of the generated ones.
const VALUES: &str = r#"
generate.temperature = { choice = ["21.5"] }
generate.humidity = { choice = ["47"] }
"#;
const METADATA: &str = r#"
generate.hall = { choice = ["2"] }
generate.battery = { choice = ["80"] }
"#;
/// 1/KP: an error is an object of these two fields.
const ERROR: &str = r#"{"statusCode":404,"reasonPhrase":"Not Found"}"#;

fn fleet(definition: &str, values: &str) -> Fleet {
    let lines = format!("[[request]]\nuse = \"kaa/{definition}\"\n{values}");
    Fleet::new("kaa", VARS, &lines)
}

fn heard(request: &str, outcome: ReplyOutcome, status: Option<&str>) -> Heard {
    Heard {
        request: request.to_owned(),
        id: Some(12_345),
        outcome,
        status: status.map(str::to_owned),
        reason: (outcome == ReplyOutcome::Error).then(|| "Not Found".to_owned()),
    }
}

/// A request with ID 12345: its resource (the topic without the ID) and payload as written here;
/// this answer is its success, an error is a failure, and what has no ID or a wrong one is neither.
#[track_caller]
fn is_answered(definition: &str, values: &str, resource: &str, payload: &str, answer: &str) {
    let fleet = fleet(definition, values);
    let topic = format!("{resource}/12345");
    assert_eq!(fleet.sends(definition, 12_345), message(&topic, payload));

    let ok = fleet.hears(&format!("{topic}/status"), answer);
    let status = answer.contains("statusCode").then_some("200");
    let expected = heard(definition, ReplyOutcome::Ok, status);
    assert_eq!(fleet.reply(ok), expected);
    let failed = fleet.hears(&format!("{topic}/error"), ERROR);
    let expected = heard(definition, ReplyOutcome::Error, Some("404"));
    assert_eq!(fleet.reply(failed), expected);

    match fleet.hears(&format!("{resource}/error"), ERROR) {
        Recognised::LoneError {
            request: Some(0),
            status: Some(status),
        } => assert_eq!(status.as_str(), "404"),
        other => panic!("{other:?}"),
    }
    for other in [
        format!("{resource}/status"),
        format!("{resource}/012345/status"),
        format!("{resource}/5/status"),
        format!("{topic}/status/x"),
        topic.replace("ep-7", "ep-8") + "/status",
    ] {
        assert_eq!(fleet.hears(&other, answer), Recognised::Unknown, "{other}");
    }
    // A broker may return what was published; that is no reply.
    assert_eq!(fleet.hears(&topic, payload), Recognised::Echo);
}

#[test]
fn row_1_a_sample_is_a_publish_packet_of_these_bytes() {
    let sent = fleet("dcx-json", VALUES).frame("dcx-json", 12_345);
    let mut expected = vec![
        0x30, // PUBLISH, QoS 0, not retained (MQTT 3.1.1, section 3.3.1)
        67,   // remaining length: 2 + 31 + 34
        0, 31, // length of the topic
    ];
    expected.extend_from_slice(b"kp1/"); // 1/KP
    expected.extend_from_slice(b"demo-v1/"); // application version name
    expected.extend_from_slice(b"dcx/"); // extension instance name
    expected.extend_from_slice(b"ep-7/"); // endpoint token
    expected.extend_from_slice(b"json/"); // resource path, 2/DCP
    expected.extend_from_slice(b"12345"); // request ID
    expected.extend_from_slice(br#"{"temperature":21.5,"humidity":47}"#); // one sample
    assert_eq!(sent, expected);
}

#[test]
fn row_1_data_collection_is_answered_with_an_empty_status() {
    is_answered(
        "dcx-json",
        VALUES,
        "kp1/demo-v1/dcx/ep-7/json",
        r#"{"temperature":21.5,"humidity":47}"#,
        "",
    );
}

#[test]
fn row_1_a_batch_is_an_array_of_samples_with_times_in_basic_iso_8601() {
    is_answered(
        "dcx-json-batch",
        &format!("batch = 2\nsample_interval = \"90s\"\n{VALUES}"),
        "kp1/demo-v1/dcx/ep-7/json",
        concat!(
            r#"[{"ts":"2025-09-30T06:10:33+0000","temperature":21.5,"humidity":47},"#,
            r#"{"ts":"2025-09-30T06:12:03+0000","temperature":21.5,"humidity":47}]"#
        ),
        "",
    );
}

#[test]
fn row_1_a_sample_may_hold_its_time_and_place() {
    let values = "generate.latitude = { choice = [\"34.1340258\"] }\n\
                  generate.longitude = { choice = [\"-118.3238652\"] }\n";
    is_answered(
        "dcx-json-location",
        &format!("{VALUES}{values}"),
        "kp1/demo-v1/dcx/ep-7/json",
        concat!(
            r#"{"ts":"2025-09-30T06:12:03+0000","temperature":21.5,"humidity":47,"#,
            r#""location":{"lat":34.1340258,"lon":-118.3238652}}"#
        ),
        "",
    );
}

#[test]
fn row_1_an_error_without_an_id_is_not_put_down_to_any_message() {
    let lines = format!(
        "[[request]]\nuse = \"kaa/dcx-json\"\n[[request]]\nuse = \"kaa/dcx-json-unreliable\"\n{VALUES}"
    );
    let fleet = Fleet::new("kaa", VARS, &lines);
    assert_eq!(
        fleet.sends("dcx-json-unreliable", 0),
        message(
            "kp1/demo-v1/dcx/ep-7/json",
            r#"{"temperature":21.5,"humidity":47}"#
        )
    );
    let unreliable = &fleet.plan.requests[fleet.index("dcx-json-unreliable")];
    assert!(!unreliable.has_reply(), "it is done when it is written");
    let lone = fleet.hears("kp1/demo-v1/dcx/ep-7/json/error", ERROR);
    assert!(matches!(lone, Recognised::LoneError { .. }), "{lone:?}");
    let status = fleet.hears("kp1/demo-v1/dcx/ep-7/json/status", "");
    assert_eq!(status, Recognised::Unknown);
}

#[test]
fn row_2_a_plain_value_is_a_number_on_the_path_of_its_metric() {
    let resource = "kp1/demo-v1/dcx/ep-7/plain/temperature";
    let value = "generate.temperature = { choice = [\"21.5\"] }\n";
    is_answered("dcx-plain", value, resource, "21.5", "");
}

#[test]
fn row_2_a_unit_follows_the_number_at_once() {
    let resource = "kp1/demo-v1/dcx/ep-7/plain/humidity";
    let value = "generate.humidity = { choice = [\"47\"] }\n";
    is_answered("dcx-plain-unit", value, resource, "47%", "");
}

#[test]
fn row_3_the_names_of_metadata_are_asked_for_with_nothing() {
    let resource = "kp1/demo-v1/epmx/ep-7/get/keys";
    is_answered(
        "metadata-keys",
        "",
        resource,
        "",
        r#"["location","areaId"]"#,
    );
}

#[test]
fn row_4_all_metadata_is_asked_for_with_an_empty_object() {
    let resource = "kp1/demo-v1/epmx/ep-7/get";
    let answer = r#"{"location":"hall-2"}"#;
    is_answered("metadata-get", "", resource, "{}", answer);
}

#[test]
fn row_4_some_metadata_is_asked_for_by_its_keys() {
    is_answered(
        "metadata-get-selected",
        "",
        "kp1/demo-v1/epmx/ep-7/get",
        r#"{"keys":["location","battery"]}"#,
        r#"{"location":"hall-2","battery":80}"#,
    );
}

#[test]
fn row_4_both_ways_to_get_metadata_share_their_ids() {
    let lines =
        "[[request]]\nuse = \"kaa/metadata-get\"\n[[request]]\nuse = \"kaa/metadata-get-selected\"";
    let plan = Fleet::new("kaa", VARS, lines).plan;
    assert_eq!(plan.requests[0].scope, plan.requests[1].scope);
    assert_eq!(plan.warnings, Vec::<String>::new());
}

#[test]
fn row_5_metadata_is_replaced_by_an_object() {
    is_answered(
        "metadata-replace",
        METADATA,
        "kp1/demo-v1/epmx/ep-7/update",
        r#"{"location":"hall-2","battery":80,"firmware":"1.0.1"}"#,
        "",
    );
}

#[test]
fn row_6_some_metadata_is_changed_by_an_object() {
    is_answered(
        "metadata-update",
        METADATA,
        "kp1/demo-v1/epmx/ep-7/update/keys",
        r#"{"location":"hall-2","battery":80}"#,
        "",
    );
}

#[test]
fn row_7_metadata_is_deleted_by_an_array_of_keys() {
    is_answered(
        "metadata-delete",
        "",
        "kp1/demo-v1/epmx/ep-7/delete/keys",
        r#"["battery","firmware"]"#,
        "",
    );
}

#[test]
fn row_8_outstanding_commands_are_an_array() {
    is_answered(
        "command-poll",
        "",
        "kp1/demo-v1/cex/ep-7/command/set_power",
        "{}",
        r#"[{"id":1,"payload":{"power":50}}]"#,
    );
}

#[test]
fn row_8_further_commands_are_asked_for_by_observe() {
    is_answered(
        "command-observe",
        "",
        "kp1/demo-v1/cex/ep-7/command/set_power",
        r#"{"observe":true}"#,
        "[]",
    );
    assert!(fleet("command-observe", "").plan.requests[0].observe);
}

#[test]
fn row_9_only_a_failed_result_is_answered() {
    let fleet = fleet("command-result", "");
    let topic = "kp1/demo-v1/cex/ep-7/result/set_power";
    assert_eq!(
        fleet.sends("command-result", 0),
        message(topic, r#"[{"id":1,"statusCode":200,"reasonPhrase":"Ok"}]"#)
    );
    assert!(fleet.plan.requests[0].silence_is_ok());
    let failed = fleet.hears(&format!("{topic}/error"), ERROR);
    let expected = heard("command-result", ReplyOutcome::Error, Some("404"));
    assert_eq!(
        fleet.reply(failed),
        Heard {
            id: None,
            ..expected
        }
    );
}

#[test]
fn row_10_the_configuration_is_asked_for_with_an_empty_object() {
    for answer in [
        r#"{"configId":"97016dbe8bb4adff8f754ecbf24612f2","config":{"mode":"AP"}}"#,
        r#"{"configId":"","config":null,"statusCode":200,"reasonPhrase":"ok"}"#,
        "{}",
    ] {
        let resource = "kp1/demo-v1/cmx/ep-7/config/json";
        is_answered("config", "", resource, "{}", answer);
    }
}

#[test]
fn row_10_the_configuration_that_the_endpoint_has_is_unchanged() {
    let resource = "kp1/demo-v1/cmx/ep-7/config/json";
    let payload = r#"{"configId":"c1"}"#;
    is_answered("config-current", "", resource, payload, "{}");
}

#[test]
fn row_10_further_configurations_are_asked_for_by_observe() {
    let resource = "kp1/demo-v1/cmx/ep-7/config/json";
    let answer = r#"{"configId":"","config":null,"statusCode":200,"reasonPhrase":"ok"}"#;
    is_answered(
        "config-observe",
        "",
        resource,
        r#"{"observe":true}"#,
        answer,
    );
    assert!(fleet("config-observe", "").plan.requests[0].observe);
}

#[test]
fn row_11_a_rejected_configuration_is_reported_with_its_reason() {
    is_answered(
        "config-rejected",
        "",
        "kp1/demo-v1/cmx/ep-7/applied/json",
        r#"{"configId":"c1","statusCode":400,"reasonPhrase":"Unknown field"}"#,
        "",
    );
}

#[test]
fn row_11_an_applied_configuration_is_reported_with_its_id() {
    is_answered(
        "config-applied",
        "",
        "kp1/demo-v1/cmx/ep-7/applied/json",
        r#"{"configId":"c1","statusCode":200}"#,
        "",
    );
}

#[test]
fn row_12_software_is_asked_for_as_a_configuration_is() {
    is_answered(
        "ota-config",
        "",
        "kp1/demo-v1/cmx_ota/ep-7/config/json",
        "{}",
        r#"{"configId":"1.0.1","statusCode":200,"reasonPhrase":"ok","config":{"link":"http://host/fw.bin"}}"#,
    );
}

#[test]
fn row_12_further_software_is_asked_for_by_observe() {
    let resource = "kp1/demo-v1/cmx_ota/ep-7/config/json";
    let answer = r#"{"configId":"1.0.1","config":{"link":"http://host/fw.bin"}}"#;
    let payload = r#"{"observe":true}"#;
    is_answered("ota-config-observe", "", resource, payload, answer);
    assert!(fleet("ota-config-observe", "").plan.requests[0].observe);
}

#[test]
fn row_13_the_version_that_runs_is_reported() {
    let resource = "kp1/demo-v1/cmx_ota/ep-7/applied/json";
    let payload = r#"{"configId":"1.0.1"}"#;
    is_answered("ota-applied", "", resource, payload, "");
}

#[test]
fn row_14_a_token_for_uploads_is_asked_for_with_nothing() {
    let resource = "kp1/demo-v1/bcx/ep-7/token";
    is_answered("token", "", resource, "", r#"{"token":"abc.def"}"#);
}

#[test]
fn row_15_a_configuration_with_a_name_is_asked_for_on_the_path_of_its_name() {
    let resource = "kp1/demo-v1/cmx/ep-7/config/json/network";
    let answer = r#"{"configId":"n1","config":{"mode":"AP"}}"#;
    is_answered("config-named", "", resource, "{}", answer);
}

#[test]
fn row_15_a_configuration_with_a_name_is_reported_on_the_path_of_its_name() {
    let resource = "kp1/demo-v1/cmx/ep-7/applied/json/network";
    let payload = r#"{"configId":"c1","statusCode":200}"#;
    is_answered("config-named-applied", "", resource, payload, "");
}

#[test]
fn row_15_the_configuration_without_a_name_is_another_one() {
    let lines = "[[request]]\nuse = \"kaa/config\"\n[[request]]\nuse = \"kaa/config-named\"";
    let fleet = Fleet::new("kaa", VARS, lines);
    for (topic, request) in [
        ("kp1/demo-v1/cmx/ep-7/config/json/12345/status", "config"),
        (
            "kp1/demo-v1/cmx/ep-7/config/json/network/12345/status",
            "config-named",
        ),
    ] {
        let expected = heard(request, ReplyOutcome::Ok, None);
        assert_eq!(fleet.reply(fleet.hears(topic, "{}")), expected);
    }
    assert_eq!(fleet.plan.warnings, Vec::<String>::new());
}

#[test]
fn instances_of_extensions_have_the_names_that_they_are_given() {
    let vars = r#"appversion_name = "demo-v1", token = "t{endpoint}", dcx_instance = "dcx2""#;
    let fleet = Fleet::new("kaa", vars, "[[request]]\nuse = \"kaa/dcx-json\"");
    let sent = fleet.sends("dcx-json", 10_000);
    assert_eq!(sent.topic, "kp1/demo-v1/dcx2/t7/json/10000");
}
