//! Hands messages to connections, by the rules of the tenant's delivery.
//!
//! Packet identifiers and the limit of what may wait for a slow reader are kept here. Not here:
//! what is replied to whom (`platforms`).

use super::options::{Delivery, TenantOptions};
use super::session::{Ending, Stage};
use super::sessions::{ConnectionId, Sessions};
use super::subscriptions::{Receiver, Subscriptions};
use super::terms;
use crate::mqtt::{Properties, Publish, Qos};

/// One message to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its payload.
    pub payload: &'a [u8],
    /// The QoS it was published with.
    pub qos: Qos,
}

/// Connections and subscriptions.
#[derive(Debug)]
pub struct Router {
    /// All connections.
    pub sessions: Sessions,
    /// Who wants what.
    pub subscriptions: Subscriptions,
    delivery: Delivery,
    backlog_max: usize,
    receivers: Vec<Receiver>,
}

impl Router {
    /// With the delivery and limits of the options.
    pub fn new(options: &TenantOptions) -> Self {
        Self {
            sessions: Sessions::default(),
            subscriptions: Subscriptions::default(),
            delivery: options.delivery,
            backlog_max: options.buffer_per_connection,
            receivers: Vec::new(),
        }
    }

    /// Kpc or broker.
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// Sends a reply: to the connection that speaks for the endpoint, or, as a broker, to the
    /// subscribers. False: it reached nobody.
    pub fn reply(&mut self, speaker: Option<ConnectionId>, message: Message) -> bool {
        match self.delivery {
            Delivery::Broker => self.send_to_subscribers(message),
            Delivery::Kpc => {
                speaker.is_some_and(|speaker| self.send_to_connection(speaker, message))
            }
        }
    }

    /// Sends what is meant for an endpoint but not a reply. Whoever subscribed to it gets it;
    /// without a subscriber it goes to the connection that speaks for the endpoint, but not as a
    /// broker. (A device that publishes and subscribes on two connections gets it once.)
    /// False: it reached nobody.
    pub fn send_to_endpoint(&mut self, speaker: Option<ConnectionId>, message: Message) -> bool {
        self.send_to_subscribers(message) || self.reply(speaker, message)
    }

    /// Sends to one connection that is an endpoint itself: others may have subscribed to the same
    /// topic and mean themselves. As a broker only if it subscribed too. False: it did not get it.
    pub fn send_to_session(&mut self, id: ConnectionId, message: Message) -> bool {
        if self.delivery == Delivery::Kpc {
            return self.send_to_connection(id, message);
        }
        self.subscriptions.find(message.topic, &mut self.receivers);
        let own = self.receivers.iter().find(|(receiver, _)| *receiver == id);
        let Some(&(_, granted)) = own else {
            return false;
        };
        let qos = message.qos.min(granted);
        self.send_to_connection(id, Message { qos, ..message })
    }

    /// Sends to every connection with a matching subscription, once each, at most at the QoS
    /// granted. False: it reached nobody.
    pub fn send_to_subscribers(&mut self, message: Message) -> bool {
        let mut receivers = std::mem::take(&mut self.receivers);
        self.subscriptions.find(message.topic, &mut receivers);
        let mut reached = false;
        for &(connection, granted) in &receivers {
            let qos = message.qos.min(granted);
            reached |= self.send_to_connection(connection, Message { qos, ..message });
        }
        self.receivers = receivers;
        reached
    }

    /// Sends to one connection. False: it has ended, does not read, takes no packet of this size, or
    /// has as many messages unacknowledged as it takes.
    pub fn send_to_connection(&mut self, id: ConnectionId, message: Message) -> bool {
        let Some(session) = self.sessions.writing(id) else {
            return false;
        };
        if session.stage != Stage::Connected || session.backlog() > self.backlog_max {
            return false;
        }
        // [MQTT-3.1.2-24], [MQTT-3.1.2-25]
        if terms::packet_len(message.topic, message.payload) > session.packet_max as usize {
            return false;
        }
        let Some(packet_id) = session.flow.next_id(message.qos, session.receive_max) else {
            return false;
        };
        let publish = Publish {
            dup: false,
            qos: message.qos,
            retain: false,
            topic: message.topic,
            packet_id,
            payload: message.payload,
            properties: Properties::NONE,
        };
        if publish.write(session.version, &mut session.out).is_err() {
            return false;
        }
        self.check_backlog(id)
    }

    /// Dooms a connection for which too much waits, after one more try to write it.
    fn check_backlog(&mut self, id: ConnectionId) -> bool {
        let backlog = |router: &mut Self| router.sessions.get(id).map_or(0, |s| s.backlog());
        if backlog(self) <= self.backlog_max {
            return true;
        }
        self.sessions.flush_one(id);
        if backlog(self) <= self.backlog_max {
            return true;
        }
        self.sessions.doom(id, Ending::SlowReader);
        false
    }
}
