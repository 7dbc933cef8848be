//! Reads a list of identities row by row: CSV with a header, checked as a list that people typed.
//!
//! Whatever the file holds, no more than one row is in memory, and a row has a limit. Not here:
//! what is kept of a row, and what its cells may be used for.

use std::io::{self, Read};

use crate::plan::error::PlanError;
use crate::profile::is_field_name;

/// Longest row, in bytes. A quote that is never closed ends here.
const ROW_MAX: usize = 1 << 20;

/// Most columns.
const COLUMNS_MAX: usize = 1_000;

/// Read after the last byte of the file. A zero byte is in no row, so a row that holds this one
/// goes on behind the end of the file: a quote is open.
const END: &[u8] = b"\n\0\n";

/// A file whose header has been read.
pub(crate) struct IdentityFile<R> {
    csv: csv::Reader<Bounded<R>>,
    record: csv::StringRecord,
    columns: Vec<String>,
}

impl<R: Read> IdentityFile<R> {
    /// Reads the header. An error names line 1.
    pub(crate) fn open(reader: R) -> Result<Self, PlanError> {
        let bounded = Bounded {
            inner: reader,
            left: 0,
            end: None,
        };
        let csv = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            // The carriage return of other systems is white space in the last cell, and trimmed.
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(bounded);
        let mut this = Self {
            csv,
            record: csv::StringRecord::new(),
            columns: Vec::new(),
        };
        if this.read()?.is_none() {
            return Err(at(1, "the header is missing".to_owned()));
        }
        this.columns = header(&this.record)?;
        Ok(this)
    }

    /// Names of the columns, in the order of the file.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The next row: its line (from 1) and its cells, as many as columns and none of them empty.
    /// `None`: the file has ended.
    pub(crate) fn next_row(&mut self) -> Result<Option<(u64, &csv::StringRecord)>, PlanError> {
        let Some(line) = self.read()? else {
            return Ok(None);
        };
        let (count, expected) = (self.record.len(), self.columns.len());
        if count != expected {
            let reason = if self.record.as_slice().is_empty() {
                "the line is empty".to_owned()
            } else {
                format!("{count} columns instead of {expected}")
            };
            return Err(at(line, reason));
        }
        if let Some(index) = self.record.iter().position(str::is_empty) {
            let reason = format!("column `{}` is empty", self.columns[index]);
            return Err(at(line, reason));
        }
        Ok(Some((line, &self.record)))
    }

    /// The line that is read next.
    pub(crate) fn line(&self) -> u64 {
        self.csv.position().line()
    }

    /// Reads one row as it is; the line it begins in.
    fn read(&mut self) -> Result<Option<u64>, PlanError> {
        self.csv.get_mut().left = ROW_MAX;
        let before = self.csv.position().line();
        match self.csv.read_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(self.unreadable(&error, before)),
        }
        let text = self.record.as_slice();
        // Behind the row; what was skipped before it does not count.
        let inside = text.bytes().filter(|byte| *byte == b'\n').count() as u64;
        let line = (self.csv.position().line()).saturating_sub(1 + inside);
        let ended = self.csv.get_ref().end.is_some();
        if ended && text == "\0" {
            return Ok(None);
        }
        if ended && text.ends_with("\n\0\n") {
            return Err(at(before, "a quote is never closed".to_owned()));
        }
        if let Some(index) = self.record.iter().position(|cell| cell.contains('\0')) {
            let reason = format!("cell {} has a zero byte", index + 1);
            return Err(at(line, reason));
        }
        if text.len() > ROW_MAX {
            return Err(too_long(line));
        }
        self.record.trim();
        Ok(Some(line))
    }

    fn unreadable(&self, error: &csv::Error, line: u64) -> PlanError {
        match error.kind() {
            csv::ErrorKind::Utf8 { err, .. } => {
                let column = match self.columns.get(err.field()) {
                    Some(column) => format!("column `{column}`"),
                    None => format!("cell {}", err.field() + 1),
                };
                at(line, format!("{column} is not UTF-8"))
            }
            csv::ErrorKind::Io(_) if self.csv.get_ref().left == 0 => too_long(line),
            _ => at(line, error.to_string()),
        }
    }
}

fn at(line: u64, reason: String) -> PlanError {
    PlanError::Identities { line, reason }
}

fn too_long(line: u64) -> PlanError {
    at(
        line,
        "the row is longer than 1 MiB; is a quote never closed?".to_owned(),
    )
}

/// The names of the columns.
fn header(record: &csv::StringRecord) -> Result<Vec<String>, PlanError> {
    if record.len() > COLUMNS_MAX {
        let reason = format!("{} columns, at most {COLUMNS_MAX}", record.len());
        return Err(at(1, reason));
    }
    let columns: Vec<String> = record.iter().map(str::to_owned).collect();
    for (index, name) in columns.iter().enumerate() {
        let reason = if !is_field_name(name) {
            // Not repeated: without a header this is the first endpoint's row, which may hold a secret.
            format!(
                "cell {} of the header cannot be a field name; use [a-z_][a-z0-9_]*",
                index + 1
            )
        } else if columns[..index].contains(name) {
            format!("column `{name}` appears twice")
        } else {
            continue;
        };
        return Err(at(1, reason));
    }
    Ok(columns)
}

/// A reader that gives up when a row takes too much, and that says [`END`] at the end.
struct Bounded<R> {
    inner: R,
    /// Bytes that the present row may still take from `inner`.
    left: usize,
    /// How much of [`END`] was read.
    end: Option<usize>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.end.is_none() {
            if self.left == 0 {
                return Err(io::Error::other("the row is too long"));
            }
            let most = out.len().min(self.left);
            let count = self.inner.read(&mut out[..most])?;
            self.left -= count;
            if count > 0 || most == 0 {
                return Ok(count);
            }
        }
        let said = self.end.unwrap_or(0);
        let count = (END.len() - said).min(out.len());
        out[..count].copy_from_slice(&END[said..said + count]);
        self.end = Some(said + count);
        Ok(count)
    }
}
