//! The file of the raw log: a thread that writes the workers' pages and gives them back empty.
//!
//! It ends when the last worker has handed in its last page. Where the workers have no threads, it
//! has none either and writes when it is told to. A file that cannot be written costs the
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

/// Writes on a thread of its own, or in between.
#[derive(Debug)]
pub(super) struct Logger {
    pen: Pen,
    /// The run's epoch on the clock of the file, ns.
    origin: u64,
}

#[derive(Debug)]
enum Pen {
    Thread(JoinHandle<Logged>),
    Here(Writer),
}

/// The file, and both ways of the pages.
#[derive(Debug)]
struct Writer {
    file: Arc<File>,
    pages: Receiver<Page>,
    back: Vec<SyncSender<Vec<u8>>>,
    logged: Logged,
}

impl Logger {
    /// Begins the file, if there is one, and makes a logbook for each worker, the last one's first.
    /// Writes on a thread.
    pub(super) fn start(
        file: Option<Arc<File>>,
        workers: usize,
        clock: Clock,
    ) -> io::Result<(Option<Self>, Vec<Logbook>)> {
        let (logger, logbooks) = Self::here(file, workers, clock);
        let Some(Self {
            pen: Pen::Here(writer),
            origin,
        }) = logger
        else {
            return Ok((None, logbooks));
        };
        let thread = std::thread::Builder::new()
            .name("raw-log".into())
            .spawn(move || writer.write_all())?;
        let pen = Pen::Thread(thread);
        Ok((Some(Self { pen, origin }), logbooks))
    }

    /// The same; writes when it is told to.
    pub(super) fn here(
        file: Option<Arc<File>>,
        workers: usize,
        clock: Clock,
    ) -> (Option<Self>, Vec<Logbook>) {
        let Some(file) = file else {
            return (None, Vec::new());
        };
        let origin = clock.monotonic_ns_at_start();
        let (full, pages) = sync_channel(workers * (PAGES + 1));
        let make = |worker| Logbook::new(worker, origin, PAGES, full.clone());
        let (mut logbooks, back): (Vec<_>, Vec<_>) = (0..workers).map(make).unzip();
        logbooks.reverse();
        let pen = Pen::Here(Writer::begin(file, pages, back));
        (Some(Self { pen, origin }), logbooks)
    }

    /// Writes what the workers have handed in, unless a thread does.
    pub(super) fn write(&mut self) {
        if let Pen::Here(writer) = &mut self.pen {
            while let Ok(page) = writer.pages.try_recv() {
                writer.take(page);
            }
        }
    }

    /// Waits until everything is written. The workers must have ended. `load_start`: when the load
    /// began, ns since the run's epoch.
    pub(super) fn finish(self, load_start: Option<u64>) -> Logged {
        let logged = match self.pen {
            Pen::Here(writer) => writer.write_all(),
            Pen::Thread(thread) => thread.join().unwrap_or_else(|_| Logged {
                error: Some(io::Error::other("its thread panicked")),
                ..Logged::default()
            }),
        };
        Logged {
            load_start: load_start.map(|at| self.origin + at),
            ..logged
        }
    }
}

impl Writer {
    fn begin(file: Arc<File>, pages: Receiver<Page>, back: Vec<SyncSender<Vec<u8>>>) -> Self {
        let logged = Logged {
            error: (&*file).write_all(&Entry::header(0)).err(),
            ..Logged::default()
        };
        Self {
            file,
            pages,
            back,
            logged,
        }
    }

    fn take(&mut self, mut page: Page) {
        let logged = &mut self.logged;
        let rows = (page.bytes.len() / Entry::SIZE) as u64;
        logged.lost += page.lost;
        if logged.error.is_none() {
            logged.error = (&*self.file).write_all(&page.bytes).err();
        }
        match logged.error {
            None => logged.entries += rows,
            Some(_) => logged.lost += rows,
        }
        page.bytes.clear();
        // A worker that has ended needs no page.
        let _ = self.back[page.worker].try_send(page.bytes);
    }

    /// Until the last worker has ended.
    fn write_all(mut self) -> Logged {
        while let Ok(page) = self.pages.recv() {
            self.take(page);
        }
        let (mut file, mut logged) = (&*self.file, self.logged);
        if logged.error.is_none() {
            let header = Entry::header(logged.entries);
            logged.error = file.rewind().and_then(|()| file.write_all(&header)).err();
        }
        logged
    }
}
