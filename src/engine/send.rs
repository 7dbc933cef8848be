//! From an intended instant to bytes in the kernel.
//!
//! A message that is due is planned (counted), checked against every limit (or dropped, with the
//! reason), encoded into the batch and written. Several due messages of one connection share a write.
//! `sent` is the clock just before the write call that takes the message's first byte.
//! Not here: replies, deadlines, and who decides that something is due in the closed model.

use std::io::Write;

use super::connection::{Ack, State};
use super::exchange::{CALLER, Key, NewExchange, Ticket};
use super::failure;
use super::outbox::{Marker, Meaning, Outbox};
use super::timer::Timer;
use super::worker::{DUE_PER_TURN, Stage, Upcoming, Worker};
use crate::measure::{DropReason, Outcome};
use crate::plan::{Captures, Message, RequestIdKind, uuid_request_id};
use crate::profile::Sender;

/// Requests that may wait for the aggregate cap, per worker.
const CAPPED_MAX: usize = 100_000;

/// Frames of one connection on their way to one write.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub bytes: Vec<u8>,
    markers: Vec<Marker>,
    /// Where the frame that is being written begins.
    from: usize,
    begun: Vec<Marker>,
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.markers.clear();
        self.from = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes appended since the last mark are an acknowledgement or the like.
    pub(super) fn mark_control(&mut self) {
        self.mark(Meaning::Control);
    }

    fn mark(&mut self, meaning: Meaning) {
        let len = (self.bytes.len() - self.from) as u32;
        self.from = self.bytes.len();
        if len > 0 {
            self.markers.push(Marker {
                len,
                begun: false,
                due: 0,
                meaning,
            });
        }
    }
}

impl Worker {
    /// Puts the first arrival of every stream of every endpoint into the wheel, or lets the closed and
    /// `"max"` models begin.
    pub(super) fn start_streams(&mut self) {
        if !self.is_open() {
            for endpoint in 0..self.endpoints.len() as u32 {
                self.make_runnable(endpoint);
            }
            return;
        }
        let streams = self.plan.schedule.streams();
        let plan = self.plan.clone();
        self.upcoming.reserve_exact(self.endpoints.len() * streams);
        for endpoint in 0..self.endpoints.len() as u32 {
            for stream in 0..streams {
                let global = self.base + endpoint;
                let mut cursor = plan.schedule.cursor(stream, global);
                let first = plan.schedule.next(stream, global, &mut cursor);
                let request = first.map_or(0, |arrival| arrival.request);
                self.upcoming.push(Upcoming { cursor, request });
                if let Some(arrival) = first {
                    let timer = Timer::Arrival {
                        endpoint,
                        stream: stream as u16,
                    };
                    self.wheel.insert(self.load_start + arrival.intended, timer);
                }
            }
        }
    }

    /// One arrival is due: send it, together with what else is due on the same connection.
    pub(super) fn arrival(&mut self, endpoint: u32, stream: u16, at: u64) {
        if self.stage != Stage::Loading {
            return; // Stopped in between: what was not planned does not exist.
        }
        let request = self.advance(endpoint, stream, at);
        let connection = self.connection_for(endpoint, request);
        self.batch.clear();
        self.plan_message(endpoint, request, at);
        let mut position = 0;
        while position < self.due.len().min(DUE_PER_TURN) {
            let (other_at, timer) = self.due[position];
            if let Timer::Arrival { endpoint, stream } = timer {
                let request = self.upcoming_of(endpoint, stream).request;
                if self.connection_for(endpoint, request) == connection {
                    self.due.remove(position);
                    self.advance(endpoint, stream, other_at);
                    self.plan_message(endpoint, request, other_at);
                    continue;
                }
            }
            position += 1;
        }
        self.flush(connection);
    }

    fn upcoming_of(&mut self, endpoint: u32, stream: u16) -> &mut Upcoming {
        let streams = self.plan.schedule.streams();
        &mut self.upcoming[endpoint as usize * streams + usize::from(stream)]
    }

    /// Returns the request that is due and schedules the stream's next arrival.
    fn advance(&mut self, endpoint: u32, stream: u16, at: u64) -> u16 {
        let plan = self.plan.clone();
        let global = self.base + endpoint;
        let upcoming = self.upcoming_of(endpoint, stream);
        let request = upcoming.request;
        if let Some(next) = plan
            .schedule
            .next(usize::from(stream), global, &mut upcoming.cursor)
        {
            upcoming.request = next.request;
            let next_at = self.load_start + next.intended;
            let timer = Timer::Arrival { endpoint, stream };
            // After a stall the next one may be overdue as well; it takes its place in the order.
            match self.due.back() {
                Some(&(last, _)) if next_at <= last.max(at) => self.insert_due(next_at, timer),
                _ => {
                    self.wheel.insert(next_at, timer);
                }
            }
        }
        request
    }

    /// Counts a request as planned and encodes it into the batch, or drops it. The batch must belong
    /// to the request's connection.
    pub(super) fn plan_message(&mut self, endpoint: u32, request: u16, intended: u64) {
        self.recorder.planned(request, intended);
        let now = self.clock_hint(intended);
        if let Err(again) = self.message_cap.check(now) {
            return self.hold_back(endpoint, request, intended, again);
        }
        self.encode_or_drop(endpoint, request, intended, now, &Captures::new());
    }

    /// The present as far as the limits need it. A request that is on time needs no clock read of its
    /// own: the turn's reading lies within one turn of it.
    fn clock_hint(&self, intended: u64) -> u64 {
        intended.max(self.last_wake())
    }

    pub(super) fn encode_or_drop(
        &mut self,
        endpoint: u32,
        request: u16,
        intended: u64,
        now: u64,
        captures: &Captures,
    ) {
        if let Err(reason) = self.encode(endpoint, request, intended, now, captures) {
            let plan = self.plan.clone();
            plan.requests[usize::from(request)].skip(self.base + endpoint, self.state_of(endpoint));
            self.recorder.dropped(request, intended, reason);
            self.closed_next(endpoint, now);
        }
    }

    fn encode(
        &mut self,
        endpoint: u32,
        request: u16,
        intended: u64,
        now: u64,
        captures: &Captures,
    ) -> Result<(), DropReason> {
        let plan = self.plan.clone();
        let definition = &plan.requests[usize::from(request)];
        let deadline = intended.saturating_add(definition.deadline_ns);
        let connection = self.connection_for(endpoint, request);
        let row = &self.connections[connection as usize];
        if row.state != State::Up {
            return Err(DropReason::NotConnected);
        }
        if now > deadline {
            return Err(DropReason::Late);
        }
        if row.backlog() + self.batch.bytes.len()
            > self.settings.profile.limits.buffer_per_connection as usize
        {
            return Err(DropReason::BackPressure);
        }
        let tracked = definition.has_reply() || definition.qos > 0;
        let in_flight = self.endpoints[endpoint as usize].in_flight;
        if tracked
            && (in_flight >= self.settings.profile.load.in_flight_max || self.exchanges.is_full())
        {
            return Err(DropReason::InFlight);
        }
        let (key, indexed) = self.allocate_id(endpoint, request)?;
        let packet_id = match definition.qos {
            0 => 0,
            _ => self.connections[connection as usize]
                .allocate_packet_id()
                .ok_or(DropReason::InFlight)?,
        };
        let ticket = tracked
            .then(|| self.open_exchange(endpoint, request, intended, deadline, key, indexed));
        if packet_id > 0 {
            let completes = if definition.has_reply() { None } else { ticket };
            let ack = Ack {
                packet_id,
                request,
                released: false,
                completes,
                intended,
                sent: 0,
            };
            self.connections[connection as usize].acks.push_back(ack);
        }
        let message = Message {
            endpoint: self.base + endpoint,
            request_id: key.id,
            packet_id,
            unix_ns: self.clock.unix_ns_at_start() + now,
            identities: &plan.identities,
            captures,
        };
        let words = plan.state_words;
        let state = &mut self.state[endpoint as usize * words..(endpoint as usize + 1) * words];
        definition.encode(&mut self.batch.bytes, &message, state);
        self.batch.mark(match ticket {
            Some(ticket) => Meaning::Exchange { ticket, packet_id },
            None => Meaning::Fire {
                intended,
                deadline,
                request,
            },
        });
        Ok(())
    }

    fn open_exchange(
        &mut self,
        endpoint: u32,
        request: u16,
        intended: u64,
        deadline: u64,
        key: Key,
        indexed: bool,
    ) -> Ticket {
        let row = &mut self.endpoints[endpoint as usize];
        let epoch = row.epoch;
        row.in_flight += 1;
        let new = NewExchange {
            intended,
            deadline,
            key,
            endpoint,
            request,
            epoch,
            indexed,
        };
        let ticket = self.exchanges.insert(&mut row.head, new);
        let timer = self
            .wheel
            .insert(deadline, Timer::Exchange { slot: ticket.slot });
        self.exchanges.get_mut(ticket.slot).timer = Some(timer);
        if self.plan.requests[usize::from(request)].has_reply() && !indexed {
            self.nameless
                .entry((endpoint, request))
                .or_default()
                .push_back(ticket);
        }
        ticket
    }

    /// A request ID that nobody waits for, and whether replies carry it.
    fn allocate_id(&mut self, endpoint: u32, request: u16) -> Result<(Key, bool), DropReason> {
        let definition = &self.plan.requests[usize::from(request)];
        let by_caller = definition.from == Sender::Caller;
        let owner = if by_caller { CALLER } else { endpoint };
        let scope = definition.scope;
        let mut key = Key {
            owner,
            scope,
            id: 0,
        };
        match definition.id_kind {
            RequestIdKind::None => return Ok((key, false)),
            RequestIdKind::Uuid => {
                self.uuid_counter += 1;
                key.id = uuid_request_id(self.settings.nonce, self.index as u32, self.uuid_counter);
            }
            RequestIdKind::Decimal(range) => {
                let epoch = self.endpoints[endpoint as usize].epoch;
                let cursor = if by_caller {
                    &mut self.caller_cursors[usize::from(scope)]
                } else {
                    let scopes = self.caller_cursors.len();
                    &mut self.id_cursors[endpoint as usize * scopes + usize::from(scope)]
                };
                let exchanges = &self.exchanges;
                let id = range.allocate(cursor, |id| {
                    exchanges.is_busy(
                        &Key {
                            owner,
                            scope,
                            id: u128::from(id),
                        },
                        epoch,
                    )
                });
                key.id = u128::from(id.ok_or(DropReason::RequestId)?);
                if let Some(stale) = self.exchanges.find(&key) {
                    if let Some(timer) = self.exchanges.get_mut(stale).timer.take() {
                        self.wheel.cancel(timer);
                    }
                    self.exchanges.release_quarantined(stale);
                }
            }
        }
        Ok((key, definition.has_reply()))
    }

    pub(super) fn state_of(&mut self, endpoint: u32) -> &mut [u64] {
        let words = self.plan.state_words;
        &mut self.state[endpoint as usize * words..(endpoint as usize + 1) * words]
    }

    /// Writes the batch, or queues it behind what the socket has not taken yet. The batch is empty
    /// afterwards.
    pub(super) fn flush(&mut self, connection: u32) {
        if self.batch.is_empty() {
            return;
        }
        let now = self.clock.now();
        for marker in &mut self.batch.markers {
            marker.due = now;
        }
        let row = &mut self.connections[connection as usize];
        if row.backlog() > 0 {
            self.queue_batch(connection);
        } else if let Some(stream) = &mut row.stream {
            let result = stream.write(&self.batch.bytes);
            self.written(connection, result, now);
        } else {
            let markers = std::mem::take(&mut self.batch.markers);
            self.give_up_unsent(&markers);
            self.batch.markers = markers;
        }
        self.batch.clear();
    }

    /// The outcome of the batch's write call.
    fn written(&mut self, connection: u32, result: std::io::Result<usize>, now: u64) {
        let count = match result {
            Ok(count) => count,
            Err(error) if would_block(&error) => 0,
            Err(error) => {
                let markers = std::mem::take(&mut self.batch.markers);
                self.give_up_unsent(&markers);
                return self.lose(connection, failure::of_open(&error));
            }
        };
        self.connections[connection as usize].last_write = now;
        self.recorder.wrote(count as u64);
        if count < self.batch.bytes.len() {
            self.queue_batch(connection);
            return self.advance_outbox(connection, count, now);
        }
        let markers = std::mem::take(&mut self.batch.markers);
        for marker in &markers {
            self.taken(connection, marker, now);
        }
        self.batch.markers = markers;
    }

    fn queue_batch(&mut self, connection: u32) {
        let row = &mut self.connections[connection as usize];
        let outbox = row.outbox.get_or_insert_with(Box::<Outbox>::default);
        outbox.push(&self.batch.bytes, self.batch.markers.drain(..));
    }

    /// The socket takes bytes again.
    pub(super) fn writable(&mut self, connection: u32) {
        match self.connections[connection as usize].state {
            State::Connecting => self.tcp_ended(connection),
            State::Down => {}
            _ => self.drain_outbox(connection),
        }
    }

    fn drain_outbox(&mut self, connection: u32) {
        while self.connections[connection as usize].backlog() > 0 {
            let now = self.clock.now();
            self.drop_stale(connection, now);
            let row = &mut self.connections[connection as usize];
            let (Some(stream), Some(outbox)) = (&mut row.stream, &row.outbox) else {
                return;
            };
            match stream.write(outbox.pending()) {
                Ok(count) => {
                    row.last_write = now;
                    self.recorder.wrote(count as u64);
                    self.advance_outbox(connection, count, now);
                }
                Err(error) if would_block(&error) => return,
                Err(error) => return self.lose(connection, failure::of_open(&error)),
            }
        }
        for endpoint in self.connections[connection as usize].endpoints() {
            self.make_runnable(endpoint);
        }
    }

    /// Takes out frames of which nothing was written and whose deadline is over.
    fn drop_stale(&mut self, connection: u32, now: u64) {
        let (exchanges, recorder) = (&mut self.exchanges, &mut self.recorder);
        let row = &mut self.connections[connection as usize];
        if let Some(outbox) = &mut row.outbox {
            outbox.retain(|marker| match marker.meaning {
                Meaning::Control => true,
                Meaning::Exchange { ticket, packet_id } => {
                    let live = exchanges.live(ticket).is_some();
                    if !live && packet_id > 0 {
                        row.acks.retain(|ack| ack.packet_id != packet_id);
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
        let mut begun = std::mem::take(&mut self.batch.begun);
        if let Some(outbox) = &mut self.connections[connection as usize].outbox {
            outbox.advance(count, &mut begun);
        }
        for marker in begun.drain(..) {
            self.taken(connection, &marker, now);
        }
        self.batch.begun = begun;
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
                exchange.state = super::exchange::State::Sent;
                let (request, intended) = (exchange.request, exchange.intended);
                self.recorder.sent(request, intended, marker.due, sent);
                if packet_id > 0 {
                    let row = &mut self.connections[connection as usize];
                    if let Some(ack) = row
                        .acks
                        .iter_mut()
                        .rev()
                        .find(|ack| ack.packet_id == packet_id)
                    {
                        ack.sent = sent;
                    }
                }
            }
            Meaning::Fire {
                intended, request, ..
            } => {
                self.recorder.sent(request, intended, marker.due, sent);
                self.recorder
                    .completed(request, intended, sent, sent, Outcome::Ok, None);
            }
        }
    }

    /// The aggregate cap says no: the request waits, with its intended instant.
    fn hold_back(&mut self, endpoint: u32, request: u16, intended: u64, again: u64) {
        if self.capped.len() >= CAPPED_MAX {
            self.recorder.dropped(request, intended, DropReason::Cap);
            let plan = self.plan.clone();
            return plan.requests[usize::from(request)]
                .skip(self.base + endpoint, self.state_of(endpoint));
        }
        self.capped.push_back((endpoint, request, intended));
        self.arm_cap(again);
    }

    fn arm_cap(&mut self, again: u64) {
        if !self.cap_armed {
            self.cap_armed = true;
            self.wheel.insert(again, Timer::CapSlot);
        }
    }

    /// Sends what the cap held back, as far as it allows now.
    pub(super) fn send_capped(&mut self) {
        while let Some(&(endpoint, request, intended)) = self.capped.front() {
            let now = self.clock.now();
            let deadline = intended + self.plan.requests[usize::from(request)].deadline_ns;
            if now <= deadline
                && let Err(again) = self.message_cap.check(now)
            {
                return self.arm_cap(again);
            }
            self.capped.pop_front();
            if now > deadline {
                self.recorder.dropped(request, intended, DropReason::Cap);
                let plan = self.plan.clone();
                plan.requests[usize::from(request)]
                    .skip(self.base + endpoint, self.state_of(endpoint));
                continue;
            }
            self.batch.clear();
            self.encode_or_drop(endpoint, request, intended, now, &Captures::new());
            let connection = self.connection_for(endpoint, request);
            self.flush(connection);
        }
    }

    /// The load is over: what the cap still holds back is not sent any more.
    pub(super) fn drop_capped(&mut self) {
        for (_, request, intended) in std::mem::take(&mut self.capped) {
            self.recorder.dropped(request, intended, DropReason::Cap);
        }
    }
}

fn would_block(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted
    )
}
