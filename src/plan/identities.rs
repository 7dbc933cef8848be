//! Who the endpoints are, when a list says so: one row of text per endpoint.
//!
//! The whole list is checked, and the rows of one range of endpoints are kept: a shard holds its
//! own endpoints only. Kept rows are one block of bytes and one offset per cell, so that ten
//! million rows cost their text and four bytes per cell. Not here: opening the file, and variables
//! made from templates.

use std::hash::{DefaultHasher, Hasher as _};
use std::io::Read;
use std::ops::Range;

use crate::plan::error::PlanError;
use crate::plan::identity_file::IdentityFile;

/// Columns of text, one row per endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identities {
    names: Vec<String>,
    columns: Vec<Column>,
    /// Endpoints whose rows are kept.
    kept: Range<u32>,
    /// Rows that were read, kept or not.
    rows: u32,
    text: Vec<u8>,
    /// End of each kept cell in `text`, row by row.
    ends: Vec<u32>,
}

/// What is known of all cells of a column, kept or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Column {
    /// Bytes of the longest cell.
    pub(crate) longest: usize,
    /// Line and character of the first cell that cannot be (a part of) one topic level.
    pub(crate) unfit: Option<(u64, char)>,
    /// Line of the first cell that is all digits.
    pub(crate) digits: Option<u64>,
}

impl Column {
    fn note(&mut self, cell: &str, line: u64) {
        self.longest = self.longest.max(cell.len());
        if self.unfit.is_none() {
            let found = cell.chars().find(|c| matches!(c, '+' | '#' | '/'));
            self.unfit = found.map(|c| (line, c));
        }
        if self.digits.is_none() && cell.bytes().all(|byte| byte.is_ascii_digit()) {
            self.digits = Some(line);
        }
    }
}

impl Identities {
    /// No columns: every endpoint is made from templates.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads CSV: a header with the column names, then one row per endpoint of the whole fleet. The
    /// rows of the endpoints in `kept` stay; the others are only checked. What comes after
    /// `endpoints` rows is not read.
    ///
    /// Errors name the line: a bad header, a row of another length or of more than 1 MiB, a quote
    /// that is never closed, text that is not UTF-8, an empty cell, a value of the first column
    /// that was there before, fewer rows than endpoints, more than 4 GiB of kept text.
    pub fn from_csv(
        reader: impl Read,
        endpoints: u32,
        kept: Range<u32>,
    ) -> Result<Self, PlanError> {
        let mut file = IdentityFile::open(reader)?;
        let names = file.columns().to_vec();
        let mut this = Self {
            columns: vec![Column::default(); names.len()],
            names,
            kept: kept.start.min(endpoints)..kept.end.min(endpoints),
            ..Self::default()
        };
        let mut seen = Seen::of(endpoints);
        for endpoint in 0..endpoints {
            let after = file.line();
            let Some((line, cells)) = file.next_row()? else {
                let reason = format!("{endpoint} rows for {endpoints} endpoints");
                return Err(PlanError::Identities {
                    line: after,
                    reason,
                });
            };
            for (column, cell) in this.columns.iter_mut().zip(cells) {
                column.note(cell, line);
            }
            seen.note(&cells[0], line);
            this.rows += 1;
            if this.kept.contains(&endpoint) {
                this.keep(cells, line)?;
            }
        }
        if let Some((line, before)) = seen.first_repeated() {
            let reason = format!("`{}` is the same as in line {before}", this.names[0]);
            return Err(PlanError::Identities { line, reason });
        }
        // They grew by doubling, and stay as they are from here on.
        this.text.shrink_to_fit();
        this.ends.shrink_to_fit();
        Ok(this)
    }

    /// A cell; empty when there is no such column, or the endpoint's row was not kept.
    pub fn get(&self, column: usize, endpoint: u32) -> &[u8] {
        if column >= self.names.len() {
            return &[];
        }
        let Some(row) = endpoint.checked_sub(self.kept.start) else {
            return &[];
        };
        let cell = row as usize * self.names.len() + column;
        let Some(end) = self.ends.get(cell) else {
            return &[];
        };
        let from = if cell == 0 { 0 } else { self.ends[cell - 1] };
        &self.text[from as usize..*end as usize]
    }

    /// Number of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|column| column == name)
    }

    /// Column names in the order of the file.
    pub fn columns(&self) -> &[String] {
        &self.names
    }

    /// How many endpoints of the fleet have a row, kept or not.
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// The endpoints whose rows are here; empty without columns.
    pub fn kept(&self) -> Range<u32> {
        self.kept.clone()
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.text.len() + self.ends.len() * 4
    }

    /// What is known of a column over the whole list.
    pub(crate) fn facts(&self, column: usize) -> Column {
        self.columns.get(column).copied().unwrap_or_default()
    }

    fn keep(&mut self, cells: &csv::StringRecord, line: u64) -> Result<(), PlanError> {
        for cell in cells {
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

/// Which values of the first column were there before.
///
/// Instead of the texts it holds 96 bits of hash and 32 bits of line for each row, sorted in the
/// end: 160 MB for ten million rows, given back when the list is read. Two different texts of ten million have the same hash with a probability of 6e-16; then
/// a good list would be refused.
struct Seen(Vec<u128>);

impl Seen {
    /// Room for so many rows: memory is taken as rows come, but never copied to grow.
    fn of(rows: u32) -> Self {
        const AT_ONCE: u32 = 10_000_000;
        Self(Vec::with_capacity(rows.min(AT_ONCE) as usize))
    }

    fn note(&mut self, text: &str, line: u64) {
        let part = |number: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(number);
            hasher.write(text.as_bytes());
            u128::from(hasher.finish())
        };
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        self.0
            .push(part(1) << 64 | (part(2) >> 32) << 32 | u128::from(line));
    }

    /// The first line that repeats an earlier one, and that one.
    fn first_repeated(mut self) -> Option<(u64, u64)> {
        self.0.sort_unstable();
        let repeated = self
            .0
            .windows(2)
            .filter(|pair| pair[0] >> 32 == pair[1] >> 32);
        repeated
            .map(|pair| (pair[1] as u32, pair[0] as u32))
            .min()
            .map(|(line, before)| (u64::from(line), u64::from(before)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8], endpoints: u32) -> Result<Identities, PlanError> {
        Identities::from_csv(bytes, endpoints, 0..endpoints)
    }

    fn refused(text: impl AsRef<[u8]>, endpoints: u32) -> String {
        read(text.as_ref(), endpoints)
            .expect_err("must be refused")
            .to_string()
    }

    fn column(identities: &Identities, column: usize) -> Vec<String> {
        let cells = identities.kept().map(|row| identities.get(column, row));
        cells
            .map(|cell| String::from_utf8_lossy(cell).into_owned())
            .collect()
    }

    #[test]
    fn each_endpoint_has_the_cells_of_its_row() {
        let text = "token,site\nab,berlin\n\"c,d\",rome\nunread,\n";
        let identities = read(text.as_bytes(), 2).expect("two good rows");
        assert_eq!(identities.rows(), 2);
        assert_eq!(identities.columns(), ["token", "site"]);
        assert_eq!(column(&identities, 0), ["ab", "c,d"]);
        assert_eq!(column(&identities, 1), ["berlin", "rome"]);
        assert_eq!(identities.get(0, 2), b"");
        assert_eq!(identities.get(2, 0), b"");
    }

    #[test]
    fn only_the_rows_of_a_range_are_kept_and_all_are_checked() {
        let text = "token,site\na,1\nb,2\nc,3\nd,4\n";
        let part = |kept| Identities::from_csv(text.as_bytes(), 4, kept).expect("good rows");
        let middle = part(1..3);
        assert_eq!((middle.rows(), middle.kept()), (4, 1..3));
        assert_eq!(column(&middle, 0), ["b", "c"]);
        assert_eq!((middle.get(0, 0), middle.get(0, 3)), (&b""[..], &b""[..]));
        assert!(middle.memory() < part(0..4).memory());
        assert_eq!(part(2..9).kept(), 2..4);
        for bad in ["token\na\nb\nb\n", "token\na\nb\n\"\"\n"] {
            assert!(Identities::from_csv(bad.as_bytes(), 3, 0..1).is_err());
        }
    }

    #[test]
    fn missing_rows_name_the_line_after_the_last_one() {
        for text in ["token\na\nb\n", "token\na\nb", "token\r\na\r\nb\r\n"] {
            assert_eq!(
                refused(text, 3),
                "identities, line 4: 2 rows for 3 endpoints",
                "{text:?}"
            );
        }
    }

    #[test]
    fn duplicates_in_the_first_column_name_both_lines() {
        assert_eq!(
            refused("token,x\na,1\nb,1\na,2\nb,3\n", 4),
            "identities, line 4: `token` is the same as in line 2"
        );
        assert_eq!(
            refused("token,x\n\"a\n\",1\nb,1\n\n a ,2\n", 3),
            "identities, line 6: `token` is the same as in line 2"
        );
    }

    #[test]
    fn empty_cells_short_rows_and_bad_headers_are_refused() {
        for (text, endpoints, reason) in [
            ("token,x\na,1\nb,\n", 2, "line 3: column `x` is empty"),
            (
                "token,x\r\na,1\r\nb, \r\n",
                2,
                "line 3: column `x` is empty",
            ),
            ("token\n\"\"\n", 1, "line 2: column `token` is empty"),
            (
                "token,x\r\na,1\r\n\r\nb,2\r\n",
                2,
                "line 3: the line is empty",
            ),
            ("token,x\na\n", 1, "line 2: 1 columns instead of 2"),
            ("token,x\na,1,2\n", 1, "line 2: 3 columns instead of 2"),
            (
                "To ken\na\n",
                1,
                "line 1: cell 1 of the header cannot be a field name; use [a-z_][a-z0-9_]*",
            ),
            ("a,a\n1,2\n", 1, "line 1: column `a` appears twice"),
            ("", 1, "line 1: the header is missing"),
            ("token\na\0b\n", 1, "line 2: cell 1 has a zero byte"),
        ] {
            assert_eq!(refused(text, endpoints), format!("identities, {reason}"));
        }
        let wide = vec!["a"; COLUMNS + 1].join(",");
        assert!(refused(wide, 1).contains("1001 columns, at most 1000"));
        assert_eq!(
            refused(b"token,x\na,1\nb,\xff\n", 2),
            "identities, line 3: column `x` is not UTF-8"
        );
    }

    const COLUMNS: usize = 1_000;

    #[test]
    fn a_quote_that_is_never_closed_ends_with_the_file_or_at_a_megabyte() {
        for text in ["token,x\na,1\nb,\"2\nc,3\n", "token,x\na,1\nb,\"2"] {
            assert_eq!(
                refused(text, 2),
                "identities, line 3: a quote is never closed"
            );
        }
        let endless = std::io::Read::chain(&b"token\na\n\"b"[..], std::io::repeat(b'x'));
        let error = Identities::from_csv(endless, 2, 0..2).expect_err("it never ends");
        assert_eq!(
            error.to_string(),
            "identities, line 3: the row is longer than 1 MiB; is a quote never closed?"
        );
    }

    #[test]
    fn files_of_other_systems_are_read() {
        let expected = read(b"token,x\na,1\nb,2\n", 2).expect("plain");
        for text in [
            "\u{feff}token,x\na,1\nb,2\n",
            "\u{feff}\"token\",x\r\na,1\r\nb,2\r\n",
            "token,x\r\n\"a\",\"1\"\r\nb,\"2\"\r\n",
            "token , x\n a, 1\nb,2",
        ] {
            assert_eq!(read(text.as_bytes(), 2).as_ref(), Ok(&expected), "{text:?}");
        }
    }

    #[test]
    fn columns_know_the_first_line_that_no_topic_takes() {
        let text = "token,site,number\na,x,n1\nb,y+,22\nc,#/,3\n";
        let facts = |rows, kept| {
            let identities = Identities::from_csv(text.as_bytes(), rows, kept).expect("good rows");
            [0, 1, 2].map(|column| identities.facts(column))
        };
        let [token, site, number] = facts(3, 0..1);
        assert_eq!((token.unfit, token.digits, token.longest), (None, None, 1));
        assert_eq!((site.unfit, site.longest), (Some((3, '+')), 2));
        assert_eq!(number.digits, Some(3));
        assert_eq!(facts(3, 0..1), facts(3, 2..3), "whatever is kept");
    }

    #[test]
    fn no_identities_have_no_cells() {
        assert_eq!(Identities::none().get(0, 0), b"");
        assert_eq!(Identities::none().rows(), 0);
        assert!(Identities::none().kept().is_empty());
    }

    proptest! {
        #[test]
        fn any_range_has_the_cells_of_the_whole_file(
            rows in proptest::collection::btree_set("[a-z\",é\n]{1,6}[a-z]", 1..40),
            from in 0_u32..45,
            length in 0_u32..45,
            line_end in prop_oneof![Just("\n"), Just("\r\n")],
        ) {
            let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
            let mut text = format!("token,number{line_end}");
            for (number, row) in rows.iter().enumerate() {
                text.extend([&quoted(row), ",", &number.to_string(), line_end]);
            }
            let endpoints = rows.len() as u32;
            // White space around a cell does not count, so two of these may be one.
            let Ok(whole) = read(text.as_bytes(), endpoints) else { return Ok(()) };
            let part = Identities::from_csv(text.as_bytes(), endpoints, from..from + length)
                .expect("the whole is sound");
            for endpoint in 0..endpoints {
                for column in 0..2 {
                    let expected = if (from..from + length).contains(&endpoint) {
                        whole.get(column, endpoint)
                    } else {
                        b""
                    };
                    prop_assert_eq!(part.get(column, endpoint), expected);
                }
            }
            prop_assert_eq!(part.rows(), whole.rows());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut text = b"token,x\n".to_vec();
            text.extend(&bytes);
            let _ = read(&bytes, 3);
            let _ = read(&text, 3);
        }
    }
}
