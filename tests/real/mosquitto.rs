//! Mosquitto of the distribution: everything at once, in one process.
//!
//! Not here: what tests of its own need (`interop::Mosquitto`).

use std::fmt::Write as _;
use std::process::Command;

use super::ground::{await_welcome, file, ports};
use super::{Broker, Ground, PASSWORD, Refusals, Running, Transport, USER, Version};
use crate::interop::program;
use crate::support::Process;

pub const MOSQUITTO: Broker = Broker {
    name: "Mosquitto",
    processes: &[&Transport::ALL],
    speaks: |_| &[Version::V311, Version::V5],
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
    let mut command = Command::new(program("mosquitto"));
    command.arg("-h");
    let said = Process::start(command).finish().stdout;
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().next().unwrap_or_default();
    line.trim_start_matches("mosquitto version ").to_owned()
}

fn start(ground: &Ground, transports: &[Transport]) -> Running {
    let folder = ground.room();
    let passwords = file(&folder, "passwords", "");
    let mut command = Command::new(program("mosquitto_passwd"));
    command.arg("-b").arg(&passwords).args([USER, PASSWORD]);
    assert_eq!(Process::start(command).finish().code(), 0);
    // As root it would give up rights and could not read what only root may read.
    let user = if rustix::process::geteuid().is_root() {
        "user root\n"
    } else {
        ""
    };
    let mut config = format!(
        "{user}persistence false\nset_tcp_nodelay true\nconnection_messages false\nlog_dest stderr\n\
         max_queued_messages 0\nallow_anonymous false\npassword_file {}\n",
        passwords.display()
    );
    let [ca, certificate, key] = ["ca", "broker", "broker-key"].map(|name| ground.pem(name));
    let free = ports::<5>();
    for (&transport, port) in transports.iter().zip(free) {
        let _ = writeln!(config, "listener {port} 127.0.0.1");
        if matches!(transport, Transport::Ws | Transport::Wss) {
            config += "protocol websockets\n";
        }
        if transport.is_secured() {
            let _ = writeln!(config, "cafile {ca}\ncertfile {certificate}\nkeyfile {key}");
        }
        if transport == Transport::MutualTls {
            config += "require_certificate true\n";
        }
    }
    let mut command = Command::new(program("mosquitto"));
    command
        .arg("-c")
        .arg(file(&folder, "mosquitto.conf", &config));
    let mut process = Process::start(command);
    process.await_words(" running");
    await_welcome(&mut process, free[0]);
    let mut running = Running::new(vec![process], folder);
    for (&transport, port) in transports.iter().zip(free) {
        for &version in (MOSQUITTO.speaks)(transport) {
            running = running.listening(transport, version, port, "/mqtt");
        }
    }
    running
}
