//! The null broker: acknowledges, counts and forgets, from one loop over epoll.
//!
//! It looks at nothing that it does not need: fixed header and remaining length of every packet, the
//! packet ID where there is one. A packet of the reserved kind 0 asks for its counters. It ends when
//! its standard input is closed. MQTT 3.1.1 only. Not here: topics, subscriptions, sessions, checks;
//! nothing is ever delivered.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use midge::event::Clock;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::{Domain, Socket, Type};

use super::cpu::cpu_ns;
use super::far::LISTENING;
use super::wire::{Cut, cut};

/// Asks for the counters: kind 0, nothing in it.
pub const ASK: [u8; 2] = [0, 0];
/// The answer: messages, ns of the sink's clock, ns of its processor time, big-endian.
pub const ANSWER: usize = 24;

// Where events come from; connections are numbered from the last one on.
const LISTENER: u64 = 0;
const STDIN: u64 = 1;
const CONNECTIONS: u64 = 2;

const EVENTS: usize = 512;
const BUFFER: usize = 128 << 10;
const BACKLOG: i32 = 4_096;

/// A client.
struct Session {
    socket: TcpStream,
    /// The beginning of a packet whose end has not come.
    rest: Vec<u8>,
}

struct Sink {
    epoll: OwnedFd,
    listener: TcpListener,
    sessions: Vec<Option<Session>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
    answers: Answers,
}

/// Serves until standard input is closed.
pub fn run() -> io::Result<()> {
    let listener = listen()?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let watch = |token| (EventData::new_u64(token), EventFlags::IN);
    let (data, flags) = watch(LISTENER);
    epoll::add(&epoll, &listener, data, flags)?;
    let (data, flags) = watch(STDIN);
    epoll::add(&epoll, io::stdin(), data, flags)?;
    eprintln!("{LISTENING}{}", listener.local_addr()?);
    let mut sink = Sink {
        epoll,
        listener,
        sessions: Vec::new(),
        free: Vec::new(),
        buffer: vec![0; BUFFER],
        answers: Answers::new(),
    };
    let mut events = Vec::with_capacity(EVENTS);
    loop {
        events.clear();
        let spare = rustix::buffer::spare_capacity(&mut events);
        match epoll::wait(&sink.epoll, spare, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            match event.data.u64() {
                LISTENER => sink.accept()?,
                STDIN => return Ok(()),
                token => sink.look((token - CONNECTIONS) as usize),
            }
        }
    }
}

/// Loopback, a free port, room for a whole fleet that connects at once.
fn listen() -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

impl Sink {
    fn accept(&mut self) -> io::Result<()> {
        loop {
            let socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            socket.set_nonblocking(true)?;
            socket.set_nodelay(true)?;
            let slot = self.free.pop().unwrap_or_else(|| {
                self.sessions.push(None);
                self.sessions.len() - 1
            });
            let data = EventData::new_u64(CONNECTIONS + slot as u64);
            epoll::add(&self.epoll, &socket, data, EventFlags::IN)?;
            let rest = Vec::new();
            self.sessions[slot] = Some(Session { socket, rest });
        }
    }

    /// Something has come on a connection: bytes or its end.
    fn look(&mut self, slot: usize) {
        let Some(session) = &mut self.sessions[slot] else {
            return;
        };
        if session.serve(&mut self.buffer, &mut self.answers).is_none() {
            self.sessions[slot] = None;
            self.free.push(slot);
        }
    }
}

impl Session {
    /// One read, and what it asks for; `None`: the connection is over.
    fn serve(&mut self, buffer: &mut [u8], answers: &mut Answers) -> Option<()> {
        let before = self.rest.len();
        buffer[..before].copy_from_slice(&self.rest);
        let read = match recv(&self.socket, &mut buffer[before..], RecvFlags::empty()) {
            Ok((0, _)) => return None,
            Ok((read, _)) => read,
            Err(Errno::AGAIN | Errno::INTR) => return Some(()),
            Err(_) => return None,
        };
        let bytes = &buffer[..before + read];
        let eaten = answers.eat(bytes)?;
        self.rest.clear();
        self.rest.extend_from_slice(&bytes[eaten..]);
        answers.flush(&self.socket)
    }
}

/// What is counted, and what is to be written to the connection that was just read.
struct Answers {
    messages: u64,
    clock: Clock,
    out: Vec<u8>,
}

impl Answers {
    fn new() -> Self {
        Self {
            messages: 0,
            clock: Clock::start(),
            out: Vec::with_capacity(BUFFER),
        }
    }

    /// All whole packets: where they end. `None`: this is no MQTT, or a farewell.
    fn eat(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            match cut(&bytes[at..]) {
                Cut::Packet { body, end } => {
                    self.answer(bytes[at], &bytes[at + body..at + end])?;
                    at += end;
                }
                Cut::Partial => return Some(at),
                Cut::Broken => return None,
            }
        }
    }

    fn answer(&mut self, first: u8, body: &[u8]) -> Option<()> {
        match first >> 4 {
            // PUBLISH; PUBACK or PUBREC with its packet ID.
            3 => {
                self.messages += 1;
                let qos = first >> 1 & 3;
                if qos > 0 {
                    let id = 2 + number(body)?;
                    let kind = if qos == 1 { 0x40 } else { 0x50 };
                    self.acknowledge(kind, body.get(id..id + 2)?);
                }
            }
            // CONNECT, CONNACK.
            1 => self.out.extend([0x20, 2, 0, 0]),
            // PUBREL, PUBCOMP.
            6 => self.acknowledge(0x70, body.get(..2)?),
            8 => self.subscribed(body)?,
            // PINGREQ, PINGRESP.
            12 => self.out.extend([0xd0, 0]),
            0 => {
                for count in [self.messages, self.clock.now(), cpu_ns()] {
                    self.out.extend(count.to_be_bytes());
                }
            }
            // DISCONNECT.
            14 => return None,
            _ => {}
        }
        Some(())
    }

    fn acknowledge(&mut self, kind: u8, id: &[u8]) {
        self.out.extend([kind, 2]);
        self.out.extend(id);
    }

    /// SUBSCRIBE; SUBACK grants each filter what it asked for.
    fn subscribed(&mut self, body: &[u8]) -> Option<()> {
        let mut codes = Vec::new();
        let mut filters = body.get(2..)?;
        while !filters.is_empty() {
            let qos = 2 + number(filters)?;
            codes.push(*filters.get(qos)?);
            filters = &filters[qos + 1..];
        }
        // More filters than fit into one byte of remaining length are none of ours.
        let length = u8::try_from(2 + codes.len()).ok().filter(|it| *it < 128)?;
        self.out.extend([0x90, length]);
        self.out.extend(&body[..2]);
        self.out.extend(codes);
        Some(())
    }

    fn flush(&mut self, socket: &TcpStream) -> Option<()> {
        let mut done = 0;
        while done < self.out.len() {
            match send(socket, &self.out[done..], SendFlags::NOSIGNAL) {
                Ok(written) => done += written,
                Err(Errno::AGAIN) if takes_bytes(socket) => {}
                Err(_) => break,
            }
        }
        let all = done == self.out.len();
        self.out.clear();
        all.then_some(())
    }
}

/// Waits a second for a client to read; one that does not is given up.
fn takes_bytes(socket: &TcpStream) -> bool {
    let second = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    let mut sockets = [PollFd::new(socket, PollFlags::OUT)];
    poll(&mut sockets, Some(&second)).is_ok_and(|ready| ready > 0)
}

/// The 16 bits in front of a text.
fn number(bytes: &[u8]) -> Option<usize> {
    let (number, _) = bytes.split_first_chunk::<2>()?;
    Some(usize::from(u16::from_be_bytes(*number)))
}
