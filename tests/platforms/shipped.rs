//! Every shipped profile, briefly, against the simulated tenant: all is answered, nothing is refused.
//!
//! Whether a busy machine may be believed is no question here.

use midge::plan::{Identities, Plan};
use midge::profile::load;

use super::support::{Midge, Outcome};

/// What a shipped profile becomes.
fn plan_of(profile: &str) -> Plan {
    let none = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let loaded = load(profile, &[], &none).expect("it is shipped");
    Plan::compile(&loaded.profile, Identities::none()).expect("it is sound")
}

fn brief(profile: &str) -> Midge {
    Midge::run(profile)
        .brief()
        .set("load.in_flight_max", "200")
        .set("load.drain", "10s")
}

/// Runs it: every request that wants replies gets them all, and they are good ones.
#[track_caller]
fn runs(profile: &str) -> Outcome {
    let outcome = brief(profile).go();
    is_answered(profile, &outcome);
    assert_eq!(outcome.count("/whole_run/error"), 0, "{outcome}");
    outcome
}

/// Every request was sent, and each that wants replies got one of them for every message. Every pushed
/// message came, and was answered if the profile says how. The tenant refused nothing.
#[track_caller]
fn is_answered(profile: &str, outcome: &Outcome) {
    outcome.keeps_its_accounts();
    let plan = plan_of(profile);
    for request in &plan.requests {
        let count = |name| outcome.count(&format!("/requests/{}/whole_run/{name}", request.name));
        assert!(count("ok") > 0, "{}\n{outcome}", request.name);
        if request.has_reply() {
            let answered = count("ok") + count("error");
            assert_eq!(answered, count("planned"), "{}\n{outcome}", request.name);
        }
    }
    for inbound in &plan.inbound {
        let count = |name| outcome.count(&format!("/inbound/{}/{name}", inbound.name));
        let fresh = count("received") - count("duplicate");
        assert!(fresh > 0, "{}\n{outcome}", inbound.name);
        if !inbound.answers.is_empty() {
            // What is pushed at the very end need not be answered any more.
            let answered = count("answered");
            assert!(
                (1..=fresh).contains(&answered),
                "{}\n{outcome}",
                inbound.name
            );
        }
    }
    for none in ["orphan", "duplicate", "unattributed_errors"] {
        let counted = outcome.count(&format!("/whole_run/{none}"));
        assert_eq!(counted, 0, "{none}\n{outcome}");
    }
    // A tenant that pushes may do so once more when the endpoints have left.
    let rejected = outcome.at("/tenant/rejected").as_object();
    for reason in rejected.expect("a table").keys() {
        assert_eq!(reason, "unreachable-endpoint", "{outcome}");
        assert!(!plan.inbound.is_empty(), "{outcome}");
    }
}

/// Fails unless the tenant has counted some of each of these.
#[track_caller]
fn tenant_counts(outcome: &Outcome, table: &str, names: &[&str]) {
    for name in names {
        let counted = outcome.count(&format!("/tenant/{table}/{name}"));
        assert!(counted > 0, "{table} {name}\n{outcome}");
    }
}

/// All services at once, and one answer in a hundred is an error.
#[test]
fn kaa_fleet() {
    let outcome = brief("kaa-fleet").go();
    is_answered("kaa-fleet", &outcome);
    let kinds = [
        "dcx-json",
        "dcx-plain",
        "metadata-get",
        "metadata-keys",
        "metadata-update",
        "command-poll",
        "config",
        "ota-config",
        "ota-applied",
        "token",
    ];
    tenant_counts(&outcome, "received", &kinds);
    tenant_counts(&outcome, "pushed", &["command", "config", "ota-config"]);
    tenant_counts(&outcome, "results", &["completed", "applied"]);
    let errors = outcome.count("/whole_run/error");
    assert!(errors > 0, "{outcome}");
    // What the tenant counted as errors is what the fleet heard, and has the status that was sent.
    let by_kind = outcome.at("/tenant/replied_error").as_object();
    let sent = by_kind
        .expect("a table")
        .values()
        .map(|n| n.as_u64().unwrap_or(0));
    assert_eq!(sent.sum::<u64>(), errors, "{outcome}");
    let status = outcome.file("status.csv");
    for request in &plan_of("kaa-fleet").requests {
        let rows = status
            .lines()
            .filter_map(|line| line.strip_prefix(&request.name));
        let failed = rows.filter_map(|rest| rest.strip_prefix(",500,"));
        let failed: u64 = failed.map(|n| n.parse::<u64>().expect("a count")).sum();
        let error = outcome.count(&format!("/requests/{}/error", request.name));
        assert_eq!(failed, error, "{}\n{status}", request.name);
    }
}

#[test]
fn kaa_telemetry() {
    let outcome = runs("kaa-telemetry");
    tenant_counts(&outcome, "received", &["dcx-json", "dcx-plain"]);
}

#[test]
fn kaa_commands() {
    let outcome = runs("kaa-commands");
    tenant_counts(&outcome, "pushed", &["command"]);
    // Each command is carried out once, whether it was pushed or asked for.
    let completed = outcome.count("/tenant/results/completed");
    assert_eq!(
        completed,
        outcome.count("/inbound/command/answered"),
        "{outcome}"
    );
}

#[test]
fn kaa_software() {
    let outcome = runs("kaa-software");
    tenant_counts(&outcome, "replied_ok", &["ota-config", "ota-applied"]);
    tenant_counts(&outcome, "pushed", &["config", "ota-config"]);
    tenant_counts(&outcome, "results", &["applied"]);
}

#[test]
fn kaa_uploads() {
    tenant_counts(&runs("kaa-uploads"), "replied_ok", &["token"]);
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
    let outcome = runs("kaa-config");
    // The tenant goes on pushing, and there is always something to answer: nobody waits for that.
    let drain_s = outcome.at("/load/phases/drain_s").as_f64();
    assert!(drain_s.is_some_and(|seconds| seconds < 5.0), "{outcome}");
    tenant_counts(&outcome, "replied_ok", &["config", "config-applied"]);
    // What was pushed is reported without an ID, so without a reply.
    tenant_counts(&outcome, "pushed", &["config"]);
    tenant_counts(&outcome, "results", &["applied", "not-applied"]);
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
    everything_is_delivered(sent * listeners, outcome);
}

/// Fails unless there are so many deliveries, none of them lost, repeated or out of order.
#[track_caller]
fn everything_is_delivered(expected: u64, outcome: &Outcome) {
    let of = |name: &str| outcome.count(&format!("/inbound/heard/delivery/{name}"));
    assert_eq!(of("expected"), expected, "{outcome}");
    assert_eq!(of("delivered"), expected, "{outcome}");
    for none in [
        "lost",
        "duplicate",
        "reordered",
        "retained",
        "foreign",
        "untracked",
    ] {
        assert_eq!(of(none), 0, "{none}\n{outcome}");
    }
    assert!(of("delivery_time_us/count") > 0, "{outcome}");
}

#[test]
fn mqtt_one_to_one() {
    let outcome = runs("mqtt-one-to-one");
    everything_is_delivered(outcome.count("/whole_run/sent"), &outcome);
    assert_eq!(outcome.count("/connections/connected"), 100, "{outcome}");
}

#[test]
fn mqtt_shared() {
    let outcome = brief("mqtt-shared").workers(2).go();
    is_answered("mqtt-shared", &outcome);
    everything_is_delivered(outcome.count("/whole_run/sent"), &outcome);
}

#[test]
fn mqtt_retained() {
    everything_sent_is_heard_by(1, &runs("mqtt-retained"));
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
fn connect_storm() {
    let outcome = runs("connect-storm");
    assert_eq!(outcome.count("/connections/connected"), 50, "{outcome}");
}

#[test]
fn reconnect_storm() {
    let outcome = brief("reconnect-storm")
        .set("load.measure", "3s")
        .set("tenant.outage", "600ms+400ms")
        .set("fleet.reconnect.initial_delay", "100ms")
        .go();
    outcome.keeps_its_accounts();
    let count = |pointer: &str| outcome.count(pointer);
    assert_eq!(count("/connections/reconnects"), 50, "{outcome}");
    assert_eq!(count("/connections/recovery/outages/0/back"), 50);
    assert!(count("/whole_run/ok") > 0, "{outcome}");
    assert_eq!(
        count("/whole_run/ok"),
        count("/whole_run/sent"),
        "{outcome}"
    );
}

#[test]
fn churn() {
    let outcome = brief("churn").go();
    outcome.keeps_its_accounts();
    let count = |pointer: &str| outcome.count(pointer);
    assert!(count("/connections/recovery/left") > 10, "{outcome}");
    assert!(count("/connections/reconnects") > 0, "{outcome}");
    assert_eq!(count("/connections/lost"), 0, "{outcome}");
    assert!(count("/whole_run/ok") > 0, "{outcome}");
}

#[test]
fn every_shipped_profile_is_run_here() {
    let mut names: Vec<&str> = midge::profile::shipped()
        .iter()
        .map(|(name, _)| *name)
        .collect();
    names.sort_unstable();
    let here = [
        "churn",
        "connect-storm",
        "enapter-commands",
        "enapter-fleet",
        "enapter-telemetry",
        "kaa-commands",
        "kaa-config",
        "kaa-fleet",
        "kaa-metadata",
        "kaa-software",
        "kaa-telemetry",
        "kaa-telemetry-batch",
        "kaa-uploads",
        "mqtt-fan-in",
        "mqtt-fan-out",
        "mqtt-one-to-one",
        "mqtt-publish",
        "mqtt-retained",
        "mqtt-shared",
        "reconnect-storm",
    ];
    assert_eq!(names, here);
}

/// Those that measure midge itself lie beside the shipped ones: each is run too.
#[test]
fn the_profiles_of_benchmarks() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles/bench");
    let mut ran = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        let outcome = Midge::run(path.to_str().expect("text"))
            .set("fleet.endpoints", "50")
            .set("load.warm_up", "100ms")
            .set("load.measure", "500ms")
            .set("limits.messages_per_s", "5_000/s")
            .go();
        outcome.keeps_its_accounts();
        let count = |name: &str| outcome.count(&format!("/whole_run/{name}"));
        let idle = path.ends_with("idle.toml");
        assert!(count("ok") > 0 || idle, "{outcome}");
        assert_eq!(count("ok"), count("sent"), "{outcome}");
        assert_eq!(outcome.count("/connections/connected"), 50, "{outcome}");
        ran += 1;
    }
    assert!(ran > 0, "{folder} is empty");
}
