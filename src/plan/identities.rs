//! Who the endpoints are, when a list says so: one row of text per endpoint.
//!
//! Stored as one block of bytes and one offset per cell, so that ten million rows cost their text
//! and four bytes per cell. Not here: opening the file, and variables made from templates.

use std::collections::HashMap;
use std::io::Read;

use crate::plan::error::PlanError;
use crate::profile::is_field_name;

/// Columns of text, one row per endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identities {
    columns: Vec<String>,
    text: Vec<u8>,
    /// End of each cell in `text`, row by row.
    ends: Vec<u32>,
}

impl Identities {
    /// No columns: every endpoint is made from templates.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads CSV: a header with the column names, then one row per endpoint. Rows beyond
    /// `endpoints` are not read.
    ///
    /// Errors name the line: a bad header, a row of another length, an empty cell, a value of the
    /// first column that was there before, fewer rows than endpoints, more than 4 GiB of text.
    pub fn from_csv(reader: impl Read, endpoints: u32) -> Result<Self, PlanError> {
        let mut csv = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(reader);
        let columns = header(&mut csv)?;
        let mut this = Self {
            columns,
            text: Vec::new(),
            ends: Vec::new(),
        };
        let mut first_column: HashMap<String, u64> = HashMap::new();
        let mut record = csv::StringRecord::new();
        for _ in 0..endpoints {
            let more = csv
                .read_record(&mut record)
                .map_err(|error| bad_record(&error))?;
            if !more {
                let line = csv.position().line();
                let reason = format!("{} rows for {endpoints} endpoints", this.rows());
                return Err(PlanError::Identities { line, reason });
            }
            let line = record.position().map_or(0, csv::Position::line);
            this.push_row(&record, line)?;
            if let Some(before) = first_column.insert(record[0].to_owned(), line) {
                let reason = format!("`{}` is already in line {before}", &record[0]);
                return Err(PlanError::Identities { line, reason });
            }
        }
        Ok(this)
    }

    /// A cell; empty when there is no such column or row.
    pub fn get(&self, column: usize, endpoint: u32) -> &[u8] {
        if column >= self.columns.len() {
            return &[];
        }
        let cell = endpoint as usize * self.columns.len() + column;
        let Some(end) = self.ends.get(cell) else {
            return &[];
        };
        let from = if cell == 0 { 0 } else { self.ends[cell - 1] };
        &self.text[from as usize..*end as usize]
    }

    /// Number of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// Column names in the order of the file.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many endpoints have a row.
    pub fn rows(&self) -> usize {
        if self.columns.is_empty() {
            0
        } else {
            self.ends.len() / self.columns.len()
        }
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.text.len() + self.ends.len() * 4
    }

    /// All cells of a column.
    pub(crate) fn cells(&self, column: usize) -> impl Iterator<Item = &[u8]> {
        (0..self.rows() as u32).map(move |row| self.get(column, row))
    }

    fn push_row(&mut self, record: &csv::StringRecord, line: u64) -> Result<(), PlanError> {
        for (index, cell) in record.iter().enumerate() {
            if cell.is_empty() {
                let reason = format!("column `{}` is empty", self.columns[index]);
                return Err(PlanError::Identities { line, reason });
            }
            self.text.extend_from_slice(cell.as_bytes());
            let end = u32::try_from(self.text.len()).map_err(|_| PlanError::Identities {
                line,
                reason: "more than 4 GiB of text".to_owned(),
            })?;
            self.ends.push(end);
        }
        Ok(())
    }
}

fn header<R: Read>(csv: &mut csv::Reader<R>) -> Result<Vec<String>, PlanError> {
    let names = csv.headers().map_err(|error| bad_record(&error))?;
    let columns: Vec<String> = names.iter().map(str::to_owned).collect();
    for (index, name) in columns.iter().enumerate() {
        let reason = if !is_field_name(name) {
            format!("`{name}` cannot be a field name; use [a-z_][a-z0-9_]*")
        } else if columns[..index].contains(name) {
            format!("column `{name}` appears twice")
        } else {
            continue;
        };
        return Err(PlanError::Identities { line: 1, reason });
    }
    if columns.is_empty() {
        return Err(PlanError::Identities {
            line: 1,
            reason: "the header is missing".to_owned(),
        });
    }
    Ok(columns)
}

fn bad_record(error: &csv::Error) -> PlanError {
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("{len} columns instead of {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        _ => error.to_string(),
    };
    PlanError::Identities {
        line: error.position().map_or(1, csv::Position::line),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, endpoints: u32) -> String {
        Identities::from_csv(text.as_bytes(), endpoints)
            .expect_err("must be refused")
            .to_string()
    }

    #[test]
    fn each_endpoint_has_the_cells_of_its_row() {
        let text = "token,site\nab,berlin\n\"c,d\",rome\nunread,\n";
        let identities = Identities::from_csv(text.as_bytes(), 2).expect("two good rows");
        assert_eq!(identities.rows(), 2);
        assert_eq!(identities.columns(), ["token", "site"]);
        assert_eq!(identities.get(0, 0), b"ab");
        assert_eq!(identities.get(1, 0), b"berlin");
        assert_eq!(identities.get(0, 1), b"c,d");
        assert_eq!(identities.get(1, 1), b"rome");
        assert_eq!(identities.get(0, 2), b"");
        assert_eq!(identities.get(2, 0), b"");
        assert_eq!(
            identities.cells(1).collect::<Vec<_>>(),
            [&b"berlin"[..], b"rome"]
        );
    }

    #[test]
    fn missing_rows_name_the_line_after_the_last_one() {
        assert_eq!(
            refused("token\na\nb\n", 3),
            "identities, line 4: 2 rows for 3 endpoints"
        );
    }

    #[test]
    fn duplicates_in_the_first_column_name_both_lines() {
        assert_eq!(
            refused("token,x\na,1\nb,1\na,2\n", 3),
            "identities, line 4: `a` is already in line 2"
        );
    }

    #[test]
    fn empty_cells_short_rows_and_bad_headers_are_refused() {
        assert_eq!(
            refused("token,x\na,1\nb,\n", 2),
            "identities, line 3: column `x` is empty"
        );
        assert_eq!(
            refused("token,x\na\n", 1),
            "identities, line 2: 1 columns instead of 2"
        );
        assert!(refused("To ken\na\n", 1).contains("line 1: `To ken` cannot be a field name"));
        assert!(refused("a,a\n1,2\n", 1).contains("appears twice"));
        assert!(refused("", 1).contains("line 1: the header is missing"));
    }

    #[test]
    fn no_identities_have_no_cells() {
        assert_eq!(Identities::none().get(0, 0), b"");
        assert_eq!(Identities::none().rows(), 0);
    }
}
