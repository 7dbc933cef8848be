//! Quantities as people write them: `"5_000/s"`, `"256B"`, `"30s"`, `"1%"`.
//!
//! Parsing and printing only; printing what was parsed gives a text that parses to the same value.
//! Not here: arithmetic on rates (the schedule) and rounding for reports.

/// A number of things per second. Always finite and not negative.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate(pub f64);
