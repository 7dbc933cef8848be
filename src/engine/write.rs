//! From encoded frames to the kernel, by way of the outbox where a socket is full.
//!
//! One write call carries everything that a turn has for a connection. `sent` is the clock just
//! before the call that takes a message's first byte. Not here: what is in a frame.

use super::connection::{Coarse, State};
use super::exchange::State as Exchange;
use super::outbox::{Marker, Meaning};
use super::worker::Worker;
use crate::event::Socket;
use crate::measure::{DropReason, LeftOut};
use crate::planted::{self, Mistake};

impl Worker<'_> {
    /// The clock, for what is written or read now.
    #[inline]
    pub(super) fn reading(&self) -> u64 {
        if planted::is_made(Mistake::OneReading) {
            self.last_wake
        } else {
            self.clock.now()
        }
    }

    /// Writes the batch, or queues it behind what the socket has not taken yet. The batch is empty
    /// afterwards.
    pub(super) fn flush(&mut self, connection: u32) {
        if self.batch.is_empty() {
            return;
        }
        let now = self.reading();
        // Taken out, because a connection that is lost here may use the batch to come back.
        let mut batch = std::mem::take(&mut self.batch);
        for marker in &mut batch.markers {
            marker.due = batch.due.unwrap_or(now);
        }
        batch.stamp_until(usize::MAX, now, |at| self.recorder.measures(at));
        self.write(connection, batch.bytes.text(), &batch.markers, now);
        batch.clear();
        self.batch = batch;
    }

    /// Writes frames at `now`, or queues them behind what the socket has not taken yet.
    pub(super) fn write(&mut self, connection: u32, bytes: &[u8], markers: &[Marker], now: u64) {
        self.write_or_queue(connection, bytes, markers, now);
        self.may_have_told(connection);
    }

    fn write_or_queue(&mut self, connection: u32, bytes: &[u8], markers: &[Marker], now: u64) {
        let sampled = self.stamps.is_turn();
        let row = &mut self.connections[connection as usize];
        let (mut now, mut left) = (now, Err(LeftOut::HeldBack));
        if row.backlog() > 0 {
            self.queue(connection, bytes, markers);
        } else if let Some(stream) = &mut row.stream {
            let taken = if sampled && matches!(markers, [one] if one.meaning.is_exchange()) {
                let taken;
                (taken, left) = self.stamps.transmit(stream, bytes, &self.clock, &mut now);
                taken
            } else {
                stream.transmit(bytes)
            };
            match taken {
                Ok(count) => self.written(connection, count, bytes, markers, now),
                Err(error) if would_block(&error) => {
                    self.written(connection, 0, bytes, markers, now);
                }
                Err(error) => {
                    self.queue(connection, bytes, markers);
                    self.cannot_write(connection, error);
                }
            }
        } else {
            self.give_up_unsent(markers);
        }
        if sampled {
            self.note_sampled(connection, markers, left);
        }
    }

    /// The kernel has taken `count` of these bytes.
    pub(super) fn written(
        &mut self,
        connection: u32,
        count: usize,
        bytes: &[u8],
        markers: &[Marker],
        now: u64,
    ) {
        self.connections[connection as usize].last_write = Coarse::at(now);
        self.recorder.wrote(count as u64);
        if count < bytes.len() {
            self.queue(connection, bytes, markers);
            return self.advance_outbox(connection, count, now);
        }
        for same in markers.chunk_by(|one, next| one.meaning == next.meaning) {
            match same[0].meaning {
                // Recording them one by one took as long as rendering them.
                Meaning::Fire {
                    intended, request, ..
                } => {
                    let count = same.len() as u64;
                    self.recorder
                        .fired(request, intended, same[0].due, now, count);
                }
                _ => same.iter().for_each(|m| self.taken(connection, m, now)),
            }
        }
    }

    fn queue(&mut self, connection: u32, bytes: &[u8], markers: &[Marker]) {
        let row = &mut self.connections[connection as usize];
        let outbox = &mut self.cold.lend(&mut row.cold).outbox;
        outbox.push(bytes, markers.iter().copied());
    }

    /// The socket takes bytes again.
    pub(super) fn writable(&mut self, connection: u32) {
        match self.connections[connection as usize].state {
            State::Connecting => self.tcp_ended(connection),
            State::Upgrading => self.go_on_with_upgrade(connection),
            State::Down => {}
            _ => self.drain_outbox(connection),
        }
    }

    fn drain_outbox(&mut self, connection: u32) {
        let row = &mut self.connections[connection as usize];
        match row.stream.as_mut().map_or(Ok(()), Socket::flush) {
            Err(error) if would_block(&error) => return,
            Err(error) => return self.cannot_write(connection, error),
            Ok(()) => {}
        }
        while self.connections[connection as usize].backlog() > 0 {
            let now = self.clock.now();
            self.drop_stale(connection, now);
            let row = &mut self.connections[connection as usize];
            let (Some(stream), Some(cold)) = (&mut row.stream, &row.cold) else {
                return;
            };
            match stream.transmit(cold.outbox.pending()) {
                Ok(count) => {
                    row.last_write = Coarse::at(now);
                    self.recorder.wrote(count as u64);
                    self.advance_outbox(connection, count, now);
                }
                Err(error) if would_block(&error) => return,
                Err(error) => return self.cannot_write(connection, error),
            }
        }
        let row = &mut self.connections[connection as usize];
        self.cold.collect(&mut row.cold);
        for endpoint in row.endpoints() {
            self.make_runnable(endpoint);
        }
    }

    /// Takes out frames of which nothing was written and whose deadline is over.
    fn drop_stale(&mut self, connection: u32, now: u64) {
        let (exchanges, recorder) = (&mut self.exchanges, &mut self.recorder);
        let acks = &mut self.acks;
        let row = &mut self.connections[connection as usize];
        if let Some(cold) = &mut row.cold {
            cold.outbox.retain(|marker| match marker.meaning {
                Meaning::Control => true,
                Meaning::Exchange { ticket, packet_id } => {
                    let live = exchanges.live(ticket).is_some();
                    if !live
                        && packet_id > 0
                        && let Some(slot) = acks.find(row.acks, packet_id)
                    {
                        acks.remove(&mut row.acks, slot);
                        row.unacknowledged -= 1;
                    }
                    live
                }
                Meaning::Fire {
                    intended,
                    deadline,
                    request,
                } => {
                    if now > deadline {
                        recorder.dropped(request, intended, DropReason::BackPressure);
                    }
                    now <= deadline
                }
            });
        }
    }

    fn advance_outbox(&mut self, connection: u32, count: usize, now: u64) {
        let mut begun = std::mem::take(&mut self.begun);
        if let Some(cold) = &mut self.connections[connection as usize].cold {
            cold.outbox.advance(count, &mut begun);
        }
        for marker in begun.drain(..) {
            self.taken(connection, &marker, now);
        }
        self.begun = begun;
    }

    /// The kernel has taken (the first byte of) a frame.
    fn taken(&mut self, connection: u32, marker: &Marker, sent: u64) {
        match marker.meaning {
            Meaning::Control => {}
            Meaning::Exchange { ticket, packet_id } => {
                let Some(exchange) = self.exchanges.live(ticket) else {
                    return;
                };
                exchange.sent = sent;
                exchange.state = Exchange::Sent;
                let (request, intended) = (exchange.request, exchange.intended);
                self.recorder.sent(request, intended, marker.due, sent);
                if packet_id > 0 {
                    let list = self.connections[connection as usize].acks;
                    if let Some(ack) = self.acks.find_young(list, packet_id) {
                        ack.intended = intended;
                        ack.sent = sent;
                    }
                }
            }
            Meaning::Fire {
                intended, request, ..
            } => {
                self.recorder.fired(request, intended, marker.due, sent, 1);
            }
        }
    }
}

fn would_block(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted
    )
}
