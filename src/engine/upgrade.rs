//! How a connection becomes a WebSocket, between TCP or TLS and CONNECT.
//!
//! One request, one answer: a few microseconds of work, so nobody has to wait for a turn. Not here: texts
//! and frames (`event::websocket`), and what the request says.

use std::io::ErrorKind;

use super::connection::State;
use super::failure;
use super::secure::is_waiting;
use super::worker::Worker;
use crate::event::Socket;
use crate::event::websocket::WebSocket;
use crate::measure::{ConnectFailure, FailReason};

impl Worker<'_> {
    /// True if CONNECT has to wait for an upgrade, which begins here.
    pub(super) fn upgrades_first(&mut self, connection: u32) -> bool {
        let requests = &self.settings.websocket;
        let row = &self.connections[connection as usize];
        if requests.is_empty() || row.state == State::Upgrading {
            return false;
        }
        let number = self.number_in_run(connection);
        // Targets in turn, as for the address that was dialled.
        let request = &requests[(number % requests.len() as u64) as usize];
        let row = &mut self.connections[connection as usize];
        let Some(socket) = row.stream.take() else {
            return true;
        };
        socket.send_at_once();
        match socket.connect_websocket(request) {
            Ok(socket) => {
                row.stream = Some(socket);
                row.state = State::Upgrading;
                self.go_on_with_upgrade(connection);
            }
            Err(error) => self.connect_failed(connection, failure::of_connect(&error)),
        }
        true
    }

    /// The target has said something, or takes what is to be said. CONNECT follows when it agrees.
    pub(super) fn go_on_with_upgrade(&mut self, connection: u32) {
        match self.converse(connection) {
            Ok(0) => self.lose(connection, FailReason::Closed),
            // Nobody answers before CONNECT.
            Ok(_) => self.connect_failed(connection, ConnectFailure::Protocol),
            Err(error) if is_waiting(&error) => {
                let row = &self.connections[connection as usize];
                let socket = row.stream.as_ref().and_then(Socket::websocket);
                if socket.is_some_and(WebSocket::is_upgraded) {
                    self.tcp_ended(connection);
                }
                if error.kind() == ErrorKind::Interrupted {
                    self.unread.push_back(connection);
                }
            }
            Err(error) => {
                // What ends an open connection may end it here too: a peer that is gone.
                let failure = match failure::of_connect(&error) {
                    ConnectFailure::Other => failure::before_up(failure::of_open(&error)),
                    known => known,
                };
                self.connect_failed(connection, failure);
            }
        }
    }

    /// Before anybody speaks MQTT: says what waits to be said, and hears what there is.
    ///
    /// # Errors
    /// Those of the socket; to wait is one, and the good one.
    pub(super) fn converse(&mut self, connection: u32) -> std::io::Result<usize> {
        let Some(stream) = &mut self.connections[connection as usize].stream else {
            return Ok(0);
        };
        match stream.flush() {
            Err(error) if !is_waiting(&error) => Err(error),
            _ => stream.receive(&mut self.scratch),
        }
    }

    /// A connection ends that was up, or was coming up: what code the target has given for it, if it has.
    pub(super) fn note_close(&mut self, connection: u32) {
        let row = &self.connections[connection as usize];
        let socket = row.stream.as_ref().and_then(Socket::websocket);
        let code = socket.and_then(WebSocket::close_code);
        // The answer to a Close of ours says nothing.
        if let (Some(code), false) = (code, row.state == State::Closing) {
            self.recorder.closed_with(code);
        }
    }
}
