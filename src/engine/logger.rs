//! The file of the raw log: a thread that writes the workers' pages and gives them back empty.
//!
//! It ends when the last worker has handed in its last page. A file that cannot be written costs the
//! log and not the run: pages come back all the same. Not here: what is on a page.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::event::Clock;
use crate::measure::{Entry, Logbook, PAGES, Page};

/// What has become of a raw log.
#[derive(Debug, Default)]
pub struct Logged {
    /// Messages in it.
    pub entries: u64,
    /// Messages that were sent and are not in it, because the disk could not follow.
    pub lost: u64,
    /// When the load began, on the clock of the file, ns; `None` if it never did.
    pub load_start: Option<u64>,
    /// Why the file is not complete, whatever is in it.
    pub error: Option<io::Error>,
}

/// The thread.
#[derive(Debug)]
pub(super) struct Logger {
    thread: JoinHandle<Logged>,
    /// The run's epoch on the clock of the file, ns.
    origin: u64,
}

impl Logger {
    /// Begins the file, if there is one, and makes a logbook for each worker, the last one's first.
    pub(super) fn start(
        file: Option<Arc<File>>,
        workers: usize,
        clock: Clock,
    ) -> io::Result<(Option<Self>, Vec<Logbook>)> {
        let Some(file) = file else {
            return Ok((None, Vec::new()));
        };
        let origin = clock.monotonic_ns_at_start();
        let (full, pages) = sync_channel(workers * (PAGES + 1));
        let make = |worker| Logbook::new(worker, origin, PAGES, full.clone());
        let (mut logbooks, back): (Vec<_>, Vec<_>) = (0..workers).map(make).unzip();
        logbooks.reverse();
        let thread = std::thread::Builder::new()
            .name("raw-log".into())
            .spawn(move || write(&file, &pages, &back))?;
        Ok((Some(Self { thread, origin }), logbooks))
    }

    /// Waits until everything is written. The workers must have ended. `load_start`: when the load
    /// began, ns since the run's epoch.
    pub(super) fn finish(self, load_start: Option<u64>) -> Logged {
        let logged = self.thread.join().unwrap_or_else(|_| Logged {
            error: Some(io::Error::other("its thread panicked")),
            ..Logged::default()
        });
        Logged {
            load_start: load_start.map(|at| self.origin + at),
            ..logged
        }
    }
}

fn write(file: &File, pages: &Receiver<Page>, back: &[SyncSender<Vec<u8>>]) -> Logged {
    let mut file = file;
    let mut logged = Logged {
        error: file.write_all(&Entry::header(0)).err(),
        ..Logged::default()
    };
    for mut page in pages {
        let rows = (page.bytes.len() / Entry::SIZE) as u64;
        logged.lost += page.lost;
        if logged.error.is_none() {
            logged.error = file.write_all(&page.bytes).err();
        }
        match logged.error {
            None => logged.entries += rows,
            Some(_) => logged.lost += rows,
        }
        page.bytes.clear();
        // A worker that has ended needs no page.
        let _ = back[page.worker].try_send(page.bytes);
    }
    if logged.error.is_none() {
        let header = Entry::header(logged.entries);
        logged.error = file.rewind().and_then(|()| file.write_all(&header)).err();
    }
    logged
}
