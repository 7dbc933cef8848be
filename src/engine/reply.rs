//! Application messages from the target: which request do they answer, and in time?
//!
//! The plan recognises; the table of exchanges knows what is outstanding; here both meet and every
//! message ends up in exactly one place: an answer, late, duplicate, orphan, an error without owner,
//! or a push. Deadlines are decided by instants, not by who was handled first.

use super::connection::Part;
use super::exchange::{CALLER, Key, NONE, State};
use super::outbox::Meaning;
use super::pushed::Arrived;
use super::timer::Timer;
use super::worker::Worker;
use crate::measure::{DropReason, Outcome};
use crate::plan::{
    Captures, Listener, Reason, Recognised, ReplyOutcome, RequestIdKind, Status,
    parse_uuid_request_id,
};
use crate::profile::Sender;

/// Shortest quarantine of a timed-out request ID.
const QUARANTINE_MIN: u64 = 30_000_000_000;

/// A reply as far as the matching needs it.
struct Reply<'a> {
    request: u16,
    id: Option<u128>,
    outcome: ReplyOutcome,
    status: Option<Status>,
    reason: Option<Reason<'a>>,
    connection: u32,
    topic: &'a str,
    payload: &'a [u8],
}

impl Worker<'_> {
    /// One PUBLISH from the target.
    pub(super) fn message(&mut self, connection: u32, topic: &str, payload: &[u8], at: u64) {
        let plan = self.plan;
        let mut captures = Captures::new();
        let row = &self.connections[connection as usize];
        let (part, endpoints) = (row.part, row.endpoints());
        let caller = part == Part::Caller;
        let listeners = if caller { 0..1 } else { endpoints };
        for endpoint in listeners {
            let who = if caller {
                Listener::Caller
            } else {
                Listener::Endpoint(self.base + endpoint)
            };
            match plan.recognise(who, topic, payload, &mut captures) {
                Recognised::Unknown => {}
                Recognised::Echo => return,
                Recognised::Inbound { inbound } => {
                    let (captures, arrived) = (&mut captures, Arrived::Pushed);
                    return self.pushed_message(endpoint, inbound, payload, captures, arrived, at);
                }
                Recognised::LoneError { .. } => return self.recorder.unattributed_error(at),
                Recognised::Reply {
                    request,
                    id,
                    outcome,
                    status,
                    reason,
                    push,
                } => {
                    let reply = Reply {
                        request,
                        id,
                        outcome,
                        status,
                        reason,
                        connection,
                        topic,
                        payload,
                    };
                    let captures = &mut captures;
                    if let Some(inbound) = push
                        && self.find_oldest(endpoint, request).is_none()
                    {
                        let arrived = Arrived::Pushed;
                        return self
                            .pushed_message(endpoint, inbound, payload, captures, arrived, at);
                    }
                    return self.reply(endpoint, &reply, captures, at);
                }
            }
        }
        self.recorder.unrecognised();
    }

    fn reply(&mut self, endpoint: u32, reply: &Reply<'_>, captures: &mut Captures, at: u64) {
        let found = match reply.id {
            Some(id) => self
                .exchanges
                .find(&self.key_of(endpoint, reply.request, id)),
            None => self.find_oldest(endpoint, reply.request),
        };
        let Some(slot) = found else {
            if !self.follow_up(endpoint, reply, captures, at) {
                self.unmatched(endpoint, reply, at);
            }
            return;
        };
        let exchange = *self.exchanges.get(slot);
        match exchange.state {
            State::Quarantined => {
                self.recorder.late(exchange.request, exchange.intended);
                return self.carry_out(endpoint, exchange.request, reply, captures, at);
            }
            State::Queued | State::Free => return self.recorder.orphan(reply.request, at),
            State::Sent => {}
        }
        if at > exchange.deadline {
            // The timer would have said so, had it been asked first.
            self.time_out(slot, exchange.deadline);
            if !self.follow_up(endpoint, reply, captures, at) {
                self.recorder.late(exchange.request, exchange.intended);
                self.carry_out(endpoint, exchange.request, reply, captures, at);
            }
            return;
        }
        self.first_reply(slot, at);
        let outcome = match reply.outcome {
            ReplyOutcome::Intermediate => return,
            ReplyOutcome::Ok => Outcome::Ok,
            ReplyOutcome::Error => Outcome::Error,
        };
        if outcome == Outcome::Error {
            let reason = reply.reason.map(Reason::text).unwrap_or_default();
            let status = reply.status.as_ref().map(Status::as_str);
            self.recorder
                .error_detail(exchange.request, status, &reason, at);
        }
        if reply.id.is_none() {
            self.forget_oldest(exchange.endpoint, reply.request);
        }
        self.sample(slot, at);
        self.complete(slot, at, outcome, reply.status.as_ref().map(Status::as_str));
        self.carry_out(endpoint, exchange.request, reply, captures, at);
    }

    /// Carries out what a success holds, as if it had been pushed. A late one too: the endpoint has
    /// given up the wait, but it hears what it is told.
    fn carry_out(
        &mut self,
        endpoint: u32,
        request: u16,
        reply: &Reply<'_>,
        captures: &mut Captures,
        at: u64,
    ) {
        let plan = self.plan;
        if reply.outcome == ReplyOutcome::Ok
            && let Some(inbound) =
                plan.carried(request, self.base + endpoint, reply.topic, captures)
        {
            let arrived = Arrived::Carried;
            self.pushed_message(endpoint, inbound, reply.payload, captures, arrived, at);
        }
    }

    /// A message on the reply topic of a request that asked for more and waits for no answer any
    /// longer. False: it is not that.
    fn follow_up(
        &mut self,
        endpoint: u32,
        reply: &Reply<'_>,
        captures: &mut Captures,
        at: u64,
    ) -> bool {
        let Some(id) = reply.id else {
            return false;
        };
        let key = self.key_of(endpoint, reply.request, id);
        let Some(observation) = self.observed.find(&key) else {
            return false;
        };
        let request = observation.request;
        if reply.outcome == ReplyOutcome::Intermediate {
            return true;
        }
        match observation.overdue.take() {
            Some(intended) => self.recorder.late(request, intended),
            // An error is no item: the request was answered before.
            None if reply.outcome == ReplyOutcome::Error => return false,
            None => {}
        }
        self.carry_out(endpoint, request, reply, captures, at);
        true
    }

    fn key_of(&self, endpoint: u32, request: u16, id: u128) -> Key {
        let definition = &self.plan.requests[usize::from(request)];
        let owner = if definition.from == Sender::Caller {
            CALLER
        } else {
            endpoint
        };
        Key {
            owner,
            scope: definition.scope,
            id,
        }
    }

    /// Replies without an ID answer the oldest outstanding request of their kind.
    fn find_oldest(&mut self, endpoint: u32, request: u16) -> Option<u32> {
        let queue = self.nameless.get_mut(&(endpoint, request))?;
        while let Some(&ticket) = queue.front() {
            if self.exchanges.live(ticket).is_some() {
                return Some(ticket.slot);
            }
            queue.pop_front();
        }
        None
    }

    fn forget_oldest(&mut self, endpoint: u32, request: u16) {
        if let Some(queue) = self.nameless.get_mut(&(endpoint, request)) {
            queue.pop_front();
        }
    }

    /// A reply that no exchange waits for: answered before (duplicate), or never asked (orphan).
    fn unmatched(&mut self, endpoint: u32, reply: &Reply<'_>, at: u64) {
        let definition = &self.plan.requests[usize::from(reply.request)];
        let by_caller = definition.from == Sender::Caller;
        let scope = usize::from(definition.scope);
        let issued = match (definition.id_kind, reply.id) {
            (RequestIdKind::Decimal(range), Some(id)) => {
                let cursor = if by_caller {
                    self.caller_cursors[scope]
                } else {
                    self.id_cursors[endpoint as usize * self.caller_cursors.len() + scope]
                };
                u32::try_from(id).is_ok_and(|id| range.was_issued(cursor, id))
            }
            (RequestIdKind::Uuid, Some(id)) => match parse_uuid_request_id(self.settings.nonce, id)
            {
                // Another worker's caller subscribes to the same topics and will count it.
                Some((owner, _)) if owner as usize != self.index => return,
                Some((_, counter)) => counter <= self.uuid_counter,
                None => false,
            },
            _ => true,
        };
        if issued && reply.outcome == ReplyOutcome::Intermediate {
            return; // A progress note after the end changes nothing.
        }
        if issued && self.may_be_copy(reply.connection, reply.topic) {
            self.recorder.copy(reply.request, at);
        } else if issued {
            self.recorder.duplicate(reply.request, at);
        } else {
            self.recorder.orphan(reply.request, at);
        }
    }

    /// An exchange has got its final answer (or needs none).
    pub(super) fn complete(&mut self, slot: u32, at: u64, outcome: Outcome, status: Option<&str>) {
        let exchange = *self.exchanges.get(slot);
        self.recorder.completed(
            exchange.request,
            exchange.intended,
            exchange.sent,
            at,
            outcome,
            status,
        );
        self.end_exchange(slot);
        self.closed_next(exchange.endpoint, at);
    }

    /// Takes an exchange out of the table, whatever became of it.
    pub(super) fn end_exchange(&mut self, slot: u32) {
        let exchange = *self.exchanges.get(slot);
        self.stamps.forget(slot);
        if let Some(timer) = exchange.timer {
            self.wheel.cancel(timer);
        }
        let row = &mut self.endpoints[exchange.endpoint as usize];
        row.in_flight -= 1;
        self.exchanges.remove(&mut row.head, slot);
    }

    /// The timer of an exchange: its deadline, or the end of its quarantine.
    pub(super) fn exchange_timer(&mut self, slot: u32, at: u64) {
        let exchange = *self.exchanges.get(slot);
        if !exchange.is_due(at) {
            return;
        }
        match exchange.state {
            State::Quarantined => self.exchanges.release_quarantined(slot),
            State::Free => {}
            State::Queued => {
                // The socket never took it.
                self.recorder.dropped(
                    exchange.request,
                    exchange.intended,
                    DropReason::BackPressure,
                );
                self.end_exchange(slot);
                self.closed_next(exchange.endpoint, at);
            }
            State::Sent => {
                let definition = &self.plan.requests[usize::from(exchange.request)];
                if definition.silence_is_ok() {
                    self.complete(slot, exchange.deadline, Outcome::Ok, None);
                } else {
                    self.time_out(slot, at);
                }
            }
        }
    }

    /// No answer by the deadline. The ID goes into quarantine, so that a late reply finds its own
    /// request and not the next user of the ID.
    fn time_out(&mut self, slot: u32, at: u64) {
        let exchange = *self.exchanges.get(slot);
        self.recorder
            .timed_out(exchange.request, exchange.intended, exchange.sent, at);
        self.no_first_reply(&exchange, at);
        if exchange.indexed
            && let Some(observation) = self.observed.find(&exchange.key)
        {
            // Never issued again, so there is nothing to withhold.
            observation.overdue = Some(exchange.intended);
            self.end_exchange(slot);
        } else if exchange.indexed {
            self.stamps.forget(slot);
            if let Some(timer) = exchange.timer {
                self.wheel.cancel(timer);
            }
            let deadline_ns = self.plan.requests[usize::from(exchange.request)].deadline_ns;
            let until = at.saturating_add((2 * deadline_ns).max(QUARANTINE_MIN));
            let row = &mut self.endpoints[exchange.endpoint as usize];
            row.in_flight -= 1;
            self.exchanges.quarantine(&mut row.head, slot, until);
            let timer = self.wheel.insert(until, Timer::Exchange { slot });
            self.exchanges.get_mut(slot).timer = Some(timer);
        } else {
            self.end_exchange(slot);
        }
        self.closed_next(exchange.endpoint, at);
    }

    pub(super) fn is_caller_request(&self, request: u16) -> bool {
        self.plan.requests[usize::from(request)].from == Sender::Caller
    }

    /// The run is over: whatever is still open gets its row in the ledger.
    pub(super) fn settle_accounts(&mut self, now: u64) {
        self.drop_capped();
        let unsent: Vec<_> = self.unsent_markers().collect();
        for meaning in unsent {
            if let Meaning::Fire {
                intended, request, ..
            } = meaning
            {
                self.recorder
                    .dropped(request, intended, DropReason::BackPressure);
            }
        }
        for endpoint in 0..self.endpoints.len() {
            let mut slot = self.endpoints[endpoint].head;
            while slot != NONE {
                let exchange = *self.exchanges.get(slot);
                let next = self.exchanges.next_of(slot);
                self.no_first_reply(&exchange, now);
                match exchange.state {
                    State::Sent => self.recorder.left_in_flight(
                        exchange.request,
                        exchange.intended,
                        exchange.sent,
                        now,
                    ),
                    _ => self.recorder.dropped(
                        exchange.request,
                        exchange.intended,
                        DropReason::BackPressure,
                    ),
                }
                self.end_exchange(slot);
                slot = next;
            }
        }
    }
}
