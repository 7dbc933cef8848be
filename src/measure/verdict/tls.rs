//! What to do about TLS handshakes that fail: nothing here makes a run INVALID.
//!
//! Not here: what the classes are (see `reason`).

use super::{Evidence, Finding, finding};
use crate::measure::reason::ConnectFailure;

/// A class that somebody can do something about: what was the matter, and what to do.
pub(super) type Advice = (ConnectFailure, &'static str, &'static str);

const ADVICE: [Advice; 7] = [
    (
        ConnectFailure::TlsUnknownCa,
        "the target's certificate is signed by nobody who is trusted",
        "name a PEM file with its authority as target.ca",
    ),
    (
        ConnectFailure::TlsExpired,
        "the target's certificate is not valid yet, or not any more",
        "renew it, or set this machine's clock",
    ),
    (
        ConnectFailure::TlsWrongName,
        "the target's certificate is for other names than the host of the url",
        "name one of its names as target.server_name",
    ),
    (
        ConnectFailure::TlsCertificate,
        "the target's certificate is unusable: a bad signature, an authority's own, or revoked",
        "look at it: openssl s_client -connect HOST:PORT -showcerts",
    ),
    (
        ConnectFailure::TlsNoClientCertificate,
        "the target wants to see a certificate of each connection",
        "name it as target.certificate and target.key",
    ),
    (
        ConnectFailure::TlsClientCertificate,
        "the target does not accept the certificate that it is shown",
        "is it of the authority that the target trusts, and valid today? See target.certificate",
    ),
    (
        ConnectFailure::TlsProtocol,
        "there is no TLS to be had at that port, or none in a version in common",
        "check the port of target.url, and target.tls_version",
    ),
];

/// One for each class that occurred.
pub(super) fn failures<'a>(evidence: &'a Evidence) -> impl Iterator<Item = Finding> + 'a {
    occurred(&ADVICE, evidence)
}

/// One for each class of these that occurred.
pub(super) fn occurred<'a>(
    classes: &'static [Advice],
    evidence: &'a Evidence,
) -> impl Iterator<Item = Finding> + 'a {
    let counts = &evidence.tally.connections.failed_by;
    classes.iter().filter_map(|(failure, what, advice)| {
        let count = counts[failure.index()];
        let detail = format!("{what}: {count} attempts to connect failed");
        (count > 0).then(|| {
            let figure = count as f64;
            finding(failure.name(), figure, 0.0, "attempts", detail, advice)
        })
    })
}
