//! What every broker stands on: certificates, free ports, who may come in, and a wait until it listens.
//!
//! Not here: what a broker makes of them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{Authority, Process};

/// Who may come in.
pub const USER: &str = "fleet";
/// The password of that user.
pub const PASSWORD: &str = "a-password-of-the-tests";

/// How long a broker that listens may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// Certificates, and room for brokers. Files, all PEM: `ca`, `broker` and `broker-chain` with `broker-key`,
/// `fleet` with `fleet-key`; and of an authority that nobody knows `strange-ca`, `stranger` with `stranger-key`.
#[derive(Debug)]
pub struct Ground(TempDir);

impl Ground {
    pub fn new() -> Self {
        let this = Self(tempfile::tempdir().expect("a temporary folder"));
        let known = Authority::new("authority of the test");
        let strange = Authority::new("another one");
        let broker = known.signs("broker", &["localhost", "127.0.0.1"]);
        let [fleet, stranger] = [&known, &strange].map(|authority| authority.signs("fleet", &[]));
        let chain = format!("{}{}", broker.certificate, known.pem());
        for (name, text) in [
            ("ca", &known.pem()),
            ("strange-ca", &strange.pem()),
            ("broker", &broker.certificate),
            ("broker-chain", &chain),
            ("broker-key", &broker.key),
            ("fleet", &fleet.certificate),
            ("fleet-key", &fleet.key),
            ("stranger", &stranger.certificate),
            ("stranger-key", &stranger.key),
        ] {
            std::fs::write(this.pem(name), text).expect("a file in a new folder");
        }
        this
    }

    /// The path of a PEM file, without `.pem`.
    pub fn pem(&self, name: &str) -> String {
        self.0
            .path()
            .join(format!("{name}.pem"))
            .display()
            .to_string()
    }

    /// A folder for what one process writes.
    pub fn room(&self) -> TempDir {
        tempfile::tempdir_in(self.0.path()).expect("a folder in a folder")
    }
}

/// A file of a broker.
pub fn file(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a file in a new folder");
    path
}

/// Ports of 127.0.0.1 that are free, each another one. They lie below those that systems give away, or a
/// connection of somebody's could take one before a slow broker listens there.
pub fn ports<const N: usize>() -> [u16; N] {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    static TRIED: AtomicU32 = AtomicU32::new(0);
    // Test programs that run side by side begin at different places.
    let begin = std::process::id().wrapping_mul(97);
    let mut candidates = std::iter::repeat_with(|| {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        FIRST + begin.wrapping_add(tried) % COUNT
    });
    [(); N].map(|()| {
        let mut ports = candidates.by_ref().take(COUNT as usize);
        let free = ports.find_map(|port| {
            let port = u16::try_from(port).expect("it is below 32,000");
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
            Some(port)
        });
        free.expect("a free port")
    })
}

/// Waits until whoever listens there takes a client of MQTT 3.1.1 who may come in. The process must not
/// end before.
pub fn await_welcome(process: &mut Process, port: u16) {
    process.await_until("a welcome", || is_welcome(port).unwrap_or(false));
}

/// Waits until somebody listens there.
pub fn await_listener(process: &mut Process, port: u16) {
    process.await_until("a listener", || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    });
}

fn is_welcome(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
    // CONNECT with a clean session, user name and password; by hand, so that it stays what it is
    // whatever becomes of the codec.
    let mut body = Vec::new();
    text("MQTT", &mut body);
    body.extend([4, 0b1100_0010, 0, 10]);
    for field in ["welcome", USER, PASSWORD] {
        text(field, &mut body);
    }
    let length = u8::try_from(body.len()).expect("it is short");
    assert!(length < 128, "the length has one byte");
    stream.write_all(&[0x10, length])?;
    stream.write_all(&body)?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    // DISCONNECT
    stream.write_all(&[0xe0, 0])?;
    Ok(answer[0] == 0x20 && answer[3] == 0)
}

fn text(text: &str, body: &mut Vec<u8>) {
    let length = u16::try_from(text.len()).expect("it is short");
    body.extend(length.to_be_bytes());
    body.extend(text.as_bytes());
}

/// A program of a wheel, in the Python that `tests/run` makes for brokers.
pub fn of_wheel(name: &str) -> PathBuf {
    const HOW: &str = "these tests need brokers out of wheels; tests/run installs them, and so does:\n    \
         python3 -m venv target/brokers && target/brokers/bin/python -m pip install --require-hashes \
         --only-binary :all: --no-deps --requirement tests/real/requirements.txt";
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/brokers/bin");
    let folder = std::env::var_os("MIDGE_BROKERS").map_or(made, PathBuf::from);
    let program = folder.join(name);
    assert!(program.is_file(), "no {}\n{HOW}", program.display());
    program
}
