//! Numbers and instants as text, appended to a buffer without allocating.
//!
//! All arithmetic is on integers: a generated `21.3` is 213 tenths, so every machine writes the
//! same digits. Not here: which value is written (generators) and where (templates).

use jiff::Timestamp;
use jiff::tz::Offset;

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

    /// The text of `endpoint` as a value on the stack.
    pub(crate) fn text(self, endpoint: u32) -> EndpointText {
        let mut text = EndpointText {
            bytes: [b'0'; 32],
            from: 0,
            to: 32,
        };
        if self == Self::Hex32 {
            let high = mix(u64::from(endpoint) ^ 0x5D1C_E97A_0B8E_66F1);
            let low = mix(high ^ 0xA24B_AED4_963E_E407);
            for (index, byte) in text.bytes.iter_mut().enumerate() {
                let word = if index < 16 { high } else { low };
                let digit = (word >> (60 - 4 * (index % 16))) & 15;
                *byte = b"0123456789ABCDEF"[digit as usize];
            }
            return text;
        }
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(endpoint).as_bytes();
        let width = if let Self::Padded(width) = self {
            usize::from(width)
        } else {
            0
        };
        text.bytes[32 - digits.len()..].copy_from_slice(digits);
        text.from = 32 - digits.len().max(width);
        text
    }
}

/// The text of an endpoint's number.
pub(crate) struct EndpointText {
    bytes: [u8; 32],
    from: usize,
    to: usize,
}

impl EndpointText {
    /// The digits.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.from..self.to]
    }
}

/// Appends decimal digits.
pub(crate) fn push_integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends `scaled` / 10^`decimals` with exactly that many digits after the point (0 to 9).
pub(crate) fn push_fixed(out: &mut Vec<u8>, scaled: i64, decimals: u8) {
    if scaled < 0 {
        out.push(b'-');
    }
    let unit = 10_u64.pow(u32::from(decimals.min(9)));
    let magnitude = scaled.unsigned_abs();
    push_integer(out, magnitude / unit);
    if decimals > 0 {
        out.push(b'.');
        push_padded(out, magnitude % unit, usize::from(decimals.min(9)));
    }
}

/// Appends `value` with leading zeros up to `width` digits.
fn push_padded(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(value).as_bytes();
    for _ in digits.len()..width {
        out.push(b'0');
    }
    out.extend_from_slice(digits);
}

/// Appends an instant (nanoseconds since 1970, UTC).
///
/// A date costs a few divisions, less than looking up and copying a cached one safely would.
pub(crate) fn push_instant(out: &mut Vec<u8>, unix_ns: u64, format: TimestampFormat) {
    let seconds = unix_ns / 1_000_000_000;
    let offset: &[u8] = match format {
        TimestampFormat::Seconds => return push_integer(out, seconds),
        TimestampFormat::Milliseconds => return push_integer(out, unix_ns / 1_000_000),
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
    push_padded(out, u64::from(date.year().unsigned_abs()), 4);
    for (mark, part) in [
        (b'-', date.month()),
        (b'-', date.day()),
        (b'T', date.hour()),
        (b':', date.minute()),
        (b':', date.second()),
    ] {
        out.push(mark);
        out.extend_from_slice(&pair(part));
    }
    out.extend_from_slice(offset);
}

/// Appends a UUID in lower-case text form (RFC 9562, section 4).
pub(crate) fn push_uuid(out: &mut Vec<u8>, uuid: uuid::Uuid) {
    let mut buffer = uuid::Uuid::encode_buffer();
    out.extend_from_slice(uuid.hyphenated().encode_lower(&mut buffer).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
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
            assert_eq!(text(|out| push_fixed(out, scaled, decimals)), expected);
        }
    }

    #[test]
    fn instants_are_written_in_all_four_formats() {
        let at = 1_556_293_267_987_654_321;
        assert_eq!(
            text(|o| push_instant(o, at, TimestampFormat::Seconds)),
            "1556293267"
        );
        assert_eq!(
            text(|o| push_instant(o, at, TimestampFormat::Milliseconds)),
            "1556293267987"
        );
        assert_eq!(
            text(|o| push_instant(o, at, TimestampFormat::Iso8601)),
            "2019-04-26T15:41:07+00:00"
        );
        assert_eq!(
            text(|o| push_instant(o, at, TimestampFormat::Iso8601Basic)),
            "2019-04-26T15:41:07+0000"
        );
        assert_eq!(
            text(|o| push_instant(o, 0, TimestampFormat::Iso8601)),
            "1970-01-01T00:00:00+00:00"
        );
        assert!(
            text(|o| push_instant(o, u64::MAX, TimestampFormat::Iso8601))
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
