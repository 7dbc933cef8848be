//! Instruction counts as a file, and two of them side by side.
//!
//! Counts of different compilers, C libraries or processors are no comparison, so the file says what
//! they were made with. Not here: counting.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A count that is so much above the stored one is told. Repeated counts do not differ at all.
const TOLD: f64 = 0.01;
/// So much above fails: edits that change nothing about an operation moved counts by at most 3.1 %
/// (`instructions.rs`).
const FAILS: f64 = 0.04;
/// All counts together fail if their geometric mean is so much above: such edits moved it by at most
/// 0.18 %.
const FAILS_TOGETHER: f64 = 0.005;

/// What counts depend on besides the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeWith {
    pub compiler: String,
    /// It copies, allocates and takes logarithms.
    pub c_library: String,
    /// It decides which processor the program sees.
    pub valgrind: String,
    /// As valgrind shows it, and as the compiler was told.
    pub processor: String,
}

/// Instructions per operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    pub made_with: MadeWith,
    pub instructions: BTreeMap<String, f64>,
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// More instructions: stored, now.
    Risen(String, f64, f64),
    /// All together, each counting as much as another: how many times as many.
    RisenTogether(f64),
    /// Fewer.
    Fallen(String, f64, f64),
    /// Nothing is stored for this operation.
    New(String),
    /// A stored operation that is not counted any more.
    Gone(String),
}

/// Whether one count is so much more than another that it is told.
fn has_risen(stored: f64, now: f64) -> bool {
    now > stored * (1.0 + TOLD)
}

/// Whether one count is so much more than another that it fails.
pub fn fails(stored: f64, now: f64) -> bool {
    now > stored * (1.0 + FAILS)
}

/// How many times as many instructions, on average over the operations that both have.
fn together(stored: &Counts, now: &Counts) -> f64 {
    let both = stored.instructions.iter().filter_map(|(name, stored)| {
        let now = now.instructions.get(name)?;
        Some((now / stored).ln())
    });
    let (sum, count) = both.fold((0.0, 0_u32), |(sum, count), ratio| (sum + ratio, count + 1));
    (sum / f64::from(count.max(1))).exp()
}

impl Finding {
    /// Everything but an improvement, and a rise that is only told.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Risen(_, stored, now) => fails(*stored, *now),
            Self::Fallen(..) => false,
            Self::RisenTogether(_) | Self::New(_) | Self::Gone(_) => true,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |from: &f64, to: &f64| (to / from - 1.0) * 100.0;
        match self {
            Self::Risen(name, stored, now) => {
                let more = percent(stored, now);
                let risen = if self.is_failure() { "RISEN" } else { "risen" };
                write!(
                    f,
                    "{risen}   {name}: {stored:.1} to {now:.1} ({more:+.1} %)"
                )
            }
            Self::RisenTogether(ratio) => {
                let more = percent(&1.0, ratio);
                write!(f, "RISEN   all together: {more:+.2} %")
            }
            Self::Fallen(name, stored, now) => {
                let less = percent(stored, now);
                write!(f, "fallen  {name}: {stored:.1} to {now:.1} ({less:+.1} %)")
            }
            Self::New(name) => write!(f, "NEW     {name}: no count is stored"),
            Self::Gone(name) => write!(f, "GONE    {name}: stored, but not counted any more"),
        }
    }
}

impl Counts {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// The file; `renew` is the command that writes it.
    pub fn text(&self, renew: &str) -> String {
        let counts = toml::to_string(self).expect("text and numbers");
        format!(
            "# Instructions per operation, and what they were counted with.\n\
             # Written by: {renew}\n\n{counts}"
        )
    }

    /// What is not as in these stored counts; nothing if all are the same.
    ///
    /// # Errors
    /// Why the two cannot be compared.
    pub fn compare(&self, now: &Self) -> Result<Vec<Finding>, String> {
        if self.made_with != now.made_with {
            return Err(format!(
                "the stored counts were made with other things.\n  stored: {:?}\n  now:    {:?}",
                self.made_with, now.made_with
            ));
        }
        let mut findings = Vec::new();
        for (name, &stored) in &self.instructions {
            match now.instructions.get(name) {
                None => findings.push(Finding::Gone(name.clone())),
                Some(&now) if has_risen(stored, now) => {
                    findings.push(Finding::Risen(name.clone(), stored, now));
                }
                Some(&now) if has_risen(now, stored) => {
                    findings.push(Finding::Fallen(name.clone(), stored, now));
                }
                Some(_) => {}
            }
        }
        let together = together(self, now);
        if together > 1.0 + FAILS_TOGETHER {
            findings.push(Finding::RisenTogether(together));
        }
        let new = now.instructions.keys();
        let new = new.filter(|name| !self.instructions.contains_key(*name));
        findings.extend(new.cloned().map(Finding::New));
        Ok(findings)
    }
}
