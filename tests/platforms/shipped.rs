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
    let outcome = brief("kaa-config").set("load.drain", "10s").go();
    is_answered("kaa-config", &outcome);
    // The tenant goes on pushing, and there is always something to answer: nobody waits for that.
    let drain_s = outcome.at("/load/phases/drain_s").as_f64();
    assert!(drain_s.is_some_and(|seconds| seconds < 5.0), "{outcome}");
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
    let outcome = runs("enapter-commands");
    tenant_counts(&outcome, "results", &["log", "completed"]);
    the_caller_hears_the_first_reply_long_before_the_last(&outcome);
}

/// The first one follows after 1 ms, the final one after 20 ms on average, half of them after 14.
#[track_caller]
fn the_caller_hears_the_first_reply_long_before_the_last(outcome: &Outcome) {
    let request = outcome.at("/requests/set-power");
    let figure = |metric: &str, figure: &str| {
        let value = request[metric][figure].as_f64();
        value.unwrap_or_else(|| panic!("{metric} {figure}\n{outcome}"))
    };
    let (first, last) = ("first_reply_time_us", "response_time_us");
    for whom in ["count", "planned"] {
        assert_eq!(request[first][whom], request[last][whom], "{outcome}");
    }
    assert!(figure(first, "p50") >= 1_000.0, "{outcome}");
    let between = figure(last, "p50") - figure(first, "p50");
    assert!(between > 4_000.0, "{between} us\n{outcome}");
    // Telemetry has no replies: the total is about commands alone.
    assert_eq!(outcome.at("/total")[first], request[first]);
    assert_eq!(
        outcome.at("/requests/telemetry")[first]["planned"],
        0,
        "{outcome}"
    );
    for file in ["percentiles.csv", "histogram.csv"] {
        let rows = outcome.file(file);
        assert!(rows.contains("\nset-power,first_reply_time,"), "{rows}");
        assert!(!rows.contains("\ntelemetry,first_reply_time,"), "{rows}");
    }
    assert!(outcome.stdout.contains("first reply time"), "{outcome}");
}

#[test]
fn mqtt_publish() {
    tenant_counts(&runs("mqtt-publish"), "received", &["publish"]);
}

/// Fails unless every message sent was heard by this many listeners, once each.
#[track_caller]
fn everything_sent_is_heard_by(listeners: u64, outcome: &Outcome) {
    let count = |pointer: &str| outcome.count(pointer);
    let sent = count("/whole_run/sent");
    assert_eq!(count("/whole_run/ok"), sent, "{outcome}");
    assert_eq!(
        count("/inbound/heard/received"),
        sent * listeners,
        "{outcome}"
    );
    assert_eq!(count("/inbound/heard/duplicate"), 0, "{outcome}");
    assert_eq!(count("/connections/connected"), 51, "{outcome}");
}

#[test]
fn mqtt_fan_in() {
    everything_sent_is_heard_by(1, &runs("mqtt-fan-in"));
}

#[test]
fn several_workers_have_one_listener_for_all_endpoints() {
    let outcome = brief("mqtt-fan-in")
        .set("load.drain", "10s")
        .workers(3)
        .go();
    is_answered("mqtt-fan-in", &outcome);
    everything_sent_is_heard_by(1, &outcome);
}

#[test]
fn a_message_that_is_done_when_written_is_heard_all_the_same() {
    let quiet = brief("mqtt-fan-in").set("request.publish.qos", "0");
    let outcome = quiet.set("load.drain", "10s").workers(2).go();
    is_answered("mqtt-fan-in", &outcome);
    everything_sent_is_heard_by(1, &outcome);
}

#[test]
fn mqtt_fan_out() {
    everything_sent_is_heard_by(50, &runs("mqtt-fan-out"));
}

#[test]
fn what_one_workers_caller_announces_reaches_the_endpoints_of_all() {
    let outcome = brief("mqtt-fan-out")
        .set("load.drain", "10s")
        .workers(2)
        .go();
    is_answered("mqtt-fan-out", &outcome);
    let sent = outcome.count("/whole_run/sent");
    assert_eq!(
        outcome.count("/inbound/heard/received"),
        sent * 50,
        "{outcome}"
    );
    // One caller per worker, because both send.
    assert_eq!(outcome.count("/connections/connected"), 52, "{outcome}");
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
        "mqtt-fan-in",
        "mqtt-fan-out",
        "mqtt-publish",
    ];
    assert_eq!(names, here);
}
