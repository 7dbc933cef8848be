//! The side that is connected to.

use std::io;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::unbuffered::UnbufferedStatus;

use super::{Credentials, Failure, Roots, Side, Tls};

/// Makes sides of this kind. Copies share everything.
#[derive(Debug, Clone)]
pub struct Acceptor(Arc<ServerConfig>);

/// rustls's part of it.
pub struct Server(UnbufferedServerConnection);

impl Acceptor {
    /// Shows this certificate; with `clients`, takes only connections with a certificate of theirs.
    /// TLS 1.2 and 1.3; sessions may be resumed by tickets, which take no memory here.
    ///
    /// # Errors
    /// The roots cannot be used, or the system has no randomness.
    pub fn new(credentials: &Credentials, clients: Option<&Roots>) -> io::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(roots) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(roots.0.clone(), provider)
                    .build()
                    .map_err(io::Error::other)?,
            ),
        };
        let shown = Arc::new(SingleCertAndKey::from(credentials.0.clone()));
        let mut config = builder.with_cert_resolver(shown);
        config.ticketer = ring::Ticketer::new().map_err(io::Error::other)?;
        Ok(Self(Arc::new(config)))
    }

    /// This side of a connection that was just accepted.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn accept(&self, stream: TcpStream) -> io::Result<Tls<Server>> {
        let side = UnbufferedServerConnection::new(self.0.clone()).map_err(io::Error::other)?;
        Ok(Tls::over(stream, Server(side)))
    }
}

impl Side for Server {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.0.process_tls_records(incoming)
    }

    fn failure(&self, error: rustls::Error) -> Failure {
        Failure::of(&error, false)
    }

    fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    fn has_to_say(&self) -> bool {
        self.0.wants_write()
    }
}
