//! A rate over time, and the instant at which an expected count is reached.
//!
//! Piecewise linear: flat warm-up, then ramps. Its integral is the expected number of arrivals;
//! the inverse of the integral maps a position in that count to an instant, in closed form, so no
//! step adds to the rounding of another one. Good to a nanosecond for runs of up to 100 days.

/// A rate curve from the start of the load to its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Curve {
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Segment {
    start_s: f64,
    length_s: f64,
    from_per_s: f64,
    to_per_s: f64,
    /// Expected arrivals before the segment.
    before: f64,
}

impl Segment {
    fn count(&self) -> f64 {
        f64::midpoint(self.from_per_s, self.to_per_s) * self.length_s
    }

    fn count_after(&self, elapsed_s: f64) -> f64 {
        let slope = (self.to_per_s - self.from_per_s) / self.length_s;
        (self.from_per_s + slope / 2.0 * elapsed_s) * elapsed_s
    }

    /// Seconds into the segment until `count` arrivals are expected.
    fn inverse(&self, count: f64) -> f64 {
        if count <= 0.0 {
            return 0.0;
        }
        let from = self.from_per_s;
        let change = self.to_per_s - from;
        if change.abs() <= f64::EPSILON * from {
            return count / from;
        }
        // The root of the quadratic in the form that neither cancels nor divides by the slope.
        let discriminant = from
            .mul_add(from, 2.0 * change / self.length_s * count)
            .max(0.0);
        (2.0 * count / (from + discriminant.sqrt())).min(self.length_s)
    }
}

impl Curve {
    /// Begins with a flat `rate` for `warm_up_s`, then each of `ramps` (seconds, rate at its end).
    /// A ramp of no length is a jump.
    pub(crate) fn new(
        rate_per_s: f64,
        warm_up_s: f64,
        ramps: impl Iterator<Item = (f64, f64)>,
    ) -> Self {
        let mut segments: Vec<Segment> = Vec::new();
        let mut next = Segment {
            start_s: 0.0,
            length_s: 0.0,
            from_per_s: rate_per_s,
            to_per_s: rate_per_s,
            before: 0.0,
        };
        for (length_s, to_per_s) in std::iter::once((warm_up_s, rate_per_s)).chain(ramps) {
            next = Segment {
                length_s,
                to_per_s,
                ..next
            };
            if length_s <= 0.0 {
                next.from_per_s = to_per_s;
                continue;
            }
            let flat =
                |segment: &Segment| segment.from_per_s.to_bits() == segment.to_per_s.to_bits();
            let continues = |last: &Segment, next: &Segment| {
                last.to_per_s.to_bits() == next.from_per_s.to_bits()
            };
            match segments.last_mut() {
                // A flat piece after a flat one at the same rate is the same piece: one division.
                Some(last) if flat(last) && flat(&next) && continues(last, &next) => {
                    last.length_s += length_s;
                }
                _ => segments.push(next),
            }
            next.start_s += length_s;
            next.before = segments
                .last()
                .map_or(0.0, |last| last.before + last.count());
            next.from_per_s = to_per_s;
        }
        Self { segments }
    }

    /// When `position` arrivals are expected, in nanoseconds; `None` beyond the end.
    pub(crate) fn instant(&self, position: f64) -> Option<u64> {
        let after = self
            .segments
            .partition_point(|s| s.before + s.count() <= position);
        let segment = self.segments.get(after)?;
        let elapsed = segment.inverse(position - segment.before);
        let instant = if segment.start_s > 0.0 {
            segment.start_s * 1e9 + elapsed * 1e9
        } else {
            elapsed * 1e9
        };
        Some(instant.round() as u64)
    }

    /// Expected arrivals in the first `seconds`.
    pub(crate) fn expected(&self, seconds: f64) -> f64 {
        self.segments
            .iter()
            .rev()
            .find(|segment| segment.start_s < seconds)
            .map_or(0.0, |s| {
                s.before + s.count_after((seconds - s.start_s).min(s.length_s))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_constant_rate_is_exact_after_a_billion_arrivals() {
        for rate in [1_000.0, 3_000.0, 7_777.0, 50_000.0, 123_457.0] {
            let curve = Curve::new(rate, 5.0, [(5e6, rate)].into_iter());
            for k in [0_u64, 1, 999_999_937, 1_000_000_000] {
                let exact = (u128::from(k) * 2_000_000_000 / rate as u128).div_ceil(2);
                let due = u128::from(curve.instant(k as f64).expect("within the curve"));
                assert!(due.abs_diff(exact) <= 1, "{rate}/s, {k}: {due} {exact}");
            }
        }
    }

    #[test]
    fn a_ramp_of_no_length_is_a_jump() {
        // 1 s at 100/s, then at once 300/s for 2 s, then nothing.
        let steps = [
            (1.0, 100.0),
            (0.0, 300.0),
            (2.0, 300.0),
            (0.0, 0.0),
            (1.0, 0.0),
        ];
        for warm_up_s in [0.0, 1.0] {
            let before = 100.0 * warm_up_s;
            let curve = Curve::new(100.0, warm_up_s, steps.into_iter());
            let instant = |position: f64| curve.instant(before + position);
            let at = |ms: f64| Some(((warm_up_s * 1e3 + ms) * 1e6) as u64);
            assert_eq!((instant(50.0), instant(100.0)), (at(500.0), at(1_000.0)));
            assert_eq!((instant(400.0), instant(700.0)), (at(2_000.0), None));
            assert!((curve.expected(warm_up_s + 4.0) - before - 700.0).abs() < 1e-9);
        }
    }

    #[test]
    fn ramps_reach_their_expected_counts() {
        // 2 s at 100/s, up to 300/s in 10 s, down to 0 in 5 s.
        let curve = Curve::new(100.0, 2.0, [(10.0, 300.0), (5.0, 0.0)].into_iter());
        assert_eq!(curve.instant(0.0), Some(0));
        assert_eq!(curve.instant(200.0), Some(2_000_000_000));
        assert_eq!(curve.instant(2_200.0), Some(12_000_000_000));
        // Half way up: 100 * 5 + 10 * 25 = 750 after the warm-up.
        assert_eq!(curve.instant(950.0), Some(7_000_000_000));
        assert_eq!(curve.instant(2_950.0), None);
        assert!((curve.expected(17.0) - 2_950.0).abs() < 1e-9);
        assert!((curve.expected(99.0) - 2_950.0).abs() < 1e-9);
        assert!((curve.expected(7.0) - 950.0).abs() < 1e-9);
        assert!(curve.expected(0.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_due_while_the_rate_is_zero() {
        let curve = Curve::new(
            0.0,
            3.0,
            [(1.0, 0.0), (2.0, 10.0), (1.0, 0.0), (4.0, 0.0)].into_iter(),
        );
        assert_eq!(curve.instant(0.0), Some(4_000_000_000));
        assert!(curve.instant(14.999).expect("before the end") <= 7_000_000_000);
        assert_eq!(curve.instant(15.0), None);
        assert_eq!(Curve::new(0.0, 1.0, std::iter::empty()).instant(0.0), None);
        assert_eq!(Curve::new(5.0, 0.0, std::iter::empty()).instant(0.0), None);
    }

    proptest! {
        #[test]
        fn the_inverse_undoes_the_integral_and_never_goes_back(
            rate in 0.0..1e4_f64, warm_up in 0.0..10.0_f64,
            ramps in proptest::collection::vec((0.1..20.0_f64, 0.0..1e4_f64), 0..5),
            shares in proptest::collection::vec(0.0..1.0_f64, 1..20),
        ) {
            let end = warm_up + ramps.iter().map(|r| r.0).sum::<f64>();
            let curve = Curve::new(rate, warm_up, ramps.into_iter());
            let total = curve.expected(end);
            let mut positions: Vec<f64> = shares.iter().map(|s| s * total * 0.999_999).collect();
            positions.sort_by(f64::total_cmp);
            let mut last = 0;
            for position in positions {
                let Some(at) = curve.instant(position) else {
                    prop_assert!(total < 1e-9);
                    continue;
                };
                prop_assert!(at >= last);
                last = at;
                let back = curve.expected(at as f64 / 1e9);
                prop_assert!((back - position).abs() <= 1e-4, "{} {}", back, position);
            }
        }
    }
}
