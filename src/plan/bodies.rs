//! Compiles the payload of a request, and says whether its messages are to be counted.
//!
//! Not here: rendering it.

use std::sync::Arc;

use crate::plan::compile::Compiler;
use crate::plan::error::PlanError;
use crate::plan::hash::{self, Purpose};
use crate::plan::request::{Body, Request};
use crate::plan::template::{Piece, Scope, Template};
use crate::profile::Payload;
use crate::units::nanoseconds;

impl Compiler<'_> {
    /// The payload of request number `index`.
    pub(crate) fn body(
        &self,
        payload: &Payload,
        scope: Scope<'_>,
        index: usize,
    ) -> Result<Body, PlanError> {
        Ok(match payload {
            Payload::Template(text) => Body::Template(scope.compile(text)?),
            Payload::Literal(bytes) => Body::Literal(bytes.as_slice().into()),
            Payload::Bytes(length) => Body::Bytes {
                length: usize::try_from(*length).unwrap_or(usize::MAX),
                key: hash::key(self.profile.load.seed, Purpose::Block, 1 + index as u64),
                block: Arc::clone(&self.block),
            },
            Payload::Batch { batch: 0, .. } => {
                return Err(PlanError::value(
                    scope.place,
                    "a batch has at least one sample",
                ));
            }
            Payload::Batch {
                sample,
                batch,
                interval,
            } => Body::Batch {
                sample: scope.compile(sample)?,
                batch: *batch,
                interval_ns: nanoseconds(*interval),
            },
        })
    }
}

impl Request {
    /// Whether the number of a message decides what is in it. If not, nobody has to count.
    pub(crate) fn is_numbered(&self) -> bool {
        let payload = match &self.body {
            Body::Template(template) => is_numbered(template),
            Body::Batch { sample, .. } => is_numbered(sample),
            Body::Bytes { .. } => true,
            Body::Literal(_) => false,
        };
        payload || is_numbered(&self.topic) || !self.fields.generators.is_empty()
    }
}

fn is_numbered(template: &Template) -> bool {
    let numbered = |piece: &Piece| match piece {
        Piece::Generator(_) | Piece::Sequence | Piece::Uuid => true,
        Piece::Literal(_)
        | Piece::Endpoint(_)
        | Piece::Identity(_)
        | Piece::RequestId
        | Piece::Clock(_)
        | Piece::Capture(_)
        | Piece::ItemId(_) => false,
    };
    template.pieces.iter().any(numbered)
}
