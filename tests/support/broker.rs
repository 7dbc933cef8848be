//! A broker that misbehaves as a test tells it to: bytes in, bytes out, no MQTT library.
//!
//! Each connection runs the test's script on a thread of its own. The end of the value ends all of
//! them, wherever they are.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// CONNACK, accepted, no session (MQTT 3.1.1 section 3.2).
pub const CONNACK: [u8; 4] = [0x20, 2, 0, 0];

/// A listener with a script.
#[derive(Debug)]
pub struct FakeBroker {
    /// `mqtt://127.0.0.1:PORT`
    pub url: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    over: AtomicBool,
    accepted: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl FakeBroker {
    /// Listens on a free port and runs `script` for each connection, which closes when it returns.
    pub fn start(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared::default());
        let script = Arc::new(script);
        let of_listener = shared.clone();
        let listener = std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if of_listener.over.load(Ordering::Acquire) {
                    break;
                }
                let number = of_listener.accepted.fetch_add(1, Ordering::AcqRel);
                let kept = stream.try_clone().expect("a descriptor");
                of_listener.open.lock().expect("no panic").push(kept);
                let (shared, script) = (of_listener.clone(), script.clone());
                let thread = std::thread::spawn(move || {
                    let mut peer = Peer {
                        stream,
                        number,
                        shared,
                    };
                    script(&mut peer);
                    peer.close();
                });
                of_listener.threads.lock().expect("no panic").push(thread);
            }
        });
        Self {
            url: format!("mqtt://{address}"),
            address,
            shared,
            listener: Some(listener),
        }
    }

    /// Connections so far.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::Acquire)
    }

    /// A URL where nobody listens: the port was free a moment ago.
    pub fn closed_port() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        format!("mqtt://{}", listener.local_addr().expect("it is bound"))
    }
}

impl Drop for FakeBroker {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        for stream in self.shared.open.lock().expect("no panic").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let threads: Vec<_> = self
            .shared
            .threads
            .lock()
            .expect("no panic")
            .drain(..)
            .collect();
        for thread in threads {
            let _ = thread.join();
        }
    }
}

/// One connection of the fake broker.
#[derive(Debug)]
pub struct Peer {
    stream: TcpStream,
    /// Counts from 0 in the order of acceptance.
    pub number: usize,
    shared: Arc<Shared>,
}

impl Peer {
    /// The next packet: its first byte and what follows the remaining length. `None` at the end.
    pub fn next_packet(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.byte()?;
        let mut length = 0;
        for place in 0..4 {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        Some((first, body))
    }

    /// What comes until an empty line: the request of HTTP.
    pub fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Some(byte) = self.byte() else { break };
            head.push(byte);
        }
        String::from_utf8_lossy(&head).into_owned()
    }

    /// A copy of its socket, for whoever reads and writes in another way.
    pub fn stream(&self) -> TcpStream {
        self.stream.try_clone().expect("a descriptor")
    }

    /// Where the other side connected from.
    pub fn address(&self) -> SocketAddr {
        self.stream.peer_addr().expect("it is connected")
    }

    /// Reads CONNECT and accepts it.
    pub fn welcome(&mut self) {
        self.next_packet();
        self.send(&CONNACK);
    }

    /// Sends these bytes; a peer that has gone does not matter.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends them one by one.
    pub fn send_slowly(&mut self, bytes: &[u8], pause: Duration) {
        let _ = self.stream.set_nodelay(true);
        for byte in bytes {
            self.send(&[*byte]);
            std::thread::sleep(pause);
        }
    }

    /// Reads and answers nothing until the other side has gone.
    pub fn swallow(&mut self) {
        while self.next_packet().is_some() {}
    }

    /// Neither reads nor writes until the test is over.
    pub fn hold(&self) {
        while !self.shared.over.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends the connection with a reset. Returns from the script right after it.
    pub fn reset(&mut self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket
            .set_linger(Some(Duration::ZERO))
            .expect("a socket option");
        // The copy that the broker keeps would keep the connection open.
        let own = self.stream.peer_addr().ok();
        let mut open = self.shared.open.lock().expect("no panic");
        open.retain(|stream| own.is_none() || stream.peer_addr().ok() != own);
    }

    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        self.stream.read_exact(&mut byte).ok()?;
        Some(byte[0])
    }

    /// Ends the connection in order, unless it is to be reset.
    fn close(&self) {
        let socket = socket2::SockRef::from(&self.stream);
        if socket.linger().ok().flatten().is_none() {
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }
}
