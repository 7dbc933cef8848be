//! rumqttd out of the wheel `iotcore`. Each version of MQTT has listeners of its own, WebSocket the older
//! version alone; it was compiled without the check of certificates of clients.

use std::fmt::Write as _;
use std::process::Command;

use super::ground::{await_welcome, file, of_wheel, ports};
use super::{Broker, Ground, PASSWORD, Refusals, Running, Transport, USER, Version};
use crate::support::Process;

pub const RUMQTTD: Broker = Broker {
    name: "rumqttd",
    processes: &[&[
        Transport::Tcp,
        Transport::Tls,
        Transport::Ws,
        Transport::Wss,
    ]],
    speaks: |transport| match transport {
        Transport::Ws | Transport::Wss => &[Version::V311],
        _ => &[Version::V311, Version::V5],
    },
    qos_max: 2,
    refusals: Refusals {
        // Without a CONNACK.
        password: "closed",
        no_certificate: "",
        foreign_certificate: "",
        qos: "",
    },
    version,
    start,
};

fn version() -> String {
    let mut command = Command::new(of_wheel("python"));
    let ask = "import importlib.metadata as m; print('in iotcore', m.version('iotcore'))";
    command.args(["-c", ask]);
    let said = Process::start(command).finish().stdout;
    String::from_utf8_lossy(&said).trim().to_owned()
}

fn start(ground: &Ground, transports: &[Transport]) -> Running {
    let folder = ground.room();
    let free = ports::<8>();
    let mut doors = Vec::new();
    let mut config =
        "id = 0\n[router]\nid = 0\nmax_connections = 1010\nmax_outgoing_packet_count = 200\n\
         max_segment_size = 104857600\nmax_segment_count = 10\n"
            .to_owned();
    let each = transports.iter().flat_map(|&transport| {
        let versions = (RUMQTTD.speaks)(transport).iter();
        versions.map(move |&version| (transport, version))
    });
    for ((transport, version), port) in each.zip(free) {
        let kind = match (transport, version) {
            (Transport::Ws | Transport::Wss, _) => "ws",
            (_, Version::V311) => "v4",
            (_, Version::V5) => "v5",
        };
        let name = format!("{kind}.{port}");
        let _ = writeln!(
            config,
            "[{name}]\nname = \"{name}\"\nlisten = \"127.0.0.1:{port}\"\nnext_connection_delay_ms = 0"
        );
        if transport.is_secured() {
            let [chain, key] = ["broker-chain", "broker-key"].map(|name| ground.pem(name));
            let _ = writeln!(
                config,
                "[{name}.tls]\ncertpath = \"{chain}\"\nkeypath = \"{key}\""
            );
        }
        let _ = writeln!(
            config,
            "[{name}.connections]\nconnection_timeout_ms = 60000\nmax_payload_size = 20480\n\
             max_inflight_count = 100\ndynamic_filters = true\n\
             [{name}.connections.auth]\n{USER} = \"{PASSWORD}\""
        );
        doors.push((transport, version, port));
    }
    let [console, figures] = [free[6], free[7]];
    let _ = writeln!(
        config,
        "[console]\nlisten = \"127.0.0.1:{console}\"\n\
         [prometheus]\nlisten = \"127.0.0.1:{figures}\"\ninterval = 1"
    );
    let mut command = Command::new(of_wheel("python"));
    command.args(["-m", "iotcore", "--config"]);
    command.arg(file(&folder, "rumqttd.toml", &config));
    let mut process = Process::start(command);
    await_welcome(&mut process, doors[0].2);
    let mut running = Running::new(vec![process], folder);
    for (transport, version, port) in doors {
        running = running.listening(transport, version, port, "/mqtt");
    }
    running
}
