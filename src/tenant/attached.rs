//! The tenant as clients of a broker: the client half of MQTT 3.1.1, clean sessions only.
//!
//! A client connects, subscribes, and is from then on one of the server's connections, whose messages
//! take the same way as those of a tenant that listens. One that is lost comes back. Not here: which
//! clients there are and how many share what (`attachment`), messages themselves (`packets`).

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Sender;

use mio::Waker;

use super::accept::CONNECT_WITHIN_NS;
use super::attachment::{Attach, Attachment, Client, FILTERS_AT_ONCE, PROBES, Sharing, Step};
use super::filters::filters;
use super::options::TenantOptions;
use super::router::Message;
use super::server::{FIRST_CONNECTION, Server};
use super::session::{Ending, Session};
use super::sessions::ConnectionId;
use super::timers::Timer;
use crate::event::{tls, websocket};
use crate::mqtt::{
    ConnAck, Connect, Disconnect, Packet, Properties, Publish, Qos, Reason, SUBSCRIPTION_REFUSED,
    SubAck, Version, write_subscribe,
};

/// Seconds of silence after which the broker may think a client lost.
const KEEP_ALIVE_S: u16 = 30;
/// Between two PINGREQs, ns.
const PING_EVERY_NS: u64 = 10_000_000_000;
/// A broker that is silent for longer is lost, ns.
const PATIENCE_NS: u64 = 30_000_000_000;
/// How long a message may take to a shared subscription, ns.
const PROBE_WITHIN_NS: u64 = 1_000_000_000;

/// Whom all messages of a broker are from, as far as the platforms are concerned: which client heard
/// one says nothing about its endpoint.
const BROKER: ConnectionId = ConnectionId::new(0, u32::MAX);

impl Server {
    /// A tenant that is attached to a broker, or will be as soon as that is there. `words`: what people
    /// should know of it.
    ///
    /// # Errors
    /// What the system says about the arrivals file or the poller.
    pub(super) fn attach(
        options: TenantOptions,
        to: Attach,
        words: Sender<String>,
    ) -> io::Result<(Self, Arc<AtomicBool>, Waker)> {
        let (mut server, stopped, waker) = Self::awake(None, options)?;
        let all = filters(&server.options.instances, &server.platforms.responder);
        server.attachment = Some(Box::new(Attachment::new(to, all, words)));
        server.dial(0);
        Ok((server, stopped, waker))
    }

    /// Whom a message is from.
    pub(super) fn sender(&self, id: ConnectionId) -> ConnectionId {
        if self.attachment.is_some() {
            BROKER
        } else {
            id
        }
    }

    fn client(&mut self, number: usize) -> Option<&mut Client> {
        self.attachment.as_mut()?.clients.get_mut(number)
    }

    /// Lets a client connect that has no connection.
    pub(super) fn dial(&mut self, number: usize) {
        let Some(attachment) = &self.attachment else {
            return;
        };
        let away = |client: &Client| client.step == Step::Away;
        if number >= attachment.wanted() || !attachment.clients.get(number).is_some_and(away) {
            return;
        }
        let until = attachment.away_until;
        if self.clock.now() < until {
            self.agenda.insert(until, Timer::Dial(number));
            return;
        }
        let token = self.router.sessions.next_id().slot() + FIRST_CONNECTION;
        let socket = match attachment.to.dial(&self.poller, token) {
            Ok(socket) => socket,
            Err(error) => return self.try_again(number, &error.to_string()),
        };
        let (client_id, to) = (attachment.client_id(number), attachment.to.clone());
        let now = self.clock.now();
        let session = Session::new(socket, now, CONNECT_WITHIN_NS);
        let id = self.router.sessions.insert(session);
        self.watch(id, now + CONNECT_WITHIN_NS);
        if let Some(client) = self.client(number) {
            client.id = Some(id);
            client.step = Step::Connecting;
        }
        let connect = Connect {
            clean_session: true,
            keep_alive: KEEP_ALIVE_S,
            client_id: &client_id,
            username: to.user.as_deref(),
            password: to.password.as_deref(),
            will: None,
            properties: Properties::NONE,
        };
        if let Some(session) = self.router.sessions.writing(id) {
            // A CONNECT is sound.
            let _ = connect.write(Version::V311, &mut session.out);
        }
    }

    /// CONNACK.
    pub(super) fn admitted(&mut self, id: ConnectionId, ack: ConnAck) -> Result<(), Ending> {
        if ack.reason != Reason::Success {
            return Err(Ending::Refused(ack.reason));
        }
        self.platforms.counts.connections += 1;
        self.router.sessions.connect(id, "");
        let now = self.clock.now();
        if let Some(session) = self.router.sessions.get(id) {
            session.patience_ns = Some(PATIENCE_NS);
        }
        self.watch(id, now + PATIENCE_NS);
        self.agenda.insert(now + PING_EVERY_NS, Timer::Ping(id));
        let Some(attachment) = &mut self.attachment else {
            return Ok(());
        };
        if attachment.sharing == Sharing::Unknown {
            let filter = attachment.shared(&attachment.probe_topic());
            self.subscribe_to(id, Step::Probing, &[filter]);
        } else {
            self.subscribe_to_all(id);
        }
        Ok(())
    }

    fn subscribe_to_all(&mut self, id: ConnectionId) {
        let Some(attachment) = &self.attachment else {
            return;
        };
        let all = attachment.subscriptions();
        let step = Step::Subscribing {
            awaited: all.len().div_ceil(FILTERS_AT_ONCE),
            refused: 0,
        };
        self.subscribe_to(id, step, &all);
    }

    fn subscribe_to(&mut self, id: ConnectionId, step: Step, all: &[String]) {
        let Some(attachment) = &mut self.attachment else {
            return;
        };
        if let Some(number) = attachment.number_of(id) {
            attachment.clients[number].step = step;
        }
        let qos = attachment.to.qos;
        for some in all.chunks(FILTERS_AT_ONCE) {
            let Some(session) = self.router.sessions.writing(id) else {
                return;
            };
            let Some(packet_id) = session.flow.next_id(Qos::AtLeastOnce, u16::MAX) else {
                return;
            };
            let some = some.iter().map(|filter| (filter.as_str(), qos));
            // Filters of sound definitions; one that is too long would be refused anyway.
            let _ = write_subscribe(
                packet_id,
                Properties::NONE,
                some,
                Version::V311,
                &mut session.out,
            );
        }
    }

    /// SUBACK.
    pub(super) fn granted(&mut self, id: ConnectionId, ack: &SubAck) {
        self.expected(|session| session.flow.acknowledged(ack.packet_id), id);
        let no = |code: &&u8| **code == SUBSCRIPTION_REFUSED;
        let now_refused = ack.codes.iter().filter(no).count();
        let Some(attachment) = &mut self.attachment else {
            return;
        };
        let Some(number) = attachment.number_of(id) else {
            return;
        };
        match attachment.clients[number].step {
            Step::Probing if now_refused > 0 => self.found_out(id, Sharing::No),
            Step::Probing => self.probe(id),
            Step::Subscribing { awaited, refused } => {
                let (awaited, refused) = (awaited.saturating_sub(1), refused + now_refused);
                attachment.clients[number].step = Step::Subscribing { awaited, refused };
                if awaited == 0 {
                    self.has_attached(number, refused);
                }
            }
            Step::Away | Step::Connecting | Step::Attached => {}
        }
    }

    fn probe(&mut self, id: ConnectionId) {
        let Some(attachment) = &self.attachment else {
            return;
        };
        let probe = Message {
            topic: &attachment.probe_topic(),
            payload: b"",
            qos: Qos::AtMostOnce,
            properties: Properties::NONE,
        };
        self.router.send_to_connection(id, probe);
        let until = self.clock.now() + PROBE_WITHIN_NS;
        self.agenda.insert(until, Timer::Probe(id));
    }

    /// The first client knows now whether subscriptions can be shared.
    pub(super) fn found_out(&mut self, id: ConnectionId, sharing: Sharing) {
        let Some(attachment) = &mut self.attachment else {
            return;
        };
        let number = attachment.number_of(id);
        if number.is_some_and(|number| attachment.clients[number].step == Step::Probing) {
            attachment.sharing = sharing;
            self.subscribe_to_all(id);
        }
    }

    fn has_attached(&mut self, number: usize, refused: usize) {
        let Some(attachment) = &mut self.attachment else {
            return;
        };
        let client = &mut attachment.clients[number];
        client.step = Step::Attached;
        client.failures = 0;
        let again = std::mem::replace(&mut client.was_there, true);
        attachment.reattached += u64::from(again);
        let count = attachment.filters.len();
        if refused > 0 {
            let url = &attachment.to.url;
            let words = format!("{url} refuses {refused} of {count} filters to the tenant");
            attachment.tell(words);
        }
        let wanted = attachment.wanted();
        let there = |client: &&Client| client.step == Step::Attached;
        if attachment.clients.iter().filter(there).count() == wanted {
            let url = &attachment.to.url;
            let qos = attachment.to.qos as u8;
            let who = match wanted {
                1 if attachment.clients.len() > 1 => {
                    "one client (the broker has no shared subscriptions)".to_owned()
                }
                1 => "one client".to_owned(),
                more => format!("{more} clients, which share them"),
            };
            let words = format!("attached to {url}: {count} filters at QoS {qos}, {who}");
            attachment.tell(words);
        }
        if !std::mem::replace(&mut attachment.begun, true) {
            let now = self.clock.now();
            self.begin(now);
        }
        for other in 1..wanted {
            self.dial(other);
        }
    }

    /// A message of the broker: whether it is a request, or something to be counted.
    pub(super) fn is_request(&mut self, id: ConnectionId, publish: &Publish) -> bool {
        let Some(attachment) = &mut self.attachment else {
            return true;
        };
        if publish.topic.starts_with(PROBES) {
            if publish.topic == attachment.probe_topic() {
                self.found_out(id, Sharing::Yes);
            }
            return false;
        }
        if publish.retain {
            // It was kept from earlier, and nobody waits for an answer.
            self.platforms.counts.reject("retained");
            return false;
        }
        attachment.is_request(publish.topic, publish.payload)
    }

    /// A client says that it is still there.
    pub(super) fn ping(&mut self, id: ConnectionId) {
        if self.router.sessions.get(id).is_some() {
            self.write(id, &Packet::PingReq);
            let next = self.clock.now() + PING_EVERY_NS;
            self.agenda.insert(next, Timer::Ping(id));
        }
    }

    /// Reading failed. What TLS or WebSocket says of it, people are told in full.
    pub(super) fn note_trouble(&mut self, id: ConnectionId, error: &io::Error) {
        let known =
            tls::Failure::within(error).is_some() || websocket::Failure::within(error).is_some();
        if let Some(attachment) = &mut self.attachment
            && let Some(number) = attachment.number_of(id)
        {
            attachment.clients[number].trouble = known.then(|| error.to_string());
        }
    }

    /// The tenant is gone for so long.
    pub(super) fn stay_away(&mut self, until: u64) {
        if let Some(attachment) = &mut self.attachment {
            attachment.away_until = until;
        }
    }

    /// A connection has ended: its client comes back.
    pub(super) fn detached(&mut self, id: ConnectionId, ending: Ending) {
        let Some(attachment) = &mut self.attachment else {
            return;
        };
        let Some(number) = attachment.number_of(id) else {
            return;
        };
        let step = attachment.clients[number].step;
        if step == Step::Probing {
            // Some brokers close a connection that asks for it.
            attachment.sharing = Sharing::No;
        }
        let trouble = attachment.clients[number].trouble.take();
        let why = match ending {
            _ if trouble.is_some() => trouble.as_deref().unwrap_or_default(),
            Ending::Peer if step == Step::Connecting => "it refuses or ends the connection",
            Ending::Peer => "it ended the connection",
            Ending::Injected => "the tenant ended the connection, as it was told to",
            Ending::KeepAlive => "it has been silent for too long",
            Ending::NoConnect => "it does not answer",
            other => other.reason().unwrap_or("the connection ended"),
        };
        self.try_again(number, why);
    }

    fn try_again(&mut self, number: usize, why: &str) {
        let Some(attachment) = &mut self.attachment else {
            return;
        };
        let pause = attachment.pause_ns(number);
        let client = &mut attachment.clients[number];
        let verb = match client.step {
            Step::Attached => "lost",
            _ => "cannot attach to",
        };
        client.id = None;
        client.step = Step::Away;
        client.failures = client.failures.saturating_add(1);
        let words = format!("{verb} {}: {why}; trying again", attachment.to.url);
        attachment.tell(words);
        let at = self.clock.now() + pause;
        self.agenda.insert(at, Timer::Dial(number));
    }

    /// Ends the connections to a broker as a client should.
    pub(super) fn say_goodbye(&mut self) {
        if self.attachment.is_none() {
            return;
        }
        for id in self.router.sessions.connected().to_vec() {
            self.write(id, &Packet::Disconnect(Disconnect::of(Reason::Success)));
            self.router.sessions.flush_one(id);
            if let Some(session) = self.router.sessions.get(id) {
                session.socket.end();
            }
        }
    }
}
