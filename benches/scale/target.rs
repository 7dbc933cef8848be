//! Where the messages of a cell go: a simulated tenant in a process of its own, or what the user named.
//!
//! Not here: what the tenant answers.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};

use super::Result;
use super::cell::Order;

/// A target that is there as long as this.
pub enum Target {
    /// Ends with its standard input.
    Simulated { child: Child, address: SocketAddr },
    /// Somebody else's process.
    Named(Vec<SocketAddr>),
}

impl Target {
    /// A simulated tenant that knows the messages of this profile, unless targets were named.
    pub fn start(named: &[SocketAddr], profile: &str) -> Result<Self> {
        if !named.is_empty() {
            return Ok(Self::Named(named.to_vec()));
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_midge"))
            .args(["tenant", "--listen", "127.0.0.1:0", "--until-stdin-closes"])
            .args(["--service-time", "fixed:0s", "--platform", profile])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start the simulated tenant: {error}"))?;
        let mut words = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut line = String::new();
        let read = words.read_line(&mut line);
        let address = line.trim().trim_start_matches("listening on ").parse();
        let (Ok(_), Ok(address)) = (read, address) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("the simulated tenant did not start: {line}"));
        };
        // A full pipe would stop it.
        std::thread::spawn(move || {
            for line in words.lines().map_while(std::result::Result::ok) {
                eprintln!("tenant: {line}");
            }
        });
        Ok(Self::Simulated { child, address })
    }

    /// Makes a cell send here.
    pub fn aim(&self, order: &mut Order) {
        match self {
            Self::Simulated { child, address } => {
                order.targets = vec![*address];
                order.target_process = Some(child.id());
            }
            Self::Named(addresses) => order.targets.clone_from(addresses),
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Self::Simulated { child, .. } = self {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// An address that may be loaded without asking anybody.
pub fn near(text: &str) -> Result<SocketAddr> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "write ADDRESS:PORT, such as 127.0.0.1:1883".to_owned())?;
    let near = match address.ip() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
    };
    near.then_some(address)
        .ok_or_else(|| "neither this machine nor in a private network".to_owned())
}
