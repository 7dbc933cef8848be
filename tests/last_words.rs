//! Targets that end a connection right after their last answers, over each transport: what was answered in time
//! counts, however the connection ends.
//!
//! The servers are of other makes (rustls's and tungstenite's own buffers). Not here: whether our own last
//! messages arrive (`mosquitto`, `tls`, `websocket`), and targets that close in the middle of a packet
//! (`bad_targets`).

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use support::{Authority, CONNACK, Midge, Outcome};
use tungstenite::handshake::server::{Request, Response};
use tungstenite::{Message, WebSocket};

/// Messages that a connection brings before they are all answered at once, and it ends.
const TOGETHER: usize = 8;

/// How a server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// In order: Close, `close_notify`, half-close, as far as there are such; then it reads to the end.
    InOrder,
    /// By closing the socket while more has come that nobody has read: the kernel sends a reset.
    WithUnread,
}

/// Bytes under MQTT, and an orderly end.
trait Carrier: Read + Write {
    fn end(&mut self);
}

impl Carrier for TcpStream {
    fn end(&mut self) {
        let _ = self.shutdown(Shutdown::Write);
    }
}

impl Carrier for StreamOwned<ServerConnection, TcpStream> {
    fn end(&mut self) {
        self.conn.send_close_notify();
        let _ = self.flush();
        let _ = self.sock.shutdown(Shutdown::Write);
    }
}

/// MQTT one way or the other.
trait Wire {
    /// A packet as it came; `None` at the end.
    fn packet(&mut self) -> Option<Vec<u8>>;
    fn say(&mut self, bytes: &[u8]);
    fn end(&mut self);
}

struct Plain<C>(C);

impl<C: Carrier> Wire for Plain<C> {
    fn packet(&mut self) -> Option<Vec<u8>> {
        // Small packets, with a remaining length of one byte.
        let mut packet = vec![0; 2];
        self.0.read_exact(&mut packet).ok()?;
        packet.resize(2 + usize::from(packet[1]), 0);
        self.0.read_exact(&mut packet[2..]).ok()?;
        Some(packet)
    }

    fn say(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).and_then(|()| self.0.flush());
    }

    fn end(&mut self) {
        self.0.end();
    }
}

struct Framed<C: Carrier>(WebSocket<C>, Vec<u8>);

impl<C: Carrier> Framed<C> {
    fn accept(carrier: C) -> Option<Self> {
        #[allow(clippy::result_large_err, reason = "the type is tungstenite's")]
        let agree = |request: &Request, mut response: Response| {
            let offered = request.headers()["sec-websocket-protocol"].clone();
            let headers = response.headers_mut();
            headers.insert("Sec-WebSocket-Protocol", offered);
            Ok(response)
        };
        let socket = tungstenite::accept_hdr(carrier, agree).ok()?;
        Some(Self(socket, Vec::new()))
    }
}

impl<C: Carrier> Wire for Framed<C> {
    fn packet(&mut self) -> Option<Vec<u8>> {
        loop {
            if let [_, length, ..] = self.1[..]
                && self.1.len() >= 2 + usize::from(length)
            {
                let rest = self.1.split_off(2 + usize::from(length));
                return Some(std::mem::replace(&mut self.1, rest));
            }
            if let Message::Binary(bytes) = self.0.read().ok()? {
                self.1.extend_from_slice(&bytes);
            }
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        let _ = self.0.send(Message::binary(bytes.to_vec()));
    }

    fn end(&mut self) {
        let _ = self.0.close(None);
        let _ = self.0.flush();
        self.0.get_mut().end();
    }
}

/// Serves one connection; how many of its messages were answered.
fn serve(mut wire: impl Wire, manner: Manner) -> Option<u64> {
    wire.packet()?;
    wire.say(&CONNACK);
    let mut answers = Vec::new();
    while answers.len() < 4 * TOGETHER {
        let packet = wire.packet()?;
        // PUBLISH, QoS 1: its packet identifier lies behind the topic (section 3.3.2).
        if packet[0] == 0x32 {
            let topic = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
            answers.extend([0x40, 2, packet[4 + topic], packet[5 + topic]]);
        }
    }
    if manner == Manner::WithUnread {
        // Long enough for some to come.
        std::thread::sleep(Duration::from_millis(50));
    }
    wire.say(&answers);
    if manner == Manner::InOrder {
        wire.end();
        while wire.packet().is_some() {}
    }
    Some(TOGETHER as u64)
}

/// What is beneath MQTT.
#[derive(Debug, Clone, Copy)]
struct Transport {
    tls: bool,
    websocket: bool,
}

/// Its URL, and how many messages were answered so far. It listens until the test's process ends.
fn server(transport: Transport, manner: Manner, authority: &Authority) -> (String, Arc<AtomicU64>) {
    let own = authority.signs("server", &["localhost"]);
    let certificate = CertificateDer::from_pem_slice(own.certificate.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).expect("PEM");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate and its key");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let answered = Arc::new(AtomicU64::new(0));
    let count = answered.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (count, config) = (count.clone(), config.clone());
            std::thread::spawn(move || {
                let _ = stream.set_nodelay(true);
                let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
                let tls = |stream| {
                    StreamOwned::new(ServerConnection::new(config).expect("a setting"), stream)
                };
                let served = match (transport.tls, transport.websocket) {
                    (false, false) => serve(Plain(stream), manner),
                    (true, false) => serve(Plain(tls(stream)), manner),
                    (false, true) => Framed::accept(stream).and_then(|wire| serve(wire, manner)),
                    (true, true) => {
                        Framed::accept(tls(stream)).and_then(|wire| serve(wire, manner))
                    }
                };
                count.fetch_add(served.unwrap_or(0), Ordering::AcqRel);
            });
        }
    });
    let scheme = match (transport.tls, transport.websocket) {
        (false, false) => "mqtt",
        (true, false) => "mqtts",
        (false, true) => "ws",
        (true, true) => "wss",
    };
    (format!("{scheme}://localhost:{port}"), answered)
}

fn run(url: &str, authority: &Authority) -> Outcome {
    let files = tempfile::tempdir().expect("a temporary folder");
    let ca = files.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).expect("a file in a new folder");
    let run = Midge::run("mqtt-publish")
        .target(url)
        // So many that some are written while the end of others is read: a write that fails must not hide an answer.
        .set("fleet.endpoints", "64")
        .set("fleet.connect_rate", "10_000/s")
        .set("fleet.reconnect_rate", "none")
        .set(
            "fleet.reconnect",
            "{ policy = \"fixed\", initial_delay = \"20ms\" }",
        )
        .set("load.arrival_rate", "10_000/s")
        .set("load.warm_up", "0s")
        .set("load.measure", "2s")
        .set("load.drain", "1s")
        .set("load.in_flight_max", "1_000")
        .set("request.*.qos", "1");
    if url.contains("s://") && !url.starts_with("ws://") {
        run.set("target.ca", &ca.display().to_string()).go()
    } else {
        run.go()
    }
}

/// Everything that was answered is ok, and nothing else.
#[track_caller]
fn answers_count(tls: bool, websocket: bool) {
    let authority = Authority::new("authority of the test");
    for manner in [Manner::InOrder, Manner::WithUnread] {
        let (url, answered) = server(Transport { tls, websocket }, manner, &authority);
        let outcome = run(&url, &authority);
        outcome.keeps_its_accounts();
        assert!(
            outcome.count("/connections/lost") > 20,
            "{manner:?}\n{outcome}"
        );
        let answered = answered.load(Ordering::Acquire);
        assert!(answered > 160, "{manner:?}\n{outcome}");
        let ok = outcome.count("/whole_run/ok");
        assert_eq!(ok, answered, "{manner:?}\n{outcome}");
    }
}

#[test]
fn what_a_target_answers_before_it_closes_counts_over_tcp() {
    answers_count(false, false);
}

#[test]
fn what_a_target_answers_before_it_closes_counts_over_tls() {
    answers_count(true, false);
}

#[test]
fn what_a_target_answers_before_it_closes_counts_over_websocket() {
    answers_count(false, true);
}

#[test]
fn what_a_target_answers_before_it_closes_counts_over_websocket_under_tls() {
    answers_count(true, true);
}
