//! Messages of the closed and the `"max"` model: some are rendered, then one after the other is sent.
//!
//! Rendering and system calls in turns threw each other out of the caches: a message cost half as
//! much again. In these models a message is intended at the moment at which it is decided to send it;
//! that is the clock just before its write, when it lies there ready. Not here: whose turn it is (see
//! `pace`).

use super::batch::Batch;
use super::connection::State;
use super::outbox::{Marker, Meaning};
use super::send::NO_CAPTURES;
use super::timer::Timer;
use super::worker::Worker;
use crate::profile::Model;

/// What one endpoint has ready: the end of its frames in the batch.
#[derive(Debug, Clone, Copy)]
struct Part {
    endpoint: u32,
    connection: u32,
    bytes_end: usize,
    markers_end: usize,
    /// Whether the endpoint was stopped by an obstacle.
    dropped: bool,
}

/// What is ready to be sent, in order.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    parts: Vec<Part>,
    /// A second batch: while one is written, the loss of a connection may use the other.
    spare: Batch,
}

impl Worker<'_> {
    pub(super) fn begin_prepared(&mut self) {
        self.prepared.parts.clear();
        self.batch.clear();
        self.batch.undecided = true;
    }

    /// Renders what an endpoint may send now: one message, or as many as make a write.
    pub(super) fn prepare(&mut self, endpoint: u32, now: u64) {
        let plan = self.plan;
        let load = &self.settings.profile.load;
        let (limit, many) = match load.model {
            Model::Max => (load.in_flight_max, load.batch),
            _ => (1, 1),
        };
        let mut through = None;
        let mut dropped = false;
        self.batch.first = self.batch.bytes.len();
        for _ in 0..many {
            let row = self.endpoints[endpoint as usize];
            let picked = self.picked[endpoint as usize];
            let Some(request) = plan.pick(self.base + endpoint, picked) else {
                break;
            };
            let connection = self.connection_for(endpoint, request);
            if through.is_some_and(|first| first != connection) {
                break;
            }
            // An account of a connection that is lost must not meet messages that are not decided.
            if through.is_none() && self.connections[connection as usize].prepared {
                self.write_prepared();
                self.begin_prepared();
            }
            let target = &self.connections[connection as usize];
            // A full or lost connection brings its endpoints back when it is writable or up again.
            if row.in_flight >= limit || target.state != State::Up || target.backlog() > 0 {
                break;
            }
            // What the target has not acknowledged brings the endpoint back too.
            let unacknowledged = target.unacknowledged;
            if row.in_flight > 0 && unacknowledged >= self.terms_of(connection).receive_max {
                break;
            }
            if let Err(again) = self.message_cap.check(now) {
                self.make_runnable(endpoint);
                self.arm_cap(again);
                break;
            }
            self.picked[endpoint as usize] += 1;
            through = Some(connection);
            if self
                .encode_or_drop(endpoint, request, now, now, &NO_CAPTURES)
                .is_err()
            {
                self.recorder.planned(request, now);
                dropped = true;
                break;
            }
        }
        let Some(connection) = through else { return };
        self.connections[connection as usize].prepared = true;
        self.prepared.parts.push(Part {
            endpoint,
            connection,
            bytes_end: self.batch.bytes.len(),
            markers_end: self.batch.markers.len(),
            dropped,
        });
    }

    /// Decides and writes what is ready, one endpoint after the other.
    pub(super) fn write_prepared(&mut self) {
        let Prepared { parts, spare } = std::mem::take(&mut self.prepared);
        let mut batch = std::mem::replace(&mut self.batch, spare);
        let (mut bytes, mut markers) = (0, 0);
        for part in &parts {
            let now = self.clock.now();
            batch.stamp_until(part.bytes_end, now, |at| self.recorder.measures(at));
            let frames = &batch.bytes.text()[bytes..part.bytes_end];
            let meanings = &mut batch.markers[markers..part.markers_end];
            (bytes, markers) = (part.bytes_end, part.markers_end);
            self.connections[part.connection as usize].prepared = false;
            if !frames.is_empty() {
                self.decide(meanings, now);
                self.write(part.connection, frames, meanings, now);
            }
            if part.dropped {
                self.next_turn_later(part.endpoint, now);
            } else {
                self.next_turn(part.endpoint, part.connection, now);
            }
        }
        batch.clear();
        self.prepared = Prepared {
            parts,
            spare: batch,
        };
    }

    /// These messages are intended now.
    fn decide(&mut self, markers: &mut [Marker], now: u64) {
        for marker in markers {
            marker.due = now;
            let request = match &mut marker.meaning {
                Meaning::Control => continue,
                Meaning::Fire {
                    intended,
                    deadline,
                    request,
                } => {
                    *deadline = now + (*deadline - *intended);
                    *intended = now;
                    *request
                }
                Meaning::Exchange { ticket, .. } => {
                    let slot = ticket.slot;
                    let exchange = self.exchanges.get_mut(slot);
                    let deadline = now + (exchange.deadline - exchange.intended);
                    (exchange.intended, exchange.deadline) = (now, deadline);
                    let request = exchange.request;
                    let timer = self.wheel.insert(deadline, Timer::Exchange { slot });
                    self.exchanges.get_mut(slot).timer = Some(timer);
                    request
                }
            };
            self.recorder.planned(request, now);
        }
    }
}
