//! What the tenant does by the clock: replies that are ready, silence, pushes, faults, the stall.
//!
//! Not here: the wheel itself, and the loop that asks it (`server`).

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::attachment::Sharing;
use super::defined::DefinedPush;
use super::kind::Name;
use super::platforms::Recipient;
use super::pushes::{Push, Way};
use super::router::Message;
use super::server::Server;
use super::session::{Ending, Stage};
use super::sessions::ConnectionId;
use crate::mqtt::{Properties, Qos};

/// A stalled tenant looks this often whether it is to stop.
const STALL_STEP: Duration = Duration::from_millis(5);

/// What a timer is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Timer {
    /// A reply is ready.
    Reply(u32),
    /// A connection may have been silent for too long.
    Silence(ConnectionId),
    /// The stall begins.
    Stall,
    /// The outage begins.
    Crash,
    /// The outage is over.
    Return,
    /// Descriptors may be free again.
    Accept,
    /// A command is pushed.
    Command,
    /// A configuration is pushed.
    Config,
    /// A random connection is closed.
    Disconnect,
    /// A client of a broker, by its number, connects again.
    Dial(usize),
    /// A client of a broker says that it is there.
    Ping(ConnectionId),
    /// A broker that has shared subscriptions would have delivered the probe by now.
    Probe(ConnectionId),
}

impl Server {
    /// Does what is due; `at` is the instant it was due.
    pub(super) fn fire(&mut self, at: u64, timer: Timer) {
        match timer {
            Timer::Reply(number) => {
                if let Some(waiting) = self.pending.take(number) {
                    self.send_reply(waiting.reply, waiting.message());
                    self.pending.recycle(waiting);
                }
            }
            Timer::Silence(id) => self.check_silence(id),
            Timer::Stall => self.stall(),
            Timer::Crash => self.crash(at),
            Timer::Return => self.come_back(),
            Timer::Accept => self.accept(),
            Timer::Dial(number) => self.dial(number),
            Timer::Ping(id) => self.ping(id),
            Timer::Probe(id) => self.found_out(id, Sharing::No),
            Timer::Command => {
                if let Some(push) = self.platforms.push_defined() {
                    self.push_defined(push);
                } else {
                    let push = self.platforms.push_command();
                    self.push(push);
                }
                self.insert_after_gap(at, self.options.commands, Timer::Command);
            }
            Timer::Config => {
                let push = self.platforms.push_config();
                self.push(push);
                self.insert_after_gap(at, self.options.config_push, Timer::Config);
            }
            Timer::Disconnect => {
                let connected = self.router.sessions.connected();
                let unlucky = connected
                    .get(self.disconnects.below(connected.len()))
                    .copied();
                if let Some(id) = unlucky {
                    self.router.sessions.doom(id, Ending::Injected);
                    self.settle();
                }
                self.insert_after_gap(at, self.options.disconnect_rate, Timer::Disconnect);
            }
        }
    }

    fn check_silence(&mut self, id: ConnectionId) {
        let now = self.clock.now();
        let Some(session) = self.router.sessions.get(id) else {
            return;
        };
        let Some(patience_ns) = session.patience_ns else {
            return;
        };
        let until = session.heard_at.max(self.thawed_at) + patience_ns;
        if until > now {
            self.watch(id, until);
        } else if session.stage == Stage::Opened {
            self.close(id, Ending::NoConnect);
        } else {
            self.close(id, Ending::KeepAlive);
        }
    }

    /// Looks at the silence of a connection at `at`, and not at the instant asked for before.
    pub(super) fn watch(&mut self, id: ConnectionId, at: u64) {
        let Some(session) = self.router.sessions.get(id) else {
            return;
        };
        let timer = self.agenda.insert(at, Timer::Silence(id));
        if let Some(earlier) = session.silence.replace(timer) {
            self.agenda.cancel(earlier);
        }
    }

    /// Does nothing at all, as a process that is stopped would: what arrives waits in the
    /// kernel, what is due leaves afterwards.
    fn stall(&mut self) {
        self.settle();
        let Some(stall) = self.options.stall else {
            return;
        };
        let until = self.clock.now() + stall.for_ns;
        while !self.stopped.load(Ordering::Acquire) {
            let left = Duration::from_nanos(until.saturating_sub(self.clock.now()));
            if left.is_zero() {
                break;
            }
            self.clock.sleep(left.min(STALL_STEP));
        }
        self.thawed_at = self.clock.now();
    }

    /// Sends the push in the platforms' buffers, and counts it.
    pub(super) fn push(&mut self, push: Option<Push>) {
        let Some(push) = push else { return };
        let speaker = self.platforms.speaker(Recipient::Endpoint(push.endpoint));
        let message = Message {
            topic: &self.platforms.topic,
            payload: &self.platforms.payload,
            qos: Qos::AtMostOnce,
            properties: Properties::NONE,
        };
        let to = Recipient::Endpoint(push.endpoint);
        let reached = match (&mut self.attachment, push.way) {
            (Some(attachment), _) => attachment.publish(&mut self.router, to, message),
            (None, Way::AsReply) => self.router.reply(speaker, message),
            (None, Way::ToSubscriber) => self.router.send_to_endpoint(speaker, message),
        };
        if reached {
            let counts = &mut self.platforms.counts;
            counts.push(push.name, push.items);
            if push.repeated > 0 {
                counts.push("command-repeated", push.repeated);
            }
        } else {
            self.platforms.counts.reject("unreachable-endpoint");
        }
    }

    fn push_defined(&mut self, push: DefinedPush) {
        let message = Message {
            topic: &self.platforms.topic,
            payload: &self.platforms.payload,
            qos: Qos::AtMostOnce,
            properties: self.platforms.properties.as_properties(),
        };
        let reached = match (&mut self.attachment, push.to) {
            (Some(attachment), to) => attachment.publish(&mut self.router, to, message),
            (None, Recipient::Session(connection)) => {
                self.router.send_to_session(connection, message)
            }
            (None, Recipient::Endpoint(_) | Recipient::Connection(_)) => {
                let speaker = self.platforms.speaker(push.to);
                self.router.send_to_endpoint(speaker, message)
            }
        };
        let counts = &mut self.platforms.counts;
        if reached {
            counts.defined_pushed.add(Name::Defined(push.inbound));
        } else {
            counts.reject("unreachable-endpoint");
        }
    }

    /// The next event of a Poisson process with `rate_per_s`, counted from the last one.
    fn insert_after_gap(&mut self, at: u64, rate_per_s: f64, timer: Timer) {
        if rate_per_s > 0.0 {
            let gap_ns = (self.gaps.exponential() / rate_per_s * 1e9) as u64;
            self.agenda.insert(at.saturating_add(gap_ns), timer);
        }
    }

    /// The first CONNECT was accepted: what happens by itself begins.
    pub(super) fn begin(&mut self, now: u64) {
        self.insert_after_gap(now, self.options.commands, Timer::Command);
        self.insert_after_gap(now, self.options.config_push, Timer::Config);
        self.insert_after_gap(now, self.options.disconnect_rate, Timer::Disconnect);
    }
}
