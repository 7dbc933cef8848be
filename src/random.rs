//! Random numbers as pure functions of 64 bits: nothing here keeps a state.
//!
//! [`hash`] is a counter-based generator (a key and two counters through the 64-bit finaliser of
//! `SplitMix64`; Steele, Lea, Flood 2014); the rest turns uniform bits into the values of a
//! distribution. Not here: seeds and what a sequence is for, which whoever draws decides, and
//! cryptography. Nothing that is made from these numbers is a secret.

/// Odd number near 2^64 divided by the golden ratio: neighbouring counters land far apart.
pub(crate) const STRIDE: u64 = 0x9E37_79B9_7F4A_7C15;

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

/// Uniform in [0, 1).
pub(crate) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Uniform in (0, 1], so that its logarithm is finite.
fn unit_above_zero(bits: u64) -> f64 {
    ((bits >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

/// Uniform in `0..limit`; 0 when `limit` is 0.
pub(crate) const fn below(bits: u64, limit: u64) -> u64 {
    ((bits as u128 * limit as u128) >> 64) as u64
}

/// Exponential with mean 1.
pub(crate) fn exponential(bits: u64) -> f64 {
    -unit_above_zero(bits).ln()
}

/// A standard normal value (Box and Muller 1958).
pub(crate) fn normal(bits: u64) -> f64 {
    let radius = (2.0 * exponential(bits)).sqrt();
    radius * (std::f64::consts::TAU * unit(mix(bits ^ STRIDE))).cos()
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
    #[test]
    fn exponential_values_have_mean_and_variance_1() {
        let n = 100_000;
        let values: Vec<f64> = (0..n).map(|k| exponential(hash(6, 6, k))).collect();
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64;
        assert!(
            (mean - 1.0).abs() < 0.015 && (variance - 1.0).abs() < 0.05,
            "{mean} {variance}"
        );
    }

    #[test]
    fn both_ends_of_the_bits_give_finite_values_in_range() {
        for bits in [0, 1, u64::MAX - 1, u64::MAX] {
            assert!((0.0..1.0).contains(&unit(bits)));
            assert!((0.0..40.0).contains(&exponential(bits)));
            assert!(normal(bits).abs() < 10.0);
            assert!(below(bits, 5) < 5);
            assert_eq!(below(bits, 0), 0);
        }
        assert_eq!((below(0, 5), below(u64::MAX, 5)), (0, 4));
    }
}
