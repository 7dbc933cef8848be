//! Rendering: compiled templates straight into the bytes of an MQTT 3.1.1 PUBLISH packet.
//!
//! Appends to the caller's buffer and allocates only when that is too small. Not here: what is
//! rendered when (requests), and every other packet type (the codec).

use crate::plan::captures::Captures;
use crate::plan::generator::{Generator, write_random_uuid};
use crate::plan::identities::Identities;
use crate::plan::pen::Pen;
use crate::plan::pointer::unquoted;
use crate::plan::request::Message;
use crate::plan::request_id::RequestIdKind;
use crate::plan::template::{ItemIdForm, Piece, Template};
use crate::plan::text::{write_instant, write_integer, write_uuid};
use crate::random::hash;

/// Largest remaining length (MQTT 3.1.1, section 2.2.3).
pub(crate) const REMAINING_LENGTH_MAX: usize = 268_435_455;

/// Everything that the pieces of one message can refer to. Few words, because it is made for each
/// message: a copy of all that is in them was read back before it had been written.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) message: &'a Message<'a>,
    pub(crate) fields: &'a Fields,
    /// The message's, or that of the sample in a batch.
    pub(crate) unix_ns: u64,
    /// Number of the message, or of the sample in a batch.
    pub(crate) number: u64,
    pub(crate) state: &'a [u64],
}

/// What a request's fields are made of, the same for all its messages.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fields {
    pub(crate) id_kind: RequestIdKind,
    pub(crate) uuid_key: u64,
    pub(crate) generators: Vec<Generator>,
}

impl Fields {
    /// Of templates that hold only what is fixed for an endpoint.
    const NONE: &Self = &Self {
        id_kind: RequestIdKind::None,
        uuid_key: 0,
        generators: Vec::new(),
    };
}

impl Template {
    /// Appends the text for an endpoint; only for templates that hold only what is fixed for it.
    pub(crate) fn render(&self, endpoint: u32, identities: &Identities, out: &mut Vec<u8>) {
        const NO_CAPTURES: &Captures = &Captures::new();
        let message = Message {
            endpoint,
            request_id: 0,
            packet_id: 0,
            unix_ns: 0,
            identities,
            captures: NO_CAPTURES,
        };
        let values = Values {
            message: &message,
            fields: Fields::NONE,
            unix_ns: 0,
            number: 0,
            state: &[],
        };
        let longest = self.longest(&[], identities);
        Pen::append(out, longest, |pen| self.write(&values, pen));
    }

    /// Writes the text for these values, at most [`Template::longest`] bytes.
    #[inline]
    pub(crate) fn write(&self, values: &Values<'_>, pen: &mut Pen<'_>) {
        let (message, fields) = (values.message, values.fields);
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => pen.write(text),
                Piece::Endpoint(format) => format.write(message.endpoint, pen),
                Piece::Identity(column) => {
                    pen.write(message.identities.get(*column, message.endpoint));
                }
                Piece::RequestId if fields.id_kind == RequestIdKind::Uuid => {
                    write_uuid(pen, uuid::Uuid::from_u128(message.request_id));
                }
                Piece::RequestId => write_integer(pen, message.request_id as u64),
                Piece::Clock(format) => write_instant(pen, values.unix_ns, *format),
                Piece::Generator(index) => {
                    if let Some(generator) = fields.generators.get(*index) {
                        generator.write(message.endpoint, values.number, values.state, pen);
                    }
                }
                Piece::Sequence => write_integer(pen, values.number),
                Piece::Uuid => {
                    let bits = hash(fields.uuid_key, u64::from(message.endpoint), values.number);
                    write_random_uuid(pen, bits);
                }
                Piece::Capture(index) => pen.write(message.captures.get(*index)),
                Piece::ItemId(form) => write_item_id(message.captures.item_id(), *form, pen),
            }
        }
    }

    /// The longest text that the template can yield, in bytes.
    pub(crate) fn longest(&self, generators: &[Generator], identities: &Identities) -> usize {
        let longest = |piece: &Piece| match piece {
            Piece::Literal(text) => text.len(),
            Piece::Endpoint(format) => format.longest(),
            Piece::Identity(column) => identities.facts(*column).longest,
            Piece::RequestId | Piece::Uuid => 36,
            Piece::Clock(_) | Piece::Sequence => 25,
            Piece::Generator(index) => generators.get(*index).map_or(0, Generator::longest),
            Piece::Capture(_) | Piece::ItemId(_) => crate::plan::captures::CAPTURE_BYTES_MAX,
        };
        self.pieces.iter().map(longest).sum()
    }
}

#[inline(never)]
fn write_item_id(id: &[u8], form: ItemIdForm, pen: &mut Pen<'_>) {
    let bare = || std::str::from_utf8(id).map_or(&[][..], |id| unquoted(id).as_bytes());
    match form {
        ItemIdForm::Json => pen.write(id),
        ItemIdForm::Unquoted => pen.write(bare()),
        // Foreign text must not make a topic that MQTT forbids (MQTT 3.1.1, section 4.7.1).
        ItemIdForm::Topic => bare().iter().for_each(|byte| {
            pen.byte(match byte {
                b'+' | b'#' | 0 => b'_',
                other => *other,
            });
        }),
    }
}

/// A PUBLISH packet that is being written (MQTT 3.1.1, section 3.3).
pub(crate) struct Frame {
    start: usize,
    width: usize,
}

impl Frame {
    /// Bytes before the topic's text, at most: type, remaining length, length of the topic.
    pub(crate) const HEAD: usize = 7;

    /// Where a packet begins that is appended to `out`. `width`: bytes that the remaining length
    /// will most likely take, 1 to 4.
    #[inline]
    pub(crate) fn begin(width: usize, out: &[u8]) -> Self {
        Self {
            start: out.len(),
            width: width.clamp(1, 4),
        }
    }

    /// Writes the fixed header, its length to be put in later, and the topic with its length in
    /// front; the topic has at most 65,535 bytes, as compiled.
    #[inline]
    pub(crate) fn head(
        &self,
        qos: u8,
        retain: bool,
        pen: &mut Pen<'_>,
        topic: impl FnOnce(&mut Pen<'_>),
    ) {
        pen.byte(0x30 | (qos << 1) | u8::from(retain));
        pen.write(&[0; 6][..self.width + 2]);
        let at = pen.written();
        topic(pen);
        let length = (pen.written() - at) as u16;
        pen.text_mut()[at - 2..at].copy_from_slice(&length.to_be_bytes());
    }

    /// Puts the remaining length in, and moves the body when the guessed width was wrong.
    pub(crate) fn end(self, out: &mut Vec<u8>) {
        let body = self.start + 1 + self.width;
        let remaining = out.len() - body;
        let width = remaining_length_width(remaining);
        let moved = self.start + 1 + width;
        if width > self.width {
            let end = out.len();
            out.resize(moved + remaining, 0);
            out.copy_within(body..end, moved);
        } else if width < self.width {
            out.copy_within(body.., moved);
            out.truncate(moved + remaining);
        }
        let mut rest = remaining;
        for byte in &mut out[self.start + 1..moved] {
            *byte = (rest & 0x7F) as u8 | if rest > 0x7F { 0x80 } else { 0 };
            rest >>= 7;
        }
    }
}

/// Bytes that a remaining length takes (MQTT 3.1.1, section 2.2.3).
pub(crate) fn remaining_length_width(remaining: usize) -> usize {
    match remaining {
        0..128 => 1,
        128..16_384 => 2,
        16_384..2_097_152 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: usize, payload: usize) -> Vec<u8> {
        let mut out = vec![0xEE];
        let frame = Frame::begin(width, &out);
        Pen::append(&mut out, 20, |pen| {
            frame.head(1, true, pen, |pen| pen.write(b"a/b"));
        });
        out.extend((0..payload).map(|n| n as u8));
        frame.end(&mut out);
        out
    }

    #[test]
    fn a_wrong_guess_of_the_length_changes_nothing() {
        for payload in [0, 1, 122, 123, 16_378, 16_379, 2_097_146, 2_097_147] {
            let right = frame(remaining_length_width(payload + 5), payload);
            for width in 1..=4 {
                assert!(frame(width, payload) == right, "{width} {payload}");
            }
        }
    }

    #[test]
    fn a_small_frame_is_as_the_specification_has_it() {
        assert_eq!(frame(2, 2), [0xEE, 0x33, 7, 0, 3, b'a', b'/', b'b', 0, 1]);
        assert_eq!(frame(1, 123)[..4], [0xEE, 0x33, 0x80, 0x01]);
    }

    #[test]
    fn item_ids_never_make_an_invalid_topic() {
        let mut out = Vec::new();
        Pen::append(&mut out, 20, |pen| {
            write_item_id(b"\"a+b#\0\"", ItemIdForm::Topic, pen);
            write_item_id(b"\"x\"", ItemIdForm::Json, pen);
            write_item_id(b"\"y\"", ItemIdForm::Unquoted, pen);
            write_item_id(b"7", ItemIdForm::Unquoted, pen);
        });
        assert_eq!(out, b"a_b__\"x\"y7");
    }
}
