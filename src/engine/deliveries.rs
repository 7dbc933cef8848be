//! What is published with a stamp, and what arrives with one.
//!
//! A message gets its line and number when it is encoded and its instant just before it is written.
//! Whoever hears it reads all of them back. At the end the drain waits until everything was heard, or
//! nothing more comes. Not here: counting (`measure`), who is to hear what (the plan).

use super::batch::Batch;
use super::worker::Worker;
use crate::plan::{Lines, Plan, Stamp};

/// Deliveries are over when there was none for so long, ns.
const QUIET_NS: u64 = 1_000_000_000;

/// A worker's side of deliveries.
#[derive(Debug)]
pub(super) struct Deliveries {
    run: u32,
    /// Per request: where the numbers of its lines begin; `None`: it has no stamp.
    first: Vec<Option<usize>>,
    numbers: Vec<u32>,
    /// Whether the message at hand is one that the broker had kept.
    pub retained: bool,
    /// Deliveries that the other workers know of, and of all workers when that last changed.
    told: u64,
    known: u64,
    changed_at: u64,
}

impl Deliveries {
    /// Nothing published; `nonce` tells the run from others.
    pub(super) fn new(plan: &Plan, nonce: u64, endpoints: usize) -> Self {
        let mut count = 0;
        let first = plan.requests.iter().map(|request| {
            let begin = count;
            count += match request.stamp? {
                Lines::Endpoint => endpoints,
                Lines::Caller => 1,
            };
            Some(begin)
        });
        let first = first.collect();
        Self {
            run: (nonce ^ (nonce >> 32)) as u32,
            first,
            numbers: vec![0; count],
            retained: false,
            told: 0,
            known: 0,
            changed_at: 0,
        }
    }
}

impl Batch {
    /// Puts line and number into the last frame, whose payload has this length. Where that begins.
    fn stamp(&mut self, length: usize, [run, line, number]: [u32; 3], intended: u64) -> usize {
        let start = self.bytes.len() - length;
        Stamp::write_name(run, line, number, self.bytes.text_from_mut(start));
        let intended = (!self.undecided).then_some(intended);
        self.stamps.push((start, intended));
        start
    }

    /// Puts the instant into the stamps of all frames before this place.
    pub(super) fn stamp_until(&mut self, end: usize, now: u64, measures: impl Fn(u64) -> bool) {
        while let Some(&(start, intended)) = self.stamps.get(self.stamped) {
            if start >= end {
                break;
            }
            let counts = measures(intended.unwrap_or(now));
            Stamp::write_instant(now, counts, self.bytes.text_from_mut(start));
            self.stamped += 1;
        }
    }
}

impl Worker<'_> {
    /// Stamps the message that was just encoded, if it is to have a stamp.
    #[inline]
    pub(super) fn stamp(&mut self, endpoint: u32, request: u16, intended: u64, now: u64) {
        if let Some(first) = self.deliveries.first[usize::from(request)] {
            self.stamp_as(first, endpoint, request, (intended, now));
        }
    }

    // Not inlined: most requests have no stamp.
    #[inline(never)]
    fn stamp_as(&mut self, first: usize, endpoint: u32, request: u16, (intended, now): (u64, u64)) {
        let definition = &self.plan.requests[usize::from(request)];
        let Some(length) = definition.stamped_bytes() else {
            return;
        };
        let (line, place) = match definition.stamp {
            Some(Lines::Caller) => (self.index as u32, 0),
            _ => (self.base + endpoint, endpoint as usize),
        };
        let number = &mut self.deliveries.numbers[first + place];
        let name = [self.deliveries.run, line, *number];
        *number = number.wrapping_add(1);
        let start = self.batch.stamp(length, name, intended);
        if definition.qos > 0 && !self.settings.profile.fleet.clean_start {
            // The copy that is kept for a repetition is made before the write.
            let at = if self.batch.undecided { now } else { intended };
            let counts = self.recorder.measures(at);
            Stamp::write_instant(now, counts, self.batch.bytes.text_from_mut(start));
        }
    }

    /// A listener hears a message that is a delivery.
    pub(super) fn delivered(&mut self, endpoint: u32, inbound: u16, payload: &[u8], at: u64) {
        if self.deliveries.retained {
            return self.recorder.retained(inbound);
        }
        let Some(stamp) = Stamp::read(payload).filter(|stamp| stamp.run == self.deliveries.run)
        else {
            return self.recorder.foreign(inbound);
        };
        let took_ns = stamp.measured.then(|| at.saturating_sub(stamp.at));
        let name = (stamp.line, stamp.number);
        self.recorder
            .delivered(inbound, self.base + endpoint, name, took_ns);
    }

    /// Tells the other workers what is to be heard of what this one has sent.
    pub(super) fn tell_expected(&mut self) {
        self.control.expect_deliveries(self.recorder.deliveries().0);
    }

    /// Whether all workers have heard everything, or none has heard anything for a while.
    pub(super) fn deliveries_are_in(&mut self) -> bool {
        let (_, heard) = self.recorder.deliveries();
        self.control.has_heard(heard - self.deliveries.told);
        self.deliveries.told = heard;
        let (expected, known) = self.control.deliveries();
        if known >= expected {
            return true;
        }
        let now = self.clock.now();
        if self.deliveries.changed_at == 0 || known != self.deliveries.known {
            self.deliveries.known = known;
            self.deliveries.changed_at = now;
        }
        now - self.deliveries.changed_at > QUIET_NS
    }
}
