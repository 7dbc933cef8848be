//! What the tenant does with each packet: the server half of MQTT 3.1.1 and 5.0, and what both halves have in
//! common.
//!
//! Section numbers and statements are those of the OASIS standards. Not here: how a connection begins and
//! ends (`greeting`), sockets and timers (`server`), what an application message means (`platforms`), what
//! only a client does (`attached`).

use super::faults::Fate;
use super::flow::Arrival;
use super::options::Delivery;
use super::platforms::{Outcome, Recipient, Reply, Route};
use super::router::Message;
use super::server::Server;
use super::session::{Ending, Stage};
use super::sessions::ConnectionId;
use super::terms::{self, Asked};
use super::timers::Timer;
use crate::mqtt::{
    DecodeError, Packet, Properties, PubAck, PubComp, PubRec, PubRel, Publish, Qos, Reason, Role,
    SUBSCRIPTION_REFUSED, SubAck, Subscribe, UnsubAck, Unsubscribe, Version, decode,
};

/// Subscriptions that one connection may have.
const FILTERS_MAX: usize = 100_000;

/// What became of the bytes of one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// This many are done with; the rest is the beginning of a packet.
    Consumed(usize),
    /// The connection is over.
    Ended(Ending),
}

impl Server {
    /// Handles every whole packet in `input`.
    pub(super) fn packets(&mut self, id: ConnectionId, input: &[u8], now: u64) -> Progress {
        let role = match self.attachment {
            Some(_) => Role::Client,
            None => Role::Server,
        };
        let mut used = 0;
        let session = self.router.sessions.get(id);
        let mut version = session.map_or(Version::V311, |session| session.version);
        loop {
            match decode(&input[used..], role, version, self.options.max_packet) {
                Ok(None) => return Progress::Consumed(used),
                Ok(Some((packet, length))) => {
                    used += length;
                    if let Err(ending) = self.packet(id, &packet, now) {
                        return Progress::Ended(ending);
                    }
                    // It may be about to be closed by its own doing, as a slow reader.
                    if !self.router.sessions.is_alive(id) {
                        return Progress::Consumed(input.len());
                    }
                }
                Err(DecodeError::UnsupportedProtocol(level))
                    if version == Version::V311 && level == Version::V5.level() =>
                {
                    // Read again, as what it is; a second CONNECT ends the connection all the same.
                    version = Version::V5;
                    self.speaks_5(id);
                }
                Err(error) => return Progress::Ended(self.refuse(id, error)),
            }
        }
    }

    fn packet(&mut self, id: ConnectionId, packet: &Packet, now: u64) -> Result<(), Ending> {
        let Some(session) = self.router.sessions.get(id) else {
            return Err(Ending::Peer);
        };
        if session.stage == Stage::Opened {
            // [MQTT-3.1.0-1]
            return match packet {
                Packet::Connect(connect) => self.connect(id, &connect.fields(), now),
                // The codec lets it through to a client alone.
                Packet::ConnAck(ack) => self.admitted(id, *ack),
                _ => Err(Ending::Protocol("no-connect")),
            };
        }
        match packet {
            Packet::Publish(publish) => {
                if session.version == Version::V5
                    && let Some(reason) = terms::breach(publish)
                {
                    return Err(Ending::Breach(reason));
                }
                self.publish(id, publish, now);
                return Ok(());
            }
            Packet::PubAck(ack) => {
                session.has_arrived(ack.packet_id);
                self.expected(|s| s.flow.acknowledged(ack.packet_id), id);
            }
            Packet::PubComp(ack) => self.expected(|s| s.flow.completed(ack.packet_id), id),
            // There is nothing to release then (5.0: section 4.3.3).
            Packet::PubRec(ack) if ack.reason.is_failure() => {
                session.has_arrived(ack.packet_id);
                self.expected(|s| s.flow.refused(ack.packet_id), id);
            }
            Packet::PubRec(ack) => {
                session.has_arrived(ack.packet_id);
                self.expected(|s| s.flow.recorded(ack.packet_id), id);
                self.write(id, &Packet::PubRel(PubRel::of(ack.packet_id)));
            }
            Packet::PubRel(ack) => {
                session.flow.released(ack.packet_id);
                self.write(id, &Packet::PubComp(PubComp::of(ack.packet_id)));
            }
            Packet::Subscribe(subscribe) => self.subscribe(id, subscribe),
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(id, unsubscribe),
            Packet::PingReq => self.write(id, &Packet::PingResp),
            Packet::Disconnect(_) => return Err(Ending::Peer),
            // [MQTT-3.1.0-2]
            Packet::Connect(_) => return Err(Ending::Protocol("second-connect")),
            // What a broker says to the tenant; the codec lets it through to a client alone.
            Packet::SubAck(ack) => self.granted(id, ack),
            Packet::PingResp => {}
            // The codec lets no packet of the other direction through, nor AUTH in 3.1.1; in 5.0 nobody has
            // agreed on a method (section 4.12).
            Packet::ConnAck(_) | Packet::UnsubAck(_) | Packet::Auth(_) => {
                return Err(Ending::Protocol("wrong-direction"));
            }
        }
        Ok(())
    }

    fn publish(&mut self, id: ConnectionId, publish: &Publish, now: u64) {
        if !self.take(id, publish) || !self.is_request(id, publish) {
            return;
        }
        if let Some(arrivals) = &mut self.arrivals
            && let Err(failure) = arrivals.record()
        {
            self.fail(failure);
        }
        if !self.published {
            self.published = true;
            if let Some(stall) = self.options.stall {
                self.agenda.insert(now + stall.after_ns, Timer::Stall);
            }
            if let Some(outage) = self.options.outage {
                self.agenda.insert(now + outage.after_ns, Timer::Crash);
            }
        }
        let from = self.sender(id);
        let asked = Asked::of(publish);
        self.platforms.asked(asked);
        let (route, reply) = self.platforms.publish(from, publish.topic, publish.payload);
        let message = Message {
            topic: publish.topic,
            payload: publish.payload,
            qos: publish.qos,
            properties: publish.properties,
        };
        match (self.router.delivery(), route) {
            // The broker has passed it on to whoever it is for.
            _ if self.attachment.is_some() => {}
            (_, Route::Private) | (Delivery::Kpc, Route::Nobody) => {}
            // A broker passes everything else on and knows no endpoints.
            (Delivery::Broker, _) | (Delivery::Kpc, Route::Subscribers) => {
                self.router.send_to_subscribers(message);
            }
            (Delivery::Kpc, Route::Endpoint(endpoint)) => {
                let speaker = self.platforms.speaker(Recipient::Endpoint(endpoint));
                if !self.router.send_to_endpoint(speaker, message) {
                    self.platforms.counts.reject("unreachable-endpoint");
                }
            }
        }
        if let Some(to) = self.platforms.intermediate.to.take() {
            self.send_intermediate(to, publish.qos);
        }
        if let Some(reply) = reply {
            self.reply(reply, publish.qos, now);
        }
        while let Some(push) = self.platforms.greet() {
            self.push(Some(push));
        }
    }

    /// Acknowledges a message. False: it is a repetition.
    fn take(&mut self, id: ConnectionId, publish: &Publish) -> bool {
        let packet_id = publish.packet_id;
        match publish.qos {
            Qos::AtMostOnce => return true,
            Qos::AtLeastOnce => self.write(id, &Packet::PubAck(PubAck::of(packet_id))),
            Qos::ExactlyOnce => self.write(id, &Packet::PubRec(PubRec::of(packet_id))),
        }
        let session = self.router.sessions.get(id);
        session.is_some_and(|s| s.flow.arrived(publish.qos, packet_id) == Arrival::New)
    }

    /// Sends the reply in the platforms' buffers, now or when it is ready.
    fn reply(&mut self, reply: Reply, qos: Qos, now: u64) {
        let ready_at = self.service.ready_at(now);
        let topic = std::mem::take(&mut self.platforms.topic);
        let payload = std::mem::take(&mut self.platforms.payload);
        let properties = std::mem::take(&mut self.platforms.properties);
        let message = Message {
            topic: &topic,
            payload: &payload,
            qos,
            properties: properties.as_properties(),
        };
        if ready_at <= now {
            self.send_reply(reply, message);
        } else {
            match self.pending.insert(reply, &message) {
                Some(number) => {
                    self.agenda.insert(ready_at, Timer::Reply(number));
                }
                None => self.platforms.counts.lost.add(reply.name),
            }
        }
        self.platforms.topic = topic;
        self.platforms.payload = payload;
        self.platforms.properties = properties;
    }

    /// Sends a reply that is ready, where and as often as it is to be sent, and counts it.
    pub(super) fn send_reply(&mut self, reply: Reply, message: Message) {
        if reply.fate == Fate::Misdirected && self.misdirect(reply, message) {
            return self.platforms.counts.misdirected.add(reply.name);
        }
        let nowhere = matches!(reply.fate, Fate::Lost | Fate::Misdirected);
        let sent = !nowhere && self.deliver(reply.to, message);
        let counts = &mut self.platforms.counts;
        match reply.outcome {
            _ if !sent => counts.lost.add(reply.name),
            Outcome::Ok => counts.replied_ok.add(reply.name),
            Outcome::Error => counts.replied_error.add(reply.name),
        }
        if sent && reply.fate == Fate::Repeated && self.deliver(reply.to, message) {
            self.platforms.counts.duplicated.add(reply.name);
        }
        if sent && reply.fate == Fate::Orphaned && self.send_orphan(reply, message) {
            self.platforms.counts.orphaned.add(reply.name);
        }
    }

    /// Sends what comes before a reply. It is a part of it and not counted by itself.
    fn send_intermediate(&mut self, to: Recipient, qos: Qos) {
        let intermediate = std::mem::take(&mut self.platforms.intermediate);
        let properties = std::mem::take(&mut self.platforms.properties);
        let message = Message {
            topic: &intermediate.topic,
            payload: &intermediate.payload,
            qos,
            properties: properties.as_properties(),
        };
        self.deliver(to, message);
        self.platforms.intermediate = intermediate;
        self.platforms.properties = properties;
    }

    /// False: it reached nobody.
    pub(super) fn deliver(&mut self, to: Recipient, message: Message) -> bool {
        if let Some(attachment) = &mut self.attachment {
            return attachment.publish(&mut self.router, to, message);
        }
        match to {
            Recipient::Session(connection) => self.router.send_to_session(connection, message),
            Recipient::Endpoint(_) | Recipient::Connection(_) => {
                let speaker = self.platforms.speaker(to);
                self.router.reply(speaker, message)
            }
        }
    }

    fn subscribe(&mut self, id: ConnectionId, subscribe: &Subscribe) {
        let mut codes = Vec::new();
        for (filter, options) in subscribe.subscriptions() {
            let Some(session) = self.router.sessions.get(id) else {
                return;
            };
            let (version, qos) = (session.version, options.qos);
            if version == Version::V5
                && let Some(reason) = terms::subscription_refusal(subscribe, filter, options)
            {
                codes.push(reason as u8);
                continue;
            }
            if session.filters.len() >= FILTERS_MAX && !session.filters.contains_key(filter) {
                codes.push(match version {
                    Version::V311 => SUBSCRIPTION_REFUSED,
                    Version::V5 => Reason::QuotaExceeded as u8,
                });
                continue;
            }
            session.filters.insert(filter.into(), qos);
            self.router.subscriptions.add(filter, id, qos);
            self.platforms.subscribed(id, filter);
            codes.push(qos as u8);
        }
        self.write(
            id,
            &Packet::SubAck(SubAck {
                packet_id: subscribe.packet_id,
                properties: Properties::NONE,
                codes: &codes,
            }),
        );
    }

    fn unsubscribe(&mut self, id: ConnectionId, unsubscribe: &Unsubscribe) {
        // 3.1.1 has none, and leaves them out.
        let mut codes = Vec::new();
        for filter in unsubscribe.filters() {
            let Some(session) = self.router.sessions.get(id) else {
                return;
            };
            if session.filters.remove(filter).is_some() {
                self.router.subscriptions.remove(filter, id);
                codes.push(Reason::Success as u8);
            } else {
                codes.push(Reason::NoSubscriptionExisted as u8);
            }
        }
        self.write(
            id,
            &Packet::UnsubAck(UnsubAck {
                packet_id: unsubscribe.packet_id,
                properties: Properties::NONE,
                codes: &codes,
            }),
        );
    }

    /// Counts an acknowledgement that nothing waited for; it does no harm.
    pub(super) fn expected(
        &mut self,
        waited: impl FnOnce(&mut super::session::Session) -> bool,
        id: ConnectionId,
    ) {
        if !self.router.sessions.get(id).is_some_and(waited) {
            self.platforms.counts.reject("unexpected-acknowledgement");
        }
    }

    pub(super) fn write(&mut self, id: ConnectionId, packet: &Packet) {
        if let Some(session) = self.router.sessions.writing(id) {
            // Acknowledgements of fixed size always fit, and repeat what was decoded.
            let _ = packet.write(session.version, &mut session.out);
        }
    }
}
