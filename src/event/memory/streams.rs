//! What the handles of a network in memory stand for: places, ends of streams, listeners, and what
//! becomes ready when.
//!
//! Rows that name each other by number. Not here: who holds them, and locking.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io::{self, ErrorKind, Read as _};
use std::net::SocketAddr;
use std::time::Duration;

use crate::event::clock::Clock;
use crate::event::poller::Event;

#[derive(Debug)]
pub(super) struct Streams {
    /// Bytes that wait in one direction of a stream, at most.
    capacity: usize,
    places: Vec<Inside>,
    /// Both ends of a stream lie side by side, from an even number on.
    ends: Vec<End>,
    /// Even numbers of ends that nobody has.
    pub(super) free: Vec<usize>,
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
    open: bool,
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

impl Streams {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            places: Vec::new(),
            ends: Vec::new(),
            free: Vec::new(),
            listening: Vec::new(),
            order: 0,
        }
    }

    /// One more place; its number.
    pub(super) fn add_place(&mut self, clock: Clock, write: Duration) -> usize {
        self.places.push(Inside {
            clock,
            write,
            edges: BinaryHeap::new(),
        });
        self.places.len() - 1
    }

    /// One more listener; its number.
    pub(super) fn listen(&mut self, place: usize, address: SocketAddr) -> io::Result<usize> {
        if self.listener_at(address).is_some() {
            return Err(ErrorKind::AddrInUse.into());
        }
        self.listening.push(Listening {
            address,
            open: true,
            place,
            token: None,
            waiting: VecDeque::new(),
        });
        Ok(self.listening.len() - 1)
    }

    /// Who listens at an address.
    fn listener_at(&self, address: SocketAddr) -> Option<usize> {
        let mut rows = self.listening.iter();
        rows.position(|row| row.open && row.address == address)
    }

    /// A listener takes no more streams, and those that wait for it are closed.
    pub(super) fn unlisten(&mut self, listener: usize) {
        let row = &mut self.listening[listener];
        row.open = false;
        for (_, end) in std::mem::take(&mut row.waiting) {
            self.close(end);
        }
    }

    pub(super) fn address(&self, listener: usize) -> SocketAddr {
        self.listening[listener].address
    }

    pub(super) fn watch_listener(&mut self, listener: usize, token: usize) {
        self.listening[listener].token = Some(token);
    }

    /// The near end of a new stream.
    pub(super) fn dial(&mut self, place: usize, address: SocketAddr) -> io::Result<usize> {
        let found = self.listener_at(address);
        let listener = found.ok_or(ErrorKind::ConnectionRefused)?;
        let there = self.listening[listener].place;
        let near = self.pair([place, there]);
        let now = self.places[place].clock.elapsed();
        self.listening[listener].waiting.push_back((now, near + 1));
        self.edge(there, now, Source::Listener(listener));
        Ok(near)
    }

    /// The far end of the stream that waits longest.
    pub(super) fn accept(&mut self, listener: usize) -> io::Result<usize> {
        let Listening { place, waiting, .. } = &mut self.listening[listener];
        let now = self.places[*place].clock.elapsed();
        match waiting.front() {
            Some((at, _)) if *at <= now => {}
            _ => return Err(ErrorKind::WouldBlock.into()),
        }
        let accepted = waiting.pop_front().map(|(_, end)| end);
        accepted.ok_or_else(|| ErrorKind::WouldBlock.into())
    }

    /// Edges of this end are told from now on, that of how it stands at first.
    pub(super) fn watch(&mut self, end: usize, token: usize) {
        let row = &mut self.ends[end];
        row.token = Some(token);
        let place = row.place;
        let known = row.parts.iter().map(|part| part.0).chain(row.ended);
        let known: Vec<u64> = known.collect();
        let now = self.places[place].clock.elapsed();
        self.edge(place, now, Source::End(end));
        for at in known.into_iter().filter(|at| *at > now) {
            self.edge(place, at, Source::End(end));
        }
    }

    /// When something becomes ready at a place; it may be so already.
    pub(super) fn next(&self, place: usize) -> Option<u64> {
        let first = self.places[place].edges.peek();
        first.map(|Reverse(edge)| edge.at)
    }

    /// Replaces `events` by what has become ready at a place, at most `most`.
    pub(super) fn ready(&mut self, place: usize, events: &mut Vec<Event>, most: usize) {
        let now = self.places[place].clock.elapsed();
        events.clear();
        while events.len() < most && self.next(place).is_some_and(|at| at <= now) {
            let Some(Reverse(edge)) = self.places[place].edges.pop() else {
                return;
            };
            let Some(event) = self.event(edge.source, now) else {
                continue;
            };
            match events.last_mut() {
                Some(last) if last.token == event.token => *last = event,
                _ => events.push(event),
            }
        }
    }

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

    pub(super) fn write(&mut self, end: usize, bytes: &[u8]) -> io::Result<usize> {
        let Inside { clock, write, .. } = &self.places[self.ends[end].place];
        clock.sleep(*write);
        let now = clock.elapsed();
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

    pub(super) fn read(&mut self, end: usize, into: &mut [u8]) -> io::Result<usize> {
        let now = self.places[self.ends[end].place].clock.elapsed();
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

    pub(super) fn end(&mut self, end: usize) {
        let now = self.places[self.ends[end].place].clock.elapsed();
        let far = end ^ 1;
        if self.ends[far].ended.is_none() {
            self.ends[far].ended = Some(now);
            self.touch(far, now);
        }
    }

    pub(super) fn close(&mut self, end: usize) {
        self.end(end);
        let now = self.places[self.ends[end].place].clock.elapsed();
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
