//! Frames of WebSocket (RFC 6455, section 5): taken off a stream, and put on one.
//!
//! Headers are tungstenite's to read and to write; its streams are not used, because they keep a buffer for each
//! connection and make one of each message. What a data frame holds is handed on as it comes, so that a frame may be as long as it claims to be
//! without a byte being kept for it: MQTT says itself where a packet ends, and does not care about frames
//! [MQTT-6.0.0-2]. Only control frames, of 125 bytes at most, are gathered. Not here: sockets, the
//! handshake, what is answered.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{self, Data, OpCode};

use super::failure::Fault;
use super::mask::{self, Key};

/// Bytes of the longest header.
pub const HEADER_MAX: usize = 14;
/// Bytes that a control frame may hold.
pub const CONTROL_MAX: usize = 125;

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
    Close,
    /// Wants a [`Control::Pong`] with the same bytes.
    Ping,
    /// The answer, or a sign of life.
    Pong,
}

impl From<Control> for OpCode {
    fn from(control: Control) -> Self {
        Self::Control(match control {
            Control::Close => coding::Control::Close,
            Control::Ping => coding::Control::Ping,
            Control::Pong => coding::Control::Pong,
        })
    }
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
        let begun = usize::from(self.begun);
        let here = bytes.len().min(HEADER_MAX - begun);
        self.header[begun..begun + here].copy_from_slice(&bytes[..here]);
        let mut cursor = Cursor::new(&self.header[..begun + here]);
        match FrameHeader::parse(&mut cursor) {
            Err(_) => Err(Fault::Frame),
            // No header is longer than what there was room for.
            Ok(None) => {
                self.begun += here as u8;
                Ok(here)
            }
            Ok(Some((header, left))) => {
                let length = cursor.position() as usize;
                self.begun = 0;
                self.frame = Some(self.begin(&header, length, left)?);
                Ok(length - begun)
            }
        }
    }

    /// What a complete header of this length says.
    fn begin(&mut self, header: &FrameHeader, length: usize, left: u64) -> Result<Frame, Fault> {
        let reserved = header.rsv1 || header.rsv2 || header.rsv3;
        // The shortest form alone, and no sign (section 5.2).
        let fits = header.len(left) == length && left >> 63 == 0;
        if reserved || !fits || header.mask.is_some() != self.masked {
            return Err(Fault::Frame);
        }
        let last = header.is_final;
        let small = last && left <= CONTROL_MAX as u64;
        let kind = match header.opcode {
            OpCode::Data(Data::Continue) if self.fragmented => Kind::Data,
            OpCode::Data(Data::Binary) if !self.fragmented => Kind::Data,
            OpCode::Data(Data::Text) if !self.fragmented => return Err(Fault::Text),
            OpCode::Control(coding::Control::Close) if small => Kind::Control(Control::Close),
            OpCode::Control(coding::Control::Ping) if small => Kind::Control(Control::Ping),
            OpCode::Control(coding::Control::Pong) if small => Kind::Control(Control::Pong),
            _ => return Err(Fault::Frame),
        };
        if kind == Kind::Data {
            self.fragmented = !last;
        }
        Ok(Frame {
            left,
            key: header.mask.unwrap_or_default(),
            kind,
        })
    }
}

/// Puts a message of one binary frame at the beginning of `out`, which has room for a header beside it;
/// masked if there is a key. How many bytes that was.
pub fn put_data(out: &mut [u8], payload: &[u8], key: Option<Key>) -> usize {
    put(out, OpCode::Data(Data::Binary), payload, key)
}

/// Appends a control frame; what does not fit into one is left out.
pub fn append_control(out: &mut Vec<u8>, control: Control, payload: &[u8], key: Option<Key>) {
    let payload = &payload[..payload.len().min(CONTROL_MAX)];
    let mut frame = [0; HEADER_MAX + CONTROL_MAX];
    let length = put(&mut frame, control.into(), payload, key);
    out.extend_from_slice(&frame[..length]);
}

fn put(out: &mut [u8], opcode: OpCode, payload: &[u8], key: Option<Key>) -> usize {
    let header = FrameHeader {
        opcode,
        mask: key,
        ..FrameHeader::default()
    };
    let length = payload.len() as u64;
    let at = header.len(length);
    // It cannot fail in the room that it asks for.
    let _ = header.format(length, &mut &mut out[..at]);
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
