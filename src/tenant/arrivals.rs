//! A file with the instant of every PUBLISH that the tenant read: 8-byte little-endian
//! nanoseconds of `CLOCK_MONOTONIC` each, nothing else.
//!
//! Not here: any evaluation of it.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

/// The instants of a file; `None` if its end is missing.
pub fn arrivals(file: &[u8]) -> Option<Vec<u64>> {
    let (instants, rest) = file.as_chunks::<8>();
    let read = instants.iter().map(|ns| u64::from_le_bytes(*ns)).collect();
    rest.is_empty().then_some(read)
}

/// The file, buffered.
#[derive(Debug)]
pub struct Arrivals {
    file: BufWriter<File>,
    read_at: [u8; 8],
}

impl Arrivals {
    /// Makes the file, or empties it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        Ok(Self {
            file,
            read_at: [0; 8],
        })
    }

    /// A read has just returned, at this instant by `CLOCK_MONOTONIC`: that of everything it brought.
    pub fn read_at(&mut self, monotonic_ns: u64) {
        self.read_at = monotonic_ns.to_le_bytes();
    }

    /// Records one PUBLISH of the last read.
    ///
    /// # Errors
    /// What the file system says.
    pub fn record(&mut self) -> io::Result<()> {
        self.file.write_all(&self.read_at)
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// What the file system says.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()
    }
}
