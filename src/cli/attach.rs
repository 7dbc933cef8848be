//! `midge tenant --attach URL`: which broker the simulated tenant is a client of, and as whom.
//!
//! Not here: what it does there (the tenant).

use clap::{Args, value_parser};

use super::prepare::fetch_password;
use super::{Failure, target, tls};
use crate::event::Clock;
use crate::mqtt::Qos;
use crate::profile::{Secret, TlsSetting, Url};
use crate::tenant::{Attach, CLIENTS_MAX};

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
        let setting = TlsSetting {
            ca: self.attach_ca.clone(),
            ..TlsSetting::default()
        };
        let tls = if url.tls {
            Some((tls::connector(&setting)?, tls::name(None, &url.host)?))
        } else {
            None
        };
        let nonce =
            Clock::start().unix_ns_at_start() ^ u64::from(std::process::id()).rotate_left(48);
        Ok(Some(Attach {
            url: url.to_string(),
            address,
            tls,
            clients: self.attach_clients,
            qos: Qos::try_from(self.attach_qos).unwrap_or_default(),
            user: self.attach_user.clone(),
            password,
            nonce,
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
