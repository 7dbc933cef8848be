//! `midge tenant`: the simulated tenant alone, where it listens or as clients of a broker.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use clap::{Args, value_parser};

use super::attach::AttachArgs;
use super::signals::{Signals, Wake};
use super::{Failure, limits, print_data, simulated};
use crate::profile::{self, Definitions};
use crate::report::Exit;
use crate::tenant::{self, Tenant, TenantOptions};

/// Flags of `midge tenant`. Values are read by the tenant's own options, which name what is wrong.
#[derive(Debug, Args)]
#[command(after_help = super::attach::HELP)]
pub(super) struct TenantArgs {
    #[command(flatten)]
    attach: AttachArgs,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1883")]
    listen: String,
    /// kpc: replies reach the endpoint's connection without a subscription; broker: only with one
    #[arg(long, value_name = "kpc|broker", conflicts_with = "attach")]
    delivery: Option<String>,
    /// fixed:2ms | exp:10ms | lognormal:5ms,0.5 | bimodal:1ms,50ms,1% (drawn for each reply)
    #[arg(long, value_name = "DELAY")]
    service_time: Option<String>,
    /// One queue with N servers instead of a delay for each reply
    #[arg(long, value_name = "N")]
    servers: Option<String>,
    /// Freeze once: AT after the first PUBLISH, FOR so long (20s+2s)
    #[arg(long, value_name = "AT+FOR")]
    stall: Option<String>,
    /// Be gone once, with all connections: AT after the first PUBLISH, FOR so long (20s+2s)
    #[arg(long, value_name = "AT+FOR")]
    outage: Option<String>,
    /// Share of replies that become errors
    #[arg(long, value_name = "SHARE")]
    error_rate: Option<String>,
    /// Share of replies that are not sent
    #[arg(long, value_name = "SHARE")]
    loss: Option<String>,
    /// Share of replies that are sent twice
    #[arg(long, value_name = "SHARE")]
    duplicate: Option<String>,
    /// Share of replies that are sent to another connection instead
    #[arg(long, value_name = "SHARE", conflicts_with = "attach")]
    misdirect: Option<String>,
    /// Share of replies that are followed by one to a request that nobody made
    #[arg(long, value_name = "SHARE")]
    orphan: Option<String>,
    /// Connections closed at random
    #[arg(long, value_name = "RATE")]
    disconnect_rate: Option<String>,
    /// Commands pushed to random endpoints
    #[arg(long, value_name = "RATE")]
    commands: Option<String>,
    /// Configurations pushed to random endpoints
    #[arg(long, value_name = "RATE")]
    config_push: Option<String>,
    /// Whether plain values have paths; without, they get an error, or no answer
    #[arg(long, value_name = "on|off|silent")]
    relaxed_paths: Option<String>,
    /// Metadata keys that endpoints must not write
    #[arg(long, value_name = "KEY,KEY")]
    read_only_keys: Option<String>,
    /// Application versions that are known (default: any)
    #[arg(long, value_name = "NAME,NAME")]
    applications: Option<String>,
    /// Endpoint tokens that are known: a list, or a file (default: any)
    #[arg(long, value_name = "LIST|FILE")]
    tokens: Option<String>,
    /// Names of Kaa's extension instances; an extension may have several
    #[arg(long, value_name = "dcx=NAME,epmx=NAME,...")]
    instances: Option<String>,
    /// Metadata keys that endpoints must not read
    #[arg(long, value_name = "KEY,KEY")]
    unreadable_keys: Option<String>,
    /// Metadata that an endpoint reads or deletes and does not have
    #[arg(long, value_name = "omit|error")]
    absent_keys: Option<String>,
    /// Where those who observe are told: on the request's reply topic, or on the resource's own
    #[arg(long, value_name = "request|resource")]
    observe_replies: Option<String>,
    /// What a configuration is that was reported with a status of 300 to 399
    #[arg(long, value_name = "applied|rejected")]
    redirect_status: Option<String>,
    /// Whether endpoints that come are sent the configurations they have not applied
    #[arg(long, value_name = "on|off")]
    config_on_connect: Option<String>,
    /// Types of the commands that are pushed, in turn
    #[arg(long, value_name = "TYPE,TYPE")]
    command_types: Option<String>,
    /// New commands in each push to a Kaa endpoint
    #[arg(long, value_name = "N")]
    commands_per_push: Option<String>,
    /// Share of pushes to Kaa endpoints that repeat all outstanding commands of the type
    #[arg(long, value_name = "SHARE")]
    command_redelivery: Option<String>,
    /// Seed of delays, faults and pushes
    #[arg(long, value_name = "N")]
    seed: Option<String>,
    /// Writes the instant of each PUBLISH as read: 8 bytes, little-endian, `CLOCK_MONOTONIC` ns
    #[arg(long, value_name = "FILE")]
    arrivals: Option<String>,
    /// User name that CONNECT must carry
    #[arg(long, value_name = "NAME", conflicts_with = "attach")]
    user: Option<String>,
    /// Password that CONNECT must carry (a toy of tests: it is visible to other users of the machine)
    #[arg(long, value_name = "TEXT", conflicts_with = "attach")]
    password: Option<String>,
    /// Takes connections by TLS alone and shows this certificate: a PEM file with its chain
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_key",
        conflicts_with = "attach"
    )]
    tls_certificate: Option<String>,
    /// The certificate's private key: a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<String>,
    /// Takes only connections with a certificate of these authorities: a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_client_ca: Option<String>,
    /// Takes connections by WebSocket alone, at this path (/mqtt)
    #[arg(long, value_name = "PATH", conflicts_with = "attach")]
    websocket: Option<String>,
    /// Largest packet accepted
    #[arg(long, value_name = "BYTES")]
    max_packet: Option<String>,
    /// Bytes that may wait for one connection's socket
    #[arg(long, value_name = "BYTES")]
    buffer_per_connection: Option<String>,
    /// A platform to answer from besides the built-in ones: a profile or platform, a name or a file
    #[arg(long = "platform", value_name = "NAME|FILE")]
    platforms: Vec<String>,
    /// The profile that runs, by its name; standard input has its length in bytes on a line, then its
    /// text (as a run's own tenant is told)
    #[arg(long, hide = true, value_name = "NAME")]
    profile_on_stdin: Option<String>,
    /// Ends when standard input is closed (as a run's own tenant does)
    #[arg(long, hide = true, value_parser = value_parser!(bool))]
    until_stdin_closes: bool,
}

impl TenantArgs {
    fn options(&self) -> Result<TenantOptions, Failure> {
        let flags = [
            ("delivery", &self.delivery),
            ("service-time", &self.service_time),
            ("servers", &self.servers),
            ("stall", &self.stall),
            ("outage", &self.outage),
            ("error-rate", &self.error_rate),
            ("loss", &self.loss),
            ("duplicate", &self.duplicate),
            ("misdirect", &self.misdirect),
            ("orphan", &self.orphan),
            ("disconnect-rate", &self.disconnect_rate),
            ("commands", &self.commands),
            ("config-push", &self.config_push),
            ("relaxed-paths", &self.relaxed_paths),
            ("read-only-keys", &self.read_only_keys),
            ("applications", &self.applications),
            ("tokens", &self.tokens),
            ("instances", &self.instances),
            ("unreadable-keys", &self.unreadable_keys),
            ("absent-keys", &self.absent_keys),
            ("observe-replies", &self.observe_replies),
            ("redirect-status", &self.redirect_status),
            ("config-on-connect", &self.config_on_connect),
            ("command-types", &self.command_types),
            ("commands-per-push", &self.commands_per_push),
            ("command-redelivery", &self.command_redelivery),
            ("seed", &self.seed),
            ("arrivals", &self.arrivals),
            ("user", &self.user),
            ("password", &self.password),
            ("tls-certificate", &self.tls_certificate),
            ("tls-key", &self.tls_key),
            ("tls-client-ca", &self.tls_client_ca),
            ("websocket", &self.websocket),
            ("max-packet", &self.max_packet),
            ("buffer-per-connection", &self.buffer_per_connection),
        ];
        let mut options = TenantOptions::default();
        options
            .set("listen", &self.listen)
            .map_err(Failure::usage)?;
        for (flag, value) in flags {
            if let Some(value) = value {
                options.set(flag, value).map_err(Failure::usage)?;
            }
        }
        options.definitions = self.definitions()?;
        Ok(options)
    }

    fn definitions(&self) -> Result<Definitions, Failure> {
        let read = |path: &Path| std::fs::read_to_string(path);
        let mut all = Definitions::default();
        for platform in &self.platforms {
            let found = profile::definitions(platform, &read);
            all.extend(found.map_err(|errors| Failure::profile(&errors))?);
        }
        if let Some(name) = &self.profile_on_stdin {
            let text = simulated::profile_from(std::io::stdin().lock())
                .map_err(|error| Failure::internal(format!("no profile on stdin: {error}")))?;
            let found = profile::definitions_of_run(name, text, &read);
            all.extend(found.map_err(|errors| Failure::profile(&errors))?);
        }
        Ok(all)
    }
}

pub(super) fn run(args: &TenantArgs) -> Result<Exit, Failure> {
    let options = args.options()?;
    limits::raise_descriptors();
    let mut signals = Signals::new()
        .map_err(|error| Failure::internal(format!("cannot wait for signals: {error}")))?;
    let attach = args.attach.attach()?;
    let cannot = match &attach {
        Some(to) => format!("cannot attach to {}", to.url),
        None => format!("cannot listen on {}", options.listen),
    };
    let is_attached = attach.is_some();
    let notes = tenant::left_out(&options.definitions);
    // Bound by the thread that serves, whose timers become precise by it.
    let (to_main, from_thread) = std::sync::mpsc::channel();
    let (say, words) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let tenant = match attach {
            Some(to) => Tenant::attach(options, to, say)?,
            None => Tenant::bind(options)?,
        };
        let _ = to_main.send((tenant.address(), tenant.stopper()));
        tenant.run()
    });
    let Ok((address, stopper)) = from_thread.recv() else {
        return Err(failed(thread.join(), &cannot));
    };
    if !is_attached {
        eprintln!("{}{address}", simulated::LISTENING);
    }
    for note in notes {
        eprintln!("{note}");
    }
    if args.until_stdin_closes {
        let stopper = stopper.clone();
        std::thread::spawn(move || {
            let _ = std::io::copy(
                &mut std::io::stdin().lock().take(u64::MAX),
                &mut std::io::sink(),
            );
            stopper.stop();
        });
    }
    while !thread.is_finished() {
        for word in words.try_iter() {
            eprintln!("{word}");
        }
        match signals.wait(Duration::from_millis(50)) {
            // A run's tenant lives as long as the run needs it: Ctrl-C on a terminal reaches both.
            Wake::Interrupt if args.until_stdin_closes => {}
            Wake::Tick => {}
            Wake::Interrupt | Wake::Terminate => stopper.stop(),
        }
    }
    match thread.join() {
        Ok(Ok(report)) => {
            let text = serde_json::to_string(&report)
                .map_err(|error| Failure::internal(format!("cannot write the counts: {error}")))?;
            print_data(&format!("{text}\n"))?;
            Ok(Exit::Passed)
        }
        other => Err(failed(other, "the tenant broke down")),
    }
}

fn failed<T>(result: std::thread::Result<std::io::Result<T>>, what: &str) -> Failure {
    match result {
        Ok(Err(error)) => Failure::internal(format!("{what}: {error}")),
        Ok(Ok(_)) => Failure::internal(what),
        Err(_) => Failure::internal(format!("{what}: it panicked")),
    }
}
