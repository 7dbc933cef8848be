//! Random definitions: few texts in many combinations.
//!
//! Not here: what is expected of them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{Definition, Places, What};
use crate::plan::reply::TopicMeaning;
use crate::plan::request_id::{IdRange, RequestIdKind};
use crate::plan::template::{Piece, Template};
use crate::plan::text::EndpointFormat;
use crate::profile::{self, Outcome, OutcomeIn};

/// Pieces of a topic, few and alike.
fn template() -> impl Strategy<Value = Template> {
    let piece = prop_oneof![
        8 => select(vec!["a", "/", "a/", "/a", "/b", "/a/b", "ab", "-", "/-a/", "1", "ü", "ö/"])
            .prop_map(|text| Piece::Literal(text.as_bytes().into())),
        2 => select(vec![
            EndpointFormat::Plain,
            EndpointFormat::Padded(3),
            EndpointFormat::Hex32,
        ])
        .prop_map(Piece::Endpoint),
        1 => (0..2_usize).prop_map(Piece::Identity),
        3 => Just(Piece::RequestId),
        3 => (0..3_usize).prop_map(Piece::Capture),
        1 => Just(Piece::Sequence),
    ];
    vec(piece, 1..9).prop_map(|pieces| {
        let mut template = Template::default();
        for piece in pieces {
            match piece {
                Piece::Literal(text) => template.push_literal(text.as_bytes()),
                // The first use of a capture adds it, in the order of their numbers.
                Piece::Capture(number) => {
                    let used = |n| template.pieces.contains(&Piece::Capture(n));
                    let new = (0..number).find(|n| !used(*n));
                    template.pieces.push(Piece::Capture(new.unwrap_or(number)));
                }
                piece => template.pieces.push(piece),
            }
        }
        template
    })
}

fn id_kind() -> impl Strategy<Value = RequestIdKind> {
    let range = IdRange { first: 1, last: 12 };
    select(vec![
        RequestIdKind::None,
        RequestIdKind::Decimal(range),
        RequestIdKind::Uuid,
    ])
}

fn places() -> impl Strategy<Value = Places> {
    let pointer = || select(vec![None, Some("/a"), Some("/b"), Some("/a/b"), Some("")]);
    let outcome = prop::option::of(prop_oneof![
        Just(OutcomeIn::Topic),
        select(vec!["/a", "/b"]).prop_map(|text| OutcomeIn::Payload(text.to_owned())),
    ]);
    let all = (pointer(), any::<bool>(), pointer(), pointer(), outcome);
    all.prop_map(|(id, correlated, status, reason, place)| Places {
        id,
        correlated: correlated && id.is_none(),
        reply: profile::Reply {
            status: status.map(str::to_owned),
            reason: reason.map(str::to_owned),
            outcome: place.map(|place| Outcome {
                place,
                ok: vec!["1".to_owned()],
                error: vec![],
                intermediate: vec!["2".to_owned()],
            }),
            ..profile::Reply::default()
        },
    })
}

pub(super) fn definitions() -> impl Strategy<Value = Vec<Definition>> {
    let meaning = select(vec![
        TopicMeaning::Ok,
        TopicMeaning::Error,
        TopicMeaning::Content,
    ]);
    let what = prop_oneof![
        4 => (meaning, id_kind(), places())
            .prop_map(|(meaning, kind, places)| What::Reply(meaning, kind, Box::new(places))),
        2 => (0..3_u16).prop_map(What::LoneError),
        4 => Just(What::Inbound),
        2 => id_kind().prop_map(What::Echo),
    ];
    // Fewer topics than definitions: many have one in common, or its beginning.
    (
        vec(template(), 1..5),
        vec((what, any::<Index>(), any::<Index>()), 1..16),
    )
        .prop_map(|(topics, all)| {
            let definition = |(what, topic, length): (What, Index, Index)| {
                let mut topic = topic.get(&topics).clone();
                let length = length.index(3 * topic.pieces.len());
                if (1..topic.pieces.len()).contains(&length) {
                    topic.pieces.truncate(length);
                }
                Definition { topic, what }
            };
            all.into_iter().map(definition).collect()
        })
}

/// What stands for the free parts of a topic.
pub(super) fn word() -> impl Strategy<Value = &'static str> {
    select(vec![
        "1", "7", "12", "13", "01", "a", "b", "-", "aa-a", "ü", "a1", "", "x/y", "0",
    ])
}
