//! The right side of a threshold: a comparison and a value with its unit.
//!
//! Private and small on purpose. Not here: which metric wants which unit's value compared.

use super::threshold::Operator;

/// A value in the unit of the result files.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Quantity {
    /// Microseconds.
    Time(f64),
    /// 1 is all.
    Share(f64),
    /// Per second.
    PerSecond(f64),
    /// A bare number.
    Plain(f64),
}

/// Units of time in microseconds.
const TIMES: [(&str, f64); 7] = [
    ("ns", 0.001),
    ("us", 1.0),
    ("\u{b5}s", 1.0),
    ("ms", 1e3),
    ("s", 1e6),
    ("min", 6e7),
    ("h", 3.6e9),
];

/// `"< 50ms"`: operator, then value; spaces are free.
///
/// # Errors
/// What is wrong, in words that follow the condition's text.
pub(super) fn condition(text: &str) -> Result<(Operator, Quantity), &'static str> {
    let text = text.trim();
    let signs = text.len() - text.trim_start_matches(['<', '>', '=']).len();
    let operator = match &text[..signs] {
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        "=" | "==" => Operator::Equal,
        _ => return Err("begins with no comparison: write <, <=, >, >= or ="),
    };
    Ok((operator, quantity(text[signs..].trim())?))
}

fn quantity(text: &str) -> Result<Quantity, &'static str> {
    let digits = text.len()
        - text
            .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '_')
            .len();
    let (number, unit) = (text[..digits].replace('_', ""), text[digits..].trim());
    let number: f64 = number
        .parse()
        .map_err(|_| "has no number after the comparison")?;
    if let Some((_, micros)) = TIMES.iter().find(|(name, _)| *name == unit) {
        return Ok(Quantity::Time(number * micros));
    }
    match unit {
        "" => Ok(Quantity::Plain(number)),
        "%" => Ok(Quantity::Share(number / 100.0)),
        "/s" => Ok(Quantity::PerSecond(number)),
        "/min" => Ok(Quantity::PerSecond(number / 60.0)),
        "/h" => Ok(Quantity::PerSecond(number / 3600.0)),
        "m" => Err("has the unit m, which could be minutes: write min"),
        _ => Err("has an unknown unit: ns, us, ms, s, min, h, %, /s, /min, /h or none"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_with_their_units() {
        let read = |text| condition(text).unwrap();
        assert_eq!(read("< 50ms"), (Operator::Less, Quantity::Time(50_000.0)));
        assert_eq!(
            read(">=4_900/s"),
            (Operator::GreaterOrEqual, Quantity::PerSecond(4_900.0))
        );
        assert_eq!(read(" == 0 "), (Operator::Equal, Quantity::Plain(0.0)));
        assert_eq!(
            read("<= 0.5 %"),
            (Operator::LessOrEqual, Quantity::Share(0.005))
        );
        assert_eq!(
            read("> 1.5s"),
            (Operator::Greater, Quantity::Time(1_500_000.0))
        );
    }

    #[test]
    fn what_is_no_condition_is_explained() {
        for text in [
            "",
            "50ms",
            "=> 5",
            "< ",
            "< fast",
            "< 1.2.3",
            "< 5 parsecs",
            "< 5m",
            "< -1",
            "\u{20ac}",
        ] {
            assert!(condition(text).is_err(), "{text}");
        }
    }
}
