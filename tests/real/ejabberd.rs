//! ejabberd of the distribution with its MQTT service, in an Erlang of its own without distribution.
//!
//! It asks for certificates of clients, but takes a password instead: no mutual TLS.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use super::ground::{await_listener, await_welcome, file, ports};
use super::{Broker, Ground, PASSWORD, Refusals, Running, Transport, USER, Version};
use crate::interop::program;
use crate::support::Process;

pub const EJABBERD: Broker = Broker {
    name: "ejabberd",
    processes: &[&[
        Transport::Tcp,
        Transport::Tls,
        Transport::Ws,
        Transport::Wss,
    ]],
    speaks: |_| &[Version::V311, Version::V5],
    qos_max: 2,
    refusals: Refusals {
        password: "not_authorized",
        no_certificate: "",
        foreign_certificate: "",
        qos: "",
    },
    version,
    start,
};

fn version() -> String {
    let mut command = Command::new("dpkg-query");
    command.args(["--show", "--showformat=${Version}", "ejabberd"]);
    let ended = Process::start(command).finish();
    assert_eq!(
        ended.code(),
        0,
        "no ejabberd; tests/run --all-brokers installs it"
    );
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    // Without what the distribution counts.
    said.split('-').next().unwrap_or_default().to_owned()
}

/// Where the distribution puts its libraries: `/usr/lib/x86_64-linux-gnu`.
fn libraries() -> PathBuf {
    PathBuf::from(format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH))
}

fn start(ground: &Ground, transports: &[Transport]) -> Running {
    let folder = ground.room();
    let pem = ["broker-chain", "broker-key"]
        .map(|name| std::fs::read_to_string(ground.pem(name)).expect("a file of the ground"));
    let pem = file(&folder, "broker.pem", &pem.concat());
    let mut config = format!(
        "loglevel: warning\nhosts: [localhost]\ncertfiles: [\"{}\"]\nca_file: \"{}\"\n\
         auth_method: internal\nlisten:\n",
        pem.display(),
        ground.pem("ca")
    );
    let free = ports::<4>();
    for (transport, port) in transports.iter().zip(free) {
        let _ = writeln!(config, "  -\n    port: {port}\n    ip: \"127.0.0.1\"");
        config += match transport {
            Transport::Ws | Transport::Wss => {
                "    module: ejabberd_http\n    request_handlers: {/mqtt: mod_mqtt}\n"
            }
            _ => "    module: mod_mqtt\n",
        };
        if transport.is_secured() {
            config += "    tls: true\n";
        }
    }
    config += "modules:\n  mod_mqtt:\n    access_subscribe: {\"#\": [{allow: all}]}\n    \
               access_publish: {\"#\": [{allow: all}]}\n";
    let inside = |name: &str| folder.path().join(name);
    std::fs::create_dir(inside("log")).expect("a folder in a new folder");
    let register =
        format!("ejabberd_auth:try_register(<<\"{USER}\">>,<<\"localhost\">>,<<\"{PASSWORD}\">>).");
    let mut command = Command::new(program("erl"));
    command
        .args(["-noinput", "+S", "2:2", "+sbwt", "none"])
        .args(["-mnesia", "dir", &format!("\"{}\"", inside("db").display())])
        .args(["-s", "ejabberd", "-eval", &register])
        .env(
            "EJABBERD_CONFIG_PATH",
            file(&folder, "ejabberd.yml", &config),
        )
        .env("EJABBERD_LOG_PATH", inside("log/ejabberd.log"))
        .env("ERL_LIBS", libraries())
        .env("ERL_CRASH_DUMP_SECONDS", "0")
        .env("HOME", folder.path());
    let mut process = Process::start(command);
    await_welcome(&mut process, free[0]);
    for port in free.iter().take(transports.len()) {
        await_listener(&mut process, *port);
    }
    let mut running = Running::new(vec![process], folder);
    for (&transport, port) in transports.iter().zip(free) {
        for &version in (EJABBERD.speaks)(transport) {
            running = running.listening(transport, version, port, "/mqtt");
        }
    }
    running
}
