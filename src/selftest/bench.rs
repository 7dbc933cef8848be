//! A test at work: its runner, and how often it had to begin again.
//!
//! Not here: what is tested.

use std::cell::Cell;

use super::Test;
use super::observed::Observed;
use super::order::Order;
use super::row::{Row, Rows};
use super::runner::{Broken, Runner, Terms};

/// Reasons of a verdict that say: this machine was busy.
const OF_THE_MACHINE: [&str; 5] = [
    "pacer_lag_max",
    "pacer_lag_p99",
    "pacer_lag_p999",
    "hiccup",
    "not_written",
];

/// Why a test has no rows.
#[derive(Debug)]
pub enum Trouble {
    /// The instrument itself calls its figures unbelievable.
    Unbelievable {
        /// Runs that were tried.
        runs: u64,
        /// Codes of its reasons.
        why: String,
    },
    /// There is no result.
    Broken(Broken),
}

impl From<Broken> for Trouble {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// What a test has shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// `T1` to `T12`.
    pub id: &'static str,
    /// What is known beforehand.
    pub about: &'static str,
    /// Its figures.
    pub rows: Vec<Row>,
    /// Figures that this runner cannot have, and why.
    pub left_out: Vec<&'static str>,
    /// Runs that were thrown away unseen because the machine was busy.
    pub repeated: u32,
}

impl Proof {
    /// Whether every row holds, and there is one.
    pub fn holds(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.passed)
    }
}

/// One test's access to the runner.
pub struct Bench<'a> {
    runner: &'a dyn Runner,
    repeated: Cell<u32>,
}

impl<'a> Bench<'a> {
    /// For one test.
    pub fn new(runner: &'a dyn Runner) -> Self {
        let repeated = Cell::new(0);
        Self { runner, repeated }
    }

    /// What to expect of the runner.
    pub fn terms(&self) -> Terms {
        self.runner.terms()
    }

    /// Carries an order out, whatever comes of it.
    ///
    /// # Errors
    /// There is no result.
    pub fn once(&self, order: &Order) -> Result<Observed, Trouble> {
        Ok(self.runner.run(order)?)
    }

    /// The first run whose verdict is VALID. One that was disturbed by the machine is thrown away
    /// unseen; any other INVALID is final.
    ///
    /// # Errors
    /// There is no result, or none that may be believed.
    pub fn believed(&self, order: &Order) -> Result<Observed, Trouble> {
        self.believed_or(order, |_| false)
    }

    /// The same for figures that a disturbance can only make worse: if they are good `enough` in a
    /// disturbed run, it will do.
    ///
    /// # Errors
    /// There is no result, or none that may be believed.
    pub fn believed_or(
        &self,
        order: &Order,
        enough: impl Fn(&Observed) -> bool,
    ) -> Result<Observed, Trouble> {
        let mut runs = 0;
        loop {
            let observed = self.runner.run(order)?;
            runs += 1;
            let reasons = &observed.result.verdict.reasons;
            if observed.result.verdict.valid {
                return Ok(observed);
            }
            let codes: Vec<&str> = reasons.iter().map(|reason| reason.code.as_str()).collect();
            let disturbed = codes.iter().all(|code| OF_THE_MACHINE.contains(code));
            if disturbed && enough(&observed) {
                return Ok(observed);
            }
            if !disturbed || runs >= self.terms().attempts {
                let (runs, why) = (runs.into(), codes.join(", "));
                return Err(Trouble::Unbelievable { runs, why });
            }
            self.repeated.set(self.repeated.get() + 1);
            self.runner.rest(runs);
        }
    }

    /// What this test has shown.
    pub(super) fn proof(self, test: Test, rows: Rows) -> Proof {
        Proof {
            id: test.id,
            about: test.about,
            rows: rows.made,
            left_out: rows.left_out,
            repeated: self.repeated.get(),
        }
    }
}
