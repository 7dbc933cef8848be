//! A real Mosquitto on a free port, and its own subscriber, which knows nothing of this project.
//!
//! Both end with the value that stands for them. A machine without Mosquitto fails the test and
//! learns the command that installs it.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{Authority, Process, Signal};

const INSTALL: &str = "apt-get install -y --no-install-recommends mosquitto mosquitto-clients";
/// How long a message that was acknowledged may take to its subscriber.
const ARRIVES_WITHIN: Duration = Duration::from_secs(10);

/// A broker that listens.
#[derive(Debug)]
pub struct Mosquitto {
    pub process: Process,
    /// `mqtt://127.0.0.1:PORT`
    pub url: String,
    port: u16,
    folder: TempDir,
}

/// A broker that is reached by WebSocket too.
#[derive(Debug)]
pub struct Websockets {
    pub broker: Mosquitto,
    pub ws: String,
    pub wss: String,
}

impl Mosquitto {
    /// Everybody may come in.
    pub fn start() -> Self {
        Self::with(|_| "allow_anonymous true\n".to_owned())
    }

    /// Delivers a message once for each filter of a client that matches it.
    pub fn with_copies() -> Self {
        Self::with(|_| "allow_anonymous true\nallow_duplicate_messages true\n".to_owned())
    }

    /// Everybody may come in, and it tells each packet on its standard error.
    pub fn talkative() -> Self {
        Self::with(|_| "allow_anonymous true\nlog_type all\n".to_owned())
    }

    /// Only this user with this password may come in.
    pub fn for_user(name: &str, password: &str) -> Self {
        Self::with(|folder| {
            let file = folder.path().join("passwords");
            std::fs::write(&file, "").expect("a file in a new folder");
            let mut command = Command::new(program("mosquitto_passwd"));
            command.arg("-b").arg(&file).args([name, password]);
            assert_eq!(Process::start(command).finish().code(), 0);
            format!("allow_anonymous false\npassword_file {}\n", file.display())
        })
    }

    /// Everybody with a certificate of this authority may come in by TLS; the port of that. The plain
    /// port stays for a subscriber.
    pub fn with_tls(authority: &Authority) -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        let own = authority.signs("broker", &["localhost", "127.0.0.1"]);
        let broker = Self::with(|folder| {
            let file = |name: &str, text: &str| {
                let path = folder.path().join(name);
                std::fs::write(&path, text).expect("a file in a new folder");
                path.display().to_string()
            };
            format!(
                "allow_anonymous true\nlistener {port} 127.0.0.1\ncafile {}\ncertfile {}\n\
                 keyfile {}\nrequire_certificate true\n",
                file("ca.pem", &authority.pem()),
                file("broker.pem", &own.certificate),
                file("broker-key.pem", &own.key),
            )
        });
        (broker, port)
    }

    /// Everybody may come in by WebSocket, with TLS of this authority and without.
    pub fn with_websockets(authority: &Authority) -> Websockets {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let [ws, wss] =
            listeners.map(|listener| listener.local_addr().expect("it is bound").port());
        let own = authority.signs("broker", &["localhost", "127.0.0.1"]);
        let broker = Self::with(|folder| {
            let file = |name: &str, text: &str| {
                let path = folder.path().join(name);
                std::fs::write(&path, text).expect("a file in a new folder");
                path.display().to_string()
            };
            format!(
                "allow_anonymous true\nlistener {ws} 127.0.0.1\nprotocol websockets\n\
                 listener {wss} 127.0.0.1\nprotocol websockets\ncertfile {}\nkeyfile {}\n",
                file("broker.pem", &own.certificate),
                file("broker-key.pem", &own.key),
            )
        });
        Websockets {
            broker,
            ws: format!("ws://127.0.0.1:{ws}/mqtt"),
            wss: format!("wss://localhost:{wss}/mqtt"),
        }
    }

    fn with(access: impl FnOnce(&TempDir) -> String) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        // As root it would give up rights and could not read a password file that only root may read.
        let user = if rustix::process::geteuid().is_root() {
            "user root\n"
        } else {
            ""
        };
        let access = access(&folder);
        let config = format!(
            "{user}{access}listener {port} 127.0.0.1\npersistence false\nset_tcp_nodelay true\n\
             max_inflight_messages 0\nmax_queued_messages 0\nconnection_messages false\nlog_dest stderr\n"
        );
        std::fs::write(folder.path().join("mosquitto.conf"), config)
            .expect("a file in a new folder");
        Self {
            process: serve(&folder),
            url: format!("mqtt://127.0.0.1:{port}"),
            port,
            folder,
        }
    }

    /// Ends it as a crash does.
    pub fn crash(&self) {
        self.process.signal(Signal::KILL);
    }

    /// Starts it again on the same port, with nothing that it knew.
    pub fn restart(&mut self) {
        self.process = serve(&self.folder);
    }

    /// Mosquitto's own subscriber; it has subscribed when this returns.
    pub fn subscribe(&self, filter: &str, qos: u8) -> Subscriber {
        Subscriber::at(self.port, filter, qos)
    }
}

/// What lines with messages begin with.
const MARK: &str = "MESSAGE";

/// A message as the subscriber got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Of its delivery.
    pub qos: u8,
    pub topic: String,
    pub payload: String,
}

/// An independent witness of what reached the broker.
#[derive(Debug)]
pub struct Subscriber(Process);

impl Subscriber {
    /// Of whoever listens on this port of 127.0.0.1; it has subscribed when this returns.
    pub fn at(port: u16, filter: &str, qos: u8) -> Self {
        // Its messages and its words come in one stream, line by line, which says too that it has
        // subscribed.
        let mut command = Command::new("sh");
        command
            .args(["-c", "exec stdbuf -oL \"$0\" \"$@\" >&2"])
            .arg(program("mosquitto_sub"))
            .args(["-h", "127.0.0.1", "-p", &port.to_string()])
            .args(["-d", "-F", &format!("{MARK} %q %t %p"), "-t", filter])
            .args(["-q", &qos.to_string()]);
        let mut process = Process::start(command);
        process.await_words("Subscribed (mid");
        Self(process)
    }

    /// Everything that has arrived, in order. Waits until it is as much as expected, and then a
    /// little for what would be too much.
    pub fn messages(self, expected: u64) -> Vec<Message> {
        let deadline = Instant::now() + ARRIVES_WITHIN;
        while (self.arrived().len() as u64) < expected && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        std::thread::sleep(Duration::from_millis(200));
        self.arrived()
    }

    fn arrived(&self) -> Vec<Message> {
        let text = self.0.stderr();
        // The last line may be half there.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().filter_map(message).collect()
    }
}

fn message(line: &str) -> Option<Message> {
    let mut words = line.strip_prefix(MARK)?.trim_start().splitn(3, ' ');
    Some(Message {
        qos: words.next()?.parse().ok()?,
        topic: words.next()?.to_owned(),
        payload: words.next().unwrap_or_default().to_owned(),
    })
}

fn serve(folder: &TempDir) -> Process {
    // As many connections as it may have.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n \"$(ulimit -H -n)\" && exec \"$0\" \"$@\""]);
    command
        .arg(program("mosquitto"))
        .arg("-c")
        .arg(folder.path().join("mosquitto.conf"));
    let mut process = Process::start(command);
    process.await_words(" running");
    process
}

/// Where a program of the package lies; daemons are not on everybody's path.
pub fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/sbin", "/usr/bin"].map(PathBuf::from);
    let mut places = std::env::split_paths(&path).chain(usual);
    places
        .find_map(|place| Some(place.join(name)).filter(|file| file.is_file()))
        .unwrap_or_else(|| panic!("{name} is not installed; install it with:\n    {INSTALL}"))
}
