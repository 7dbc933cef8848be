//! Writing the pieces of a message, one after the other, into bytes that are there already.
//!
//! A message is a dozen short pieces. Appended to a vector, each of them looks after its length in
//! memory and calls `memmove`: together a third of the time in which a message is rendered. A pen
//! keeps its place in a register and copies a short piece by two moves that may overlap. Whoever
//! makes the page knows how long the text can be. Not here: what is written.

/// Room behind the longest text: short texts are written with more bytes than they have.
pub(crate) const SLACK: usize = 8;

/// A place on a page. The page must have room for everything that is written on it, and 8 bytes.
pub(crate) struct Pen<'p> {
    page: &'p mut [u8],
    at: usize,
}

impl<'p> Pen<'p> {
    /// At the beginning of the page.
    #[inline]
    pub(crate) fn new(page: &'p mut [u8]) -> Self {
        Self { page, at: 0 }
    }

    /// Lets `write` append at most `longest` bytes to `out`.
    #[inline]
    pub(crate) fn append<R>(
        out: &mut Vec<u8>,
        longest: usize,
        write: impl FnOnce(&mut Pen<'_>) -> R,
    ) -> R {
        let start = out.len();
        out.resize(start + longest + SLACK, 0);
        let mut pen = Pen::new(&mut out[start..]);
        let result = write(&mut pen);
        let end = start + pen.at;
        out.truncate(end);
        result
    }

    /// How many bytes are written.
    #[inline]
    pub(crate) fn written(&self) -> usize {
        self.at
    }

    /// What is written, to be corrected.
    #[inline]
    pub(crate) fn text_mut(&mut self) -> &mut [u8] {
        &mut self.page[..self.at]
    }

    #[inline]
    pub(crate) fn byte(&mut self, byte: u8) {
        self.page[self.at] = byte;
        self.at += 1;
    }

    /// Writes the first `count` of eight bytes.
    #[inline]
    pub(crate) fn up_to_eight(&mut self, bytes: [u8; SLACK], count: usize) {
        self.page[self.at..self.at + SLACK].copy_from_slice(&bytes);
        self.at += count;
    }

    /// Writes `bytes`; fast up to 32.
    #[inline]
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let from = self.at;
        self.at += bytes.len();
        let room = &mut self.page[from..self.at];
        match bytes.len() {
            8..=16 => overlap::<8>(room, bytes),
            17..=32 => overlap::<16>(room, bytes),
            4..8 => overlap::<4>(room, bytes),
            2 | 3 => overlap::<2>(room, bytes),
            1 => room[0] = bytes[0],
            _ => room.copy_from_slice(bytes),
        }
    }
}

/// Copies `N` to `2 * N` bytes: the first `N`, and the last `N`, which may overlap.
#[inline]
fn overlap<const N: usize>(room: &mut [u8], bytes: &[u8]) {
    if let (Some(room), Some(bytes)) = (room.first_chunk_mut::<N>(), bytes.first_chunk::<N>()) {
        *room = *bytes;
    }
    if let (Some(room), Some(bytes)) = (room.last_chunk_mut::<N>(), bytes.last_chunk::<N>()) {
        *room = *bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_written_as_it_is() {
        let text: Vec<u8> = (0..200).collect();
        for length in 0..=text.len() {
            let mut out = b"before".to_vec();
            Pen::append(&mut out, 201, |pen| {
                pen.write(&text[..length]);
                pen.up_to_eight(*b".,,,,,,,", 1);
                assert_eq!(pen.written(), length + 1);
            });
            assert_eq!(out, [b"before", &text[..length], b"."].concat(), "{length}");
        }
    }
}
