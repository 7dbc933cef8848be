//! Readiness of sockets, edge-triggered, with a wait of nanosecond precision.
//!
//! mio registers sockets and wakers; the wait itself is `epoll_pwait2` on mio's descriptor, because
//! mio rounds its timeout up to milliseconds and a pacer needs microseconds. The kernel adds 50 us of
//! timer slack to every wait of a thread unless it is asked not to; `Poller::new` asks.
//! Elsewhere than on Linux mio's own wait is used. Not here: timers (the wheel), reading, writing.

use std::io;

use mio::{Poll, Registry, Token, Waker};

/// What the kernel said about one registered source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// As given at registration.
    pub token: usize,
    /// There may be bytes to read, or an end of stream, or an error to fetch by reading.
    pub readable: bool,
    /// The socket takes bytes again, or a connect has ended (well or badly).
    pub writable: bool,
    /// The peer has closed or reset, or the socket has failed.
    pub closed: bool,
}

/// One thread's poller. Made by the thread that waits on it.
pub struct Poller {
    poll: Poll,
    inner: imp::Buffer,
}

impl Poller {
    /// A poller that returns at most `capacity` events for each wait.
    ///
    /// # Errors
    /// What the kernel says when no epoll descriptor can be made.
    pub fn new(capacity: usize) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            inner: imp::Buffer::new(capacity),
        })
    }

    /// Where sockets are registered. Registration is edge-triggered.
    pub fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// A waker whose events carry `token`.
    ///
    /// # Errors
    /// What the kernel says when no event descriptor can be made.
    pub fn waker(&self, token: usize) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), Token(token))
    }

    /// Waits for an event, at most `timeout_ns` (`None`: as long as it takes; 0: only looks).
    ///
    /// # Errors
    /// What the kernel says; an interrupting signal is not an error but a wait without events.
    pub fn wait(&mut self, timeout_ns: Option<u64>) -> io::Result<()> {
        self.inner.wait(&mut self.poll, timeout_ns)
    }

    /// The events of the last wait.
    pub fn events(&self) -> impl Iterator<Item = Event> + '_ {
        self.inner.events()
    }

    /// Number of events of the last wait.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether the last wait ended without an event.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `index`-th event of the last wait; lets a caller work on itself between two events.
    pub fn event(&self, index: usize) -> Event {
        self.inner.event(index)
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::io;
    use std::num::NonZeroU64;
    use std::os::fd::AsFd;

    use mio::Poll;
    use rustix::event::Timespec;
    use rustix::event::epoll::{self, EventFlags};

    pub(super) struct Buffer {
        events: Vec<epoll::Event>,
        capacity: usize,
    }

    impl Buffer {
        pub(super) fn new(capacity: usize) -> Self {
            // Fails only on kernels without the call; then waits are 50 us coarser, nothing else.
            let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
            Self {
                events: Vec::with_capacity(capacity),
                capacity,
            }
        }

        pub(super) fn wait(&mut self, poll: &mut Poll, timeout_ns: Option<u64>) -> io::Result<()> {
            let timeout = timeout_ns.map(|ns| Timespec {
                tv_sec: (ns / 1_000_000_000).cast_signed(),
                tv_nsec: (ns % 1_000_000_000).cast_signed(),
            });
            self.events.clear();
            self.events.reserve(self.capacity);
            let spare = rustix::buffer::spare_capacity(&mut self.events);
            match epoll::wait(poll.registry().as_fd(), spare, timeout.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
                Err(errno) => Err(errno.into()),
            }
        }

        pub(super) fn len(&self) -> usize {
            self.events.len()
        }

        pub(super) fn events(&self) -> impl Iterator<Item = super::Event> + '_ {
            self.events.iter().map(convert)
        }

        pub(super) fn event(&self, index: usize) -> super::Event {
            convert(&self.events[index])
        }
    }

    fn convert(event: &epoll::Event) -> super::Event {
        // Copied out first: the struct is packed on x86-64.
        let (flags, data) = (event.flags, event.data);
        super::Event {
            token: data.u64() as usize,
            readable: flags
                .intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR),
            writable: flags.intersects(EventFlags::OUT | EventFlags::HUP | EventFlags::ERR),
            closed: flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::io;
    use std::time::Duration;

    use mio::{Events, Poll};

    pub(super) struct Buffer {
        raw: Events,
        events: Vec<super::Event>,
    }

    impl Buffer {
        pub(super) fn new(capacity: usize) -> Self {
            Self {
                raw: Events::with_capacity(capacity),
                events: Vec::with_capacity(capacity),
            }
        }

        pub(super) fn wait(&mut self, poll: &mut Poll, timeout_ns: Option<u64>) -> io::Result<()> {
            let result = poll.poll(&mut self.raw, timeout_ns.map(Duration::from_nanos));
            self.events.clear();
            self.events
                .extend(self.raw.iter().map(|event| super::Event {
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

        pub(super) fn len(&self) -> usize {
            self.events.len()
        }

        pub(super) fn events(&self) -> impl Iterator<Item = super::Event> + '_ {
            self.events.iter().copied()
        }

        pub(super) fn event(&self, index: usize) -> super::Event {
            self.events[index]
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use mio::Interest;

    use super::*;

    #[test]
    fn a_wait_without_sources_ends_at_its_timeout_and_not_before() {
        let mut poller = Poller::new(8).unwrap();
        let clock = crate::event::Clock::start();
        poller.wait(Some(3_000_000)).unwrap();
        assert!(clock.now() >= 3_000_000);
        assert!(poller.is_empty());
    }

    #[test]
    fn bytes_on_a_socket_are_reported_once_per_edge() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut writer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        accepted.set_nonblocking(true).unwrap();
        let mut reader = mio::net::TcpStream::from_std(accepted);
        let mut poller = Poller::new(8).unwrap();
        poller
            .registry()
            .register(&mut reader, Token(7), Interest::READABLE)
            .unwrap();

        writer.write_all(b"x").unwrap();
        poller.wait(Some(5_000_000_000)).unwrap();
        let seen: Vec<Event> = poller.events().collect();
        assert_eq!(seen.len(), 1);
        assert_eq!(
            (seen[0].token, seen[0].readable, seen[0].closed),
            (7, true, false)
        );

        // Not read, but the edge is gone.
        poller.wait(Some(0)).unwrap();
        assert!(poller.is_empty());

        drop(writer);
        poller.wait(Some(5_000_000_000)).unwrap();
        assert!(
            poller
                .events()
                .any(|event| event.token == 7 && event.closed)
        );
    }

    #[test]
    fn a_waker_ends_the_wait_of_another_thread() {
        let mut poller = Poller::new(8).unwrap();
        // Shared, because a waker that is dropped takes its event with it.
        let waker = std::sync::Arc::new(poller.waker(99).unwrap());
        let other = waker.clone();
        let thread = std::thread::spawn(move || other.wake().unwrap());
        poller.wait(None).unwrap();
        assert_eq!(poller.event(0).token, 99);
        thread.join().unwrap();
    }
}
