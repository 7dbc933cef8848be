//! `midge tenant --attach URL`: which broker the simulated tenant is a client of, and as whom.
//!
//! Not here: what it does there (the tenant).

use clap::{Args, value_parser};

use super::prepare::fetch_password;
use super::tls::Names;
use super::{Failure, target, tls};
use crate::event::Clock;
use crate::event::websocket::Request;
use crate::mqtt::Qos;
use crate::profile::{Secret, TlsSetting, Url};
use crate::tenant::{Attach, AttachTls, CLIENTS_MAX};

/// What people who attach a tenant call the settings of TLS.
const NAMES: Names = Names {
    ca: "--attach-ca",
    server_name: "the host of --attach",
    certificate: "--attach-certificate",
    key: "--attach-key",
    own: "each is the path of a PEM file",
};

/// Behind the flags of `midge tenant`.
pub(super) const HELP: &str = "\
A broker that does not set TCP_NODELAY (Mosquitto, unless `set_tcp_nodelay true`) can hold a reply back \
until what it sent before was acknowledged, which TCP delays by some 40 ms. Such waits of an attached tenant's \
replies are the broker's: at QoS 1 most replies of a slow run take about 40 ms then, at QoS 0 few do.";

/// Flags of `midge tenant` for a broker.
#[derive(Debug, Args)]
pub(super) struct AttachArgs {
    /// Answers as clients of the broker at this URL, instead of listening
    #[arg(long, value_name = "URL", conflicts_with = "listen")]
    attach: Option<String>,
    /// Clients that share subscriptions; one where the broker has no shared subscriptions
    #[arg(long, value_name = "N", default_value_t = 4, requires = "attach",
        value_parser = value_parser!(u32).range(1..=i64::from(CLIENTS_MAX)))]
    attach_clients: u32,
    /// Highest QoS at which the broker delivers to the tenant; replies have that of their requests
    #[arg(long, value_name = "0|1|2", default_value_t = 1, requires = "attach",
        value_parser = value_parser!(u8).range(0..=2))]
    attach_qos: u8,
    /// User name that the tenant tells the broker
    #[arg(long, value_name = "NAME", requires = "attach")]
    attach_user: Option<String>,
    /// Password that the tenant tells the broker, by reference: `env:NAME` or `file:PATH`
    #[arg(long, value_name = "REFERENCE", requires = "attach_user")]
    attach_password: Option<String>,
    /// Whose signature the broker's certificate must have: a PEM file; by default whom this system trusts
    #[arg(long, value_name = "FILE", requires = "attach")]
    attach_ca: Option<String>,
    /// Certificate that the tenant shows the broker: a PEM file with its chain
    #[arg(long, value_name = "FILE", requires_all = ["attach", "attach_key"])]
    attach_certificate: Option<String>,
    /// The certificate's private key: a PEM file
    #[arg(long, value_name = "FILE", requires = "attach_certificate")]
    attach_key: Option<String>,
    /// A host that the tenant may attach to although it is neither loopback nor private
    #[arg(long = "allow-target", value_name = "HOST", requires = "attach")]
    allowed: Vec<String>,
}

impl AttachArgs {
    /// What to attach to, if anything.
    pub(super) fn attach(&self) -> Result<Option<Attach>, Failure> {
        let Some(text) = &self.attach else {
            return Ok(None);
        };
        let url: Url = text
            .parse()
            .map_err(|error| Failure::usage(format!("--attach: {error}")))?;
        let resolved = target::resolve(std::slice::from_ref(&url), &self.allowed)?;
        let Some(&address) = resolved.first() else {
            return Err(Failure::internal(format!("{} has no address", url.host)));
        };
        let password = match &self.attach_password {
            None => None,
            Some(text) => Some(fetch_password("--attach-password", &reference(text)?)?),
        };
        let path = url.path.as_deref();
        let websocket = path.map(|path| Request::new(&url.authority(), path, []));
        let nonce =
            Clock::start().unix_ns_at_start() ^ u64::from(std::process::id()).rotate_left(48);
        Ok(Some(Attach {
            url: url.to_string(),
            address,
            tls: self.tls(&url)?,
            websocket,
            clients: self.attach_clients,
            qos: Qos::try_from(self.attach_qos).unwrap_or_default(),
            user: self.attach_user.clone(),
            password,
            nonce,
        }))
    }

    /// TLS of its connections, if the broker is reached by it.
    fn tls(&self, url: &Url) -> Result<Option<AttachTls>, Failure> {
        if !url.tls {
            let flags = [&self.attach_ca, &self.attach_certificate];
            if flags.iter().any(|flag| flag.is_some()) {
                return Err(Failure::usage(format!(
                    "certificates have no use at {url}, which is reached without TLS\n\
                     help: write mqtts:// or wss://"
                )));
            }
            return Ok(None);
        }
        let setting = TlsSetting {
            ca: self.attach_ca.clone(),
            ..TlsSetting::default()
        };
        let credentials = match (&self.attach_certificate, &self.attach_key) {
            (Some(certificate), Some(key)) => Some(tls::shown(certificate, key, &NAMES)?),
            _ => None,
        };
        Ok(Some(AttachTls {
            connector: tls::connector(&setting, &NAMES)?,
            name: tls::name(None, &url.host, &NAMES)?,
            credentials,
        }))
    }
}

/// Where a secret is. What was written is never repeated: it may be the secret.
fn reference(text: &str) -> Result<Secret, Failure> {
    match text.split_once(':') {
        Some(("env", name)) if !name.is_empty() && !name.contains(['=', '\0']) => {
            Ok(Secret::Environment(name.to_owned()))
        }
        Some(("file", path)) if !path.is_empty() => Ok(Secret::File(path.to_owned())),
        _ => Err(Failure::usage(
            "--attach-password takes no password, but says where it is\n\
             help: write env:NAME or file:PATH",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_a_reference_and_nothing_else() {
        assert_eq!(
            reference("env:A").ok(),
            Some(Secret::Environment("A".into()))
        );
        assert_eq!(
            reference("file:/a:b").ok(),
            Some(Secret::File("/a:b".into()))
        );
        for wrong in ["hunter2", "env:", "file:", "env:A=B"] {
            let error = reference(wrong).unwrap_err();
            assert!(!error.text.contains("hunter2"), "{}", error.text);
        }
    }
}
