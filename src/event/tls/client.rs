//! The side that connects: one configuration for a whole fleet, whoever each of its connections is.
//!
//! rustls asks a configuration for the certificate and for an earlier session. Both belong to a
//! connection, so before rustls goes on with one, its introduction is put where this thread's answers
//! come from. Not here: which connection has which certificate.

mod sessions;
mod unverified;

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::client::{
    ClientConnectionData, ResolvesClientCert, Resumption, UnbufferedClientConnection,
};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::unbuffered::UnbufferedStatus;
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion, SignatureScheme, version};

use super::{Credentials, Failure, Roots, Side, Tls};
use sessions::Sessions;
use unverified::Unverified;

/// Which versions are offered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Protocols {
    /// TLS 1.2 and 1.3.
    #[default]
    Both,
    /// TLS 1.2 alone.
    Only12,
    /// TLS 1.3 alone.
    Only13,
}

/// How connections are made.
#[derive(Debug, Clone)]
pub struct ClientSetting {
    /// Who may sign the target's certificate; `None`: it is not verified.
    pub roots: Option<Roots>,
    /// Versions that are offered.
    pub protocols: Protocols,
    /// Whether a connection that comes back asks for its last session.
    pub resumption: bool,
}

/// Makes sides of this kind. Copies share everything.
#[derive(Debug, Clone)]
pub struct Connector(Arc<ClientConfig>);

/// Who a connection is.
#[derive(Debug, Clone, Default)]
pub struct Introduction {
    /// What it shows when it is asked for a certificate.
    pub credentials: Option<Credentials>,
    /// Tells the sessions of connections apart.
    pub number: u64,
}

/// What this thread's answers come from.
#[derive(Default)]
struct Current {
    key: Option<Arc<CertifiedKey>>,
    number: u64,
    /// A certificate was asked for, and there is none.
    in_vain: bool,
}

thread_local! {
    static CURRENT: RefCell<Current> = RefCell::default();
}

/// rustls's part of it.
pub struct Client {
    connection: UnbufferedClientConnection,
    /// Until the handshake has ended.
    key: Option<Arc<CertifiedKey>>,
    number: u64,
    in_vain: bool,
}

impl Connector {
    /// As the setting says.
    ///
    /// # Errors
    /// What rustls does not accept.
    pub fn new(setting: &ClientSetting) -> io::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let versions = match setting.protocols {
            Protocols::Both => &[&version::TLS12, &version::TLS13][..],
            Protocols::Only12 => &[&version::TLS12],
            Protocols::Only13 => &[&version::TLS13],
        };
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .map_err(io::Error::other)?;
        let builder = match &setting.roots {
            Some(roots) => builder.with_root_certificates(roots.0.clone()),
            None => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Unverified::new(provider))),
        };
        let mut config = builder.with_client_cert_resolver(Arc::new(Present));
        config.resumption = if setting.resumption {
            Resumption::store(Arc::new(Sessions::default()))
        } else {
            Resumption::disabled()
        };
        Ok(Self(Arc::new(config)))
    }

    /// Whether this can be the name of a target: a host name or an address.
    pub fn is_name(name: &str) -> bool {
        ServerName::try_from(name).is_ok()
    }

    /// This side of a connection to the target of this name; its first words are not sent yet.
    ///
    /// # Errors
    /// `InvalidInput` for what is no name; what rustls says.
    pub fn connect(
        &self,
        stream: TcpStream,
        name: &str,
        who: Introduction,
    ) -> io::Result<Tls<Client>> {
        let name = ServerName::try_from(name)
            .map_err(|_| io::ErrorKind::InvalidInput)?
            .to_owned();
        let key = who.credentials.map(|credentials| credentials.0);
        CURRENT.with_borrow_mut(|current| current.number = who.number);
        let connection =
            UnbufferedClientConnection::new(self.0.clone(), name).map_err(io::Error::other)?;
        let side = Client {
            connection,
            key,
            number: who.number,
            in_vain: false,
        };
        Ok(Tls::over(stream, side))
    }
}

impl Tls<Client> {
    /// Whether TLS 1.3 was agreed on; `None` before that.
    pub fn is_13(&self) -> Option<bool> {
        let version = self.side.connection.protocol_version()?;
        Some(version == ProtocolVersion::TLSv1_3)
    }

    /// Whether an earlier session goes on.
    pub fn is_resumed(&self) -> bool {
        self.side.connection.handshake_kind() == Some(HandshakeKind::Resumed)
    }
}

impl Client {
    /// After rustls went on: what the resolver noticed, and what nobody needs any more.
    fn note(&mut self) {
        CURRENT.with_borrow_mut(|current| {
            self.in_vain |= std::mem::take(&mut current.in_vain);
            current.key = None;
        });
    }
}

impl Side for Client {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data> {
        let handshaking = self.connection.is_handshaking();
        if !handshaking {
            self.key = None;
        }
        self.note();
        CURRENT.with_borrow_mut(|current| {
            current.key.clone_from(&self.key);
            current.number = self.number;
        });
        self.connection.process_tls_records(incoming)
    }

    fn failure(&self, error: rustls::Error) -> Failure {
        let now = CURRENT.with_borrow(|current| current.number == self.number && current.in_vain);
        Failure::of(&error, self.in_vain || now)
    }

    fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    fn has_to_say(&self) -> bool {
        self.connection.wants_write()
    }
}

/// Shows the certificate of the connection that goes on in this thread.
#[derive(Debug)]
struct Present;

impl ResolvesClientCert for Present {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        CURRENT.with_borrow_mut(|current| {
            let usable = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
            let found = current.key.as_ref().filter(usable).cloned();
            current.in_vain = found.is_none();
            found
        })
    }

    fn has_certs(&self) -> bool {
        true
    }
}
