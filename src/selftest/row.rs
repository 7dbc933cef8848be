//! One figure of the instrument beside what it should be.
//!
//! Not here: where either of them comes from.

use serde::Serialize;

/// What was expected, what was found, and whether that is near enough.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The test: `T1` to `T12`.
    pub id: &'static str,
    /// The figure, with its unit.
    pub what: String,
    /// What it should be.
    pub expected: f64,
    /// What it is; null where the instrument has no such figure.
    pub got: Option<f64>,
    /// How far they may be apart, in the same unit.
    pub tolerance: f64,
    /// How many samples it is about.
    pub n: u64,
    /// Whether they are not farther apart.
    pub passed: bool,
}

/// The rows of one test, while they are made.
#[derive(Debug)]
pub struct Rows {
    id: &'static str,
    /// Samples of the rows to come.
    n: u64,
    pub(super) made: Vec<Row>,
    /// Figures that the runner cannot have.
    pub(super) left_out: Vec<&'static str>,
}

impl Rows {
    /// None yet; the next ones are about `n` samples.
    pub fn new(id: &'static str, n: u64) -> Self {
        Self {
            id,
            n,
            made: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// The next rows are about so many samples.
    pub fn about(&mut self, n: u64) {
        self.n = n;
    }

    /// A figure that must be near what is expected.
    pub fn near(&mut self, what: &str, expected: f64, got: Option<f64>, tolerance: f64) {
        let passed = got.is_some_and(|got| (got - expected).abs() <= tolerance);
        self.made.push(Row {
            id: self.id,
            what: what.to_owned(),
            expected,
            got,
            tolerance,
            n: self.n,
            passed,
        });
    }

    /// A count that must be this one.
    pub fn exact(&mut self, what: &str, expected: u64, got: u64) {
        self.near(what, expected as f64, Some(got as f64), 0.0);
    }

    /// Figures that there are none of here, and why, in words of the table.
    pub fn left_out(&mut self, what: &'static str) {
        self.left_out.push(what);
    }

    /// A figure that should be 0 and may be so much.
    pub fn at_most(&mut self, what: &str, limit: f64, got: Option<f64>) {
        self.near(what, 0.0, got, limit);
    }
}

impl From<Rows> for Vec<Row> {
    fn from(rows: Rows) -> Self {
        rows.made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_holds_up_to_its_tolerance_and_not_without_a_figure() {
        let mut rows = Rows::new("T0", 7);
        rows.near("a", 10.0, Some(10.5), 0.5);
        rows.near("b", 10.0, Some(9.4), 0.5);
        rows.near("c", 10.0, None, 0.5);
        rows.near("d", 10.0, Some(f64::NAN), 0.5);
        rows.exact("e", 3, 3);
        rows.exact("f", 3, 4);
        rows.at_most("g", 0.5, Some(0.4));
        let rows: Vec<Row> = rows.into();
        let passed: Vec<bool> = rows.iter().map(|row| row.passed).collect();
        assert_eq!(passed, [true, false, false, false, true, false, true]);
        assert!(rows.iter().all(|row| row.n == 7 && row.id == "T0"));
    }

    #[test]
    fn a_row_is_a_flat_object_with_the_names_of_the_contract() {
        let mut rows = Rows::new("T1", 5);
        rows.near("p99, ms", 1.0, None, 0.5);
        let rows: Vec<Row> = rows.into();
        assert_eq!(
            serde_json::to_string(&rows).expect("plain values"),
            r#"[{"id":"T1","what":"p99, ms","expected":1.0,"got":null,"tolerance":0.5,"n":5,"passed":false}]"#
        );
    }
}
