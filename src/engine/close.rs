//! The end of a run's connections: in order, and within a second.

use super::connection::{Connection, State};
use super::worker::{Stage, Worker};

impl Worker<'_> {
    /// Ends every connection in order: DISCONNECT, `close_notify` of TLS, half-close, read to the end (bounded), close. Bytes
    /// that the target has not read yet would be lost by a reset if something unread were left here.
    /// The instant until which the other side is waited for, or `None`.
    pub(super) fn close_all(&mut self) -> Option<u64> {
        const PATIENCE: u64 = 1_000_000_000;
        self.stage = Stage::Closing;
        self.note_absences();
        for connection in 0..self.connections.len() as u32 {
            if self.connections[connection as usize].state == State::Up {
                self.batch.clear();
                // DISCONNECT, section 3.14.
                self.batch.control_bytes([0xE0, 0x00]);
                self.flush(connection);
                let row = &mut self.connections[connection as usize];
                if row.state == State::Up {
                    row.state = State::Closing;
                    if let Some(stream) = &mut row.stream {
                        stream.end();
                    }
                    self.closing += 1;
                }
            } else {
                self.shut(connection);
            }
        }
        self.rest.end = self.clock.now() + PATIENCE;
        self.still_closing()
    }

    /// One turn of it. The same as from [`Worker::close_all`].
    pub(super) fn close_more(&mut self) -> Option<u64> {
        let left = self.rest.end.saturating_sub(self.clock.now());
        if left == 0 || self.poller.wait(Some(left)).is_err() {
            return None;
        }
        for number in 0..self.poller.len() {
            let connection = self.poller.event(number).token;
            if self.connections[connection].state == State::Closing && self.read_out(connection) {
                self.shut(connection as u32);
                self.closing -= 1;
            }
        }
        self.still_closing()
    }

    fn still_closing(&self) -> Option<u64> {
        (self.closing > 0).then_some(self.rest.end)
    }

    /// Reads and throws away; true at the end of the stream.
    fn read_out(&mut self, connection: usize) -> bool {
        let Connection {
            stream: Some(stream),
            ..
        } = &mut self.connections[connection]
        else {
            return true;
        };
        // What of the last record waits, and then the end.
        let _ = stream.flush();
        loop {
            match stream.receive(&mut self.scratch) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
            }
        }
    }
}
