//! How connections fail and come back, and what becomes of their requests.
//!
//! Sent requests of a lost connection have failed, unsent ones are dropped; the connection waits with
//! exponential, jittered back-off and then queues behind the connect limiter like everybody else.

use super::connection::{Part, State};
use super::exchange::{NONE, State as Exchange};
use super::failure;
use super::outbox::{Marker, Meaning};
use super::terms::AllTerms;
use super::timer::Timer;
use super::worker::{Stage, Worker};
use crate::measure::{ConnectFailure, DropReason, FailReason};
use crate::plan::hash;

/// Pause before the first reconnect; doubled by each further failure.
const BACK_OFF_FIRST: u64 = 500_000_000;
const BACK_OFF_MAX: u64 = 30_000_000_000;

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
            State::Connecting | State::Handshake | State::Subscribing => {
                return self.connect_failed(connection, failure::before_up(why));
            }
            State::Up => {}
        }
        self.recorder.connection_lost(why);
        self.up -= 1;
        let now = self.clock.now();
        let mut unsent = Vec::new();
        if let Some(cold) = &mut row.cold {
            unsent.extend(cold.outbox.clear());
        }
        self.shut(connection);
        self.give_up_unsent(&unsent);
        self.fail_exchanges(connection, why, now);
        self.retry_later(connection);
    }

    /// Forgets everything that ends with the socket, and closes it.
    pub(super) fn shut(&mut self, connection: u32) {
        let row = &mut self.connections[connection as usize];
        row.stream = None;
        row.state = State::Down;
        row.pinging = false;
        self.acks.clear(&mut row.acks);
        row.unacknowledged = 0;
        row.terms = AllTerms::NONE;
        if let Some(attempt) = row.cold.as_ref().and_then(|cold| cold.attempt) {
            self.wheel.cancel(attempt.timeout);
        }
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
                if self.is_caller_request(exchange.request) == by_caller {
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

    fn retry_later(&mut self, connection: u32) {
        let row = &mut self.connections[connection as usize];
        row.attempts = row.attempts.saturating_add(1);
        if !matches!(self.stage, Stage::Connecting | Stage::Loading) {
            return;
        }
        let ceiling = BACK_OFF_FIRST
            .saturating_mul(1 << (row.attempts - 1).min(16))
            .min(BACK_OFF_MAX);
        // Between half and all of the ceiling, so that a fleet does not come back as one.
        let bits = hash::hash(
            self.settings.nonce,
            u64::from(connection),
            u64::from(row.generation),
        );
        let pause = ceiling / 2 + bits % (ceiling / 2);
        let at = self.clock.now() + pause;
        self.wheel.insert(at, Timer::Reconnect { connection });
    }
}
