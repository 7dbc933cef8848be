//! Quantities as people write them: `"5_000/s"`, `"256B"`, `"30s"`, `"1%"`.
//!
//! Parsing and printing; what was parsed prints as a text that parses to the same value.
//! Not here: arithmetic on rates (the schedule) and rounding for reports.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A number of things per second. Always finite and not negative.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate(pub f64);

/// A length of time, exact to the nanosecond, at most 2^64 - 1 of them: `"1m30s"`, `"1.5s"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A number of bytes: `"256B"`, `"4KiB"` (1024), `"1MB"` (1000).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// A part of a whole, 0 to 1: `"1%"` or `"0.01"`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(pub f64);

/// Why a text is no quantity, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; write {instead}")]
pub struct UnitError {
    /// What is wrong, a clause without a full stop.
    pub problem: String,
    /// One or more texts that would have been right, quoted.
    pub instead: String,
}

impl UnitError {
    /// Both parts as they are.
    pub fn new(problem: impl Into<String>, instead: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            instead: instead.into(),
        }
    }
}

/// Whole nanoseconds; what is beyond 584 years is 2^64 - 1 of them.
pub fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Units of time, longest first: name and nanoseconds. The first name of a length is the printed one.
const TIMES: [(&str, u64); 8] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ns", 1),
];

/// Denominators of a rate and their seconds.
const PER: [(&str, f64); 5] = [
    ("s", 1.0),
    ("min", 60.0),
    ("m", 60.0),
    ("h", 3_600.0),
    ("ms", 0.001),
];

/// Units of size. Powers of 1024 before powers of 1000, each from large to small: the printing order.
const SIZES: [(&str, u64); 9] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("KB", 1_000),
    ("bytes", 1),
    ("B", 1),
];

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let examples = "\"5_000/s\", \"300/min\" or \"10/h\"";
        let Some((number, per)) = text.split_once('/') else {
            let problem = format!("the rate {text:?} does not say per what");
            return Err(match decimal(text.trim()) {
                Some(_) => UnitError::new(problem, format!("\"{}/s\"", text.trim())),
                None => UnitError::new(format!("{text:?} is no rate"), examples),
            });
        };
        let number = number.trim();
        let count = decimal(number).ok_or_else(|| {
            UnitError::new(format!("{number:?} in {text:?} is no number"), examples)
        })?;
        let seconds = PER.iter().find(|(name, _)| *name == per.trim());
        let (_, seconds) = seconds.ok_or_else(|| {
            let problem = format!("{:?} is no unit of time of a rate", per.trim());
            UnitError::new(problem, examples)
        })?;
        let rate = count / seconds;
        if rate > Self::MAX.0 {
            let problem = format!("the rate {text:?} is too high");
            return Err(UnitError::new(
                problem,
                format!("at most \"{}\"", Self::MAX),
            ));
        }
        Ok(Self(rate))
    }
}

impl Rate {
    /// The highest rate that can be written: a thousand million per second.
    pub const MAX: Self = Self(1e9);
}

impl fmt::Display for Rate {
    /// Per second, unless that takes many digits and a whole number per minute or hour is exact.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_second = self.0.to_string();
        if per_second.len() <= 8 {
            return write!(f, "{per_second}/s");
        }
        for (name, seconds) in [("min", 60.0), ("h", 3_600.0)] {
            let count = (self.0 * seconds).round();
            if same(count / seconds, self.0) {
                return write!(f, "{count}/{name}");
            }
        }
        write!(f, "{per_second}/s")
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let examples = "\"30s\", \"200ms\", \"5us\", \"1m30s\" or \"1h\"";
        let wrong = |why: &str| UnitError::new(format!("{text:?} {why}"), examples);
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(wrong("is no duration"));
        }
        let (mut total, mut longest) = (0_u64, u64::MAX);
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !is_number(c)).unwrap_or(rest.len());
            let (number, after) = rest.split_at(digits);
            let letters = after.find(is_number).unwrap_or(after.len());
            let (unit, after) = after.split_at(letters);
            if unit.is_empty() {
                let problem = format!("the duration {text:?} has no unit");
                return Err(UnitError::new(problem, format!("\"{}s\"", text.trim())));
            }
            let found = TIMES.iter().find(|(name, _)| *name == unit.trim());
            let &(_, unit) = found.ok_or_else(|| {
                UnitError::new(format!("{text:?} has no known unit of time"), examples)
            })?;
            if unit >= longest {
                return Err(wrong("has its units not from long to short"));
            }
            let part = scaled(number, unit)
                .ok_or_else(|| wrong("is no whole number of nanoseconds, at most 2^64 - 1"))?;
            total = total
                .checked_add(part)
                .ok_or_else(|| wrong("is too long"))?;
            (longest, rest) = (unit, after);
        }
        Ok(Self(Duration::from_nanos(total)))
    }
}

impl fmt::Display for Span {
    /// `1m30s`, `1.5s`, `200ms`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_nanos();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (name, unit) in TIMES.map(|(name, unit)| (name, u128::from(unit))) {
            if unit > 1_000_000_000 {
                if rest >= unit {
                    write!(f, "{}{name}", rest / unit)?;
                    rest %= unit;
                }
            } else if unit == 1_000_000_000 && rest >= unit {
                let (whole, fraction) = (rest / unit, format!("{:09}", rest % unit));
                let fraction = fraction.trim_end_matches('0');
                let point = if fraction.is_empty() { "" } else { "." };
                return write!(f, "{whole}{point}{fraction}{name}");
            } else if rest > 0 && rest.is_multiple_of(unit) {
                return write!(f, "{}{name}", rest / unit);
            }
        }
        Ok(())
    }
}

impl FromStr for Bytes {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let examples = "\"256B\", \"4KiB\" or \"1MB\"";
        let text = text.trim();
        let digits = text.find(|c: char| !is_number(c)).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        if number.is_empty() {
            return Err(UnitError::new(
                format!("{text:?} is no number of bytes"),
                examples,
            ));
        }
        if unit.is_empty() {
            let problem = format!("the size {text:?} has no unit");
            return Err(UnitError::new(problem, format!("\"{text}B\"")));
        }
        let found = SIZES.iter().find(|(name, _)| *name == unit.trim());
        let &(_, unit) = found.ok_or_else(|| {
            UnitError::new(format!("{:?} is no unit of bytes", unit.trim()), examples)
        })?;
        let whole = scaled(number, unit);
        whole.map(Self).ok_or_else(|| {
            UnitError::new(
                format!("{text:?} is no whole number of bytes below 2^64"),
                examples,
            )
        })
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |unit: u64| unit > 1 && self.0 > 0 && self.0.is_multiple_of(unit);
        match SIZES.iter().find(|(_, unit)| fits(*unit)) {
            Some((name, unit)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl FromStr for Share {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (number, whole) = match text.trim().strip_suffix('%') {
            Some(number) => (number.trim_end(), 100.0),
            None => (text.trim(), 1.0),
        };
        match decimal(number).map(|number| number / whole) {
            Some(share) if share <= 1.0 => Ok(Self(share)),
            Some(_) => Err(UnitError::new(
                format!("the share {text:?} is more than the whole"),
                "0% to 100%, such as \"1%\"",
            )),
            None => Err(UnitError::new(
                format!("{text:?} is no share"),
                "\"1%\" or \"0.01\"",
            )),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Percent where that is exact; the rounding removes the noise of the multiplication.
        let percent = (self.0 * 1e8).round() / 1e6;
        if same(percent / 100.0, self.0) {
            write!(f, "{percent}%")
        } else {
            write!(f, "{}", self.0)
        }
    }
}

/// Exactly the same number: printing may only shorten what parses back to it.
fn same(one: f64, other: f64) -> bool {
    one.to_bits() == other.to_bits()
}

/// Whether a character may be part of a number.
fn is_number(c: char) -> bool {
    c.is_ascii_digit() || c == '.' || c == '_'
}

/// A plain decimal number: digits, single underscores between digits, at most one point.
fn decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = parts(text)?;
    format!("{whole}.{fraction}").parse().ok()
}

/// A decimal number times `unit`, if that is a whole number below 2^64.
fn scaled(text: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = parts(text)?;
    let whole: u64 = whole.parse().ok()?;
    let fraction = fraction.trim_end_matches('0');
    let part = if fraction.is_empty() {
        0
    } else {
        let digits = u32::try_from(fraction.len()).ok()?;
        let ten = 10_u128.checked_pow(digits)?;
        let product = fraction
            .parse::<u128>()
            .ok()?
            .checked_mul(u128::from(unit))?;
        product
            .is_multiple_of(ten)
            .then_some(u64::try_from(product / ten).ok()?)?
    };
    whole.checked_mul(unit)?.checked_add(part)
}

/// The digits before and after the point of a plain decimal number, underscores removed.
fn parts(text: &str) -> Option<(String, String)> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (text, "0"),
    };
    let digits = |part: &str| {
        let grouped = !part.starts_with('_') && !part.ends_with('_') && !part.contains("__");
        let plain = part.replace('_', "");
        let right = grouped && !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit());
        right.then_some(plain)
    };
    Some((digits(whole)?, digits(fraction)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(text: &str) -> Option<f64> {
        text.parse().ok().map(|Rate(rate)| rate)
    }

    fn nanos(text: &str) -> Option<u128> {
        text.parse().ok().map(|Span(span)| span.as_nanos())
    }

    fn bytes(text: &str) -> Option<u64> {
        text.parse().ok().map(|Bytes(bytes)| bytes)
    }

    fn share(text: &str) -> Option<f64> {
        text.parse().ok().map(|Share(share)| share)
    }

    #[test]
    fn rates_are_read_per_second_minute_and_hour() {
        assert_eq!(rate("5_000/s"), Some(5_000.0));
        assert_eq!(rate("5000/s"), Some(5_000.0));
        assert_eq!(rate("0.5/s"), Some(0.5));
        assert_eq!(rate("300/min"), Some(5.0));
        assert_eq!(rate("36/h"), Some(0.01));
        assert_eq!(rate("0/s"), Some(0.0));
        for wrong in [
            "", "/s", "5", "5/", "5/x", "-5/s", "1e9/s", "inf/s", "nan/s", "5__0/s",
        ] {
            assert_eq!(rate(wrong), None, "{wrong:?}");
        }
        assert_eq!(rate("2_000_000_000/s"), None);
    }

    #[test]
    fn durations_are_exact_and_may_be_compound() {
        assert_eq!(nanos("30s"), Some(30_000_000_000));
        assert_eq!(nanos("200ms"), Some(200_000_000));
        assert_eq!(nanos("5us"), Some(5_000));
        assert_eq!(nanos("5\u{b5}s"), Some(5_000));
        assert_eq!(nanos("1m30s"), Some(90_000_000_000));
        assert_eq!(nanos("1.5s"), Some(1_500_000_000));
        assert_eq!(nanos("1h"), Some(3_600_000_000_000));
        assert_eq!(nanos("0.000000001s"), Some(1));
        for wrong in [
            "", "30", "s", "1.5ns", "30s1m", "1s1s", "1.s", "-1s", "1d", "9999999h",
        ] {
            assert_eq!(nanos(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn sizes_know_both_kinds_of_kilo() {
        assert_eq!(bytes("256B"), Some(256));
        assert_eq!(bytes("4KiB"), Some(4_096));
        assert_eq!(bytes("1MB"), Some(1_000_000));
        assert_eq!(bytes("1.5MiB"), Some(1_572_864));
        for wrong in ["", "12", "0.5B", "1XB", "B", "99999999999GiB"] {
            assert_eq!(bytes(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn shares_are_percent_or_plain() {
        assert_eq!(share("1%"), Some(0.01));
        assert_eq!(share("0.01"), Some(0.01));
        assert_eq!(share("100%"), Some(1.0));
        for wrong in ["", "%", "101%", "1.5", "-1%"] {
            assert_eq!(share(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn quantities_print_as_people_write_them() {
        assert_eq!(Rate(5_000.0).to_string(), "5000/s");
        assert_eq!(Rate(10.0 / 3_600.0).to_string(), "10/h");
        assert_eq!(Rate(0.5).to_string(), "0.5/s");
        assert_eq!(Span(Duration::from_millis(1_500)).to_string(), "1.5s");
        assert_eq!(Span(Duration::from_secs(90)).to_string(), "1m30s");
        assert_eq!(Span(Duration::from_micros(60_000_005)).to_string(), "1m5us");
        assert_eq!(Span(Duration::ZERO).to_string(), "0s");
        assert_eq!(Bytes(4_096).to_string(), "4KiB");
        assert_eq!(Bytes(64_000).to_string(), "64kB");
        assert_eq!(Bytes(0).to_string(), "0B");
        assert_eq!(Share(0.01).to_string(), "1%");
    }

    #[test]
    fn a_missing_unit_is_answered_with_the_unit() {
        let error = "500".parse::<Rate>().unwrap_err();
        assert_eq!(error.instead, "\"500/s\"");
        let error = "60".parse::<Span>().unwrap_err();
        assert_eq!(error.instead, "\"60s\"");
        let error = "256".parse::<Bytes>().unwrap_err();
        assert_eq!(error.instead, "\"256B\"");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn what_is_printed_is_read_back(rate in 0.0..1e9_f64, ns: u64, size: u64, part in 0.0..=1.0_f64) {
            prop_assert_eq!(Rate(rate).to_string().parse(), Ok(Rate(rate)));
            let span = Span(Duration::from_nanos(ns));
            prop_assert_eq!(span.to_string().parse(), Ok(span));
            prop_assert_eq!(Bytes(size).to_string().parse(), Ok(Bytes(size)));
            prop_assert_eq!(Share(part).to_string().parse(), Ok(Share(part)));
        }

        #[test]
        fn round_quantities_are_read_back(count in 0_u32..100_000, per in 0_usize..3, ms in 0_u64..10_000_000) {
            let rate: Rate = format!("{count}/{}", ["s", "min", "h"][per]).parse().unwrap();
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
            let span = Span(Duration::from_millis(ms));
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9._/a-zA-Z% \u{b5}-]{0,12}") {
            if let Ok(rate) = text.parse::<Rate>() { prop_assert!(rate.0.is_finite() && rate.0 >= 0.0); }
            if let Ok(share) = text.parse::<Share>() { prop_assert!((0.0..=1.0).contains(&share.0)); }
            let _ = (text.parse::<Span>(), text.parse::<Bytes>());
        }
    }
}
