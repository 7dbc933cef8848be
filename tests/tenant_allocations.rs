//! What leaves nothing behind in the tenant costs it no allocation: counted over a whole tenant that
//! runs in this process, while a client that allocates nothing either speaks to it over a socket.
//!
//! A binary of its own, because the allocator counts everything that the process does. Payloads hold
//! no JSON two levels down, for which the parser takes a stack. Not here: the engine's allocations
//! (`allocations`).

use std::alloc::System;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use midge::mqtt::Version;
use midge::profile;
use midge::tenant::{Tenant, TenantOptions};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A platform that the tenant knows by these definitions only.
const ACME: &str = r#"
    vars = { device = "d-{endpoint}" }
    [[request]]
    name = "report"
    topic = "acme/{device}/report"
    [[request]]
    name = "up"
    topic = "acme/{device}/up/{request_id}"
    reply = { ok = "{topic}/ok" }
    [[request]]
    name = "shadow"
    topic = "acme/{device}/shadow"
    payload = '{"token":"{request_id}","value":1}'
    request_id = { in = "/token" }
    reply = { ok = "{topic}/accepted" }
    [[request]]
    name = "ask"
    topic = "acme/{device}/ask"
    request_id = { in = "correlation-data" }
    reply = { ok = "acme/{device}/answers" }
"#;

/// Bytes for the tenant, and those that have to come back before the next step.
struct Step {
    send: Vec<u8>,
    expect: Vec<u8>,
}

/// What a client does again and again.
struct Case {
    name: &'static str,
    flags: &'static [(&'static str, &'static str)],
    subscribe: Option<&'static str>,
    version: Version,
    steps: Vec<Step>,
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut left = body.len();
    loop {
        let more = if left > 0x7f { 0x80 } else { 0 };
        bytes.push((left & 0x7f) as u8 | more);
        left >>= 7;
        if left == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u16).to_be_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn publish(qos: u8, id: u16, topic: &str, payload: &str) -> Vec<u8> {
    let mut body = text(topic);
    if qos > 0 {
        body.extend_from_slice(&id.to_be_bytes());
    }
    body.extend_from_slice(payload.as_bytes());
    packet(0x30 | qos << 1, &body)
}

/// PUBACK (0x40), PUBREC (0x50), PUBREL (0x62) or PUBCOMP (0x70).
fn acknowledgement(first: u8, id: u16) -> Vec<u8> {
    packet(first, &id.to_be_bytes())
}

const PING: [u8; 2] = [0xc0, 0];
const PONG: [u8; 2] = [0xd0, 0];

/// All of these in one write, and all answers to them.
fn burst<const N: usize>(pairs: impl Iterator<Item = [Vec<u8>; N]>) -> Step {
    let (mut send, mut expect) = (Vec::new(), Vec::new());
    for pair in pairs {
        send.extend_from_slice(&pair[0]);
        expect.extend(pair.iter().skip(1).flatten());
    }
    Step { send, expect }
}

/// A burst that nobody answers, with a ping behind it to know that it was handled.
fn silent(messages: impl Iterator<Item = Vec<u8>>) -> Step {
    let mut step = burst(messages.map(|message| [message]));
    step.send.extend(PING);
    step.expect.extend(PONG);
    step
}

/// A request to Kaa and its reply, under this ID.
fn kaa(id: u16) -> [Vec<u8>; 2] {
    let topic = format!("kp1/app-v1/dcx/ep-1/json/{id}");
    let sample = r#"{"n":17,"temperature":21.5}"#;
    let reply = publish(0, 0, &format!("{topic}/status"), "");
    [publish(0, 0, &topic, sample), reply]
}

const IDS: std::ops::Range<u16> = 10_000..10_100;

/// Requests with IDs that differ, each answered before the next one.
fn one_by_one(request: impl Fn(u16) -> [Vec<u8>; 2]) -> Vec<Step> {
    IDS.map(|id| burst([request(id)].into_iter())).collect()
}

/// The same, and then all of them at once.
fn requests(request: impl Fn(u16) -> [Vec<u8>; 2]) -> Vec<Step> {
    let mut steps = one_by_one(&request);
    steps.push(burst(IDS.map(request)));
    steps
}

/// A request whose second half comes after an answer to something else.
fn in_two_pieces([request, reply]: [Vec<u8>; 2]) -> [Step; 2] {
    let (first, second) = request.split_at(request.len() / 2);
    let first = Step {
        send: [&PING, first].concat(),
        expect: PONG.to_vec(),
    };
    let second = Step {
        send: second.to_vec(),
        expect: reply,
    };
    [first, second]
}

/// A request of MQTT 5 with correlation data, and the reply where it asks for it.
fn ask(id: u16) -> [Vec<u8>; 2] {
    let data = [&[0x09][..], &text(&id.to_string())].concat();
    let back = [&[0x08][..], &text("acme/d-1/mine")].concat();
    let both = [&back[..], &data].concat();
    let whole = |topic: &str, properties: &[u8], payload: &[u8]| {
        let length = [properties.len() as u8];
        packet(
            0x30,
            &[&text(topic)[..], &length, properties, payload].concat(),
        )
    };
    [
        whole("acme/d-1/ask", &both, b"{}"),
        whole("acme/d-1/mine", &data, b""),
    ]
}

fn cases() -> Vec<Case> {
    let case = |name, steps| Case {
        name,
        flags: &[],
        subscribe: None,
        version: Version::V311,
        steps,
    };
    let report = "acme/d-1/report";
    let ids = || 1..=16;
    let telemetry = r#"{"timestamp":1759212723,"temperature":23.5,"alerts":["hot","dry"]}"#;
    let logs = r#"{"timestamp":1759212723,"message":"m","severity":"info"}"#;
    let enapter = |id: u16| {
        let (topic, payload) = if id.is_multiple_of(2) {
            ("v1/from/S01/s/v1/telemetry", telemetry)
        } else {
            ("v1/from/S01/s/v3/logs", logs)
        };
        [publish(1, id, topic, payload), acknowledgement(0x40, id)]
    };
    vec![
        case(
            "QoS 0, a definition without an answer",
            vec![silent(ids().map(|_| publish(0, 0, report, "{\"x\":1}")))],
        ),
        case(
            "QoS 0, more topics than are kept, of no platform",
            vec![silent(ids().map(|id| {
                publish(0, 0, &format!("elsewhere/{id}/{id}"), "x")
            }))],
        ),
        case(
            "QoS 1",
            vec![burst(ids().map(|id| {
                [publish(1, id, report, "x"), acknowledgement(0x40, id)]
            }))],
        ),
        case(
            "QoS 2",
            vec![
                burst(ids().map(|id| [publish(2, id, report, "x"), acknowledgement(0x50, id)])),
                burst(ids().map(|id| [acknowledgement(0x62, id), acknowledgement(0x70, id)])),
            ],
        ),
        case("Kaa", requests(kaa)),
        case(
            "Kaa, in pieces",
            (10..40).flat_map(|id| in_two_pieces(kaa(id))).collect(),
        ),
        Case {
            flags: &[("service-time", "fixed:50us")],
            // One by one: replies that are ready at the same instant have no order.
            ..case("Kaa, after a service time", one_by_one(kaa))
        },
        Case {
            flags: &[("delivery", "broker")],
            subscribe: Some("kp1/+/dcx/ep-1/json/+/status"),
            ..case("Kaa, through a subscription", requests(kaa))
        },
        case("Enapter", vec![burst(ids().map(enapter))]),
        case(
            "an ID in the topic of a definition",
            requests(|id| {
                let topic = format!("acme/d-1/up/{id}");
                let reply = publish(0, 0, &format!("{topic}/ok"), "");
                [publish(0, 0, &topic, "x"), reply]
            }),
        ),
        Case {
            version: Version::V5,
            ..case("an ID in the correlation data", requests(ask))
        },
        Case {
            version: Version::V5,
            flags: &[("service-time", "fixed:50us")],
            ..case("the same, after a service time", one_by_one(ask))
        },
        case(
            "an ID in the payload of a definition",
            requests(|id| {
                let payload = format!(r#"{{"value":[1,2],"token":"t-{id}"}}"#);
                let reply = format!(r#"{{"token":"t-{id}"}}"#);
                [
                    publish(0, 0, "acme/d-1/shadow", &payload),
                    publish(0, 0, "acme/d-1/shadow/accepted", &reply),
                ]
            }),
        ),
    ]
}

/// Does each step, so many times over. Allocates nothing.
fn repeat(socket: &mut TcpStream, steps: &[Step], buffer: &mut [u8], times: usize) {
    for _ in 0..times {
        for step in steps {
            socket.write_all(&step.send).unwrap();
            let answer = &mut buffer[..step.expect.len()];
            socket.read_exact(answer).unwrap();
            assert!(
                *answer == *step.expect,
                "another answer to {}",
                String::from_utf8_lossy(&step.send)
            );
        }
    }
}

/// CONNECT and what accepts it: in MQTT 5 with what the tenant has not, and its longest packet.
fn connect(version: Version) -> Step {
    const OFFER: [u8; 12] = [11, 0x25, 0, 0x29, 0, 0x2a, 0, 0x27, 0x01, 0x10, 0, 0];
    let (properties, offer) = match version {
        Version::V311 => (&[][..], &[][..]),
        Version::V5 => (&[0][..], &OFFER[..]),
    };
    let begin = [&text("MQTT")[..], &[version.level(), 2, 0, 60]].concat();
    Step {
        send: packet(0x10, &[&begin[..], properties, &text("one")].concat()),
        expect: packet(0x20, &[&[0, 0], offer].concat()),
    }
}

/// Allocations per time that all steps are done.
fn cost(case: &Case) -> f64 {
    const WARM_UP: usize = 20;
    const TIMES: usize = 50;
    let mut options = TenantOptions::default();
    options.set("listen", "127.0.0.1:0").unwrap();
    for (flag, value) in case.flags {
        options.set(flag, value).unwrap();
    }
    let read = |_: &Path| -> io::Result<String> { Ok(ACME.to_owned()) };
    options.definitions = profile::definitions("./acme.toml", &read).unwrap();
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let tenant = Tenant::bind(options).unwrap();
        sender.send((tenant.address(), tenant.stopper())).unwrap();
        tenant.run().unwrap()
    });
    let (address, stopper) = receiver.recv().unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_nodelay(true).unwrap();
    // Far longer than anything here takes.
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut steps = vec![connect(case.version)];
    if let Some(filter) = case.subscribe {
        steps.push(Step {
            send: packet(0x82, &[&[0, 1], &text(filter)[..], &[0]].concat()),
            expect: vec![0x90, 3, 0, 1, 0],
        });
    }
    repeat(&mut socket, &steps, &mut buffer, 1);
    repeat(&mut socket, &case.steps, &mut buffer, WARM_UP);
    let region = Region::new(ALLOCATOR);
    repeat(&mut socket, &case.steps, &mut buffer, TIMES);
    let change = region.change();
    stopper.stop();
    thread.join().unwrap();
    (change.allocations + change.reallocations) as f64 / TIMES as f64
}

#[test]
fn a_message_that_leaves_nothing_behind_costs_the_tenant_no_allocation() {
    for case in cases() {
        let cost = cost(&case);
        assert!(cost == 0.0, "{}: {cost} allocations each time", case.name);
    }
    // What is kept has to be allocated: the count does see the tenant.
    let kept = |id: u16| {
        let topic = format!("kp1/app-v1/epmx/ep-1/update/{id}");
        let reply = publish(0, 0, &format!("{topic}/status"), "");
        [publish(0, 0, &topic, r#"{"name":"x"}"#), reply]
    };
    let cost = cost(&Case {
        name: "metadata",
        flags: &[],
        subscribe: None,
        version: Version::V311,
        steps: vec![burst([kept(1)].into_iter())],
    });
    assert!(cost >= 1.0, "{cost} allocations each time");
}
