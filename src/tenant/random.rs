//! Seeded streams of random numbers: the same seed gives the same faults, delays and pushes again.
//!
//! One word of state each, as in `SplitMix64` (Steele, Lea, Flood 2014). Not here: the bits'
//! distributions (`crate::random`). Not for anything that an adversary must not guess.

use crate::random;

/// What a stream of numbers is used for; streams of one seed are independent of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Error, loss and duplication of replies.
    Faults = 1,
    /// Service times.
    Service = 2,
    /// What is pushed, and to whom.
    Pushes = 3,
    /// Which connection is closed.
    Disconnects = 4,
    /// When something is pushed or closed.
    Gaps = 5,
}

/// A seeded stream of numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The stream of `seed` that is used for `stream`.
    pub fn new(seed: u64, stream: Stream) -> Self {
        let mut random = Self(seed ^ (stream as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93));
        random.0 = random.word();
        random
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(random::STRIDE);
        random::mix(self.0)
    }

    /// Uniform in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        random::below(self.word(), bound as u64) as usize
    }

    /// True in this share of calls; `share` is in `0.0..=1.0`.
    pub fn chance(&mut self, share: f64) -> bool {
        random::unit(self.word()) < share
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        random::exponential(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_stream_and_streams_differ() {
        let words = |stream| {
            let mut random = Random::new(42, stream);
            [random.word(), random.word(), random.word()]
        };
        assert_eq!(words(Stream::Faults), words(Stream::Faults));
        assert_ne!(words(Stream::Faults), words(Stream::Service));
    }

    #[test]
    fn shares_and_means_are_as_asked() {
        let mut random = Random::new(1, Stream::Faults);
        let n = 100_000;
        let hits = (0..n).filter(|_| random.chance(0.25)).count();
        assert!((24_400..25_600).contains(&hits), "{hits}");
        assert!(!random.chance(0.0));
        assert!(random.chance(1.0));
        let mean = (0..n).map(|_| random.exponential()).sum::<f64>() / f64::from(n);
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
    }

    #[test]
    fn below_stays_below_and_reaches_everything() {
        let mut random = Random::new(7, Stream::Pushes);
        let mut seen = [0u32; 5];
        for _ in 0..1_000 {
            seen[random.below(5)] += 1;
        }
        assert!(seen.iter().all(|&n| n > 100), "{seen:?}");
        assert_eq!(random.below(0), 0);
    }
}
