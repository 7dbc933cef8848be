//! What replies carry: the inbound message that the payload of a success is too.
//!
//! Its captures are levels of the reply's topic, cut out by a pattern of their own. Not here: the
//! items, and what an endpoint makes of them.

use crate::plan::Plan;
use crate::plan::captures::Captures;
use crate::plan::compile::Compiler;
use crate::plan::error::PlanError;
use crate::plan::pattern::{CaptureMeaning, Listener, Pattern};
use crate::plan::replies::{Owner, reply_template};
use crate::plan::request::Request;
use crate::plan::template::{Piece, Position, Scope, Template};
use crate::profile::{self, IdPlace, Sender};

/// The inbound message that each success of a request carries.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Carried {
    /// Index into [`Plan::inbound`].
    inbound: u16,
    /// Cuts the captures out of the reply's topic; `None` when the inbound topic has none.
    captures: Option<Pattern>,
}

impl Plan {
    /// The inbound message that a success of `request` carries, as an index into
    /// [`Plan::inbound`]; `None` when it carries none. `captures` are those of the reply's topic
    /// afterwards.
    pub fn carried(
        &self,
        request: u16,
        endpoint: u32,
        topic: &str,
        captures: &mut Captures,
    ) -> Option<u16> {
        let carried = self.requests.get(usize::from(request))?.carried.as_ref()?;
        captures.clear();
        if let Some(pattern) = &carried.captures {
            let who = Listener::Endpoint(endpoint);
            pattern.matches(topic, who, &self.identities, captures)?;
        }
        Some(carried.inbound)
    }
}

impl Request {
    /// The inbound message that a success carries, as an index into [`Plan::inbound`].
    pub fn carries(&self) -> Option<u16> {
        self.carried.as_ref().map(|carried| carried.inbound)
    }
}

impl Compiler<'_> {
    /// Finds the inbound message of every request whose replies carry one. After all requests and
    /// inbound messages.
    pub(crate) fn carried(&mut self) -> Result<(), PlanError> {
        let profile = self.profile;
        for (index, request) in profile.requests.iter().enumerate() {
            let carries = request
                .reply
                .as_ref()
                .and_then(|r| Some((r, r.carries.as_ref()?)));
            if request.request_id.observe
                && (carries.is_none() || request.request_id.place == IdPlace::None)
            {
                let place = format!("request {}, request_id.observe", request.name);
                return Err(PlanError::value(place, "needs an ID and reply.carries"));
            }
            let Some((reply, name)) = carries else {
                continue;
            };
            let place = format!("request {}, reply.carries", request.name);
            let success = reply.ok_topic.as_ref().or(reply.topic.as_ref());
            let (Sender::Endpoint, Some(success)) = (request.from, success) else {
                let reason = "only a success that an endpoint hears carries anything";
                return Err(PlanError::value(place, reason));
            };
            let found = profile.inbound.iter().position(|known| known.name == *name);
            if let Some(inbound) = found {
                let owner = Owner {
                    request,
                    index: index as u16,
                    id_kind: self.requests[index].id_kind,
                    scope: Scope {
                        generators: &request.generators,
                        ..self.scope("", Position::Topic)
                    },
                };
                let reply = reply_template(success, &place, &owner)?;
                let captures = self.captures_of(&profile.inbound[inbound], &reply, &place)?;
                self.requests[index].carried = Some(Carried {
                    inbound: inbound as u16,
                    captures,
                });
            }
        }
        Ok(())
    }

    /// The pattern that finds the captures of an inbound topic in the topic of a reply.
    fn captures_of(
        &self,
        pushed: &profile::Inbound,
        reply: &Template,
        place: &str,
    ) -> Result<Option<Pattern>, PlanError> {
        let (topic, captures) = self.pushed_topic(pushed)?;
        if captures.is_empty() {
            return Ok(None);
        }
        let with_id = with_id_level(&topic, reply);
        let meaning = CaptureMeaning::Capture;
        let pattern = Pattern::new(&with_id, place, meaning, Sender::Endpoint)?;
        let heard = Pattern::new(reply, place, CaptureMeaning::Status, Sender::Endpoint)?;
        let endpoint = self.identities.kept().start;
        let example = heard.example(endpoint, self.identities, b"1", &Captures::new());
        let fits = pattern.matches(
            &example,
            Listener::Endpoint(endpoint),
            self.identities,
            &mut Captures::new(),
        );
        if fits.is_none() {
            return Err(PlanError::value(
                place,
                "the inbound topic, with the level of {request_id} added, does not fit the reply's topic, so its captures are unknown",
            ));
        }
        Ok(Some(pattern))
    }
}

/// An inbound topic as a reply would have it: with the level of the reply's ID at the place where
/// it stands there, or at the end.
fn with_id_level(topic: &Template, reply: &Template) -> Template {
    let mut levels = levels(topic);
    let of_reply = self::levels(reply);
    let is_id = |level: &Template| level.has_request_id();
    if let Some(at) = of_reply.iter().position(is_id) {
        let mut level = of_reply[at].clone();
        for piece in &mut level.pieces {
            // The status of a reply is no capture of the inbound topic; any text may stand there.
            if let Piece::Capture(_) = piece {
                *piece = Piece::Sequence;
            }
        }
        levels.insert(at.min(levels.len()), level);
    }
    let mut whole = Template::default();
    for (number, level) in levels.into_iter().enumerate() {
        if number > 0 {
            whole.push_literal(b"/");
        }
        for piece in level.pieces {
            match piece {
                Piece::Literal(text) => whole.push_literal(text.as_bytes()),
                piece => whole.pieces.push(piece),
            }
        }
    }
    whole
}

/// The levels of a topic, each without its slashes.
fn levels(topic: &Template) -> Vec<Template> {
    let mut levels = Vec::new();
    let mut level = Template::default();
    for piece in &topic.pieces {
        let Piece::Literal(text) = piece else {
            level.pieces.push(piece.clone());
            continue;
        };
        for (number, part) in text.as_bytes().split(|byte| *byte == b'/').enumerate() {
            if number > 0 {
                levels.push(std::mem::take(&mut level));
            }
            level.push_literal(part);
        }
    }
    levels.push(level);
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(pieces: &[&str]) -> Template {
        let mut template = Template::default();
        for piece in pieces {
            match *piece {
                "ID" => template.pieces.push(Piece::RequestId),
                "CAPTURE" => template.pieces.push(Piece::Capture(0)),
                text => template.push_literal(text.as_bytes()),
            }
        }
        template
    }

    #[test]
    fn the_level_of_the_id_goes_where_the_reply_has_it() {
        let pushed = topic(&["x/command/", "CAPTURE", "/status"]);
        for (reply, expected) in [
            (
                topic(&["x/command/on/", "ID", "/status"]),
                topic(&["x/command/", "CAPTURE", "/", "ID", "/status"]),
            ),
            (
                topic(&["x/command/on/status/a/b/?$rid=", "ID"]),
                topic(&["x/command/", "CAPTURE", "/status/?$rid=", "ID"]),
            ),
            (topic(&["x/command/on/status"]), pushed.clone()),
            (
                topic(&["ID", "/x"]),
                topic(&["ID", "/x/command/", "CAPTURE", "/status"]),
            ),
        ] {
            assert_eq!(with_id_level(&pushed, &reply), expected);
        }
    }

    #[test]
    fn a_topic_is_put_together_as_it_was_taken_apart() {
        for whole in [topic(&["/a//", "ID", "-x/"]), topic(&["ID"]), topic(&["/"])] {
            assert_eq!(with_id_level(&whole, &topic(&["other"])), whole);
        }
    }
}
