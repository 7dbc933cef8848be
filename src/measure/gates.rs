//! How much may go wrong on our side before a run is INVALID.
//!
//! Only the limits, with their defaults. A profile can move each of them (`[gates]`). Not here: what
//! is held against them (see `verdict`).

/// The limits of the verdict; what reaches beyond one of them makes a run INVALID.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gates {
    /// Planned requests that we may fail to write, percent. With numeric open rates.
    pub not_written_percent: f64,
    /// Pacer lag that 99 % of the requests must keep, ms. With numeric open rates; 5 % of the
    /// strictest threshold on a response time if that is more.
    pub pacer_lag_p99_ms: f64,
    /// Pacer lag that 99.9 % of the requests must keep, ms. With numeric open rates.
    pub pacer_lag_p999_ms: f64,
    /// Pacer lag that all must keep where there are too few for a percentile, ms.
    pub pacer_lag_max_ms: f64,
    /// Share of the measured time that a worker may work, percent. With numeric open rates.
    pub busy_percent: f64,
    /// Share of this machine's calibrated ceiling that may come due per second, percent. With
    /// numeric open rates.
    pub ceiling_percent: f64,
    /// Longest time that the machine may have kept us from running, ms.
    pub hiccup_ms: f64,
    /// Periods in which a CPU quota may have stopped us since measuring began.
    pub throttled_periods: f64,
    /// Share of the memory that we may have, percent.
    pub memory_percent: f64,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            not_written_percent: 1.0,
            pacer_lag_p99_ms: 1.0,
            pacer_lag_p999_ms: 5.0,
            pacer_lag_max_ms: 50.0,
            // Beyond it replies wait for their turn too, and not only requests.
            busy_percent: 95.0,
            ceiling_percent: 80.0,
            hiccup_ms: 50.0,
            throttled_periods: 0.0,
            memory_percent: 90.0,
        }
    }
}

impl Gates {
    /// Key, limit and unit of each.
    fn all(&self) -> [(&'static str, f64, &'static str); 9] {
        [
            ("not_written", self.not_written_percent, "%"),
            ("pacer_lag_p99", self.pacer_lag_p99_ms, "ms"),
            ("pacer_lag_p999", self.pacer_lag_p999_ms, "ms"),
            ("pacer_lag_max", self.pacer_lag_max_ms, "ms"),
            ("busy", self.busy_percent, "%"),
            ("ceiling", self.ceiling_percent, "%"),
            ("hiccup", self.hiccup_ms, "ms"),
            ("throttled", self.throttled_periods, "periods"),
            ("memory", self.memory_percent, "%"),
        ]
    }

    /// Gates that let more pass than by default: key, limit, default, unit.
    pub(super) fn loosened(&self) -> impl Iterator<Item = (&'static str, f64, f64, &'static str)> {
        let pairs = self.all().into_iter().zip(Self::default().all());
        pairs
            .filter(|(mine, default)| mine.1 > default.1)
            .map(|(mine, default)| (mine.0, mine.1, default.1, mine.2))
    }

    /// Pacer lag that 99 % must keep, ms, where the strictest threshold on a response time is this.
    pub(super) fn pacer_lag_p99_ms_with(&self, threshold_ms: Option<f64>) -> f64 {
        /// A lag below this share of what the target has to keep decides nothing.
        const OF_THRESHOLD: f64 = 0.05;
        let of_threshold = threshold_ms.unwrap_or(0.0) * OF_THRESHOLD;
        self.pacer_lag_p99_ms.max(of_threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gates_that_let_more_pass_are_called_loosened() {
        let moved = Gates {
            hiccup_ms: 200.0,
            busy_percent: 50.0,
            ..Gates::default()
        };
        let loosened: Vec<_> = moved.loosened().collect();
        assert_eq!(loosened, [("hiccup", 200.0, 50.0, "ms")]);
        assert_eq!(Gates::default().loosened().count(), 0);
    }

    #[test]
    fn a_loose_threshold_loosens_the_gate_and_a_strict_one_does_not_tighten_it() {
        let limit = |threshold_ms| Gates::default().pacer_lag_p99_ms_with(threshold_ms);
        for strict in [None, Some(1.0), Some(20.0)] {
            assert!((limit(strict) - 1.0).abs() < 1e-9);
        }
        assert!((limit(Some(250.0)) - 12.5).abs() < 1e-9);
    }
}
