//! Checks of compiled topics: what MQTT forbids, and what a platform may misread.
//!
//! Not here: matching (patterns).

use crate::plan::encoder::Values;
use crate::plan::error::PlanError;
use crate::plan::generator::Generator;
use crate::plan::identities::Identities;
use crate::plan::template::{Piece, Template};

/// Longest string of MQTT, in bytes (MQTT 3.1.1, section 1.5.3).
const STRING_MAX: usize = 65_535;

/// A topic that is published to: not empty, not too long, no wildcards (MQTT 3.1.1, section 4.7).
pub(crate) fn check_topic(
    place: &str,
    topic: &Template,
    generators: &[Generator],
    identities: &Identities,
) -> Result<(), PlanError> {
    let forbidden = |text: &[u8]| text.iter().any(|b| matches!(b, b'+' | b'#' | 0));
    for piece in &topic.pieces {
        let reason = match piece {
            Piece::Literal(text) if forbidden(text) => "a topic must not have +, # or a zero byte",
            Piece::Identity(column) if identities.cells(*column).any(forbidden) => {
                "a column of the identities has +, # or a zero byte, which a topic must not have"
            }
            Piece::Generator(index)
                if generators
                    .get(*index)
                    .is_some_and(|g| g.texts().iter().any(|t| forbidden(t))) =>
            {
                "a generated text has +, # or a zero byte, which a topic must not have"
            }
            _ => continue,
        };
        return Err(PlanError::InvalidTopic {
            place: place.to_owned(),
            reason,
        });
    }
    let longest = topic.longest(generators, identities);
    let reason = match longest {
        0 => "a topic must not be empty",
        1..=STRING_MAX => return Ok(()),
        _ => "a topic must not be longer than 65,535 bytes",
    };
    Err(PlanError::InvalidTopic {
        place: place.to_owned(),
        reason,
    })
}

/// A filter: `+` is a whole level, `#` the whole last one (MQTT 3.1.1, section 4.7.1).
pub(crate) fn check_filter(
    place: &str,
    filter: &Template,
    identities: &Identities,
) -> Result<(), PlanError> {
    let mut text = Vec::new();
    filter.render(&Values::of_endpoint(0, identities), &mut text);
    let mut levels = text.split(|b| *b == b'/').peekable();
    let mut sound = !text.is_empty() && text.len() <= STRING_MAX && !text.contains(&0);
    while let Some(level) = levels.next() {
        sound &= level == b"+" || !level.contains(&b'+');
        sound &= !level.contains(&b'#') || (level == b"#" && levels.peek().is_none());
    }
    if sound {
        return Ok(());
    }
    Err(PlanError::InvalidTopic {
        place: place.to_owned(),
        reason: "not a topic filter; + is a whole level, # the whole last one",
    })
}

/// A last level of digits that is no request ID looks like one to platforms that read IDs there.
pub(crate) fn warn_about_digits(name: &str, topic: &Template) -> Option<String> {
    let digits = match topic.pieces.as_slice() {
        [.., Piece::Literal(before), Piece::Endpoint(_)] => before.last() == Some(&b'/'),
        [before @ .., Piece::Literal(text)] => {
            let last = text.rsplit(|b| *b == b'/').next().unwrap_or_default();
            let whole_level = last.len() < text.len() || before.is_empty();
            whole_level && !last.is_empty() && last.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    };
    digits.then(|| {
        format!("request {name}: the last topic level is a number but not a request ID; a platform that looks for IDs there takes it for one")
    })
}
