//! Every shipped profile, briefly, against the simulated tenant: all is answered, nothing is refused.
//!
//! Whether a busy machine may be believed is no question here.

use midge::plan::{Identities, Plan};
use midge::profile::load;

use super::support::{Midge, Outcome};

/// Names of the requests of a shipped profile that want a reply.
fn with_a_reply(profile: &str) -> Vec<String> {
    let none = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let loaded = load(profile, &[], &none).expect("it is shipped");
    let plan = Plan::compile(&loaded.profile, Identities::none()).expect("it is sound");
    let asking = plan.requests.iter().filter(|request| request.has_reply());
    asking.map(|request| request.name.clone()).collect()
}

fn brief(profile: &str) -> Midge {
    Midge::run(profile).brief().set("load.in_flight_max", "200")
}

/// Runs it: every request that wants replies gets them all, and the tenant refuses nothing.
#[track_caller]
fn runs(profile: &str) -> Outcome {
    let outcome = brief(profile).set("load.drain", "10s").go();
    is_answered(profile, &outcome);
    assert_eq!(
        outcome.at("/tenant/rejected"),
        &serde_json::json!({}),
        "{outcome}"
    );
    outcome
}

#[track_caller]
fn is_answered(profile: &str, outcome: &Outcome) {
    outcome.keeps_its_accounts();
    for request in with_a_reply(profile) {
        let count = |name| outcome.count(&format!("/requests/{request}/whole_run/{name}"));
        assert!(count("ok") > 0, "{request}\n{outcome}");
        assert_eq!(count("ok"), count("planned"), "{request}\n{outcome}");
    }
    for none in ["orphan", "duplicate", "unattributed_errors"] {
        let counted = outcome.count(&format!("/whole_run/{none}"));
        assert_eq!(counted, 0, "{none}\n{outcome}");
    }
    assert!(outcome.count("/whole_run/ok") > 0, "{outcome}");
}

/// Fails unless the tenant has counted some of each of these.
#[track_caller]
fn tenant_counts(outcome: &Outcome, table: &str, names: &[&str]) {
    for name in names {
        let counted = outcome.count(&format!("/tenant/{table}/{name}"));
        assert!(counted > 0, "{table} {name}\n{outcome}");
    }
}

#[test]
fn kaa_fleet() {
    let kinds = ["dcx-json", "metadata-get", "metadata-update"];
    tenant_counts(&runs("kaa-fleet"), "received", &kinds);
}

#[test]
fn kaa_telemetry_batch() {
    let outcome = runs("kaa-telemetry-batch");
    tenant_counts(&outcome, "received", &["dcx-json", "dcx-plain"]);
    assert!(outcome.count("/requests/dcx-json-unreliable/whole_run/sent") > 0);
}

#[test]
fn kaa_metadata() {
    let kinds =
        ["keys", "get", "replace", "update", "delete"].map(|kind| format!("metadata-{kind}"));
    let outcome = runs("kaa-metadata");
    for kind in &kinds {
        tenant_counts(&outcome, "replied_ok", &[kind]);
    }
}

#[test]
fn kaa_config() {
    // The tenant goes on pushing, so there is always something to answer until the drain ends.
    let outcome = brief("kaa-config").go();
    is_answered("kaa-config", &outcome);
    // It may push once more when the endpoints have left.
    let rejected = outcome.at("/tenant/rejected").as_object();
    let rejected = rejected.expect("a table").keys();
    assert!(
        rejected
            .into_iter()
            .all(|reason| reason == "unreachable-endpoint"),
        "{outcome}"
    );
    let kinds = ["config", "ota-config", "ota-applied", "token"];
    tenant_counts(&outcome, "replied_ok", &kinds);
    // What was pushed is reported without an ID, so without a reply.
    tenant_counts(&outcome, "pushed", &["config", "ota-config"]);
    tenant_counts(&outcome, "received", &["config-applied"]);
    tenant_counts(&outcome, "results", &["applied"]);
}

#[test]
fn enapter_fleet() {
    let outcome = runs("enapter-fleet");
    let kinds = [
        "telemetry",
        "properties",
        "logs",
        "command",
        "command-answer",
    ];
    tenant_counts(&outcome, "received", &kinds);
    tenant_counts(&outcome, "results", &["log", "completed"]);
}

#[test]
fn enapter_telemetry() {
    let outcome = runs("enapter-telemetry");
    tenant_counts(&outcome, "received", &["telemetry", "properties"]);
}

#[test]
fn enapter_commands() {
    tenant_counts(&runs("enapter-commands"), "results", &["log", "completed"]);
}

#[test]
fn mqtt_publish() {
    tenant_counts(&runs("mqtt-publish"), "received", &["publish"]);
}

#[test]
fn every_shipped_profile_is_run_here() {
    let mut names: Vec<&str> = midge::profile::shipped()
        .iter()
        .map(|(name, _)| *name)
        .collect();
    names.sort_unstable();
    let here = [
        "enapter-commands",
        "enapter-fleet",
        "enapter-telemetry",
        "kaa-config",
        "kaa-fleet",
        "kaa-metadata",
        "kaa-telemetry-batch",
        "mqtt-publish",
    ];
    assert_eq!(names, here);
}
