//! TLS over the kernel's sockets, by rustls, without a buffer for each connection.
//!
//! What is read and written goes through two buffers that a thread's connections share. A connection
//! has bytes of its own only while half of a record is there, or while the kernel does not take all of
//! one. Handshakes go on within [`Tls::receive`], a flight of the peer at a time. Not here: MQTT, who
//! connects when, and how many handshakes a turn of a loop may bear.

mod client;
mod credentials;
mod failure;
mod roots;
mod server;
mod side;

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::Shutdown;

use mio::net::TcpStream;
use rustls::unbuffered::{ConnectionState, EncryptError, UnbufferedStatus};

use super::socket::{receive, transmit};
pub use client::{Client, ClientSetting, Connector, Introduction, Protocols};
pub use credentials::{Credentials, CredentialsError};
pub use failure::{Failure, Fault};
pub use roots::{Roots, RootsError};
pub use server::{Acceptor, Server};
pub use side::Side;
use side::encode;

/// Plain bytes of one record, at most (RFC 8446, section 5.1).
const RECORD: usize = 16 << 10;
/// What a sealed record has beside them, at most (RFC 8446, section 5.2; RFC 5246, section 6.2.3).
const SEAL: usize = 2 << 10;
/// Bytes of one read.
const READ_SIZE: usize = 64 << 10;
/// Reads of one turn that bring nothing for the reader: handshakes, tickets, halves of records.
const READS_IN_VAIN: usize = 4;
/// Room for the beginning of a record, or of a handshake message in several (rustls: 64 KiB).
const TAIL_MAX: usize = 72 << 10;

/// What a thread's connections share.
struct Scratch {
    incoming: Box<[u8]>,
    outgoing: Box<[u8]>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        incoming: vec![0; TAIL_MAX + READ_SIZE].into_boxed_slice(),
        outgoing: vec![0; RECORD + SEAL].into_boxed_slice(),
    });
}

/// A connection, or one that is about to be.
#[allow(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other, a byte each"
)]
pub struct Tls<S: Side> {
    stream: TcpStream,
    side: S,
    /// The beginning of a record whose end has not come yet.
    tail: Vec<u8>,
    /// Sealed, and not taken by the kernel yet.
    unsent: Vec<u8>,
    /// What ended it, as long as nobody was told.
    failed: Option<Box<Failure>>,
    /// rustls has given up: it must not be asked again.
    broken: bool,
    /// The peer will send nothing more.
    heard_all: bool,
    /// Nothing more will be written; the peer is to be told.
    ending: bool,
    /// The last read may have left something.
    more: bool,
}

impl<S: Side> std::fmt::Debug for Tls<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tls").field(&self.stream).finish()
    }
}

impl<S: Side> Tls<S> {
    fn over(stream: TcpStream, side: S) -> Self {
        Self {
            stream,
            side,
            tail: Vec::new(),
            unsent: Vec::new(),
            failed: None,
            broken: false,
            heard_all: false,
            ending: false,
            more: false,
        }
    }

    /// The kernel's socket.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The same, to be watched.
    pub fn stream_mut(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Whether the handshake goes on: nothing is sent before it has ended.
    pub fn is_handshaking(&self) -> bool {
        self.side.is_handshaking()
    }

    /// Whether the last read may have left something that makes no new edge.
    pub fn may_have_more(&self) -> bool {
        self.more
    }

    /// Reads what is there and opens it; 0 is the end of the stream. `into` must have room for a
    /// record beside what is kept of one, 90 KiB at most.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there for the reader, whatever the handshake has got; `Interrupted`
    /// when more may be there and it is the others' turn; a [`Failure`] within; those of recv(2).
    pub fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        SCRATCH.with_borrow_mut(|scratch| self.receive_by(&mut scratch.incoming, into))
    }

    fn receive_by(&mut self, incoming: &mut [u8], into: &mut [u8]) -> io::Result<usize> {
        self.more = false;
        if let Some(failed) = self.failed.take() {
            return Err((*failed).into());
        }
        for _ in 0..READS_IN_VAIN {
            if self.heard_all || self.broken {
                return Ok(0);
            }
            let kept = self.tail.len();
            // What comes out is never longer than what went in.
            let room = READ_SIZE.min(into.len().saturating_sub(kept));
            if room == 0 || kept > TAIL_MAX {
                return Err(ErrorKind::InvalidInput.into());
            }
            incoming[..kept].copy_from_slice(&self.tail);
            let count = receive(&self.stream, &mut incoming[kept..kept + room])?;
            if count == 0 {
                // Without close_notify: MQTT says itself where a packet ends.
                self.heard_all = true;
                continue;
            }
            let opened = self.open(&mut incoming[..kept + count], into);
            // What the handshake has to say, or an alert. If that fails, reading does too.
            let _ = self.flush();
            let plain = match opened {
                (plain, None) => plain,
                (0, Some(failure)) => return Err(failure.into()),
                (plain, Some(failure)) => {
                    self.failed = Some(Box::new(failure));
                    plain
                }
            };
            if plain > 0 {
                self.more = count == room || self.heard_all || self.failed.is_some();
                return Ok(plain);
            }
        }
        // A peer that says much and means nothing must not keep a worker from its other connections.
        Err(ErrorKind::Interrupted.into())
    }

    /// Takes records off `incoming`, keeps the rest, and puts what was in them into `into`. How much
    /// that is, and what went wrong behind it.
    fn open(&mut self, incoming: &mut [u8], into: &mut [u8]) -> (usize, Option<Failure>) {
        let (mut used, mut plain) = (0, 0);
        let mut failed = None;
        loop {
            let UnbufferedStatus { mut discard, state } = self.side.process(&mut incoming[used..]);
            let mut waits = false;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        into[plain..plain + record.payload.len()].copy_from_slice(record.payload);
                        plain += record.payload.len();
                        discard += record.discard;
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut self.unsent),
                // They are on their way: what the kernel does not take is kept.
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.heard_all = true,
                Ok(_) => waits = true,
                Err(error) => {
                    failed = Some(error);
                    waits = true;
                }
            }
            used = incoming.len().min(used + discard);
            if waits {
                break;
            }
        }
        // An alert. Nothing else may be asked of rustls once it has failed.
        while failed.is_some() && self.side.has_to_say() {
            match self.side.process(&mut incoming[used..]).state {
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut self.unsent),
                _ => break,
            }
        }
        self.tail = Vec::new();
        self.broken |= failed.is_some();
        if !self.broken && !self.heard_all {
            self.tail.extend_from_slice(&incoming[used..]);
        }
        (plain, failed.map(|error| self.side.failure(error)))
    }

    /// Lets the handshake say what it can say without having heard anything.
    ///
    /// # Errors
    /// As for [`Tls::flush`].
    pub fn begin(&mut self) -> io::Result<()> {
        if let (_, Some(failure)) = self.open(&mut [], &mut []) {
            return Err(failure.into());
        }
        self.flush()
    }

    /// Seals and writes. What was taken may wait here for the kernel: as much as one record.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is taken, and before the handshake has ended; those of send(2).
    pub fn transmit(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        SCRATCH.with_borrow_mut(|scratch| self.transmit_by(&mut scratch.outgoing, bytes))
    }

    fn transmit_by(&mut self, outgoing: &mut [u8], bytes: &[u8]) -> io::Result<usize> {
        if self.broken {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let mut taken = 0;
        for plain in bytes.chunks(RECORD) {
            let sealed = match self.seal(plain, outgoing) {
                Err(_) if taken > 0 => break,
                sealed => sealed?,
            };
            taken += plain.len();
            // What the handshake layer had to say comes before it.
            let sent = if self.unsent.is_empty() {
                match transmit(&self.stream, &outgoing[..sealed]) {
                    Ok(count) => count,
                    Err(error) if is_full(&error) => 0,
                    Err(error) => return Err(self.last_words(error)),
                }
            } else {
                0
            };
            if sent < sealed {
                // A sealed record is numbered and cannot be taken back.
                self.unsent.extend_from_slice(&outgoing[sent..sealed]);
                break;
            }
        }
        Ok(taken)
    }

    fn seal(&mut self, plain: &[u8], outgoing: &mut [u8]) -> io::Result<usize> {
        loop {
            // Half of a record may be part of a handshake message: rustls must see it again.
            let UnbufferedStatus { discard, state } = self.side.process(&mut self.tail);
            let sealed = match state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => Some(
                    traffic
                        .encrypt(plain, outgoing)
                        .map_err(|error| match error {
                            EncryptError::InsufficientSize(_) => ErrorKind::InvalidInput,
                            EncryptError::EncryptExhausted => ErrorKind::ConnectionAborted,
                        })?,
                ),
                Ok(ConnectionState::EncodeTlsData(data)) => {
                    encode(data, &mut self.unsent);
                    None
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    None
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.heard_all = true;
                    None
                }
                Ok(ConnectionState::Closed) => return Err(ErrorKind::BrokenPipe.into()),
                Ok(_) => return Err(ErrorKind::WouldBlock.into()),
                Err(error) => {
                    self.broken = true;
                    return Err(self.side.failure(error).into());
                }
            };
            self.tail.drain(..discard);
            if let Some(sealed) = sealed {
                return Ok(sealed);
            }
        }
    }

    /// Writes what is sealed already.
    ///
    /// # Errors
    /// `WouldBlock` when the kernel does not take all of it; those of send(2).
    pub fn flush(&mut self) -> io::Result<()> {
        let mut sent = 0;
        while sent < self.unsent.len() {
            match transmit(&self.stream, &self.unsent[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.unsent.drain(..sent);
                    return Err(if is_full(&error) {
                        error
                    } else {
                        self.last_words(error)
                    });
                }
            }
        }
        self.unsent = Vec::new();
        if self.ending {
            let _ = self.stream.shutdown(Shutdown::Write);
        }
        Ok(())
    }

    /// What the peer has said before it stopped listening explains more than the error of a write.
    #[cold]
    fn last_words(&mut self, error: io::Error) -> io::Error {
        if self.broken {
            return error;
        }
        let mut incoming = vec![0; TAIL_MAX + READ_SIZE];
        let kept = self.tail.len();
        incoming[..kept].copy_from_slice(&self.tail);
        let Ok(count) = receive(&self.stream, &mut incoming[kept..]) else {
            return error;
        };
        let mut into = vec![0; kept + count];
        match self.open(&mut incoming[..kept + count], &mut into) {
            (_, Some(failure)) => failure.into(),
            (_, None) => error,
        }
    }

    /// Says that nothing more will be written, as soon as what waits has left: `close_notify`
    /// (RFC 8446, section 6.1), and then the kernel's way to say it.
    pub fn end(&mut self) {
        if std::mem::replace(&mut self.ending, true) {
            return;
        }
        if !self.broken
            && let Ok(ConnectionState::WriteTraffic(mut traffic)) =
                self.side.process(&mut self.tail).state
        {
            let mut alert = [0; SEAL];
            if let Ok(count) = traffic.queue_close_notify(&mut alert) {
                self.unsent.extend_from_slice(&alert[..count]);
            }
        }
        let _ = self.flush();
    }
}

/// Whether the kernel takes nothing now, or is still connecting (some systems say not connected).
fn is_full(error: &io::Error) -> bool {
    use ErrorKind::{Interrupted, NotConnected, WouldBlock};
    matches!(error.kind(), WouldBlock | Interrupted | NotConnected)
}

#[cfg(test)]
mod tests;
