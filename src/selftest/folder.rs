//! A run's own folder while it is looked at: where its files are, and what tests read of them.
//!
//! Gone with its value. Not here: what writes them, and what figures should be.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::observed::Observed;
use super::order::Order;
use super::runner::{Broken, failed};
use crate::measure::{Bucket, Entry};
use crate::report::RunResult;
use crate::tenant;

/// Of the result's files, in a run's folder.
pub(super) const OUT: &str = "out";
/// The raw log.
pub(super) const LOG: &str = "log.npy";
/// The tenant's instants.
pub(super) const ARRIVALS: &str = "arrivals";

/// A folder of its own.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn make() -> Result<Self, Broken> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("midge-selftest-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).map_err(failed("no folder for a run"))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Reads the files of a run that has had this result.
    pub(super) fn read(
        &self,
        order: &Order,
        result: RunResult,
        held: Option<Duration>,
    ) -> Result<Observed, Broken> {
        let text = |name: &str| {
            let read = fs::read_to_string(self.0.join(OUT).join(name));
            read.map_err(failed("a run has left no files"))
        };
        let bytes = |name: &str| {
            let read = fs::read(self.0.join(name));
            read.map_err(failed("a run has left no instants"))
        };
        let (log, received) = if order.instants {
            let log = Entry::read(&bytes(LOG)?).map_err(Broken::Failed)?;
            let received = tenant::arrivals(&bytes(ARRIVALS)?);
            let cut_off = || Broken::Failed("the tenant's instants break off".to_owned());
            (log, received.ok_or_else(cut_off)?)
        } else {
            (Vec::new(), Vec::new())
        };
        Ok(Observed {
            response: buckets(&text("histogram.csv")?),
            in_flight: in_flight(&text("intervals.csv")?),
            result,
            log,
            received,
            held,
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Cells of the rows of a table that begin with these; none needs quotes.
fn rows<'a>(
    table: &'a str,
    wanted: impl Fn(&[&str]) -> bool + 'a,
) -> impl Iterator<Item = Vec<&'a str>> {
    let rows = table.lines().skip(1);
    rows.map(|row| row.split(',').collect::<Vec<_>>())
        .filter(move |row| wanted(row))
}

/// Of the response time, from `histogram.csv`.
fn buckets(table: &str) -> Vec<Bucket> {
    let ns = |us: &str| (us.parse::<f64>().unwrap_or(0.0) * 1e3).round() as u64;
    rows(table, |row| {
        row.starts_with(&[Order::REQUEST, "response_time"])
    })
    .filter_map(|row| {
        Some(Bucket {
            from_ns: ns(row.get(2)?),
            to_ns: ns(row.get(3)?),
            count: row.get(4)?.parse().ok()?,
        })
    })
    .collect()
}

/// At the end of each second of the measure phase, from `intervals.csv`.
fn in_flight(table: &str) -> Vec<u64> {
    const PHASE: usize = 1;
    const IN_FLIGHT: usize = 10;
    rows(table, |row| row.get(PHASE) == Some(&"measure"))
        .filter_map(|row| row.get(IN_FLIGHT)?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_a_run_are_read() {
        let histogram = "request,metric,from_us,to_us,count\nprobe,response_time,1.024,1.088,3\n\
                         probe,service_time,1,2,4\ntotal,response_time,1.024,1.088,3\n";
        let bucket = Bucket {
            from_ns: 1_024,
            to_ns: 1_088,
            count: 3,
        };
        assert_eq!(buckets(histogram), [bucket]);
        let intervals = "second,phase,request,planned,sent,ok,error,timeout,failed,dropped,in_flight\n\
                         0,warm-up,probe,1,1,1,0,0,0,0,7\n1,measure,probe,1,1,1,0,0,0,0,8\n";
        assert_eq!(in_flight(intervals), [8]);
    }
}
