//! A delay that is drawn anew each time, and the little language it is written in.
//!
//! Parsing and printing only. Not here: drawing from it, which needs a random number.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::units::{Share, Span, UnitError};

/// A delay, drawn anew each time. The tenant's service time speaks the same language.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delay {
    /// `fixed:2ms` (or just `2ms`)
    Fixed(Duration),
    /// `exp:10ms`: exponential with this mean.
    Exponential(Duration),
    /// `lognormal:5ms,0.5`: median and sigma of the logarithm.
    Lognormal(Duration, f64),
    /// `bimodal:1ms,50ms,1%`: usual value, rare value, share of the rare one (0 to 1).
    Bimodal(Duration, Duration, f64),
}

/// All forms, for error messages.
const FORMS: &str =
    "\"2ms\", \"fixed:2ms\", \"exp:10ms\", \"lognormal:5ms,0.5\" or \"bimodal:1ms,50ms,1%\"";

/// No answer takes longer than this, whatever the distribution says at its centre.
const LONGEST: Duration = Duration::from_secs(3_600);

impl FromStr for Delay {
    type Err = UnitError;

    /// A bare duration is a fixed delay. Every time is at most 1 h, sigma at most 10.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (form, rest) = text.split_once(':').unwrap_or(("fixed", text));
        let wanted = match form.trim() {
            "fixed" | "exp" => 1,
            "lognormal" => 2,
            "bimodal" => 3,
            other => {
                return Err(UnitError::new(
                    format!("{other:?} is no kind of delay"),
                    FORMS,
                ));
            }
        };
        let parts: Vec<&str> = rest.split(',').map(str::trim).collect();
        if parts.len() != wanted {
            let problem = format!("{form:?} takes {wanted} value(s), not {}", parts.len());
            return Err(UnitError::new(problem, FORMS));
        }
        let part = |index: usize| parts.get(index).copied().unwrap_or("");
        let first = time(part(0))?;
        Ok(match form.trim() {
            "exp" => Self::Exponential(first),
            "lognormal" => Self::Lognormal(first, sigma(part(1))?),
            "bimodal" => Self::Bimodal(first, time(part(1))?, part(2).parse::<Share>()?.0),
            _ => Self::Fixed(first),
        })
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Fixed(time) => write!(f, "fixed:{}", Span(time)),
            Self::Exponential(mean) => write!(f, "exp:{}", Span(mean)),
            Self::Lognormal(median, sigma) => write!(f, "lognormal:{},{sigma}", Span(median)),
            Self::Bimodal(usual, rare, share) => {
                write!(f, "bimodal:{},{},{}", Span(usual), Span(rare), Share(share))
            }
        }
    }
}

fn time(text: &str) -> Result<Duration, UnitError> {
    let Span(time) = text.parse()?;
    if time > LONGEST {
        return Err(UnitError::new(
            format!("the delay {text:?} is too long"),
            "at most \"1h\"",
        ));
    }
    Ok(time)
}

fn sigma(text: &str) -> Result<f64, UnitError> {
    match text.parse::<f64>() {
        Ok(sigma) if (0.0..=10.0).contains(&sigma) => Ok(sigma),
        _ => Err(UnitError::new(
            format!("{text:?} is no sigma from 0 to 10"),
            "\"lognormal:5ms,0.5\"",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_four_forms_and_the_bare_duration_are_read() {
        let ms = Duration::from_millis;
        assert_eq!("2ms".parse(), Ok(Delay::Fixed(ms(2))));
        assert_eq!("fixed:2ms".parse(), Ok(Delay::Fixed(ms(2))));
        assert_eq!("exp:10ms".parse(), Ok(Delay::Exponential(ms(10))));
        assert_eq!(
            "lognormal:5ms,0.5".parse(),
            Ok(Delay::Lognormal(ms(5), 0.5))
        );
        assert_eq!(
            "bimodal:1ms, 50ms, 1%".parse(),
            Ok(Delay::Bimodal(ms(1), ms(50), 0.01))
        );
        for wrong in [
            "",
            "exp",
            "exp:",
            "exp:1",
            "exp:1s,2s",
            "gauss:1s",
            "lognormal:1s,-1",
            "2h",
        ] {
            assert!(wrong.parse::<Delay>().is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_printed_delay_is_read_back(form in 0..4, a in 0_u64..3_600_000_000_000, b in 0_u64..3_600_000_000_000, x in 0.0..=1.0_f64) {
            let (a, b) = (Duration::from_nanos(a), Duration::from_nanos(b));
            let delay = match form {
                0 => Delay::Fixed(a),
                1 => Delay::Exponential(a),
                2 => Delay::Lognormal(a, x),
                _ => Delay::Bimodal(a, b, x),
            };
            prop_assert_eq!(delay.to_string().parse(), Ok(delay));
        }
    }
}
