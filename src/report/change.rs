//! One number of two runs: both values, how far apart they are, and whether that is too far.
//!
//! Nothing is computed from what is not known, and a lower bound makes a bound of the change.
//! Not here: which numbers there are (see `compare`).

use serde::Serialize;

use crate::measure::{Distribution, Statistic};

/// What one run knows of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Known {
    Exactly(f64),
    AtLeast(f64),
    Nothing,
}

impl Known {
    pub(super) fn of(distribution: &Distribution, statistic: Statistic) -> Self {
        match distribution.value(statistic) {
            Some(us) if distribution.is_at_least(statistic) => Self::AtLeast(us),
            other => other.into(),
        }
    }

    fn value(self) -> Option<f64> {
        match self {
            Self::Exactly(value) | Self::AtLeast(value) => Some(value),
            Self::Nothing => None,
        }
    }
}

impl From<Option<f64>> for Known {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::Nothing, Self::Exactly)
    }
}

/// How much worse a number may become; the unit is the number's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Limit {
    /// Worse if it grows by more than so many percent, and by this much at least.
    Relative { percent: f64, least: f64 },
    /// Worse if it grows by more than this.
    Absolute(f64),
}

/// How certain a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Both numbers are known.
    Exact,
    /// B is a lower bound, so the change is one.
    AtLeast,
    /// A is a lower bound, so the change is an upper one.
    AtMost,
    /// A number is missing, or both are lower bounds.
    Unknown,
}

/// What a limit says of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Not worse than the limit allows.
    Kept,
    /// Worse, for certain.
    Regression,
    /// What is known does not decide it.
    Unknown,
}

/// A number in both runs; the unit is in its name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// In the first run; null if it has none.
    pub a: Option<f64>,
    /// `a` is a lower bound.
    pub a_is_at_least: bool,
    /// In the second run; null if it has none.
    pub b: Option<f64>,
    /// `b` is a lower bound.
    pub b_is_at_least: bool,
    /// `b` - `a`; null if that is not known.
    pub change: Option<f64>,
    /// Of `a`; null if that is not known, or `a` is 0.
    pub change_percent: Option<f64>,
    /// Of both changes.
    pub certainty: Certainty,
    /// Null for a number that decides nothing, and for all of two runs that cannot be compared.
    pub judgement: Option<Judgement>,
}

impl Change {
    pub(super) fn between(a: Known, b: Known, limit: Option<Limit>) -> Self {
        use Known::{AtLeast, Exactly, Nothing};
        let certainty = match (a, b) {
            (Nothing, _) | (_, Nothing) | (AtLeast(_), AtLeast(_)) => Certainty::Unknown,
            (Exactly(_), Exactly(_)) => Certainty::Exact,
            (Exactly(_), AtLeast(_)) => Certainty::AtLeast,
            (AtLeast(_), Exactly(_)) => Certainty::AtMost,
        };
        let both = a.value().zip(b.value());
        let both = both.filter(|_| certainty != Certainty::Unknown);
        let mut change = Self {
            a: a.value(),
            a_is_at_least: matches!(a, AtLeast(_)),
            b: b.value(),
            b_is_at_least: matches!(b, AtLeast(_)),
            change: both.map(|(a, b)| rounded(b - a)),
            change_percent: both
                .filter(|(a, _)| *a > 0.0)
                .map(|(a, b)| rounded((b / a - 1.0) * 100.0)),
            certainty,
            judgement: None,
        };
        change.judgement = limit.map(|limit| change.judged_by(limit));
        change
    }

    fn judged_by(&self, limit: Limit) -> Judgement {
        let Some(change) = self.change else {
            return Judgement::Unknown;
        };
        let exceeded = match limit {
            Limit::Absolute(most) => change > most,
            Limit::Relative { percent, least } => {
                change > 0.0
                    && change >= least
                    && self.change_percent.is_none_or(|change| change > percent)
            }
        };
        match (self.certainty, exceeded) {
            (Certainty::Exact | Certainty::AtLeast, true) => Judgement::Regression,
            (Certainty::Exact | Certainty::AtMost, false) => Judgement::Kept,
            _ => Judgement::Unknown,
        }
    }
}

/// Without the remainders of binary fractions, which no measurement resolves.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::Known::{AtLeast, Exactly, Nothing};
    use super::*;

    const LIMIT: Limit = Limit::Relative {
        percent: 10.0,
        least: 1_000.0,
    };

    fn judged(a: Known, b: Known) -> Judgement {
        Change::between(a, b, Some(LIMIT)).judgement.unwrap()
    }

    #[test]
    fn nothing_is_computed_from_what_is_missing() {
        for (a, b) in [
            (Nothing, Exactly(9e9)),
            (Exactly(1.0), Nothing),
            (Nothing, Nothing),
        ] {
            let change = Change::between(a, b, Some(LIMIT));
            assert_eq!((change.change, change.change_percent), (None, None));
            assert_eq!(change.judgement, Some(Judgement::Unknown));
        }
    }

    #[test]
    fn a_lower_bound_in_b_proves_a_regression_but_never_its_absence() {
        assert_eq!(
            judged(Exactly(10_000.0), AtLeast(50_000.0)),
            Judgement::Regression
        );
        assert_eq!(
            judged(Exactly(10_000.0), AtLeast(5_000.0)),
            Judgement::Unknown
        );
    }

    #[test]
    fn a_lower_bound_in_a_proves_the_absence_of_a_regression_but_never_one() {
        assert_eq!(
            judged(AtLeast(50_000.0), Exactly(10_000.0)),
            Judgement::Kept
        );
        assert_eq!(
            judged(AtLeast(10_000.0), Exactly(50_000.0)),
            Judgement::Unknown
        );
    }

    #[test]
    fn two_lower_bounds_have_no_difference() {
        let change = Change::between(AtLeast(1.0), AtLeast(9e9), Some(LIMIT));
        assert_eq!((change.change, change.change_percent), (None, None));
        assert_eq!((change.a, change.b), (Some(1.0), Some(9e9)));
        assert_eq!(change.judgement, Some(Judgement::Unknown));
    }

    #[test]
    fn a_change_from_zero_has_no_percentage_and_is_judged_by_its_size() {
        let change = Change::between(Exactly(0.0), Exactly(2_000.0), Some(LIMIT));
        assert_eq!(
            (change.change, change.change_percent),
            (Some(2_000.0), None)
        );
        assert_eq!(change.judgement, Some(Judgement::Regression));
        assert_eq!(judged(Exactly(0.0), Exactly(0.0)), Judgement::Kept);
    }

    #[test]
    fn what_no_limit_is_for_is_not_judged() {
        let change = Change::between(Exactly(1.0), Exactly(9e9), None);
        assert_eq!(change.judgement, None);
    }

    #[test]
    fn a_change_of_exactly_the_limit_is_allowed() {
        let limit = Some(Limit::Absolute(0.001));
        let change = Change::between(Exactly(0.010), Exactly(0.011), limit);
        assert_eq!(change.judgement, Some(Judgement::Kept));
        let change = Change::between(Exactly(0.010), Exactly(0.0111), limit);
        assert_eq!(change.judgement, Some(Judgement::Regression));
    }
}
