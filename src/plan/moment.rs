//! The wall clock's reading for a message, and its text.
//!
//! Most payloads carry the time in milliseconds, and thousands of messages share one: its digits are
//! made once for each millisecond. Not here: clocks, and the other formats (`text`).

use crate::plan::pen::Pen;
use crate::plan::text::integer;

/// A wall-clock instant that messages carry.
#[derive(Debug, Clone)]
pub struct Moment {
    unix_ns: u64,
    milliseconds: u64,
    /// Of the milliseconds, 14 digits at most.
    digits: [u8; 16],
    length: usize,
}

impl Moment {
    /// At `unix_ns` nanoseconds since 1970.
    #[must_use]
    pub fn at(unix_ns: u64) -> Self {
        let mut moment = Self {
            unix_ns,
            milliseconds: unix_ns / 1_000_000,
            digits: [0; 16],
            length: 0,
        };
        moment.make_digits();
        moment
    }

    /// Moves on to `unix_ns` nanoseconds since 1970.
    #[inline]
    pub fn move_to(&mut self, unix_ns: u64) {
        self.unix_ns = unix_ns;
        let milliseconds = unix_ns / 1_000_000;
        if milliseconds != self.milliseconds {
            self.milliseconds = milliseconds;
            self.make_digits();
        }
    }

    /// Nanoseconds since 1970.
    #[must_use]
    #[inline]
    pub fn unix_ns(&self) -> u64 {
        self.unix_ns
    }

    /// Writes the whole milliseconds since 1970.
    #[inline]
    pub(crate) fn write_milliseconds<'p>(&self, pen: Pen<'p>) -> Pen<'p> {
        pen.first(self.length, &self.digits)
    }

    fn make_digits(&mut self) {
        let text = integer(self.milliseconds);
        self.length = text.as_bytes().len();
        self.digits[..self.length].copy_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sheet::Sheet;

    #[test]
    fn the_digits_follow_the_instant() {
        let mut moment = Moment::at(0);
        for unix_ns in [999_999, 1_000_000, 1_759_212_723_456_000_000, u64::MAX, 5] {
            moment.move_to(unix_ns);
            let mut sheet = Sheet::default();
            sheet.append(20, |pen| moment.write_milliseconds(pen));
            let expected = (unix_ns / 1_000_000).to_string();
            assert_eq!(sheet.text(), expected.as_bytes());
            assert_eq!(moment.unix_ns(), unix_ns);
        }
    }
}
