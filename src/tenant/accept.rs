//! Where the tenant listens, and what becomes of those who come.
//!
//! Not here: what they send (`server`), and a tenant that is a client itself (`attached`).

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use mio::net::TcpListener;

use super::server::{FIRST_CONNECTION, Server};
use super::session::Session;
use super::timers::Timer;

const BACKLOG: i32 = 4_096;
/// How long a new connection may take for its first packet, CONNECT or CONNACK.
pub(super) const CONNECT_WITHIN_NS: u64 = 10_000_000_000;
/// Pause after the process ran out of descriptors.
const ACCEPT_AGAIN_NS: u64 = 50_000_000;

impl Server {
    /// Takes everybody who has come.
    pub(super) fn accept(&mut self) {
        loop {
            let Some(listener) = &self.listener else {
                return;
            };
            match listener.accept() {
                Ok(mut socket) => {
                    socket.send_at_once();
                    let token = self.router.sessions.next_id().slot() + FIRST_CONNECTION;
                    if self.poller.watch(&mut socket, token).is_err() {
                        self.platforms.counts.reject("descriptors");
                        continue;
                    }
                    let Ok(socket) = socket.accept_tls(self.tls.as_ref()) else {
                        continue;
                    };
                    let now = self.clock.now();
                    let session = Session::new(socket, now, CONNECT_WITHIN_NS);
                    let id = self.router.sessions.insert(session);
                    self.watch(id, now + CONNECT_WITHIN_NS);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // Gone before it was accepted.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::ConnectionAborted | ErrorKind::Interrupted
                    ) => {}
                Err(_) => {
                    // Out of descriptors: the edge is spent, so come back by timer.
                    self.agenda
                        .insert(self.clock.now() + ACCEPT_AGAIN_NS, Timer::Accept);
                    return;
                }
            }
        }
    }
}

/// Listens on an address, port 0 being any.
///
/// # Errors
/// What the system says.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::STREAM,
        Some(socket2::Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}
