//! A tenant that is attached to a broker: where, by how many clients, and how far each of them is.
//!
//! One client finds out first whether the broker has shared subscriptions, by publishing to one. If it has,
//! all clients share the filters; if not, the first one is alone. Not here: packets (`attached`), what is
//! subscribed to (`filters`).

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use serde::{Deserialize, Serialize};

use super::echoes::Echoes;
use super::platforms::Recipient;
use super::router::{Message, Router};
use super::sessions::ConnectionId;
use crate::event::tls::{Connector, Credentials, Introduction, Tls};
use crate::event::websocket::Request;
use crate::event::{Poller, Socket};
use crate::mqtt::{Qos, topic};

/// Most clients of one tenant.
pub const CLIENTS_MAX: u32 = 64;
/// Pause before a client comes back, ns; doubled each time that it fails again.
const BACK_AFTER_NS: u64 = 100_000_000;
/// Longest such pause, ns.
const BACK_AFTER_MAX_NS: u64 = 5_000_000_000;
/// What topics begin with on which clients find out something about the broker.
pub(super) const PROBES: &str = "midge/tenant/";
/// Filters of one SUBSCRIBE; some services take no more.
pub(super) const FILTERS_AT_ONCE: usize = 8;

/// What a tenant attaches itself to, and as whom.
#[derive(Clone)]
pub struct Attach {
    /// As it is told to people.
    pub url: String,
    /// Where that is.
    pub address: SocketAddr,
    /// How it is reached by TLS.
    pub tls: Option<AttachTls>,
    /// What makes a WebSocket of each connection.
    pub websocket: Option<Request>,
    /// Clients, 1 to [`CLIENTS_MAX`], where the broker has shared subscriptions.
    pub clients: u32,
    /// Highest `QoS` at which messages are delivered to the tenant.
    pub qos: Qos,
    /// User name.
    pub user: Option<String>,
    /// Password.
    pub password: Option<Vec<u8>>,
    /// Tells this tenant's client identifiers, and its subscriptions, from those of another one.
    pub nonce: u64,
}

/// TLS of a tenant's connections to a broker.
#[derive(Clone)]
pub struct AttachTls {
    /// Makes this side of each connection.
    pub connector: Connector,
    /// What the broker's certificate must be for.
    pub name: String,
    /// What the tenant shows when it is asked for a certificate.
    pub credentials: Option<Credentials>,
}

/// Hides the password.
impl fmt::Debug for Attach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Attach").field(&self.url).finish()
    }
}

impl Attach {
    /// Begins to connect.
    pub(super) fn dial(&self, poller: &Poller, token: usize) -> io::Result<Socket> {
        let mut socket = Socket::Tcp(mio::net::TcpStream::connect(self.address)?);
        socket.send_at_once();
        poller.watch(&mut socket, token)?;
        if let Some(tls) = &self.tls {
            let who = Introduction {
                credentials: tls.credentials.clone(),
                ..Introduction::default()
            };
            socket = socket.connect_tls(&tls.connector, &tls.name, who)?;
            match socket.tls_client().map_or(Ok(()), Tls::begin) {
                // It is not connected yet; what it has to say leaves with the first write.
                Err(error) if is_early(&error) => {}
                begun => begun?,
            }
        }
        match &self.websocket {
            Some(request) => socket.connect_websocket(request),
            None => Ok(socket),
        }
    }
}

fn is_early(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::NotConnected | ErrorKind::Interrupted
    )
}

/// How far a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It has no connection.
    Away,
    /// CONNACK is awaited.
    Connecting,
    /// Its own message is awaited on a shared subscription.
    Probing,
    /// So many SUBACKs are awaited; so many filters were refused.
    Subscribing { awaited: usize, refused: usize },
    /// It hears what it is there for.
    Attached,
}

/// One client.
#[derive(Debug)]
pub(super) struct Client {
    pub id: Option<ConnectionId>,
    pub step: Step,
    /// Times in a row that it could not attach.
    pub failures: u32,
    /// Whether it was ever attached.
    pub was_there: bool,
    /// What TLS or WebSocket said of the end of its connection.
    pub trouble: Option<String>,
}

/// Whether the broker has shared subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    Unknown,
    Yes,
    No,
}

/// A tenant's place at a broker.
#[derive(Debug)]
pub(super) struct Attachment {
    pub to: Attach,
    pub clients: Vec<Client>,
    pub sharing: Sharing,
    pub filters: Vec<String>,
    pub echoes: Echoes,
    /// Times that a client attached itself again.
    pub reattached: u64,
    /// What the tenant does by itself has begun.
    pub begun: bool,
    /// Until then no client comes back (`outage`).
    pub away_until: u64,
    /// Messages for people.
    words: Sender<String>,
    /// What was said last: trouble that goes on is told once.
    said: String,
}

/// What the report says of a broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedReport {
    /// The broker.
    pub url: String,
    /// Clients of the tenant there.
    pub clients: u64,
    /// Whether they shared their subscriptions.
    pub shared: bool,
    /// Filters that were subscribed to.
    pub filters: u64,
    /// Times that a client attached itself again.
    pub reattached: u64,
    /// The tenant's own messages that came back to it; they are no requests.
    pub echoes: u64,
}

impl Attachment {
    /// Nobody is there yet.
    pub(super) fn new(to: Attach, filters: Vec<String>, words: Sender<String>) -> Self {
        let client = |_| Client {
            id: None,
            step: Step::Away,
            failures: 0,
            was_there: false,
            trouble: None,
        };
        let count = to.clients.clamp(1, CLIENTS_MAX);
        Self {
            clients: (0..count).map(client).collect(),
            sharing: if count == 1 {
                Sharing::No
            } else {
                Sharing::Unknown
            },
            to,
            filters,
            echoes: Echoes::default(),
            reattached: 0,
            begun: false,
            away_until: 0,
            words,
            said: String::new(),
        }
    }

    /// Where the broker is.
    pub(super) fn address(&self) -> SocketAddr {
        self.to.address
    }

    /// The client behind a connection.
    pub(super) fn number_of(&self, id: ConnectionId) -> Option<usize> {
        self.clients.iter().position(|client| client.id == Some(id))
    }

    /// How many clients there are to be, as far as it is known.
    pub(super) fn wanted(&self) -> usize {
        if self.sharing == Sharing::Yes {
            self.clients.len()
        } else {
            1
        }
    }

    /// A client's identifier.
    pub(super) fn client_id(&self, number: usize) -> String {
        format!("midge-tenant-{:08x}-{number}", self.to.nonce as u32)
    }

    /// The topic on which the first client finds out.
    pub(super) fn probe_topic(&self) -> String {
        format!("{PROBES}{:016x}/probe", self.to.nonce)
    }

    /// A filter as the clients subscribe to it.
    pub(super) fn shared(&self, filter: &str) -> String {
        format!("$share/midge-tenant-{:08x}/{filter}", self.to.nonce as u32)
    }

    /// The filters as a client subscribes to them.
    pub(super) fn subscriptions(&self) -> Vec<String> {
        let each = self.filters.iter();
        match self.sharing {
            Sharing::Yes => each.map(|filter| self.shared(filter)).collect(),
            Sharing::Unknown | Sharing::No => each.cloned().collect(),
        }
    }

    /// How long a client that failed again stays away, ns.
    pub(super) fn pause_ns(&self, number: usize) -> u64 {
        let failures = self.clients.get(number).map_or(0, |client| client.failures);
        (BACK_AFTER_NS << failures.min(10)).min(BACK_AFTER_MAX_NS)
    }

    /// Whether a message is for the tenant and not its own, or somebody else's reply.
    pub(super) fn is_request(&mut self, topic: &str, payload: &[u8]) -> bool {
        let is_reply =
            topic.starts_with("kp1/") && (topic.ends_with("/status") || topic.ends_with("/error"));
        !self.echoes.is_one(topic, payload) && !is_reply
    }

    /// Publishes to the broker. What is for one recipient always leaves over the same client, so that
    /// it stays in order. False: no client is there.
    pub(super) fn publish(&mut self, router: &mut Router, to: Recipient, message: Message) -> bool {
        let connected = router.sessions.connected();
        let number = match to {
            Recipient::Endpoint(endpoint) => endpoint as usize,
            Recipient::Connection(connection) | Recipient::Session(connection) => connection.slot(),
        };
        let place = number.checked_rem(connected.len());
        let Some(&id) = place.and_then(|place| connected.get(place)) else {
            return false;
        };
        let sent = router.send_to_connection(id, message);
        let is_heard = |filter: &String| topic::matches(filter, message.topic);
        if sent && self.filters.iter().any(is_heard) {
            self.echoes.await_one(message.topic, message.payload);
        }
        sent
    }

    /// Tells people, unless it was said last.
    pub(super) fn tell(&mut self, words: String) {
        if words != self.said {
            self.said.clone_from(&words);
            // Nobody has to listen.
            let _ = self.words.send(words);
        }
    }

    /// What it comes to.
    pub(super) fn report(&self) -> AttachedReport {
        AttachedReport {
            url: self.to.url.clone(),
            clients: self.wanted() as u64,
            shared: self.sharing == Sharing::Yes,
            filters: self.filters.len() as u64,
            reattached: self.reattached,
            echoes: self.echoes.seen,
        }
    }
}
