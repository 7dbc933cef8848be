//! What a target has said before it stopped listening.
//!
//! A broker or a proxy that closes right after its last answers makes the next write fail while they still
//! wait in the kernel. They came in time and count, so they are read before the connection is lost. Not here: how a
//! connection is lost, and what an orderly end of ours looks like (`close`).

use super::connection::State;
use super::failure;
use super::receive::Until;
use super::worker::Worker;
use crate::measure::FailReason;

/// Reads at most: more than a kernel keeps for a connection, a record of TLS at a time.
const READS_MAX: usize = 1_024;

/// A connection that cannot be written any more.
#[derive(Debug)]
pub(super) struct Broken {
    connection: u32,
    /// Of the row, which may be another connection's by then.
    generation: u16,
    error: std::io::Error,
}

impl Worker<'_> {
    /// Notes that a write has failed; before the turn is over, what is left is read, and the connection is lost.
    #[cold]
    pub(super) fn cannot_write(&mut self, connection: u32, error: std::io::Error) {
        if self.broken_by(connection).is_none() {
            self.broken.push(Broken {
                connection,
                generation: self.connections[connection as usize].generation,
                error,
            });
        }
    }

    /// Why this connection cannot be written any more, if that is so.
    pub(super) fn broken_by(&self, connection: u32) -> Option<FailReason> {
        let generation = self.connections[connection as usize].generation;
        let same =
            |broken: &&Broken| (broken.connection, broken.generation) == (connection, generation);
        let broken = self.broken.iter().find(same)?;
        Some(failure::of_open(&broken.error))
    }

    /// Reads what is left of connections that cannot be written, and loses them.
    #[inline]
    pub(super) fn hear_last_words(&mut self) {
        while let Some(broken) = self.broken.first() {
            let connection = broken.connection;
            self.read_to_the_end(connection);
            // Its reason was known for as long as it was read.
            let broken = self.broken.remove(0);
            let row = &self.connections[connection as usize];
            if row.generation == broken.generation && row.state != State::Down {
                self.broke(connection, &broken.error);
            }
        }
    }

    #[cold]
    fn read_to_the_end(&mut self, connection: u32) {
        let mut scratch = std::mem::take(&mut self.scratch);
        for _ in 0..READS_MAX {
            if self.broken_by(connection).is_none()
                || !self.read_once(connection, &mut scratch, Until::Dry)
            {
                break;
            }
        }
        self.scratch = scratch;
    }
}
