//! What goes wrong in TLS, by the classes that people act upon.
//!
//! Not here: what a run counts them as.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// Whose mistake it is, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The peer's certificate comes from nobody who is trusted here.
    UnknownCa,
    /// The peer's certificate is not valid yet, or not any more.
    Expired,
    /// The peer's certificate is for other names.
    WrongName,
    /// The peer's certificate is bad in another way.
    PeerCertificate,
    /// The peer wants a certificate and got none.
    NoCertificate,
    /// The peer does not accept the certificate that it got.
    OwnCertificate,
    /// Anything else: versions, ciphers, what is no TLS at all.
    Protocol,
}

/// An error of TLS; within an [`io::Error`] of the kind `InvalidData`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its class.
    pub fault: Fault,
    /// What rustls says.
    pub text: String,
}

impl Failure {
    /// That of an error of rustls. `in_vain`: the peer asked for a certificate, and there was none.
    pub(super) fn of(error: &Error, in_vain: bool) -> Self {
        let fault = match error {
            Error::InvalidCertificate(error) => of_certificate(error),
            Error::NoCertificatesPresented => Fault::NoCertificate,
            Error::AlertReceived(alert) => of_alert(*alert, in_vain),
            _ => Fault::Protocol,
        };
        Self {
            fault,
            text: error.to_string(),
        }
    }

    /// That within an error of reading or writing, if there is one.
    pub fn within(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

fn of_certificate(error: &CertificateError) -> Fault {
    match error {
        CertificateError::UnknownIssuer => Fault::UnknownCa,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Fault::Expired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Fault::WrongName
        }
        _ => Fault::PeerCertificate,
    }
}

/// RFC 8446, section 6.2. Before TLS 1.3 a missing certificate is a handshake failure
/// (RFC 5246, section 7.4.6), which has other causes too.
fn of_alert(alert: AlertDescription, in_vain: bool) -> Fault {
    match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            Fault::NoCertificate
        }
        AlertDescription::HandshakeFailure
        | AlertDescription::BadCertificate
        | AlertDescription::AccessDenied
            if in_vain =>
        {
            Fault::NoCertificate
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::DecryptError
        | AlertDescription::AccessDenied => Fault::OwnCertificate,
        _ => Fault::Protocol,
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        Self::new(io::ErrorKind::InvalidData, failure)
    }
}
