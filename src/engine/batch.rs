//! Frames on their way to a write.
//!
//! Data. Not here: the write, and frames that a socket did not take (the outbox).

use super::outbox::{Marker, Meaning};
use crate::plan::{Head, Message, Request, Sheet, TopicAs};

/// Frames in order, with what they mean.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub bytes: Sheet,
    pub markers: Vec<Marker>,
    /// Where the frame that is being written begins.
    from: usize,
    /// Where the frames of the connection begin that frames are being added for.
    pub first: usize,
    /// The last frame's request and endpoint, and its beginning if the next one can use it.
    last: (u16, u32),
    head: Option<Head>,
    /// When the worker came to these messages, if that was before this turn.
    pub due: Option<u64>,
    /// Whether the intended instants are still to come: see `prepare`.
    pub undecided: bool,
    /// Stamps: where they are, and when their messages are intended, if that is known.
    pub stamps: Vec<(usize, Option<u64>)>,
    /// How many of them have their instant.
    pub stamped: usize,
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.markers.clear();
        self.from = 0;
        self.first = 0;
        self.head = None;
        self.due = None;
        self.undecided = false;
        self.stamps.clear();
        self.stamped = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds a message of `request`, by its number in the plan.
    pub(super) fn message(
        &mut self,
        number: u16,
        request: &Request,
        topic: TopicAs,
        message: &Message<'_>,
        state: &mut [u64],
    ) {
        let this = (number, message.endpoint);
        let named = topic == TopicAs::Name;
        let previous = self.head.filter(|_| self.last == this && named);
        self.last = this;
        self.head = request.encode_after(previous, topic, &mut self.bytes, message, state);
    }

    /// Bytes for the connection that frames are being added for.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.first
    }

    /// Bytes of the frame that was written last and is not marked yet.
    pub(super) fn unmarked(&self) -> usize {
        self.bytes.len() - self.from
    }

    /// Takes that frame back.
    pub(super) fn take_back(&mut self) {
        self.bytes.truncate(self.from);
        self.head = None;
    }

    /// The bytes of the last frame.
    pub(super) fn last_frame(&self) -> &[u8] {
        let length = self.markers.last().map_or(0, |marker| marker.len as usize);
        let text = self.bytes.text();
        &text[text.len() - length..]
    }

    /// What the last frame is.
    pub(super) fn last(&self) -> Option<Meaning> {
        self.markers.last().map(|marker| marker.meaning)
    }

    /// Adds an acknowledgement or the like.
    pub(super) fn control<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.bytes.as_vector(write)?;
        self.mark(Meaning::Control);
        Ok(())
    }

    /// Adds a packet that is always the same.
    pub(super) fn control_bytes(&mut self, packet: [u8; 2]) {
        self.bytes
            .as_vector(|bytes| bytes.extend_from_slice(&packet));
        self.mark(Meaning::Control);
    }

    pub(super) fn mark(&mut self, meaning: Meaning) {
        let len = (self.bytes.len() - self.from) as u32;
        self.from = self.bytes.len();
        if len > 0 {
            self.markers.push(Marker {
                len,
                begun: false,
                due: 0,
                meaning,
            });
        }
    }
}
