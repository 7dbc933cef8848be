//! What failures said of themselves: status and reason texts, counted, with a limit on everything.
//!
//! Texts come from the target; they are kept as they are, cut to a length. Not here: making them
//! safe for spreadsheets (that is the file's business).

/// Distinct rows kept for each request; more are counted together.
const ROWS_MAX: usize = 64;
/// Bytes kept of one reason.
const REASON_BYTES_MAX: usize = 200;
/// Bytes kept of one status.
const STATUS_BYTES_MAX: usize = 64;
/// The reason of the row of everything beyond the limit.
const OTHER: &str = "(other)";

/// One distinct failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorRow {
    /// Status code of the reply, if it had one.
    pub status: Option<Box<str>>,
    /// Reason text, or the name of a local cause.
    pub reason: Box<str>,
    /// How often.
    pub count: u64,
    /// The first time, ns since the run's epoch.
    pub first_at: u64,
}

/// Distinct failures of one request over the whole run, in the order of appearance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorTable {
    rows: Vec<ErrorRow>,
}

impl ErrorTable {
    /// Counts one failure. Allocates only for one that is new.
    pub fn add(&mut self, status: Option<&str>, reason: &str, at: u64) {
        self.add_many(status, reason, 1, at);
    }

    fn add_many(&mut self, status: Option<&str>, reason: &str, count: u64, at: u64) {
        let status = status.map(|status| clip(status, STATUS_BYTES_MAX));
        let reason = clip(reason, REASON_BYTES_MAX);
        let (status, reason) = if self.find(status, reason).is_none() && self.rows.len() >= ROWS_MAX
        {
            (None, OTHER)
        } else {
            (status, reason)
        };
        if let Some(row) = self.find(status, reason) {
            row.count += count;
            row.first_at = row.first_at.min(at);
        } else {
            self.rows.push(ErrorRow {
                status: status.map(Box::from),
                reason: reason.into(),
                count,
                first_at: at,
            });
        }
    }

    fn find(&mut self, status: Option<&str>, reason: &str) -> Option<&mut ErrorRow> {
        self.rows
            .iter_mut()
            .find(|row| row.status.as_deref() == status && *row.reason == *reason)
    }

    /// Adds the rows of another table.
    pub fn merge(&mut self, other: &Self) {
        let Self { rows } = other;
        for ErrorRow {
            status,
            reason,
            count,
            first_at,
        } in rows
        {
            self.add_many(status.as_deref(), reason, *count, *first_at);
        }
    }

    /// The rows, in the order of appearance.
    pub fn rows(&self) -> &[ErrorRow] {
        &self.rows
    }
}

/// The beginning of a text, at most this many bytes, cut between characters.
pub(super) fn clip(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_failures_share_a_row_with_the_first_instant() {
        let mut table = ErrorTable::default();
        table.add(Some("400"), "bad", 7);
        table.add(Some("400"), "bad", 9);
        table.add(None, "bad", 8);
        let rows: Vec<_> = table
            .rows()
            .iter()
            .map(|row| (row.status.as_deref(), row.count, row.first_at))
            .collect();
        assert_eq!(rows, [(Some("400"), 2, 7), (None, 1, 8)]);
    }

    #[test]
    fn merging_keeps_the_earlier_instant_and_the_limit() {
        let (mut a, mut b) = (ErrorTable::default(), ErrorTable::default());
        (0..50).for_each(|i: u64| a.add(None, &format!("a{i}"), 100));
        (0..50).for_each(|i: u64| b.add(None, &format!("b{i}"), 50));
        b.add(None, "a0", 1);
        a.merge(&b);
        assert_eq!(a.rows().len(), ROWS_MAX + 1);
        assert_eq!(a.rows().iter().map(|row| row.count).sum::<u64>(), 101);
        assert_eq!(a.rows()[0].first_at, 1);
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let mut table = ErrorTable::default();
        table.add(None, &"\u{20ac}".repeat(100), 0);
        assert_eq!(table.rows()[0].reason.len(), 198);
    }
}
