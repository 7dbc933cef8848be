//! Service times: how long the tenant takes for one reply, as text and as draws.
//!
//! Pure: the generator is an argument. Not here: the queue in front of the servers (`service`).

use super::random::Random;
use super::text;

/// A distribution of service times. All times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delay {
    /// `fixed:2ms` (or just `2ms`): always the same.
    Fixed(u64),
    /// `exp:10ms`: exponential with this mean.
    Exponential(u64),
    /// `lognormal:5ms,0.5`: median, and sigma of the logarithm.
    Lognormal(u64, f64),
    /// `bimodal:1ms,50ms,1%`: usual value, rare value, share of the rare one (0 to 1).
    Bimodal(u64, u64, f64),
}

/// One hour: no draw is longer, however heavy the tail.
const LONGEST_NS: f64 = 3.6e12;

impl Delay {
    /// No delay at all.
    pub const ZERO: Self = Self::Fixed(0);

    /// Reads the texts shown at each variant.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (kind, rest) = text.split_once(':').unwrap_or(("fixed", text));
        let parts: Vec<&str> = rest.split(',').map(str::trim).collect();
        match (kind.trim(), parts.as_slice()) {
            ("fixed", [value]) => Ok(Self::Fixed(text::duration_ns(value)?)),
            ("exp", [mean]) => Ok(Self::Exponential(text::duration_ns(mean)?)),
            ("lognormal", [median, sigma]) => {
                let sigma: f64 = sigma
                    .parse()
                    .ok()
                    .filter(|s: &f64| s.is_finite() && *s >= 0.0)
                    .ok_or_else(|| format!("'{sigma}' is not a sigma (a number from 0)"))?;
                Ok(Self::Lognormal(text::duration_ns(median)?, sigma))
            }
            ("bimodal", [usual, rare, share]) => Ok(Self::Bimodal(
                text::duration_ns(usual)?,
                text::duration_ns(rare)?,
                text::share(share)?,
            )),
            _ => Err(format!(
                "'{text}' is no delay: use fixed:2ms, exp:10ms, lognormal:5ms,0.5 or bimodal:1ms,50ms,1%"
            )),
        }
    }

    /// One service time in nanoseconds, at most one hour.
    pub fn draw(&self, random: &mut Random) -> u64 {
        let ns = match *self {
            Self::Fixed(ns) => return ns,
            Self::Exponential(mean) => mean as f64 * random.exponential(),
            Self::Lognormal(median, sigma) => median as f64 * (sigma * random.normal()).exp(),
            Self::Bimodal(usual, rare, share) => {
                return if random.chance(share) { rare } else { usual };
            }
        };
        ns.min(LONGEST_NS) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::Stream;
    use super::*;

    #[test]
    fn every_documented_text_is_read() {
        assert_eq!(Delay::parse("fixed:2ms"), Ok(Delay::Fixed(2_000_000)));
        assert_eq!(Delay::parse("2ms"), Ok(Delay::Fixed(2_000_000)));
        assert_eq!(Delay::parse("exp:10ms"), Ok(Delay::Exponential(10_000_000)));
        assert_eq!(
            Delay::parse("lognormal:5ms,0.5"),
            Ok(Delay::Lognormal(5_000_000, 0.5))
        );
        assert_eq!(
            Delay::parse("bimodal:1ms,50ms,1%"),
            Ok(Delay::Bimodal(1_000_000, 50_000_000, 0.01))
        );
        for bad in [
            "",
            "fixed:",
            "exp:1",
            "lognormal:5ms",
            "lognormal:5ms,-1",
            "bimodal:1ms,2ms,200%",
            "pareto:1ms",
        ] {
            assert!(Delay::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn draws_follow_the_distribution() {
        let mut random = Random::new(3, Stream::Service);
        let mut sorted = |delay: Delay| {
            let mut draws: Vec<u64> = (0..20_001).map(|_| delay.draw(&mut random)).collect();
            draws.sort_unstable();
            draws
        };
        let near = |value: u64, expected: f64| (value as f64 / expected - 1.0).abs() < 0.05;

        assert_eq!(sorted(Delay::Fixed(5)), vec![5; 20_001]);
        let exponential = sorted(Delay::Exponential(1_000_000));
        assert!(
            near(exponential[10_000], 693_147.0),
            "{}",
            exponential[10_000]
        );
        let lognormal = sorted(Delay::Lognormal(1_000_000, 0.5));
        assert!(
            near(lognormal[10_000], 1_000_000.0),
            "{}",
            lognormal[10_000]
        );
        // One sigma above the median, at 84.13 percent.
        assert!(
            near(lognormal[16_827], 1_648_721.0),
            "{}",
            lognormal[16_827]
        );
        let bimodal = sorted(Delay::Bimodal(1, 2, 0.1));
        let rare = bimodal.iter().filter(|&&d| d == 2).count();
        assert!((1_800..2_200).contains(&rare), "{rare}");
    }

    #[test]
    fn an_endless_tail_is_cut_at_one_hour() {
        let mut random = Random::new(3, Stream::Service);
        let delay = Delay::Lognormal(1_000_000_000, 100.0);
        assert!((0..100).all(|_| delay.draw(&mut random) <= 3_600_000_000_000));
    }
}
