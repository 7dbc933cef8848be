//! What was cut out of an incoming message and is needed again in the answer.
//!
//! Fixed size, so that it can be kept beside a delayed answer without allocating: at most 8
//! captures and one item ID, 256 bytes in total. A message with more is not recognised.

/// Most captures of one topic.
pub const CAPTURES_MAX: usize = 8;

/// Most bytes of all captures and the item ID together.
pub const CAPTURE_BYTES_MAX: usize = 256;

/// Captured topic levels and the ID of the item that is being answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Captures {
    bytes: [u8; CAPTURE_BYTES_MAX],
    /// End of each capture; the first begins at 0.
    ends: [u16; CAPTURES_MAX],
    count: u8,
    /// End of the item ID, which begins where the last capture ends.
    item_end: u16,
}

impl Default for Captures {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Captures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = (0..self.len()).map(|index| String::from_utf8_lossy(self.get(index)));
        f.debug_list()
            .entries(all)
            .entry(&String::from_utf8_lossy(self.item_id()))
            .finish()
    }
}

impl Captures {
    /// No captures, empty item ID.
    pub const fn new() -> Self {
        Self {
            bytes: [0; CAPTURE_BYTES_MAX],
            ends: [0; CAPTURES_MAX],
            count: 0,
            item_end: 0,
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.count = 0;
        self.item_end = 0;
    }

    /// How many captures there are.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether there is no capture.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// A capture; empty when there is none of that number.
    pub fn get(&self, index: usize) -> &[u8] {
        if index >= self.len() {
            return &[];
        }
        let from = if index == 0 {
            0
        } else {
            usize::from(self.ends[index - 1])
        };
        &self.bytes[from..usize::from(self.ends[index])]
    }

    /// The ID of the item, as written in the message (a JSON string keeps its quotes).
    pub fn item_id(&self) -> &[u8] {
        &self.bytes[self.used()..usize::from(self.item_end)]
    }

    /// Adds a capture and forgets the item ID. False (and unchanged) when there is no room.
    pub(crate) fn push(&mut self, text: &[u8]) -> bool {
        let from = self.used();
        let end = from + text.len();
        if self.len() == CAPTURES_MAX || end > CAPTURE_BYTES_MAX {
            return false;
        }
        self.bytes[from..end].copy_from_slice(text);
        self.ends[self.len()] = end as u16;
        self.count += 1;
        self.item_end = end as u16;
        true
    }

    /// Sets the item ID in place of the former one. False (and empty) when there is no room.
    pub fn set_item_id(&mut self, text: &[u8]) -> bool {
        let from = self.used();
        let end = from + text.len();
        let fits = end <= CAPTURE_BYTES_MAX;
        if fits {
            self.bytes[from..end].copy_from_slice(text);
        }
        self.item_end = if fits { end } else { from } as u16;
        fits
    }

    fn used(&self) -> usize {
        if self.count == 0 {
            0
        } else {
            usize::from(self.ends[self.len() - 1])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_and_item_ids_come_back_as_they_were() {
        let mut captures = Captures::new();
        assert!(captures.push(b"reboot") && captures.push(b"") && captures.push(b"x"));
        assert!(captures.set_item_id(b"17") && captures.set_item_id(b"\"a\""));
        assert_eq!(
            (captures.get(0), captures.get(1), captures.get(2)),
            (&b"reboot"[..], &b""[..], &b"x"[..])
        );
        assert_eq!(
            (captures.get(3), captures.item_id(), captures.len()),
            (&b""[..], &b"\"a\""[..], 3)
        );
        captures.clear();
        assert!(captures.is_empty() && captures.item_id().is_empty());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut captures = Captures::new();
        assert!(captures.push(&[b'a'; 250]));
        assert!(!captures.push(&[b'b'; 7]) && captures.len() == 1);
        assert!(captures.set_item_id(b"123456") && !captures.set_item_id(b"1234567"));
        assert!(captures.item_id().is_empty());
        captures.clear();
        assert!((0..CAPTURES_MAX).all(|_| captures.push(b"c")) && !captures.push(b"c"));
    }
}
