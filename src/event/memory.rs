//! A network in memory, for runs in virtual time: streams of bytes between places, and who may go on.
//!
//! A place is what a thread is elsewhere: a clock of its own, sockets, and a queue of what has become
//! ready. Bytes carry the instant at which they were written and are there for a reader whose clock
//! has come so far, so places may be let go on one after the other, the one with the earliest instant
//! first. Buffers have a limit: what does not fit is not taken, as in a kernel. Unlike there, a stream
//! that is closed with unread bytes in it is no reset for the other side, and bytes are never on their
//! way. Not here: who goes on when (the driver of a simulation), and what the bytes mean.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io::{self, ErrorKind, Read as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::clock::Clock;
use super::poller::Event;

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

/// Takes the streams that lead to an address.
#[derive(Debug)]
pub struct Listener {
    network: Network,
    index: usize,
}

#[derive(Debug)]
struct Streams {
    /// Bytes that wait in one direction of a stream, at most.
    capacity: usize,
    places: Vec<Inside>,
    /// Both ends of a stream lie side by side, from an even number on.
    ends: Vec<End>,
    /// Even numbers of ends that nobody has.
    free: Vec<usize>,
    listening: Vec<Listening>,
    /// Tells edges of one instant apart: they come in the order in which they were made.
    order: u64,
}

#[derive(Debug)]
struct Inside {
    clock: Clock,
    write: Duration,
    edges: BinaryHeap<Reverse<Edge>>,
}

/// Something that becomes ready at an instant.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    at: u64,
    order: u64,
    source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    End(usize),
    Listener(usize),
}

#[derive(Debug)]
struct Listening {
    address: SocketAddr,
    place: usize,
    token: Option<usize>,
    /// Ends to be accepted, each with the instant from which it can be.
    waiting: VecDeque<(u64, usize)>,
}

#[derive(Debug)]
struct End {
    place: usize,
    /// As watched; `None`: not yet.
    token: Option<usize>,
    open: bool,
    incoming: VecDeque<u8>,
    /// The same bytes: when they were written, and how many.
    parts: VecDeque<(u64, usize)>,
    /// When the other side said that no more comes.
    ended: Option<u64>,
    /// Whether the other side was refused room for its bytes.
    awaited: bool,
}

impl Network {
    /// An empty one, whose streams hold `capacity` bytes in each direction.
    pub fn new(capacity: usize) -> Self {
        Self(Arc::new(Mutex::new(Streams {
            capacity,
            places: Vec::new(),
            ends: Vec::new(),
            free: Vec::new(),
            listening: Vec::new(),
            order: 0,
        })))
    }

    /// One more place, with this clock, where each write takes so long.
    pub fn place(&self, clock: Clock, write: Duration) -> Place {
        let mut streams = self.lock();
        streams.places.push(Inside {
            clock,
            write,
            edges: BinaryHeap::new(),
        });
        Place {
            network: self.clone(),
            index: streams.places.len() - 1,
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
        let mut streams = self.network.lock();
        if streams.listening.iter().any(|row| row.address == address) {
            return Err(ErrorKind::AddrInUse.into());
        }
        streams.listening.push(Listening {
            address,
            place: self.index,
            token: None,
            waiting: VecDeque::new(),
        });
        Ok(Listener {
            network: self.network.clone(),
            index: streams.listening.len() - 1,
        })
    }

    /// A stream to whoever listens there; it can be written at once.
    ///
    /// # Errors
    /// `ConnectionRefused`: nobody does.
    pub fn dial(&self, address: SocketAddr) -> io::Result<Stream> {
        let mut streams = self.network.lock();
        let listener = streams
            .listening
            .iter()
            .position(|row| row.address == address)
            .ok_or(ErrorKind::ConnectionRefused)?;
        let there = streams.listening[listener].place;
        let near = streams.pair([self.index, there]);
        let now = streams.places[self.index].clock.now();
        streams.listening[listener]
            .waiting
            .push_back((now, near + 1));
        streams.edge(there, now, Source::Listener(listener));
        Ok(Stream {
            network: self.network.clone(),
            end: near,
        })
    }

    /// When something here becomes ready next; it may be ready already.
    pub fn next(&self) -> Option<u64> {
        let streams = self.network.lock();
        let first = streams.places[self.index].edges.peek();
        first.map(|Reverse(edge)| edge.at)
    }

    /// Replaces `events` by what has become ready, at most `most`.
    pub(super) fn ready(&self, events: &mut Vec<Event>, most: usize) {
        let mut streams = self.network.lock();
        let now = streams.places[self.index].clock.now();
        events.clear();
        while events.len() < most {
            let edges = &mut streams.places[self.index].edges;
            if edges.peek().is_none_or(|Reverse(edge)| edge.at > now) {
                return;
            }
            let Some(Reverse(Edge { source, .. })) = edges.pop() else {
                return;
            };
            let Some(event) = streams.event(source, now) else {
                continue;
            };
            match events.last_mut() {
                Some(last) if last.token == event.token => *last = event,
                _ => events.push(event),
            }
        }
    }
}

impl Stream {
    /// Tells the poller of its place from now on, edge-triggered.
    pub(super) fn watch(&self, token: usize) {
        let mut streams = self.network.lock();
        let end = &mut streams.ends[self.end];
        end.token = Some(token);
        let place = end.place;
        let later: Vec<u64> = end
            .parts
            .iter()
            .map(|part| part.0)
            .chain(end.ended)
            .collect();
        let now = streams.places[place].clock.now();
        streams.edge(place, now, Source::End(self.end));
        for at in later.into_iter().filter(|at| *at > now) {
            streams.edge(place, at, Source::End(self.end));
        }
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

impl Listener {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.network.lock().listening[self.index].address
    }

    /// The next stream.
    ///
    /// # Errors
    /// `WouldBlock` when there is none.
    pub fn accept(&self) -> io::Result<Stream> {
        let mut streams = self.network.lock();
        let place = streams.listening[self.index].place;
        let now = streams.places[place].clock.now();
        let waiting = &mut streams.listening[self.index].waiting;
        let end = match waiting.front() {
            Some(&(at, end)) if at <= now => end,
            _ => return Err(ErrorKind::WouldBlock.into()),
        };
        waiting.pop_front();
        Ok(Stream {
            network: self.network.clone(),
            end,
        })
    }

    /// Tells the poller of its place from now on, edge-triggered.
    pub(super) fn watch(&self, token: usize) {
        self.network.lock().listening[self.index].token = Some(token);
    }
}

impl Streams {
    /// The even one of two new ends at these places.
    fn pair(&mut self, places: [usize; 2]) -> usize {
        let near = self.free.pop().unwrap_or(self.ends.len());
        for (end, place) in (near..).zip(places) {
            let new = End {
                place,
                token: None,
                open: true,
                incoming: VecDeque::new(),
                parts: VecDeque::new(),
                ended: None,
                awaited: false,
            };
            match self.ends.get_mut(end) {
                Some(row) => *row = new,
                None => self.ends.push(new),
            }
        }
        near
    }

    fn edge(&mut self, place: usize, at: u64, source: Source) {
        let order = self.order;
        self.order += 1;
        let edge = Edge { at, order, source };
        self.places[place].edges.push(Reverse(edge));
    }

    /// Something has changed for an end, if anybody watches it.
    fn touch(&mut self, end: usize, at: u64) {
        let row = &self.ends[end];
        if row.open && row.token.is_some() {
            self.edge(row.place, at, Source::End(end));
        }
    }

    /// How a source stands now; `None`: nobody watches it, or nothing can be done with it.
    fn event(&self, source: Source, now: u64) -> Option<Event> {
        let end = match source {
            Source::End(end) => end,
            Source::Listener(listener) => {
                return Some(Event {
                    token: self.listening[listener].token?,
                    readable: true,
                    writable: false,
                    closed: false,
                });
            }
        };
        let (near, far) = (&self.ends[end], &self.ends[end ^ 1]);
        let token = near.token.filter(|_| near.open)?;
        let closed = near.ended.is_some_and(|at| at <= now);
        let event = Event {
            token,
            readable: closed || near.parts.front().is_some_and(|part| part.0 <= now),
            writable: !far.open || far.incoming.len() < self.capacity,
            closed,
        };
        (event.readable || event.writable).then_some(event)
    }

    fn write(&mut self, end: usize, bytes: &[u8]) -> io::Result<usize> {
        let Inside { clock, write, .. } = &self.places[self.ends[end].place];
        clock.sleep(*write);
        let now = clock.now();
        let far = end ^ 1;
        let reader = &mut self.ends[far];
        if !reader.open || reader.ended.is_some() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let count = bytes.len().min(self.capacity - reader.incoming.len());
        reader.awaited |= count < bytes.len();
        if count == 0 && !bytes.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        reader.incoming.extend(&bytes[..count]);
        match reader.parts.back_mut() {
            Some((at, length)) if *at == now => *length += count,
            _ => reader.parts.push_back((now, count)),
        }
        self.touch(far, now);
        Ok(count)
    }

    fn read(&mut self, end: usize, into: &mut [u8]) -> io::Result<usize> {
        let now = self.places[self.ends[end].place].clock.now();
        let row = &mut self.ends[end];
        let mut count = 0;
        while let Some((at, length)) = row.parts.front_mut()
            && *at <= now
            && count < into.len()
        {
            let taken = (*length).min(into.len() - count);
            row.incoming.read_exact(&mut into[count..count + taken])?;
            count += taken;
            *length -= taken;
            if *length == 0 {
                row.parts.pop_front();
            }
        }
        if count == 0 {
            let over = row.parts.is_empty() && row.ended.is_some_and(|at| at <= now);
            return if over || into.is_empty() {
                Ok(0)
            } else {
                Err(ErrorKind::WouldBlock.into())
            };
        }
        if std::mem::take(&mut row.awaited) {
            self.touch(end ^ 1, now);
        }
        Ok(count)
    }

    fn end(&mut self, end: usize) {
        let now = self.places[self.ends[end].place].clock.now();
        let far = end ^ 1;
        if self.ends[far].ended.is_none() {
            self.ends[far].ended = Some(now);
            self.touch(far, now);
        }
    }

    fn close(&mut self, end: usize) {
        self.end(end);
        let now = self.places[self.ends[end].place].clock.now();
        let row = &mut self.ends[end];
        row.open = false;
        row.incoming = VecDeque::new();
        row.parts = VecDeque::new();
        // Who waits for room learns that there will be none.
        self.touch(end ^ 1, now);
        if !self.ends[end ^ 1].open {
            self.free.push(end & !1);
        }
    }
}

#[cfg(test)]
mod tests {
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
    }
}
