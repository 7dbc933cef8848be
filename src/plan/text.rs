//! Numbers and instants as text, written without allocating.
//!
//! All arithmetic is on integers: a generated `21.3` is 213 tenths, so every machine writes the
//! same digits. Not here: which value is written (generators) and where (templates).

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::plan::pen::Pen;
use crate::profile::TimestampFormat;
use crate::random::mix;

/// How an endpoint's number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndpointFormat {
    /// `7`
    Plain,
    /// `:06` writes `000007`.
    Padded(u8),
    /// `:hex32`: 32 upper-case hexadecimal digits, different for every number, the same in every run.
    Hex32,
}

impl EndpointFormat {
    /// `text` is what follows the colon in `{endpoint:06}`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "hex32" {
            return Some(Self::Hex32);
        }
        let width: u8 = text.strip_prefix('0')?.parse().ok()?;
        (1..=20).contains(&width).then_some(Self::Padded(width))
    }

    /// The longest text that this format can yield, in bytes.
    pub(crate) fn longest(self) -> usize {
        match self {
            Self::Plain => 10,
            Self::Padded(width) => usize::from(width).max(10),
            Self::Hex32 => 32,
        }
    }

    /// Writes the text of `endpoint`.
    #[inline]
    pub(crate) fn write(self, endpoint: u32, pen: &mut Pen<'_>) {
        match self {
            Self::Plain => write_integer(pen, u64::from(endpoint)),
            Self::Padded(width) => write_padded(pen, u64::from(endpoint), usize::from(width)),
            Self::Hex32 => pen.write(&hexadecimal(endpoint)),
        }
    }

    /// The text of `endpoint` as a value on the stack.
    pub(crate) fn text(self, endpoint: u32) -> EndpointText {
        let mut text = EndpointText {
            bytes: [0; 40],
            length: 0,
        };
        let mut pen = Pen::new(&mut text.bytes);
        self.write(endpoint, &mut pen);
        text.length = pen.written();
        text
    }
}

/// 32 hexadecimal digits, different for every number.
fn hexadecimal(endpoint: u32) -> [u8; 32] {
    let high = mix(u64::from(endpoint) ^ 0x5D1C_E97A_0B8E_66F1);
    let low = mix(high ^ 0xA24B_AED4_963E_E407);
    std::array::from_fn(|index| {
        let word = if index < 16 { high } else { low };
        let digit = (word >> (60 - 4 * (index % 16))) & 15;
        b"0123456789ABCDEF"[digit as usize]
    })
}

/// The text of an endpoint's number.
pub(crate) struct EndpointText {
    /// As long as the longest text and the slack of a pen.
    bytes: [u8; 40],
    length: usize,
}

impl EndpointText {
    /// The digits.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// What makes eight digits their characters.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The digits of a number below 10^8, one in each byte, the first one in the lowest.
///
/// Both halves of a group are divided at once, by multiplications in one word. No formatting crate:
/// those make the text aside, and copying it from there reads bytes back before they have been
/// written; that and the branches took longer than the digits.
#[inline]
fn eight_digits(value: u32) -> u64 {
    let value = u64::from(value);
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7F_0000_007F;
    let pairs = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000F_000F_000F_000F;
    tens | ((pairs - 10 * tens) << 8)
}

/// Writes decimal digits.
#[inline]
pub(crate) fn write_integer(pen: &mut Pen<'_>, value: u64) {
    write_padded(pen, value, 1);
}

/// Writes decimal digits, with a sign if there is one to write.
#[inline]
pub(crate) fn write_signed(pen: &mut Pen<'_>, value: i64) {
    write_fixed(pen, value, 0);
}

/// Writes `scaled` / 10^`decimals` with exactly that many digits after the point (0 to 9).
// Not inlined, as `write_padded`: where pieces are told apart, the arithmetic of all of them was
// done ahead for each.
#[inline(never)]
pub(crate) fn write_fixed(pen: &mut Pen<'_>, scaled: i64, decimals: u8) {
    if scaled < 0 {
        pen.byte(b'-');
    }
    let magnitude = scaled.unsigned_abs();
    // The usual divisors are constants, so that no division takes place.
    let (whole, rest) = match decimals {
        0 => return write_integer(pen, magnitude),
        1 => (magnitude / 10, magnitude % 10),
        2 => (magnitude / 100, magnitude % 100),
        more => {
            let unit = 10_u64.pow(u32::from(more.min(9)));
            (magnitude / unit, magnitude % unit)
        }
    };
    write_integer(pen, whole);
    pen.byte(b'.');
    write_padded(pen, rest, usize::from(decimals.min(9)));
}

/// Writes `value` with leading zeros up to `width` digits, 1 at least.
#[inline(never)]
fn write_padded(pen: &mut Pen<'_>, value: u64, width: usize) {
    if value >= 100_000_000 || width > 8 {
        return write_long(pen, value, width);
    }
    let digits = eight_digits(value as u32);
    let needless = (digits.trailing_zeros() as usize / 8).min(8 - width);
    pen.up_to_eight(
        ((digits | ZEROS) >> (8 * needless)).to_le_bytes(),
        8 - needless,
    );
}

fn write_long(pen: &mut Pen<'_>, value: u64, width: usize) {
    write_padded(pen, value / 100_000_000, width.saturating_sub(8).max(1));
    let last = eight_digits((value % 100_000_000) as u32);
    pen.up_to_eight((last | ZEROS).to_le_bytes(), 8);
}

/// Writes an instant (nanoseconds since 1970, UTC).
///
/// A date costs a few divisions, less than looking up and copying a cached one safely would.
#[inline(never)]
pub(crate) fn write_instant(pen: &mut Pen<'_>, unix_ns: u64, format: TimestampFormat) {
    let seconds = unix_ns / 1_000_000_000;
    let offset: &[u8] = match format {
        TimestampFormat::Seconds => return write_integer(pen, seconds),
        TimestampFormat::Milliseconds => return write_integer(pen, unix_ns / 1_000_000),
        TimestampFormat::Iso8601 => b"+00:00",
        TimestampFormat::Iso8601Basic => b"+0000",
    };
    // 64 bits of nanoseconds end in the year 2554, so the conversion cannot fail.
    let instant = Timestamp::from_second(seconds.cast_signed()).unwrap_or(Timestamp::UNIX_EPOCH);
    let date = Offset::UTC.to_datetime(instant);
    let pair = |value: i8| {
        let value = value.unsigned_abs();
        [b'0' + value / 10, b'0' + value % 10]
    };
    write_padded(pen, u64::from(date.year().unsigned_abs()), 4);
    for (mark, part) in [
        (b'-', date.month()),
        (b'-', date.day()),
        (b'T', date.hour()),
        (b':', date.minute()),
        (b':', date.second()),
    ] {
        pen.byte(mark);
        pen.write(&pair(part));
    }
    pen.write(offset);
}

/// Writes a UUID in lower-case text form (RFC 9562, section 4).
#[inline(never)]
pub(crate) fn write_uuid(pen: &mut Pen<'_>, uuid: uuid::Uuid) {
    let mut buffer = uuid::Uuid::encode_buffer();
    pen.write(uuid.hyphenated().encode_lower(&mut buffer).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Pen<'_>)) -> String {
        let mut out = Vec::new();
        Pen::append(&mut out, 100, write);
        String::from_utf8(out).expect("only ASCII is written")
    }

    #[test]
    fn fixed_point_numbers_keep_sign_and_zeros() {
        for (scaled, decimals, expected) in [
            (213, 1, "21.3"),
            (210, 1, "21.0"),
            (-5, 1, "-0.5"),
            (0, 3, "0.000"),
            (7, 0, "7"),
            (-1_000_000_001, 9, "-1.000000001"),
            (i64::MIN, 9, "-9223372036.854775808"),
        ] {
            assert_eq!(text(|out| write_fixed(out, scaled, decimals)), expected);
        }
    }

    #[test]
    fn integers_are_written_as_the_standard_library_does() {
        for log in 0..20 {
            for near in [0, 1, 9] {
                let value = 10_u64.pow(log).wrapping_sub(1).wrapping_add(near);
                assert_eq!(text(|pen| write_integer(pen, value)), value.to_string());
            }
        }
        assert_eq!(
            text(|pen| write_integer(pen, u64::MAX)),
            u64::MAX.to_string()
        );
        assert_eq!(
            text(|pen| write_signed(pen, i64::MIN)),
            i64::MIN.to_string()
        );
        assert_eq!(text(|pen| write_padded(pen, 0, 20)), "0".repeat(20));
    }

    #[test]
    fn instants_are_written_in_all_four_formats() {
        let at = 1_556_293_267_987_654_321;
        assert_eq!(
            text(|o| write_instant(o, at, TimestampFormat::Seconds)),
            "1556293267"
        );
        assert_eq!(
            text(|o| write_instant(o, at, TimestampFormat::Milliseconds)),
            "1556293267987"
        );
        assert_eq!(
            text(|o| write_instant(o, at, TimestampFormat::Iso8601)),
            "2019-04-26T15:41:07+00:00"
        );
        assert_eq!(
            text(|o| write_instant(o, at, TimestampFormat::Iso8601Basic)),
            "2019-04-26T15:41:07+0000"
        );
        assert_eq!(
            text(|o| write_instant(o, 0, TimestampFormat::Iso8601)),
            "1970-01-01T00:00:00+00:00"
        );
        assert!(
            text(|o| write_instant(o, u64::MAX, TimestampFormat::Iso8601))
                .starts_with("2554-07-21T")
        );
    }

    #[test]
    fn endpoint_numbers_are_plain_padded_or_hexadecimal() {
        let written = |format: &str| {
            let format = EndpointFormat::parse(format).expect("a known format");
            String::from_utf8_lossy(format.text(42).as_bytes()).into_owned()
        };
        assert_eq!(EndpointFormat::Plain.text(0).as_bytes(), b"0");
        assert_eq!(
            EndpointFormat::Plain.text(u32::MAX).as_bytes(),
            b"4294967295"
        );
        assert_eq!(written("06"), "000042");
        assert_eq!(written("01"), "42");
        let hex = written("hex32");
        assert_eq!(hex.len(), 32);
        assert!(
            hex.bytes()
                .all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
        );
        for format in ["6", "", "0", "00", "021", "x", "hex", "0x6"] {
            assert_eq!(EndpointFormat::parse(format), None, "{format}");
        }
    }

    #[test]
    fn hexadecimal_names_differ_between_endpoints() {
        let names: std::collections::HashSet<Vec<u8>> = (0..10_000)
            .map(|n| EndpointFormat::Hex32.text(n).as_bytes().to_vec())
            .collect();
        assert_eq!(names.len(), 10_000);
    }
}
