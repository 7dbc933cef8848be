//! Two connections per device with empty client ids, as Enapter's library opens them: what is sent
//! leaves on one, and what is subscribed to arrives on the other.
//!
//! Mosquitto's log is the witness: it names each connection by an id that it made up. Counts only.

use std::collections::{BTreeMap, BTreeSet};

use crate::interop::{Mosquitto, alone, ends_with_unless_disturbed};
use crate::support::{Midge, Outcome};

const ENDPOINTS: u64 = 10;

fn pairs(profile: &str) -> Midge {
    Midge::run(profile)
        .workers(1)
        .set("fleet.endpoints", &ENDPOINTS.to_string())
        .set("fleet.connections.per_endpoint", "2")
        .set("fleet.client_id", "")
        .set("load.warm_up", "200ms")
        .set("load.measure", "2s")
        .set("load.drain", "30s")
        .set("request.*.deadline", "30s")
}

/// Which connections took part in messages of one kind, by the device in their topics.
type Parts = BTreeMap<String, BTreeSet<String>>;

/// From lines such as `Received PUBLISH from auto-1B2C (d0, q0, r0, m0, 'a/b', ... (5 bytes))`.
fn parts(log: &str, what: &str, kind: &str) -> Parts {
    let mut parts = Parts::new();
    for line in log.lines() {
        let Some((_, rest)) = line.split_once(what) else {
            continue;
        };
        let (connection, rest) = rest.split_once(' ').expect("an id");
        let topic = rest.split('\'').nth(1).expect("a topic in quotes");
        if topic.ends_with(kind) {
            let device = topic.split('/').nth(2).expect("a device");
            let connections = parts.entry(device.to_owned()).or_default();
            connections.insert(connection.to_owned());
        }
    }
    parts
}

#[track_caller]
fn every_command_was_answered(outcome: &Outcome) {
    outcome.keeps_its_accounts();
    let of = |name: &str| outcome.count(&format!("/requests/set-power/whole_run/{name}"));
    assert!(of("planned") > 50, "{outcome}");
    assert_eq!(of("ok"), of("planned"), "{outcome}");
    for none in ["duplicate", "orphan"] {
        assert_eq!(outcome.count(&format!("/whole_run/{none}")), 0, "{outcome}");
    }
    assert_eq!(outcome.count("/inbound/command/received"), of("sent"));
    assert_eq!(outcome.count("/inbound/command/duplicate"), 0, "{outcome}");
}

#[test]
fn a_broker_sees_devices_publish_on_one_connection_and_receive_on_the_other() {
    let _alone = alone();
    let broker = Mosquitto::talkative();
    let outcome = pairs("enapter-commands").target(&broker.url).go();
    every_command_was_answered(&outcome);
    // Two for each device, and the caller.
    let planned = outcome.count("/connections/planned");
    assert_eq!(planned, 2 * ENDPOINTS + 1, "{outcome}");
    assert_eq!(
        outcome.count("/connections/connected"),
        planned,
        "{outcome}"
    );
    assert_eq!(outcome.count("/connections/lost"), 0, "{outcome}");

    let log = broker.process.stderr();
    let sent = parts(&log, "Received PUBLISH from ", "/v1/telemetry");
    let answered = parts(&log, "Received PUBLISH from ", "/command/responses");
    let got = parts(&log, "Sending PUBLISH to ", "/command/requests");
    assert_eq!(sent.len() as u64, ENDPOINTS, "{sent:?}");
    assert!(!got.is_empty());
    assert!(answered.keys().eq(got.keys()), "{answered:?}\n{got:?}");
    let mut seen = BTreeSet::new();
    for (device, publishers) in &sent {
        assert_eq!(publishers.len(), 1, "{device} sends on one: {publishers:?}");
        seen.extend(publishers);
        if let Some(subscribers) = got.get(device) {
            assert_eq!(subscribers.len(), 1, "{device}: {subscribers:?}");
            assert!(
                subscribers.is_disjoint(publishers),
                "{device}: {publishers:?}"
            );
            assert_eq!(&answered[device], publishers, "{device}");
            seen.extend(subscribers);
        }
    }
    // No connection is that of two devices, and each has the name that the broker made up for it.
    assert_eq!(seen.len(), sent.len() + got.len(), "{seen:?}");
    assert!(seen.iter().all(|id| id.starts_with("auto-")), "{seen:?}");
    ends_with_unless_disturbed(&outcome, 0);
}

#[track_caller]
fn the_tenant_counts_two_connections_for_each_device_and_one_for_the_caller(delivery: &str) {
    let midge = pairs("enapter-commands").set("tenant.delivery", delivery);
    let outcome = midge.go();
    every_command_was_answered(&outcome);
    let connections = outcome.count("/tenant/connections");
    assert_eq!(connections, 2 * ENDPOINTS + 1, "{outcome}");
    assert_eq!(outcome.count("/tenant/disconnected"), 0, "{outcome}");
    ends_with_unless_disturbed(&outcome, 0);
}

#[test]
fn a_tenant_that_is_a_broker_counts_two_connections_for_each_device() {
    the_tenant_counts_two_connections_for_each_device_and_one_for_the_caller("broker");
}

#[test]
fn a_tenant_that_is_a_communication_service_counts_two_connections_for_each_device() {
    the_tenant_counts_two_connections_for_each_device_and_one_for_the_caller("kpc");
}

#[test]
fn the_tenant_counts_two_connections_for_each_device_that_only_reports() {
    let outcome = pairs("enapter-telemetry").go();
    outcome.keeps_its_accounts();
    let whole = |name: &str| outcome.count(&format!("/whole_run/{name}"));
    assert_eq!(whole("ok"), whole("planned"), "{outcome}");
    assert_eq!(
        outcome.count("/tenant/connections"),
        2 * ENDPOINTS,
        "{outcome}"
    );
    ends_with_unless_disturbed(&outcome, 0);
}

/// Kaa answers on the connection that spoke, which here is the one that subscribes to nothing.
#[test]
fn replies_that_come_on_the_publishing_connection_are_replies() {
    let midge = pairs("kaa-telemetry-batch").set("fleet.subscribe", "auto");
    let outcome = midge.set("load.in_flight_max", "200").go();
    outcome.keeps_its_accounts();
    let whole = |name: &str| outcome.count(&format!("/whole_run/{name}"));
    assert!(whole("planned") > 50, "{outcome}");
    assert_eq!(whole("ok"), whole("planned"), "{outcome}");
    assert_eq!((whole("duplicate"), whole("orphan")), (0, 0), "{outcome}");
    assert_eq!(
        outcome.count("/tenant/connections"),
        2 * ENDPOINTS,
        "{outcome}"
    );
}
