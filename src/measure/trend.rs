//! A straight line through values over time, and how certain its slope is.
//!
//! Not here: which values, and what a trend means (see `statistics`).

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Of every interval and test of a run's steadiness: one in a hundred is wrong by chance.
pub(super) const CONFIDENCE: f64 = 0.99;
/// Fewer points than this say nothing about a slope.
pub(super) const POINTS_MIN: usize = 4;
/// Beyond this the points follow each other so closely that no factor makes up for it.
const CORRELATION_MAX: f64 = 0.95;

/// The line of least squares, in the unit of the values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// Mean of the values.
    pub mean: f64,
    /// Difference between the ends of the line.
    pub change: f64,
    /// Change per second.
    pub slope_per_s: f64,
    /// Lower end of the confidence interval of the slope.
    pub slope_low_per_s: f64,
    /// Its upper end.
    pub slope_high_per_s: f64,
    /// The interval holds 0, or the change is too small to matter.
    pub steady: bool,
}

impl Trend {
    /// Of points (s, value) in the order of time. A change below `matters` is none, however certain.
    /// `None`: too few points, or all at one instant.
    pub fn of(points: &[(f64, f64)], matters: impl Fn(f64) -> f64) -> Option<Self> {
        let count = points.len() as f64;
        let (first, last) = (points.first()?, points.last()?);
        if points.len() < POINTS_MIN || last.0 <= first.0 {
            return None;
        }
        let mean_of = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (at, mean) = (mean_of(|point| point.0), mean_of(|point| point.1));
        let sum = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>();
        let spread = sum(&|(x, _)| (x - at).powi(2));
        let slope = sum(&|(x, y)| (x - at) * (y - mean)) / spread;
        let left = |(x, y): &(f64, f64)| y - mean - slope * (x - at);
        let residuals: Vec<f64> = points.iter().map(left).collect();
        let squares: f64 = residuals.iter().map(|residual| residual.powi(2)).sum();
        let deviation = (squares / (count - 2.0) / spread).sqrt() * widened(&residuals, squares);
        let student = StudentsT::new(0.0, 1.0, count - 2.0).ok()?;
        let half = deviation * student.inverse_cdf(f64::midpoint(1.0, CONFIDENCE));
        let change = slope * (last.0 - first.0);
        let certain = slope.abs() > half;
        Some(Self {
            mean: rounded(mean),
            change: rounded(change),
            slope_per_s: rounded(slope),
            slope_low_per_s: rounded(slope - half),
            slope_high_per_s: rounded(slope + half),
            steady: !(certain && change.abs() >= matters(mean)),
        })
    }
}

/// By how much neighbours that resemble each other widen the interval: the factor of a process of
/// first order with the correlation that the residuals show.
fn widened(residuals: &[f64], squares: f64) -> f64 {
    if squares <= 0.0 {
        return 1.0;
    }
    let products = residuals.windows(2).map(|two| two[0] * two[1]).sum::<f64>();
    let correlation = (products / squares).clamp(0.0, CORRELATION_MAX);
    ((1.0 + correlation) / (1.0 - correlation)).sqrt()
}

/// Three decimals: the rest is noise to a reader.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Option<Trend> {
        let points = values.iter().enumerate().map(|(x, y)| (x as f64, *y));
        Trend::of(&points.collect::<Vec<_>>(), |_| 0.0)
    }

    #[test]
    fn the_line_and_its_interval_are_those_of_the_textbook() {
        // By hand: slope 13.5 / 17.5, deviation of it 0.20997, t of 4 degrees at 99.5 % is 4.6041.
        let trend = of(&[2.0, 4.0, 5.0, 4.0, 5.0, 7.0]).unwrap();
        assert!((trend.slope_per_s - 0.771).abs() < 1e-9, "{trend:?}");
        assert!((trend.slope_low_per_s + 0.195).abs() < 0.0011, "{trend:?}");
        assert!((trend.slope_high_per_s - 1.738).abs() < 0.0011, "{trend:?}");
        assert!(trend.steady && (trend.change - 3.857).abs() < 1e-9);
    }

    #[test]
    fn a_certain_slope_is_no_steadiness_unless_it_is_too_small_to_matter() {
        let growing: Vec<f64> = (0..10).map(|x| f64::from(x) * 3.0).collect();
        assert!(!of(&growing).unwrap().steady);
        let points: Vec<_> = growing.iter().map(|y| (y / 3.0, *y)).collect();
        assert!(Trend::of(&points, |mean| 3.0 * mean).unwrap().steady);
        assert!(of(&[7.0; 10]).unwrap().steady);
    }

    #[test]
    fn neighbours_that_resemble_each_other_widen_the_interval() {
        let slow = [3.0, 2.0, 0.0, -2.0, -3.0, -3.0, -2.0, 0.0, 2.0, 3.0];
        let mixed = [3.0, -2.0, 2.0, -3.0, 0.0, 0.0, -3.0, 2.0, -2.0, 3.0];
        let width = |values: &[f64]| {
            let trend = of(values).unwrap();
            trend.slope_high_per_s - trend.slope_low_per_s
        };
        // Neighbours correlate by 33 / 52, and by less than nothing: the root of 85 / 19 is 2.1.
        assert!((width(&slow) / width(&mixed) - 2.115).abs() < 0.01);
    }

    #[test]
    fn too_few_points_have_no_trend() {
        assert_eq!(of(&[1.0, 2.0, 3.0]), None);
        assert_eq!(Trend::of(&[(1.0, 1.0); 5], |_| 0.0), None);
    }
}
