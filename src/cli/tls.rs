//! Reads the certificates and keys that a profile names, before anything is sent, and tells what became
//! of the handshakes.
//!
//! Errors name the key of the profile and the file, and never what is in it. Not here: TLS itself.

use super::Failure;
use crate::engine::{Measured, OwnError, Security, Settings, own_credentials};
use crate::event::tls::{ClientSetting, Connector, Credentials, Protocols, Roots, RootsError};
use crate::plan::Plan;
use crate::profile::{OwnCertificate, Profile, TlsSetting, TlsVersions, is_key_material};
use crate::report::TlsResult;

/// What people call the settings of TLS: keys of a profile, or flags.
pub(super) struct Names {
    pub ca: &'static str,
    pub server_name: &'static str,
    pub certificate: &'static str,
    pub key: &'static str,
    /// What a certificate and a key may be.
    pub own: &'static str,
}

const OF_PROFILE: Names = Names {
    ca: "target.ca",
    server_name: "target.server_name",
    certificate: "target.certificate",
    key: "target.key",
    own: "each is the path of a PEM file, or a column of fleet.identities that holds a path or PEM",
};

/// Endpoints whose certificates are looked at beforehand: all, unless they are more.
const LOOKED_AT: u32 = 10_000;

/// TLS of the run's connections, if its targets want it.
pub(super) fn security(profile: &Profile, plan: &Plan) -> Result<Option<Security>, Failure> {
    let (urls, setting) = (&profile.target.urls, &profile.target.tls);
    if !urls.iter().any(|url| url.tls) {
        return Ok(None);
    }
    Ok(Some(Security {
        connector: connector(setting, &OF_PROFILE)?,
        names: urls
            .iter()
            .map(|url| name(setting.server_name.as_deref(), &url.host, &OF_PROFILE))
            .collect::<Result<_, _>>()?,
        credentials: match &setting.own {
            None => None,
            Some(own) => credentials(own, plan)?,
        },
    }))
}

/// What makes connections as the setting says; whoever makes them shows the certificate.
pub(super) fn connector(setting: &TlsSetting, names: &Names) -> Result<Connector, Failure> {
    Connector::new(&ClientSetting {
        roots: if setting.insecure {
            None
        } else {
            Some(roots(setting, names.ca)?)
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

fn roots(setting: &TlsSetting, key: &str) -> Result<Roots, Failure> {
    let Some(path) = &setting.ca else {
        return Roots::of_system().map_err(|error| {
            let said = match error {
                RootsError::System(said) => format!(" ({said})"),
                RootsError::None | RootsError::Bad => String::new(),
            };
            refused(
                &format!("this system has no list of certificate authorities{said}"),
                &format!("install ca-certificates, or name a PEM file as {key}"),
            )
        });
    };
    let help = "name a PEM file with the certificate of the authority that signed the target's";
    let text =
        std::fs::read(path).map_err(|error| refused(&format!("{key}: {path}: {error}"), help))?;
    Roots::from_pem(&text).map_err(|error| refused(&format!("{key}: {path} {error}"), help))
}

/// The name that the target's certificate is for.
pub(super) fn name(of_setting: Option<&str>, host: &str, names: &Names) -> Result<String, Failure> {
    let name = of_setting.unwrap_or(host);
    if Connector::is_name(name) {
        return Ok(name.to_owned());
    }
    Err(refused(
        &format!("a certificate cannot be for {name:?}"),
        &format!("write a host name or an address as {}", names.server_name),
    ))
}

/// What all connections show; `None`: each has its own, and that is there.
fn credentials(own: &OwnCertificate, plan: &Plan) -> Result<Option<Credentials>, Failure> {
    let of = |endpoint: u32| {
        let (certificate, key) = plan.certificate_and_key(endpoint).unwrap_or_default();
        own_credentials(&certificate, &key).map_err(|error| (error, certificate, key))
    };
    if !own.certificate.contains('{') && !own.key.contains('{') {
        let (certificate, key) = plan.certificate_and_key(0).unwrap_or_default();
        return shown(&certificate, &key, &OF_PROFILE).map(Some);
    }
    let step = plan.endpoints.div_ceil(LOOKED_AT).max(1);
    for endpoint in (0..plan.endpoints).step_by(step as usize) {
        of(endpoint).map_err(|(error, certificate, key)| {
            let whose = format!(" of endpoint {endpoint}");
            unusable(&error, &OF_PROFILE, &whose, [&certificate, &key])
        })?;
    }
    Ok(None)
}

/// What connections show, of these files.
pub(super) fn shown(certificate: &str, key: &str, names: &Names) -> Result<Credentials, Failure> {
    own_credentials(certificate, key)
        .map_err(|error| unusable(&error, names, "", [certificate, key]))
}

fn unusable(error: &OwnError, names: &Names, whose: &str, files: [&str; 2]) -> Failure {
    let ([certificate, key], help) = (files, names.own);
    match error {
        OwnError::File(path, said) => {
            let which = if path == certificate {
                names.certificate
            } else {
                names.key
            };
            if is_key_material(path) {
                let sentence = format!("{which}{whose}: neither PEM nor the path of a file");
                return refused(&sentence, help);
            }
            refused(&format!("{which}{whose}: {path}: {said}"), help)
        }
        OwnError::Unusable(error) => {
            let (which, text) = if error.is_of_certificate() {
                (names.certificate, certificate)
            } else {
                (names.key, key)
            };
            let place = if is_key_material(text) { "" } else { text };
            let sentence = format!("{which}{whose}: {place} {error}");
            refused(&sentence.replace(":  ", ": "), help)
        }
    }
}
