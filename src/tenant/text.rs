//! Quantities in flag texts of the tenant: durations, shares, rates, lists.
//!
//! Reading only, and only what `TenantOptions::set` and `Delay::parse` need.

use std::collections::BTreeSet;

/// `2ms`, `1.5s`, `500us`, `10ns`, `2m` or `2min`, `1h`, in nanoseconds. A bare `0` is zero.
///
/// # Errors
/// A sentence naming the text that is no duration, or is longer than a year.
pub fn duration_ns(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is not a duration such as 2ms, 1.5s or 1h");
    let text = text.trim();
    if text == "0" {
        return Ok(0);
    }
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let unit_ns = match unit.trim() {
        "ns" => 1.0,
        "us" | "\u{b5}s" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3600e9,
        _ => return Err(wrong()),
    };
    let value: f64 = number.replace('_', "").parse().map_err(|_| wrong())?;
    let ns = (value * unit_ns).round();
    if ns > 365.0 * 86_400e9 {
        return Err(format!("'{text}' is longer than a year"));
    }
    Ok(ns as u64)
}

/// `1%` or `0.01`: a share from 0 to 1.
///
/// # Errors
/// A sentence naming the text that is no share.
pub fn share(text: &str) -> Result<f64, String> {
    let trimmed = text.trim();
    let (number, divisor) = match trimmed.strip_suffix('%') {
        Some(percent) => (percent.trim(), 100.0),
        None => (trimmed, 1.0),
    };
    match number.parse::<f64>() {
        Ok(value) if (0.0..=divisor).contains(&value) => Ok(value / divisor),
        _ => Err(format!("'{text}' is not a share such as 1% or 0.01")),
    }
}

/// `50/s`, `30/min`, `5/h`, or a bare number per second; at most a million per second.
///
/// # Errors
/// A sentence naming the text that is no rate.
pub fn rate_per_s(text: &str) -> Result<f64, String> {
    let wrong = || format!("'{text}' is not a rate such as 50/s or 0.1/s");
    let (number, divisor) = match text.trim().split_once('/') {
        None => (text.trim(), 1.0),
        Some((number, unit)) => match unit.trim() {
            "s" => (number.trim(), 1.0),
            "m" | "min" => (number.trim(), 60.0),
            "h" => (number.trim(), 3600.0),
            _ => return Err(wrong()),
        },
    };
    match number.replace('_', "").parse::<f64>() {
        Ok(value) if (0.0..=1e6).contains(&(value / divisor)) => Ok(value / divisor),
        _ => Err(wrong()),
    }
}

/// `a, b,c`: the names between commas (or lines), without the empty ones.
pub fn names(text: &str) -> BTreeSet<String> {
    text.split([',', '\n', '\r'])
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration_ns("2ms"), Ok(2_000_000));
        assert_eq!(duration_ns("1.5s"), Ok(1_500_000_000));
        assert_eq!(duration_ns("1_000us"), Ok(1_000_000));
        assert_eq!(duration_ns("2m"), Ok(120_000_000_000));
        assert_eq!(duration_ns("0"), Ok(0));
        for bad in ["", "5", "ms", "-1s", "1.2.3s", "1e3s", "5 parsecs", "9000h"] {
            assert!(duration_ns(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shares_are_percent_or_fraction() {
        assert_eq!(share("1%"), Ok(0.01));
        assert_eq!(share("0.25"), Ok(0.25));
        assert_eq!(share("100%"), Ok(1.0));
        for bad in ["", "%", "101%", "1.01", "-1%", "NaN"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates_are_per_second() {
        assert_eq!(rate_per_s("50/s"), Ok(50.0));
        assert_eq!(rate_per_s("5_000/s"), Ok(5_000.0));
        assert_eq!(rate_per_s("30/min"), Ok(0.5));
        assert_eq!(rate_per_s("2"), Ok(2.0));
        for bad in ["", "/s", "fast", "1/week", "-1/s", "inf/s"] {
            assert!(rate_per_s(bad).is_err(), "{bad}");
        }
    }
}
