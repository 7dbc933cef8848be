//! Three platforms that midge has no code for, as data alone: their messages against messages written
//! by hand from the vendors' documentation, and a fleet of each against the simulated tenant, which
//! answers from the same definitions.
//!
//! Whether a busy machine may be believed is no question here.

use std::io;
use std::path::Path;

use midge::plan::{Captures, Identities, Listener, Plan, Recognised, ReplyOutcome};
use midge::profile::load;
use serde_json::json;

use super::support::{Midge, Outcome, Tenant};
use super::{Fleet, Heard, Sent, message};

/// A platform, and a fleet that uses it.
struct Third {
    platform: (&'static str, &'static str),
    fleet: &'static str,
}

const THINGSBOARD: Third = Third {
    platform: ("thingsboard.toml", include_str!("third/thingsboard.toml")),
    fleet: include_str!("third/thingsboard-fleet.toml"),
};
const AWS: Third = Third {
    platform: (
        "aws-iot-shadow.toml",
        include_str!("third/aws-iot-shadow.toml"),
    ),
    fleet: include_str!("third/aws-iot-shadow-fleet.toml"),
};
const AZURE: Third = Third {
    platform: (
        "azure-iot-hub.toml",
        include_str!("third/azure-iot-hub.toml"),
    ),
    fleet: include_str!("third/azure-iot-hub-fleet.toml"),
};

impl Third {
    /// Its plan, with these lines at the end of the profile.
    fn plan(&self, lines: &str) -> Fleet {
        let (name, platform) = self.platform;
        let read = |path: &Path| -> io::Result<String> {
            if path.ends_with(name) {
                return Ok(platform.to_owned());
            }
            Ok(format!("{}{lines}", self.fleet))
        };
        let loaded = load("./fleet.toml", &[], &read).expect("a sound profile");
        let plan = Plan::compile(&loaded.profile, Identities::none());
        Fleet {
            plan: plan.expect("it compiles"),
        }
    }

    /// A brief run against a tenant of its own, with these lines at the end of the profile.
    fn run(&self, lines: &str) -> Midge {
        let (name, platform) = self.platform;
        Midge::run("./fleet.toml")
            .file(name, platform)
            .file("fleet.toml", &format!("{}{lines}", self.fleet))
            .brief()
            .set("load.in_flight_max", "200")
            .set("load.drain", "10s")
    }
}

impl Fleet {
    /// What an endpoint takes a message for, which must be a reply.
    #[track_caller]
    fn hears_reply(&self, topic: &str, payload: &str) -> Heard {
        self.reply(self.hears(topic, payload))
    }
}

fn heard(request: &str, id: Option<u128>, outcome: ReplyOutcome) -> Heard {
    Heard {
        request: request.to_owned(),
        id,
        outcome,
        status: None,
        reason: None,
    }
}

fn count(outcome: &Outcome, request: &str, name: &str) -> u64 {
    outcome.count(&format!("/requests/{request}/whole_run/{name}"))
}

/// Every request was answered with success, and the tenant has refused nothing.
#[track_caller]
fn is_answered(outcome: &Outcome, requests: &[&str]) {
    outcome.keeps_its_accounts();
    for request in requests {
        assert!(count(outcome, request, "ok") > 0, "{request}\n{outcome}");
        for (ours, theirs) in [("ok", "replied_ok"), ("planned", "received")] {
            assert_eq!(
                count(outcome, request, ours),
                outcome.count(&format!("/tenant/{theirs}/{request}")),
                "{request}: {ours}\n{outcome}"
            );
        }
        assert_eq!(
            count(outcome, request, "ok"),
            count(outcome, request, "planned"),
            "{request}\n{outcome}"
        );
    }
    for none in ["orphan", "duplicate", "unattributed_errors", "late"] {
        let counted = outcome.count(&format!("/whole_run/{none}"));
        assert_eq!(counted, 0, "{none}\n{outcome}");
    }
    refuses_nothing(outcome);
}

/// The tenant may push once more when the endpoints have left.
#[track_caller]
fn refuses_nothing(outcome: &Outcome) {
    let rejected = outcome.at("/tenant/rejected").as_object();
    let mut reasons = rejected.expect("a table").keys();
    assert!(
        reasons.all(|reason| reason == "unreachable-endpoint"),
        "{outcome}"
    );
}

/// What the tenant pushed was received and answered, but for what was on its way at the end.
#[track_caller]
fn pushes_are_answered(outcome: &Outcome, name: &str, answers: u64) {
    const ON_THEIR_WAY: u64 = 3;
    let pushed = outcome.count(&format!("/tenant/pushed/{name}"));
    let received = outcome.count(&format!("/inbound/{name}/received"));
    let results = outcome.count(&format!("/tenant/results/{name}"));
    assert!(received > 10, "{outcome}");
    for (more, less) in [(pushed, received), (received * answers, results)] {
        assert!(less <= more, "{more} {less}\n{outcome}");
        assert!(
            more - less <= ON_THEIR_WAY * answers,
            "{more} {less}\n{outcome}"
        );
    }
}

/// A share of the requests fails, with this status, and no other is counted.
#[track_caller]
fn fails_with(outcome: &Outcome, request: &str, ok: &str) {
    let (errors, all) = (
        count(outcome, request, "error"),
        count(outcome, request, "planned"),
    );
    assert!(
        errors * 20 > all && errors * 2 < all,
        "{errors} of {all}\n{outcome}"
    );
    assert_eq!(errors + count(outcome, request, "ok"), all, "{outcome}");
    let theirs = outcome.count(&format!("/tenant/replied_error/{request}"));
    assert_eq!(errors, theirs, "{outcome}");
    let codes = outcome.at(&format!("/requests/{request}/status_codes"));
    let codes = codes.as_object().expect("a table");
    assert!(codes["500"].as_u64() > Some(0), "{outcome}");
    assert!(
        codes.keys().all(|code| code == "500" || code == ok),
        "{outcome}"
    );
}

#[test]
fn thingsboard_has_its_ids_in_topics_and_another_word_in_the_answer() {
    let fleet = THINGSBOARD.plan("");
    assert_eq!(
        fleet.sends("attributes", 17),
        message(
            "v1/devices/me/attributes/request/17",
            r#"{"clientKeys":"firmware","sharedKeys":"interval"}"#
        )
    );
    assert_eq!(
        fleet.sends("rpc", 3),
        message(
            "v1/devices/me/rpc/request/3",
            r#"{"method":"getCurrentTime","params":{}}"#
        )
    );
    let ok = ReplyOutcome::Ok;
    for (topic, request, id) in [
        ("v1/devices/me/attributes/response/17", "attributes", 17),
        ("v1/devices/me/rpc/response/3", "rpc", 3),
    ] {
        assert_eq!(fleet.hears_reply(topic, "{}"), heard(request, Some(id), ok));
    }
    assert_eq!(
        fleet.answers(
            "v1/devices/me/rpc/request/8",
            r#"{"method":"setValue","params":{"value":4}}"#
        ),
        [message("v1/devices/me/rpc/response/8", r#"{"done":true}"#)]
    );
}

#[test]
fn thingsboard_is_rehearsed() {
    let outcome = THINGSBOARD.run("").go();
    is_answered(&outcome, &["attributes", "rpc"]);
    pushes_are_answered(&outcome, "rpc", 1);
    assert_eq!(
        count(&outcome, "telemetry", "sent"),
        outcome.count("/tenant/received/telemetry"),
        "{outcome}"
    );
}

/// Nothing says in `ThingsBoard` that a request failed, so the tenant cannot either.
#[test]
fn thingsboard_has_no_errors() {
    let outcome = THINGSBOARD.run("").set("tenant.error_rate", "100%").go();
    is_answered(&outcome, &["attributes", "rpc"]);
    assert_eq!(outcome.at("/tenant/replied_error"), &json!({}), "{outcome}");
}

#[test]
fn aws_repeats_the_client_token_and_refuses_with_code_and_message() {
    let fleet = AWS.plan("");
    let update = "$aws/things/thing-7/shadow/update";
    assert_eq!(
        fleet.sends("update", 12_345),
        message(
            update,
            r#"{"state":{"reported":{"interval":30}},"clientToken":"12345"}"#
        )
    );
    assert_eq!(
        fleet.sends("get", 12_345),
        message(
            "$aws/things/thing-7/shadow/get",
            r#"{"clientToken":"12345"}"#
        )
    );
    let accepted = r#"{"state":{},"version":5,"timestamp":1759212723,"clientToken":"12345"}"#;
    assert_eq!(
        fleet.hears_reply(&format!("{update}/accepted"), accepted),
        heard("update", Some(12_345), ReplyOutcome::Ok)
    );
    let rejected =
        r#"{"code":409,"message":"Version conflict","timestamp":1759212723,"clientToken":"12345"}"#;
    assert_eq!(
        fleet.hears_reply(&format!("{update}/rejected"), rejected),
        Heard {
            status: Some("409".to_owned()),
            reason: Some("Version conflict".to_owned()),
            ..heard("update", Some(12_345), ReplyOutcome::Error)
        }
    );
    let executions = "$aws/commands/things/thing-7/executions/e-1";
    let answer = |payload| message(&format!("{executions}/response/json"), payload);
    assert_eq!(
        fleet.answers(&format!("{executions}/request/json"), r#"{"light":"on"}"#),
        [
            answer(r#"{"status":"IN_PROGRESS"}"#),
            answer(r#"{"status":"SUCCEEDED"}"#)
        ]
    );
}

const GET_EMPTY: &str = "\n[[request]]\nuse = \"aws/get-empty\"\n";

#[test]
fn an_empty_request_of_aws_is_told_by_its_order() {
    let fleet = AWS.plan(GET_EMPTY);
    let get = "$aws/things/thing-7/shadow/get";
    assert_eq!(fleet.sends("get-empty", 0), message(get, ""));
    let accepted = r#"{"state":{},"version":4,"timestamp":1759212723}"#;
    assert_eq!(
        fleet.hears_reply(&format!("{get}/accepted"), accepted),
        heard("get-empty", None, ReplyOutcome::Ok)
    );
}

#[test]
fn aws_is_rehearsed() {
    let outcome = AWS.run(GET_EMPTY).go();
    is_answered(&outcome, &["get", "get-empty", "update"]);
    pushes_are_answered(&outcome, "command", 2);
}

#[test]
fn a_caller_of_aws_hears_how_its_command_goes_on_and_ends() {
    const CALLER: &str = "\n[[request]]\nuse = \"aws/command\"\n";
    let fleet = AWS.plan(CALLER);
    let request = "$aws/commands/things/thing-7/executions/12345/request/json";
    let response = "$aws/commands/things/thing-7/executions/12345/response/json";
    assert_eq!(
        fleet.sends("command", 12_345),
        message(request, r#"{"light":"on"}"#)
    );
    for (status, outcome) in [
        ("IN_PROGRESS", ReplyOutcome::Intermediate),
        ("SUCCEEDED", ReplyOutcome::Ok),
        ("FAILED", ReplyOutcome::Error),
    ] {
        let payload = format!(r#"{{"status":"{status}"}}"#);
        let captures = &mut Captures::new();
        let found = fleet
            .plan
            .recognise(Listener::Caller, response, payload.as_bytes(), captures);
        assert_eq!(fleet.reply(found), heard("command", Some(12_345), outcome));
    }
    // Commands of the tenant's own would be answers that no caller asked for.
    let outcome = AWS.run(CALLER).set("tenant.commands", "0/s").go();
    outcome.keeps_its_accounts();
    for request in ["get", "update", "command"] {
        let (ok, planned) = (
            count(&outcome, request, "ok"),
            count(&outcome, request, "planned"),
        );
        assert!(ok > 0 && ok == planned, "{request}\n{outcome}");
    }
    let commands = count(&outcome, "command", "sent");
    assert_eq!(
        commands,
        outcome.count("/inbound/command/received"),
        "{outcome}"
    );
    assert_eq!(
        2 * commands,
        outcome.count("/tenant/results/command"),
        "{outcome}"
    );
    assert_eq!(outcome.at("/tenant/rejected"), &json!({}), "{outcome}");
}

#[test]
fn aws_refuses_with_a_code() {
    let outcome = AWS.run("").set("tenant.error_rate", "20%").go();
    outcome.keeps_its_accounts();
    for request in ["get", "update"] {
        fails_with(&outcome, request, "ok");
    }
    let rows = outcome.file("errors.csv");
    assert!(rows.contains("update,500,Internal Server Error"), "{rows}");
    refuses_nothing(&outcome);
}

#[test]
fn azure_has_its_status_in_the_topic_that_all_answers_share() {
    let fleet = AZURE.plan("");
    assert_eq!(
        fleet.sends("twin-get", 12_345),
        message("$iothub/twin/GET/?$rid=12345", "")
    );
    assert_eq!(
        fleet.sends("twin-patch", 12_345),
        message(
            "$iothub/twin/PATCH/properties/reported/?$rid=12345",
            r#"{"interval":30}"#
        )
    );
    for (status, outcome) in [
        ("200", ReplyOutcome::Ok),
        ("204", ReplyOutcome::Ok),
        ("400", ReplyOutcome::Error),
        ("429", ReplyOutcome::Error),
    ] {
        assert_eq!(
            fleet.hears_reply(&format!("$iothub/twin/res/{status}/?$rid=12345"), ""),
            Heard {
                status: Some(status.to_owned()),
                ..heard("twin-get", Some(12_345), outcome)
            }
        );
    }
    assert_eq!(
        fleet.answers("$iothub/methods/POST/reboot/?$rid=1f", r#"{"delay":5}"#),
        [message(
            "$iothub/methods/res/200/?$rid=1f",
            r#"{"started":true}"#
        )]
    );
    let other = fleet.hears("$iothub/methods/POST/other/?$rid=1f", "");
    assert_eq!(other, Recognised::Unknown);
}

#[test]
fn azure_is_rehearsed() {
    let outcome = AZURE.run("").go();
    is_answered(&outcome, &["twin-get", "twin-patch"]);
    pushes_are_answered(&outcome, "method", 1);
    let codes = |request: &str| outcome.at(&format!("/requests/{request}/status_codes"));
    for (request, code) in [("twin-get", "200"), ("twin-patch", "204")] {
        let codes = codes(request).as_object().expect("a table");
        assert!(codes.keys().eq([code]), "{outcome}");
    }
    assert_eq!(
        count(&outcome, "telemetry", "sent"),
        outcome.count("/tenant/received/telemetry"),
        "{outcome}"
    );
}

#[test]
fn azure_refuses_with_a_status() {
    let outcome = AZURE.run("").set("tenant.error_rate", "20%").go();
    outcome.keeps_its_accounts();
    fails_with(&outcome, "twin-get", "200");
    fails_with(&outcome, "twin-patch", "204");
    refuses_nothing(&outcome);
}

/// A tenant that is started alone is told of the platform, and is a broker as well as not.
#[test]
fn a_tenant_alone_answers_from_a_platform_file() {
    for (third, requests, pushed) in [
        (&THINGSBOARD, ["attributes", "rpc"], "rpc"),
        (&AWS, ["get", "update"], "command"),
        (&AZURE, ["twin-get", "twin-patch"], "method"),
    ] {
        for delivery in ["kpc", "broker"] {
            let midge = third.run("");
            let (name, _) = third.platform;
            let file = midge.home().join(name).display().to_string();
            let tenant = Tenant::start([
                "--platform",
                &file,
                "--delivery",
                delivery,
                "--commands",
                "50/s",
            ]);
            let outcome = midge.target(&tenant.url).go();
            let counts = tenant.stop();
            for request in requests {
                let ok = count(&outcome, request, "ok");
                let planned = count(&outcome, request, "planned");
                assert!(ok > 0 && ok == planned, "{delivery} {request}\n{outcome}");
                assert_eq!(counts["replied_ok"][request], ok, "{delivery}\n{counts}");
            }
            let received = outcome.count(&format!("/inbound/{pushed}/received"));
            assert!(received > 10, "{delivery}\n{outcome}");
            assert_eq!(
                outcome.count("/whole_run/orphan"),
                0,
                "{delivery}\n{outcome}"
            );
        }
    }
}

#[test]
fn definitions_that_cannot_be_answered_from_are_said() {
    const ENDLESS: &str =
        "\n[[request]]\nname = \"endless\"\ntopic = \"a/{endpoint}{request_id}\"\n";
    let outcome = AWS.run(ENDLESS).go();
    let said = "request endless: the simulated tenant leaves it out";
    assert!(outcome.stderr.contains(said), "{outcome}");
    let Sent { topic, .. } = AWS.plan(ENDLESS).sends("endless", 5);
    assert_eq!(topic, "a/75");
}
