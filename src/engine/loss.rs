//! How connections fail and come back, and what becomes of their requests.
//!
//! Sent requests of a lost connection have failed, unless its session outlives it (`resume`); unsent ones
//! are dropped. The connection waits as the profile says (`reconnect`) and then queues behind the limit
//! on connects (`admission`).

use super::connection::{Part, State};
use super::exchange::{NONE, State as Exchange};
use super::failure;
use super::outbox::{Marker, Meaning};
use super::timer::Timer;
use super::worker::Worker;
use crate::measure::{ConnectFailure, DropReason, FailReason};
use crate::plan::hash::{self, Purpose};

impl Worker<'_> {
    /// An attempt has failed before the connection was up.
    pub(super) fn connect_failed(&mut self, connection: u32, why: ConnectFailure) {
        self.recorder.connect_failed(why);
        self.connecting -= 1;
        self.shut(connection);
        self.settle(connection);
        self.retry_later(connection);
    }

    /// A connection ends that was up, or was coming up.
    pub(super) fn lose(&mut self, connection: u32, why: FailReason) {
        let row = &mut self.connections[connection as usize];
        match row.state {
            State::Down => return,
            State::Closing => return self.shut(connection),
            State::Connecting
            | State::Securing
            | State::Upgrading
            | State::Handshake
            | State::Subscribing => {
                return self.connect_failed(connection, failure::before_up(why));
            }
            State::Up => {}
        }
        match why {
            FailReason::Left => self.recorder.left(),
            _ => self.recorder.connection_lost(why),
        }
        self.up -= 1;
        let now = self.clock.now();
        self.away.begin(connection, now);
        let mut unsent = Vec::new();
        if let Some(cold) = &mut row.cold {
            unsent.extend(cold.outbox.clear());
        }
        self.acks.forget_unsent(&mut row.acks);
        self.shut(connection);
        self.give_up_unsent(&unsent);
        self.fail_exchanges(connection, why, now);
        self.retry_later(connection);
    }

    /// Forgets everything that ends with the socket, and closes it.
    pub(super) fn shut(&mut self, connection: u32) {
        self.note_close(connection);
        let row = &mut self.connections[connection as usize];
        row.stream = None;
        row.state = State::Down;
        row.pinging = false;
        if let Some(attempt) = row.cold.as_ref().and_then(|cold| cold.attempt) {
            self.wheel.cancel(attempt.timeout);
        }
        if row.session {
            return self.cold.take_back_all_but_session(&mut row.cold);
        }
        self.acks.clear(&mut row.acks);
        self.cold.take_back(&mut row.cold);
    }

    /// Messages that were encoded but of which the kernel took nothing. Those with an exchange are
    /// found through their endpoint.
    pub(super) fn give_up_unsent(&mut self, markers: &[Marker]) {
        for marker in markers {
            if let Meaning::Fire {
                intended, request, ..
            } = marker.meaning
            {
                self.recorder
                    .dropped(request, intended, DropReason::NotConnected);
            }
        }
    }

    fn fail_exchanges(&mut self, connection: u32, why: FailReason, now: u64) {
        let row = &self.connections[connection as usize];
        let publishes = row.part != Part::Subscriber;
        let endpoints = match row.part {
            Part::Caller => 0..self.endpoints.len() as u32,
            _ => row.endpoints(),
        };
        let by_caller = row.part == Part::Caller;
        if !publishes {
            return; // Replies may be lost; the deadline will tell.
        }
        for endpoint in endpoints {
            let mut slot = self.endpoints[endpoint as usize].head;
            while slot != NONE {
                let exchange = *self.exchanges.get(slot);
                let next = self.exchanges.next_of(slot);
                let own = self.is_caller_request(exchange.request) == by_caller;
                if own && !self.outlives(connection, &exchange) {
                    self.no_first_reply(&exchange, now);
                    match exchange.state {
                        Exchange::Sent => self.recorder.failed(
                            exchange.request,
                            exchange.intended,
                            exchange.sent,
                            now,
                            why,
                        ),
                        _ => self.recorder.dropped(
                            exchange.request,
                            exchange.intended,
                            DropReason::NotConnected,
                        ),
                    }
                    self.end_exchange(slot);
                }
                slot = next;
            }
        }
    }

    /// The connection waits for its next attempt, or is given up.
    fn retry_later(&mut self, connection: u32) {
        if !self.may_connect() {
            return;
        }
        let number = self.number_in_run(connection);
        let generation = self.connections[connection as usize].generation;
        let key = hash::key(self.plan.seed, Purpose::Reconnect, number);
        let bits = hash::hash(key, u64::from(generation), 0);
        let reconnect = &self.settings.profile.fleet.reconnect;
        match self.away.of(connection).waits.next(reconnect, bits) {
            Some(wait) => {
                let at = self.clock.now() + wait;
                self.wheel.insert(at, Timer::Reconnect { connection });
            }
            None => self.recorder.gave_up(),
        }
    }
}
