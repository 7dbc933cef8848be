//! From bytes in the kernel to packets.
//!
//! One scratch buffer for all connections; only the beginning of a packet whose end is missing is
//! copied aside. `replied` is the clock just after the read that returned the bytes.
//! Not here: what an application message means (`reply`, `pushed`).

use super::acks::Ack;
use super::connection::State;
use super::failure;
use super::outbox::Meaning;
use super::worker::Worker;
use crate::measure::{FailReason, Outcome};
use crate::mqtt::{
    self, Packet, Properties, Property, PubAck, PubComp, PubRec, PubRel, Qos, Reason, Role, Version,
};
use crate::plan::Heard;

/// Reads of one connection per turn, so that a flooding target cannot starve the schedule.
const READS_PER_TURN: usize = 4;
/// Bytes of one read. The kernel copies them while the schedule waits.
pub(super) const READ_SIZE: usize = 64 << 10;
/// When a connection has been read enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// When a read did not fill its buffer: the next byte makes a new edge (epoll(7), question 9).
    Short,
    /// When the socket says so: the end of the stream may be next, which has made its edge already.
    Dry,
}

/// Incoming QoS 2 messages that may be unreleased; a target that exceeds it breaks the protocol.
const INCOMING_MAX: usize = 65_535;

impl Worker<'_> {
    /// Reads a connection until the kernel has no more, or for as long as its turn lasts.
    pub(super) fn read(&mut self, connection: u32, until: Until) {
        if self.connections[connection as usize].state == State::Upgrading {
            return self.go_on_with_upgrade(connection);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut more = true;
        for _ in 0..READS_PER_TURN {
            more = self.read_once(connection, &mut scratch, until);
            if !more {
                break;
            }
        }
        self.scratch = scratch;
        if more {
            self.unread.push_back(connection);
        }
    }

    /// One read call and the packets that it completes. False: nothing more to read now.
    pub(super) fn read_once(&mut self, connection: u32, scratch: &mut [u8], until: Until) -> bool {
        let row = &mut self.connections[connection as usize];
        if matches!(row.state, State::Down | State::Connecting | State::Securing) {
            return false;
        }
        let Some(stream) = &mut row.stream else {
            return false;
        };
        let mut kept = 0;
        if let Some(cold) = &mut row.cold {
            kept = cold.tail.len();
            scratch[..kept].copy_from_slice(&cold.tail);
            cold.tail.clear();
        }
        let room = READ_SIZE.min(scratch.len() - kept);
        let into = &mut scratch[kept..kept + room];
        let received = self.stamps.receive(connection, stream, into);
        let more = |count| stream.may_have_more(count, room);
        let (count, full) = match received.map(|count| (count, more(count))) {
            Ok((0, _)) => {
                self.lose(connection, FailReason::Closed);
                return false;
            }
            Ok(read) => read,
            Err(error) => {
                if kept > 0 {
                    let tail = &mut self.cold.lend(&mut row.cold).tail;
                    tail.extend_from_slice(&scratch[..kept]);
                }
                return match error.kind() {
                    std::io::ErrorKind::Interrupted => true,
                    std::io::ErrorKind::WouldBlock => false,
                    _ => {
                        self.broke(connection, &error);
                        false
                    }
                };
            }
        };
        let at = self.reading();
        self.stamps.read_at(at, &self.clock, kept == 0);
        self.recorder.read(count as u64);
        self.packets(connection, &scratch[..kept + count], at);
        self.stamps.done();
        until == Until::Dry || full
    }

    /// The packets in these bytes. A way for each version, so that in neither of them it is looked at
    /// again for every packet.
    fn packets(&mut self, connection: u32, bytes: &[u8], at: u64) {
        match self.dialect.version {
            Version::V311 => self.packets_of::<false>(connection, bytes, at),
            Version::V5 => self.packets_of::<true>(connection, bytes, at),
        }
    }

    fn packets_of<const FIVE: bool>(&mut self, connection: u32, mut bytes: &[u8], at: u64) {
        let version = if FIVE { Version::V5 } else { Version::V311 };
        let limit = self.settings.profile.limits.packet_size as usize;
        let generation = self.connections[connection as usize].generation;
        self.batch.clear();
        let all = bytes.len();
        while !bytes.is_empty() {
            match mqtt::decode(bytes, Role::Client, version, limit) {
                Ok(Some((packet, consumed))) => {
                    self.stamps.packet(consumed == all);
                    self.packet(connection, packet, at);
                    bytes = &bytes[consumed..];
                }
                Ok(None) => break,
                Err(_) => return self.lose(connection, FailReason::Protocol),
            }
            let row = &self.connections[connection as usize];
            if row.state == State::Down || row.generation != generation {
                return;
            }
        }
        if FIVE {
            self.go_on_sending_again(connection, at);
        }
        let row = &mut self.connections[connection as usize];
        if !bytes.is_empty() {
            let tail = &mut self.cold.lend(&mut row.cold).tail;
            tail.extend_from_slice(bytes);
        } else if row.cold.is_some() {
            self.cold.collect(&mut row.cold);
        }
        self.flush(connection);
    }

    fn packet(&mut self, connection: u32, packet: Packet<'_>, at: u64) {
        match packet {
            Packet::Publish(publish) => {
                if publish.dup {
                    self.recorder.redelivered(at);
                }
                if !self.acknowledge(connection, publish.qos, publish.packet_id) {
                    return;
                }
                self.deliveries.retained = publish.retain;
                if !publish.properties.is_empty() {
                    return self.message_with_properties(connection, &publish, at);
                }
                let heard = Heard {
                    topic: publish.topic,
                    payload: publish.payload,
                    correlation: None,
                };
                self.message(connection, &heard, at);
            }
            Packet::PubAck(ack) if ack.reason.is_failure() => {
                self.refused(connection, ack.packet_id, (ack.reason, ack.properties), at);
            }
            Packet::PubRec(ack) if ack.reason.is_failure() => {
                self.refused(connection, ack.packet_id, (ack.reason, ack.properties), at);
            }
            Packet::PubAck(PubAck { packet_id, .. }) => {
                self.acknowledged(connection, packet_id, Stage::Ack, at);
            }
            Packet::PubRec(PubRec { packet_id, .. }) => {
                self.acknowledged(connection, packet_id, Stage::Rec, at);
            }
            Packet::PubComp(PubComp { packet_id, .. }) => {
                self.acknowledged(connection, packet_id, Stage::Comp, at);
            }
            Packet::PubRel(PubRel { packet_id, .. }) => {
                let row = &mut self.connections[connection as usize];
                if let Some(cold) = &mut row.cold {
                    cold.incoming.retain(|&id| id != packet_id);
                }
                self.control(&Packet::PubComp(PubComp::of(packet_id)));
            }
            Packet::ConnAck(connack) => self.on_connack(connection, connack, at),
            Packet::SubAck(suback) => {
                self.on_suback(connection, suback.refusal().is_some(), at);
            }
            Packet::PingResp => self.connections[connection as usize].pinging = false,
            Packet::Disconnect(disconnect) => {
                self.lose(connection, failure::of_disconnect(disconnect.reason));
            }
            // A step of an enhanced authentication that nobody has begun [MQTT-4.12.0-6].
            Packet::Auth(_) => self.lose(connection, FailReason::BadAuthenticationMethod),
            // UNSUBACK answers nothing that was asked; the others cannot pass the codec in this role.
            _ => self.lose(connection, FailReason::Protocol),
        }
    }

    /// Answers a message's QoS. False: a repeated QoS 2 message that was delivered before.
    fn acknowledge(&mut self, connection: u32, qos: Qos, packet_id: u16) -> bool {
        match qos {
            Qos::AtMostOnce => true,
            Qos::AtLeastOnce => {
                self.control(&Packet::PubAck(PubAck::of(packet_id)));
                true
            }
            Qos::ExactlyOnce => {
                let row = &mut self.connections[connection as usize];
                let incoming = &mut self.cold.lend(&mut row.cold).incoming;
                let fresh = !incoming.contains(&packet_id);
                if fresh && incoming.len() < INCOMING_MAX {
                    incoming.push(packet_id);
                }
                self.control(&Packet::PubRec(PubRec::of(packet_id)));
                fresh
            }
        }
    }

    /// Adds a control packet to the batch that is written when all packets at hand are handled.
    fn control(&mut self, packet: &Packet<'_>) {
        let version = self.dialect.version;
        // Acknowledgements without a reason have a fixed size and always encode.
        let _ = self.batch.control(|out| packet.write(version, out));
    }

    /// PUBACK, PUBREC or PUBCOMP for one of our messages (sections 4.3.2 and 4.3.3).
    fn acknowledged(&mut self, connection: u32, packet_id: u16, stage: Stage, at: u64) {
        let row = &mut self.connections[connection as usize];
        let Some(slot) = self.acks.find(row.acks, packet_id) else {
            // PUBREC for something unknown is answered all the same, or the target repeats it for ever.
            if stage == Stage::Rec {
                self.control(&Packet::PubRel(PubRel::of(packet_id)));
            }
            return;
        };
        let ack = *self.acks.get_mut(slot);
        let plan = self.plan;
        let qos_of = |ack: &Ack| plan.requests[usize::from(ack.request)].qos;
        let qos = qos_of(&ack);
        // Those of one kind come in the order of the messages [MQTT-4.6.0-2], [MQTT-4.6.0-3].
        let first = stage != Stage::Comp && !ack.released;
        let waits = |older: &Ack| qos_of(older) == qos && !older.released;
        if first && self.acks.older(slot).any(waits) {
            self.recorder.overtook(at);
        }
        match (stage, qos, ack.released) {
            (Stage::Rec, 2, _) => {
                self.acks.get_mut(slot).released = true;
                self.control(&Packet::PubRel(PubRel::of(packet_id)));
                return;
            }
            (Stage::Ack, 1, _) | (Stage::Comp, 2, true) => {}
            // A PUBACK for QoS 2 or a PUBCOMP before the PUBREL.
            _ => return self.lose(connection, FailReason::Protocol),
        }
        self.acks.remove(&mut row.acks, slot);
        row.unacknowledged -= 1;
        if ack.sent == 0 {
            return self.lose(connection, FailReason::Protocol);
        }
        self.recorder
            .acknowledged(ack.request, ack.intended, ack.sent, at);
        if let Some(ticket) = ack.ticket.filter(|_| ack.completes) {
            if self.exchanges.live(ticket).is_some() {
                self.sample(ticket.slot, at);
                self.complete(ticket.slot, at, Outcome::Ok, None);
            } else {
                self.recorder.late(ack.request, ack.intended);
            }
        }
    }

    /// PUBACK or PUBREC with a failure: the message is over, and nothing will answer it (5.0: sections
    /// 4.3.2 and 4.3.3).
    fn refused(
        &mut self,
        connection: u32,
        packet_id: u16,
        (reason, properties): (Reason, Properties<'_>),
        at: u64,
    ) {
        let row = &mut self.connections[connection as usize];
        let Some(slot) = self.acks.find(row.acks, packet_id) else {
            return;
        };
        let ack = *self.acks.get_mut(slot);
        self.acks.remove(&mut row.acks, slot);
        row.unacknowledged -= 1;
        if ack.sent == 0 {
            return self.lose(connection, FailReason::Protocol);
        }
        let words = properties.iter().find_map(|property| match property {
            Property::ReasonString(words) => Some(words),
            _ => None,
        });
        let words = words.unwrap_or_default();
        let name = Some(reason.name());
        self.recorder.error_detail(ack.request, name, words, at);
        match self.unanswered(&ack, failure::of_refusal(reason), at) {
            Some(exchange) => self.closed_next(exchange.endpoint, at),
            None if ack.ticket.is_some() => self.recorder.late(ack.request, ack.intended),
            None => {}
        }
    }

    /// What a marker stands for, for accounts at the end of a run.
    pub(super) fn unsent_markers(&self) -> impl Iterator<Item = Meaning> + '_ {
        self.connections
            .iter()
            .filter_map(|row| row.cold.as_ref())
            .flat_map(|cold| cold.outbox.markers())
            .filter(|marker| !marker.begun)
            .map(|marker| marker.meaning)
    }
}

/// Which step of a handshake a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// PUBACK
    Ack,
    /// PUBREC
    Rec,
    /// PUBCOMP
    Comp,
}
