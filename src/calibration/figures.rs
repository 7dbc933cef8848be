//! What the loads have yielded, and the best of several rounds.
//!
//! A machine that does something else meanwhile can only make a load look worse, so the best round
//! counts; how far the worst one was from it is kept. Not here: how loads are carried out.

use serde::{Deserialize, Serialize};

use super::load::FarSide;

/// How often something happened per second when nothing held it back but this machine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Capability {
    /// In the best round.
    pub per_s: f64,
    /// In the worst round.
    pub lowest_per_s: f64,
    /// Who was at the other end.
    pub far: String,
    /// Which of the two processes was busier in the best round: `midge`, or the far side; absent if
    /// that is not known. Where it was the far side, midge alone can do more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busier: Option<String>,
    /// Processors that midge kept busy.
    pub midge_cpus: f64,
    /// Processors that the far side kept busy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub far_cpus: Option<f64>,
}

impl Capability {
    /// Of one round.
    pub fn new(per_s: f64, far: FarSide, midge_cpus: f64, far_cpus: Option<f64>) -> Self {
        let busier = far_cpus.map(|cpus| {
            if cpus > midge_cpus {
                far.name()
            } else {
                "midge"
            }
        });
        let hundredths = |cpus: f64| (cpus * 100.0).round() / 100.0;
        Self {
            per_s: per_s.round(),
            lowest_per_s: per_s.round(),
            far: far.name().to_owned(),
            busier: busier.map(str::to_owned),
            midge_cpus: hundredths(midge_cpus),
            far_cpus: far_cpus.map(hundredths),
        }
    }

    /// Processors that the busier of the two processes kept busy.
    pub(super) fn busier_cpus(&self) -> f64 {
        self.far_cpus.unwrap_or(0.0).max(self.midge_cpus)
    }

    /// Together with another round.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let lowest_per_s = self.lowest_per_s.min(other.lowest_per_s);
        let best = if other.per_s > self.per_s {
            other
        } else {
            self
        };
        Self {
            lowest_per_s,
            ..best
        }
    }
}

/// How late messages left that were due at an instant.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Lag {
    /// The rate that was asked for.
    pub at_per_s: f64,
    /// Messages of the best round.
    pub messages: u64,
    /// Half of them left within this, us; absent if they were too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_us: Option<f64>,
    /// 99 % of them left within this, us; absent if they were too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_us: Option<f64>,
}

impl Lag {
    /// Together with another round: the one in which fewer were late.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let late = |lag: &Self| lag.p99_us.or(lag.p50_us).unwrap_or(f64::INFINITY);
        if late(&other) < late(&self) {
            other
        } else {
            self
        }
    }
}

/// How many connections there can be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Connections {
    /// That were up at once.
    pub opened: u64,
    /// That fit, from one address of this machine to one of a target, by arithmetic.
    pub fit: u64,
    /// What more of them would lack first.
    pub limited_by: String,
}

impl Connections {
    /// So many were opened; `room` is for how many there is room, by what gives it.
    pub fn new(opened: u64, room: [(u64, &str); 3]) -> Self {
        let least = room.into_iter().min_by_key(|(count, _)| *count);
        let (fit, limited_by) = least.unwrap_or_default();
        Self {
            opened,
            // TOML has no larger numbers.
            fit: fit.min(i64::MAX as u64),
            limited_by: limited_by.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_round_counts_and_the_worst_is_told() {
        let round = |per_s, far_cpus| Capability::new(per_s, FarSide::Sink, 0.9, far_cpus);
        let all = round(900.4, Some(0.5))
            .and(round(1000.0, Some(0.95)))
            .and(round(950.0, None));
        assert!((all.per_s - 1000.0).abs() < 1e-9 && (all.lowest_per_s - 900.0).abs() < 1e-9);
        assert_eq!(all.busier.as_deref(), Some("sink"));
        assert_eq!(
            round(1.0, Some(0.5)).busier.as_deref(),
            Some("midge"),
            "which of the two"
        );
        assert_eq!(round(1.0, None).busier, None, "not known");
    }

    #[test]
    fn the_smallest_lag_counts() {
        let lag = |p50_us, p99_us| Lag {
            at_per_s: 1000.0,
            messages: 10,
            p50_us,
            p99_us,
        };
        let best = lag(Some(5.0), Some(90.0)).and(lag(Some(7.0), Some(40.0)));
        assert_eq!(best, lag(Some(7.0), Some(40.0)));
        let known = lag(None, None).and(lag(Some(9.0), None));
        assert_eq!(known, lag(Some(9.0), None));
    }

    #[test]
    fn what_is_scarcest_limits_connections() {
        let room = [
            (20_000, "descriptors"),
            (9_000, "ports"),
            (u64::MAX, "memory"),
        ];
        let connections = Connections::new(100, room);
        assert_eq!(
            (connections.fit, &*connections.limited_by),
            (9_000, "ports")
        );
        assert_eq!(connections.opened, 100);
    }
}
