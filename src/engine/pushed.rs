//! What the tenant pushes, and how an endpoint answers.
//!
//! A pushed message holds one item or many; each new item is answered, at once or after its delay.
//! Answers are reactive requests: planned at their trigger, with rows of their own.

use std::collections::{HashSet, VecDeque};

use super::outbox::Meaning;
use super::timer::Timer;
use super::worker::{Stage, Worker};
use crate::plan::{Captures, hash};
use crate::profile::Sender;

/// Items remembered for deduplication, per worker; the oldest are forgotten first.
const SEEN_MAX: usize = 100_000;
/// Answers that may wait for their delay, per worker.
const WAITING_MAX: usize = 100_000;

/// Answers that wait, and items that were seen.
#[derive(Debug)]
pub(super) struct Pushed {
    waiting: Vec<Option<Waiting>>,
    free: Vec<u32>,
    /// Of those that wait: how many the drain waits for.
    awaited: usize,
    seen: HashSet<u64>,
    order: VecDeque<u64>,
    drawn: u64,
}

#[derive(Debug)]
struct Waiting {
    endpoint: u32,
    inbound: u16,
    request: u16,
    last: bool,
    /// Whether the drain waits for it: it answers something that was received before.
    awaited: bool,
    captures: Captures,
}

impl Pushed {
    pub(super) fn new() -> Self {
        Self {
            waiting: Vec::new(),
            free: Vec::new(),
            awaited: 0,
            seen: HashSet::new(),
            order: VecDeque::new(),
            drawn: 0,
        }
    }

    /// Answers whose delay has not ended and for which the drain waits.
    pub(super) fn awaited(&self) -> usize {
        self.awaited
    }

    /// Remembers an item; false when it is known already.
    fn remember(&mut self, item: u64) -> bool {
        if !self.seen.insert(item) {
            return false;
        }
        self.order.push_back(item);
        if self.order.len() > SEEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }

    fn add(&mut self, waiting: Waiting) -> Option<u32> {
        let awaited = usize::from(waiting.awaited);
        let slot = if let Some(slot) = self.free.pop() {
            self.waiting[slot as usize] = Some(waiting);
            slot
        } else if self.waiting.len() < WAITING_MAX {
            self.waiting.push(Some(waiting));
            (self.waiting.len() - 1) as u32
        } else {
            return None;
        };
        self.awaited += awaited;
        Some(slot)
    }

    fn take(&mut self, slot: u32) -> Option<Waiting> {
        let waiting = self.waiting.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        self.awaited -= usize::from(waiting.awaited);
        Some(waiting)
    }
}

/// How a message came to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived<'a> {
    /// Unasked, on a topic of its own: it holds items. With its correlation data, if it has some.
    Pushed(Option<&'a [u8]>),
    /// On the reply topic of a request, which may hold nothing to carry out.
    Carried,
}

impl Worker<'_> {
    /// A message of an inbound definition.
    pub(super) fn pushed_message(
        &mut self,
        endpoint: u32,
        inbound: u16,
        payload: &[u8],
        captures: &mut Captures,
        arrived: Arrived<'_>,
        at: u64,
    ) {
        let plan = self.plan;
        let definition = &plan.inbound[usize::from(inbound)];
        if definition.at == Sender::Caller && self.index > 0 {
            return; // Another worker's caller subscribes to it and counts it.
        }
        if definition.delivery.is_some() {
            self.delivered(endpoint, inbound, payload, at);
        }
        if arrived == Arrived::Carried && payload.trim_ascii().is_empty() {
            return;
        }
        let correlation = match arrived {
            Arrived::Pushed(correlation) => correlation,
            Arrived::Carried => None,
        };
        for item in definition.items(payload) {
            let Ok(item) = item else {
                return self.recorder.unattributed_error(at);
            };
            if arrived == Arrived::Carried && definition.is_no_item(item) {
                continue;
            }
            if !definition.capture_id(item, correlation, captures) {
                self.recorder.unattributed_error(at);
                continue;
            }
            self.recorder.inbound_received(inbound);
            let name = definition.key(self.base + endpoint, captures);
            if definition.deduplicate
                && !self
                    .pushed
                    .remember(hash::hash(name, u64::from(inbound), 0))
            {
                self.recorder.inbound_duplicate(inbound, at);
                continue;
            }
            self.answer(endpoint, inbound, captures, at);
        }
    }

    fn answer(&mut self, endpoint: u32, inbound: u16, captures: &Captures, at: u64) {
        let plan = self.plan;
        let answers = &plan.inbound[usize::from(inbound)].answers;
        let mut earliest = at;
        for (number, &request) in answers.iter().enumerate() {
            self.pushed.drawn += 1;
            let definition = &plan.requests[usize::from(request)];
            let reaction_ns = definition.reaction_ns(self.base + endpoint, self.pushed.drawn);
            // Delays are drawn apart from each other; the final answer still comes last.
            let due = (at + reaction_ns).max(earliest);
            earliest = due + 1;
            let waiting = Waiting {
                endpoint,
                inbound,
                request,
                last: number + 1 == answers.len(),
                awaited: self.stage != Stage::Draining,
                captures: *captures,
            };
            // Also without delay by way of the wheel: the batch at hand belongs to the reading.
            if let Some(slot) = self.pushed.add(waiting) {
                self.wheel.insert(due, Timer::Answer { slot });
            } else {
                self.recorder.planned(request, due);
                self.recorder
                    .dropped(request, due, crate::measure::DropReason::InFlight);
            }
        }
    }

    /// The delay of an answer is over.
    pub(super) fn send_answer(&mut self, slot: u32, at: u64) {
        let Some(waiting) = self.pushed.take(slot) else {
            return;
        };
        if self.stage == Stage::Done {
            return;
        }
        self.recorder.planned(waiting.request, at);
        self.batch.clear();
        let now = self.clock.now();
        let encoded = self.encode_or_drop(
            waiting.endpoint,
            waiting.request,
            at,
            now,
            &waiting.captures,
        );
        if waiting.last && encoded.is_ok() {
            self.recorder.inbound_answered(waiting.inbound);
        }
        if !waiting.awaited
            && let Some(Meaning::Exchange { ticket, .. }) = self.batch.last()
        {
            self.exchanges.do_not_await(ticket);
        }
        let connection = self.connection_for(waiting.endpoint, waiting.request);
        self.flush(connection);
    }
}
