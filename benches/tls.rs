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

use certificates::Authority;
use closed::{CONNECTIONS, Cost, Waiting, engine, middle, rounds};
use far::Far;
use midge::engine::Security;
use midge::event::tls::{ClientSetting, Connector, Protocols, Roots};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

#[path = "../tests/support/certificates.rs"]
mod certificates;
#[path = "support/closed.rs"]
mod closed;
#[path = "support/cpu.rs"]
mod cpu;
#[path = "support/far.rs"]
mod far;

/// The engine's CPU time per message over the plain loop's, at most.
const BOUND: f64 = 1.25;

/// One worker of the engine.
fn midge(target: SocketAddr, authority: &Authority) -> Cost {
    let setting = ClientSetting {
        roots: Some(Roots::from_pem(authority.pem().as_bytes()).expect("a certificate")),
        protocols: Protocols::Only13,
        resumption: false,
    };
    let security = Security {
        connector: Connector::new(&setting).expect("a setting"),
        names: vec!["localhost".to_owned()],
        credentials: None,
    };
    engine("mqtts://localhost", target, Some(security), Vec::new())
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
        let bytes = closed::connect(number);
        let mut both = rustls::Stream::new(&mut tls, &mut stream);
        both.write_all(&bytes).expect("the tenant reads");
        both.read_exact(&mut [0; 4]).expect("a CONNACK");
        stream.set_nonblocking(true).expect("a socket option");
        Self {
            stream: mio::net::TcpStream::from_std(stream),
            tls,
            packet: closed::publish(number),
            heard: 0,
        }
    }
}

impl Waiting for Plain {
    fn stream(&mut self) -> &mut mio::net::TcpStream {
        &mut self.stream
    }

    fn send(&mut self) {
        self.tls.writer().write_all(&self.packet).expect("room");
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.stream).expect("room");
        }
    }

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
    closed::plain((0..CONNECTIONS).map(|number| Plain::connect(number, target, &config)))
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
    println!("round       midge   plain rustls   ratio");
    let mut ratios = Vec::new();
    for round in 1..=rounds() {
        let midge = midge(far.address, &authority).us_per_message();
        let plain = plain(far.address, &authority).us_per_message();
        let ratio = midge / plain;
        println!("{round:<5} {midge:>11.2} {plain:>14.2} {ratio:>7.2}");
        ratios.push(ratio);
    }
    let ratio = middle(ratios);
    println!("the middle ratio is {ratio:.2}");
    assert!(ratio <= BOUND, "more than {BOUND} times the plain loop");
}
