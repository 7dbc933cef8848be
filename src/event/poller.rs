//! Readiness of sockets, edge-triggered, with a wait of nanosecond precision.
//!
//! mio registers sockets and wakers. mio's own wait rounds its timeout up to milliseconds and a pacer
//! needs microseconds, so there are several ways to wait, and each poller finds out at its start which
//! one this system has: see [`Waiting`]. The kernel adds 50 us of timer slack to every wait of a
//! thread unless it is asked not to; a poller asks. In a simulated run nobody waits: a poller only says
//! what has happened. Not here: timers (the wheel), reading, writing.

mod milliseconds;
#[cfg(target_os = "linux")]
mod nanoseconds;
#[cfg(target_os = "linux")]
mod timer;

use std::io;

use mio::{Interest, Poll, Token, Waker};

use super::memory::Place;
use super::socket::{Listener, Socket};
use milliseconds::Milliseconds;
#[cfg(target_os = "linux")]
use {nanoseconds::Nanoseconds, timer::Timer};

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

/// How a poller waits for an instant; the best way first. All of them promise the same, but for how
/// late they end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waiting {
    /// One call that takes nanoseconds: Linux 5.11 and later.
    #[default]
    Nanoseconds,
    /// A timer among the sockets, set with a call of its own: older kernels, emulators, sandboxes.
    Timer,
    /// Rounded up to whole milliseconds: other systems.
    Milliseconds,
    /// Not at all: whoever drives a simulated run moves its clocks.
    Moved,
}

impl Waiting {
    /// The word for it in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "nanoseconds",
            Self::Timer => "timer",
            Self::Milliseconds => "milliseconds",
            Self::Moved => "moved",
        }
    }
}

/// One thread's poller. Made by the thread that waits on it.
pub struct Poller {
    way: Way,
}

/// A way to wait, with the events of its last wait.
enum Way {
    #[cfg(target_os = "linux")]
    Nanoseconds(Poll, Nanoseconds),
    #[cfg(target_os = "linux")]
    Timer(Poll, Timer),
    Milliseconds(Poll, Milliseconds),
    Moved(Moved),
}

/// That of a place in a network in memory.
struct Moved {
    place: Place,
    events: Vec<Event>,
    capacity: usize,
}

impl Poller {
    /// A poller that returns at most `capacity` events for each wait, and waits in the best way that
    /// there is.
    ///
    /// # Errors
    /// What the kernel says when no epoll descriptor or timer can be made.
    pub fn new(capacity: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        #[cfg(target_os = "linux")]
        let waiting = if Nanoseconds::works(&poll) {
            Waiting::Nanoseconds
        } else {
            Waiting::Timer
        };
        #[cfg(not(target_os = "linux"))]
        let waiting = Waiting::Milliseconds;
        Self::with(poll, waiting, capacity)
    }

    /// A poller that waits in this way, for measuring and testing it.
    ///
    /// # Errors
    /// As for [`Poller::new`]; `Unsupported` on a system that does not have this way, and for
    /// [`Waiting::Moved`], which needs a place.
    pub fn waiting_by(waiting: Waiting, capacity: usize) -> io::Result<Self> {
        Self::with(Poll::new()?, waiting, capacity)
    }

    fn with(poll: Poll, waiting: Waiting, capacity: usize) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            // Fails only on kernels without the call; then waits are 50 us coarser, nothing else.
            let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        }
        let way = match waiting {
            #[cfg(target_os = "linux")]
            Waiting::Nanoseconds => Way::Nanoseconds(poll, Nanoseconds::new(capacity)),
            #[cfg(target_os = "linux")]
            Waiting::Timer => {
                let timer = Timer::new(&poll, capacity)?;
                Way::Timer(poll, timer)
            }
            #[cfg(not(target_os = "linux"))]
            Waiting::Nanoseconds | Waiting::Timer => {
                return Err(io::ErrorKind::Unsupported.into());
            }
            Waiting::Milliseconds => Way::Milliseconds(poll, Milliseconds::new(capacity)),
            Waiting::Moved => return Err(io::ErrorKind::Unsupported.into()),
        };
        Ok(Self { way })
    }

    /// The poller of a place in a network in memory, with at most `capacity` events at once. Its waits
    /// take no time, by whatever clock.
    pub fn at(place: Place, capacity: usize) -> Self {
        Self {
            way: Way::Moved(Moved {
                place,
                events: Vec::with_capacity(capacity),
                capacity,
            }),
        }
    }

    /// How it waits.
    pub fn waiting(&self) -> Waiting {
        match &self.way {
            #[cfg(target_os = "linux")]
            Way::Nanoseconds(..) => Waiting::Nanoseconds,
            #[cfg(target_os = "linux")]
            Way::Timer(..) => Waiting::Timer,
            Way::Milliseconds(..) => Waiting::Milliseconds,
            Way::Moved(_) => Waiting::Moved,
        }
    }

    /// The place that it watches, if that is in a network in memory.
    pub fn place(&self) -> Option<&Place> {
        match &self.way {
            Way::Moved(way) => Some(&way.place),
            _ => None,
        }
    }

    /// The kernel's.
    fn poll(&self) -> io::Result<&Poll> {
        match &self.way {
            #[cfg(target_os = "linux")]
            Way::Nanoseconds(poll, _) | Way::Timer(poll, _) => Ok(poll),
            Way::Milliseconds(poll, _) => Ok(poll),
            Way::Moved(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Watches a socket, both ways and edge-triggered. On Linux the token `usize::MAX` is taken.
    ///
    /// # Errors
    /// What the kernel says; `Unsupported` for a socket of another world.
    pub fn watch(&self, socket: &mut Socket, token: usize) -> io::Result<()> {
        let stream = match socket {
            Socket::Tcp(stream) => stream,
            Socket::Tls(tls) => tls.stream_mut(),
            Socket::TlsServer(tls) => tls.stream_mut(),
            Socket::WebSocket(socket) => return self.watch(socket.socket_mut(), token),
            Socket::Memory(stream) => {
                stream.watch(token);
                return Ok(());
            }
        };
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll()?.registry().register(stream, Token(token), both)
    }

    /// Watches what takes connections, edge-triggered.
    ///
    /// # Errors
    /// As for [`Poller::watch`].
    pub fn watch_listener(&self, listener: &mut Listener, token: usize) -> io::Result<()> {
        match listener {
            Listener::Tcp(listener) => {
                let registry = self.poll()?.registry();
                registry.register(listener, Token(token), Interest::READABLE)
            }
            Listener::Memory(listener) => {
                listener.watch(token);
                Ok(())
            }
        }
    }

    /// A waker whose events carry `token`.
    ///
    /// # Errors
    /// What the kernel says when no event descriptor can be made; `Unsupported` where nobody waits.
    pub fn waker(&self, token: usize) -> io::Result<Waker> {
        Waker::new(self.poll()?.registry(), Token(token))
    }

    /// Waits for an event, at most `timeout_ns` (`None`: as long as it takes; 0: only looks).
    ///
    /// # Errors
    /// What the kernel says; an interrupting signal is not an error but a wait without events.
    pub fn wait(&mut self, timeout_ns: Option<u64>) -> io::Result<()> {
        match &mut self.way {
            #[cfg(target_os = "linux")]
            Way::Nanoseconds(poll, way) => way.wait(poll, timeout_ns),
            #[cfg(target_os = "linux")]
            Way::Timer(poll, way) => way.wait(poll, timeout_ns),
            Way::Milliseconds(poll, way) => way.wait(poll, timeout_ns),
            Way::Moved(way) => {
                way.place.ready(&mut way.events, way.capacity);
                Ok(())
            }
        }
    }

    /// The events of the last wait.
    pub fn events(&self) -> impl Iterator<Item = Event> + '_ {
        (0..self.len()).map(|index| self.event(index))
    }

    /// Number of events of the last wait.
    pub fn len(&self) -> usize {
        match &self.way {
            #[cfg(target_os = "linux")]
            Way::Nanoseconds(_, way) => way.len(),
            #[cfg(target_os = "linux")]
            Way::Timer(_, way) => way.events().len(),
            Way::Milliseconds(_, way) => way.len(),
            Way::Moved(way) => way.events.len(),
        }
    }

    /// Whether the last wait ended without an event.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `index`-th event of the last wait; lets a caller work on itself between two events.
    pub fn event(&self, index: usize) -> Event {
        match &self.way {
            #[cfg(target_os = "linux")]
            Way::Nanoseconds(_, way) => way.event(index),
            #[cfg(target_os = "linux")]
            Way::Timer(_, way) => way.events().event(index),
            Way::Milliseconds(_, way) => way.event(index),
            Way::Moved(way) => way.events[index],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;

    use super::*;
    use crate::event::Clock;

    const LONG: u64 = 5_000_000_000;

    /// One poller of each kind that this system has.
    fn each() -> impl Iterator<Item = Poller> {
        let kinds = if cfg!(target_os = "linux") {
            &[Waiting::Nanoseconds, Waiting::Timer, Waiting::Milliseconds][..]
        } else {
            &[Waiting::Milliseconds]
        };
        kinds.iter().map(|&kind| {
            let poller = Poller::waiting_by(kind, 8).unwrap();
            assert_eq!(poller.waiting(), kind);
            poller
        })
    }

    /// A socket that is watched under `token`, and the far end of it.
    fn watched(poller: &Poller, token: usize) -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let writer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        accepted.set_nonblocking(true).unwrap();
        let mut reader = Socket::Tcp(mio::net::TcpStream::from_std(accepted));
        poller.watch(&mut reader, token).unwrap();
        (reader, writer)
    }

    #[test]
    fn a_wait_without_sources_ends_at_its_timeout_and_not_before() {
        for mut poller in each() {
            let clock = Clock::start();
            for timeout in [3_000_000, 1, 200_000, 50_000, 1_500_000, 1_000_001] {
                let before = clock.now();
                poller.wait(Some(timeout)).unwrap();
                let took = clock.now() - before;
                assert!(took >= timeout, "{:?}: {took}", poller.waiting());
                assert!(poller.is_empty());
            }
        }
    }

    /// A busy machine makes many waits long, but not each of a thousand.
    #[test]
    fn a_wait_can_be_shorter_than_a_millisecond_but_for_the_last_resort() {
        for mut poller in each() {
            let clock = Clock::start();
            let too_long = (0..1_000)
                .map(|_| {
                    let before = clock.now();
                    poller.wait(Some(200_000)).unwrap();
                    clock.now() - before
                })
                .take_while(|&took| took >= 1_000_000)
                .count();
            let rounds_up = poller.waiting() == Waiting::Milliseconds;
            assert_eq!(too_long == 1_000, rounds_up, "{:?}", poller.waiting());
        }
    }

    #[test]
    fn bytes_on_a_socket_are_reported_once_per_edge() {
        for mut poller in each() {
            let (_reader, mut writer) = watched(&poller, 7);
            writer.write_all(b"x").unwrap();
            poller.wait(Some(LONG)).unwrap();
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
            poller.wait(Some(LONG)).unwrap();
            assert!(
                poller
                    .events()
                    .any(|event| event.token == 7 && event.closed)
            );
        }
    }

    #[test]
    fn a_waker_ends_the_wait_of_another_thread() {
        for mut poller in each() {
            // Shared, because a waker that is dropped takes its event with it.
            let waker = Arc::new(poller.waker(99).unwrap());
            let other = waker.clone();
            let thread = std::thread::spawn(move || other.wake().unwrap());
            poller.wait(None).unwrap();
            assert_eq!(poller.event(0).token, 99);
            thread.join().unwrap();
        }
    }

    /// What a worker does: an event ends a wait early, and the next wait is for the same instant, for a
    /// later one, or for none.
    #[test]
    fn an_event_before_the_instant_changes_nothing_about_the_next_waits() {
        for mut poller in each() {
            let (_reader, mut writer) = watched(&poller, 7);
            let clock = Clock::start();
            let first = clock.now() + 20_000_000;
            writer.write_all(b"x").unwrap();
            poller
                .wait(Some(first.saturating_sub(clock.now())))
                .unwrap();
            assert_eq!(poller.len(), 1);

            let left = first.saturating_sub(clock.now());
            poller.wait(Some(left)).unwrap();
            assert!(poller.is_empty() && clock.now() >= first);

            writer.write_all(b"x").unwrap();
            let early = clock.now() + 5_000_000;
            poller.wait(Some(5_000_000)).unwrap();
            assert_eq!(poller.len(), 1);
            let later = early + 5_000_000;
            poller
                .wait(Some(later.saturating_sub(clock.now())))
                .unwrap();
            assert!(poller.is_empty() && clock.now() >= later);

            // An instant that was given up does not end a wait without one.
            writer.write_all(b"x").unwrap();
            poller.wait(Some(5_000_000)).unwrap();
            assert_eq!(poller.len(), 1);
            let waker = Arc::new(poller.waker(99).unwrap());
            let other = waker.clone();
            let thread = std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(10));
                other.wake().unwrap();
            });
            poller.wait(None).unwrap();
            assert_eq!(
                poller.events().map(|event| event.token).collect::<Vec<_>>(),
                [99]
            );
            thread.join().unwrap();
        }
    }

    #[test]
    fn no_more_events_than_asked_for_come_at_once_and_none_is_lost() {
        for mut poller in each() {
            let mut pairs: Vec<_> = (0..20).map(|token| watched(&poller, token)).collect();
            for (_, writer) in &mut pairs {
                writer.write_all(b"x").unwrap();
            }
            let mut seen = std::collections::BTreeSet::new();
            while seen.len() < 20 {
                // A thousandth of a millisecond: where there is a timer, it rings among the events.
                poller.wait(Some(1_000)).unwrap();
                assert!(!poller.is_empty() && poller.len() <= 8);
                seen.extend(poller.events().map(|event| event.token));
            }
            assert!(seen.iter().copied().eq(0..20));
        }
    }
}
