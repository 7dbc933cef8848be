//! A worker's own part of the raw log: pages that are filled, handed in and used again.
//!
//! All pages are made before the run. A full one goes to whoever writes the file, and an empty one
//! comes back; both ways are queues with room for all pages, so nothing here waits, and nothing is
//! allocated per message. If no empty page has come back, messages are left out and counted.
//! Not here: the file (see the engine).

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::entry::{End, Entry};
use super::recorder::Recorder;

/// Rows of a page: 64 KiB.
const ROWS: usize = 2048;
/// Pages of a worker. A disk may stand still for as long as it takes to fill them.
pub const PAGES: usize = 64;

/// What a worker hands in.
#[derive(Debug)]
pub struct Page {
    /// Whose it is, and who gets it back.
    pub worker: usize,
    /// Rows.
    pub bytes: Vec<u8>,
    /// Messages that were left out before it.
    pub lost: u64,
}

/// One worker's.
#[derive(Debug)]
pub struct Logbook {
    worker: u16,
    /// What must be added to the run's instants to have those of the file, ns.
    origin: u64,
    page: Vec<u8>,
    lost: u64,
    full: SyncSender<Page>,
    empty: Receiver<Vec<u8>>,
}

impl Logbook {
    /// With `pages` pages; `full` must have room for all of them and one more, of every worker.
    /// Emptied ones are sent back on the channel that comes with it.
    pub fn new(
        worker: usize,
        origin: u64,
        pages: usize,
        full: SyncSender<Page>,
    ) -> (Self, SyncSender<Vec<u8>>) {
        let new_page = || Vec::with_capacity(ROWS * Entry::SIZE);
        let (back, empty) = sync_channel(pages);
        for _ in 1..pages {
            // There is room, and nobody has dropped the receiver.
            let _ = back.try_send(new_page());
        }
        let logbook = Self {
            worker: worker as u16,
            origin,
            page: new_page(),
            lost: 0,
            full,
            empty,
        };
        (logbook, back)
    }

    fn push(&mut self, entry: Entry) {
        if self.page.len() == ROWS * Entry::SIZE {
            let Ok(empty) = self.empty.try_recv() else {
                self.lost += 1;
                return;
            };
            let full = std::mem::replace(&mut self.page, empty);
            self.hand_in(full);
        }
        self.page.extend_from_slice(&entry.to_bytes());
    }

    fn hand_in(&mut self, bytes: Vec<u8>) {
        let page = Page {
            worker: usize::from(self.worker),
            bytes,
            lost: std::mem::take(&mut self.lost),
        };
        if let Err(TrySendError::Full(page) | TrySendError::Disconnected(page)) =
            self.full.try_send(page)
        {
            self.lost = page.lost + (page.bytes.len() / Entry::SIZE) as u64;
        }
    }
}

impl Drop for Logbook {
    /// What is on the last page is handed in, also if its worker breaks down.
    fn drop(&mut self) {
        let last = std::mem::take(&mut self.page);
        self.hand_in(last);
    }
}

impl Recorder {
    /// From now on every message that was sent is noted in the logbook, if there is one, when it ends.
    /// The last page is handed in when the recorder ends.
    pub fn note_in(&mut self, logbook: Option<Logbook>) {
        self.log = logbook;
    }

    /// So many messages that share everything have ended.
    #[inline]
    pub(super) fn log(&mut self, request: u16, instants: [u64; 3], end: End, count: u64) {
        if self.log.is_some() {
            self.note(request, instants, end, count);
        }
    }

    /// Apart, so that a run without a log pays a branch and no more.
    #[cold]
    fn note(&mut self, request: u16, instants: [u64; 3], end: End, count: u64) {
        let Some(log) = &mut self.log else { return };
        let measured = self.phases.measures(instants[0]);
        let [intended, sent, ended] = instants.map(|at| log.origin + at);
        let entry = Entry {
            intended,
            sent,
            ended,
            request: request.into(),
            worker: log.worker,
            end,
            measured,
        };
        for _ in 0..count {
            log.push(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: usize) -> Entry {
        Entry {
            intended: number as u64,
            sent: 0,
            ended: 0,
            request: 0,
            worker: 3,
            end: End::Ok,
            measured: false,
        }
    }

    fn rows(page: &Page) -> usize {
        assert_eq!(page.worker, 3);
        page.bytes.len() / Entry::SIZE
    }

    #[test]
    fn what_does_not_fit_while_nobody_writes_is_counted_and_nobody_waits() {
        let (full, pages) = sync_channel(3);
        let (mut log, back) = Logbook::new(3, 0, 2, full);
        // Two pages fit, and seven rows do not.
        (0..2 * ROWS + 7).for_each(|number| log.push(entry(number)));
        let mut first = pages.try_recv().expect("it was full");
        assert_eq!((rows(&first), first.lost), (ROWS, 0));
        assert_eq!(first.bytes[..Entry::SIZE], entry(0).to_bytes());
        assert!(pages.try_recv().is_err(), "no page is there to go on with");
        first.bytes.clear();
        back.try_send(first.bytes).expect("there is room");
        log.push(entry(0));
        let second = pages.try_recv().expect("it was full");
        assert_eq!((rows(&second), second.lost), (ROWS, 7));
        drop(log);
        let last = pages.try_recv().expect("a rest");
        assert_eq!((rows(&last), last.lost), (1, 0));
    }

    #[test]
    fn without_anybody_to_hand_pages_to_it_goes_on() {
        let (full, pages) = sync_channel(3);
        drop(pages);
        let (mut log, _back) = Logbook::new(3, 0, 2, full);
        (0..3 * ROWS).for_each(|number| log.push(entry(number)));
        // One page could not be handed in, and there was none for the third.
        assert_eq!(log.lost, 2 * ROWS as u64);
    }
}
