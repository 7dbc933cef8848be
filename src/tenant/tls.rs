//! The tenant's certificate, and whose connections it takes.
//!
//! Not here: TLS itself.

use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

use crate::event::tls::{Acceptor, Credentials, Roots};

/// The files of `tls-certificate`, `tls-key` and `tls-client-ca`, all PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate that it shows, with its chain; `None`: no TLS.
    pub certificate: Option<PathBuf>,
    /// The key of that.
    pub key: Option<PathBuf>,
    /// Whose certificates connections must show; `None`: none is asked for.
    pub client_ca: Option<PathBuf>,
}

impl TlsFiles {
    /// What takes connections, if there is TLS.
    ///
    /// # Errors
    /// A file that cannot be read, or is not what it should be.
    pub(super) fn acceptor(&self) -> Result<Option<Acceptor>> {
        let (Some(certificate), Some(key)) = (&self.certificate, &self.key) else {
            return Ok(None);
        };
        let credentials =
            Credentials::from_pem(&read(certificate)?, &read(key)?).map_err(|error| {
                wrong(
                    if error.is_of_certificate() {
                        certificate
                    } else {
                        key
                    },
                    &error,
                )
            })?;
        let clients = self
            .client_ca
            .as_deref()
            .map(|path| Roots::from_pem(&read(path)?).map_err(|error| wrong(path, &error)));
        Acceptor::new(&credentials, clients.transpose()?.as_ref()).map(Some)
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| wrong(path, &error))
}

fn wrong(path: &Path, what: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        format!("{} {what}", path.display()),
    )
}
