//! Sessions that outlive their connections (sections 3.1.2.4 and 4.4 in 3.1.1 and in 5.0): with
//! `clean_start = false`, and in 5.0 for as long as their expiry interval says.
//!
//! A message with QoS 1 or 2 that was written and not acknowledged stays in flight over a loss. When the
//! connection is back it is sent again, marked as a repetition and in its old place, and so is a PUBREL;
//! nothing is counted as sent a second time. Subscriptions are made again only where the target has lost
//! them. What holds for one connection alone begins anew with each: aliases, and how much may be
//! unacknowledged. Not here: when a connection comes back (`loss`, `connect`).

use super::acks::Ack;
use super::connection::State as Link;
use super::exchange::{Exchange, State};
use super::worker::{Stage, Worker};
use crate::measure::FailReason;
use crate::mqtt::{
    self, EncodeError, Packet, Property, PropertyList, PubRel, Publish, Role, Version,
};

/// In the first byte of a PUBLISH: it was sent before (section 3.3.1.1).
const DUP: u8 = 0b1000;

impl Worker<'_> {
    /// Whether connections are made at this stage. In the drain only for what a session still owes.
    pub(super) fn may_connect(&self) -> bool {
        match self.stage {
            Stage::Connecting | Stage::Loading => true,
            Stage::Draining => self.sessions_last(),
            Stage::Done | Stage::Closing => false,
        }
    }

    /// Keeps the last frame of the batch for as long as its handshake lasts, if its session does.
    pub(super) fn keep_frame(&mut self, connection: u32) {
        let row = &self.connections[connection as usize];
        if row.session {
            self.acks.keep(row.acks, self.batch.last_frame());
        }
    }

    /// Whether a request that was sent on this connection goes on although the connection is lost.
    pub(super) fn outlives(&self, connection: u32, exchange: &Exchange) -> bool {
        let qos = self.plan.requests[usize::from(exchange.request)].qos;
        self.connections[connection as usize].session && qos > 0 && exchange.state == State::Sent
    }

    /// The target has no session for this connection: it knows of no message, and of no filter. In
    /// 5.0 what was in flight is over with it [MQTT-3.2.2-5].
    pub(super) fn session_is_new(&mut self, connection: u32, at: u64) {
        let row = &mut self.connections[connection as usize];
        row.subscribed = false;
        if let Some(cold) = &mut row.cold {
            cold.incoming.clear();
        }
        if self.dialect.version == Version::V5 {
            let list = row.acks;
            let over: Vec<u16> = self.acks.of(list).map(|(ack, _)| ack.packet_id).collect();
            self.give_up(connection, &over, FailReason::SessionLost, at);
        }
    }

    /// Sends what was sent on an earlier connection and never acknowledged, in the old order
    /// [MQTT-4.4.0-1], [MQTT-4.6.0-1].
    pub(super) fn send_again(&mut self, connection: u32, now: u64) {
        let owed = self.connections[connection as usize].unacknowledged;
        self.send_owed(connection, owed, now);
    }

    /// Goes on with it as far as acknowledgements have made room (5.0, section 4.9).
    #[inline]
    pub(super) fn go_on_sending_again(&mut self, connection: u32, now: u64) {
        let cold = self.connections[connection as usize].cold.as_ref();
        let owed = cold.map_or(0, |cold| cold.owed);
        if owed > 0 {
            self.send_owed(connection, owed, now);
        }
    }

    /// Adds to the batch what is to be sent again, the `owed` youngest of the list, or as much of it as
    /// the target takes unacknowledged. It counts for the aggregate cap and does not wait for it.
    fn send_owed(&mut self, connection: u32, owed: u16, now: u64) {
        let terms = *self.terms_of(connection);
        let row = &mut self.connections[connection as usize];
        let (list, endpoint) = (row.acks, self.base + row.first);
        let owed = owed.min(row.unacknowledged);
        let under_way = row.unacknowledged - owed;
        let count = terms.receive_max.saturating_sub(under_way).min(owed);
        if owed > count || row.cold.is_some() {
            self.cold.lend(&mut row.cold).owed = owed - count;
        }
        let (version, plan) = (self.dialect.version, self.plan);
        let (mut named, mut too_long) = (Vec::new(), Vec::new());
        let rows = self.acks.of(list).skip(usize::from(under_way));
        for (ack, frame) in rows.take(usize::from(count)) {
            let _ = self.message_cap.check(now);
            let packet_id = ack.packet_id;
            if ack.released {
                self.recorder.released_again(now);
                let release = Packet::PubRel(PubRel::of(packet_id));
                // What was written once can be written again.
                let _ = self.batch.control(|out| release.write(version, out));
                continue;
            }
            let request = &plan.requests[usize::from(ack.request)];
            let mut frame = frame;
            if request.alias().is_some() {
                let topic = request.fixed_topic(endpoint, &plan.identities);
                named.clear();
                if by_name(frame, &topic, &mut named).is_some() {
                    frame = &named;
                }
            }
            if frame.len() > terms.packet_max as usize {
                too_long.push(packet_id);
                continue;
            }
            self.recorder.sent_again(now);
            let written: Result<(), EncodeError> = self.batch.control(|out| {
                let begin = out.len();
                out.extend_from_slice(frame);
                if let Some(first) = out.get_mut(begin) {
                    *first |= DUP;
                }
                Ok(())
            });
            let _ = written;
        }
        self.give_up(connection, &too_long, FailReason::PacketTooLarge, now);
    }

    /// These handshakes are over without an acknowledgement, and so is what waits for one.
    fn give_up(&mut self, connection: u32, packet_ids: &[u16], why: FailReason, at: u64) {
        for packet_id in packet_ids {
            let row = &mut self.connections[connection as usize];
            let Some(slot) = self.acks.find(row.acks, *packet_id) else {
                continue;
            };
            let ack = *self.acks.get_mut(slot);
            self.acks.remove(&mut row.acks, slot);
            row.unacknowledged -= 1;
            let up = row.state == Link::Up;
            if let Some(exchange) = self.unanswered(&ack, why, at).filter(|_| up) {
                self.closed_next(exchange.endpoint, at);
            }
        }
    }

    /// Nothing will answer this message any more. Who had waited for it, if anybody still did.
    pub(super) fn unanswered(&mut self, ack: &Ack, why: FailReason, at: u64) -> Option<Exchange> {
        let ticket = ack.ticket?;
        let exchange = self.exchanges.live(ticket).copied()?;
        self.no_first_reply(&exchange, at);
        self.recorder
            .failed(ack.request, ack.intended, ack.sent, at, why);
        self.end_exchange(ticket.slot);
        Some(exchange)
    }

    /// At the end of the run: who has not come back.
    pub(super) fn note_absences(&mut self) {
        for since in self.away.lasting() {
            self.recorder.still_away(since);
        }
    }
}

/// Appends a PUBLISH with its topic's name and without an alias, which was one of the connection that
/// is lost (5.0, section 3.3.2.3.4). `None`: it cannot be, and nothing is appended.
fn by_name(frame: &[u8], topic: &str, out: &mut Vec<u8>) -> Option<()> {
    let decoded = mqtt::decode(frame, Role::Server, Version::V5, frame.len());
    let (Packet::Publish(publish), _) = decoded.ok()?? else {
        return None;
    };
    let mut properties = PropertyList::new();
    for property in publish.properties.iter() {
        if !matches!(property, Property::TopicAlias(_)) {
            properties.push(property).ok()?;
        }
    }
    let named = Publish {
        topic,
        properties: properties.as_properties(),
        ..publish
    };
    named.write(Version::V5, out).ok()
}
