//! What the tenant is told to do: plain data, and the flag texts that fill it.
//!
//! Command-line definitions live in `cli`; they and `[tenant]` in a profile hand flag names and
//! texts to [`TenantOptions::set`]. Not here: anything that acts on an option.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

mod value;

use self::value::{
    address, choice, command_types, names, number, quantity, rate_per_s, size, stall, tokens,
    url_path,
};
use super::instances::Instances;
use super::tls::TlsFiles;
use crate::delay::Delay;
use crate::nearest::nearest;
use crate::profile::Definitions;
use crate::units::Share;

/// Whom a message reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// As Kaa's protocol communication service: replies and pushes go to the connection that
    /// last spoke for the endpoint, whether it subscribed or not; requests are not echoed.
    Kpc,
    /// As an MQTT broker: only to matching subscriptions, at most once per connection.
    Broker,
}

/// Which paths the data collection extension accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paths {
    /// `json` only; the others get an error.
    Strict,
    /// `json` only; the others get no answer.
    Silent,
    /// Also `plain/{metric}`.
    Relaxed,
}

/// What is answered to an endpoint that reads or deletes metadata it does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbsentKeys {
    /// As if it had not named them.
    Omit,
    /// An error, and nothing is deleted.
    Error,
}

/// On which topic an endpoint that asked to observe a resource is told of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObserveReplies {
    /// On the reply topic of the request that asked for it, with its ID.
    Request,
    /// On the resource's own topic, without an ID.
    Resource,
}

/// What a configuration is that was reported with a status of 300 to 399.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// Applied.
    Applied,
    /// Rejected, as everything that is not 2xx.
    Rejected,
}

/// What a Kaa endpoint is sent when it speaks on a connection for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConnect {
    /// Nothing; it has no configuration before one is pushed.
    Nothing,
    /// The latest configurations that it has not applied; it has one from the start.
    Configuration,
}

/// A pause in which the whole tenant freezes, counted from the first PUBLISH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// Nanoseconds from the first PUBLISH to the beginning.
    pub after_ns: u64,
    /// Length in nanoseconds.
    pub for_ns: u64,
}

/// How the simulated tenant behaves. [`TenantOptions::default`] answers at once and faultlessly.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantOptions {
    /// `listen`: address; port 0 takes a free one. Default `127.0.0.1:1883`.
    pub listen: SocketAddr,
    /// `delivery`: default [`Delivery::Kpc`].
    pub delivery: Delivery,
    /// `service-time`: drawn for each reply. Default zero.
    pub service_time: Delay,
    /// `servers`: 0 (default) = each reply takes its own time; N = one queue, N servers.
    pub servers: u32,
    /// `stall`: default none.
    pub stall: Option<Stall>,
    /// `outage`: a pause in which the tenant is gone, with all connections. Default none.
    pub outage: Option<Stall>,
    /// `error-rate`: share (0 to 1) of ok replies that become errors (500). Default 0.
    pub error_rate: f64,
    /// `loss`: share of replies that are not sent. Default 0.
    pub loss: f64,
    /// `duplicate`: share of replies that are sent twice. Default 0.
    pub duplicate: f64,
    /// `misdirect`: share of replies that go to another connection. Default 0.
    pub misdirect: f64,
    /// `orphan`: share of replies that are followed by one to a request that nobody made. Default 0.
    pub orphan: f64,
    /// `disconnect-rate`: connections closed per second, at random. Default 0.
    pub disconnect_rate: f64,
    /// `commands`: commands pushed per second, to random endpoints. Default 0.
    pub commands: f64,
    /// `config-push`: configurations pushed per second, to random endpoints. Default 0.
    pub config_push: f64,
    /// `relaxed-paths`: default [`Paths::Strict`].
    pub paths: Paths,
    /// `read-only-keys`: metadata keys that an endpoint must not write. Default none.
    pub read_only_keys: BTreeSet<String>,
    /// `applications`: application version names that are known. Default: any.
    pub applications: Option<BTreeSet<String>>,
    /// `tokens`: endpoint tokens that are known. Default: any.
    pub tokens: Option<BTreeSet<String>>,
    /// `instances`: names of Kaa's extension instances. Default: those of the extensions.
    pub instances: Instances,
    /// `unreadable-keys`: metadata keys that an endpoint must not read. Default none.
    pub unreadable_keys: BTreeSet<String>,
    /// `absent-keys`: default [`AbsentKeys::Omit`].
    pub absent_keys: AbsentKeys,
    /// `observe-replies`: default [`ObserveReplies::Request`].
    pub observe_replies: ObserveReplies,
    /// `redirect-status`: default [`Redirects::Rejected`].
    pub redirects: Redirects,
    /// `config-on-connect`: default [`OnConnect::Nothing`].
    pub on_connect: OnConnect,
    /// `command-types`: what the tenant pushes, 1 to 16 names in turn. Default `set_power`.
    pub command_types: Vec<String>,
    /// `commands-per-push`: new commands in one push to a Kaa endpoint, 1 to 64. Default 1.
    pub commands_per_push: u32,
    /// `command-redelivery`: share of pushes to Kaa endpoints that repeat all outstanding
    /// commands of their type. Default 0.
    pub command_redelivery: f64,
    /// `seed` of delays, faults and pushes. Default 42.
    pub seed: u64,
    /// `arrivals`: file for the instants of all PUBLISH packets. Default none.
    pub arrivals: Option<PathBuf>,
    /// `user`: CONNECT must carry this user name. Default: not checked.
    pub user: Option<String>,
    /// `password`: CONNECT must carry this password. Default: not checked.
    pub password: Option<String>,
    /// `tls-certificate`, `tls-key`, `tls-client-ca`. Default: no TLS.
    pub tls: TlsFiles,
    /// `websocket`: where a connection becomes a WebSocket, from `/` on. Default: none does.
    pub websocket: Option<String>,
    /// `max-packet`: largest packet accepted, in bytes, 1 KiB to 256 MiB. Default 17 MiB.
    pub max_packet: usize,
    /// Requests and inbound messages of platforms that the tenant does not know by itself.
    /// Default none.
    pub definitions: Definitions,
    /// `buffer-per-connection`: bytes that may wait for one connection's socket; a client that
    /// lets more pile up is disconnected. Default 4 MiB.
    pub buffer_per_connection: usize,
}

impl Default for TenantOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 1883)),
            delivery: Delivery::Kpc,
            service_time: Delay::ZERO,
            servers: 0,
            stall: None,
            outage: None,
            error_rate: 0.0,
            loss: 0.0,
            duplicate: 0.0,
            misdirect: 0.0,
            orphan: 0.0,
            disconnect_rate: 0.0,
            commands: 0.0,
            config_push: 0.0,
            paths: Paths::Strict,
            read_only_keys: BTreeSet::new(),
            applications: None,
            tokens: None,
            instances: Instances::default(),
            unreadable_keys: BTreeSet::new(),
            absent_keys: AbsentKeys::Omit,
            observe_replies: ObserveReplies::Request,
            redirects: Redirects::Rejected,
            on_connect: OnConnect::Nothing,
            command_types: vec!["set_power".to_owned()],
            commands_per_push: 1,
            command_redelivery: 0.0,
            seed: 42,
            arrivals: None,
            user: None,
            password: None,
            tls: TlsFiles::default(),
            websocket: None,
            definitions: Definitions::default(),
            max_packet: 17 << 20,
            buffer_per_connection: 4 << 20,
        }
    }
}

/// Every flag of [`TenantOptions::set`], in the order of the manual.
pub const FLAGS: [&str; 37] = [
    "listen",
    "delivery",
    "service-time",
    "servers",
    "stall",
    "outage",
    "error-rate",
    "loss",
    "duplicate",
    "misdirect",
    "orphan",
    "disconnect-rate",
    "commands",
    "config-push",
    "relaxed-paths",
    "read-only-keys",
    "applications",
    "tokens",
    "instances",
    "unreadable-keys",
    "absent-keys",
    "observe-replies",
    "redirect-status",
    "config-on-connect",
    "command-types",
    "commands-per-push",
    "command-redelivery",
    "seed",
    "arrivals",
    "user",
    "password",
    "tls-certificate",
    "tls-key",
    "tls-client-ca",
    "websocket",
    "max-packet",
    "buffer-per-connection",
];

impl TenantOptions {
    /// Sets the option of one flag (without dashes; `_` counts as `-`) from its text.
    ///
    /// # Errors
    /// A sentence that names the flag and says what is wrong: unknown flag, malformed value,
    /// or a token file that cannot be read.
    pub fn set(&mut self, flag: &str, value: &str) -> Result<(), String> {
        let name = flag.replace('_', "-");
        self.assign(&name, value.trim())
            .map_err(|problem| format!("{name}: {problem}"))
    }

    fn assign(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "listen" => self.listen = address(value)?,
            "delivery" => {
                self.delivery = choice(
                    value,
                    &[("kpc", Delivery::Kpc), ("broker", Delivery::Broker)],
                )?;
            }
            "service-time" => self.service_time = quantity(value)?,
            "servers" => self.servers = number(value, 0, 100_000)?,
            "stall" => self.stall = Some(stall(value)?),
            "outage" => self.outage = Some(stall(value)?),
            "error-rate" => self.error_rate = quantity::<Share>(value)?.0,
            "loss" => self.loss = quantity::<Share>(value)?.0,
            "duplicate" => self.duplicate = quantity::<Share>(value)?.0,
            "misdirect" => self.misdirect = quantity::<Share>(value)?.0,
            "orphan" => self.orphan = quantity::<Share>(value)?.0,
            "disconnect-rate" => self.disconnect_rate = rate_per_s(value)?,
            "commands" => self.commands = rate_per_s(value)?,
            "config-push" => self.config_push = rate_per_s(value)?,
            "relaxed-paths" => {
                self.paths = choice(
                    value,
                    &[
                        ("on", Paths::Relaxed),
                        ("off", Paths::Strict),
                        ("silent", Paths::Silent),
                    ],
                )?;
            }
            "read-only-keys" => self.read_only_keys = names(value),
            "applications" => self.applications = Some(names(value)),
            "tokens" => self.tokens = Some(tokens(value)?),
            "seed" => {
                self.seed = value
                    .parse()
                    .map_err(|_| format!("'{value}' is not a seed"))?;
            }
            "arrivals" => self.arrivals = Some(PathBuf::from(value)),
            "user" => self.user = Some(value.to_owned()),
            "password" => self.password = Some(value.to_owned()),
            "tls-certificate" => self.tls.certificate = Some(PathBuf::from(value)),
            "tls-key" => self.tls.key = Some(PathBuf::from(value)),
            "tls-client-ca" => self.tls.client_ca = Some(PathBuf::from(value)),
            "websocket" => self.websocket = Some(url_path(value)?),
            "max-packet" => self.max_packet = size(value, 1 << 10, 256 << 20)?,
            "buffer-per-connection" => {
                self.buffer_per_connection = size(value, 1 << 10, 1 << 30)?;
            }
            _ => return self.assign_kaa(name, value),
        }
        Ok(())
    }

    /// What Kaa leaves open, and what it lets every tenant set.
    fn assign_kaa(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "instances" => self.instances = value.parse()?,
            "unreadable-keys" => self.unreadable_keys = names(value),
            "absent-keys" => {
                self.absent_keys = choice(
                    value,
                    &[("omit", AbsentKeys::Omit), ("error", AbsentKeys::Error)],
                )?;
            }
            "observe-replies" => {
                self.observe_replies = choice(
                    value,
                    &[
                        ("request", ObserveReplies::Request),
                        ("resource", ObserveReplies::Resource),
                    ],
                )?;
            }
            "redirect-status" => {
                self.redirects = choice(
                    value,
                    &[
                        ("applied", Redirects::Applied),
                        ("rejected", Redirects::Rejected),
                    ],
                )?;
            }
            "config-on-connect" => {
                self.on_connect = choice(
                    value,
                    &[
                        ("on", OnConnect::Configuration),
                        ("off", OnConnect::Nothing),
                    ],
                )?;
            }
            "command-types" => self.command_types = command_types(value)?,
            "commands-per-push" => self.commands_per_push = number(value, 1, 64)?,
            "command-redelivery" => self.command_redelivery = quantity::<Share>(value)?.0,
            _ => return Err(unknown_flag(name)),
        }
        Ok(())
    }
}

fn unknown_flag(name: &str) -> String {
    match nearest(name, FLAGS.into_iter()) {
        Some(near) => format!("no such option of the tenant; did you mean '{near}'?"),
        None => format!("no such option of the tenant; it has {}", FLAGS.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn with(flag: &str, value: &str) -> TenantOptions {
        let mut options = TenantOptions::default();
        options.set(flag, value).unwrap();
        options
    }

    #[test]
    fn every_flag_of_the_manual_is_read() {
        assert_eq!(with("listen", "127.0.0.1:0").listen.port(), 0);
        assert_eq!(with("delivery", "broker").delivery, Delivery::Broker);
        assert_eq!(
            with("service-time", "2ms").service_time,
            Delay::Fixed(Duration::from_millis(2))
        );
        assert_eq!(
            with("service_time", "exp:1ms").service_time,
            Delay::Exponential(Duration::from_millis(1))
        );
        assert_eq!(with("servers", "4").servers, 4);
        let stall = Stall {
            after_ns: 5_000_000_000,
            for_ns: 500_000_000,
        };
        assert_eq!(with("stall", "5s+500ms").stall, Some(stall));
        assert_eq!(with("outage", "5s+500ms").outage, Some(stall));
        assert_eq!(
            with("error-rate", "2%").error_rate.to_bits(),
            0.02_f64.to_bits()
        );
        assert_eq!(with("loss", "0.01").loss.to_bits(), 0.01_f64.to_bits());
        assert_eq!(
            with("duplicate", "1").duplicate.to_bits(),
            1.0_f64.to_bits()
        );
        assert_eq!(
            with("misdirect", "5%").misdirect.to_bits(),
            0.05_f64.to_bits()
        );
        assert_eq!(with("orphan", "1%").orphan.to_bits(), 0.01_f64.to_bits());
        assert_eq!(
            with("disconnect-rate", "3/s").disconnect_rate.to_bits(),
            3.0_f64.to_bits()
        );
        assert_eq!(
            with("commands", "50/s").commands.to_bits(),
            50.0_f64.to_bits()
        );
        assert_eq!(
            with("config-push", "1/s").config_push.to_bits(),
            1.0_f64.to_bits()
        );
        assert_eq!(with("seed", "7").seed, 7);
        assert_eq!(with("max-packet", "65_536").max_packet, 65_536);
        assert_eq!(
            with("buffer-per-connection", "2KiB").buffer_per_connection,
            2_048
        );
    }

    #[test]
    fn names_and_paths_are_kept_as_they_are_written() {
        assert_eq!(with("relaxed-paths", "on").paths, Paths::Relaxed);
        assert_eq!(with("relaxed-paths", "silent").paths, Paths::Silent);
        assert_eq!(
            with("read-only-keys", "serial, model").read_only_keys.len(),
            2
        );
        assert!(
            with("applications", "app-v1")
                .applications
                .unwrap()
                .contains("app-v1")
        );
        assert_eq!(with("tokens", "a,b").tokens.unwrap().len(), 2);
        assert_eq!(
            with("arrivals", "a.bin").arrivals,
            Some(PathBuf::from("a.bin"))
        );
        assert_eq!(with("user", "u").user.as_deref(), Some("u"));
        assert_eq!(with("password", "p").password.as_deref(), Some("p"));
        assert_eq!(with("websocket", "/mqtt").websocket.unwrap(), "/mqtt");
    }

    #[test]
    fn files_of_tls_are_kept_by_name() {
        let mut options = TenantOptions::default();
        for flag in ["tls-certificate", "tls-key", "tls-client-ca"] {
            options.set(flag, flag).expect("a path");
        }
        let path = |name: &str| Some(PathBuf::from(name));
        assert_eq!(options.tls.certificate, path("tls-certificate"));
        assert_eq!(options.tls.key, path("tls-key"));
        assert_eq!(options.tls.client_ca, path("tls-client-ca"));
    }

    #[test]
    fn every_flag_of_kaa_is_read() {
        assert_eq!(
            with("instances", "dcx=data").instances.to_string(),
            "dcx=data,epmx=epmx,cex=cex,cmx=cmx,cmx_ota=cmx_ota,bcx=bcx"
        );
        assert_eq!(with("unreadable-keys", "a,b").unreadable_keys.len(), 2);
        assert_eq!(with("absent-keys", "error").absent_keys, AbsentKeys::Error);
        assert_eq!(
            with("observe-replies", "resource").observe_replies,
            ObserveReplies::Resource
        );
        assert_eq!(
            with("redirect-status", "applied").redirects,
            Redirects::Applied
        );
        assert_eq!(
            with("config-on-connect", "on").on_connect,
            OnConnect::Configuration
        );
        assert_eq!(
            with("command-types", "set_power, reboot").command_types,
            ["set_power", "reboot"]
        );
        assert_eq!(with("commands-per-push", "3").commands_per_push, 3);
        assert_eq!(
            with("command-redelivery", "10%")
                .command_redelivery
                .to_bits(),
            0.1_f64.to_bits()
        );
    }

    #[test]
    fn tokens_come_from_a_file_too() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, b"ep-1\nep-2\n\n").unwrap();
        let tokens = with("tokens", file.path().to_str().unwrap())
            .tokens
            .unwrap();
        assert_eq!(tokens.into_iter().collect::<Vec<_>>(), ["ep-1", "ep-2"]);
    }

    #[test]
    fn a_wrong_flag_or_value_is_a_sentence() {
        let mut options = TenantOptions::default();
        for (flag, value) in [
            ("listen", "nowhere"),
            ("delivery", "pigeon"),
            ("servers", "-1"),
            ("service-time", "gauss:1ms"),
            ("stall", "5s"),
            ("outage", "5s"),
            ("stall", "5s+9000h"),
            ("loss", "2"),
            ("commands", "2_000_000/s"),
            ("relaxed-paths", "maybe"),
            ("instances", "dcx"),
            ("absent-keys", "maybe"),
            ("observe-replies", "no"),
            ("redirect-status", "300"),
            ("config-on-connect", "1"),
            ("command-types", ""),
            ("command-types", "a,a"),
            ("command-types", "42"),
            ("command-types", "a/b"),
            ("command-types", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"),
            ("commands-per-push", "0"),
            ("commands-per-push", "65"),
            ("command-redelivery", "2"),
            ("seed", "x"),
            ("websocket", "mqtt"),
            ("websocket", "/a b"),
            ("tokens", "./no/such/file"),
            ("max-packet", "1"),
            ("max-packet", "1B"),
            ("max-packet", ""),
        ] {
            let problem = options.set(flag, value).unwrap_err();
            assert!(problem.starts_with(flag), "{problem}");
        }
        assert_eq!(
            options.set("commands", "50").unwrap_err(),
            r#"commands: the rate "50" does not say per what; write "50/s""#
        );
        assert_eq!(
            options.set("stall", "0s+500").unwrap_err(),
            r#"stall: the duration "500" has no unit; write "500s""#
        );
        let problem = options.set("servce-time", "1ms").unwrap_err();
        assert!(problem.contains("'service-time'"), "{problem}");
        let problem = options.set("colour", "blue").unwrap_err();
        assert!(problem.contains("it has listen, "), "{problem}");
        assert_eq!(options, TenantOptions::default());
    }

    #[test]
    fn the_list_of_flags_is_the_list_that_is_read() {
        for flag in FLAGS {
            let mut options = TenantOptions::default();
            let problem = options.set(flag, "\u{0}").err().unwrap_or_default();
            assert!(!problem.contains("no such option"), "{flag}");
        }
    }
}
