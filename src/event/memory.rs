//! A network in memory, for runs in virtual time: streams of bytes between places, and who may go on.
//!
//! A place is what a thread is elsewhere: a clock of its own, sockets, and a queue of what has become
//! ready. Bytes carry the instant at which they were written and are there for a reader whose clock
//! has come so far, so places may be let go on one after the other, the one with the earliest instant
//! first. Buffers have a limit: what does not fit is not taken, as in a kernel. Unlike there, a stream
//! that is closed with unread bytes in it is no reset for the other side, and bytes are never on their
//! way. Not here: who goes on when (the driver of a simulation), and what the bytes mean.

mod streams;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::clock::Clock;
use super::poller::Event;
use streams::Streams;

/// Where streams lead from place to place. Copies are the same network.
#[derive(Debug, Clone)]
pub struct Network(Arc<Mutex<Streams>>);

/// Whose clock, sockets and events it is. Copies are the same place.
#[derive(Debug, Clone)]
pub struct Place {
    network: Network,
    index: usize,
}

/// One end of a stream; dropped, it is closed.
#[derive(Debug)]
pub struct Stream {
    network: Network,
    end: usize,
}

/// Takes the streams that lead to an address; dropped, it does so no more.
#[derive(Debug)]
pub struct Listener {
    network: Network,
    index: usize,
}

impl Network {
    /// An empty one, whose streams hold `capacity` bytes in each direction.
    pub fn new(capacity: usize) -> Self {
        Self(Arc::new(Mutex::new(Streams::new(capacity))))
    }

    /// One more place, with this clock, where each write takes so long.
    pub fn place(&self, clock: Clock, write: Duration) -> Place {
        Place {
            index: self.lock().add_place(clock, write),
            network: self.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Takes the streams that lead to this address from now on.
    ///
    /// # Errors
    /// `AddrInUse`.
    pub fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        Ok(Listener {
            index: self.network.lock().listen(self.index, address)?,
            network: self.network.clone(),
        })
    }

    /// A stream to whoever listens there; it can be written at once.
    ///
    /// # Errors
    /// `ConnectionRefused`: nobody does.
    pub fn dial(&self, address: SocketAddr) -> io::Result<Stream> {
        Ok(Stream {
            end: self.network.lock().dial(self.index, address)?,
            network: self.network.clone(),
        })
    }

    /// When something here becomes ready next; it may be ready already.
    pub fn next(&self) -> Option<u64> {
        self.network.lock().next(self.index)
    }

    /// Replaces `events` by what has become ready, at most `most`.
    pub(super) fn ready(&self, events: &mut Vec<Event>, most: usize) {
        self.network.lock().ready(self.index, events, most);
    }
}

impl Stream {
    /// Tells the poller of its place from now on, edge-triggered.
    pub(super) fn watch(&self, token: usize) {
        self.network.lock().watch(self.end, token);
    }

    /// Reads what is there, at most as much as fits; 0 is the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there.
    pub fn receive(&self, into: &mut [u8]) -> io::Result<usize> {
        self.network.lock().read(self.end, into)
    }

    /// Writes as much as there is room for.
    ///
    /// # Errors
    /// `WouldBlock` when there is none; `BrokenPipe` when nobody will read it.
    pub fn transmit(&self, bytes: &[u8]) -> io::Result<usize> {
        self.network.lock().write(self.end, bytes)
    }

    /// Says that nothing more will be written.
    pub fn end(&self) {
        self.network.lock().end(self.end);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.network.lock().close(self.end);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.network.lock().unlisten(self.index);
    }
}

impl Listener {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.network.lock().address(self.index)
    }

    /// The next stream.
    ///
    /// # Errors
    /// `WouldBlock` when there is none.
    pub fn accept(&self) -> io::Result<Stream> {
        Ok(Stream {
            end: self.network.lock().accept(self.index)?,
            network: self.network.clone(),
        })
    }

    /// Tells the poller of its place from now on, edge-triggered.
    pub(super) fn watch(&self, token: usize) {
        self.network.lock().watch_listener(self.index, token);
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    const ADDRESS: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7);

    /// A stream whose near end is watched as 1 and whose far end as 2, and both places with their clocks.
    struct Pair {
        near: Stream,
        far: Stream,
        here: (Place, Clock),
        there: (Place, Clock),
    }

    fn pair(capacity: usize) -> Pair {
        let network = Network::new(capacity);
        let [here, there] = [0, 3].map(|cost| {
            let clock = Clock::standing(0);
            (network.place(clock, Duration::from_nanos(cost)), clock)
        });
        let listener = there.0.listen(ADDRESS).unwrap();
        listener.watch(9);
        let near = here.0.dial(ADDRESS).unwrap();
        near.watch(1);
        assert_eq!(events(&there.0), [(9, true, false, false)]);
        let far = listener.accept().unwrap();
        far.watch(2);
        let pair = Pair {
            near,
            far,
            here,
            there,
        };
        for (place, token) in [(&pair.here.0, 1), (&pair.there.0, 2)] {
            assert_eq!(
                events(place),
                [(token, false, true, false)],
                "it can be written"
            );
        }
        pair
    }

    /// Token, readable, writable, closed.
    fn events(place: &Place) -> Vec<(usize, bool, bool, bool)> {
        let mut events = Vec::new();
        place.ready(&mut events, 8);
        let told = |event: &Event| (event.token, event.readable, event.writable, event.closed);
        events.iter().map(told).collect()
    }

    fn kind(result: io::Result<usize>) -> ErrorKind {
        result.unwrap_err().kind()
    }

    #[test]
    fn bytes_are_there_when_the_reader_has_come_to_the_instant_of_their_write() {
        let Pair {
            near,
            far,
            here,
            there,
        } = pair(100);
        here.1.move_to(50);
        assert_eq!(near.transmit(b"one").unwrap(), 3);
        here.1.move_to(70);
        assert_eq!(near.transmit(b"two").unwrap(), 3);
        let mut buffer = [0; 16];
        there.1.move_to(49);
        assert_eq!(kind(far.receive(&mut buffer)), ErrorKind::WouldBlock);
        assert_eq!((there.0.next(), events(&there.0)), (Some(50), vec![]));
        there.1.move_to(50);
        assert_eq!(events(&there.0), [(2, true, true, false)]);
        assert_eq!(events(&there.0), [], "an edge comes once");
        assert_eq!(far.receive(&mut buffer[..2]).unwrap(), 2);
        assert_eq!(
            far.receive(&mut buffer[2..]).unwrap(),
            1,
            "not what comes later"
        );
        assert_eq!((&buffer[..3], there.0.next()), (&b"one"[..], Some(70)));
        there.1.move_to(80);
        assert_eq!(events(&there.0), [(2, true, true, false)]);
        assert_eq!(far.receive(&mut buffer).unwrap(), 3);
        // A write there takes 3 ns, and arrives after them.
        assert_eq!(far.transmit(b"back").unwrap(), 4);
        assert_eq!((there.1.now(), here.0.next()), (83, Some(83)));
    }

    #[test]
    fn a_full_buffer_takes_a_part_then_nothing_and_says_when_there_is_room() {
        let Pair {
            near, far, here, ..
        } = pair(4);
        assert_eq!(near.transmit(b"123").unwrap(), 3);
        assert_eq!(near.transmit(b"456").unwrap(), 1);
        assert_eq!(kind(near.transmit(b"56")), ErrorKind::WouldBlock);
        assert_eq!(events(&here.0), []);
        let mut buffer = [0; 3];
        assert_eq!(far.receive(&mut buffer).unwrap(), 3);
        assert_eq!(events(&here.0), [(1, false, true, false)]);
        assert_eq!(near.transmit(b"56").unwrap(), 2);
        assert_eq!(far.receive(&mut buffer).unwrap(), 3);
        assert_eq!(&buffer, b"456");
        assert_eq!(events(&here.0), [], "nobody was refused room in between");
    }

    #[test]
    fn an_end_comes_after_the_bytes_and_one_that_is_gone_takes_none() {
        let Pair {
            near,
            far,
            here,
            there,
        } = pair(100);
        near.transmit(b"last").unwrap();
        near.end();
        assert_eq!(kind(near.transmit(b"more")), ErrorKind::BrokenPipe);
        assert_eq!(events(&there.0), [(2, true, true, true)]);
        let mut buffer = [0; 8];
        assert_eq!(far.receive(&mut buffer).unwrap(), 4);
        assert_eq!(far.receive(&mut buffer).unwrap(), 0);
        assert_eq!(far.transmit(b"answer").unwrap(), 6, "half of it is open");
        drop(far);
        here.1.move_to(10);
        assert_eq!(events(&here.0), [(1, true, true, true)]);
        assert_eq!(near.receive(&mut buffer).unwrap(), 6);
        assert_eq!(near.receive(&mut buffer).unwrap(), 0);
        assert_eq!(kind(near.transmit(b"x")), ErrorKind::BrokenPipe);
        let network = here.0.network.clone();
        drop(near);
        assert_eq!(network.lock().free, [0], "both ends are nobody's");
    }

    #[test]
    fn an_address_has_one_listener_and_without_one_refuses() {
        let network = Network::new(1);
        let place = network.place(Clock::standing(0), Duration::ZERO);
        let refused = place.dial(ADDRESS).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let listener = place.listen(ADDRESS).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(listener.address(), ADDRESS);
        let taken = place.listen(ADDRESS).unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        // Who was not accepted learns that nobody will; and the address is free again.
        let waiting = place.dial(ADDRESS).unwrap();
        drop(listener);
        assert_eq!(waiting.receive(&mut [0]).unwrap(), 0);
        let refused = place.dial(ADDRESS).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        place.listen(ADDRESS).unwrap();
    }
}
