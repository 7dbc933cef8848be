//! Which random bits of a run are for what: a value is a hash of its purpose and place.
//!
//! That makes every generated value and every gap addressable, so neither drops nor shards can
//! shift a sequence. Not here: the generator and its distributions (`random`).

use crate::random::{STRIDE, mix};
pub(crate) use crate::random::{hash, unit};

/// What a key is for. Two purposes never share a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A generated field of a request.
    Field = 1,
    /// The `{uuid}` of a message.
    Uuid = 2,
    /// The gaps of a Poisson stream.
    Gap = 3,
    /// Which request an arrival of the shared stream is.
    Pick = 4,
    /// Phase of a periodic request.
    Phase = 5,
    /// Jitter of a periodic request.
    Jitter = 6,
    /// Delay of an answer.
    Delay = 7,
    /// Generated payload bytes.
    Block = 8,
    /// Which requests ask for the kernel's timestamps.
    Timestamp = 9,
    /// How long a connection waits before it tries to come back.
    Reconnect = 10,
    /// Which endpoints come and go, and when.
    Churn = 11,
}

/// The key of one sequence of a plan.
pub(crate) const fn key(seed: u64, purpose: Purpose, index: u64) -> u64 {
    hash(mix(seed ^ STRIDE), purpose as u64, index)
}

/// Picks an index in proportion to weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weights {
    /// Upper end of each index's share of the 64-bit range; not decreasing, the last share ends at the top.
    bounds: Box<[u64]>,
}

impl Weights {
    /// `None` unless all weights are finite, none is negative and one is positive.
    pub(crate) fn new(weights: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let total: f64 = weights.clone().sum();
        let sound = weights.clone().all(|weight| weight >= 0.0) && total > 0.0 && total.is_finite();
        sound.then(|| {
            let mut before = 0.0;
            let mut bounds: Vec<u64> = weights
                .clone()
                .map(|weight| {
                    before += weight;
                    // The cast saturates at both ends.
                    (before / total * 18_446_744_073_709_551_616.0) as u64
                })
                .collect();
            // Rounding must not leave a gap above the last positive weight.
            let last = weights
                .enumerate()
                .filter(|(_, weight)| *weight > 0.0)
                .last();
            for bound in &mut bounds[last.map_or(0, |(index, _)| index)..] {
                *bound = u64::MAX;
            }
            Self {
                bounds: bounds.into(),
            }
        })
    }

    /// The index whose share `bits` falls into.
    pub(crate) fn pick(&self, bits: u64) -> usize {
        let bits = bits.min(u64::MAX - 1);
        self.bounds.partition_point(|bound| *bound <= bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_kept_and_a_zero_weight_is_never_picked() {
        let weights = Weights::new([8.0, 0.0, 2.0, 0.0].into_iter()).expect("sound weights");
        let mut counts = [0; 4];
        for n in 0..100_000 {
            counts[weights.pick(hash(3, 0, n))] += 1;
        }
        assert!((79_400..80_600).contains(&counts[0]), "{counts:?}");
        assert_eq!((counts[1], counts[3]), (0, 0));
        assert_eq!((weights.pick(0), weights.pick(u64::MAX)), (0, 2));
    }

    #[test]
    fn unsound_weights_are_refused() {
        for weights in [
            vec![],
            vec![0.0],
            vec![-1.0, 3.0],
            vec![f64::NAN],
            vec![f64::INFINITY],
        ] {
            assert_eq!(Weights::new(weights.into_iter()), None);
        }
    }
}
