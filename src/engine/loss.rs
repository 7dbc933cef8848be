//! How connections fail and come back, and what becomes of their requests.
//!
//! Sent requests of a lost connection have failed, unless its session outlives it (`resume`); unsent ones
//! are dropped. The connection waits as the profile says (`reconnect`) and then queues behind the limit
//! on connects (`admission`).

use super::connection::{Part, State};
use super::exchange::{NONE, State as Exchange};
use super::failure;
use super::outbox::{Marker, Meaning};
use super::terms::AllTerms;
use super::timer::Timer;
use super::worker::Worker;
use crate::measure::{ConnectFailure, DropReason, FailReason};
use crate::plan::hash::{self, Purpose};

impl Worker<'_> {
    /// An attempt has failed before the connection was up.
    pub(super) fn connect_failed(&mut self, connection: u32, why: ConnectFailure) {
        self.recorder.connect_failed(why);
        self.attempts.under_way -= 1;
        self.shut(connection);
        self.settle(connection);
        self.retry_later(connection);
    }

    /// A connection ends that was up, or was coming up.
    pub(super) fn lose(&mut self, connection: u32, why: FailReason) {
        let why = self.broken_by(connection).unwrap_or(why);
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
        row.unacknowledged -= self.acks.forget_unsent(&mut row.acks);
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
        row.terms = AllTerms::NONE;
        if let Some(attempt) = row.cold.as_ref().and_then(|cold| cold.attempt) {
            self.wheel.cancel(attempt.timeout);
        }
        if row.session {
            return self.cold.take_back_all_but_session(&mut row.cold);
        }
        self.acks.clear(&mut row.acks);
        row.unacknowledged = 0;
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;
    use crate::engine::control::Control;
    use crate::engine::setup::{Assignment, EVENTS};
    use crate::engine::{Approach, Settings, shape};
    use crate::event::memory::{Listener, Network, Stream};
    use crate::event::{Clock, Poller};
    use crate::plan::{Identities, Plan, Shard};
    use crate::profile;

    const TARGET: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1883);
    const FLEET: u32 = 400;
    /// What closing a socket takes.
    const CLOSE: Duration = Duration::from_micros(50);
    const MS: u64 = 1_000_000;

    /// A fleet that sends a message each 100 us, evenly.
    fn assignment(clock: Clock) -> Assignment {
        let sets = [
            "fleet.endpoints=400",
            "fleet.connect_rate=1_000_000/s",
            "fleet.connects_in_progress=400",
            "load.arrivals=constant",
            "load.arrival_rate=10_000/s",
            "load.warm_up=0s",
        ];
        let loaded = profile::load("mqtt-publish", &sets.map(str::to_owned), &|_| {
            unreachable!("shipped")
        });
        let settings = Settings {
            profile: loaded.unwrap().profile,
            targets: vec![TARGET],
            password: None,
            tls: None,
            websocket: Vec::new(),
            nonce: 1,
            workers: 1,
            raw_log: None,
            approach: Approach::Asleep,
            kernel_timestamps: 0.0,
        };
        let plan = Arc::new(Plan::compile(&settings.profile, Identities::none()).unwrap());
        Assignment {
            index: 0,
            workers: 1,
            endpoints: plan.shard(Shard { index: 0, count: 1 }),
            shape: Arc::new(shape(&plan, &settings.profile)),
            settings: Arc::new(settings),
            plan,
            control: Arc::new(Control::new()),
            clock,
            reports: channel().0,
        }
    }

    /// Lets everybody in who waits.
    fn welcome(listener: &Listener, clock: Clock, here: u64) -> Vec<Stream> {
        clock.move_to(here);
        let mut streams = Vec::new();
        while let Ok(stream) = listener.accept() {
            stream.transmit(&[0x20, 2, 0, 0]).unwrap();
            streams.push(stream);
        }
        streams
    }

    #[test]
    fn while_half_a_fleet_is_lost_at_once_the_other_half_sends_on_time() {
        let network = Network::new(1 << 16);
        let [here, there] = [(); 2].map(|()| Clock::standing(0));
        let place = network.place(here, Duration::ZERO);
        let place = place.with_dear_streams(Duration::ZERO, CLOSE);
        let listener = network.place(there, Duration::ZERO).listen(TARGET).unwrap();
        let (assignment, (_kept, spare)) = (assignment(here), channel());
        let mut worker = Worker::with(&assignment, spare, Poller::at(place, EVENTS));
        let mut streams = Vec::new();
        while worker.up < FLEET {
            here.move_to(here.elapsed() + MS);
            worker.turn().unwrap();
            streams.extend(welcome(&listener, there, here.elapsed()));
        }
        let begin = here.elapsed() + MS;
        assignment.control.arm(begin);
        worker.turn().unwrap();
        there.move_to(begin);
        let mut every_other = (0..).map(|number| number % 2 == 0);
        streams.retain(|_| every_other.next() == Some(true));
        // Two hundred sockets to close: 10 ms, in which a hundred messages are due.
        here.move_to(begin);
        while here.elapsed() < begin + 20 * MS {
            let rest = worker.turn().unwrap().expect("it goes on");
            here.move_to(rest.min(here.elapsed() + MS));
        }
        assert_eq!(worker.up, FLEET / 2);
        let tally = worker.recorder.finish();
        assert_eq!(tally.connections.lost, u64::from(FLEET) / 2);
        let sent = tally.pacer_lag.count();
        assert!((80..=120).contains(&sent), "{sent}");
        let most = tally.pacer_lag.max_ns().expect("some were sent");
        assert!(u128::from(most) <= CLOSE.as_nanos(), "{most} ns");
    }
}
