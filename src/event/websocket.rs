//! WebSocket over any other socket, for MQTT: bytes in, bytes out, framed on the way.
//!
//! Frames are put together in a buffer that a thread's connections share, and taken apart where they were
//! read. A connection has bytes of its own only while it upgrades, while half of a control frame is there,
//! or while the socket beneath does not take all of a frame. Not here: TLS, which lies beneath, MQTT,
//! and who connects when.

mod failure;
mod frame;
mod handshake;
mod mask;

use std::cell::RefCell;
use std::io::{self, ErrorKind};

use super::socket::Socket;
pub use failure::{Failure, Fault};
pub use frame::{Control, Decoder, HEADER_MAX, Role, append_control, put_data};
pub use handshake::Request;
use handshake::{Answer, read_answer, read_request};
use mask::{Key, Keys};

/// Bytes in one frame, at most.
const PAYLOAD: usize = 64 << 10;
/// Reads of one turn that bring nothing for the reader: pings, halves of headers, parts of an answer.
const READS_IN_VAIN: usize = 4;
/// No Pong is added to what waits when it is more: only the last Ping needs one (RFC 6455, section 5.5.3).
const WAITING_MAX: usize = 4 << 10;
/// Of a Close in order.
const NORMAL: u16 = 1000;

/// What a thread's connections share.
struct Scratch {
    frame: Box<[u8]>,
    keys: Keys,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        frame: vec![0; HEADER_MAX + PAYLOAD].into_boxed_slice(),
        keys: Keys::new(),
    });
}

/// A connection, or one that is about to be.
pub struct WebSocket {
    socket: Socket,
    decoder: Decoder,
    said: Said,
    /// Until it is over.
    upgrade: Option<Box<Upgrade>>,
    /// What ended it, as long as nobody was told.
    failed: Option<Box<Failure>>,
    /// The peer will say nothing more.
    heard_all: bool,
    /// The last read may have left something.
    more: bool,
}

/// An upgrade that goes on.
struct Upgrade {
    /// What was read of the other side's part of it.
    head: Vec<u8>,
    expected: Expected,
}

/// What the other side's part must be.
enum Expected {
    /// An answer that proves this.
    Answer(String),
    /// A request for this path.
    Request(String),
}

/// What this side says, beside messages.
struct Said {
    role: Role,
    /// Whole frames, or the end of one, that the socket has not taken.
    waits: Vec<u8>,
    /// Whether a Close is among what was said; nothing may follow it.
    closed: bool,
    /// That of the peer's Close.
    close_code: Option<u16>,
}

impl std::fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("WebSocket").field(&self.socket).finish()
    }
}

impl WebSocket {
    /// The side that connects. The request waits to be flushed.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn connect(socket: Socket, request: &Request) -> io::Result<Self> {
        let (bytes, accept) = request.ask()?;
        let mut this = Self::over(socket, Role::Client, Expected::Answer(accept));
        this.said.waits = bytes;
        Ok(this)
    }

    /// The side that is connected to, at this path.
    pub fn accept(socket: Socket, path: &str) -> Self {
        Self::over(socket, Role::Server, Expected::Request(path.to_owned()))
    }

    fn over(socket: Socket, role: Role, expected: Expected) -> Self {
        Self {
            socket,
            decoder: Decoder::new(role),
            said: Said {
                role,
                waits: Vec::new(),
                closed: false,
                close_code: None,
            },
            upgrade: Some(Box::new(Upgrade {
                head: Vec::new(),
                expected,
            })),
            failed: None,
            heard_all: false,
            more: false,
        }
    }

    /// What lies beneath.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The same, to be watched.
    pub fn socket_mut(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Whether messages may be sent: the upgrade has come to a good end.
    pub fn is_upgraded(&self) -> bool {
        self.upgrade.is_none()
    }

    /// The code of the Close that the peer has sent; 1005 for one without.
    pub fn close_code(&self) -> Option<u16> {
        self.said.close_code
    }

    /// Whether the last read may have left something that makes no new edge.
    pub fn may_have_more(&self) -> bool {
        self.more
    }

    /// Reads what is there and takes it out of its frames; 0 is the end of the stream, or a Close. `into`
    /// must have as much room as the socket beneath wants.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there for the reader, however far the upgrade has come; `Interrupted` when
    /// more may be there and it is the others' turn; a [`Failure`] within; those of the socket beneath.
    pub fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.more = false;
        if let Some(failed) = self.failed.take() {
            return Err((*failed).into());
        }
        for _ in 0..READS_IN_VAIN {
            if self.heard_all {
                return Ok(0);
            }
            let count = self.socket.receive(into)?;
            if count == 0 {
                // Without a Close: MQTT says itself where a packet ends.
                self.heard_all = true;
                continue;
            }
            self.more = self.socket.may_have_more(count, into.len());
            let (plain, failure) = self.open(&mut into[..count]);
            self.heard_all |= failure.is_some() || self.decoder.is_closed();
            // Pongs, a Close, an answer. If that fails, reading does too.
            let flushed = self.flush().is_ok();
            if flushed && self.heard_all && self.said.closed {
                self.socket.end();
            }
            match failure {
                Some(failure) if plain == 0 => return Err(failure.into()),
                failure => self.failed = failure.map(Box::new),
            }
            if plain > 0 {
                self.more |= self.heard_all;
                return Ok(plain);
            }
        }
        // A peer that says much and means nothing must not keep a worker from its other connections.
        Err(ErrorKind::Interrupted.into())
    }

    /// Moves what data frames hold to the front of what was read. How much that is, and what went wrong
    /// behind it.
    fn open(&mut self, bytes: &mut [u8]) -> (usize, Option<Failure>) {
        let from = match self.go_on(bytes) {
            Ok(Some(from)) => from,
            Ok(None) => return (0, None),
            Err(failure) => return (0, Some(failure)),
        };
        let said = &mut self.said;
        let hear = |control, payload: &[u8]| said.hear(control, payload);
        let (plain, fault) = self.decoder.take(bytes, from, hear);
        if let Some(fault) = fault {
            self.said.close(fault.close_code());
        }
        (plain, fault.map(Failure::from))
    }

    /// Goes on with the upgrade, if it is not over. Where frames begin; `None`: not among these bytes.
    fn go_on(&mut self, bytes: &[u8]) -> Result<Option<usize>, Failure> {
        let Some(upgrade) = &mut self.upgrade else {
            return Ok(Some(0));
        };
        let before = upgrade.head.len();
        upgrade.head.extend_from_slice(bytes);
        let length = match &upgrade.expected {
            Expected::Answer(accept) => read_answer(&upgrade.head, accept)?,
            Expected::Request(path) => match read_request(&upgrade.head, path) {
                None => None,
                Some(Answer::Upgrade(length, answer)) => {
                    self.said.waits.extend_from_slice(answer.as_bytes());
                    Some(length)
                }
                Some(Answer::Refusal(failure, answer)) => {
                    self.said.waits.extend_from_slice(answer.as_bytes());
                    self.said.closed = true;
                    return Err(failure);
                }
            },
        };
        if length.is_some() {
            self.upgrade = None;
        }
        // What was there before was not all of it.
        Ok(length.map(|length| length - before))
    }

    /// Puts bytes into frames and writes them. What was taken may wait here for the socket: as much as one
    /// frame.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is taken, and before the upgrade is over; `BrokenPipe` after a Close; those of
    /// the socket beneath.
    pub fn transmit(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.upgrade.is_some() {
            return Err(ErrorKind::WouldBlock.into());
        }
        if self.said.closed {
            return Err(ErrorKind::BrokenPipe.into());
        }
        self.flush()?;
        SCRATCH.with_borrow_mut(|scratch| self.transmit_by(scratch, bytes))
    }

    fn transmit_by(&mut self, scratch: &mut Scratch, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        for payload in bytes.chunks(PAYLOAD) {
            let key = match self.said.role {
                Role::Client => Some(scratch.keys.draw()?),
                Role::Server => None,
            };
            let length = put_data(&mut scratch.frame, payload, key);
            let sent = match self.socket.transmit(&scratch.frame[..length]) {
                Ok(sent) => sent,
                // Whatever it is, the next call meets it again.
                Err(_) if taken > 0 => break,
                Err(error) => return Err(error),
            };
            taken += payload.len();
            if sent < length {
                // Its header says how long the frame is: it cannot be taken back.
                let waits = &mut self.said.waits;
                waits.extend_from_slice(&scratch.frame[sent..length]);
                break;
            }
        }
        Ok(taken)
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// `WouldBlock` when the socket does not take all of it; those of the socket beneath.
    pub fn flush(&mut self) -> io::Result<()> {
        let waits = &mut self.said.waits;
        while !waits.is_empty() {
            match self.socket.transmit(waits) {
                Ok(count) => drop(waits.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if waits.capacity() > 0 {
            *waits = Vec::new();
        }
        self.socket.flush()
    }

    /// Says that nothing more will be written, with a Close. The peer answers it and ends the stream
    /// (RFC 6455, section 7.1.1); until then it is read from.
    pub fn end(&mut self) {
        if self.upgrade.is_some() {
            let _ = self.flush();
            return self.socket.end();
        }
        self.said.close(NORMAL);
        let flushed = self.flush().is_ok();
        if flushed && self.heard_all {
            self.socket.end();
        }
    }
}

impl Said {
    /// Answers a control frame.
    fn hear(&mut self, control: Control, payload: &[u8]) -> Result<(), Fault> {
        match control {
            Control::Ping if !self.closed && self.waits.len() <= WAITING_MAX => {
                self.say(Control::Pong, payload);
            }
            Control::Ping | Control::Pong => {}
            Control::Close => {
                let code = frame::close_code(payload)?;
                self.close_code = Some(code);
                // 1005 says that there was none, and is never sent.
                self.close(if code == 1005 { NORMAL } else { code });
            }
        }
        Ok(())
    }

    /// Adds a Close, unless there was one.
    fn close(&mut self, code: u16) {
        if !self.closed {
            self.say(Control::Close, &code.to_be_bytes());
            self.closed = true;
        }
    }

    fn say(&mut self, control: Control, payload: &[u8]) {
        let key = self.key();
        append_control(&mut self.waits, control, payload, key);
    }

    /// Without randomness a frame would be taken for a broken one, and so it is masked with what can be
    /// foretold: control frames hold nothing of ours.
    fn key(&self) -> Option<Key> {
        (self.role == Role::Client).then(|| {
            SCRATCH
                .with_borrow_mut(|scratch| scratch.keys.draw())
                .unwrap_or_default()
        })
    }
}

#[cfg(test)]
mod tests;
