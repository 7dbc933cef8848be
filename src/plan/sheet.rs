//! Bytes that grow by what pens write on them.
//!
//! A vector clears the bytes by which it grows, and a message was cleared and then written over: a
//! fifteenth of its time. A sheet clears a byte once; whatever lies behind its end may be anything.
//! Not here: how a message is written (`encoder`).

use crate::plan::pen::{Pen, SLACK};

/// Bytes written so far, and room that is ready for more.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    /// The text, and behind it what was written once.
    bytes: Vec<u8>,
    end: usize,
}

impl Sheet {
    /// What is written.
    #[must_use]
    #[inline]
    pub fn text(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    /// How many bytes are written.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.end
    }

    /// Whether nothing is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end == 0
    }

    /// Forgets the text and keeps the room.
    pub fn clear(&mut self) {
        self.end = 0;
    }

    /// Forgets what was written after the first `length` bytes.
    pub fn truncate(&mut self, length: usize) {
        self.end = self.end.min(length);
    }

    /// Bytes that it can hold before it has to allocate.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Makes room for `more` bytes.
    pub fn reserve(&mut self, more: usize) {
        let needed = self.end + more;
        if needed > self.bytes.len() {
            self.grow(needed);
        }
    }

    /// Lets someone append who knows vectors only.
    pub fn as_vector<R>(&mut self, append: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        self.bytes.truncate(self.end);
        let result = append(&mut self.bytes);
        self.end = self.bytes.len();
        result
    }

    /// Lets `write` append at most `longest` bytes.
    #[inline]
    pub(crate) fn append(
        &mut self,
        longest: usize,
        write: impl for<'p> FnOnce(Pen<'p>) -> Pen<'p>,
    ) {
        self.append_after(longest, |_, pen| write(pen));
    }

    /// As [`Sheet::append`]; `write` sees what is written already.
    #[inline]
    pub(crate) fn append_after(
        &mut self,
        longest: usize,
        write: impl for<'p> FnOnce(&[u8], Pen<'p>) -> Pen<'p>,
    ) {
        let (start, room) = (self.end, self.end + longest + SLACK);
        if room > self.bytes.len() {
            self.grow(room);
        }
        let (before, page) = self.bytes[..room].split_at_mut(start);
        let left = write(before, Pen::new(page)).left();
        self.end = room - left;
    }

    /// What is written from `start` on, to be corrected.
    #[inline]
    pub(crate) fn text_from_mut(&mut self, start: usize) -> &mut [u8] {
        &mut self.bytes[start..self.end]
    }

    /// Moves the text from `from` on to `to`, and its end with it.
    pub(crate) fn shift(&mut self, from: usize, to: usize) {
        let end = to + (self.end - from);
        self.reserve(to.saturating_sub(from));
        self.bytes.copy_within(from..self.end, to);
        self.end = end;
    }

    #[cold]
    fn grow(&mut self, needed: usize) {
        self.bytes.reserve(needed - self.bytes.len());
        self.bytes.resize(self.bytes.capacity(), 0);
    }
}

impl From<Vec<u8>> for Sheet {
    fn from(bytes: Vec<u8>) -> Self {
        let end = bytes.len();
        Self { bytes, end }
    }
}

impl From<Sheet> for Vec<u8> {
    fn from(sheet: Sheet) -> Self {
        let mut bytes = sheet.bytes;
        bytes.truncate(sheet.end);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_never_shows() {
        let mut sheet = Sheet::from(b"one".to_vec());
        sheet.append(10, |pen| pen.write(b" and two"));
        assert_eq!(sheet.text(), b"one and two");
        sheet.clear();
        sheet.append(10, |pen| pen.first(2, b"12345678"));
        assert_eq!((sheet.text(), sheet.len()), (&b"12"[..], 2));
        sheet.as_vector(|vector| vector.extend_from_slice(b"34"));
        assert_eq!(sheet.text(), b"1234");
        assert_eq!(Vec::from(sheet), b"1234");
    }

    #[test]
    fn a_text_is_shifted_both_ways() {
        let mut sheet = Sheet::from(b"head-body".to_vec());
        sheet.shift(5, 8);
        assert_eq!(&sheet.text()[8..], b"body");
        sheet.shift(8, 4);
        assert_eq!(sheet.text(), b"headbody");
    }

    #[test]
    fn a_sheet_with_room_does_not_allocate() {
        let mut sheet = Sheet::default();
        sheet.reserve(100 + SLACK);
        let capacity = sheet.capacity();
        for _ in 0..10 {
            sheet.append(10, |pen| pen.write(&[7; 10]));
        }
        assert_eq!(sheet.capacity(), capacity);
    }
}
