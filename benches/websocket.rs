//! What WebSocket costs for each message: the engine against a plain loop over tungstenite, and against itself over TCP.
//!
//! All send the same packets over as many connections to the same simulated tenant, the next one when the last was
//! acknowledged. The plain loop does nothing else: no fields, no plan, no ledger, and tungstenite's own buffers for each
//! connection. CPU time is that of this process; connecting is not in it.
//! `cargo bench --bench websocket` prints a table, and fails above the bounds. Not here: upgrades.
#![allow(clippy::print_stdout, reason = "the table is what it is for")]

use std::net::{SocketAddr, TcpStream};

use closed::{CONNECTIONS, Cost, Waiting, engine, middle, rounds};
use far::Far;
use midge::event::websocket::Request;
use tungstenite::{ClientRequestBuilder, Message, WebSocket};

#[path = "support/closed.rs"]
mod closed;
#[path = "support/cpu.rs"]
mod cpu;
#[path = "support/far.rs"]
mod far;

/// Where the tenant's WebSocket is.
const PATH: &str = "/mqtt";
/// The engine's CPU time per message over the plain loop's, at most.
const BOUND: f64 = 1.25;
/// The engine's CPU time per message over that over TCP, at most.
const BOUND_OF_TCP: f64 = 1.25;

/// One connection of the plain loop, which waits for an acknowledgement.
struct Plain {
    socket: WebSocket<mio::net::TcpStream>,
    packet: Vec<u8>,
    heard: usize,
}

impl Plain {
    /// CONNECT is accepted when this returns.
    fn connect(number: u32, target: SocketAddr) -> Self {
        let stream = TcpStream::connect(target).expect("the tenant listens");
        stream.set_nodelay(true).expect("a socket option");
        let uri = format!("ws://{target}{PATH}").parse().expect("a url");
        let request = ClientRequestBuilder::new(uri).with_sub_protocol("mqtt");
        let copy = stream.try_clone().expect("a descriptor");
        let (mut socket, _) = tungstenite::client(request, copy).expect("an upgrade");
        let connect = Message::binary(closed::connect(number));
        socket.send(connect).expect("the tenant reads");
        socket.read().expect("a CONNACK");
        drop(socket);
        stream.set_nonblocking(true).expect("a socket option");
        let stream = mio::net::TcpStream::from_std(stream);
        let role = tungstenite::protocol::Role::Client;
        Self {
            socket: WebSocket::from_raw_socket(stream, role, None),
            packet: closed::publish(number),
            heard: 0,
        }
    }
}

impl Waiting for Plain {
    fn stream(&mut self) -> &mut mio::net::TcpStream {
        self.socket.get_mut()
    }

    fn send(&mut self) {
        let message = Message::binary(self.packet.clone());
        self.socket.send(message).expect("room");
    }

    fn acknowledged(&mut self) -> bool {
        const PUBACK: usize = 4;
        if let Ok(Message::Binary(bytes)) = self.socket.read() {
            self.heard += bytes.len();
        }
        let whole = self.heard >= PUBACK;
        self.heard %= PUBACK;
        whole
    }
}

/// The same by hand.
fn plain(target: SocketAddr) -> Cost {
    closed::plain((0..CONNECTIONS).map(|number| Plain::connect(number, target)))
}

fn main() {
    let (websocket, tcp) = (
        Far::tenant([format!("--websocket={PATH}")]),
        Far::tenant([]),
    );
    let request = || vec![Request::new(&websocket.address.to_string(), PATH, [])];
    println!("CPU us per message, {CONNECTIONS} connections, QoS 1, 64 B\n");
    println!("round   midge, ws   plain tungstenite   midge, TCP");
    let (mut of_plain, mut of_tcp) = (Vec::new(), Vec::new());
    for round in 1..=rounds() {
        let url = format!("ws://localhost{PATH}");
        let costs = [
            engine(&url, websocket.address, None, request()),
            plain(websocket.address),
            engine("mqtt://localhost", tcp.address, None, Vec::new()),
        ];
        let [ws, plain, tcp] = costs.map(|cost| cost.us_per_message());
        println!("{round:<5} {ws:>11.2} {plain:>19.2} {tcp:>12.2}");
        of_plain.push(ws / plain);
        of_tcp.push(ws / tcp);
    }
    let (of_plain, of_tcp) = (middle(of_plain), middle(of_tcp));
    println!(
        "midge over WebSocket: {of_plain:.2} of the plain loop, {of_tcp:.2} of TCP (the middle ratios)"
    );
    assert!(of_plain <= BOUND, "more than {BOUND} times the plain loop");
    assert!(of_tcp <= BOUND_OF_TCP, "more than {BOUND_OF_TCP} times TCP");
}
