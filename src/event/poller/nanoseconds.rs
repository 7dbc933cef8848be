//! The wait that takes nanoseconds: `epoll_pwait2` on mio's descriptor.
//!
//! Kernels since 5.11 have it; some emulators and sandboxes do not (see `works`). Not here:
//! registering, and what to do without it (`timer`).

use std::io;
use std::os::fd::AsFd;

use mio::Poll;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventFlags};
use rustix::io::Errno;

use super::Event;

/// The events of one wait, as the kernel wrote them.
pub(super) struct Nanoseconds {
    events: Vec<epoll::Event>,
    capacity: usize,
}

impl Nanoseconds {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            events: Vec::with_capacity(capacity),
            capacity,
        }
    }

    /// Whether the kernel has the call. Ask before anything is registered: an event would be lost.
    pub(super) fn works(poll: &Poll) -> bool {
        let mut one = Self::new(1);
        // Whatever the error: a sandbox refuses in its own words (ENOSYS, EPERM).
        one.wait(poll, Some(0)).is_ok()
    }

    pub(super) fn wait(&mut self, poll: &Poll, timeout_ns: Option<u64>) -> io::Result<()> {
        let timeout = timeout_ns.map(timespec);
        self.events.clear();
        self.events.reserve(self.capacity);
        let spare = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(poll.registry().as_fd(), spare, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn event(&self, index: usize) -> Event {
        // Copied out first: the struct is packed on x86-64.
        let (flags, data) = (self.events[index].flags, self.events[index].data);
        Event {
            token: data.u64() as usize,
            readable: flags
                .intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR),
            writable: flags.intersects(EventFlags::OUT | EventFlags::HUP | EventFlags::ERR),
            closed: flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR),
        }
    }
}

pub(super) fn timespec(ns: u64) -> Timespec {
    Timespec {
        tv_sec: (ns / 1_000_000_000).cast_signed(),
        tv_nsec: (ns % 1_000_000_000).cast_signed(),
    }
}
