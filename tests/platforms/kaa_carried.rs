//! What Kaa's replies hold besides the answer: commands and configurations, carried out as if they
//! had been pushed.
//!
//! Sources: kaaproject/kaa-rfcs 7/CMP and 11/CEP. Not here: real pushes (`kaa_pushes`), and what
//! follows on the topic of an observe (`carried`).

use super::support::{Midge, Outcome};
use super::{Fleet, message};

fn fleet() -> Fleet {
    let requests = ["command-poll", "config", "ota-config", "config-named"]
        .map(|name| format!("[[request]]\nuse = \"kaa/{name}\"\n"));
    let inbound = ["command", "config", "ota-config", "config-named"]
        .map(|name| format!("[[inbound]]\nuse = \"kaa/{name}\"\n"));
    let vars = r#"appversion_name = "demo-v1""#;
    Fleet::new("kaa", vars, &(requests.concat() + &inbound.concat()))
}

#[test]
fn the_commands_of_a_poll_are_answered_on_the_result_of_their_type() {
    let answers = fleet().carries_out(
        "kp1/demo-v1/cex/ep-7/command/set_power/12345/status",
        r#"[{"id":1,"payload":{"power":50}},{"id":20}]"#,
    );
    let topic = "kp1/demo-v1/cex/ep-7/result/set_power";
    assert_eq!(
        answers,
        [
            message(topic, r#"[{"id":1,"statusCode":200}]"#),
            message(topic, r#"[{"id":20,"statusCode":200}]"#)
        ]
    );
}

#[test]
fn a_configuration_that_was_asked_for_is_reported_as_applied() {
    for (resource, applied, payload) in [
        (
            "cmx/ep-7/config/json",
            "cmx/ep-7/applied/json",
            r#"{"configId":"x1","statusCode":200}"#,
        ),
        (
            "cmx/ep-7/config/json/network",
            "cmx/ep-7/applied/json/network",
            r#"{"configId":"x1","statusCode":200}"#,
        ),
        (
            "cmx_ota/ep-7/config/json",
            "cmx_ota/ep-7/applied/json",
            r#"{"configId":"x1"}"#,
        ),
    ] {
        let answers = fleet().carries_out(
            &format!("kp1/demo-v1/{resource}/12345/status"),
            r#"{"configId":"x1","config":{"mode":"AP"},"statusCode":200,"reasonPhrase":"ok"}"#,
        );
        let topic = format!("kp1/demo-v1/{applied}");
        assert_eq!(answers, [message(&topic, payload)]);
    }
}

#[test]
fn a_reply_without_a_configuration_holds_nothing_to_apply() {
    for nothing in [
        "{}",
        r#"{"configId":"","config":null,"statusCode":200,"reasonPhrase":"ok"}"#,
    ] {
        let topic = "kp1/demo-v1/cmx/ep-7/config/json/12345/status";
        assert_eq!(fleet().carries_out(topic, nothing), []);
    }
    let topic = "kp1/demo-v1/cex/ep-7/command/set_power/12345/status";
    assert_eq!(fleet().carries_out(topic, "[]"), []);
}

/// Ten endpoints that ask for this, and to whom nothing is pushed: they subscribe to replies alone.
fn asking(request: &str, inbound: &str, replies: &str, pushes: &str) -> Outcome {
    let profile = format!(
        "platforms = [\"kaa\"]\n[fleet]\nendpoints = 10\nsubscribe = [{replies:?}]\n\
         [load]\nwarm_up = \"0s\"\nmeasure = \"2s\"\n\
         [tenant]\ndelivery = \"broker\"\n{pushes} = \"50/s\"\n\
         [[request]]\nuse = \"kaa/{request}\"\nevery = \"100ms\"\n\
         [[inbound]]\nuse = \"kaa/{inbound}\"\nanswer = [{{ topic = {:?}, payload = {:?} }}]",
        match inbound {
            "command" => "kp1/{appversion_name}/cex/{token}/result/{command_type}",
            _ => "kp1/{appversion_name}/cmx/{token}/applied/json",
        },
        match inbound {
            "command" => r#"[{"id":{id},"statusCode":200}]"#,
            _ => r#"{"configId":{id},"statusCode":200}"#,
        },
    );
    let outcome = Midge::run("./asking.toml")
        .file("asking.toml", &profile)
        .go();
    outcome.keeps_its_accounts();
    let asked = outcome.count(&format!("/requests/{request}/whole_run/ok"));
    assert!(asked > 0, "{outcome}");
    let inbound = |name| outcome.count(&format!("/inbound/{inbound}/{name}"));
    let fresh = inbound("received") - inbound("duplicate");
    assert_eq!(inbound("answered"), fresh, "{outcome}");
    assert!(fresh > 0, "{outcome}");
    for none in ["orphan", "duplicate", "unattributed_errors"] {
        assert_eq!(outcome.count(&format!("/whole_run/{none}")), 0, "{outcome}");
    }
    outcome
}

#[test]
fn commands_that_were_only_asked_for_are_carried_out_once() {
    let replies = "kp1/{appversion_name}/cex/{token}/command/set_power/+/status";
    let outcome = asking("command-poll", "command", replies, "commands");
    let completed = outcome.count("/tenant/results/completed");
    assert_eq!(
        completed,
        outcome.count("/inbound/command/answered"),
        "{outcome}"
    );
}

#[test]
fn configurations_that_were_only_asked_for_are_applied() {
    let replies = "kp1/{appversion_name}/cmx/{token}/config/json/+/status";
    let outcome = asking("config", "config", replies, "config_push");
    let applied = outcome.count("/tenant/results/applied");
    assert_eq!(
        applied,
        outcome.count("/inbound/config/answered"),
        "{outcome}"
    );
}
