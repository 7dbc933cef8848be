//! Numbers and instants as text, written without allocating.
//!
//! All arithmetic is on integers: a generated `21.3` is 213 tenths, so every machine writes the
//! same digits. Not here: which value is written (generators) and where (templates).

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::plan::pen::{Pen, SLACK};
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
    pub(crate) fn write(self, endpoint: u32, pen: Pen<'_>) -> Pen<'_> {
        match self {
            Self::Plain => write_integer(pen, u64::from(endpoint)),
            Self::Padded(width) => write_padded(pen, u64::from(endpoint), usize::from(width)),
            Self::Hex32 => pen.write(&hexadecimal(endpoint)),
        }
    }

    /// The text of `endpoint` as a value on the stack.
    pub(crate) fn text(self, endpoint: u32) -> ShortText {
        ShortText::written(|pen| self.write(endpoint, pen))
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

/// A text of at most 32 bytes on the stack.
pub(crate) struct ShortText {
    bytes: [u8; 32 + SLACK],
    length: usize,
}

impl ShortText {
    fn written(write: impl for<'p> FnOnce(Pen<'p>) -> Pen<'p>) -> Self {
        let mut bytes = [0; 32 + SLACK];
        let left = write(Pen::new(&mut bytes)).left();
        let length = 32 + SLACK - left;
        Self { bytes, length }
    }

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

/// The decimal digits of a number as a value on the stack.
pub(crate) fn integer(value: u64) -> ShortText {
    ShortText::written(|pen| write_integer(pen, value))
}

/// Writes decimal digits.
#[inline]
pub(crate) fn write_integer(pen: Pen<'_>, value: u64) -> Pen<'_> {
    write_padded(pen, value, 1)
}

/// Writes decimal digits, with a sign if there is one to write.
#[inline]
pub(crate) fn write_signed(pen: Pen<'_>, value: i64) -> Pen<'_> {
    write_fixed(pen, value, 0)
}

/// Writes `scaled` / 10^`decimals` with exactly that many digits after the point (0 to 9).
// Not inlined, as `write_padded`: where pieces are told apart, the arithmetic of all of them was
// done ahead for each.
#[inline(never)]
pub(crate) fn write_fixed(pen: Pen<'_>, scaled: i64, decimals: u8) -> Pen<'_> {
    let pen = if scaled < 0 { pen.byte(b'-') } else { pen };
    let magnitude = scaled.unsigned_abs();
    if magnitude < 10_000_000 && (1..=6).contains(&decimals) {
        return write_short_fixed(pen, magnitude as u32, usize::from(decimals));
    }
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
    let pen = write_integer(pen, whole).byte(b'.');
    write_padded(pen, rest, usize::from(decimals.min(9)))
}

/// Writes `magnitude` (at most seven digits) with a point before its last `decimals` digits (1 to 6):
/// the digits are made at once, and those behind the point moved on by one.
#[inline]
fn write_short_fixed(pen: Pen<'_>, magnitude: u32, decimals: usize) -> Pen<'_> {
    let digits = eight_digits(magnitude);
    let needless = (digits.trailing_zeros() as usize / 8).min(7 - decimals);
    let text = (digits | ZEROS) >> (8 * needless);
    let whole = 8 - needless - decimals;
    let before = (1_u64 << (8 * whole)) - 1;
    let text = (text & before) | (u64::from(b'.') << (8 * whole)) | ((text & !before) << 8);
    pen.first(9 - needless, &text.to_le_bytes())
}

/// Writes `value` with leading zeros up to `width` digits, 1 at least.
#[inline(never)]
fn write_padded(pen: Pen<'_>, value: u64, width: usize) -> Pen<'_> {
    if value >= 100_000_000 || width > 8 {
        return write_long(pen, value, width);
    }
    let digits = eight_digits(value as u32);
    let needless = (digits.trailing_zeros() as usize / 8).min(8 - width);
    let text = (digits | ZEROS) >> (8 * needless);
    pen.first(8 - needless, &text.to_le_bytes())
}

fn write_long(pen: Pen<'_>, value: u64, width: usize) -> Pen<'_> {
    let pen = write_padded(pen, value / 100_000_000, width.saturating_sub(8).max(1));
    let last = eight_digits((value % 100_000_000) as u32);
    pen.first(8, &(last | ZEROS).to_le_bytes())
}

/// Writes an instant (nanoseconds since 1970, UTC).
///
/// A date costs a few divisions, less than looking up and copying a cached one safely would.
#[inline(never)]
pub(crate) fn write_instant(pen: Pen<'_>, unix_ns: u64, format: TimestampFormat) -> Pen<'_> {
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
    let mut pen = write_padded(pen, u64::from(date.year().unsigned_abs()), 4);
    for (mark, part) in [
        (b'-', date.month()),
        (b'-', date.day()),
        (b'T', date.hour()),
        (b':', date.minute()),
        (b':', date.second()),
    ] {
        pen = pen.byte(mark).write(&pair(part));
    }
    pen.write(offset)
}

/// Writes a UUID in lower-case text form (RFC 9562, section 4).
#[inline(never)]
pub(crate) fn write_uuid(pen: Pen<'_>, uuid: uuid::Uuid) -> Pen<'_> {
    let mut buffer = uuid::Uuid::encode_buffer();
    pen.write(uuid.hyphenated().encode_lower(&mut buffer).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sheet::Sheet;

    fn text(write: impl for<'p> FnOnce(Pen<'p>) -> Pen<'p>) -> String {
        let mut out = Sheet::default();
        out.append(100, write);
        String::from_utf8(out.into()).expect("only ASCII is written")
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
    fn short_and_long_fixed_point_numbers_are_written_alike() {
        for decimals in 1..=9_u8 {
            let unit = 10_i64.pow(u32::from(decimals));
            for power in 0..=10 {
                for near in [-1, 0, 1, 7] {
                    let scaled = 10_i64.pow(power) + near;
                    let (whole, rest) = (scaled / unit, scaled % unit);
                    let expected = format!("{whole}.{rest:0width$}", width = usize::from(decimals));
                    assert_eq!(text(|pen| write_fixed(pen, scaled, decimals)), expected);
                }
            }
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
