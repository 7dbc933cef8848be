//! Checks of compiled topics: what MQTT forbids, and what a platform may misread.
//!
//! Not here: matching (patterns).

use crate::plan::error::PlanError;
use crate::plan::generator::Generator;
use crate::plan::identities::Identities;
use crate::plan::template::{Piece, Template};
use crate::plan::text::EndpointFormat;
use crate::profile::TimestampFormat;

/// Longest string of MQTT, in bytes (MQTT 3.1.1, section 1.5.3).
const STRING_MAX: usize = 65_535;

/// A topic that is published to: not empty, not too long, no wildcards (MQTT 3.1.1, section 4.7).
pub(crate) fn check_topic(
    place: &str,
    topic: &Template,
    generators: &[Generator],
    identities: &Identities,
) -> Result<(), PlanError> {
    check_columns(place, topic, identities)?;
    let forbidden = |text: &[u8]| text.iter().any(|b| matches!(b, b'+' | b'#' | 0));
    for piece in &topic.pieces {
        let reason = match piece {
            Piece::Literal(text) if forbidden(text.as_bytes()) => {
                "a topic must not have +, # or a zero byte"
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

/// A cell in a topic is a level or a part of one.
fn check_columns(place: &str, topic: &Template, identities: &Identities) -> Result<(), PlanError> {
    for piece in &topic.pieces {
        if let Piece::Identity(column) = piece
            && let Some((line, character)) = identities.facts(*column).unfit
        {
            let name = &identities.columns()[*column];
            let reason = format!(
                "column `{name}` has `{character}`, which a level of a topic must not have ({place})"
            );
            return Err(PlanError::Identities { line, reason });
        }
    }
    Ok(())
}

/// A filter: `+` is a whole level, `#` the whole last one (MQTT 3.1.1, section 4.7.1).
pub(crate) fn check_filter(
    place: &str,
    filter: &Template,
    identities: &Identities,
) -> Result<(), PlanError> {
    let mut text = Vec::new();
    check_columns(place, filter, identities)?;
    let endpoint = identities.kept().start;
    filter.render(endpoint, identities, &mut text);
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
pub(crate) fn warn_about_digits(
    name: &str,
    topic: &Template,
    generators: &[Generator],
    identities: &Identities,
) -> Option<String> {
    let digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    let mut line = None;
    // From the end of the topic to the last slash; all of it must be able to be digits.
    let mut empty = true;
    for piece in topic.pieces.iter().rev() {
        let may_be = match piece {
            Piece::Literal(text) => {
                let text = text.as_bytes();
                let level = text.rsplit(|b| *b == b'/').next().unwrap_or_default();
                if !digits(level) {
                    return None;
                }
                empty &= level.is_empty();
                if level.len() < text.len() {
                    break;
                }
                true
            }
            Piece::Endpoint(format) => *format != EndpointFormat::Hex32,
            Piece::Identity(column) => {
                let found = identities.facts(*column).digits;
                line = line.max(found);
                found.is_some()
            }
            Piece::Clock(format) => matches!(
                format,
                TimestampFormat::Seconds | TimestampFormat::Milliseconds
            ),
            Piece::Generator(index) => generators.get(*index).is_some_and(Generator::may_be_digits),
            Piece::Sequence => true,
            Piece::RequestId | Piece::Uuid | Piece::Capture(_) | Piece::ItemId(_) => false,
        };
        if !may_be {
            return None;
        }
        empty &= matches!(piece, Piece::Literal(_));
    }
    let row = line.map_or(String::new(), |line| {
        format!(" in line {line} of fleet.identities")
    });
    (!empty).then(|| {
        format!("request {name}: the last topic level is a number{row} but not a request ID; a platform that looks for IDs there takes it for one")
    })
}
