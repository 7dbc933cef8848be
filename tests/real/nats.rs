//! NATS out of a wheel. Its one MQTT listener is plain, or under TLS, or asks for certificates, and so is
//! the one for WebSocket: a process for each.

use std::process::Command;

use super::ground::{await_listener, await_welcome, file, of_wheel, ports};
use super::{Broker, Ground, PASSWORD, Refusals, Running, Transport, USER, Version};
use crate::support::Process;

pub const NATS: Broker = Broker {
    name: "NATS",
    processes: &[
        &[Transport::Tcp, Transport::Ws],
        &[Transport::Tls, Transport::Wss],
        &[Transport::MutualTls],
    ],
    speaks: |_| &[Version::V311],
    qos_max: 2,
    refusals: Refusals {
        password: "not_authorized",
        no_certificate: "tls_no_client_certificate",
        foreign_certificate: "tls_client_certificate",
        qos: "",
    },
    version,
    start,
};

fn version() -> String {
    let mut command = Command::new(of_wheel("nats-server"));
    command.arg("--version");
    let said = Process::start(command).finish().stdout;
    let said = String::from_utf8_lossy(&said);
    let word = said.split_whitespace().last().unwrap_or_default();
    word.trim_start_matches('v').to_owned()
}

fn start(ground: &Ground, transports: &[Transport]) -> Running {
    let folder = ground.room();
    let [own, mqtt, websocket] = ports();
    let secured = transports.iter().any(|transport| transport.is_secured());
    let [ca, certificate, key] = ["ca", "broker", "broker-key"].map(|name| ground.pem(name));
    let verify = transports.contains(&Transport::MutualTls);
    let tls = format!(
        "tls {{ cert_file: \"{certificate}\", key_file: \"{key}\", ca_file: \"{ca}\", verify: {verify} }}"
    );
    let (for_mqtt, for_websocket) = if secured {
        (&*tls, &*tls)
    } else {
        ("", "no_tls: true")
    };
    // MQTT keeps its sessions in JetStream.
    let config = format!(
        "server_name: midge\nlisten: 127.0.0.1:{own}\n\
         jetstream {{ store_dir: \"{}\", max_memory_store: 64MB, max_file_store: 256MB }}\n\
         accounts {{ fleet {{ jetstream: enabled, users: [ {{ user: {USER}, password: \"{PASSWORD}\" }} ] }} }}\n\
         mqtt {{\n  host: 127.0.0.1, port: {mqtt}\n  {for_mqtt}\n}}\n\
         websocket {{\n  host: 127.0.0.1, port: {websocket}\n  {for_websocket}\n}}\n",
        folder.path().display()
    );
    let mut command = Command::new(of_wheel("nats-server"));
    command.arg("-c").arg(file(&folder, "nats.conf", &config));
    let mut process = Process::start(command);
    if secured {
        await_listener(&mut process, mqtt);
    } else {
        await_welcome(&mut process, mqtt);
    }
    let mut running = Running::new(vec![process], folder);
    for &transport in transports {
        let port = match transport {
            Transport::Ws | Transport::Wss => websocket,
            _ => mqtt,
        };
        running = running.listening(transport, Version::V311, port, "/mqtt");
    }
    running
}
