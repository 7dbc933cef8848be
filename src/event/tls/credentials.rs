//! A certificate with its key, from PEM.
//!
//! Errors name what is wrong and never repeat what was read: it may be a key. Not here: whose it is,
//! and where the text comes from.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

/// A chain of certificates, one's own first, with the key of that one. Copies share it.
#[derive(Clone)]
pub struct Credentials(pub(super) Arc<CertifiedKey>);

/// Why some text is no [`Credentials`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialsError {
    /// No certificate in it.
    NoCertificate,
    /// A certificate that breaks off or is no base64.
    BadCertificate,
    /// No private key in it, or one with a passphrase.
    NoKey,
    /// A key of a kind that cannot sign here.
    UnusableKey,
    /// The key of another certificate.
    OtherKey,
}

impl Credentials {
    /// Reads PEM (RFC 7468): a chain, and a key as PKCS #8, PKCS #1 or SEC 1.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, CredentialsError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .map_err(|_| CredentialsError::BadCertificate)?;
        if chain.is_empty() {
            return Err(CredentialsError::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CredentialsError::NoKey)?;
        let key = any_supported_type(&key).map_err(|_| CredentialsError::UnusableKey)?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
                Ok(Self(Arc::new(certified)))
            }
            Err(Error::InconsistentKeys(_)) => Err(CredentialsError::OtherKey),
            Err(_) => Err(CredentialsError::BadCertificate),
        }
    }
}

impl CredentialsError {
    /// Whether it is about the certificate, not about the key.
    pub fn is_of_certificate(self) -> bool {
        matches!(self, Self::NoCertificate | Self::BadCertificate)
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCertificate => "holds no certificate in PEM",
            Self::BadCertificate => "holds a certificate that cannot be read",
            Self::NoKey => {
                "holds no private key in PEM without a passphrase (PKCS #8, PKCS #1 or SEC 1)"
            }
            Self::UnusableKey => {
                "holds a key that is neither RSA of 2048 bits or more, nor ECDSA, nor Ed25519"
            }
            Self::OtherKey => "does not belong to the certificate",
        })
    }
}

impl std::error::Error for CredentialsError {}

/// Says nothing about the key.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}
