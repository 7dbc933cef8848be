//! `--set` reaches every key, replaces what excludes it, and names the nearest key when it fails.

use std::time::Duration;

use midge::profile::{Connections, Generator, IdKind, Model, Pace, Payload};
use midge::units::Rate;

use super::{good, load_shipped, rendered};

#[test]
fn overrides_reach_fleet_load_and_requests() {
    let sets = [
        "fleet.endpoints=5000",
        "load.measure=30s",
        "load.arrival_rate=5_000/s",
        "request.dcx-json.qos=1",
        "request.*.deadline=2s",
        "request.metadata-get.request_id.range=[1, 99]",
        "request.dcx-json.generate.humidity={ uniform = [1, 2] }",
        "fleet.vars.token=t{endpoint}",
        "fleet.connections.endpoints_per_connection=50",
        "thresholds.response_time.p99=< 50ms",
        "tenant.error-rate=1%",
        "name=other",
    ];
    let profile = good(load_shipped("kaa-fleet", &sets)).profile;
    assert_eq!(profile.name, "other");
    assert_eq!(profile.fleet.endpoints, 5_000);
    assert_eq!(profile.fleet.connections, Connections::Shared(50));
    assert_eq!(profile.fleet.vars["token"], "t{endpoint}");
    assert_eq!(profile.load.measure, Duration::from_secs(30));
    assert_eq!(profile.load.model, Model::Open(Rate(5_000.0)));
    assert_eq!(profile.requests[0].qos, 1);
    assert_eq!(profile.requests[1].qos, 0);
    let humidity = &profile.requests[0].generators["humidity"];
    assert_eq!(
        *humidity,
        Generator::Uniform {
            low: 1.0,
            high: 2.0,
            decimals: 0
        }
    );
    let get = profile.requests.iter().find(|r| r.name == "metadata-get");
    assert_eq!(get.unwrap().request_id.kind, IdKind::Range(1, 99));
    assert!(
        profile
            .requests
            .iter()
            .all(|request| request.deadline == Duration::from_secs(2))
    );
    assert_eq!(profile.tenant["error-rate"], "1%");
    assert_eq!(profile.tenant["service-time"], "exp:2ms");
    let p99 = profile
        .thresholds
        .iter()
        .find(|(metric, _)| metric == "response_time.p99");
    assert_eq!(p99.unwrap().1, "< 50ms");
    let max = good(load_shipped("kaa-fleet", &["load.arrival_rate=max"])).profile;
    assert_eq!(max.load.model, Model::Max);
    let closed = good(load_shipped(
        "kaa-fleet",
        &["load.model=closed", "load.think_time=1ms"],
    ));
    let model = Model::Closed {
        think_time: Duration::from_millis(1),
        cap: Some(Rate(1_200.0)),
    };
    assert_eq!(closed.profile.load.model, model);
}

#[test]
fn an_override_of_the_pace_or_the_payload_replaces_the_other_form() {
    let profile = good(load_shipped("kaa-fleet", &["request.dcx-json.rate=5/s"])).profile;
    assert_eq!(profile.requests[0].pace, Pace::Rate(Rate(5.0)));
    let profile = good(load_shipped("kaa-fleet", &["request.dcx-json.bytes=1KiB"])).profile;
    assert_eq!(profile.requests[0].payload, Payload::Bytes(1_024));
    let sets = [
        "request.dcx-json.sample={\"a\":1}",
        "request.dcx-json.batch=10",
    ];
    // Braces begin a TOML table, so this one needs its quotes.
    assert!(load_shipped("kaa-fleet", &sets).is_err());
    let sets = [
        "request.dcx-json.sample='{\"a\":1}'",
        "request.dcx-json.batch=10",
    ];
    let profile = good(load_shipped("kaa-fleet", &sets)).profile;
    assert!(matches!(
        profile.requests[0].payload,
        Payload::Batch { batch: 10, .. }
    ));
}

#[test]
fn an_override_without_a_target_names_the_nearest() {
    let error = |set: &str| rendered(&load_shipped("kaa-telemetry-batch", &[set]).unwrap_err());
    assert_eq!(
        error("fleet.endpionts=5"),
        "error: --set fleet.endpionts=5: unknown key \"endpionts\" of fleet, did you mean \"endpoints\"?"
    );
    assert_eq!(
        error("request.dcx-json-bach.qos=1"),
        "error: --set request.dcx-json-bach.qos=1: there is no request \"dcx-json-bach\", did you mean \"dcx-json-batch\"?
 |
 = help: known are: dcx-json-batch, dcx-plain, dcx-plain-unit, dcx-json-unreliable"
    );
    assert_eq!(
        error("request.*.deadlin=1s"),
        "error: --set request.*.deadlin=1s: unknown key \"deadlin\" of a [[request]], did you mean \"deadline\"?"
    );
    assert_eq!(
        error("endpoints=5"),
        "error: --set endpoints=5: unknown key \"endpoints\" at the top of a profile
 |
 = help: \"endpoints\" is known as fleet.endpoints"
    );
    assert_eq!(
        error("fleet.keep_alive=60"),
        "error: --set fleet.keep_alive=60: fleet.keep_alive is wrong: the duration \"60\" has no unit
 |
 = help: write \"60s\""
    );
    assert_eq!(
        error("fleet"),
        "error: --set takes KEY=VALUE\n |\n = help: write --set fleet.endpoints=5000"
    );
}
