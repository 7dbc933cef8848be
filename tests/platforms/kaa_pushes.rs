//! What a Kaa tenant sends unasked, and what endpoints answer: commands, configuration, software.
//!
//! Sources: kaaproject/kaa-rfcs 7/CMP and 11/CEP. Not here: what endpoints ask for (`kaa`).

use midge::plan::Recognised;

use super::{Fleet, message};

fn fleet() -> Fleet {
    let lines = ["config", "ota-config", "command-poll"]
        .map(|name| format!("[[request]]\nuse = \"kaa/{name}\"\n"))
        .into_iter()
        .chain(
            ["command", "config", "ota-config"]
                .map(|name| format!("[[inbound]]\nuse = \"kaa/{name}\"\n")),
        );
    let vars = r#"appversion_name = "demo-v1""#;
    Fleet::new("kaa", vars, &lines.collect::<String>())
}

#[test]
fn every_command_of_a_push_is_answered_on_the_result_of_its_type() {
    let answers = fleet().answers(
        "kp1/demo-v1/cex/ep-7/command/close-door/status",
        r#"[{"id":1,"payload":{"power":50}},{"id":20}]"#,
    );
    let topic = "kp1/demo-v1/cex/ep-7/result/close-door";
    assert_eq!(
        answers,
        [
            message(topic, r#"[{"id":1,"statusCode":200}]"#),
            message(topic, r#"[{"id":20,"statusCode":200}]"#)
        ]
    );
}

#[test]
fn a_pushed_configuration_is_reported_as_applied() {
    let answers = fleet().answers(
        "kp1/demo-v1/cmx/ep-7/config/json/status",
        r#"{"configId":"c1","config":{"interval":30},"statusCode":200,"reasonPhrase":"ok"}"#,
    );
    let applied = r#"{"configId":"c1","statusCode":200}"#;
    assert_eq!(
        answers,
        [message("kp1/demo-v1/cmx/ep-7/applied/json", applied)]
    );
}

#[test]
fn pushed_software_is_reported_on_its_own_instance() {
    let answers = fleet().answers(
        "kp1/demo-v1/cmx_ota/ep-7/config/json/status",
        r#"{"configId":"1.0.2","statusCode":200,"reasonPhrase":"ok","config":{"link":"http://host/fw.bin"}}"#,
    );
    let applied = r#"{"configId":"1.0.2"}"#;
    assert_eq!(
        answers,
        [message("kp1/demo-v1/cmx_ota/ep-7/applied/json", applied)]
    );
}

#[test]
fn a_pushed_configuration_with_a_name_is_reported_under_its_name() {
    let lines =
        ["config", "config-named"].map(|name| format!("[[inbound]]\nuse = \"kaa/{name}\"\n"));
    let vars = r#"appversion_name = "demo-v1""#;
    let fleet = Fleet::new(
        "kaa",
        vars,
        &format!("[[request]]\nuse = \"kaa/config\"\n{}", lines.concat()),
    );
    let answers = fleet.answers(
        "kp1/demo-v1/cmx/ep-7/config/json/network/status",
        r#"{"configId":"n1","config":{"mode":"AP"},"statusCode":200,"reasonPhrase":"ok"}"#,
    );
    let applied = r#"{"configId":"n1","statusCode":200}"#;
    assert_eq!(
        answers,
        [message(
            "kp1/demo-v1/cmx/ep-7/applied/json/network",
            applied
        )]
    );
    let other = fleet.hears("kp1/demo-v1/cmx/ep-7/config/json/display/status", "{}");
    assert_eq!(other, Recognised::Unknown);
}

#[test]
fn with_an_id_the_same_topic_is_a_reply() {
    let fleet = fleet();
    for topic in [
        "kp1/demo-v1/cmx/ep-7/config/json/12345/status",
        "kp1/demo-v1/cmx_ota/ep-7/config/json/12345/status",
        "kp1/demo-v1/cex/ep-7/command/set_power/12345/status",
    ] {
        let heard = fleet.hears(topic, "{}");
        assert!(
            matches!(heard, Recognised::Reply { .. }),
            "{topic} {heard:?}"
        );
    }
}
