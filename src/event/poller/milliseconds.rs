//! mio's own wait, which every system has: timeouts are rounded up to whole milliseconds.
//!
//! A pacer that waits like this is up to a millisecond late. Not here: what makes up for that on
//! Linux (`timer`).

use std::io;
use std::time::Duration;

use mio::{Events, Poll};

use super::Event;

/// The events of one wait, copied out of mio's.
pub(super) struct Milliseconds {
    raw: Events,
    events: Vec<Event>,
}

impl Milliseconds {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            raw: Events::with_capacity(capacity),
            events: Vec::with_capacity(capacity),
        }
    }

    pub(super) fn wait(&mut self, poll: &mut Poll, timeout_ns: Option<u64>) -> io::Result<()> {
        let result = poll.poll(&mut self.raw, timeout_ns.map(Duration::from_nanos));
        self.events.clear();
        self.events.extend(self.raw.iter().map(|event| Event {
            token: event.token().0,
            readable: event.is_readable() || event.is_read_closed() || event.is_error(),
            writable: event.is_writable() || event.is_write_closed() || event.is_error(),
            closed: event.is_read_closed() || event.is_error(),
        }));
        match result {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other,
        }
    }

    /// Takes the events of one token out; whether there were any.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(super) fn take(&mut self, token: usize) -> bool {
        let before = self.events.len();
        self.events.retain(|event| event.token != token);
        self.events.len() < before
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn event(&self, index: usize) -> Event {
        self.events[index]
    }
}
