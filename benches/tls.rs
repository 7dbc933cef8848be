//! What TLS costs for each message: the engine against a plain loop over rustls.
//!
//! Both send the same packets over as many connections to the same simulated tenant, the next one when
//! the last was acknowledged. The plain loop does nothing else: no fields, no plan, no ledger, and
//! rustls's own buffers for each connection. CPU time is that of this process; connecting is not in it.
//! `cargo bench --bench tls` prints a table, and fails above the bound. Not here: handshakes.
#![allow(clippy::print_stdout, reason = "the table is what it is for")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use certificates::Authority;
use cpu::cpu_ns;
use far::Far;
use midge::engine::{self, Approach, Progress, Security, Settings};
use midge::event::Clock;
use midge::event::tls::{ClientSetting, Connector, Protocols, Roots};
use midge::mqtt::{Connect, Properties, Publish, Qos, Version};
use midge::plan::{Identities, Plan};
use midge::profile::{self, Model};
use mio::{Events, Interest, Poll, Token};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

#[path = "../tests/support/certificates.rs"]
mod certificates;
#[path = "support/cpu.rs"]
mod cpu;
#[path = "support/far.rs"]
mod far;

const CONNECTIONS: u32 = 200;
const LENGTH: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;
/// The engine's CPU time per message over the plain loop's, at most.
const BOUND: f64 = 1.25;

/// CPU time and messages, each acknowledged.
struct Cost {
    cpu_ns: u64,
    messages: u64,
}

impl Cost {
    fn us_per_message(&self) -> f64 {
        self.cpu_ns as f64 / 1000.0 / self.messages.max(1) as f64
    }
}

/// One worker of the engine.
fn midge(target: SocketAddr, authority: &Authority) -> Cost {
    let sets = [
        format!("fleet.endpoints={CONNECTIONS}"),
        "load.warm_up=0s".to_owned(),
        format!("load.measure={}ms", LENGTH.as_millis()),
        "limits.messages_per_s=1_000_000/s".to_owned(),
        "request.*.qos=1".to_owned(),
        "target.url=mqtts://localhost".to_owned(),
    ];
    let loaded = profile::load("mqtt-publish", &sets, &|_| unreachable!("shipped"));
    let mut profile = loaded.expect("a shipped profile").profile;
    profile.load.model = Model::Closed {
        think_time: Duration::ZERO,
        cap: None,
    };
    let plan = Plan::compile(&profile, Identities::none()).expect("a shipped profile");
    let shape = Arc::new(engine::shape(&plan, &profile));
    let setting = ClientSetting {
        roots: Some(Roots::from_pem(authority.pem().as_bytes()).expect("a certificate")),
        protocols: Protocols::Only13,
        resumption: false,
    };
    let settings = Settings {
        profile,
        targets: vec![target],
        password: None,
        tls: Some(Security {
            connector: Connector::new(&setting).expect("a setting"),
            names: vec!["localhost".to_owned()],
            credentials: None,
        }),
        websocket: Vec::new(),
        nonce: 1,
        workers: 1,
        raw_log: None,
        approach: Approach::Asleep,
        kernel_timestamps: 0.0,
    };
    let run = engine::start(Arc::new(plan), shape, settings, Clock::start()).expect("threads");
    let mut begun = 0;
    for progress in &run.progress {
        if progress == Progress::Loading {
            begun = cpu_ns();
        }
    }
    let cpu_ns = cpu_ns() - begun;
    let measured = run.finish().expect("a run");
    Cost {
        cpu_ns,
        messages: measured.tally.requests[0].whole_run.ok,
    }
}

/// One connection of the plain loop, which waits for an acknowledgement.
struct Plain {
    stream: mio::net::TcpStream,
    tls: ClientConnection,
    packet: Vec<u8>,
    heard: usize,
}

impl Plain {
    /// CONNECT is accepted when this returns.
    fn connect(number: u32, target: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        let name = ServerName::try_from("localhost").expect("a name");
        let mut tls = ClientConnection::new(config.clone(), name).expect("a setting");
        let mut stream = TcpStream::connect(target).expect("the tenant listens");
        stream.set_nodelay(true).expect("a socket option");
        let client_id = format!("plain-{number}");
        let connect = Connect {
            clean_session: true,
            keep_alive: 60,
            client_id: &client_id,
            username: None,
            password: None,
            will: None,
            properties: Properties::NONE,
        };
        let mut bytes = Vec::new();
        connect.write(Version::V311, &mut bytes).expect("a packet");
        let mut both = rustls::Stream::new(&mut tls, &mut stream);
        both.write_all(&bytes).expect("the tenant reads");
        both.read_exact(&mut [0; 4]).expect("a CONNACK");
        stream.set_nonblocking(true).expect("a socket option");
        let topic = format!("bench/{number}/telemetry");
        let publish = Publish {
            dup: false,
            qos: Qos::AtLeastOnce,
            retain: false,
            topic: &topic,
            packet_id: 1,
            properties: Properties::NONE,
            payload: &[b'x'; 64],
        };
        let mut packet = Vec::new();
        publish.write(Version::V311, &mut packet).expect("a packet");
        Self {
            stream: mio::net::TcpStream::from_std(stream),
            tls,
            packet,
            heard: 0,
        }
    }

    fn send(&mut self) {
        self.tls.writer().write_all(&self.packet).expect("room");
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.stream).expect("room");
        }
    }

    /// Reads once; true when an acknowledgement is complete.
    fn acknowledged(&mut self) -> bool {
        const PUBACK: usize = 4;
        if self.tls.read_tls(&mut self.stream).is_err() {
            return false;
        }
        self.tls.process_new_packets().expect("records");
        let mut bytes = [0; 64];
        while let Ok(count @ 1..) = self.tls.reader().read(&mut bytes) {
            self.heard += count;
        }
        let whole = self.heard >= PUBACK;
        self.heard %= PUBACK;
        whole
    }
}

/// The same by hand.
fn plain(target: SocketAddr, authority: &Authority) -> Cost {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("a certificate");
    roots.add(root).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("a version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let mut poll = Poll::new().expect("a poller");
    let mut connections: Vec<Plain> = (0..CONNECTIONS)
        .map(|number| Plain::connect(number, target, &config))
        .collect();
    for (number, plain) in connections.iter_mut().enumerate() {
        let readable = Interest::READABLE;
        let registered = poll
            .registry()
            .register(&mut plain.stream, Token(number), readable);
        registered.expect("a socket");
    }
    let (begun, until) = (cpu_ns(), Instant::now() + LENGTH);
    let mut messages = 0;
    connections.iter_mut().for_each(Plain::send);
    let mut events = Events::with_capacity(1024);
    while Instant::now() < until {
        poll.poll(&mut events, Some(Duration::from_millis(10)))
            .expect("events");
        for event in &events {
            let connection = &mut connections[event.token().0];
            if connection.acknowledged() {
                messages += 1;
                connection.send();
            }
        }
    }
    Cost {
        cpu_ns: cpu_ns() - begun,
        messages,
    }
}

fn least(costs: &[f64]) -> f64 {
    costs.iter().copied().fold(f64::INFINITY, f64::min)
}

fn main() {
    let authority = Authority::new("authority of the benchmark");
    let own = authority.signs("tenant", &["localhost"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let flag = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        format!("--tls-{name}={}", path.display())
    };
    let flags = [flag("certificate", &own.certificate), flag("key", &own.key)];
    let far = Far::tenant(flags);
    println!("CPU us per message over TLS 1.3, {CONNECTIONS} connections, QoS 1, 64 B\n");
    println!("round       midge   plain rustls");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let (midge, plain) = (
            midge(far.address, &authority),
            plain(far.address, &authority),
        );
        ours.push(midge.us_per_message());
        theirs.push(plain.us_per_message());
        println!(
            "{round:<5} {:>11.2} {:>14.2}",
            midge.us_per_message(),
            plain.us_per_message()
        );
    }
    // What disturbs a round makes it dearer, never cheaper.
    let ratio = least(&ours) / least(&theirs);
    println!(
        "least {:>11.2} {:>14.2}   {ratio:.2}",
        least(&ours),
        least(&theirs)
    );
    assert!(ratio <= BOUND, "more than {BOUND} times the plain loop");
}
