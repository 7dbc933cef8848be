//! `RabbitMQ` of the distribution, without any of its services: a node, and the port mapper that Erlang's
//! nodes need, each a process of the test.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::ground::{await_listener, await_welcome, file, ports};
use super::{Broker, Ground, PASSWORD, Refusals, Running, Transport, USER, Version};
use crate::interop::program;
use crate::support::Process;

pub const RABBITMQ: Broker = Broker {
    name: "RabbitMQ",
    // Whether certificates are asked for is one setting for all listeners.
    processes: &[
        &[
            Transport::Tcp,
            Transport::Tls,
            Transport::Ws,
            Transport::Wss,
        ],
        &[Transport::MutualTls],
    ],
    speaks: |_| &[Version::V311],
    qos_max: 1,
    refusals: Refusals {
        password: "bad_credentials",
        no_certificate: "tls_no_client_certificate",
        foreign_certificate: "tls_client_certificate",
        // It answers with a PUBACK.
        qos: "protocol",
    },
    version,
    start,
};

/// Where the distribution puts it.
const PACKAGE: &str = "/usr/lib/rabbitmq";

fn version() -> String {
    let installed = Path::new(PACKAGE).join("lib");
    let entries = std::fs::read_dir(&installed).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; tests/run --all-brokers installs it",
            installed.display()
        )
    });
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut versions = names.filter_map(|name| {
        let name = name.to_string_lossy().into_owned();
        name.strip_prefix("rabbitmq_server-").map(str::to_owned)
    });
    versions.next().expect("the package has a version")
}

fn start(ground: &Ground, transports: &[Transport]) -> Running {
    let folder = ground.room();
    let [tcp, tls, ws, wss, mapper, own] = ports();
    let mutual = transports.contains(&Transport::MutualTls);
    let [ca, certificate, key] = ["ca", "broker", "broker-key"].map(|name| ground.pem(name));
    let verify = if mutual { "verify_peer" } else { "verify_none" };
    let config = format!(
        "listeners.tcp = none\nlog.console = true\nlog.console.level = warning\nlog.file = false\n\
         disk_free_limit.absolute = 50MB\nloopback_users = none\n\
         default_user = {USER}\ndefault_pass = {PASSWORD}\nmqtt.allow_anonymous = false\n\
         mqtt.listeners.tcp.1 = 127.0.0.1:{tcp}\nmqtt.listeners.ssl.1 = 127.0.0.1:{tls}\n\
         ssl_options.cacertfile = {ca}\nssl_options.certfile = {certificate}\nssl_options.keyfile = {key}\n\
         ssl_options.verify = {verify}\nssl_options.fail_if_no_peer_cert = {mutual}\n\
         web_mqtt.tcp.ip = 127.0.0.1\nweb_mqtt.tcp.port = {ws}\n\
         web_mqtt.ssl.ip = 127.0.0.1\nweb_mqtt.ssl.port = {wss}\nweb_mqtt.ssl.cacertfile = {ca}\n\
         web_mqtt.ssl.certfile = {certificate}\nweb_mqtt.ssl.keyfile = {key}\n"
    );
    let mut command = Command::new(program("epmd"));
    command.args(["-address", "127.0.0.1", "-port", &mapper.to_string()]);
    let mut epmd = Process::start(command);
    await_listener(&mut epmd, mapper);
    let inside = |name: &str| -> PathBuf { folder.path().join(name) };
    let plugins = file(&folder, "plugins", "[rabbitmq_mqtt,rabbitmq_web_mqtt].\n");
    let mut command = Command::new(Path::new(PACKAGE).join("bin/rabbitmq-server"));
    command
        .env("HOME", folder.path())
        .env("RABBITMQ_NODENAME", format!("midge{tcp}@localhost"))
        .env(
            "RABBITMQ_CONFIG_FILE",
            file(&folder, "rabbitmq.conf", &config),
        )
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", plugins)
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("RABBITMQ_MNESIA_BASE", inside("mnesia"))
        .env("RABBITMQ_LOG_BASE", inside("log"))
        .env("RABBITMQ_PID_FILE", inside("pid"))
        .env("RABBITMQ_DIST_PORT", own.to_string())
        .env("ERL_EPMD_PORT", mapper.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("LC_ALL", "C.UTF-8")
        .env(
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none",
        )
        // Erlang takes the place of the script: whoever ends the process ends the node.
        .env("RABBITMQ_ALLOW_INPUT", "1")
        .env("RABBITMQ_SERVER_START_ARGS", "-noinput");
    let mut node = Process::start(command);
    await_welcome(&mut node, tcp);
    let last = if mutual { tls } else { wss };
    await_listener(&mut node, last);
    let mut running = Running::new(vec![node, epmd], folder);
    for &transport in transports {
        let port = match transport {
            Transport::Tcp => tcp,
            Transport::Tls | Transport::MutualTls => tls,
            Transport::Ws => ws,
            Transport::Wss => wss,
        };
        running = running.listening(transport, Version::V311, port, "/ws");
    }
    running
}
