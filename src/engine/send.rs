//! From an intended instant to bytes in the kernel.
//!
//! A message that is due is planned (counted), checked against every limit (or dropped, with the
//! reason), encoded into the batch and written. Several due messages of one connection share a write.
//! `sent` is the clock just before the write call that takes the message's first byte.
//! Not here: replies, deadlines, and who decides that something is due in the closed model.

use super::acks::Ack;
use super::connection::State;
use super::exchange::{CALLER, Key, NewExchange, Ticket};
use super::outbox::Meaning;
use super::timer::Timer;
use super::worker::{DUE_PER_TURN, Stage, Worker};
use crate::measure::DropReason;
use crate::plan::{Captures, Cursor, Message, RequestIdKind, uuid_request_id};
use crate::planted::{self, Mistake};
use crate::profile::Sender;

/// What a request that answers nothing has captured. Shared, because making one clears 280 bytes.
pub(super) static NO_CAPTURES: Captures = Captures::new();

/// What tells a request apart from others.
#[derive(Debug, Clone, Copy)]
struct Identity {
    request_id: u128,
    packet_id: u16,
    ticket: Option<Ticket>,
}

impl Identity {
    /// Of a message that nothing answers.
    const PLAIN: Self = Self {
        request_id: 0,
        packet_id: 0,
        ticket: None,
    };
}

impl Worker<'_> {
    /// Puts the first arrival of every stream of every endpoint into the wheel, or lets the closed and
    /// `"max"` models begin.
    pub(super) fn start_streams(&mut self) {
        self.begin_churn();
        if !self.is_open() {
            for endpoint in 0..self.endpoints.len() as u32 {
                self.make_runnable(endpoint);
            }
            return;
        }
        let streams = self.plan.schedule.streams();
        let plan = self.plan;
        self.upcoming.reserve_exact(self.endpoints.len() * streams);
        self.wheel.reserve(self.endpoints.len() * streams);
        for endpoint in 0..self.endpoints.len() as u32 {
            for stream in 0..streams {
                let global = self.base + endpoint;
                let mut cursor = plan.schedule.cursor(stream, global);
                let first = plan.schedule.next(stream, global, &mut cursor);
                self.upcoming.push(cursor);
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
            return self.stopped_before(endpoint, stream, at);
        }
        let request = self.advance(endpoint, stream, at);
        let connection = self.connection_for(endpoint, request);
        self.batch.clear();
        self.plan_message(endpoint, request, at);
        let mut position = 0;
        while position < self.due.len().min(DUE_PER_TURN) {
            let (other_at, timer) = self.due[position];
            if let Timer::Arrival { endpoint, stream } = timer {
                let request = self.upcoming_of(endpoint, stream).request();
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

    /// An arrival that comes up after the load was ended: what was due before counts as planned.
    fn stopped_before(&mut self, endpoint: u32, stream: u16, at: u64) {
        if at <= self.load_end {
            let request = self.advance(endpoint, stream, at);
            self.recorder.planned(request, at);
            self.recorder.dropped(request, at, DropReason::Stopped);
        }
    }

    fn upcoming_of(&mut self, endpoint: u32, stream: u16) -> &mut Cursor {
        let streams = self.plan.schedule.streams();
        &mut self.upcoming[endpoint as usize * streams + usize::from(stream)]
    }

    /// Returns the request that is due and schedules the stream's next arrival.
    fn advance(&mut self, endpoint: u32, stream: u16, at: u64) -> u16 {
        let plan = self.plan;
        let global = self.base + endpoint;
        let upcoming = self.upcoming_of(endpoint, stream);
        let request = upcoming.request();
        if let Some(next) = plan.schedule.next(usize::from(stream), global, upcoming) {
            let mut next_at = self.load_start + next.intended;
            if planted::is_made(Mistake::CatchUp) && next_at < self.last_wake {
                let mut then = *self.upcoming_of(endpoint, stream);
                let then = plan.schedule.next(usize::from(stream), global, &mut then);
                let gap = then.map_or(0, |then| then.intended - next.intended);
                next_at = self.last_wake + gap / 2;
            }
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
        // In the open model a dropped request is counted, and that is all.
        let _ = self.encode_or_drop(endpoint, request, intended, now, &NO_CAPTURES);
    }

    /// The present as far as the limits need it. A request that is on time needs no clock read of its
    /// own: the turn's reading lies within one turn of it.
    fn clock_hint(&self, intended: u64) -> u64 {
        intended.max(self.last_wake)
    }

    /// Encodes a planned request into the batch, or counts it as dropped; says which.
    pub(super) fn encode_or_drop(
        &mut self,
        endpoint: u32,
        request: u16,
        intended: u64,
        now: u64,
        captures: &Captures,
    ) -> Result<(), DropReason> {
        let result = self.encode(endpoint, request, intended, now, captures);
        if let Err(reason) = result {
            self.recorder.dropped(request, intended, reason);
            // One that was found too long has taken its values already.
            if reason != DropReason::PacketSize {
                self.skip(endpoint, request);
            }
        }
        result
    }

    /// A request that is not sent takes its generated values with it.
    pub(super) fn skip(&mut self, endpoint: u32, request: u16) {
        let plan = self.plan;
        plan.requests[usize::from(request)].skip(self.base + endpoint, self.state_of(endpoint));
    }

    fn encode(
        &mut self,
        endpoint: u32,
        request: u16,
        intended: u64,
        now: u64,
        captures: &Captures,
    ) -> Result<(), DropReason> {
        let plan = self.plan;
        let definition = &plan.requests[usize::from(request)];
        let deadline = intended.saturating_add(definition.deadline_ns);
        let connection = self.connection_for(endpoint, request);
        self.can_take(connection, now, deadline)?;
        self.is_allowed(connection, definition)?;
        let unnamed = definition.qos == 0 && definition.id_kind == RequestIdKind::None;
        let identity = if unnamed && !definition.has_reply() {
            Identity::PLAIN
        } else {
            self.identify(endpoint, request, connection, (intended, deadline))?
        };
        let topic = self.topic_as(endpoint, connection, definition);
        self.moment.move_to(self.clock.unix_ns_at_start() + now);
        let message = Message {
            endpoint: self.base + endpoint,
            request_id: identity.request_id,
            packet_id: identity.packet_id,
            moment: &self.moment,
            identities: &plan.identities,
            captures,
        };
        let words = plan.state_words;
        let state = &mut self.state[endpoint as usize * words..(endpoint as usize + 1) * words];
        self.batch
            .message(request, definition, topic, &message, state);
        if self.is_too_long(connection) {
            self.take_back(connection, identity.packet_id, identity.ticket, topic);
            return Err(DropReason::PacketSize);
        }
        self.stamp(endpoint, request, intended, now);
        self.batch.mark(match identity.ticket {
            Some(ticket) => Meaning::Exchange {
                ticket,
                packet_id: identity.packet_id,
            },
            None => Meaning::Fire {
                intended,
                deadline,
                request,
            },
        });
        if identity.packet_id > 0 {
            self.keep_frame(connection);
        }
        Ok(())
    }

    /// Gives a request what it is told apart by, and opens its account if something answers it.
    // Not inlined: what is complete once it is written needs none of it.
    #[inline(never)]
    fn identify(
        &mut self,
        endpoint: u32,
        request: u16,
        connection: u32,
        (intended, deadline): (u64, u64),
    ) -> Result<Identity, DropReason> {
        let definition = &self.plan.requests[usize::from(request)];
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
                .allocate_packet_id(&self.acks)
                .ok_or(DropReason::InFlight)?,
        };
        let ticket = tracked
            .then(|| self.open_exchange(endpoint, request, intended, deadline, key, indexed));
        if packet_id > 0 {
            let ack = Ack {
                packet_id,
                request,
                released: false,
                completes: !definition.has_reply(),
                ticket,
                intended,
                sent: 0,
            };
            let row = &mut self.connections[connection as usize];
            self.acks.push(&mut row.acks, ack);
            row.unacknowledged += 1;
        }
        Ok(Identity {
            request_id: key.id,
            packet_id,
            ticket,
        })
    }

    /// Whether the connection takes one more message before the deadline.
    fn can_take(&self, connection: u32, now: u64, deadline: u64) -> Result<(), DropReason> {
        let row = &self.connections[connection as usize];
        let waiting = row.backlog() + self.batch.len();
        if row.state != State::Up {
            Err(DropReason::NotConnected)
        } else if now > deadline {
            Err(DropReason::Late)
        } else if waiting > self.settings.profile.limits.buffer_per_connection as usize {
            Err(DropReason::BackPressure)
        } else {
            Ok(())
        }
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
        // Without a deadline as yet if it is still to be decided when the request is intended.
        if !self.batch.undecided {
            let slot = ticket.slot;
            let timer = self.wheel.insert(deadline, Timer::Exchange { slot });
            self.exchanges.get_mut(slot).timer = Some(timer);
        }
        let definition = &self.plan.requests[usize::from(request)];
        if definition.observe {
            self.observed.add(&key, request);
        }
        if definition.has_reply() && !indexed {
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
        // Made where it is used: one that is filled in later is read back before it is written, which
        // stalled each message.
        let key = |id: u128| Key { owner, scope, id };
        if definition.observe && self.observed.is_full(&key(0)) {
            return Err(DropReason::RequestId);
        }
        let id = match definition.id_kind {
            RequestIdKind::None => return Ok((key(0), false)),
            RequestIdKind::Uuid => {
                self.uuid_counter += 1;
                uuid_request_id(self.settings.nonce, self.index as u32, self.uuid_counter)
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
                let observed = self.observed.beside(&key(0));
                let id = range.allocate(cursor, |id| {
                    let id = u128::from(id);
                    exchanges.is_busy(&Key { owner, scope, id }, epoch)
                        || observed.iter().any(|observation| observation.id == id)
                });
                let id = u128::from(id.ok_or(DropReason::RequestId)?);
                if let Some(stale) = self.exchanges.find(&key(id)) {
                    if let Some(timer) = self.exchanges.get_mut(stale).timer.take() {
                        self.wheel.cancel(timer);
                    }
                    self.exchanges.release_quarantined(stale);
                }
                id
            }
        };
        Ok((key(id), definition.has_reply()))
    }

    pub(super) fn state_of(&mut self, endpoint: u32) -> &mut [u64] {
        let words = self.plan.state_words;
        &mut self.state[endpoint as usize * words..(endpoint as usize + 1) * words]
    }
}
