//! Instruction counts as a file, and two of them side by side.
//!
//! Counts of different compilers, C libraries or processors are no comparison, so the file says what
//! they were made with. Not here: counting.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A count that is so much above the stored one has risen: 1 %. Repeated counts do not differ at all.
const NOISE: f64 = 0.01;

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
    /// Fewer.
    Fallen(String, f64, f64),
    /// Nothing is stored for this operation.
    New(String),
    /// A stored operation that is not counted any more.
    Gone(String),
}

/// Whether one count is more than another.
pub fn has_risen(stored: f64, now: f64) -> bool {
    now > stored * (1.0 + NOISE)
}

impl Finding {
    /// Everything but an improvement.
    pub fn is_failure(&self) -> bool {
        !matches!(self, Self::Fallen(..))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |from: &f64, to: &f64| (to / from - 1.0) * 100.0;
        match self {
            Self::Risen(name, stored, now) => {
                let more = percent(stored, now);
                write!(f, "RISEN   {name}: {stored:.1} to {now:.1} ({more:+.1} %)")
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
        let new = now.instructions.keys();
        let new = new.filter(|name| !self.instructions.contains_key(*name));
        findings.extend(new.cloned().map(Finding::New));
        Ok(findings)
    }
}
