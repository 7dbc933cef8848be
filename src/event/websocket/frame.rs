//! Frames of WebSocket (RFC 6455, section 5): taken off a stream, and put on one.
//!
//! What a data frame holds is handed on as it comes, so that a frame may be as long as it claims to be
//! without a byte being kept for it: MQTT says itself where a packet ends, and does not care about frames
//! [MQTT-6.0.0-2]. Only control frames, of 125 bytes at most, are gathered. Not here: sockets, the
//! handshake, what is answered.

use super::failure::Fault;
use super::mask::{self, Key};

/// Bytes of the longest header.
pub const HEADER_MAX: usize = 14;
/// Bytes that a control frame may hold.
pub const CONTROL_MAX: usize = 125;

const LAST: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// Which end of a connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// That which connects; it masks what it sends.
    Client,
    /// That which is connected to.
    Server,
}

/// Frames that are about the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Nothing comes after it.
    Close = 8,
    /// Wants a [`Control::Pong`] with the same bytes.
    Ping = 9,
    /// The answer, or a sign of life.
    Pong = 10,
}

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Data,
    Control(Control),
}

/// A frame whose payload is not complete.
#[derive(Debug, Clone, Copy)]
struct Frame {
    /// Bytes that are still to come.
    left: u64,
    /// For the next of them.
    key: Key,
    kind: Kind,
}

/// Takes frames off a stream, wherever it is cut.
#[derive(Debug)]
pub struct Decoder {
    /// The beginning of a header whose end has not come yet: its first `begun` bytes.
    header: [u8; HEADER_MAX],
    begun: u8,
    /// Whether what comes must be masked.
    masked: bool,
    /// Whether the last data frame was not the last one of its message.
    fragmented: bool,
    /// Whether a Close has come, after which there is nothing.
    closed: bool,
    frame: Option<Frame>,
    /// The beginning of a control frame whose end has not come yet.
    gathered: Vec<u8>,
}

impl Decoder {
    /// For what comes to this end.
    pub fn new(role: Role) -> Self {
        Self {
            header: [0; HEADER_MAX],
            begun: 0,
            masked: role == Role::Server,
            fragmented: false,
            closed: false,
            frame: None,
            gathered: Vec::new(),
        }
    }

    /// Whether a Close has come.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Takes frames off `bytes`, from `at` on, moves what data frames hold to the front of `bytes`, and calls
    /// `hear` for each control frame. How many bytes are at the front, and what went wrong behind them.
    pub fn take(
        &mut self,
        bytes: &mut [u8],
        mut at: usize,
        mut hear: impl FnMut(Control, &[u8]) -> Result<(), Fault>,
    ) -> (usize, Option<Fault>) {
        let mut plain = 0;
        while !self.closed {
            let Some(mut frame) = self.frame else {
                match self.take_header(&bytes[at..]) {
                    Err(fault) => return (plain, Some(fault)),
                    Ok(used) => at += used,
                }
                if self.frame.is_none() {
                    break;
                }
                continue;
            };
            let here = (bytes.len() - at).min(usize::try_from(frame.left).unwrap_or(usize::MAX));
            let payload = &mut bytes[at..at + here];
            if self.masked {
                mask::apply(payload, frame.key);
                frame.key = mask::behind(frame.key, here);
            }
            frame.left -= here as u64;
            self.frame = (frame.left > 0).then_some(frame);
            match frame.kind {
                Kind::Data => {
                    bytes.copy_within(at..at + here, plain);
                    plain += here;
                }
                Kind::Control(control) => {
                    if let Err(fault) = self.gather(control, frame.left == 0, payload, &mut hear) {
                        return (plain, Some(fault));
                    }
                }
            }
            at += here;
            if frame.left > 0 {
                break;
            }
        }
        (plain, None)
    }

    /// A part of a control frame, perhaps its end.
    fn gather(
        &mut self,
        control: Control,
        whole: bool,
        payload: &[u8],
        hear: &mut impl FnMut(Control, &[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if !whole {
            self.gathered.extend_from_slice(payload);
            return Ok(());
        }
        self.closed = control == Control::Close;
        if self.gathered.is_empty() {
            return hear(control, payload);
        }
        let mut gathered = std::mem::take(&mut self.gathered);
        gathered.extend_from_slice(payload);
        hear(control, &gathered)
    }

    /// Takes a header, or a part of one; how many bytes that was.
    fn take_header(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let mut used = 0;
        loop {
            let begun = usize::from(self.begun);
            let length = match begun {
                0 | 1 => 2,
                _ => header_length(self.header[1]),
            };
            if begun == length {
                self.begun = 0;
                self.frame = Some(self.begin()?);
                return Ok(used);
            }
            let here = (length - begun).min(bytes.len() - used);
            if here == 0 {
                return Ok(used);
            }
            self.header[begun..begun + here].copy_from_slice(&bytes[used..used + here]);
            self.begun += here as u8;
            used += here;
        }
    }

    /// What a complete header says.
    fn begin(&mut self) -> Result<Frame, Fault> {
        let [first, second, ..] = self.header;
        if first & RESERVED != 0 || (second & MASKED != 0) != self.masked {
            return Err(Fault::Frame);
        }
        // The shortest form alone, and no sign (section 5.2).
        let (left, at, fits) = match second & !MASKED {
            126 => {
                let left = big_endian(&self.header[2..4]);
                (left, 4, left > 125)
            }
            127 => {
                let left = big_endian(&self.header[2..10]);
                (left, 10, left > 0xFFFF && left >> 63 == 0)
            }
            left => (u64::from(left), 2, true),
        };
        let mut key = [0; 4];
        if self.masked {
            key.copy_from_slice(&self.header[at..at + 4]);
        }
        let last = first & LAST != 0;
        let small = last && left <= CONTROL_MAX as u64;
        let kind = match first & !LAST {
            _ if !fits => return Err(Fault::Frame),
            CONTINUATION if self.fragmented => Kind::Data,
            BINARY if !self.fragmented => Kind::Data,
            TEXT if !self.fragmented => return Err(Fault::Text),
            8 if small => Kind::Control(Control::Close),
            9 if small => Kind::Control(Control::Ping),
            10 if small => Kind::Control(Control::Pong),
            _ => return Err(Fault::Frame),
        };
        if kind == Kind::Data {
            self.fragmented = !last;
        }
        Ok(Frame { left, key, kind })
    }
}

fn big_endian(bytes: &[u8]) -> u64 {
    let append = |number, byte: &u8| (number << 8) | u64::from(*byte);
    bytes.iter().fold(0, append)
}

/// Bytes of a header whose second byte is this one.
fn header_length(second: u8) -> usize {
    let extended = match second & !MASKED {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + extended + if second & MASKED == 0 { 0 } else { 4 }
}

/// Puts a message of one binary frame at the beginning of `out`, which has room for a header beside it;
/// masked if there is a key. How many bytes that was.
pub fn put_data(out: &mut [u8], payload: &[u8], key: Option<Key>) -> usize {
    put(out, BINARY, payload, key)
}

/// Appends a control frame; what does not fit into one is left out.
pub fn append_control(out: &mut Vec<u8>, control: Control, payload: &[u8], key: Option<Key>) {
    let payload = &payload[..payload.len().min(CONTROL_MAX)];
    let mut frame = [0; HEADER_MAX + CONTROL_MAX];
    let length = put(&mut frame, control as u8, payload, key);
    out.extend_from_slice(&frame[..length]);
}

fn put(out: &mut [u8], opcode: u8, payload: &[u8], key: Option<Key>) -> usize {
    out[0] = LAST | opcode;
    let mut at = match payload.len() {
        short @ ..=125 => {
            out[1] = short as u8;
            2
        }
        middle @ ..=0xFFFF => {
            out[1] = 126;
            out[2..4].copy_from_slice(&(middle as u16).to_be_bytes());
            4
        }
        long => {
            out[1] = 127;
            out[2..10].copy_from_slice(&(long as u64).to_be_bytes());
            10
        }
    };
    if let Some(key) = key {
        out[1] |= MASKED;
        out[at..at + 4].copy_from_slice(&key);
        at += 4;
    }
    let end = at + payload.len();
    match key {
        Some(key) => mask::copy(payload, &mut out[at..end], key),
        None => out[at..end].copy_from_slice(payload),
    }
    end
}

/// The code of a Close frame; 1005 where it has none (section 7.1.5).
///
/// # Errors
/// Half a code, one that may not be sent (section 7.4), or a reason that is no UTF-8.
pub fn close_code(payload: &[u8]) -> Result<u16, Fault> {
    match payload {
        [] => Ok(1005),
        [_] => Err(Fault::Frame),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            match code {
                1000..=1003 | 1007..=1014 | 3000..=4999 => {}
                _ => return Err(Fault::Frame),
            }
            match std::str::from_utf8(reason) {
                Ok(_) => Ok(code),
                Err(_) => Err(Fault::Reason),
            }
        }
    }
}
