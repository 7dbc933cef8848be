//! A tenant in this process, and clients that are plain blocking sockets.
//!
//! They share nothing with the program but the wire.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use midge::tenant::{Stopper, Tenant, TenantOptions, TenantReport};

/// Far longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub struct Running {
    address: SocketAddr,
    stopper: Stopper,
    thread: JoinHandle<TenantReport>,
}

/// Starts a tenant with these flags.
pub fn tenant(flags: &[(&str, &str)]) -> Running {
    let mut options = TenantOptions::default();
    options.set("listen", "127.0.0.1:0").unwrap();
    for (flag, value) in flags {
        options.set(flag, value).unwrap();
    }
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let tenant = Tenant::bind(options).unwrap();
        sender.send((tenant.address(), tenant.stopper())).unwrap();
        tenant.run().unwrap()
    });
    let (address, stopper) = receiver.recv_timeout(PATIENCE).unwrap();
    Running {
        address,
        stopper,
        thread,
    }
}

impl Running {
    /// A client whose CONNECT was accepted.
    pub fn client(&self, id: &str) -> Client {
        let mut client = self.stranger();
        client.send(&connect(id, 60));
        // CONNACK: type 2, two bytes, no session present, accepted.
        client.expect(&[0x20, 2, 0, 0]);
        client
    }

    /// A client that has not said anything yet.
    pub fn stranger(&self) -> Client {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        Client { socket }
    }

    /// Stops the tenant; its report.
    pub fn report(self) -> TenantReport {
        self.stopper.stop();
        self.thread.join().unwrap()
    }
}

pub struct Client {
    socket: TcpStream,
}

/// A PUBLISH that was received.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    pub qos: u8,
    pub packet_id: u16,
    pub topic: String,
    pub payload: String,
}

impl Message {
    pub fn parse(first: u8, body: &[u8]) -> Message {
        assert_eq!(first >> 4, 3, "not a PUBLISH: {first:#x} {body:?}");
        assert_eq!(first & 0b1001, 0, "neither DUP nor RETAIN");
        let qos = first >> 1 & 3;
        let topic_end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
        let topic = String::from_utf8(body[2..topic_end].to_vec()).unwrap();
        let (packet_id, start) = match qos {
            0 => (0, topic_end),
            _ => (
                u16::from_be_bytes([body[topic_end], body[topic_end + 1]]),
                topic_end + 2,
            ),
        };
        let payload = String::from_utf8(body[start..].to_vec()).unwrap();
        Message {
            qos,
            packet_id,
            topic,
            payload,
        }
    }
}

impl Client {
    pub fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// The next packet: first byte and body.
    pub fn packet(&mut self) -> (u8, Vec<u8>) {
        let first = self.byte();
        let (mut length, mut shift) = (0usize, 0);
        loop {
            let byte = self.byte();
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.socket.read_exact(&mut body).unwrap();
        (first, body)
    }

    pub fn byte(&mut self) -> u8 {
        let mut byte = [0];
        self.socket.read_exact(&mut byte).unwrap();
        byte[0]
    }

    pub fn expect(&mut self, bytes: &[u8]) {
        let mut read = vec![0; bytes.len()];
        self.socket.read_exact(&mut read).unwrap();
        assert_eq!(read, bytes);
    }

    /// The next packet must be a PUBLISH.
    pub fn message(&mut self) -> Message {
        let (first, body) = self.packet();
        Message::parse(first, &body)
    }

    /// The next packet must be a PUBLISH of QoS 0: its topic and payload.
    pub fn topic_and_payload(&mut self) -> (String, String) {
        let message = self.message();
        assert_eq!((message.qos, message.packet_id), (0, 0));
        (message.topic, message.payload)
    }

    /// Everything sent so far was handled when the answer is there, and nothing else was sent.
    pub fn nothing_else(&mut self) {
        self.send(&[0xc0, 0]); // PINGREQ
        self.expect(&[0xd0, 0]); // PINGRESP
    }

    /// The tenant closes; nothing comes before that.
    pub fn closed(&mut self) {
        match self.socket.read(&mut [0; 64]) {
            Ok(0) => {}
            Ok(count) => panic!("{count} bytes instead of the end"),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }

    pub fn subscribe(&mut self, filter: &str, qos: u8) {
        let mut body = vec![0x12, 0x34]; // packet identifier
        string(filter, &mut body);
        body.push(qos);
        self.send(&framed(0x82, &body));
        self.expect(&[0x90, 3, 0x12, 0x34, qos]); // SUBACK
    }
}

pub fn framed(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut length = body.len();
    while length >= 0x80 {
        packet.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    packet.push(length as u8);
    packet.extend_from_slice(body);
    packet
}

pub fn string(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

pub fn connect(client_id: &str, keep_alive: u16) -> Vec<u8> {
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4]; // protocol name and level
    body.push(0b10); // clean session
    body.extend_from_slice(&keep_alive.to_be_bytes());
    string(client_id, &mut body);
    framed(0x10, &body)
}

/// A PUBLISH; `packet_id` counts from QoS 1.
pub fn publish(qos: u8, packet_id: u16, topic: &str, payload: &str) -> Vec<u8> {
    let mut body = Vec::new();
    string(topic, &mut body);
    if qos > 0 {
        body.extend_from_slice(&packet_id.to_be_bytes());
    }
    body.extend_from_slice(payload.as_bytes());
    framed(0x30 | qos << 1, &body)
}

pub fn publish_0(topic: &str, payload: &str) -> Vec<u8> {
    publish(0, 0, topic, payload)
}

pub fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs
        .iter()
        .map(|&(name, n)| (name.to_owned(), n))
        .collect()
}
