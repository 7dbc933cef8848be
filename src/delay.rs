//! A delay that is drawn anew each time, and the little language it is written in.
//!
//! A draw is a pure function of 64 random bits. Not here: where the bits come from, and waiting.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::random::{exponential, mix, normal, unit};
use crate::units::{Share, Span, UnitError, nanoseconds};

/// A distribution of delays. Times of a delay that was read are at most 1 h.
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

impl Delay {
    /// No delay at all.
    pub const ZERO: Self = Self::Fixed(Duration::ZERO);

    /// The delay that `bits` stand for, in nanoseconds; at most an hour, so that a heavy tail
    /// cannot outlive every run.
    pub fn draw(self, bits: u64) -> u64 {
        let seconds = match self {
            Self::Fixed(fixed) => return nanoseconds(fixed.min(LONGEST)),
            Self::Exponential(mean) => mean.as_secs_f64() * exponential(bits),
            Self::Lognormal(median, sigma) => median.as_secs_f64() * (sigma * normal(bits)).exp(),
            Self::Bimodal(usual, rare, share) => {
                let chosen = if unit(mix(bits)) < share { rare } else { usual };
                return nanoseconds(chosen.min(LONGEST));
            }
        };
        // The cast saturates; not-a-number becomes 0.
        ((seconds * 1e9).round() as u64).min(nanoseconds(LONGEST))
    }
}

/// All forms, for error messages.
const FORMS: &str =
    "\"2ms\", \"fixed:2ms\", \"exp:10ms\", \"lognormal:5ms,0.5\" or \"bimodal:1ms,50ms,1%\"";

/// No delay is longer than this, whether it is written or drawn.
const LONGEST: Duration = Duration::from_hours(1);

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
    use crate::random::hash;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);
    const HOUR_NS: u64 = 3_600_000_000_000;

    fn sorted(delay: Delay) -> Vec<u64> {
        let mut all: Vec<u64> = (0..20_000).map(|n| delay.draw(hash(1, 0, n))).collect();
        all.sort_unstable();
        all
    }

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

    #[test]
    fn fixed_delays_are_fixed_and_capped() {
        assert_eq!(Delay::Fixed(MS).draw(7), 1_000_000);
        assert_eq!(Delay::Fixed(Duration::MAX).draw(7), HOUR_NS);
    }

    #[test]
    fn exponential_delays_have_their_mean() {
        let all = sorted(Delay::Exponential(MS));
        let mean = all.iter().sum::<u64>() / 20_000;
        assert!((970_000..1_030_000).contains(&mean), "{mean}");
    }

    #[test]
    fn lognormal_delays_have_their_median_and_spread() {
        let all = sorted(Delay::Lognormal(MS, 0.5));
        assert!(
            (980_000..1_020_000).contains(&all[10_000]),
            "{}",
            all[10_000]
        );
        // 84.13 % lie below median * e^sigma.
        assert!(
            (1_600_000..1_700_000).contains(&all[16_827]),
            "{}",
            all[16_827]
        );
    }

    #[test]
    fn an_endless_tail_is_cut_at_one_hour() {
        let all = sorted(Delay::Lognormal(Duration::from_secs(1), 100.0));
        assert_eq!((all[0], all[19_999]), (0, HOUR_NS));
    }

    #[test]
    fn bimodal_delays_keep_their_share() {
        let rare = sorted(Delay::Bimodal(MS, MS * 50, 0.01))
            .iter()
            .filter(|ns| **ns > 1_000_000)
            .count();
        assert!((150..250).contains(&rare), "{rare}");
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
