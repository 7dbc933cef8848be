//! Copying a message into one buffer against writing it out of several: where do the two cross?
//!
//! A message is mostly text that all messages share, and a few fields. *Copy* renders everything into
//! one buffer and sends that, as the engine does. *Writev* renders the fields alone and hands the kernel a
//! list of places: the shared text where it lies, the fields between. Both go through loopback TCP to a
//! thread that throws everything away.
//!
//! `cargo bench --bench writev` prints, for each size of payload and for one and 16 messages per write,
//! the CPU time of the sending thread per message, the kernel's part included: the median of so many
//! rounds, in which both ways take turns. How to read it: `cheaper in` says in how many rounds writev
//! took less than the copy of the same round. By chance it would be half of them; 12 of 15 or more
//! happen by chance in 2 % of cases, and count as a win. Writev *begins to win* at the smallest size
//! from which on it wins at every size. Small differences of the medians mean nothing where the
//! machine is busy; the rounds do. Not here: what rendering itself costs (`operations/encoder.rs`).
#![allow(
    clippy::print_stdout,
    reason = "the table is for whoever runs the benchmark"
)]

use std::io::{IoSlice, Read};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::thread::JoinHandle;

use midge::event::socket;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use rustix::time::{ClockId, clock_gettime};

/// Sizes of the shared text, bytes.
const SIZES: [usize; 10] = [
    200, 500, 1_024, 2_048, 4_096, 8_192, 16_384, 24_576, 32_768, 65_536,
];
/// Pieces of one message: head, text, field, text, field.
const PIECES: usize = 5;
const BATCH_MAX: usize = 16;
/// Rounds in which writev must be cheaper, of so many.
const WINS: [usize; 2] = [12, 15];
/// Bytes of one way in one round.
const ROUND_BYTES: usize = 16 << 20;

/// What all messages share, and how many of them share a write.
struct Messages {
    first: Vec<u8>,
    second: Vec<u8>,
    batch: usize,
}

/// Fixed header and topic of a PUBLISH; three bytes of length fit all sizes.
fn push_head(number: u64, payload: usize, out: &mut Vec<u8>) {
    const TOPIC: usize = 2 + "bench/".len() + 7 + "/telemetry".len();
    let rest = TOPIC + payload;
    let width = |shift: usize, more: u8| (rest >> shift) as u8 & 0x7F | more;
    out.extend_from_slice(&[0x30, width(0, 0x80), width(7, 0x80), width(14, 0)]);
    out.extend_from_slice(&[0, (TOPIC - 2) as u8]);
    out.extend_from_slice(b"bench/");
    // As long as an endpoint's number; what it says makes no difference here.
    out.extend_from_slice(&number.to_le_bytes()[..7]);
    out.extend_from_slice(b"/telemetry");
}

fn push_field(number: u64, out: &mut Vec<u8>) {
    // As long as a clock in milliseconds.
    out.extend_from_slice(b"17592");
    out.extend_from_slice(&number.to_le_bytes());
}

impl Messages {
    fn new(size: usize, batch: usize) -> Self {
        let text = |size| vec![b'x'; size];
        Self {
            first: text(size / 2),
            second: text(size - size / 2),
            batch,
        }
    }

    fn payload(&self) -> usize {
        self.first.len() + self.second.len() + 2 * 13
    }

    /// Renders messages from `number` on, all of them into one buffer.
    fn copied(&self, number: u64, out: &mut Vec<u8>) {
        out.clear();
        for number in (number..).take(self.batch) {
            push_head(number, self.payload(), out);
            out.extend_from_slice(&self.first);
            push_field(number, out);
            out.extend_from_slice(&self.second);
            push_field(number + 1, out);
        }
    }

    /// Renders what differs, and gives all pieces to `send`.
    fn gathered(&self, number: u64, fields: &mut Vec<u8>, send: impl FnOnce(&[IoSlice<'_>])) {
        fields.clear();
        let mut at: [[Range<usize>; 3]; BATCH_MAX] = Default::default();
        for (number, at) in (number..).zip(&mut at[..self.batch]) {
            let begin = fields.len();
            push_head(number, self.payload(), fields);
            let head = fields.len();
            push_field(number, fields);
            let field = fields.len();
            push_field(number + 1, fields);
            *at = [begin..head, head..field, field..fields.len()];
        }
        let mut pieces = [IoSlice::new(&[]); PIECES * BATCH_MAX];
        for (message, [head, one, two]) in pieces.chunks_exact_mut(PIECES).zip(&at[..self.batch]) {
            message[0] = IoSlice::new(&fields[head.clone()]);
            message[1] = IoSlice::new(&self.first);
            message[2] = IoSlice::new(&fields[one.clone()]);
            message[3] = IoSlice::new(&self.second);
            message[4] = IoSlice::new(&fields[two.clone()]);
        }
        send(&pieces[..PIECES * self.batch]);
    }
}

/// A connection whose other end reads all and keeps nothing.
struct Drained {
    near: TcpStream,
    far: JoinHandle<()>,
}

impl Drained {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let near = TcpStream::connect(address).expect("it listens");
        near.set_nodelay(true).expect("an option of TCP");
        let (mut socket, _) = listener.accept().expect("it has connected");
        let far = std::thread::spawn(move || {
            let mut thrown_away = vec![0; 256 << 10];
            while socket.read(&mut thrown_away).expect("it is open") > 0 {}
        });
        Self { near, far }
    }

    fn close(self) {
        drop(self.near);
        self.far.join().expect("it only reads");
    }
}

/// CPU time of this thread, ns.
fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Sends `writes` writes; CPU ns per message.
fn each(messages: &Messages, writes: u64, mut write: impl FnMut(u64)) -> f64 {
    let begun = cpu_ns();
    for number in 0..writes {
        write(number * messages.batch as u64);
    }
    (cpu_ns() - begun) as f64 / (writes * messages.batch as u64) as f64
}

/// CPU ns per message of each round: copy, writev.
fn rounds(messages: &Messages, rounds: usize, bytes: usize) -> Vec<[f64; 2]> {
    let connection = Drained::open();
    let near = &connection.near;
    let writes = (bytes / messages.payload() / messages.batch).clamp(2, 8_192) as u64;
    let (mut out, mut fields) = (Vec::new(), Vec::new());
    let mut copy = |number| {
        messages.copied(number, &mut out);
        // A socket that blocks takes everything.
        let sent = socket::transmit(near, &out).expect("it is open");
        assert_eq!(sent, out.len());
    };
    let mut gather = |number| {
        messages.gathered(number, &mut fields, |pieces| {
            let nothing = &mut SendAncillaryBuffer::default();
            let sent = sendmsg(near, pieces, nothing, SendFlags::NOSIGNAL).expect("it is open");
            assert_eq!(sent, pieces.iter().map(|piece| piece.len()).sum::<usize>());
        });
    };
    // The first round fills caches and grows buffers.
    let mut all: Vec<[f64; 2]> = (0..=rounds)
        .map(|_| {
            [
                each(messages, writes, &mut copy),
                each(messages, writes, &mut gather),
            ]
        })
        .collect();
    connection.close();
    all.split_off(1)
}

fn median(rounds: &[[f64; 2]], way: usize) -> f64 {
    let mut all: Vec<f64> = rounds.iter().map(|round| round[way]).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Both ways are the same bytes.
fn same(messages: &Messages) {
    let (mut out, mut fields, mut joined) = (Vec::new(), Vec::new(), Vec::new());
    messages.copied(99, &mut out);
    messages.gathered(99, &mut fields, |pieces| {
        for piece in pieces {
            joined.extend_from_slice(piece);
        }
    });
    assert!(out == joined, "the two ways differ");
}

fn table(batch: usize, count: usize, bytes: usize) {
    println!("messages per write: {batch}; CPU ns per message of the sending thread\n");
    println!(
        "{:>13} {:>12} {:>12} {:>12} {:>14}",
        "payload bytes", "copy", "writev", "difference", "cheaper in"
    );
    let mut from = None;
    for size in SIZES {
        let messages = Messages::new(size, batch);
        same(&messages);
        let rounds = rounds(&messages, count, bytes);
        let (copy, writev) = (median(&rounds, 0), median(&rounds, 1));
        let cheaper = rounds.iter().filter(|[copy, writev]| writev < copy).count();
        from = (cheaper * WINS[1] >= WINS[0] * count).then(|| from.unwrap_or(messages.payload()));
        println!(
            "{:>13} {copy:>12.0} {writev:>12.0} {:>+10.1} % {:>14}",
            messages.payload(),
            (writev / copy - 1.0) * 100.0,
            format!("{cheaper} of {count}"),
        );
    }
    match from {
        _ if count < WINS[1] => println!("\ntoo few rounds to say who wins\n"),
        Some(bytes) => println!("\nwritev begins to win at {bytes} bytes\n"),
        None => println!("\ncopying is not beaten at the largest of these sizes\n"),
    }
}

fn main() {
    // `cargo bench` says so; `cargo test` only wants to see that everything works.
    let measured = std::env::args().any(|argument| argument == "--bench");
    for batch in [1, BATCH_MAX] {
        if measured {
            table(batch, WINS[1], ROUND_BYTES);
        } else {
            table(batch, 1, 0);
        }
    }
}
