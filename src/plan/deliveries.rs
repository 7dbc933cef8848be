//! Which inbound messages are deliveries of which request, and who is to get how many of them.
//!
//! Not here: the stamp by which a delivery is known, and counting.

use crate::plan::compile::Compiler;
use crate::plan::error::PlanError;
use crate::plan::request::{Body, Request};
use crate::plan::stamp::STAMP_BYTES;
use crate::plan::template::{Piece, Template};
use crate::profile::{self, Connections, Sender};

/// An inbound message whose deliveries are accounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The request that publishes it, by its place in [`Plan::requests`](crate::plan::Plan::requests).
    pub request: u16,
    /// Who is to get each of its messages.
    pub audience: Audience,
}

/// Who is to get a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// So many listeners, each of them.
    Each(u32),
    /// One of several listeners that share a subscription.
    OneOf,
}

/// Which messages of a request are in one order and have numbers of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// Those of, or for, one endpoint.
    Endpoint,
    /// All that a worker's caller publishes.
    Caller,
}

impl Compiler<'_> {
    /// Finds the request that an inbound message is a delivery of, and has its messages stamped.
    pub(crate) fn delivery(
        &mut self,
        pushed: &profile::Inbound,
        topic: &Template,
    ) -> Result<Option<Delivery>, PlanError> {
        let Some(name) = &pushed.delivery_of else {
            return Ok(None);
        };
        let wrong = |problem: &'static str| {
            PlanError::value(format!("inbound {}, delivery_of", pushed.name), problem)
        };
        let place = self.requests.iter().position(|one| one.name == *name);
        let place = place.ok_or_else(|| wrong("names no request of the profile"))?;
        let profile = self.profile;
        let fleet = &profile.fleet;
        let session = &fleet.session;
        let published = profile.requests.iter().find(|one| one.name == *name);
        if session.retain_as_published && published.is_some_and(|one| one.retain) {
            return Err(wrong(
                "names a request with retain = true; with fleet.retain_as_published nobody could tell its messages \
                 from those that the broker had kept",
            ));
        }
        let of_endpoints = published.is_some_and(|one| one.from == Sender::Endpoint);
        if session.no_local && pushed.at == Sender::Endpoint && of_endpoints {
            return Err(wrong(
                "names a request of endpoints; with fleet.no_local it depends on connections who is to get it",
            ));
        }
        let audience = match (pushed.at, &pushed.share) {
            (Sender::Caller, _) => Audience::Each(1),
            (Sender::Endpoint, Some(_)) => Audience::OneOf,
            // Each listens to a topic of its own.
            (Sender::Endpoint, None) if is_of_endpoint(topic) => Audience::Each(1),
            (Sender::Endpoint, None) => Audience::Each(match fleet.connections {
                Connections::One | Connections::PublisherAndSubscriber => fleet.endpoints,
                Connections::Shared(size) => fleet.endpoints.div_ceil(size.max(1)),
            }),
        };
        let request = &mut self.requests[place];
        match request.body {
            Body::Bytes { length, .. } if length >= STAMP_BYTES => {}
            _ => {
                return Err(wrong(
                    "names a request whose messages have no room for a stamp; give it bytes = \"40B\" or more",
                ));
            }
        }
        request.stamp = Some(lines(request));
        Ok(Some(Delivery {
            request: place as u16,
            audience,
        }))
    }
}

fn lines(request: &Request) -> Lines {
    if request.from == Sender::Caller && !is_of_endpoint(&request.topic) {
        Lines::Caller
    } else {
        Lines::Endpoint
    }
}

/// Whether the topic of one endpoint differs from that of another one.
fn is_of_endpoint(topic: &Template) -> bool {
    let differs = |piece: &Piece| matches!(piece, Piece::Endpoint(_) | Piece::Identity(_));
    topic.pieces.iter().any(differs)
}

impl Request {
    /// Bytes of a payload that begins with a stamp.
    pub fn stamped_bytes(&self) -> Option<usize> {
        match (self.stamp, &self.body) {
            (Some(_), Body::Bytes { length, .. }) => Some(*length),
            _ => None,
        }
    }
}
