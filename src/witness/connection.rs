//! One connection of the witness: comes up, sends a probe when one is due, waits for its answer.
//!
//! The client is told nothing that the fleet's connections do not say too. A lost connection is not
//! made again, because this client cannot: it reports the end of the stream over and over.
//! Not here: when probes are due (see `Slots`) and which requests (see `order`).

use std::sync::Arc;
use std::time::Duration;

use mqtt_async_client::Result;
use mqtt_async_client::client::{Client, KeepAlive, Publish, QoS, ReadResult, Subscribe};
use mqtt_async_client::client::{SubscribeTopic, Unsubscribe, UnsubscribeTopic};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Order, Setting, Slots, Window};
use crate::event::Clock;
use crate::measure::{NoAnswer, Probes};
use crate::mqtt::{Packet, Role, Version, decode};
use crate::plan::{
    Captures, ConnectionRole, IdCursor, Listener, Message, Moment, Recognised, ReplyOutcome,
    Request, RequestIdKind, Sheet, uuid_request_id,
};
use crate::random::hash;

/// Smallest packet buffer of the client, bytes.
const PACKET_MIN: usize = 64 * 1024;
/// Shortest time for which the ID of an unanswered probe is not used again, ns.
const QUARANTINE_MIN: u64 = 30_000_000_000;
/// A timer of tokio that is set for longer than this is set again.
const SLEEP_MAX: Duration = Duration::from_hours(1);
/// Nobody subscribes to it: the acknowledgement that it is gone says that the connection is up.
const NO_TOPIC: &str = "midge-witness";

/// What one connection leaves behind.
#[derive(Debug)]
pub(super) struct Part {
    pub connected: bool,
    pub probes: Probes,
}

/// A connection with an endpoint of its own.
pub(super) struct Connection {
    number: u32,
    /// Beyond the fleet's.
    endpoint: u32,
    slots: Slots,
    order: Arc<Order>,
    setting: Arc<Setting>,
    window: watch::Receiver<Window>,
    /// Of the generators.
    state: Vec<u64>,
    /// By scope, from the first use on.
    cursors: Vec<IdCursor>,
    /// Scope, ID and instant until which a late reply may come.
    quarantine: Vec<(u16, u32, u64)>,
    issued: u64,
    probes: Probes,
}

/// Longest wait for the client to end.
const LEAVES_WITHIN: Duration = Duration::from_millis(200);

/// Ends the client's own task, also after a loss: one that is only dropped goes on connecting, over
/// and over, until its runtime ends.
async fn leave(client: &mut Client) {
    let _ = tokio::time::timeout(LEAVES_WITHIN, client.disconnect()).await;
}

/// A probe that is under way.
#[derive(Clone, Copy)]
struct Probe {
    row: u16,
    id: u128,
    sent: u64,
    deadline: u64,
}

impl Connection {
    pub(super) fn new(
        number: u32,
        order: Arc<Order>,
        setting: Arc<Setting>,
        window: watch::Receiver<Window>,
    ) -> Self {
        let plan = &setting.plan;
        Self {
            number,
            endpoint: plan.endpoints.saturating_add(number),
            slots: order.slots(number, setting.profile.load.seed),
            state: vec![0; plan.state_words],
            cursors: vec![IdCursor::START; plan.scopes.len()],
            quarantine: Vec::new(),
            issued: 0,
            probes: Probes::new(setting.bounds),
            order,
            setting,
            window,
        }
    }

    /// From connecting to the end of the window.
    pub(super) async fn run(mut self) -> Part {
        // As the fleet does: one after the other.
        let rate = self.setting.profile.fleet.connect_rate.0.max(1.0);
        tokio::time::sleep(Duration::from_secs_f64(f64::from(self.number) / rate)).await;
        let mut connected = false;
        if let Ok(mut client) = self.connect().await {
            connected = true;
            // A loss is in the counts already: what could not be sent is missing there.
            let _ = self.probe_in_turn(&mut client).await;
            leave(&mut client).await;
        }
        Part {
            connected,
            probes: self.probes,
        }
    }

    async fn connect(&self) -> Result<Client> {
        let Setting {
            plan,
            profile,
            targets,
            password,
            ..
        } = &*self.setting;
        let target = targets[self.number as usize % targets.len()];
        let mut client_id = String::new();
        plan.client_id(self.endpoint, ConnectionRole::Main, &mut client_id);
        let keep_alive = match profile.fleet.keep_alive.as_secs() {
            0 => KeepAlive::disabled(),
            seconds => KeepAlive::from_secs(u16::try_from(seconds).unwrap_or(u16::MAX)),
        };
        let longest = plan.requests.iter().map(|request| request.frame_longest);
        let mut client = Client::builder()
            .set_url_string(&format!("mqtt://{target}"))?
            .set_client_id(Some(client_id))
            .set_username(plan.username(self.endpoint))
            .set_password(password.clone())
            .set_keep_alive(keep_alive)
            .set_operation_timeout(profile.target.connect_timeout)
            .set_max_packet_len(longest.max().unwrap_or(0).max(PACKET_MIN))
            .set_automatic_connect(false)
            .build()?;
        client.connect().await?;
        if let Err(error) = self.await_connack(&mut client).await {
            leave(&mut client).await;
            return Err(error);
        }
        Ok(client)
    }

    /// `connect` returns before the connection is there; any acknowledgement says that it is.
    async fn await_connack(&self, client: &mut Client) -> Result<()> {
        let mut filters = Vec::new();
        self.setting.plan.filters(self.endpoint, &mut filters);
        if filters.is_empty() {
            let nothing = vec![UnsubscribeTopic::new(NO_TOPIC.to_owned())];
            return client.unsubscribe(Unsubscribe::new(nothing)).await;
        }
        let qos = match self.setting.profile.fleet.subscribe_qos {
            0 => QoS::AtMostOnce,
            _ => QoS::AtLeastOnce,
        };
        let topics = filters.into_iter();
        let topics = topics.map(|topic_path| SubscribeTopic { topic_path, qos });
        let subscribed = client.subscribe(Subscribe::new(topics.collect())).await?;
        subscribed.any_failures()
    }

    /// All probes of this connection; an error is the loss of the connection.
    async fn probe_in_turn(&mut self, client: &mut Client) -> Result<()> {
        let clock = self.setting.clock;
        let mut slot = 0;
        loop {
            let window = *self.window.borrow_and_update();
            let now = clock.now();
            let due = self.slots.due(slot, window);
            if now >= window.end || (window.from != u64::MAX && due.is_none()) {
                return Ok(());
            }
            tokio::select! {
                biased;
                changed = self.window.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                }
                () = sleep_until(clock, due.unwrap_or(u64::MAX)) => {
                    if due.is_none_or(|due| clock.now() < due) {
                        continue;
                    }
                    self.probe(client, slot).await?;
                    // What came due in the meantime is skipped: a witness does not catch up.
                    let now = clock.now();
                    slot += 1;
                    while self.slots.due(slot, window).is_some_and(|due| due < now) {
                        slot += 1;
                    }
                }
                // Pushes and late replies: read, so that the client's buffer does not fill up.
                pushed = client.read_subscriptions() => { pushed?; }
            }
        }
    }

    async fn probe(&mut self, client: &mut Client, slot: u64) -> Result<()> {
        let setting = self.setting.clone();
        let (plan, clock) = (&setting.plan, setting.clock);
        let bits = hash(!setting.profile.load.seed, u64::from(self.number), slot);
        let row = self.order.pick(bits);
        let request = &plan.requests[usize::from(row)];
        let Some(id) = self.request_id(request, clock.now()) else {
            return Ok(());
        };
        let Some(message) = self.message(request, id) else {
            return Ok(());
        };
        let sent = clock.now();
        self.probes.sent += 1;
        if let Err(error) = client.publish(&message).await {
            self.probes.unanswered(NoAnswer::Failed, clock.now() - sent);
            return Err(error);
        }
        let probe = Probe {
            row,
            id,
            sent,
            deadline: sent.saturating_add(request.deadline_ns),
        };
        self.answer(client, probe).await
    }

    async fn answer(&mut self, client: &mut Client, probe: Probe) -> Result<()> {
        let clock = self.setting.clock;
        loop {
            let end = self.window.borrow_and_update().end;
            tokio::select! {
                biased;
                () = sleep_until(clock, end.min(probe.deadline)) => {
                    let now = clock.now();
                    if now >= probe.deadline {
                        self.time_out(probe);
                        return Ok(());
                    }
                    if now >= end {
                        self.probes.unanswered(NoAnswer::InFlight, now - probe.sent);
                        return Ok(());
                    }
                }
                changed = self.window.changed() => {
                    if changed.is_err() {
                        self.probes.unanswered(NoAnswer::InFlight, clock.now() - probe.sent);
                        return Ok(());
                    }
                }
                got = client.read_subscriptions() => {
                    let at = clock.now();
                    let got = got.inspect_err(|_| {
                        self.probes.unanswered(NoAnswer::Failed, at - probe.sent);
                    })?;
                    if at <= probe.deadline && self.is_answered(&got, probe, at) {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn is_answered(&mut self, got: &ReadResult, probe: Probe, at: u64) -> bool {
        let plan = &self.setting.plan;
        let who = Listener::Endpoint(self.endpoint);
        let mut captures = Captures::new();
        let Recognised::Reply {
            request,
            id,
            outcome,
            ..
        } = plan.recognise(who, got.topic(), got.payload(), &mut captures)
        else {
            return false;
        };
        // Requests of one scope may share a reply topic; the ID tells them apart.
        let scope = |row: u16| plan.requests[usize::from(row)].scope;
        if id != Some(probe.id) || scope(request) != scope(probe.row) {
            return false;
        }
        match outcome {
            ReplyOutcome::Intermediate => return false,
            ReplyOutcome::Ok => self.probes.ok += 1,
            ReplyOutcome::Error => self.probes.error += 1,
        }
        self.probes.service.record(at - probe.sent);
        true
    }

    fn time_out(&mut self, probe: Probe) {
        let request = &self.setting.plan.requests[usize::from(probe.row)];
        let wait = probe.deadline - probe.sent;
        self.probes.unanswered(NoAnswer::Timeout, wait);
        if let RequestIdKind::Decimal(_) = request.id_kind {
            let until = probe
                .deadline
                .saturating_add((2 * request.deadline_ns).max(QUARANTINE_MIN));
            self.quarantine
                .push((request.scope, probe.id as u32, until));
        }
    }

    /// The next ID; `None` when all may still be answered.
    fn request_id(&mut self, request: &Request, now: u64) -> Option<u128> {
        self.quarantine.retain(|(_, _, until)| *until > now);
        match request.id_kind {
            RequestIdKind::None => None,
            RequestIdKind::Uuid => {
                self.issued += 1;
                let nonce = self.setting.nonce;
                Some(uuid_request_id(nonce, self.endpoint, self.issued))
            }
            RequestIdKind::Decimal(range) => {
                let cursor = self.cursors.get_mut(usize::from(request.scope))?;
                let busy = |id: u32| {
                    let mut waiting = self.quarantine.iter();
                    waiting.any(|(scope, of, _)| *scope == request.scope && *of == id)
                };
                range.allocate(cursor, busy).map(u128::from)
            }
        }
    }

    /// The message as the fleet would send it, in the client's own words.
    fn message(&mut self, request: &Request, request_id: u128) -> Option<Publish> {
        let Setting { plan, clock, .. } = &*self.setting;
        let mut frame = Sheet::default();
        let moment = Moment::at(clock.unix_ns_at_start() + clock.now());
        let message = Message {
            endpoint: self.endpoint,
            request_id,
            packet_id: 0,
            moment: &moment,
            identities: &plan.identities,
            captures: &Captures::new(),
        };
        request.encode(&mut frame, &message, &mut self.state);
        let decoded = decode(frame.text(), Role::Server, Version::V311, frame.len());
        let Ok(Some((Packet::Publish(packet), _))) = decoded else {
            return None;
        };
        let mut publish = Publish::new(packet.topic.to_owned(), packet.payload.to_owned());
        publish.set_retain(packet.retain);
        Some(publish)
    }
}

/// Until this instant of the run's clock, or for an hour.
fn sleep_until(clock: Clock, at: u64) -> tokio::time::Sleep {
    let wait = Duration::from_nanos(at.saturating_sub(clock.now()));
    tokio::time::sleep_until(Instant::now() + wait.min(SLEEP_MAX))
}
