//! Random numbers without state: a value is a hash of what it is for.
//!
//! A counter-based generator (a key and two counters through a 64-bit finaliser) makes every
//! generated value and every gap addressable, so neither drops nor shards can shift a sequence.
//! Not here: cryptography. Nothing that is made from these numbers is a secret.

/// Odd number near 2^64 divided by the golden ratio: neighbouring counters land far apart.
const STRIDE: u64 = 0x9E37_79B9_7F4A_7C15;

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
}

/// Spreads every input bit over all output bits; a bijection.
pub(crate) const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// 64 uniform bits for (`key`, `a`, `b`).
pub(crate) const fn hash(key: u64, a: u64, b: u64) -> u64 {
    let row = mix(key.wrapping_add(a.wrapping_mul(STRIDE)));
    // The column is mixed apart: rows that were only offset would be one sequence, shifted.
    mix(row ^ mix(b.wrapping_add(1).wrapping_mul(STRIDE)))
}

/// The key of one sequence of a plan.
pub(crate) const fn key(seed: u64, purpose: Purpose, index: u64) -> u64 {
    hash(mix(seed ^ STRIDE), purpose as u64, index)
}

/// Uniform in [0, 1).
pub(crate) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Uniform in (0, 1], so that its logarithm is finite.
pub(crate) fn unit_above_zero(bits: u64) -> f64 {
    ((bits >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

/// Uniform in `0..limit`; 0 when `limit` is 0.
pub(crate) const fn below(bits: u64, limit: u64) -> u64 {
    ((bits as u128 * limit as u128) >> 64) as u64
}

/// A standard normal value.
pub(crate) fn normal(bits: u64) -> f64 {
    let radius = (-2.0 * unit_above_zero(bits).ln()).sqrt();
    radius * (std::f64::consts::TAU * unit(mix(bits ^ STRIDE))).cos()
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

    fn chi_square(values: impl Iterator<Item = u64>, buckets: usize) -> f64 {
        let mut counts = vec![0_u32; buckets];
        let mut total = 0.0;
        for value in values {
            counts[below(value, buckets as u64) as usize] += 1;
            total += 1.0;
        }
        let expected = total / buckets as f64;
        counts
            .iter()
            .map(|count| (f64::from(*count) - expected).powi(2) / expected)
            .sum()
    }

    #[test]
    fn neighbouring_counters_and_rows_are_uniform() {
        // 255 degrees of freedom: 99.99 % of the time below 347.
        assert!(chi_square((0..100_000).map(|n| hash(42, 7, n)), 256) < 347.0);
        assert!(chi_square((0..100_000).map(|n| hash(42, n, 7)), 256) < 347.0);
        assert!(chi_square((0..100_000).map(|n| hash(n, 0, 0)), 256) < 347.0);
        assert!(chi_square((0..100_000).map(|n| hash(1, 2, n).reverse_bits()), 256) < 347.0);
    }

    #[test]
    fn flipping_one_input_bit_flips_half_of_the_output() {
        let mut flipped = 0;
        for bit in 0..64 {
            for n in 0..100 {
                flipped += (hash(1, n, n) ^ hash(1, n, n ^ (1 << bit))).count_ones();
                flipped += (hash(1, n, n) ^ hash(1, n ^ (1 << bit), n)).count_ones();
            }
        }
        let mean = f64::from(flipped) / 12_800.0;
        assert!((mean - 32.0).abs() < 0.3, "{mean}");
    }

    #[test]
    fn neighbours_are_uncorrelated() {
        let n = 100_000_u64;
        let product = |shift: u64| -> f64 {
            (0..n)
                .map(|k| (unit(hash(9, 1, k)) - 0.5) * (unit(hash(9, 1 + shift, k + 1)) - 0.5))
                .sum::<f64>()
                / n as f64
                * 12.0
        };
        assert!(product(0).abs() < 0.015 && product(1).abs() < 0.015);
    }

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

    #[test]
    fn normal_values_have_the_right_moments() {
        let n = 100_000;
        let values: Vec<f64> = (0..n).map(|k| normal(hash(5, 5, k))).collect();
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|v| v * v).sum::<f64>() / n as f64;
        assert!(
            mean.abs() < 0.015 && (variance - 1.0).abs() < 0.03,
            "{mean} {variance}"
        );
    }
}
