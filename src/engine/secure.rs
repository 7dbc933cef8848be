//! How a connection comes under TLS, between TCP and CONNECT.
//!
//! A handshake is a third of a millisecond of work, in one piece: what the target sends first. So a
//! turn of the loop does few of them, one after the other, with the schedule between them; the rest
//! wait for the next turn. Not here: TLS itself (`event::tls`), and who may be trusted.

use std::io::ErrorKind;

use super::connection::{Part, State};
use super::failure;
use super::worker::Worker;
use crate::event::Socket;
use crate::event::tls::{Connector, Credentials, CredentialsError, Introduction, Tls};
use crate::measure::{ConnectFailure, FailReason};

/// Handshakes that go on in one turn.
const PER_TURN: usize = 2;

/// TLS of all connections of a run.
#[derive(Debug, Clone)]
pub struct Security {
    /// Makes this side of each connection.
    pub connector: Connector,
    /// What each target's certificate must be for, in the order of the targets.
    pub names: Vec<String>,
    /// What all connections show; `None`: what the plan says of each, or nothing.
    pub credentials: Option<Credentials>,
}

/// Why an endpoint has no certificate to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnError {
    /// A file that cannot be read: its path, and what the system says.
    File(String, String),
    /// What is read is no certificate, or no key to it.
    Unusable(CredentialsError),
}

/// Reads what the plan says of an endpoint's certificate and key: each PEM, or the path of a PEM file.
///
/// # Errors
/// What is missing or wrong, never what was read.
pub fn own_credentials(certificate: &str, key: &str) -> Result<Credentials, OwnError> {
    let certificate = pem(certificate)?;
    let key = pem(key)?;
    Credentials::from_pem(&certificate, &key).map_err(OwnError::Unusable)
}

fn pem(text: &str) -> Result<Vec<u8>, OwnError> {
    if text.contains("-----BEGIN") {
        return Ok(text.as_bytes().to_vec());
    }
    std::fs::read(text).map_err(|error| OwnError::File(text.to_owned(), error.to_string()))
}

impl Worker<'_> {
    /// Whether an event of this connection is about its handshake; then it has its place in the queue.
    pub(super) fn queue_handshake(&mut self, connection: u32) -> bool {
        let row = &mut self.connections[connection as usize];
        let connecting = matches!(row.state, State::Connecting | State::Securing);
        if !connecting || self.settings.tls.is_none() {
            return false;
        }
        if let Some(attempt) = row.cold.as_mut().and_then(|cold| cold.attempt.as_mut())
            && !attempt.queued
        {
            attempt.queued = true;
            self.handshakes.push_back(connection);
        }
        true
    }

    /// Goes on with the handshakes whose turn it is.
    pub(super) fn shake_hands(&mut self) {
        for _ in 0..PER_TURN {
            let Some(connection) = self.handshakes.pop_front() else {
                return;
            };
            if let Some(attempt) = self.attempt_of(connection) {
                attempt.queued = false;
            }
            match self.connections[connection as usize].state {
                State::Connecting => self.begin_tls(connection),
                State::Securing => self.go_on_with_tls(connection),
                // It timed out, or failed, while it waited.
                _ => continue,
            }
            self.give_way();
        }
    }

    /// The TCP handshake has ended, well or badly: the first words of TLS say which.
    fn begin_tls(&mut self, connection: u32) {
        let Some(security) = &self.settings.tls else {
            return;
        };
        let number = self.number_in_run(connection);
        let name = &security.names[(number % security.names.len() as u64) as usize];
        let who = match self.introduction(connection, number) {
            Ok(who) => who,
            Err(failure) => return self.connect_failed(connection, failure),
        };
        let now = self.clock.now();
        let row = &mut self.connections[connection as usize];
        let Some(socket) = row.stream.take() else {
            return;
        };
        socket.send_at_once();
        let begun = socket
            .connect_tls(&security.connector, name, who)
            .and_then(|socket| {
                row.stream
                    .insert(socket)
                    .tls_client()
                    .map_or(Ok(()), Tls::begin)
            });
        match begun {
            Err(error) if !is_waiting(&error) => {
                self.connect_failed(connection, failure::of_connect(&error));
            }
            _ => {
                row.state = State::Securing;
                if let Some(attempt) = self.attempt_of(connection) {
                    attempt.securing_since = now;
                }
                // What a target says or does at once came with an event that has gone by.
                self.go_on_with_tls(connection);
            }
        }
    }

    /// Who the connection is to the target. Callers show what endpoint 0 shows.
    fn introduction(&self, connection: u32, number: u64) -> Result<Introduction, ConnectFailure> {
        let shared = self.settings.tls.as_ref();
        let mut credentials = shared.and_then(|security| security.credentials.clone());
        if credentials.is_none() {
            let row = &self.connections[connection as usize];
            let endpoint = match row.part {
                Part::Caller => 0,
                _ => self.base + row.first,
            };
            if let Some((certificate, key)) = self.plan.certificate_and_key(endpoint) {
                // It was there when the run began.
                let read = own_credentials(&certificate, &key);
                credentials = Some(read.map_err(|_| ConnectFailure::TlsCredentials)?);
            }
        }
        Ok(Introduction {
            credentials,
            number,
        })
    }

    /// The target has said something, or takes what is to be said.
    fn go_on_with_tls(&mut self, connection: u32) {
        match self.converse(connection) {
            Ok(0) => self.lose(connection, FailReason::Closed),
            // Nobody answers before CONNECT.
            Ok(_) => self.connect_failed(connection, ConnectFailure::Protocol),
            Err(error) if is_waiting(&error) => {
                self.end_handshake(connection);
                if error.kind() == ErrorKind::Interrupted {
                    self.queue_handshake(connection);
                }
            }
            Err(error) => self.broke(connection, &error),
        }
    }

    /// CONNECT follows, if the handshake has come to its end.
    fn end_handshake(&mut self, connection: u32) {
        let row = &mut self.connections[connection as usize];
        let Some(tls) = row.stream.as_mut().and_then(Socket::tls_client) else {
            return;
        };
        if tls.is_handshaking() {
            return;
        }
        let (is_13, resumed) = (tls.is_13().unwrap_or_default(), tls.is_resumed());
        let now = self.clock.now();
        if let Some(attempt) = self.attempt_of(connection) {
            let since = std::mem::take(&mut attempt.securing_since);
            // Only once, should the first words of MQTT have to wait.
            if since > 0 {
                self.recorder
                    .secured(now.saturating_sub(since), is_13, resumed);
            }
        }
        self.tcp_ended(connection);
    }

    /// A connection failed while it was read or written: a class of TLS or WebSocket says more than the end
    /// of it.
    pub(super) fn broke(&mut self, connection: u32, error: &std::io::Error) {
        let state = self.connections[connection as usize].state;
        match failure::of_tls(error).or_else(|| failure::of_websocket(error)) {
            Some(failure)
                if matches!(
                    state,
                    State::Securing | State::Upgrading | State::Handshake | State::Subscribing
                ) =>
            {
                self.connect_failed(connection, failure);
            }
            _ => self.lose(connection, failure::of_open(error)),
        }
    }
}

/// Nothing is the matter: the socket is not ready, or still connecting.
pub(super) fn is_waiting(error: &std::io::Error) -> bool {
    use ErrorKind::{Interrupted, NotConnected, WouldBlock};
    matches!(error.kind(), WouldBlock | Interrupted | NotConnected)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::engine::control::Control;
    use crate::engine::setup::Assignment;
    use crate::engine::{Approach, Settings, shape};
    use crate::event::Clock;
    use crate::event::tls::{ClientSetting, Protocols};
    use crate::plan::{Identities, Plan, Shard};
    use crate::profile;

    fn settings(listener: &TcpListener) -> Settings {
        let sets = ["fleet.endpoints=9", "fleet.connect_rate=100_000/s"].map(str::to_owned);
        let loaded = profile::load("mqtt-publish", &sets, &|_| unreachable!("shipped")).unwrap();
        let setting = ClientSetting {
            roots: None,
            protocols: Protocols::Both,
            resumption: false,
        };
        Settings {
            profile: loaded.profile,
            targets: vec![listener.local_addr().unwrap()],
            password: None,
            tls: Some(Security {
                connector: Connector::new(&setting).unwrap(),
                names: vec!["localhost".to_owned()],
                credentials: None,
            }),
            websocket: Vec::new(),
            nonce: 1,
            workers: 1,
            raw_log: None,
            approach: Approach::Asleep,
            kernel_timestamps: 0.0,
        }
    }

    #[test]
    fn a_turn_bears_a_few_handshakes_and_the_others_wait_in_order() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let settings = settings(&listener);
        let plan = Arc::new(Plan::compile(&settings.profile, Identities::none()).unwrap());
        let ((reports, _kept), (_kept_too, spare)) = (channel(), channel());
        let assignment = Assignment {
            index: 0,
            workers: 1,
            endpoints: plan.shard(Shard { index: 0, count: 1 }),
            shape: Arc::new(shape(&plan, &settings.profile)),
            settings: Arc::new(settings),
            plan,
            control: Arc::new(Control::new()),
            clock: Clock::start(),
            reports,
        };
        let mut worker = Worker::new(&assignment, spare).unwrap();
        while worker.attempts.under_way < 9 {
            worker.start_connects();
        }
        while worker.handshakes.len() < 9 {
            worker.poller.wait(Some(1_000_000_000)).unwrap();
            for number in 0..worker.poller.len() {
                let connection = worker.poller.event(number).token as u32;
                assert!(worker.queue_handshake(connection));
                assert!(worker.queue_handshake(connection), "and only once");
            }
        }
        let order: Vec<u32> = worker.handshakes.iter().copied().collect();
        for turn in 1..=4 {
            worker.shake_hands();
            assert_eq!(worker.handshakes.len(), 9 - turn * PER_TURN);
            let begun = worker.connections.iter();
            let begun = begun.filter(|row| row.state == State::Securing).count();
            assert_eq!(begun, turn * PER_TURN);
            assert_eq!(worker.handshakes, &order[turn * PER_TURN..]);
        }
    }

    #[test]
    fn a_certificate_that_cannot_be_read_names_the_file_or_the_fault() {
        let missing = own_credentials("no-such-file.pem", "no-such-key.pem").unwrap_err();
        let OwnError::File(path, said) = missing else {
            panic!("{missing:?}");
        };
        assert_eq!(path, "no-such-file.pem");
        assert!(!said.is_empty());
        let text = "-----BEGIN CERTIFICATE-----";
        assert_eq!(
            own_credentials(text, "-----BEGIN hunter2").unwrap_err(),
            OwnError::Unusable(CredentialsError::BadCertificate)
        );
    }
}
