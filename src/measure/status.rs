//! How often each status code was replied: a small table with a limit.
//!
//! Codes are text, as the reply wrote them. Not here: which pointer or capture they come from.

use super::errors::clip;

/// Distinct codes kept; more are counted together.
const ROWS_MAX: usize = 64;
/// Bytes kept of one code.
const CODE_BYTES_MAX: usize = 64;
/// The code of a success that names none.
const OK: &str = "ok";
/// The row of everything beyond the limit.
const OTHER: &str = "(other)";

/// Counts by status code, in the order of appearance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusTable {
    rows: Vec<(Box<str>, u64)>,
    /// Where the row of [`OK`] is, once there is one.
    ok: Option<usize>,
}

impl StatusTable {
    /// Counts one reply. Allocates only for a code that is new.
    pub fn add(&mut self, code: &str) {
        self.add_many(code, 1);
    }

    /// Counts so many replies with one code.
    pub fn add_many(&mut self, code: &str, count: u64) {
        let code = clip(code, CODE_BYTES_MAX);
        // Linear: a request sees a handful of codes, and the usual one comes first.
        if let Some((_, counted)) = self.rows.iter_mut().find(|(row, _)| **row == *code) {
            *counted += count;
        } else if self.rows.len() < ROWS_MAX {
            self.rows.push((code.into(), count));
        } else if let Some((_, counted)) = self.rows.iter_mut().find(|(row, _)| **row == *OTHER) {
            *counted += count;
        } else {
            self.rows.push((OTHER.into(), count));
        }
    }

    /// Counts so many successes without a code, as `ok`.
    pub fn add_ok(&mut self, count: u64) {
        if let Some((_, counted)) = self.ok.and_then(|row| self.rows.get_mut(row)) {
            *counted += count;
        } else {
            self.add_many(OK, count);
            self.ok = self.rows.iter().position(|(row, _)| **row == *OK);
        }
    }

    /// Adds the counts of another table.
    pub fn merge(&mut self, other: &Self) {
        let Self { rows, ok: _ } = other;
        for (code, count) in rows {
            self.add_many(code, *count);
        }
    }

    /// Codes and counts, in the order of appearance.
    pub fn rows(&self) -> impl Iterator<Item = (&str, u64)> {
        self.rows.iter().map(|(code, count)| (&**code, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_counted_and_merged_by_text() {
        let mut table = StatusTable::default();
        for code in ["200", "200", "400"] {
            table.add(code);
        }
        let mut merged = table.clone();
        merged.merge(&table);
        assert_eq!(merged.rows().collect::<Vec<_>>(), [("200", 4), ("400", 2)]);
    }

    #[test]
    fn a_target_that_invents_codes_fills_one_row() {
        let mut table = StatusTable::default();
        (0..1000).for_each(|code: u32| table.add(&code.to_string()));
        assert_eq!(table.rows().count(), ROWS_MAX + 1);
        assert_eq!(table.rows().map(|(_, count)| count).sum::<u64>(), 1000);
        assert_eq!(table.rows().last(), Some((OTHER, 936)));
    }
}
