//! Writing the pieces of a message, one after the other, into bytes that are there already.
//!
//! A message is a dozen short pieces. Appended to a vector, each of them looks after its length in
//! memory and calls `memmove`: together a third of the time in which a message is rendered. A pen
//! keeps its place in a register and copies a short piece by moves of a fixed width, which may
//! overlap or write beyond its end. Whoever makes the page knows how long the text can be.
//! Not here: what is written, and where pages come from (`sheet`).

/// Room behind the longest text: short texts are written with more bytes than they have.
pub(crate) const SLACK: usize = 32;

/// The rest of a page. It must have room for everything that is written on it, and [`SLACK`].
///
/// Handed on and given back by value: so it stays in two registers. Behind a reference its place was
/// stored for every piece, and read again before that had arrived.
#[must_use]
pub(crate) struct Pen<'p> {
    rest: &'p mut [u8],
}

impl<'p> Pen<'p> {
    /// At the beginning of the page.
    #[inline]
    pub(crate) fn new(page: &'p mut [u8]) -> Self {
        Self { rest: page }
    }

    /// How many bytes of the page are left.
    #[inline]
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Leaves `count` bytes as they are, to be written later.
    #[inline]
    pub(crate) fn skip(self, count: usize) -> Self {
        Self {
            rest: &mut self.rest[count..],
        }
    }

    #[inline]
    pub(crate) fn byte(self, byte: u8) -> Self {
        self.rest[0] = byte;
        self.skip(1)
    }

    /// Writes the first `count` of `N` bytes, `N` up to [`SLACK`].
    #[inline]
    pub(crate) fn first<const N: usize>(self, count: usize, bytes: &[u8; N]) -> Self {
        const { assert!(N <= SLACK) }
        self.rest[..N].copy_from_slice(bytes);
        self.skip(count)
    }

    /// Writes a text that lies ready with slack of its own.
    #[allow(
        clippy::inline_always,
        reason = "once properties called it too, a call for every literal took a twentieth more"
    )]
    #[inline(always)]
    pub(crate) fn padded(self, text: &Padded) -> Self {
        if text.length <= SLACK
            && let Some(bytes) = text.bytes.first_chunk::<SLACK>()
        {
            return self.first(text.length, bytes);
        }
        self.write(text.as_bytes())
    }

    /// Writes `bytes`; fast up to 32.
    #[inline]
    pub(crate) fn write(self, bytes: &[u8]) -> Self {
        let (room, rest) = self.rest.split_at_mut(bytes.len());
        match bytes.len() {
            8..=16 => overlap::<8>(room, bytes),
            17..=32 => overlap::<16>(room, bytes),
            4..8 => overlap::<4>(room, bytes),
            2 | 3 => overlap::<2>(room, bytes),
            1 => room[0] = bytes[0],
            _ => room.copy_from_slice(bytes),
        }
        Self { rest }
    }
}

/// A text that is written often. It is padded, so that a short one is one move of a fixed width,
/// whatever its length: a third of the time of choosing a width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Padded {
    bytes: Box<[u8]>,
    length: usize,
}

impl Padded {
    /// The text.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl From<&[u8]> for Padded {
    fn from(text: &[u8]) -> Self {
        let mut bytes = text.to_vec();
        bytes.resize(text.len().max(SLACK), 0);
        Self {
            bytes: bytes.into(),
            length: text.len(),
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
            let text = &text[..length];
            let mut page = vec![0xEE; 2 * length + 1 + SLACK];
            let pen = Pen::new(&mut page).write(text).first(1, b".,,,,,,,");
            let left = pen.padded(&Padded::from(text)).left();
            assert_eq!(left, SLACK, "{length}");
            assert_eq!(page[..=2 * length], [text, b".", text].concat());
        }
    }
}
