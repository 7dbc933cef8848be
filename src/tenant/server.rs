//! The tenant's event loop: one thread, one poller, one wheel.
//!
//! Sockets are accepted, read, written and closed here. Not here: what a packet means
//! (`packets`), what is due (`timers`), what is replied (`platforms`), to whom (`router`).

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::Waker;

use super::agenda::Agenda;
use super::arrivals::Arrivals;
use super::attachment::Attachment;
use super::options::TenantOptions;
use super::packets::Progress;
use super::pending::Pending;
use super::platforms::Platforms;
use super::random::{Random, Stream};
use super::report::TenantReport;
use super::router::Router;
use super::service::Service;
use super::session::{Ending, Stage};
use super::sessions::ConnectionId;
use super::terms;
use super::timers::Timer;
use crate::event::memory::Place;
use crate::event::tls::Acceptor;
use crate::event::{Clock, Event, Listener, Poller, Socket};

pub(super) const LISTENER: usize = 0;
const WAKER: usize = 1;
pub(super) const FIRST_CONNECTION: usize = 2;

const EVENTS: usize = 1_024;
const READ_SIZE: usize = 64 << 10;
/// The beginning of a packet is read on behind, if it is not longer; bytes.
const PARTIAL_SIZE: usize = 4 << 10;
/// Reads of one connection before the others have their turn.
const READS_PER_TURN: usize = 8;

/// When a socket has been read enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// When a read did not fill the buffer: more makes a new edge (epoll(7), question 9).
    Short,
    /// When the socket says so: the end of the stream may be next, and makes no new edge.
    Dry,
}

/// A tenant that listens, or is attached to a broker. [`Server::run`] serves.
pub struct Server {
    pub(super) options: TenantOptions,
    pub(super) clock: Clock,
    pub(super) agenda: Agenda,
    pub(super) router: Router,
    pub(super) platforms: Platforms,
    pub(super) service: Service,
    pub(super) pending: Pending,
    pub(super) arrivals: Option<Arrivals>,
    pub(super) published: bool,
    pub(super) poller: Poller,
    /// `None`: it is attached, or gone (`outage`).
    pub(super) listener: Option<Listener>,
    pub(super) tls: Option<Acceptor>,
    /// `None`: it listens.
    pub(super) attachment: Option<Box<Attachment>>,
    pub(super) stopped: Arc<AtomicBool>,
    pub(super) disconnects: Random,
    pub(super) gaps: Random,
    scratch: Vec<u8>,
    /// Connections that may have more to read than they were given time for.
    unread: Vec<ConnectionId>,
    /// Those of the turn before; kept for its memory, as is `due`.
    reading: Vec<ConnectionId>,
    due: Vec<(u64, Timer)>,
    /// End of the last stall; silence before it is the tenant's own.
    pub(super) thawed_at: u64,
    failure: Option<io::Error>,
}

impl Server {
    /// Listens, and makes everything that [`Server::run`] needs.
    ///
    /// # Errors
    /// What the system says about the address, the arrivals file or the poller.
    pub(super) fn bind(options: TenantOptions) -> io::Result<(Self, Arc<AtomicBool>, Waker)> {
        let tls = options.tls.acceptor()?;
        let listener = Listener::bind(options.listen)?;
        let (mut server, stopped, waker) = Self::awake(Some(listener), options)?;
        server.tls = tls;
        Ok((server, stopped, waker))
    }

    /// On the machine's own clock and sockets, with what ends it from another thread.
    pub(super) fn awake(
        listener: Option<Listener>,
        options: TenantOptions,
    ) -> io::Result<(Self, Arc<AtomicBool>, Waker)> {
        let poller = Poller::new(EVENTS)?;
        let waker = poller.waker(WAKER)?;
        let server = Self::on(Clock::start(), poller, listener, options)?;
        let stopped = Arc::clone(&server.stopped);
        Ok((server, stopped, waker))
    }

    /// A tenant of a simulated run, listening at this place, for [`Server::turn`].
    ///
    /// # Errors
    /// The address is taken; what the system says about the arrivals file.
    pub(super) fn at(clock: Clock, place: Place, options: TenantOptions) -> io::Result<Self> {
        let listener = Listener::Memory(place.listen(options.listen)?);
        Self::on(clock, Poller::at(place, EVENTS), Some(listener), options)
    }

    fn on(
        clock: Clock,
        poller: Poller,
        mut listener: Option<Listener>,
        options: TenantOptions,
    ) -> io::Result<Self> {
        if let Some(listener) = &mut listener {
            poller.watch_listener(listener, LISTENER)?;
        }
        Ok(Self {
            agenda: Agenda::new(clock.now()),
            router: Router::new(&options),
            platforms: Platforms::new(&options),
            service: Service::new(options.service_time, options.servers, options.seed),
            pending: Pending::default(),
            arrivals: options
                .arrivals
                .as_deref()
                .map(Arrivals::create)
                .transpose()?,
            published: false,
            disconnects: Random::new(options.seed, Stream::Disconnects),
            gaps: Random::new(options.seed, Stream::Gaps),
            scratch: vec![0; PARTIAL_SIZE + READ_SIZE],
            unread: Vec::new(),
            reading: Vec::new(),
            due: Vec::new(),
            thawed_at: 0,
            failure: None,
            stopped: Arc::new(AtomicBool::new(false)),
            options,
            clock,
            poller,
            listener,
            tls: None,
            attachment: None,
        })
    }

    /// The address it listens on, or that of the broker it is attached to.
    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        match (&self.listener, &self.attachment) {
            (Some(listener), _) => listener.address(),
            (None, Some(attachment)) => Ok(attachment.address()),
            (None, None) => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Serves until it is stopped.
    ///
    /// # Errors
    /// When the poller fails, or the arrivals file cannot be written.
    pub(super) fn run(mut self) -> io::Result<TenantReport> {
        while !self.stopped.load(Ordering::Acquire) {
            self.turn()?;
        }
        self.finish()
    }

    /// One turn: waits for an event, or until something is due, and does what there is to do. When
    /// something is due next; `None`: not before an event.
    ///
    /// # Errors
    /// When the poller fails.
    pub(super) fn turn(&mut self) -> io::Result<Option<u64>> {
        let timeout = self.timeout();
        self.poller.wait(timeout)?;
        for index in 0..self.poller.len() {
            let event = self.poller.event(index);
            self.handle(event);
        }
        let emptied = std::mem::take(&mut self.reading);
        let mut unread = std::mem::replace(&mut self.unread, emptied);
        for id in unread.drain(..) {
            self.read(id, Until::Dry);
        }
        self.reading = unread;
        let mut due = std::mem::take(&mut self.due);
        self.agenda.expire(self.clock.now(), &mut due);
        for (at, timer) in due.drain(..) {
            self.fire(at, timer);
        }
        self.due = due;
        self.settle();
        Ok(if self.unread.is_empty() {
            self.agenda.next()
        } else {
            Some(0)
        })
    }

    /// The end: what was counted.
    ///
    /// # Errors
    /// The arrivals file could not be written.
    pub(super) fn finish(mut self) -> io::Result<TenantReport> {
        for waiting in self.pending.drain() {
            self.platforms.counts.lost.add(waiting.reply.name);
        }
        self.say_goodbye();
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if let Some(arrivals) = self.arrivals {
            arrivals.finish()?;
        }
        let mut report = TenantReport::from(&self.platforms.counts);
        report.attached = self.attachment.map(|attachment| attachment.report());
        Ok(report)
    }

    fn timeout(&self) -> Option<u64> {
        if !self.unread.is_empty() {
            return Some(0);
        }
        self.agenda.idle_ns(self.clock.now())
    }

    fn handle(&mut self, event: Event) {
        match event.token {
            LISTENER => self.accept(),
            WAKER => {}
            token => {
                let slot = token - FIRST_CONNECTION;
                let Some(id) = self.router.sessions.in_slot(slot) else {
                    return;
                };
                if event.writable {
                    self.router.sessions.flush_one(id);
                }
                if event.closed {
                    self.read(id, Until::Dry);
                } else if event.readable {
                    self.read(id, Until::Short);
                }
                if self.attachment.is_some() {
                    // What had to wait for a handshake, which goes on in reading.
                    self.router.sessions.flush_one(id);
                }
            }
        }
    }

    /// Reads a connection, but not for longer than its turn. What was made while one read was
    /// handled leaves in one write.
    fn read(&mut self, id: ConnectionId, until: Until) {
        for _ in 0..READS_PER_TURN {
            let Some(session) = self.router.sessions.get(id) else {
                return;
            };
            // Behind the beginning of a packet, so that this alone is copied and not what follows.
            let kept = match session.partial.len() {
                few if few <= PARTIAL_SIZE => few,
                _ => 0,
            };
            let free = &mut self.scratch[kept..kept + READ_SIZE];
            let received = session.socket.receive(free);
            let more = |count| session.socket.may_have_more(count, READ_SIZE);
            let (count, full) = match received.map(|count| (count, more(count))) {
                Ok((0, _)) => return self.close(id, Ending::Peer),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.note_trouble(id, &error);
                    return self.close(id, Ending::of(&error));
                }
            };
            let now = self.clock.now();
            session.heard_at = now;
            if let Some(arrivals) = &mut self.arrivals {
                arrivals.read_at(self.clock.monotonic_ns_at_start() + now);
            }
            self.decode(id, kept..kept + count, now);
            self.settle();
            if until == Until::Short && !full {
                return;
            }
        }
        if !self.unread.contains(&id) {
            self.unread.push(id);
        }
    }

    /// Handles what was read to this place of the scratch buffer, after what was kept of earlier
    /// bytes.
    fn decode(&mut self, id: ConnectionId, read: Range<usize>, now: u64) {
        let Some(session) = self.router.sessions.get(id) else {
            return;
        };
        let mut partial = std::mem::take(&mut session.partial);
        let mut scratch = std::mem::take(&mut self.scratch);
        let fits = partial.len() == read.start;
        if fits {
            scratch[..read.start].copy_from_slice(&partial);
        } else {
            partial.extend_from_slice(&scratch[read.clone()]);
        }
        let input = if fits { &scratch[..read.end] } else { &partial };
        match self.packets(id, input, now) {
            Progress::Consumed(used) if fits => {
                partial.clear();
                let rest = &scratch[used..read.end];
                self.router.sessions.keep_partial(id, partial, rest);
            }
            Progress::Consumed(used) => {
                partial.drain(..used);
                if partial.is_empty() {
                    self.router.sessions.keep_partial(id, partial, &[]);
                } else if let Some(session) = self.router.sessions.get(id) {
                    session.partial = partial;
                }
            }
            Progress::Ended(ending) => self.router.sessions.doom(id, ending),
        }
        self.scratch = scratch;
    }

    /// Writes what was made and closes what is to be closed.
    pub(super) fn settle(&mut self) {
        loop {
            self.router.sessions.flush();
            let Some((id, ending)) = self.router.sessions.next_doomed() else {
                return;
            };
            self.close(id, ending);
        }
    }

    pub(super) fn close(&mut self, id: ConnectionId, ending: Ending) {
        if let Some(reason) = terms::farewell(ending) {
            self.farewell(id, reason);
        }
        self.keep(id);
        let Some(mut session) = self.router.sessions.remove(id) else {
            return;
        };
        match &mut session.socket {
            Socket::Tcp(_) | Socket::Memory(_) => {}
            layered => layered.end(),
        }
        self.platforms.closed(id);
        for filter in session.filters.keys() {
            self.router.subscriptions.remove(filter, id);
        }
        if let Some(timer) = session.silence {
            self.agenda.cancel(timer);
        }
        if let Some(reason) = ending.reason() {
            self.platforms.counts.reject(reason);
        }
        if ending != Ending::Peer && session.stage == Stage::Connected {
            self.platforms.counts.disconnected += 1;
        }
        self.detached(id, ending);
    }

    /// Notes the first failure of the arrivals file, and stops writing it.
    pub(super) fn fail(&mut self, failure: io::Error) {
        self.arrivals = None;
        self.failure.get_or_insert(failure);
    }
}
