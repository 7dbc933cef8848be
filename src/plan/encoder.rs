//! Rendering: compiled templates straight into the bytes of a PUBLISH packet, of MQTT 3.1.1 or 5.0.
//!
//! Appends to the caller's buffer and allocates only when that is too small. Not here: what is
//! rendered when (requests), and every other packet type (the codec).

use std::num::NonZeroU8;

use crate::plan::captures::Captures;
use crate::plan::generator::{Generator, write_random_uuid};
use crate::plan::identities::Identities;
use crate::plan::moment::Moment;
use crate::plan::pen::Pen;
use crate::plan::pointer::unquoted;
use crate::plan::request::Message;
use crate::plan::request_id::RequestIdKind;
use crate::plan::sheet::Sheet;
use crate::plan::template::{ItemIdForm, Piece, Template};
use crate::plan::text::{write_instant, write_integer, write_uuid};
use crate::profile::TimestampFormat;
use crate::random::hash;

/// Largest remaining length (MQTT 3.1.1, section 2.2.3).
pub(crate) const REMAINING_LENGTH_MAX: usize = 268_435_455;

/// Everything that the pieces of one message can refer to. Few words, because it is made for each
/// message: a copy of all that is in them was read back before it had been written.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) message: &'a Message<'a>,
    pub(crate) fields: &'a Fields,
    /// That of the sample in a batch, if it is not the message's.
    pub(crate) sample_unix_ns: Option<u64>,
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
            moment: &Moment::at(0),
            identities,
            captures: NO_CAPTURES,
        };
        let values = Values {
            message: &message,
            fields: Fields::NONE,
            sample_unix_ns: None,
            number: 0,
            state: &[],
        };
        let longest = self.longest(&[], identities);
        let mut sheet = Sheet::from(std::mem::take(out));
        sheet.append(longest, |pen| self.write(&values, pen));
        *out = sheet.into();
    }

    /// Writes the text for these values, at most [`Template::longest`] bytes.
    #[inline]
    pub(crate) fn write<'p>(&self, values: &Values<'_>, mut pen: Pen<'p>) -> Pen<'p> {
        let (message, fields) = (values.message, values.fields);
        for piece in &self.pieces {
            pen = match piece {
                Piece::Literal(text) => pen.padded(text),
                Piece::Endpoint(format) => format.write(message.endpoint, pen),
                Piece::Identity(column) => {
                    pen.write(message.identities.get(*column, message.endpoint))
                }
                Piece::RequestId if fields.id_kind == RequestIdKind::Uuid => {
                    write_uuid(pen, uuid::Uuid::from_u128(message.request_id))
                }
                Piece::RequestId => write_integer(pen, message.request_id as u64),
                Piece::Clock(format) => write_clock(values, *format, pen),
                Piece::Generator(index) => match fields.generators.get(*index) {
                    Some(generator) => {
                        generator.write(message.endpoint, values.number, values.state, pen)
                    }
                    None => pen,
                },
                Piece::Sequence => write_integer(pen, values.number),
                Piece::Uuid => write_own_uuid(values, pen),
                Piece::Capture(index) => pen.write(message.captures.get(*index)),
                Piece::ItemId(form) => write_item_id(message.captures.item_id(), *form, pen),
            };
        }
        pen
    }

    /// The longest text that the template can yield, in bytes.
    pub(crate) fn longest(&self, generators: &[Generator], identities: &Identities) -> usize {
        let longest = |piece: &Piece| match piece {
            Piece::Literal(text) => text.as_bytes().len(),
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

// Not inlined: the hash was computed ahead for messages that have no UUID.
#[inline(never)]
fn write_own_uuid<'p>(values: &Values<'_>, pen: Pen<'p>) -> Pen<'p> {
    let endpoint = u64::from(values.message.endpoint);
    write_random_uuid(pen, hash(values.fields.uuid_key, endpoint, values.number))
}

#[inline]
fn write_clock<'p>(values: &Values<'_>, format: TimestampFormat, pen: Pen<'p>) -> Pen<'p> {
    let moment = values.message.moment;
    match (format, values.sample_unix_ns) {
        (TimestampFormat::Milliseconds, None) => moment.write_milliseconds(pen),
        (_, sample) => write_instant(pen, sample.unwrap_or(moment.unix_ns()), format),
    }
}

#[inline(never)]
fn write_item_id<'p>(id: &[u8], form: ItemIdForm, pen: Pen<'p>) -> Pen<'p> {
    let bare = || std::str::from_utf8(id).map_or(&[][..], |id| unquoted(id).as_bytes());
    match form {
        ItemIdForm::Json => pen.write(id),
        ItemIdForm::Unquoted => pen.write(bare()),
        // Foreign text must not make a topic that MQTT forbids (MQTT 3.1.1, section 4.7.1).
        ItemIdForm::Topic => bare().iter().fold(pen, |pen, byte| {
            pen.byte(match byte {
                b'+' | b'#' | 0 => b'_',
                other => *other,
            })
        }),
    }
}

/// Where a packet's fixed header and topic lie in a sheet. Eight bytes with its `Option`: handed back
/// in memory, it was read before it had arrived there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    start: u32,
    /// Bytes of the topic.
    topic: u16,
    /// Bytes of the remaining length.
    width: NonZeroU8,
}

impl Head {
    #[inline]
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + 3 + self.width() + usize::from(self.topic)
    }

    #[inline]
    fn width(self) -> usize {
        usize::from(self.width.get())
    }
}

/// A PUBLISH packet that is being written (MQTT 3.1.1, section 3.3).
pub(crate) struct Frame {
    start: usize,
    width: usize,
    /// Bytes of the topic.
    topic: u16,
}

impl Frame {
    /// Bytes before the topic's text, at most: type, remaining length, length of the topic.
    pub(crate) const HEAD: usize = 7;

    /// Where a packet begins that is appended to `out`. `width`: bytes that the remaining length
    /// will most likely take, 1 to 4, if there is no packet before to tell.
    #[inline]
    pub(crate) fn begin(previous: Option<Head>, width: usize, out: &Sheet) -> Self {
        Self {
            start: out.len(),
            width: previous.map_or(width, Head::width).clamp(1, 4),
            topic: 0,
        }
    }

    /// Writes the fixed header, both lengths to be put in later, and the topic, which has at most
    /// 65,535 bytes, as compiled.
    #[inline]
    pub(crate) fn head<'p>(
        &mut self,
        qos: u8,
        retain: bool,
        pen: Pen<'p>,
        topic: impl FnOnce(Pen<'p>) -> Pen<'p>,
    ) -> Pen<'p> {
        let kind = 0x30 | (qos << 1) | u8::from(retain);
        let pen = pen.first(self.width + 3, &u64::from(kind).to_le_bytes());
        let left = pen.left();
        let pen = topic(pen);
        self.topic = (left - pen.left()) as u16;
        pen
    }

    /// Writes header and topic as they were in the packet before; `head` has the same width.
    #[inline]
    pub(crate) fn same_head<'p>(&mut self, head: &[u8], pen: Pen<'p>) -> Pen<'p> {
        self.topic = (head.len() - self.width - 3) as u16;
        pen.write(head)
    }

    /// Puts the lengths in, and moves the body when the guessed width was wrong.
    #[allow(clippy::inline_always, reason = "one for each version, as its caller")]
    #[inline(always)]
    pub(crate) fn end(self, out: &mut Sheet) -> Option<Head> {
        let body = self.start + 1 + self.width;
        let remaining = out.len() - body;
        let width = remaining_length_width(remaining);
        if width != self.width {
            out.shift(body, self.start + 1 + width);
        }
        let topic = self.topic.to_be_bytes();
        let lengths = &mut out.text_from_mut(self.start + 1)[..width + 2];
        if let Ok(lengths) = <&mut [u8; 4]>::try_from(&mut *lengths) {
            // Nearly always: one move instead of a loop.
            let low = 0x80 | (remaining & 0x7F) as u8;
            *lengths = [low, (remaining >> 7) as u8, topic[0], topic[1]];
        } else {
            let (remaining_length, topic_length) = lengths.split_at_mut(width);
            topic_length.copy_from_slice(&topic);
            write_variable(remaining_length, remaining);
        }
        Some(Head {
            start: u32::try_from(self.start).ok()?,
            topic: self.topic,
            width: NonZeroU8::new(width as u8)?,
        })
    }
}

/// Fills `room`, which has [`remaining_length_width`] bytes, with a length.
pub(crate) fn write_variable(room: &mut [u8], length: usize) {
    let mut rest = length;
    for byte in room {
        *byte = (rest & 0x7F) as u8 | if rest > 0x7F { 0x80 } else { 0 };
        rest >>= 7;
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
        let mut out = Sheet::from(vec![0xEE]);
        let mut frame = Frame::begin(None, width, &out);
        out.append(20, |pen| frame.head(1, true, pen, |pen| pen.write(b"a/b")));
        out.as_vector(|out| out.extend((0..payload).map(|n| n as u8)));
        frame.end(&mut out);
        out.into()
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
        let mut out = Sheet::default();
        out.append(20, |pen| {
            let pen = write_item_id(b"\"a+b#\0\"", ItemIdForm::Topic, pen);
            let pen = write_item_id(b"\"x\"", ItemIdForm::Json, pen);
            let pen = write_item_id(b"\"y\"", ItemIdForm::Unquoted, pen);
            write_item_id(b"7", ItemIdForm::Unquoted, pen)
        });
        assert_eq!(out.text(), b"a_b__\"x\"y7");
    }
}
