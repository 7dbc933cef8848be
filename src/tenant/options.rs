//! What the tenant is told to do: plain data, and the flag texts that fill it.
//!
//! Command-line definitions live in `cli`; they and `[tenant]` in a profile hand flag names and
//! texts to [`TenantOptions::set`]. Not here: anything that acts on an option.

use std::collections::BTreeSet;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::delay::Delay;
use crate::nearest::nearest;
use crate::profile::Definitions;
use crate::units::{Bytes, Rate, Share, Span, UnitError, nanoseconds};

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
    /// `json` only.
    Strict,
    /// Also `plain/{metric}`.
    Relaxed,
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
    /// `error-rate`: share (0 to 1) of ok replies that become errors (500). Default 0.
    pub error_rate: f64,
    /// `loss`: share of replies that are not sent. Default 0.
    pub loss: f64,
    /// `duplicate`: share of replies that are sent twice. Default 0.
    pub duplicate: f64,
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
    /// `seed` of delays, faults and pushes. Default 42.
    pub seed: u64,
    /// `arrivals`: file for the instants of all PUBLISH packets. Default none.
    pub arrivals: Option<PathBuf>,
    /// `user`: CONNECT must carry this user name. Default: not checked.
    pub user: Option<String>,
    /// `password`: CONNECT must carry this password. Default: not checked.
    pub password: Option<String>,
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
            error_rate: 0.0,
            loss: 0.0,
            duplicate: 0.0,
            disconnect_rate: 0.0,
            commands: 0.0,
            config_push: 0.0,
            paths: Paths::Strict,
            read_only_keys: BTreeSet::new(),
            applications: None,
            tokens: None,
            seed: 42,
            arrivals: None,
            user: None,
            password: None,
            definitions: Definitions::default(),
            max_packet: 17 << 20,
            buffer_per_connection: 4 << 20,
        }
    }
}

/// No stall begins later or lasts longer: a year.
const LONGEST: Duration = Duration::from_hours(365 * 24);
/// No rate is higher: beyond it the tenant would do nothing else.
const FASTEST: Rate = Rate(1e6);

/// Every flag of [`TenantOptions::set`], in the order of the manual.
pub const FLAGS: [&str; 21] = [
    "listen",
    "delivery",
    "service-time",
    "servers",
    "stall",
    "error-rate",
    "loss",
    "duplicate",
    "disconnect-rate",
    "commands",
    "config-push",
    "relaxed-paths",
    "read-only-keys",
    "applications",
    "tokens",
    "seed",
    "arrivals",
    "user",
    "password",
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
            "error-rate" => self.error_rate = quantity::<Share>(value)?.0,
            "loss" => self.loss = quantity::<Share>(value)?.0,
            "duplicate" => self.duplicate = quantity::<Share>(value)?.0,
            "disconnect-rate" => self.disconnect_rate = rate_per_s(value)?,
            "commands" => self.commands = rate_per_s(value)?,
            "config-push" => self.config_push = rate_per_s(value)?,
            "relaxed-paths" => {
                self.paths = choice(value, &[("on", Paths::Relaxed), ("off", Paths::Strict)])?;
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
            "max-packet" => self.max_packet = size(value, 1 << 10, 256 << 20)?,
            "buffer-per-connection" => {
                self.buffer_per_connection = size(value, 1 << 10, 1 << 30)?;
            }
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

fn address(value: &str) -> Result<SocketAddr, String> {
    let mut found = value.to_socket_addrs().map_err(|problem| {
        format!("'{value}' is not an address such as 127.0.0.1:1883: {problem}")
    })?;
    found
        .next()
        .ok_or_else(|| format!("'{value}' has no address"))
}

fn choice<T: Copy>(value: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices
        .iter()
        .find(|(name, _)| *name == value)
        .map(|&(_, choice)| choice)
        .ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            format!("'{value}' is neither {}", names.join(" nor "))
        })
}

fn number(value: &str, lowest: u32, highest: u32) -> Result<u32, String> {
    let parsed = value.replace('_', "").parse().ok();
    parsed
        .filter(|n| (lowest..=highest).contains(n))
        .ok_or_else(|| format!("'{value}' is not a number from {lowest} to {highest}"))
}

fn stall(value: &str) -> Result<Stall, String> {
    let (after, length) = value
        .split_once('+')
        .ok_or_else(|| format!("'{value}' is not AT+FOR, such as 5s+500ms"))?;
    Ok(Stall {
        after_ns: duration_ns(after)?,
        for_ns: duration_ns(length)?,
    })
}

/// A quantity with its unit; what is wrong with it, and what to write instead.
fn quantity<T: FromStr<Err = UnitError>>(value: &str) -> Result<T, String> {
    value.parse().map_err(|wrong: UnitError| wrong.to_string())
}

/// In nanoseconds.
fn duration_ns(value: &str) -> Result<u64, String> {
    let Span(duration) = quantity(value)?;
    if duration > LONGEST {
        let problem = format!("the duration {value:?} is too long");
        return Err(UnitError::new(problem, format!("at most \"{}\"", Span(LONGEST))).to_string());
    }
    Ok(nanoseconds(duration))
}

fn rate_per_s(value: &str) -> Result<f64, String> {
    let rate: Rate = quantity(value)?;
    if rate > FASTEST {
        let problem = format!("the rate {value:?} is too high");
        return Err(UnitError::new(problem, format!("at most \"{FASTEST}\"")).to_string());
    }
    Ok(rate.0)
}

/// In bytes; a bare number is one of bytes.
fn size(value: &str, lowest: u32, highest: u32) -> Result<usize, String> {
    if value
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'_')
    {
        return Ok(number(value, lowest, highest)? as usize);
    }
    let Bytes(size) = quantity(value)?;
    if !(u64::from(lowest)..=u64::from(highest)).contains(&size) {
        let [lowest, highest] = [lowest, highest].map(|bytes| Bytes(u64::from(bytes)));
        return Err(format!(
            "{value:?} is not a size from {lowest} to {highest}"
        ));
    }
    Ok(size as usize)
}

/// `a, b,c`: the names between commas (or lines), without the empty ones.
fn names(value: &str) -> BTreeSet<String> {
    value
        .split([',', '\n', '\r'])
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A value that names a file is that file's lines, anything else a comma list.
fn tokens(value: &str) -> Result<BTreeSet<String>, String> {
    let is_file = value.contains('/') || std::path::Path::new(value).is_file();
    if !is_file {
        return Ok(names(value));
    }
    let content =
        std::fs::read_to_string(value).map_err(|problem| format!("{value}: {problem}"))?;
    Ok(names(&content))
}

#[cfg(test)]
mod tests {
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
        assert_eq!(with("relaxed-paths", "on").paths, Paths::Relaxed);
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
        assert_eq!(with("seed", "7").seed, 7);
        assert_eq!(
            with("arrivals", "a.bin").arrivals,
            Some(PathBuf::from("a.bin"))
        );
        assert_eq!(with("user", "u").user.as_deref(), Some("u"));
        assert_eq!(with("password", "p").password.as_deref(), Some("p"));
        assert_eq!(with("max-packet", "65_536").max_packet, 65_536);
        assert_eq!(
            with("buffer-per-connection", "2KiB").buffer_per_connection,
            2_048
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
            ("stall", "5s+9000h"),
            ("loss", "2"),
            ("commands", "2_000_000/s"),
            ("relaxed-paths", "maybe"),
            ("seed", "x"),
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
