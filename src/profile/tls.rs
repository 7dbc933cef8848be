//! How connections to an `mqtts` target are made.
//!
//! Names of files and templates, never what is in them. Not here: reading certificates and keys.

/// TLS of every connection of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSetting {
    /// PEM file with those who may sign the target's certificate; by default whom the system trusts.
    pub ca: Option<String>,
    /// Certificate and key of each connection, if it shows one.
    pub own: Option<OwnCertificate>,
    /// The name that the target's certificate must be for, and that is asked for in the handshake; by
    /// default the host of the url.
    pub server_name: Option<String>,
    /// Takes whatever certificate the target shows.
    pub insecure: bool,
    /// Versions that are offered.
    pub versions: TlsVersions,
    /// Whether a connection that comes back asks for its last session.
    pub resumption: bool,
}

/// Templates; what they yield is the path of a PEM file, or PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCertificate {
    /// Of the chain, one's own certificate first.
    pub certificate: String,
    /// Of the key.
    pub key: String,
}

/// Versions of TLS that connections offer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsVersions {
    /// 1.2 and 1.3.
    #[default]
    Both,
    /// 1.2 alone.
    Only12,
    /// 1.3 alone.
    Only13,
}
