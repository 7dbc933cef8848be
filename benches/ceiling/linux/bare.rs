//! The bare loop: packets that were encoded before it began, one system call for each write.
//!
//! What it does not do is the point: no fields per message, no tables, no ledger, no timers beside
//! the one that paces. Its packets are the engine's first ones, so both send equal bytes. Where it has
//! to read, it counts whole packets and looks at none.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::time::Duration;

use midge::event::Clock;
use midge::measure::{Bounds, Distribution, Population, Samples};
use midge::mqtt::{Connect, Properties, Version};
use midge::plan::{Captures, ConnectionRole, Message, Moment, Plan, Sheet};
use midge::profile::Model;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::mode::Loop;
use super::order::Order;
use super::turn::{Lag, Turn};
use super::window::{Meter, Window};
use super::wire::Counter;

/// How long the far side may take to answer what it has to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Writes between two looks at the clock where nothing else asks for one.
const WRITES: u64 = 1_024;
const EVENTS: usize = 512;
const BUFFER: usize = 4_096;

/// Connections and their packets.
struct Bare {
    sockets: Vec<TcpStream>,
    packets: Vec<Vec<u8>>,
    clock: Clock,
    window: Window,
    /// Messages that were written.
    sent: u64,
    replies: Replies,
}

/// Runs the order.
pub fn drive(order: &Order) -> io::Result<Turn> {
    let mode = order.mode();
    let (loaded, plan) = mode.load(order.endpoints, order.warm_up, order.window);
    let per_write = match mode.bare {
        Loop::Flood { per_write } => per_write,
        Loop::Closed | Loop::Paced => 1,
    };
    let packets = (0..plan.endpoints).map(|endpoint| packet(&plan, endpoint).repeat(per_write));
    let packets: Vec<Vec<u8>> = packets.collect();
    let meter = Meter::of(mode.far, order.target)?;
    let sockets = connect(&plan, order)?;
    let clock = Clock::start();
    let mut bare = Bare {
        packets,
        clock,
        window: Window::new(meter, clock.now(), order.warm_up, order.window),
        sent: 0,
        replies: Replies::new(&sockets)?,
        sockets,
    };
    let mut lag = None;
    match mode.bare {
        Loop::Flood { per_write } => bare.flood(per_write as u64)?,
        Loop::Closed => bare.closed()?,
        Loop::Paced => {
            let Model::Open(rate) = loaded.profile.load.model else {
                panic!("{} has no arrival rate", order.mode);
            };
            lag = bare.paced(rate.0)?;
        }
    }
    bare.window.meter.agrees(bare.sent)?;
    Ok(bare.window.turn(bare.sent, lag))
}

/// The first message of an endpoint, as the engine would send it.
fn packet(plan: &Plan, endpoint: u32) -> Vec<u8> {
    let message = Message {
        endpoint,
        request_id: 10,
        packet_id: 1,
        moment: &Moment::at(1_800_000_000_000_000_000),
        identities: &plan.identities,
        captures: &Captures::new(),
    };
    let mut bytes = Sheet::default();
    plan.requests[0].encode(&mut bytes, &message, &mut vec![0; plan.state_words]);
    bytes.into()
}

/// All connections; CONNACK of the first is read when CONNECT of the last is written.
fn connect(plan: &Plan, order: &Order) -> io::Result<Vec<TcpStream>> {
    let mut sockets = Vec::new();
    for endpoint in 0..plan.endpoints {
        let mut client_id = String::new();
        plan.client_id(endpoint, ConnectionRole::Main, &mut client_id);
        let connect = Connect {
            clean_session: true,
            keep_alive: 0,
            client_id: &client_id,
            username: None,
            password: None,
            will: None,
            properties: Properties::NONE,
        };
        let mut bytes = Vec::new();
        connect
            .write(Version::V311, &mut bytes)
            .expect("a client ID");
        let mut socket = TcpStream::connect(order.target)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.write_all(&bytes)?;
        sockets.push(socket);
    }
    for mut socket in &sockets {
        let mut connack = [0; 4];
        socket.read_exact(&mut connack)?;
        if connack != [0x20, 2, 0, 0] {
            return Err(io::Error::other(format!("CONNACK is {connack:?}")));
        }
        socket.set_nonblocking(true)?;
    }
    Ok(sockets)
}

impl Bare {
    fn flood(&mut self, per_write: u64) -> io::Result<()> {
        let (mut at, mut done, mut writes) = (0, 0, 0_u64);
        loop {
            if writes.is_multiple_of(WRITES) && self.window.is_over(self.clock.now())? {
                break;
            }
            let left = &self.packets[at][done..];
            match send(&self.sockets[at], left, SendFlags::NOSIGNAL) {
                Ok(written) if written == left.len() => {
                    writes += 1;
                    done = 0;
                    at += 1;
                    if at == self.sockets.len() {
                        at = 0;
                    }
                }
                Ok(written) => done += written,
                Err(Errno::AGAIN) => {
                    takes_bytes(&self.sockets[at])?;
                    if self.window.is_over(self.clock.now())? {
                        break;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        if done > 0 {
            // What was begun is ended, so that the counts agree.
            self.sockets[at].set_nonblocking(false)?;
            self.sockets[at].write_all(&self.packets[at][done..])?;
            writes += 1;
        }
        self.sent = writes * per_write;
        Ok(())
    }

    fn closed(&mut self) -> io::Result<()> {
        for at in 0..self.sockets.len() {
            self.write(at)?;
        }
        let mut over = false;
        while !over {
            self.replies.wait(Duration::from_millis(100))?;
            over = self.window.is_over(self.clock.now())?;
            for index in 0..self.replies.ready() {
                let at = self.replies.read(index, &self.sockets)?;
                if let (Some(at), false) = (at, over) {
                    self.write(at)?;
                }
            }
        }
        self.await_replies()
    }

    /// How late its writes in the window were.
    fn paced(&mut self, per_s: f64) -> io::Result<Option<Lag>> {
        // As the engine's poller does: waits are not rounded up by 50 us.
        rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
        let period_ns = 1e9 / per_s;
        let mut lag = Samples::new(Bounds::up_to(0));
        lag.prepare();
        let begun = self.clock.now();
        let mut at = 0;
        loop {
            let turn = self.clock.now();
            if self.window.is_over(turn)? {
                break;
            }
            let (mut now, mut due) = (turn, self.due(begun, period_ns));
            // What comes due while it catches up waits for the next turn: replies have theirs too.
            while due <= turn {
                self.write(at)?;
                if self.window.is_open() {
                    lag.record(now - due);
                }
                at = (at + 1) % self.sockets.len();
                due = self.due(begun, period_ns);
                now = self.clock.now();
            }
            self.replies
                .wait(Duration::from_nanos(due.saturating_sub(now)))?;
            for index in 0..self.replies.ready() {
                self.replies.read(index, &self.sockets)?;
            }
        }
        self.await_replies()?;
        let all = Population {
            planned: lag.count(),
            longest_unanswered_ns: 0,
        };
        Ok(Lag::of(&Distribution::of(&lag, all)))
    }

    /// When the next message is due, ns.
    fn due(&self, begun: u64, period_ns: f64) -> u64 {
        begun + (self.sent as f64 * period_ns) as u64
    }

    /// One message, whole: what paces or waits for replies never fills a socket.
    fn write(&mut self, at: usize) -> io::Result<()> {
        let packet = &self.packets[at];
        let written = send(&self.sockets[at], packet, SendFlags::NOSIGNAL)?;
        if written < packet.len() {
            return Err(io::Error::other("the far side does not read"));
        }
        self.sent += 1;
        Ok(())
    }

    /// Every message must have its reply in the end.
    fn await_replies(&mut self) -> io::Result<()> {
        let begun = self.clock.now();
        while self.replies.count < self.sent {
            if self.clock.now() - begun > PATIENCE.as_nanos() as u64 {
                let (sent, count) = (self.sent, self.replies.count);
                let told = format!("{sent} messages were sent and {count} were answered");
                return Err(io::Error::other(told));
            }
            self.replies.wait(Duration::from_millis(10))?;
            for index in 0..self.replies.ready() {
                self.replies.read(index, &self.sockets)?;
            }
        }
        Ok(())
    }
}

/// What comes back.
struct Replies {
    epoll: OwnedFd,
    events: Vec<Event>,
    buffer: Vec<u8>,
    counters: Vec<Counter>,
    /// Packets so far.
    count: u64,
}

impl Replies {
    fn new(sockets: &[TcpStream]) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        for (at, socket) in sockets.iter().enumerate() {
            let data = EventData::new_u64(at as u64);
            // Edges: one read takes all that a connection can have here, and the kernel forgets it.
            epoll::add(&epoll, socket, data, EventFlags::IN | EventFlags::ET)?;
        }
        Ok(Self {
            epoll,
            events: Vec::with_capacity(EVENTS),
            buffer: vec![0; BUFFER],
            counters: sockets.iter().map(|_| Counter::default()).collect(),
            count: 0,
        })
    }

    /// Waits for an event, at most so long (`epoll_pwait2`).
    fn wait(&mut self, at_most: Duration) -> io::Result<()> {
        let timeout = Timespec {
            tv_sec: at_most.as_secs().cast_signed(),
            tv_nsec: i64::from(at_most.subsec_nanos()),
        };
        self.events.clear();
        let spare = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, spare, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Events of the last wait.
    fn ready(&self) -> usize {
        self.events.len()
    }

    /// One read for one event; the connection, if it had a whole packet.
    fn read(&mut self, event: usize, sockets: &[TcpStream]) -> io::Result<Option<usize>> {
        let at = self.events[event].data.u64() as usize;
        let (read, _) = match recv(&sockets[at], &mut self.buffer[..], RecvFlags::empty()) {
            Ok((0, _)) => return Err(io::Error::other("the far side has closed a connection")),
            Ok(read) => read,
            Err(Errno::AGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let packets = self.counters[at].count(&self.buffer[..read]);
        self.count += packets;
        Ok((packets > 0).then_some(at))
    }
}

/// Waits a while for a full socket.
fn takes_bytes(socket: &TcpStream) -> io::Result<()> {
    let while_ = Timespec {
        tv_sec: 0,
        tv_nsec: 100_000_000,
    };
    let mut sockets = [PollFd::new(socket, PollFlags::OUT)];
    poll(&mut sockets, Some(&while_))?;
    Ok(())
}
