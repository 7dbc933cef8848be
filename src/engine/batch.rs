//! Frames on their way to a write.
//!
//! Data. Not here: the write, and frames that a socket did not take (the outbox).

use super::outbox::{Marker, Meaning};

/// Frames in order, with what they mean.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub bytes: Vec<u8>,
    pub markers: Vec<Marker>,
    /// Where the frame that is being written begins.
    from: usize,
    /// Where the frames of the connection begin that frames are being added for.
    pub first: usize,
    /// When the worker came to these messages, if that was before this turn.
    pub due: Option<u64>,
    /// Whether the intended instants are still to come: see `prepare`.
    pub undecided: bool,
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.markers.clear();
        self.from = 0;
        self.first = 0;
        self.due = None;
        self.undecided = false;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes for the connection that frames are being added for.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.first
    }

    /// What the last frame is.
    pub(super) fn last(&self) -> Option<Meaning> {
        self.markers.last().map(|marker| marker.meaning)
    }

    /// The bytes appended since the last mark are an acknowledgement or the like.
    pub(super) fn mark_control(&mut self) {
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
