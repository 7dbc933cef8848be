//! The phases of a run as windows of time.
//!
//! A request belongs to the phase of its intended instant. Not here: who moves from phase to phase.

/// Part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The fleet connects; only reactions are sent.
    Connect,
    /// Sent, answered, not measured.
    WarmUp,
    /// What distributions and ledgers are about.
    Measure,
    /// Nothing new is due; what is in flight may finish.
    Drain,
}

impl Phase {
    /// The word in the result files.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Connect => "connect",
            Phase::WarmUp => "warm-up",
            Phase::Measure => "measure",
            Phase::Drain => "drain",
        }
    }
}

/// Where the phases begin, ns since the run's epoch. Each window holds its first instant, not its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phases {
    load_start: u64,
    measure_start: u64,
    measure_end: u64,
}

impl Phases {
    /// Before the load: every instant belongs to connect.
    pub fn connecting() -> Self {
        Self {
            load_start: u64::MAX,
            measure_start: u64::MAX,
            measure_end: u64::MAX,
        }
    }

    /// Warm-up begins at `load_start`.
    pub fn begun(load_start: u64, warm_up_ns: u64, measure_ns: u64) -> Self {
        let measure_start = load_start.saturating_add(warm_up_ns);
        Self {
            load_start,
            measure_start,
            measure_end: measure_start.saturating_add(measure_ns),
        }
    }

    /// The phase that holds this instant.
    pub fn of(self, at: u64) -> Phase {
        if at < self.load_start {
            Phase::Connect
        } else if at < self.measure_start {
            Phase::WarmUp
        } else if at < self.measure_end {
            Phase::Measure
        } else {
            Phase::Drain
        }
    }

    /// Whether this instant is in the measured window.
    pub fn measures(self, at: u64) -> bool {
        at >= self.measure_start && at < self.measure_end
    }

    /// How far into the measured window this instant is, ns; saturates outside of it.
    pub(super) fn since_measure(self, at: u64) -> u64 {
        at.saturating_sub(self.measure_start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_its_first_instant_and_not_its_end() {
        let phases = Phases::begun(100, 10, 20);
        let at = |instant| phases.of(instant);
        assert_eq!(
            [at(99), at(100), at(109)],
            [Phase::Connect, Phase::WarmUp, Phase::WarmUp]
        );
        assert_eq!(
            [at(110), at(129), at(130)],
            [Phase::Measure, Phase::Measure, Phase::Drain]
        );
        assert!((90..150).all(|i| phases.measures(i) == (at(i) == Phase::Measure)));
    }

    #[test]
    fn until_the_load_begins_everything_is_connect() {
        assert_eq!(Phases::connecting().of(u64::MAX - 1), Phase::Connect);
    }
}
