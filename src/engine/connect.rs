//! How connections come up, stay up and come back.
//!
//! Not here: when an attempt begins (`upkeep`), what is sent once it is up, and how long a lost one waits
//! before it queues (`loss`).

use super::cold::Attempt;
use super::connection::{Coarse, Part, State};
use super::dial::Route;
use super::failure;
use super::timer::Timer;
use super::worker::Worker;
use crate::measure::{ConnectFailure, FailReason};
use crate::mqtt::{self, ConnAck, Connect, Properties, Qos, Reason, Will};
use crate::plan::ConnectionRole;
use crate::profile::Connections;

/// Filters in one SUBSCRIBE; some services refuse long ones.
const FILTERS_PER_SUBSCRIBE: usize = 8;

impl Worker<'_> {
    /// One attempt to connect, at `now`.
    pub(super) fn start_connect(&mut self, connection: u32, now: u64) {
        let sources = &self.settings.profile.target.bind;
        let number = self.number_in_run(connection);
        let route = Route::of(number, &self.settings.targets, sources);
        let row = &mut self.connections[connection as usize];
        row.generation = row.generation.wrapping_add(1);
        row.state = State::Connecting;
        let generation = row.generation;
        self.attempts.under_way += 1;
        let watched = route.dial(&self.poller).and_then(|mut stream| {
            self.poller
                .watch(&mut stream, connection as usize)
                .map_err(|error| failure::of_connect(&error))?;
            if self.stamps.are_wanted() {
                stream.note_arrivals();
            }
            Ok(stream)
        });
        match watched {
            Ok(stream) => {
                let patience = self.settings.profile.target.connect_timeout.as_nanos() as u64;
                let timer = Timer::ConnectTimeout {
                    connection,
                    generation,
                };
                let timeout = self.wheel.insert(now + patience, timer);
                let row = &mut self.connections[connection as usize];
                row.stream = Some(stream);
                self.cold.lend(&mut row.cold).attempt = Some(Attempt {
                    started: now,
                    took: 0,
                    timeout,
                    subacks_missing: 0,
                    securing_since: 0,
                    queued: false,
                });
            }
            Err(failure) => self.connect_failed(connection, failure),
        }
    }

    /// Which connection of the whole run it is, whatever the number of workers. Callers come last.
    pub(super) fn number_in_run(&self, connection: u32) -> u64 {
        match self.connections[connection as usize].part {
            Part::Caller => self.plan.connections_of(self.plan.endpoints) + self.index as u64,
            _ => self.plan.connections_of(self.base) + u64::from(connection),
        }
    }

    /// The TCP handshake has ended, well or badly: writing CONNECT says which, so that nobody has to
    /// ask the socket for its error and its peer first. Or the TLS handshake, or the upgrade, and well.
    pub(super) fn tcp_ended(&mut self, connection: u32) {
        if self.upgrades_first(connection) {
            return;
        }
        self.batch.clear();
        if self.encode_connect(connection).is_err() {
            return self.connect_failed(connection, ConnectFailure::Protocol);
        }
        let now = self.clock.now();
        let mut batch = std::mem::take(&mut self.batch);
        let row = &mut self.connections[connection as usize];
        let Some(stream) = &mut row.stream else {
            return;
        };
        match stream.transmit(batch.bytes.text()) {
            // A spurious event: still connecting.
            Err(error) if is_connecting(&error) => {}
            Err(error) => self.connect_failed(connection, failure::of_connect(&error)),
            Ok(count) => {
                stream.send_at_once();
                row.state = State::Handshake;
                self.written(connection, count, batch.bytes.text(), &batch.markers, now);
            }
        }
        batch.clear();
        self.batch = batch;
    }

    fn encode_connect(&mut self, connection: u32) -> Result<(), mqtt::EncodeError> {
        let row = &self.connections[connection as usize];
        let endpoint = self.base + row.first;
        let mut client_id = String::new();
        let role = match row.part {
            Part::Caller => ConnectionRole::Caller(self.index as u32),
            Part::Subscriber => ConnectionRole::Subscriber,
            Part::Whole | Part::Publisher => ConnectionRole::Main,
        };
        self.plan.client_id(endpoint, role, &mut client_id);
        self.recall_client_id(connection, &mut client_id);
        let clean_session = self.clean_start(&client_id);
        let session = !clean_session && self.sessions_last();
        let username = self.plan.username(endpoint);
        let will = match row.part {
            Part::Whole | Part::Publisher => self.plan.will(endpoint),
            Part::Subscriber | Part::Caller => None,
        };
        let [properties, of_will] = self.connect_properties(endpoint, will.as_ref())?;
        let packet = Connect {
            clean_session,
            keep_alive: self.keep_alive_s(),
            client_id: &client_id,
            username: username.as_deref(),
            password: self.settings.password.as_deref(),
            will: will.as_ref().map(|will| Will {
                topic: &will.topic,
                payload: &will.payload,
                qos: Qos::try_from(will.qos).unwrap_or(Qos::AtMostOnce),
                retain: will.retain,
                properties: of_will.as_properties(),
            }),
            properties: properties.as_properties(),
        };
        let version = self.dialect.version;
        self.batch.control(|out| packet.write(version, out))?;
        self.connections[connection as usize].session = session;
        Ok(())
    }

    /// CONNACK is in.
    pub(super) fn on_connack(&mut self, connection: u32, packet: ConnAck<'_>, at: u64) {
        let row = &mut self.connections[connection as usize];
        if row.state != State::Handshake {
            // A second one (section 3.2.0 allows one).
            return self.lose(connection, FailReason::Protocol);
        }
        if packet.reason != Reason::Success {
            return self.connect_failed(connection, failure::of_reason(packet.reason));
        }
        self.agree(connection, &packet);
        if let Some(attempt) = self.attempt_of(connection) {
            attempt.took = at.saturating_sub(attempt.started);
        }
        if !packet.session_present {
            self.session_is_new(connection, at);
        }
        let filters = self.filters_of(connection);
        if filters.is_empty() || self.connections[connection as usize].subscribed {
            return self.came_up(connection, at);
        }
        let qos =
            Qos::try_from(self.settings.profile.fleet.subscribe_qos).unwrap_or(Qos::AtMostOnce);
        let row = &mut self.connections[connection as usize];
        row.state = State::Subscribing;
        let mut missing = 0;
        let version = self.dialect.version;
        for chunk in filters.chunks(FILTERS_PER_SUBSCRIBE) {
            let row = &mut self.connections[connection as usize];
            let Some(packet_id) = row.allocate_packet_id(&self.acks) else {
                break;
            };
            let options = chunk
                .iter()
                .map(|filter| self.subscribe_options(filter, qos));
            let options: Vec<_> = options.collect();
            let pairs = chunk.iter().map(String::as_str).zip(options);
            let written = self.batch.control(|out| {
                mqtt::write_subscribe(packet_id, Properties::NONE, pairs, version, out)
            });
            if written.is_err() {
                return self.connect_failed(connection, ConnectFailure::SubscribeRefused);
            }
            missing += 1;
        }
        if let Some(attempt) = self.attempt_of(connection) {
            attempt.subacks_missing = missing;
        }
        // Written when the packets at hand are handled.
    }

    fn filters_of(&self, connection: u32) -> Vec<String> {
        let row = &self.connections[connection as usize];
        let mut filters = Vec::new();
        match row.part {
            Part::Publisher => {}
            Part::Caller => filters = self.plan.caller_filters(self.index as u32),
            Part::Whole | Part::Subscriber => {
                for endpoint in row.endpoints() {
                    self.plan.filters(self.base + endpoint, &mut filters);
                }
                filters.sort_unstable();
                filters.dedup();
            }
        }
        filters
    }

    /// One SUBACK is in.
    pub(super) fn on_suback(&mut self, connection: u32, refused: bool, at: u64) {
        let row = &mut self.connections[connection as usize];
        if row.state != State::Subscribing {
            return self.lose(connection, FailReason::Protocol);
        }
        if refused {
            return self.connect_failed(connection, ConnectFailure::SubscribeRefused);
        }
        let missing = self.attempt_of(connection).map_or(0, |attempt| {
            attempt.subacks_missing = attempt.subacks_missing.saturating_sub(1);
            attempt.subacks_missing
        });
        if missing == 0 {
            self.came_up(connection, at);
        }
    }

    pub(super) fn attempt_of(&mut self, connection: u32) -> Option<&mut Attempt> {
        let cold = self.connections[connection as usize].cold.as_mut()?;
        cold.attempt.as_mut()
    }

    /// The attempt is over: its timer is not needed any more. How long the connect took, ns.
    fn end_attempt(&mut self, connection: u32) -> u64 {
        let row = &mut self.connections[connection as usize];
        let attempt = row.cold.as_mut().and_then(|cold| cold.attempt.take());
        self.cold.collect(&mut row.cold);
        attempt.map_or(0, |attempt| {
            self.wheel.cancel(attempt.timeout);
            attempt.took
        })
    }

    fn came_up(&mut self, connection: u32, at: u64) {
        let took = self.end_attempt(connection);
        let row = &mut self.connections[connection as usize];
        row.state = State::Up;
        row.last_write = Coarse::at(at);
        row.subscribed = true;
        let (generation, endpoints, session) = (row.generation, row.endpoints(), row.session);
        self.attempts.under_way -= 1;
        self.up += 1;
        if let Some(since) = self.away.end(connection) {
            self.recorder.reconnected(since, at);
            // A clean session forgets old requests: their IDs cannot be answered any more.
            for endpoint in endpoints.clone().filter(|_| !session) {
                let row = &mut self.endpoints[endpoint as usize];
                row.epoch = row.epoch.wrapping_add(1);
            }
            self.send_again(connection, at);
        } else {
            self.ever_up += 1;
            self.control.came_up();
            self.recorder.connected(took);
        }
        if let Some(interval) = self.keep_alive_ns(connection) {
            self.wheel.insert(
                at + interval,
                Timer::KeepAlive {
                    connection,
                    generation,
                },
            );
        }
        self.settle(connection);
        for endpoint in endpoints {
            self.make_runnable(endpoint);
        }
    }

    fn keep_alive_s(&self) -> u16 {
        self.settings
            .profile
            .fleet
            .keep_alive
            .as_secs()
            .min(u64::from(u16::MAX)) as u16
    }

    /// How long a connection may be silent. A little less than promised, so that the PINGREQ arrives
    /// within the keep-alive (section 3.1.2.10), be it the target's own.
    fn keep_alive_ns(&self, connection: u32) -> Option<u64> {
        let asked = self.terms_of(connection).keep_alive_s;
        let seconds = u64::from(asked.unwrap_or_else(|| self.keep_alive_s()));
        (seconds > 0).then_some(seconds * 900_000_000)
    }

    pub(super) fn keep_alive(&mut self, connection: u32, generation: u16) {
        let Some(interval) = self.keep_alive_ns(connection) else {
            return;
        };
        let row = &mut self.connections[connection as usize];
        if row.generation != generation || row.state != State::Up {
            return;
        }
        let now = self.clock.now();
        if row.pinging && row.pinged.until(now) >= interval {
            return self.lose(connection, FailReason::KeepAlive);
        }
        let mut silent_for = row.silent_for(now);
        if silent_for >= interval {
            self.ping(connection, now);
            silent_for = 0;
        }
        let timer = Timer::KeepAlive {
            connection,
            generation,
        };
        self.wheel.insert(now + interval - silent_for, timer);
    }

    /// Sends a PINGREQ (section 3.12).
    pub(super) fn ping(&mut self, connection: u32, now: u64) {
        let row = &mut self.connections[connection as usize];
        row.pinging = true;
        row.pinged = Coarse::at(now);
        self.batch.clear();
        self.batch.control_bytes([0xC0, 0x00]);
        self.flush(connection);
    }

    pub(super) fn connect_timeout(&mut self, connection: u32, generation: u16) {
        let row = &self.connections[connection as usize];
        let coming_up = matches!(
            row.state,
            State::Connecting
                | State::Securing
                | State::Upgrading
                | State::Handshake
                | State::Subscribing
        );
        if row.generation == generation && coming_up {
            self.connect_failed(connection, ConnectFailure::Timeout);
        }
    }

    /// The connection over which an endpoint's request leaves.
    pub(super) fn connection_for(&self, endpoint: u32, request: u16) -> u32 {
        if self.is_caller_request(request) {
            return self.caller.unwrap_or(0);
        }
        match self.plan.connections {
            Connections::One => endpoint,
            Connections::PublisherAndSubscriber => endpoint * 2,
            Connections::Shared(size) => endpoint / size.max(1),
        }
    }
}

/// What a write says while the TCP handshake goes on (on some systems that it is not connected).
fn is_connecting(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{Interrupted, NotConnected, WouldBlock};
    matches!(error.kind(), WouldBlock | Interrupted | NotConnected)
}
