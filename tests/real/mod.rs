//! Brokers of other makers, one in each file: how it is started, what it offers, how it says no.
//!
//! A module of each test binary that needs it (`mod real;`, beside `mod support;`). Each of them listens on
//! free ports of 127.0.0.1, wants a user name and a password, keeps what it writes in a temporary folder, and
//! ends with the value that stands for it. Not here: what is sent through them.
#![allow(
    dead_code,
    unused_imports,
    reason = "a module of several test binaries, each of which uses a part"
)]

mod ejabberd;
mod ground;
mod mosquitto;
mod nats;
mod rabbitmq;
mod rumqttd;

pub use ejabberd::EJABBERD;
pub use ground::{Ground, PASSWORD, USER};
pub use mosquitto::MOSQUITTO;
pub use nats::NATS;
pub use rabbitmq::RABBITMQ;
pub use rumqttd::RUMQTTD;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::support::Process;

/// How connections get to a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    Tcp,
    /// The broker shows a certificate.
    Tls,
    /// Both sides show one.
    MutualTls,
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Transport {
    pub const ALL: [Self; 5] = [Self::Tcp, Self::Tls, Self::MutualTls, Self::Ws, Self::Wss];

    /// As people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::MutualTls => "mutual TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// Whether the broker shows a certificate.
    pub const fn is_secured(self) -> bool {
        matches!(self, Self::Tls | Self::MutualTls | Self::Wss)
    }
}

/// A version of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Version {
    #[serde(rename = "3.1.1")]
    V311,
    #[serde(rename = "5")]
    V5,
}

impl Version {
    /// As profiles and people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V311 => "3.1.1",
            Self::V5 => "5",
        }
    }
}

/// What there is to know about a broker before it is asked.
#[derive(Debug)]
pub struct Broker {
    pub name: &'static str,
    /// What one process of it offers at once; together, all that it offers.
    pub processes: &'static [&'static [Transport]],
    /// Which versions it speaks over one of these.
    pub speaks: fn(Transport) -> &'static [Version],
    /// Highest `QoS` that it keeps.
    pub qos_max: u8,
    pub refusals: Refusals,
    /// The one that is installed.
    pub version: fn() -> String,
    /// Starts a process that offers these; it takes clients when this returns.
    pub start: fn(&Ground, &[Transport]) -> Running,
}

/// The class under which the program counts how a broker says no. Empty: it never has to.
#[derive(Debug)]
pub struct Refusals {
    /// To a wrong password.
    pub password: &'static str,
    /// To a connection that shows no certificate, over mutual TLS.
    pub no_certificate: &'static str,
    /// To one that shows a certificate of somebody's whom the broker does not know.
    pub foreign_certificate: &'static str,
    /// To a message of the `QoS` above the highest.
    pub qos: &'static str,
}

/// A process of a broker, with helpers if it needs any.
#[derive(Debug)]
pub struct Running {
    /// Ended in this order.
    pub processes: Vec<Process>,
    /// Where it listens.
    pub doors: Vec<Door>,
    /// What it writes; goes last.
    folder: TempDir,
}

/// A place where a broker listens.
#[derive(Debug, Clone)]
pub struct Door {
    pub transport: Transport,
    pub version: Version,
    pub url: String,
}

impl Running {
    pub fn new(processes: Vec<Process>, folder: TempDir) -> Self {
        Self {
            processes,
            doors: Vec::new(),
            folder,
        }
    }

    /// Adds a port with a path, for one version.
    #[must_use]
    pub fn listening(
        mut self,
        transport: Transport,
        version: Version,
        port: u16,
        path: &str,
    ) -> Self {
        // Names are what certificates are for; brokers of some makers refuse an address as a name.
        let url = match transport {
            Transport::Tcp => format!("mqtt://127.0.0.1:{port}"),
            Transport::Tls | Transport::MutualTls => format!("mqtts://localhost:{port}"),
            Transport::Ws => format!("ws://127.0.0.1:{port}{path}"),
            Transport::Wss => format!("wss://localhost:{port}{path}"),
        };
        self.doors.push(Door {
            transport,
            version,
            url,
        });
        self
    }
}
