//! Sessions that outlive their connections (MQTT 3.1.1, sections 3.1.2.4 and 4.4): with
//! `clean_start = false`.
//!
//! A message with QoS 1 or 2 that was written and not acknowledged stays in flight over a loss. When the
//! connection is back it is sent again, marked as a repetition and in its old place, and so is a PUBREL;
//! nothing is counted as sent a second time. Subscriptions are made again only where the target has lost
//! them. Not here: when a connection comes back (`loss`, `connect`).

use super::exchange::{Exchange, State};
use super::worker::{Stage, Worker};
use crate::mqtt::{Packet, PubRel, Version};

/// In the first byte of a PUBLISH: it was sent before (section 3.3.1.1).
const DUP: u8 = 0b1000;

impl Worker<'_> {
    /// Whether connections are made at this stage. In the drain only for what a session still owes.
    pub(super) fn may_connect(&self) -> bool {
        match self.stage {
            Stage::Connecting | Stage::Loading => true,
            Stage::Draining => !self.settings.profile.fleet.clean_start,
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

    /// The target has no session for this connection: it knows of no message, and of no filter.
    pub(super) fn session_is_new(&mut self, connection: u32) {
        let row = &mut self.connections[connection as usize];
        row.subscribed = false;
        if let Some(cold) = &mut row.cold {
            cold.incoming.clear();
        }
    }

    /// Adds to the batch what was sent on an earlier connection and never acknowledged, in the old
    /// order [MQTT-4.4.0-1], [MQTT-4.6.0-1]. It counts for the aggregate cap and does not wait for it.
    pub(super) fn send_again(&mut self, connection: u32, now: u64) {
        let list = self.connections[connection as usize].acks;
        for (ack, frame) in self.acks.of(list) {
            let _ = self.message_cap.check(now);
            let packet_id = ack.packet_id;
            // What was written once can be written again.
            let _ = if ack.released {
                self.recorder.released_again();
                let release = Packet::PubRel(PubRel::of(packet_id));
                self.batch.control(|out| release.write(Version::V311, out))
            } else {
                self.recorder.sent_again();
                self.batch.control(|out| {
                    let begin = out.len();
                    out.extend_from_slice(frame);
                    if let Some(first) = out.get_mut(begin) {
                        *first |= DUP;
                    }
                    Ok(())
                })
            };
        }
    }

    /// At the end of the run: who has not come back.
    pub(super) fn note_absences(&mut self) {
        for since in self.away.lasting() {
            self.recorder.still_away(since);
        }
    }
}
