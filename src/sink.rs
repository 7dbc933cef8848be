//! The null broker, which this machine's ceiling is measured against: it acknowledges, counts and forgets.
//!
//! It looks at nothing that it does not need: fixed header and remaining length of every packet, the
//! packet ID where there is one. A packet of the reserved kind 0 asks for its [`Counts`]. MQTT 3.1.1
//! only. Not here: topics, subscriptions, sessions, checks; nothing is ever delivered.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};
use socket2::{Domain, Socket, Type};

use crate::event::monotonic_ns;

mod wire;

pub use wire::{Cut, cut};

/// Asks for the counts: kind 0, nothing in it.
const ASK: [u8; 2] = [0, 0];

// Where events come from; connections are numbered from the last one on.
const LISTENER: usize = 0;
const WAKER: usize = 1;
const CONNECTIONS: usize = 2;

const EVENTS: usize = 512;
const BUFFER: usize = 128 << 10;
const BACKLOG: i32 = 4_096;

/// What a sink has seen so far. Instants are those of `CLOCK_MONOTONIC`, which all processes share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// PUBLISH packets.
    pub messages: u64,
    /// When it counted, ns.
    pub at_ns: u64,
    /// Processor time of its process until then, ns.
    pub cpu_ns: u64,
    /// CONNECT packets.
    pub connects: u64,
    /// When the first of them was read, ns.
    pub first_connect_ns: u64,
    /// When the last of them was read, ns.
    pub last_connect_ns: u64,
}

impl Counts {
    const BYTES: usize = 6 * size_of::<u64>();

    /// Asks a sink over a connection that is used for nothing else.
    ///
    /// # Errors
    /// It does not answer.
    pub fn ask(sink: &mut (impl Read + Write)) -> io::Result<Self> {
        let mut answer = [0; Self::BYTES];
        sink.write_all(&ASK)?;
        sink.read_exact(&mut answer)?;
        let (numbers, _) = answer.as_chunks::<8>();
        let at = |index: usize| u64::from_be_bytes(numbers[index]);
        Ok(Self {
            messages: at(0),
            at_ns: at(1),
            cpu_ns: at(2),
            connects: at(3),
            first_connect_ns: at(4),
            last_connect_ns: at(5),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        for number in [
            self.messages,
            self.at_ns,
            self.cpu_ns,
            self.connects,
            self.first_connect_ns,
            self.last_connect_ns,
        ] {
            out.extend(number.to_be_bytes());
        }
    }

    /// Messages per second since then, by the sink's own clock.
    pub fn per_s_since(&self, earlier: &Self) -> f64 {
        (self.messages - earlier.messages) as f64 * 1e9 / self.ns_since(earlier)
    }

    /// Processors that the sink has kept busy since then: 1 is one of them all the time.
    pub fn busy_since(&self, earlier: &Self) -> f64 {
        (self.cpu_ns - earlier.cpu_ns) as f64 / self.ns_since(earlier)
    }

    /// At least one: nothing is divided by no time.
    fn ns_since(&self, earlier: &Self) -> f64 {
        self.at_ns.saturating_sub(earlier.at_ns).max(1) as f64
    }

    /// CONNECTs per second, from the first one to the last; `None` without two of them.
    pub fn connects_per_s(&self) -> Option<f64> {
        let ns = self.last_connect_ns.saturating_sub(self.first_connect_ns);
        (self.connects > 1 && ns > 0).then(|| (self.connects - 1) as f64 * 1e9 / ns as f64)
    }
}

/// Ends a sink from another thread.
#[derive(Debug, Clone)]
pub struct SinkStopper(Arc<Waker>);

impl SinkStopper {
    /// Soon.
    pub fn stop(&self) {
        // It fails only where the sink is gone.
        let _ = self.0.wake();
    }
}

/// A sink that listens. [`Sink::run`] serves.
pub struct Sink {
    poll: Poll,
    waker: Arc<Waker>,
    listener: TcpListener,
    address: SocketAddr,
    sessions: Vec<Option<Session>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
    answers: Answers,
}

impl Sink {
    /// Listens on a free port of loopback, with room for a whole fleet that connects at once.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(socket.into());
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), Token(WAKER))?;
        poll.registry()
            .register(&mut listener, Token(LISTENER), Interest::READABLE)?;
        Ok(Self {
            poll,
            waker: Arc::new(waker),
            address: listener.local_addr()?,
            listener,
            sessions: Vec::new(),
            free: Vec::new(),
            buffer: vec![0; BUFFER],
            answers: Answers::default(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What ends it.
    pub fn stopper(&self) -> SinkStopper {
        SinkStopper(self.waker.clone())
    }

    /// Serves until it is stopped.
    ///
    /// # Errors
    /// The system gives no more descriptors, or the poller broke down.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                match event.token().0 {
                    LISTENER => self.accept()?,
                    WAKER => return Ok(()),
                    token => self.look(token - CONNECTIONS, event.is_read_closed()),
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            socket.set_nodelay(true)?;
            let slot = self.free.pop().unwrap_or_else(|| {
                self.sessions.push(None);
                self.sessions.len() - 1
            });
            let token = Token(CONNECTIONS + slot);
            let registry = self.poll.registry();
            registry.register(&mut socket, token, Interest::READABLE)?;
            let rest = Vec::new();
            self.sessions[slot] = Some(Session { socket, rest });
        }
    }

    /// Something has come on a connection: bytes or its end.
    fn look(&mut self, slot: usize, ending: bool) {
        let Some(session) = &mut self.sessions[slot] else {
            return;
        };
        let (buffer, answers) = (&mut self.buffer, &mut self.answers);
        if session.serve(buffer, answers, ending).is_none() {
            self.sessions[slot] = None;
            self.free.push(slot);
        }
    }
}

/// A client.
struct Session {
    socket: TcpStream,
    /// The beginning of a packet whose end has not come.
    rest: Vec<u8>,
}

impl Session {
    /// Reads until a read does not fill the buffer, since more makes a new event; up to the end of
    /// the stream if that is known to come. `None`: the connection is over.
    fn serve(&mut self, buffer: &mut [u8], answers: &mut Answers, ending: bool) -> Option<()> {
        answers.out.clear();
        loop {
            let before = self.rest.len();
            buffer[..before].copy_from_slice(&self.rest);
            // No room is left behind a packet that is longer than the buffer: that reads as an end.
            let read = match self.socket.read(&mut buffer[before..]) {
                Ok(0) => return None,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Some(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return None,
            };
            let filled = before + read;
            let eaten = answers.eat(&buffer[..filled])?;
            self.rest.clear();
            self.rest.extend_from_slice(&buffer[eaten..filled]);
            answers.flush(&mut self.socket)?;
            if filled < buffer.len() && !ending {
                return Some(());
            }
        }
    }
}

/// What is counted, and what is to be written to the connection that was just read.
#[derive(Default)]
struct Answers {
    counts: Counts,
    out: Vec<u8>,
}

impl Answers {
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
                self.counts.messages += 1;
                let qos = first >> 1 & 3;
                if qos > 0 {
                    let id = 2 + number(body)?;
                    let kind = if qos == 1 { 0x40 } else { 0x50 };
                    self.acknowledge(kind, body.get(id..id + 2)?);
                }
            }
            // CONNECT, CONNACK.
            1 => self.connected(),
            // PUBREL, PUBCOMP.
            6 => self.acknowledge(0x70, body.get(..2)?),
            8 => self.subscribed(body)?,
            // PINGREQ, PINGRESP.
            12 => self.out.extend([0xd0, 0]),
            0 => {
                let cpu = clock_gettime(ClockId::ProcessCPUTime);
                self.counts.at_ns = monotonic_ns();
                self.counts.cpu_ns = cpu.tv_sec as u64 * 1_000_000_000 + cpu.tv_nsec as u64;
                self.counts.write(&mut self.out);
            }
            // DISCONNECT.
            14 => return None,
            _ => {}
        }
        Some(())
    }

    fn connected(&mut self) {
        self.out.extend([0x20, 2, 0, 0]);
        let now = monotonic_ns();
        if self.counts.connects == 0 {
            self.counts.first_connect_ns = now;
        }
        self.counts.connects += 1;
        self.counts.last_connect_ns = now;
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

    fn flush(&mut self, socket: &mut TcpStream) -> Option<()> {
        let mut done = 0;
        while done < self.out.len() {
            match socket.write(&self.out[done..]) {
                Ok(written) => done += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock && takes_bytes(socket) => {}
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

#[cfg(test)]
mod tests {
    use std::net;
    use std::thread::JoinHandle;
    use std::time::Duration;

    use super::*;

    const CONNECT: [u8; 14] = [0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 0];
    const CONNACK: [u8; 4] = [0x20, 2, 0, 0];
    const DISCONNECT: [u8; 2] = [0xe0, 0];

    /// A sink on a thread of its own.
    struct Running {
        address: SocketAddr,
        stopper: SinkStopper,
        thread: JoinHandle<io::Result<()>>,
    }

    impl Running {
        fn start() -> Self {
            let sink = Sink::bind().unwrap();
            let (address, stopper) = (sink.address(), sink.stopper());
            let thread = std::thread::spawn(|| sink.run());
            Self {
                address,
                stopper,
                thread,
            }
        }

        fn client(&self) -> net::TcpStream {
            let socket = net::TcpStream::connect(self.address).unwrap();
            let patience = Some(Duration::from_secs(10));
            socket.set_read_timeout(patience).unwrap();
            socket
        }

        fn stop(self) {
            self.stopper.stop();
            self.thread.join().unwrap().unwrap();
        }
    }

    /// PUBLISH to `t`.
    fn publish(qos: u8, id: u8) -> Vec<u8> {
        let id: &[u8] = if qos == 0 { &[] } else { &[0, id] };
        let body = [&[0, 1, b't'], id, b"payload"].concat();
        [&[0x30 | qos << 1, body.len() as u8], &*body].concat()
    }

    fn answer<const N: usize>(socket: &mut net::TcpStream) -> [u8; N] {
        let mut answer = [0; N];
        socket.read_exact(&mut answer).unwrap();
        answer
    }

    #[test]
    fn it_acknowledges_and_counts() {
        let sink = Running::start();
        let mut client = sink.client();
        client.write_all(&CONNECT).unwrap();
        assert_eq!(answer(&mut client), CONNACK);
        let messages = [publish(0, 0), publish(1, 7), publish(2, 8)].concat();
        // Cut within a packet.
        client.write_all(&messages[..20]).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        client.write_all(&messages[20..]).unwrap();
        assert_eq!(answer(&mut client), [0x40, 2, 0, 7, 0x50, 2, 0, 8]);
        client.write_all(&[0x62, 2, 0, 8, 0xc0, 0]).unwrap();
        assert_eq!(answer(&mut client), [0x70, 2, 0, 8, 0xd0, 0]);
        let counts = Counts::ask(&mut sink.client()).unwrap();
        assert_eq!((counts.messages, counts.connects), (3, 1));
        assert!(counts.first_connect_ns > 0 && counts.at_ns > counts.last_connect_ns);
        assert_eq!(counts.connects_per_s(), None, "one has no rate");
        sink.stop();
    }

    #[test]
    fn what_was_not_written_to_one_client_reaches_no_other() {
        let sink = Running::start();
        let mut leaving = sink.client();
        leaving
            .write_all(&[&CONNECT[..], &publish(1, 9), &DISCONNECT].concat())
            .unwrap();
        let mut rest = Vec::new();
        leaving.read_to_end(&mut rest).unwrap();
        let mut other = sink.client();
        other.write_all(&CONNECT).unwrap();
        assert_eq!(answer(&mut other), CONNACK);
        other.write_all(&publish(1, 5)).unwrap();
        assert_eq!(answer(&mut other), [0x40, 2, 0, 5]);
        sink.stop();
    }

    #[test]
    fn rates_are_those_between_two_looks() {
        let earlier = Counts {
            messages: 1_000,
            at_ns: 500_000_000,
            cpu_ns: 100,
            ..Counts::default()
        };
        let later = Counts {
            messages: 3_000,
            at_ns: 1_000_000_000,
            cpu_ns: 250_000_100,
            connects: 11,
            first_connect_ns: 1_000_000,
            last_connect_ns: 2_000_000,
        };
        assert!((later.per_s_since(&earlier) - 4_000.0).abs() < 1e-6);
        assert!((later.busy_since(&earlier) - 0.5).abs() < 1e-9);
        assert!((later.connects_per_s().unwrap() - 10_000.0).abs() < 1e-6);
    }
}
