//! Enapter's messages from Paho to the simulated tenant: what devices report, and commands from a
//! caller to a device and back, where both are Paho.
//!
//! Not here: our own fleet and callers against devices that are not ours (`fleet`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::client::{Client, Message};
use crate::fixtures::enapter;
use crate::support::Tenant;

const REQUESTS: &str = "v1/to/SD595D4EF54C643B7988AADDBF12A2E30/s/v1/command/requests";
const RESPONSES: &str = "v1/from/SD595D4EF54C643B7988AADDBF12A2E30/s/v1/command/responses";
const TELEMETRY: &str = "v1/from/SD595D4EF54C643B7988AADDBF12A2E30/s/v1/telemetry";

#[track_caller]
fn what_a_device_reports_goes_on_as_it_is(delivery: &str) {
    let tenant = Tenant::start(["--delivery", delivery]);
    let mut device = Client::connect(&tenant.url);
    let mut reader = Client::connect(&tenant.url);
    reader.subscribe("v1/from/#", 2);
    let reports = enapter();
    let mut refused: BTreeMap<&str, u64> = BTreeMap::new();
    for qos in 0..=2 {
        for report in &reports.reports {
            device.publish(&report.send, &report.payload, qos);
            let to_device = device.rest();
            if let Some(reason) = &report.refused {
                *refused.entry(reason).or_default() += 1;
            }
            let message = || Message::new(&report.send, &report.payload, qos);
            let expected = report.goes_on(delivery).then(message);
            assert_eq!(reader.rest(), Vec::from_iter(expected), "{report:?}");
            assert_eq!(to_device, [], "nothing is answered: {report:?}");
        }
    }
    let counted = tenant.stop();
    assert_eq!(counted["rejected"], json!(refused), "{counted}");
    for (name, number) in reports.counted.as_object().expect("a table") {
        let number = number.as_u64().expect("a count");
        assert_eq!(counted["received"][name], 3 * number, "{name}: {counted}");
    }
}

#[test]
fn what_a_device_reports_goes_on_over_a_broker() {
    what_a_device_reports_goes_on_as_it_is("broker");
}

#[test]
fn what_a_device_reports_goes_on_over_a_communication_service() {
    what_a_device_reports_goes_on_as_it_is("kpc");
}

/// A caller that waits for answers, and a device that the tenant knows.
struct Site {
    tenant: Tenant,
    caller: Client,
    device: Client,
}

impl Site {
    fn new(delivery: &str) -> Self {
        let tenant = Tenant::start(["--delivery", delivery]);
        let mut caller = Client::connect(&tenant.url);
        caller.subscribe("v1/from/+/+/v1/command/responses", 2);
        let mut device = Client::connect(&tenant.url);
        if delivery == "broker" {
            device.subscribe(REQUESTS, 2);
        }
        device.publish(TELEMETRY, r#"{"timestamp":1759212723}"#, 1);
        Self {
            tenant,
            caller,
            device,
        }
    }

    /// What the caller asks for, byte by byte at the device, or not at all.
    #[track_caller]
    fn asks(&mut self, request: &str, qos: u8, arrives: bool) {
        self.caller.publish(REQUESTS, request, qos);
        assert_eq!(self.caller.rest(), [], "{request}");
        let expected = arrives.then(|| Message::new(REQUESTS, request, qos));
        assert_eq!(self.device.rest(), Vec::from_iter(expected), "{request}");
    }

    /// What the device answers, byte by byte at the caller, or not at all.
    #[track_caller]
    fn answers(&mut self, response: &str, qos: u8, arrives: bool) {
        self.device.publish(RESPONSES, response, qos);
        assert_eq!(self.device.rest(), [], "{response}");
        let expected = arrives.then(|| Message::new(RESPONSES, response, qos));
        assert_eq!(self.caller.rest(), Vec::from_iter(expected), "{response}");
    }
}

#[track_caller]
fn a_command_goes_to_its_device_and_its_answers_to_the_caller(delivery: &str) {
    let mut site = Site::new(delivery);
    for (qos, id) in [
        (0, "3f6c7d9e-0000"),
        (1, "3f6c7d9e-1111"),
        (2, "3f6c7d9e-2222"),
    ] {
        let request = format!(r#"{{"id":"{id}","name":"set_power","arguments":{{"power":5000}}}}"#);
        site.asks(&request, qos, true);
        let log = format!(
            r#"{{"id":"{id}","state":"log","payload":{{"message":"Executing command..."}}}}"#
        );
        site.answers(&log, qos, true);
        site.answers(&log.replace("Executing", "Still executing"), qos, true);
        let completed =
            format!(r#"{{"id":"{id}","state":"completed","payload":{{"result":null}}}}"#);
        site.answers(&completed, qos, true);
    }
    // Arguments may be null or absent, and older gateways say when a command expires. They run at
    // once, and the first to come is not the first to be done.
    for rest in [r#","arguments":null"#, "", r#","expires":1759212723"#] {
        let request = format!(r#"{{"id":"{}","name":"reboot"{rest}}}"#, rest.len());
        site.asks(&request, 0, true);
    }
    for (id, state, payload) in [
        (0, "completed", r#","payload":{}"#),
        (
            21,
            "error",
            r#","payload":{"message":"Command handler not implemented."}"#,
        ),
        (17, "error", ""),
    ] {
        let answer = format!(r#"{{"id":"{id}","state":"{state}"{payload}}}"#);
        site.answers(&answer, 0, true);
    }
    let results = &site.tenant.stop()["results"];
    assert_eq!(results, &json!({"log": 6, "completed": 4, "error": 2}));
}

#[test]
fn a_command_goes_to_a_device_that_subscribed_and_its_answers_to_the_caller() {
    a_command_goes_to_its_device_and_its_answers_to_the_caller("broker");
}

#[test]
fn a_command_goes_to_a_device_that_never_subscribed_over_a_communication_service() {
    a_command_goes_to_its_device_and_its_answers_to_the_caller("kpc");
}

#[track_caller]
fn what_is_no_command_and_what_answers_none_is_counted(delivery: &str) {
    let mut site = Site::new(delivery);
    // A broker passes on what the tenant does not take.
    let wrong = delivery == "broker";
    site.asks(r#"{"id":5,"name":"set_power"}"#, 1, wrong);
    site.asks(r#"{"id":"5"}"#, 1, wrong);
    let list = r#"{"id":"5","name":"set_power","arguments":[]}"#;
    site.asks(list, 1, wrong);
    site.answers(r#"{"id":"5","state":"completed"}"#, 1, wrong);
    site.asks(r#"{"id":"5","name":"set_power"}"#, 1, true);
    site.asks(r#"{"id":"5","name":"set_power"}"#, 1, wrong);
    site.answers(r#"{"id":"5","state":"done"}"#, 1, wrong);
    site.answers(r#"{"id":"5","state":"completed","payload":5}"#, 1, wrong);
    site.answers(r#"{"id":"5","state":"error"}"#, 1, true);
    site.answers(r#"{"id":"5","state":"completed"}"#, 1, wrong);
    site.answers(r#"{"id":"5","state":"log"}"#, 1, wrong);
    let report = site.tenant.stop();
    let expected = json!({
        "invalid-fields": 5, "unknown-command": 1, "duplicate-command": 1, "second-final": 1,
        "log-after-final": 1,
    });
    assert_eq!(report["rejected"], expected);
    assert_eq!(report["results"], json!({"error": 1}));
}

#[test]
fn what_is_no_command_and_what_answers_none_is_counted_by_a_broker() {
    what_is_no_command_and_what_answers_none_is_counted("broker");
}

#[test]
fn what_is_no_command_and_what_answers_none_goes_to_nobody_over_a_communication_service() {
    what_is_no_command_and_what_answers_none_is_counted("kpc");
}

#[test]
fn a_broker_brings_no_command_to_a_device_that_did_not_subscribe() {
    let tenant = Tenant::start(["--delivery", "broker"]);
    let mut device = Client::connect(&tenant.url);
    device.subscribe(&REQUESTS.replace("/s/", "/ucm/"), 1);
    device.publish(TELEMETRY, r#"{"timestamp":1759212723}"#, 1);
    let mut caller = Client::connect(&tenant.url);
    caller.publish(REQUESTS, r#"{"id":"5","name":"set_power"}"#, 1);
    assert_eq!(caller.rest(), []);
    assert_eq!(device.rest(), []);
}

/// A command of the tenant: its id.
#[track_caller]
fn id_of_a_command(message: &Message) -> String {
    assert_eq!(message.topic, REQUESTS);
    let command = message.json();
    assert_eq!(command["name"], "set_power", "{command}");
    assert!(command["arguments"]["power"].is_u64(), "{command}");
    let id = command["id"].as_str().expect("a text");
    assert_eq!(uuid::Uuid::parse_str(id).expect("a UUID").to_string(), id);
    id.to_owned()
}

#[track_caller]
fn a_device_carries_out_what_the_tenant_commands(delivery: &str) {
    let tenant = Tenant::start(["--delivery", delivery, "--commands", "20/s"]);
    let mut device = Client::connect(&tenant.url);
    if delivery == "broker" {
        device.subscribe(REQUESTS, 0);
    }
    device.publish(TELEMETRY, r#"{"timestamp":1759212723}"#, 1);
    let answer = |device: &mut Client, id: &str, state: &str| {
        let payload: Value = json!({"id": id, "state": state, "payload": {}});
        device.publish(RESPONSES, &payload.to_string(), 1);
    };
    for last in ["completed", "error", "completed"] {
        let id = id_of_a_command(&device.next());
        answer(&mut device, &id, "log");
        answer(&mut device, &id, last);
    }
    let report = tenant.stop();
    let expected = json!({"log": 3, "completed": 2, "error": 1});
    assert_eq!(report["results"], expected, "{report}");
    assert_eq!(report["rejected"], json!({}), "{report}");
}

#[test]
fn a_device_that_subscribed_carries_out_what_the_tenant_commands() {
    a_device_carries_out_what_the_tenant_commands("broker");
}

#[test]
fn a_device_that_never_subscribed_carries_out_what_the_tenant_commands() {
    a_device_carries_out_what_the_tenant_commands("kpc");
}
