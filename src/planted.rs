//! Mistakes that load testers are known for, made on purpose: what the selftest has to catch.
//!
//! Only in builds with the feature `planted`, and there only the one that `MIDGE_PLANTED` names. In all
//! others every answer here is a constant no, and the compiler leaves the mistakes out. Not here: the
//! mistakes themselves (where the right thing is done), and who catches them (`tests/planted.rs`).

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// The response time begins when the request is written, however late that is.
    FromTheSend,
    /// Percentiles are over those who were answered.
    UnansweredLeftOut,
    /// A reply that comes too late is counted twice.
    LateTwice,
    /// Who is late sends at twice the rate until the backlog is gone, and calls that the plan.
    CatchUp,
    /// Instants are whole milliseconds.
    Ticks,
    /// A percentile of the run is the mean of those of its seconds.
    Averages,
}

/// Whether this one is to be made.
#[cfg(not(feature = "planted"))]
#[inline]
pub const fn is_made(_: Mistake) -> bool {
    false
}

/// Whether this one is to be made.
#[cfg(feature = "planted")]
pub fn is_made(mistake: Mistake) -> bool {
    const NAMES: [(&str, Mistake); 6] = [
        ("from-the-send", Mistake::FromTheSend),
        ("unanswered-left-out", Mistake::UnansweredLeftOut),
        ("late-twice", Mistake::LateTwice),
        ("catch-up", Mistake::CatchUp),
        ("ticks", Mistake::Ticks),
        ("averages", Mistake::Averages),
    ];
    static MADE: std::sync::LazyLock<Option<Mistake>> = std::sync::LazyLock::new(|| {
        let name = std::env::var("MIDGE_PLANTED").ok()?;
        let found = NAMES.iter().find(|(known, _)| *known == name);
        let (_, mistake) = found.unwrap_or_else(|| panic!("MIDGE_PLANTED={name}: no such mistake"));
        Some(*mistake)
    });
    *MADE == Some(mistake)
}
