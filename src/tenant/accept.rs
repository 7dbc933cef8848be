//! What becomes of those who come to a tenant that listens.
//!
//! Not here: what they send (`server`), and a tenant that is a client itself (`attached`).

use std::io::ErrorKind;

use super::server::{FIRST_CONNECTION, Server};
use super::session::Session;
use super::timers::Timer;

/// How long a new connection may take for its first packet, CONNECT or CONNACK.
pub(super) const CONNECT_WITHIN_NS: u64 = 10_000_000_000;
/// Pause after the process ran out of descriptors.
const ACCEPT_AGAIN_NS: u64 = 50_000_000;

impl Server {
    /// Takes everybody who has come.
    pub(super) fn accept(&mut self) {
        while let Some(listener) = &self.listener {
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
                    let socket = socket.accept_websocket(self.options.websocket.as_deref());
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
