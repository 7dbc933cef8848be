//! What a message says of itself so that its delivery can be told: run, line, number and instant.
//!
//! Forty characters at the beginning of a payload, in hexadecimal. They are put in when the message is
//! written, because the clock is read then. Not here: which requests have one (`deliveries`).

/// Bytes of a stamp.
pub const STAMP_BYTES: usize = 40;

const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// Where the instant begins.
const AT: usize = 24;

/// A stamp that was read, or is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Tells a run from others whose messages a broker may have kept.
    pub run: u32,
    /// Who published it, and what is in order with it.
    pub line: u32,
    /// Number in its line, from 0.
    pub number: u32,
    /// The clock just before its write, ns since the run's epoch, below 2^63.
    pub at: u64,
    /// Whether it was intended in the measure phase.
    pub measured: bool,
}

impl Stamp {
    /// Writes everything but the instant.
    pub fn write_name(run: u32, line: u32, number: u32, out: &mut [u8]) {
        for (place, word) in [run, line, number].into_iter().enumerate() {
            hexadecimal(u64::from(word), &mut out[8 * place..8 * place + 8]);
        }
    }

    /// Writes the instant into the same forty bytes.
    pub fn write_instant(at: u64, measured: bool, out: &mut [u8]) {
        hexadecimal((at << 1) | u64::from(measured), &mut out[AT..STAMP_BYTES]);
    }

    /// Reads the stamp at the beginning of a payload. `None`: there is none.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let text: &[u8; STAMP_BYTES] = payload.first_chunk()?;
        let word = |place: usize| Some(number(&text[8 * place..8 * place + 8])? as u32);
        let instant = number(&text[AT..])?;
        Some(Self {
            run: word(0)?,
            line: word(1)?,
            number: word(2)?,
            at: instant >> 1,
            measured: instant & 1 == 1,
        })
    }
}

fn hexadecimal(mut word: u64, out: &mut [u8]) {
    for digit in out.iter_mut().rev() {
        *digit = DIGITS[(word & 15) as usize];
        word >>= 4;
    }
}

fn number(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0, |word, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some((word << 4) | u64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_stamp_is_read_as_it_was_written(
            run: u32, line: u32, number: u32, at in 0..1_u64 << 63, measured: bool, rest: Vec<u8>,
        ) {
            let mut payload = vec![0; STAMP_BYTES];
            payload.extend(rest);
            Stamp::write_name(run, line, number, &mut payload);
            Stamp::write_instant(at, measured, &mut payload);
            let expected = Stamp { run, line, number, at, measured };
            prop_assert_eq!(Stamp::read(&payload), Some(expected));
        }

        #[test]
        fn any_payload_is_read_without_a_panic(payload: Vec<u8>) {
            let _ = Stamp::read(&payload);
        }
    }

    #[test]
    fn what_is_too_short_or_no_number_is_no_stamp() {
        let zeros = [b'0'; STAMP_BYTES];
        assert!(Stamp::read(&zeros).is_some());
        assert_eq!(Stamp::read(&zeros[1..]), None);
        for place in [0, AT - 1, STAMP_BYTES - 1] {
            let mut other = zeros;
            other[place] = b'G';
            assert_eq!(Stamp::read(&other), None);
        }
    }
}
