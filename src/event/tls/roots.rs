//! Who is trusted to sign certificates.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Certificates of authorities. Copies share them.
#[derive(Debug, Clone)]
pub struct Roots(pub(super) Arc<RootCertStore>);

/// Why there are no [`Roots`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootsError {
    /// No certificate there.
    None,
    /// A certificate that cannot be read.
    Bad,
    /// What the system says when asked for its own.
    System(String),
}

impl Roots {
    /// Reads PEM with one or more certificates.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn from_pem(text: &[u8]) -> Result<Self, RootsError> {
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(text) {
            let certificate = certificate.map_err(|_| RootsError::Bad)?;
            store.add(certificate).map_err(|_| RootsError::Bad)?;
        }
        Self::some(store).ok_or(RootsError::None)
    }

    /// Those that this system trusts. `SSL_CERT_FILE` and `SSL_CERT_DIR` are obeyed.
    ///
    /// # Errors
    /// There are none.
    pub fn of_system() -> Result<Self, RootsError> {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        // Systems carry old certificates that nobody can use.
        store.add_parsable_certificates(found.certs);
        Self::some(store).ok_or_else(|| {
            let said = found.errors.first().map(ToString::to_string);
            said.map_or(RootsError::None, RootsError::System)
        })
    }

    fn some(store: RootCertStore) -> Option<Self> {
        (!store.is_empty()).then(|| Self(Arc::new(store)))
    }
}

impl fmt::Display for RootsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("holds no certificate in PEM"),
            Self::Bad => f.write_str("holds a certificate that cannot be read"),
            Self::System(said) => f.write_str(said),
        }
    }
}

impl std::error::Error for RootsError {}
