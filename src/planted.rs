//! Mistakes that load testers are known for, made on purpose: what the selftest has to catch.
//!
//! Only in builds with the feature `planted`, and there only the one that `MIDGE_PLANTED` names. In all
//! others every answer here is a constant no, which the compiler proves, and it leaves the mistakes out.
//! Not here: the mistakes themselves (where the right thing is done), and who catches them
//! (`tests/planted.rs`).

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!(
    "the feature `planted` makes mistakes on purpose and is for tests alone: build releases without it"
);

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
    /// Time is what the wall clock says.
    WallClock,
    /// The clock is read once for everything that is written or read in one turn of the loop.
    OneReading,
    /// What is in flight at the end is worked out from the other counts.
    FromTheOthers,
}

impl Mistake {
    /// All of them, by the names that `MIDGE_PLANTED` knows.
    #[cfg_attr(
        not(feature = "planted"),
        allow(dead_code, reason = "names are for builds that make them")
    )]
    const ALL: [(&str, Self); 9] = [
        ("from-the-send", Self::FromTheSend),
        ("unanswered-left-out", Self::UnansweredLeftOut),
        ("late-twice", Self::LateTwice),
        ("catch-up", Self::CatchUp),
        ("ticks", Self::Ticks),
        ("averages", Self::Averages),
        ("wall-clock", Self::WallClock),
        ("one-reading", Self::OneReading),
        ("from-the-others", Self::FromTheOthers),
    ];
}

/// Whether this one is to be made.
#[cfg(not(feature = "planted"))]
#[inline]
pub const fn is_made(_: Mistake) -> bool {
    false
}

// Known while compiling, so nothing is asked while midge runs.
#[cfg(not(feature = "planted"))]
const _: () = {
    let mut index = 0;
    while index < Mistake::ALL.len() {
        assert!(!is_made(Mistake::ALL[index].1));
        index += 1;
    }
};

/// Whether this one is to be made.
#[cfg(feature = "planted")]
pub fn is_made(mistake: Mistake) -> bool {
    static MADE: std::sync::LazyLock<Option<Mistake>> = std::sync::LazyLock::new(|| {
        let name = std::env::var("MIDGE_PLANTED").ok()?;
        let mut all = Mistake::ALL.into_iter();
        let found = all.find(|(known, _)| *known == name);
        let (_, mistake) = found.unwrap_or_else(|| panic!("MIDGE_PLANTED={name}: no such mistake"));
        Some(mistake)
    });
    *MADE == Some(mistake)
}
