//! A second client of a real broker that answers every message with `200` on `{topic}/status`.
//!
//! It stands for a tenant behind a broker. It speaks through the codec of the program: not an
//! independent witness, only somebody who answers.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::JoinHandle;

use midge::mqtt::{self, Connect, Packet, Properties, Publish, Qos, Role, Version};

use super::Mosquitto;

const PACKET_MAX: usize = 65_536;

/// Answers until it is dropped.
#[derive(Debug)]
pub struct Responder {
    stream: TcpStream,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    /// Subscribes to this filter, which must not match its own answers. It has subscribed when this
    /// returns.
    pub fn start(broker: &Mosquitto, filter: &str) -> Self {
        let address = broker.url.trim_start_matches("mqtt://");
        let mut stream = TcpStream::connect(address).expect("the broker listens");
        stream.set_nodelay(true).expect("a socket option");
        let mut bytes = Vec::new();
        let connect = Connect {
            clean_session: true,
            keep_alive: 0,
            client_id: "responder",
            username: None,
            password: None,
            will: None,
            properties: Properties::NONE,
        };
        connect
            .write(Version::V311, &mut bytes)
            .expect("it is sound");
        let filters = std::iter::once((filter, Qos::AtMostOnce));
        mqtt::write_subscribe(1, Properties::NONE, filters, Version::V311, &mut bytes)
            .expect("it is sound");
        stream.write_all(&bytes).expect("the broker reads");
        let mut reader = Reader {
            stream: stream.try_clone().expect("a descriptor"),
            bytes: Vec::new(),
        };
        let mut subscribed = false;
        while !subscribed {
            let open =
                reader.packets(|packet, _| subscribed |= matches!(packet, Packet::SubAck(_)));
            assert!(open, "the broker closed the connection");
        }
        let thread = std::thread::spawn(move || while reader.packets(answer) {});
        Self {
            stream,
            thread: Some(thread),
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(packet: &Packet<'_>, out: &mut Vec<u8>) {
    if let Packet::Publish(request) = packet {
        let topic = format!("{}/status", request.topic);
        let answer = Publish {
            dup: false,
            qos: Qos::AtMostOnce,
            retain: false,
            topic: &topic,
            packet_id: 0,
            payload: br#"{"statusCode":200}"#,
            properties: Properties::NONE,
        };
        answer.write(Version::V311, out).expect("it is sound");
    }
}

struct Reader {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Reader {
    /// Reads once, hands on what is whole, and writes what was added; false at the end.
    fn packets(&mut self, mut take: impl FnMut(&Packet<'_>, &mut Vec<u8>)) -> bool {
        let mut buffer = [0; 16_384];
        let count = match self.stream.read(&mut buffer) {
            Ok(0) | Err(_) => return false,
            Ok(count) => count,
        };
        self.bytes.extend_from_slice(&buffer[..count]);
        let (mut used, mut out) = (0, Vec::new());
        while let Some((packet, length)) =
            mqtt::decode(&self.bytes[used..], Role::Client, Version::V311, PACKET_MAX)
                .expect("the broker speaks MQTT")
        {
            take(&packet, &mut out);
            used += length;
        }
        self.bytes.drain(..used);
        self.stream.write_all(&out).is_ok()
    }
}
