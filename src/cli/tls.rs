//! Reads the certificates and keys that a profile names, before anything is sent, and tells what became
//! of the handshakes.
//!
//! Errors name the key of the profile and the file, and never what is in it. Not here: TLS itself.

use super::Failure;
use crate::engine::{Measured, OwnError, Security, Settings, own_credentials};
use crate::event::tls::{ClientSetting, Connector, Credentials, Protocols, Roots, RootsError};
use crate::plan::Plan;
use crate::profile::{OwnCertificate, Profile, TlsSetting, TlsVersions};
use crate::report::TlsResult;

/// Endpoints whose certificates are looked at beforehand: all, unless they are more.
const LOOKED_AT: u32 = 10_000;

/// TLS of the run's connections, if its targets want it.
pub(super) fn security(profile: &Profile, plan: &Plan) -> Result<Option<Security>, Failure> {
    let (urls, setting) = (&profile.target.urls, &profile.target.tls);
    if !urls.iter().any(|url| url.tls) {
        return Ok(None);
    }
    Ok(Some(Security {
        connector: connector(setting)?,
        names: urls
            .iter()
            .map(|url| name(setting.server_name.as_deref(), &url.host))
            .collect::<Result<_, _>>()?,
        credentials: match &setting.own {
            None => None,
            Some(own) => credentials(own, plan)?,
        },
    }))
}

/// What makes connections as the setting says; whoever makes them shows the certificate.
pub(super) fn connector(setting: &TlsSetting) -> Result<Connector, Failure> {
    Connector::new(&ClientSetting {
        roots: if setting.insecure {
            None
        } else {
            Some(roots(setting)?)
        },
        protocols: match setting.versions {
            TlsVersions::Both => Protocols::Both,
            TlsVersions::Only12 => Protocols::Only12,
            TlsVersions::Only13 => Protocols::Only13,
        },
        resumption: setting.resumption,
    })
    .map_err(|error| Failure::internal(format!("cannot prepare TLS: {error}")))
}

/// Refuses a witness beside connections under TLS.
pub(super) fn admit_witness(settings: &Settings, witness: bool) -> Result<(), Failure> {
    if witness && settings.tls.is_some() {
        return Err(refused(
            "the witness speaks no TLS",
            "leave --witness out, or use an mqtt:// target",
        ));
    }
    Ok(())
}

/// What stands in the result, if there was TLS.
pub(super) fn result(profile: &Profile, measured: &Measured) -> Option<Box<TlsResult>> {
    let target = &profile.target;
    let handshakes = &measured.tally.connections.handshakes;
    let secured = target.urls.iter().any(|url| url.tls);
    secured.then(|| Box::new(TlsResult::of(handshakes, !target.tls.insecure)))
}

fn refused(sentence: &str, help: &str) -> Failure {
    Failure::usage(format!("{sentence}; nothing was sent\nhelp: {help}"))
}

fn roots(setting: &TlsSetting) -> Result<Roots, Failure> {
    let Some(path) = &setting.ca else {
        return Roots::of_system().map_err(|error| {
            let said = match error {
                RootsError::System(said) => format!(" ({said})"),
                RootsError::None | RootsError::Bad => String::new(),
            };
            refused(
                &format!("this system has no list of certificate authorities{said}"),
                "install ca-certificates, or name a PEM file as target.ca",
            )
        });
    };
    let help = "name a PEM file with the certificate of the authority that signed the target's";
    let text = std::fs::read(path)
        .map_err(|error| refused(&format!("target.ca: {path}: {error}"), help))?;
    Roots::from_pem(&text).map_err(|error| refused(&format!("target.ca: {path} {error}"), help))
}

/// The name that the target's certificate is for.
pub(super) fn name(of_setting: Option<&str>, host: &str) -> Result<String, Failure> {
    let name = of_setting.unwrap_or(host);
    if Connector::is_name(name) {
        return Ok(name.to_owned());
    }
    Err(refused(
        &format!("a certificate cannot be for {name:?}"),
        "write a host name or an address as target.server_name",
    ))
}

/// What all connections show; `None`: each has its own, and that is there.
fn credentials(own: &OwnCertificate, plan: &Plan) -> Result<Option<Credentials>, Failure> {
    let of = |endpoint: u32| {
        let (certificate, key) = plan.certificate_and_key(endpoint).unwrap_or_default();
        own_credentials(&certificate, &key).map_err(|error| (error, certificate, key))
    };
    if !own.certificate.contains('{') && !own.key.contains('{') {
        let read =
            of(0).map_err(|(error, certificate, key)| unusable(&error, "", &certificate, &key))?;
        return Ok(Some(read));
    }
    let step = plan.endpoints.div_ceil(LOOKED_AT).max(1);
    for endpoint in (0..plan.endpoints).step_by(step as usize) {
        of(endpoint).map_err(|(error, certificate, key)| {
            let whose = format!(" of endpoint {endpoint}");
            unusable(&error, &whose, &certificate, &key)
        })?;
    }
    Ok(None)
}

fn unusable(error: &OwnError, whose: &str, certificate: &str, key: &str) -> Failure {
    let help =
        "each is the path of a PEM file, or a column of fleet.identities that holds a path or PEM";
    match error {
        OwnError::File(path, said) => {
            let which = if path == certificate {
                "certificate"
            } else {
                "key"
            };
            refused(&format!("target.{which}{whose}: {path}: {said}"), help)
        }
        OwnError::Unusable(error) => {
            let (which, text) = if error.is_of_certificate() {
                ("certificate", certificate)
            } else {
                ("key", key)
            };
            let place = if text.contains("-----BEGIN") {
                ""
            } else {
                text
            };
            let sentence = format!("target.{which}{whose}: {place} {error}");
            refused(&sentence.replace(":  ", ": "), help)
        }
    }
}
