//! One message of the raw log, and the file that is made of them: a table in `NumPy`'s format `.npy`.
//!
//! The format says itself how long a row is and what its columns are called, and is read by one call
//! in many languages. The rows are little-endian and packed. Only the number of rows in the header is
//! not known at first; the text around it has the same length whatever it is.
//! Not here: who writes a file, and who sorts what is in it (rows stand in the order in which
//! messages ended, page by page of each worker).

/// How a message that was sent has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum End {
    /// Complete with its write: neither acknowledged nor answered.
    Written = 0,
    /// Answered with success, or acknowledged where that completes it.
    Ok = 1,
    /// Answered with an error.
    Error = 2,
    /// Not answered, which is success here.
    Silent = 3,
    /// Not answered by its deadline.
    Timeout = 4,
    /// Its connection was lost.
    Failed = 5,
    /// The run was over.
    InFlight = 6,
}

impl End {
    const ALL: [Self; 7] = [
        Self::Written,
        Self::Ok,
        Self::Error,
        Self::Silent,
        Self::Timeout,
        Self::Failed,
        Self::InFlight,
    ];

    /// Whether it has a response time.
    pub fn is_answered(self) -> bool {
        matches!(self, Self::Written | Self::Ok | Self::Error)
    }
}

/// One message that was sent. Instants are ns of one clock, in a file `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// When it was due.
    pub intended: u64,
    /// Just before the write that took its first byte.
    pub sent: u64,
    /// When it ended: just after the read that brought its answer; its write, its deadline, or the
    /// moment at which nobody waited any longer.
    pub ended: u64,
    /// Index of the request, in the order of `requests` in `run.json`.
    pub request: u32,
    /// Which worker sent it.
    pub worker: u16,
    /// How it ended.
    pub end: End,
    /// Whether it was due in the measure phase.
    pub measured: bool,
}

/// The columns as the header of a file has them.
const COLUMNS: &str = "[('intended', '<u8'), ('sent', '<u8'), ('ended', '<u8'), \
    ('request', '<u4'), ('worker', '<u2'), ('end', '|u1'), ('measured', '|b1')]";
const MAGIC: &[u8; 8] = b"\x93NUMPY\x01\x00";

impl Entry {
    /// Bytes of a row.
    pub const SIZE: usize = 32;
    /// Bytes of a file before its first row.
    pub const HEADER: usize = 256;

    /// The row.
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut row = [0; Self::SIZE];
        row[..8].copy_from_slice(&self.intended.to_le_bytes());
        row[8..16].copy_from_slice(&self.sent.to_le_bytes());
        row[16..24].copy_from_slice(&self.ended.to_le_bytes());
        row[24..28].copy_from_slice(&self.request.to_le_bytes());
        row[28..30].copy_from_slice(&self.worker.to_le_bytes());
        row[30] = self.end as u8;
        row[31] = u8::from(self.measured);
        row
    }

    fn from_bytes(row: &[u8; Self::SIZE]) -> Option<Self> {
        let instant = |at: usize| {
            let bytes = row[at..at + 8].try_into().expect("eight bytes");
            u64::from_le_bytes(bytes)
        };
        Some(Self {
            intended: instant(0),
            sent: instant(8),
            ended: instant(16),
            request: u32::from_le_bytes([row[24], row[25], row[26], row[27]]),
            worker: u16::from_le_bytes([row[28], row[29]]),
            end: *End::ALL.get(usize::from(row[30]))?,
            measured: row[31] != 0,
        })
    }

    /// What stands before so many rows.
    pub fn header(rows: u64) -> [u8; Self::HEADER] {
        let text = format!("{{'descr': {COLUMNS}, 'fortran_order': False, 'shape': ({rows},)}}");
        let mut header = [b' '; Self::HEADER];
        let (start, length) = (MAGIC.len() + 2, Self::HEADER - MAGIC.len() - 2);
        header[..MAGIC.len()].copy_from_slice(MAGIC);
        header[MAGIC.len()..start].copy_from_slice(&(length as u16).to_le_bytes());
        header[start..start + text.len()].copy_from_slice(text.as_bytes());
        header[Self::HEADER - 1] = b'\n';
        header
    }

    /// The rows of a whole file.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn read(file: &[u8]) -> Result<Vec<Self>, String> {
        let (header, rows) = file
            .split_at_checked(Self::HEADER)
            .ok_or("shorter than the header of a raw log")?;
        let (rows, rest) = rows.as_chunks::<{ Self::SIZE }>();
        if header != Self::header(rows.len() as u64) || !rest.is_empty() {
            return Err("no raw log, or one that was not finished".into());
        }
        let entries = rows.iter().map(Self::from_bytes);
        let whole: Option<Vec<Self>> = entries.collect();
        whole.ok_or_else(|| "a message ended in a way that this version does not know".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: Entry = Entry {
        intended: 1,
        sent: u64::MAX,
        ended: 0x0102_0304_0506_0708,
        request: 70_000,
        worker: 513,
        end: End::Timeout,
        measured: true,
    };

    fn file(entries: &[Entry]) -> Vec<u8> {
        let rows = entries.iter().flat_map(|entry| entry.to_bytes());
        let header = Entry::header(entries.len() as u64);
        header.into_iter().chain(rows).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let ends = End::ALL.map(|end| Entry { end, ..SOME });
        assert_eq!(Entry::read(&file(&ends)).as_deref(), Ok(&ends[..]));
        assert_eq!(Entry::read(&file(&[])), Ok(vec![]));
    }

    #[test]
    fn a_row_is_packed_and_little_endian() {
        let row = SOME.to_bytes();
        assert_eq!(row[..8], [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(row[16..24], [8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(row[24..], [0x70, 0x11, 1, 0, 1, 2, 4, 1]);
    }

    #[test]
    fn the_header_is_that_of_numpy_for_any_number_of_rows() {
        for rows in [0, u64::MAX] {
            let header = Entry::header(rows);
            assert_eq!(header[..10], *b"\x93NUMPY\x01\x00\xF6\x00");
            let text = std::str::from_utf8(&header[10..]).expect("text");
            let (dictionary, padding) = text.split_once("'shape': ").expect("a shape");
            assert!(dictionary.starts_with("{'descr': [('intended', '<u8'), ('sent', "));
            assert!(dictionary.contains("'fortran_order': False"));
            assert_eq!(padding.trim_end(), format!("({rows},)}}"));
            assert!(padding.ends_with(" \n"), "{rows} fills the header");
        }
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        let whole = file(&[SOME, SOME]);
        for broken in [&whole[..100], &whole[..whole.len() - 1], &whole[..256]] {
            assert!(Entry::read(broken).is_err());
        }
        let mut unknown = whole;
        unknown[256 + 30] = 7;
        assert!(Entry::read(&unknown).is_err());
    }
}
