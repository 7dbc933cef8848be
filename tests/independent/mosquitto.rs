//! The same cases once more through Mosquitto's own clients: each request in a process of its own,
//! and one that listens to everything.
//!
//! Requests in broker delivery alone: these clients hear what they subscribed to. Not here: Mosquitto
//! as a broker (`fleet`, `pairs`).

use std::process::Command;

use crate::client::{Client, Message, port};
use crate::fixtures::{Step, enapter, kaa};
use crate::interop::{Subscriber, program};
use crate::support::{Process, Tenant};

/// `mosquitto_pub` or `mosquitto_rr`, with a message.
fn sends(name: &str, tenant: &Tenant, topic: &str, payload: &str, qos: u8) -> Command {
    let mut command = Command::new(program(name));
    command
        .args(["-V", "311", "-h", "127.0.0.1", "-t", topic])
        .args(["-p", &port(&tenant.url).to_string()])
        .args(["-q", &qos.to_string()]);
    if payload.is_empty() {
        command.arg("-n");
    } else {
        command.args(["-m", payload]);
    }
    command
}

/// Publishes with an acknowledgement, so that it was handled when this returns.
#[track_caller]
fn publishes(tenant: &Tenant, topic: &str, payload: &str) {
    let ended = Process::start(sends("mosquitto_pub", tenant, topic, payload, 1)).finish();
    assert_eq!(ended.code(), 0, "{ended:?}");
}

/// A request whose reply is awaited on this topic.
fn requests(tenant: &Tenant, topic: &str, reply: &str, payload: &str, qos: u8) -> Process {
    let mut command = sends("mosquitto_rr", tenant, topic, payload, qos);
    command.args(["-e", reply, "-W", "60", "-F", "%q %r %t %p"]);
    Process::start(command)
}

/// What the request has got.
#[track_caller]
fn reply(process: Process) -> Message {
    let ended = process.finish();
    assert_eq!(ended.code(), 0, "{ended:?}");
    let said = String::from_utf8(ended.stdout).expect("text");
    let line = said.strip_suffix('\n').unwrap_or(&said);
    let mut words = line.splitn(4, ' ');
    let mut word = || words.next().unwrap_or_default();
    Message {
        qos: word().parse().expect("a QoS"),
        retain: word() != "0",
        topic: word().to_owned(),
        payload: word().to_owned(),
    }
}

#[test]
fn mosquittos_clients_get_every_reply_of_a_broker_and_nothing_else() {
    for group in kaa() {
        let delivery = ["--delivery", "broker"].map(str::to_owned);
        let tenant = Tenant::start(group.tenant.iter().cloned().chain(delivery));
        // With QoS 2 a message comes when it is released, which may be after a later one.
        let witness = Subscriber::at(port(&tenant.url), "kp1/#", 1);
        let mut asked: Vec<(String, u8, Step)> = Vec::new();
        for (number, case) in group.cases.iter().enumerate() {
            for step in &case.steps {
                let step = step.of(&format!("ep-{number}"));
                let mut qos = 1;
                match &step.reply {
                    Some(topic) if !step.optional => {
                        qos = (number % 3) as u8;
                        let process = requests(&tenant, &step.send, topic, &step.payload, qos);
                        step.is_answered_by(&reply(process), qos, &case.name);
                    }
                    _ => publishes(&tenant, &step.send, &step.payload),
                }
                asked.push((case.name.clone(), qos, step));
            }
        }
        // The witness sees each request too, and then its reply.
        let replies = asked.iter().filter(|(_, _, step)| step.reply.is_some());
        let heard = witness.messages((asked.len() + replies.count()) as u64);
        let heard = heard
            .iter()
            .map(|m| Message::new(&m.topic, &m.payload, m.qos));
        let mut heard = heard.peekable();
        for (place, qos, step) in &asked {
            let qos = (*qos).min(1);
            let request = Message::new(&step.send, &step.payload, qos);
            assert_eq!(heard.next(), Some(request), "{place}");
            match heard.next_if(|message| Some(&message.topic) == step.reply.as_ref()) {
                Some(message) => step.is_answered_by(&message, qos, place),
                None => assert!(
                    step.may_be_silent(),
                    "{place}\n{step:?}\n{:?}",
                    heard.peek()
                ),
            }
        }
        assert_eq!(heard.next(), None, "nobody asked for it");
    }
}

#[track_caller]
fn mosquittos_clients_hear_what_devices_report(delivery: &str) {
    let tenant = Tenant::start(["--delivery", delivery]);
    let witness = Subscriber::at(port(&tenant.url), "v1/#", 2);
    let reports = enapter().reports;
    for report in &reports {
        publishes(&tenant, &report.send, &report.payload);
    }
    let expected: Vec<_> = reports
        .iter()
        .filter(|report| report.goes_on(delivery))
        .map(|report| (&*report.send, &*report.payload))
        .collect();
    let heard = witness.messages(expected.len() as u64);
    let heard: Vec<_> = heard.iter().map(|m| (&*m.topic, &*m.payload)).collect();
    assert_eq!(heard, expected);
}

#[test]
fn mosquittos_clients_hear_what_devices_report_over_a_broker() {
    mosquittos_clients_hear_what_devices_report("broker");
}

#[test]
fn mosquittos_clients_hear_what_devices_report_over_a_communication_service() {
    mosquittos_clients_hear_what_devices_report("kpc");
}

#[test]
fn mosquittos_request_gets_the_first_answer_of_a_device() {
    const REQUESTS: &str = "v1/to/SD595D4EF54C643B7988AADDBF12A2E30/s/v1/command/requests";
    const RESPONSES: &str = "v1/from/SD595D4EF54C643B7988AADDBF12A2E30/s/v1/command/responses";
    let tenant = Tenant::start(["--delivery", "broker"]);
    let mut device = Client::connect(&tenant.url);
    device.subscribe(REQUESTS, 2);
    let answers = [
        r#"{"id":"5","state":"log","payload":{"message":"Executing command..."}}"#,
        r#"{"id":"5","state":"completed","payload":{"result":null}}"#,
    ];
    let request = r#"{"id":"5","name":"set_power","arguments":{"power":5000}}"#;
    let waiting = requests(&tenant, REQUESTS, RESPONSES, request, 1);
    assert_eq!(device.next(), Message::new(REQUESTS, request, 1));
    for answer in answers {
        device.publish(RESPONSES, answer, 1);
    }
    assert_eq!(reply(waiting), Message::new(RESPONSES, answers[0], 1));
    assert_eq!(tenant.stop()["results"]["completed"], 1);
}
