//! Generated values: each a pure function of (seed, request, field, endpoint, message number).
//!
//! Numbers are drawn on the grid of their decimals, as integers. Only a walk keeps state, one word
//! per endpoint. Not here: the wall clock and how values get into a message.

use std::collections::BTreeMap;

use crate::plan::error::PlanError;
use crate::plan::hash::{self, Purpose, Weights};
use crate::plan::pen::Pen;
use crate::plan::text::{write_fixed, write_signed, write_uuid};
use crate::profile;
use crate::random::{below, hash, mix, normal};

/// A generator that is ready to run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Generator {
    key: u64,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Counter {
        start: i64,
        step: i64,
    },
    Uniform {
        low: i64,
        span: u64,
        decimals: u8,
    },
    Normal {
        mean: f64,
        deviation: f64,
        decimals: u8,
    },
    Walk {
        low: i64,
        span: u64,
        step: u64,
        decimals: u8,
        word: usize,
    },
    Choice {
        weights: Weights,
        texts: Box<[Box<[u8]>]>,
    },
    Uuid,
    Bytes(u32),
    /// Rendered as a clock piece, never as a generator.
    Clock,
}

/// Scaled values stay where a 64-bit float is exact, so that bounds are kept to the last digit.
const SCALED_MAX: f64 = 9e15;

impl Generator {
    /// Compiles the generators of request number `request`; walks get state words from `next_word` on.
    pub(crate) fn compile_all(
        generators: &BTreeMap<String, profile::Generator>,
        request_name: &str,
        seed: u64,
        request: usize,
        next_word: &mut usize,
    ) -> Result<Vec<Self>, PlanError> {
        let mut all = Vec::with_capacity(generators.len());
        for (index, (field, generator)) in generators.iter().enumerate() {
            let kind = Kind::compile(generator, next_word).map_err(|reason| {
                PlanError::value(format!("request {request_name}, generate.{field}"), reason)
            })?;
            let key = hash::key(
                seed,
                Purpose::Field,
                ((request as u64) << 16) | index as u64,
            );
            all.push(Self { key, kind });
        }
        Ok(all)
    }

    /// Moves a walk to message `number` (from 0, one after the other); nothing else has state.
    #[inline]
    pub(crate) fn advance(&self, endpoint: u32, number: u64, state: &mut [u64]) {
        let Kind::Walk {
            span, step, word, ..
        } = self.kind
        else {
            return;
        };
        let bits = hash(self.key, u64::from(endpoint), number);
        let Some(word) = state.get_mut(word) else {
            return;
        };
        *word = if number == 0 {
            below(bits, span + 1)
        } else {
            // Both are whole numbers that a 64-bit float holds exactly: far from an overflow.
            let moved = below(bits, 2 * step + 1).cast_signed() - step.cast_signed();
            reflect(word.cast_signed() + moved, span)
        };
    }

    /// Writes the value of message `number`.
    // Not inlined: the hash was computed ahead for pieces that need none.
    #[inline(never)]
    pub(crate) fn write<'p>(
        &self,
        endpoint: u32,
        number: u64,
        state: &[u64],
        pen: Pen<'p>,
    ) -> Pen<'p> {
        let bits = || hash(self.key, u64::from(endpoint), number);
        match &self.kind {
            Kind::Counter { start, step } => write_signed(
                pen,
                start.wrapping_add(step.wrapping_mul(number.cast_signed())),
            ),
            Kind::Uniform {
                low,
                span,
                decimals,
            } => write_fixed(
                pen,
                low.wrapping_add(below(bits(), span + 1).cast_signed()),
                *decimals,
            ),
            Kind::Normal {
                mean,
                deviation,
                decimals,
            } => {
                let value = normal(bits()).mul_add(*deviation, *mean);
                write_fixed(
                    pen,
                    value.round().clamp(-SCALED_MAX, SCALED_MAX) as i64,
                    *decimals,
                )
            }
            Kind::Walk {
                low,
                decimals,
                word,
                ..
            } => {
                let above = state.get(*word).copied().unwrap_or(0);
                write_fixed(pen, low.wrapping_add(above.cast_signed()), *decimals)
            }
            Kind::Choice { weights, texts } => pen.write(&texts[weights.pick(bits())]),
            Kind::Uuid => write_random_uuid(pen, bits()),
            Kind::Bytes(length) => write_printable(bits(), *length as usize, pen),
            Kind::Clock => pen,
        }
    }

    /// The longest text that the generator can yield, in bytes.
    pub(crate) fn longest(&self) -> usize {
        match &self.kind {
            Kind::Choice { texts, .. } => texts.iter().map(|text| text.len()).max().unwrap_or(0),
            Kind::Uuid => 36,
            Kind::Bytes(length) => *length as usize,
            _ => 28,
        }
    }

    /// Whether the whole text can be decimal digits.
    pub(crate) fn may_be_digits(&self) -> bool {
        match &self.kind {
            Kind::Counter { .. } => true,
            Kind::Uniform { decimals, .. }
            | Kind::Normal { decimals, .. }
            | Kind::Walk { decimals, .. } => *decimals == 0,
            Kind::Choice { texts, .. } => texts
                .iter()
                .any(|text| !text.is_empty() && text.iter().all(u8::is_ascii_digit)),
            Kind::Uuid | Kind::Bytes(_) | Kind::Clock => false,
        }
    }

    /// The texts of a choice.
    pub(crate) fn texts(&self) -> &[Box<[u8]>] {
        if let Kind::Choice { texts, .. } = &self.kind {
            texts
        } else {
            &[]
        }
    }
}

impl Kind {
    fn compile(
        generator: &profile::Generator,
        next_word: &mut usize,
    ) -> Result<Self, &'static str> {
        use profile::Generator as From;
        Ok(match generator {
            From::Counter { start, step } => Self::Counter {
                start: *start,
                step: *step,
            },
            From::Uniform {
                low,
                high,
                decimals,
            } => {
                let (low, span) = bounds(*low, *high, *decimals)?;
                Self::Uniform {
                    low,
                    span,
                    decimals: *decimals,
                }
            }
            From::Normal {
                mean,
                deviation,
                decimals,
            } => {
                if deviation.is_nan() || *deviation < 0.0 {
                    return Err("the deviation must not be negative");
                }
                let mean = scaled(*mean, *decimals)?;
                Self::Normal {
                    mean,
                    deviation: scaled(*deviation, *decimals)?,
                    decimals: *decimals,
                }
            }
            From::Walk {
                low,
                high,
                step,
                decimals,
            } => {
                let word = *next_word;
                *next_word += 1;
                Self::walk((*low, *high), *step, *decimals, word)?
            }
            From::Choice(choices) => Self::Choice {
                weights: Weights::new(choices.iter().map(|(_, weight)| *weight))
                    .ok_or("weights must not be negative, and one must be positive")?,
                texts: choices
                    .iter()
                    .map(|(text, _)| text.as_bytes().into())
                    .collect(),
            },
            From::Timestamp(_) => Self::Clock,
            From::Uuid => Self::Uuid,
            From::Bytes(length) => Self::Bytes(*length),
        })
    }
}

impl Kind {
    fn walk(
        (low, high): (f64, f64),
        step: f64,
        decimals: u8,
        word: usize,
    ) -> Result<Self, &'static str> {
        let (low, span) = bounds(low, high, decimals)?;
        if step.is_nan() || step < 0.0 {
            return Err("the step must not be negative");
        }
        let step = scaled(step, decimals)?.round() as u64;
        Ok(Self::Walk {
            low,
            span,
            step,
            decimals,
            word,
        })
    }
}

/// Writes a random UUID (RFC 9562, section 5.4) made from 64 random bits.
#[inline(never)]
pub(crate) fn write_random_uuid(pen: Pen<'_>, bits: u64) -> Pen<'_> {
    let both = (u128::from(bits) << 64) | u128::from(mix(bits ^ 0x6A09_E667_F3BC_C908));
    write_uuid(
        pen,
        uuid::Builder::from_random_bytes(both.to_be_bytes()).into_uuid(),
    )
}

/// Writes `length` letters, digits, `-` and `_`; safe in JSON and in topics.
#[inline(never)]
pub(crate) fn write_printable(bits: u64, length: usize, pen: Pen<'_>) -> Pen<'_> {
    printable(bits, length, pen, Pen::write)
}

/// Hands over `length` letters, digits, `-` and `_`, some at a time.
pub(crate) fn printable<T>(
    bits: u64,
    length: usize,
    mut out: T,
    write: impl Fn(T, &[u8]) -> T,
) -> T {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut left = length;
    let mut block = 0_u64;
    while left > 0 {
        let word = hash(bits, 0, block);
        let mut text = [0_u8; 10];
        for (index, byte) in text.iter_mut().enumerate() {
            *byte = ALPHABET[(word >> (6 * index)) as usize & 63];
        }
        let take = left.min(text.len());
        out = write(out, &text[..take]);
        left -= take;
        block += 1;
    }
    out
}

fn scaled(value: f64, decimals: u8) -> Result<f64, &'static str> {
    if decimals > 9 {
        return Err("at most 9 decimals");
    }
    let scaled = value * 10_f64.powi(i32::from(decimals));
    if scaled.abs() <= SCALED_MAX {
        Ok(scaled)
    } else {
        Err("the number has more than 15 digits")
    }
}

fn bounds(low: f64, high: f64, decimals: u8) -> Result<(i64, u64), &'static str> {
    // Inwards, so that no value is outside what was asked for; the tolerance undoes 0.1 * 10 = 1.0000000000000002.
    let (low_scaled, high_scaled) = (scaled(low, decimals)?, scaled(high, decimals)?);
    let low = (low_scaled - 1e-6).ceil() as i64;
    let high = (high_scaled + 1e-6).floor() as i64;
    if high < low {
        return Err("no number with so few decimals lies between the two ends");
    }
    Ok((low, low.abs_diff(high)))
}

/// Folds a position back into `0..=span`, as often as it takes.
#[inline]
fn reflect(position: i64, span: u64) -> u64 {
    // Nearly always; a position below 0 is a large number here.
    if position.cast_unsigned() <= span {
        return position.cast_unsigned();
    }
    fold(position, span.cast_signed())
}

#[cold]
fn fold(position: i64, span: i64) -> u64 {
    if span == 0 {
        return 0;
    }
    let folded = position.rem_euclid(2 * span);
    folded.min(2 * span - folded).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sheet::Sheet;

    fn compiled(generator: profile::Generator) -> Generator {
        let all = BTreeMap::from([("x".to_owned(), generator)]);
        Generator::compile_all(&all, "r", 42, 0, &mut 0)
            .expect("a sound generator")
            .remove(0)
    }

    fn refused(generator: profile::Generator) -> String {
        let all = BTreeMap::from([("x".to_owned(), generator)]);
        Generator::compile_all(&all, "r", 42, 0, &mut 0)
            .expect_err("unsound")
            .to_string()
    }

    fn values(generator: profile::Generator, count: u64) -> Vec<String> {
        let generator = compiled(generator);
        let mut state = [0];
        (0..count)
            .map(|number| {
                let mut out = Sheet::default();
                generator.advance(7, number, &mut state);
                out.append(generator.longest(), |pen| {
                    generator.write(7, number, &state, pen)
                });
                String::from_utf8(out.into()).expect("generators write text")
            })
            .collect()
    }

    fn numbers(generator: profile::Generator, count: u64) -> Vec<f64> {
        values(generator, count)
            .iter()
            .map(|v| v.parse().expect("a number"))
            .collect()
    }

    #[test]
    fn counters_count() {
        assert_eq!(
            values(profile::Generator::Counter { start: 5, step: -3 }, 4),
            ["5", "2", "-1", "-4"]
        );
        let at_the_end = profile::Generator::Counter {
            start: i64::MAX,
            step: 1,
        };
        assert_eq!(values(at_the_end, 2)[1], i64::MIN.to_string());
    }

    #[test]
    fn uniform_values_fill_their_range_evenly_and_reach_both_ends() {
        let all = numbers(
            profile::Generator::Uniform {
                low: -0.5,
                high: 0.4,
                decimals: 1,
            },
            10_000,
        );
        for tenth in -5..=4 {
            let count = all
                .iter()
                .filter(|v| (**v * 10.0 - f64::from(tenth)).abs() < 0.5)
                .count();
            assert!((880..1_120).contains(&count), "{tenth}: {count}");
        }
        let all = values(
            profile::Generator::Uniform {
                low: 0.1,
                high: 0.3,
                decimals: 1,
            },
            100,
        );
        assert!(
            all.iter()
                .all(|v| ["0.1", "0.2", "0.3"].contains(&v.as_str()))
        );
        assert!(
            ["0.1", "0.2", "0.3"]
                .iter()
                .all(|v| all.iter().any(|a| a == v))
        );
    }

    #[test]
    fn normal_values_have_mean_and_deviation() {
        let all = numbers(
            profile::Generator::Normal {
                mean: 20.0,
                deviation: 2.0,
                decimals: 2,
            },
            20_000,
        );
        let mean = all.iter().sum::<f64>() / 20_000.0;
        let deviation = (all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 20_000.0).sqrt();
        assert!(
            (mean - 20.0).abs() < 0.06 && (deviation - 2.0).abs() < 0.04,
            "{mean} {deviation}"
        );
        let within = all.iter().filter(|v| (**v - 20.0).abs() <= 2.0).count();
        assert!((13_400..13_900).contains(&within), "{within}");
    }

    #[test]
    fn a_walk_stays_inside_takes_small_steps_and_visits_its_range() {
        let walk = profile::Generator::Walk {
            low: 15.0,
            high: 30.0,
            step: 0.5,
            decimals: 1,
        };
        let all = numbers(walk, 20_000);
        assert!(all.iter().all(|v| (15.0..=30.0).contains(v)));
        assert!(all.windows(2).all(|w| (w[1] - w[0]).abs() <= 0.5 + 1e-9));
        assert!(all.iter().any(|v| *v < 16.0) && all.iter().any(|v| *v > 29.0));
    }

    #[test]
    fn steps_larger_than_the_range_are_reflected_into_it() {
        for (position, folded) in [(-1, 1), (11, 9), (20, 0), (21, 1), (-21, 1), (35, 5)] {
            assert_eq!(reflect(position, 10), folded);
        }
        assert_eq!(reflect(5, 0), 0);
        let walk = profile::Generator::Walk {
            low: 0.0,
            high: 1.0,
            step: 100.0,
            decimals: 0,
        };
        assert!(values(walk, 100).iter().all(|v| v == "0" || v == "1"));
    }

    #[test]
    fn choices_keep_their_weights() {
        let choice = profile::Generator::Choice(vec![("on".into(), 3.0), ("off".into(), 1.0)]);
        let on = values(choice, 10_000).iter().filter(|v| *v == "on").count();
        assert!((7_300..7_700).contains(&on), "{on}");
    }

    #[test]
    fn uuids_are_random_version_4() {
        let all = values(profile::Generator::Uuid, 1_000);
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), 1_000);
        assert!(
            all.iter()
                .all(|v| uuid::Uuid::parse_str(v).is_ok_and(|u| u.get_version_num() == 4))
        );
    }

    #[test]
    fn bytes_are_printable_and_use_the_whole_alphabet() {
        let all = values(profile::Generator::Bytes(33), 200);
        assert!(all.iter().all(|v| v.len() == 33));
        let used: std::collections::HashSet<u8> = all.iter().flat_map(|v| v.bytes()).collect();
        assert_eq!(used.len(), 64);
    }

    #[test]
    fn senseless_generators_are_refused() {
        use profile::Generator as G;
        assert_eq!(
            refused(G::Uniform {
                low: 2.0,
                high: 1.0,
                decimals: 0
            }),
            "request r, generate.x: no number with so few decimals lies between the two ends"
        );
        for generator in [
            G::Uniform {
                low: f64::NAN,
                high: 1.0,
                decimals: 0,
            },
            G::Uniform {
                low: 0.0,
                high: 1e12,
                decimals: 9,
            },
            G::Uniform {
                low: 0.0,
                high: 1.0,
                decimals: 10,
            },
            G::Normal {
                mean: 0.0,
                deviation: -1.0,
                decimals: 0,
            },
            G::Walk {
                low: 0.0,
                high: 1.0,
                step: -1.0,
                decimals: 0,
            },
            G::Choice(vec![]),
        ] {
            refused(generator);
        }
    }
}
