//! What a plan makes of replies that carry pushed items: which inbound message, and its captures.
//!
//! Not here: carrying the items out (`carried`, end to end).

use midge::plan::{Captures, Identities, Plan};
use midge::profile::{IdKind, IdPlace, Items, Profile, Sender};

use super::platforms::{command, compile, id, kaa, template, topics};

/// A poll for commands whose reply carries them, and the command that may be pushed.
fn polling() -> Profile {
    let mut poll = template(
        "poll",
        "kp1/{app}/cex/{token}/command/reboot/{request_id}",
        "{}",
    );
    poll.request_id = id(IdPlace::Topic, IdKind::Range(10, 99), "cex");
    let mut reply = topics(Some("{topic}/status"), Some("{topic}/error"));
    reply.carries = Some("command".into());
    poll.reply = Some(reply);
    let mut polling = kaa();
    polling.requests = vec![poll];
    polling.inbound = vec![command(Items::Each)];
    polling
}

fn carried(plan: &Plan, topic: &str) -> Option<(u16, String)> {
    let mut captures = Captures::new();
    assert!(captures.set_item_id(b"left over"));
    let inbound = plan.carried(0, 7, topic, &mut captures)?;
    assert!(captures.item_id().is_empty(), "{captures:?}");
    Some((
        inbound,
        String::from_utf8_lossy(captures.get(0)).into_owned(),
    ))
}

#[track_caller]
fn refused(change: impl Fn(&mut Profile)) -> String {
    let mut bad = polling();
    change(&mut bad);
    Plan::compile(&bad, Identities::none())
        .expect_err("must be refused")
        .to_string()
}

#[test]
fn the_captures_of_what_is_carried_are_levels_of_the_replys_topic() {
    let plan = compile(&polling());
    let topic = "kp1/demo-v1/cex/ep-7/command/reboot/42/status";
    assert_eq!(carried(&plan, topic), Some((0, "reboot".into())));
    for other in [
        "kp1/demo-v1/cex/ep-8/command/reboot/42/status",
        "kp1/demo-v1/cex/ep-7/command/reboot/status",
    ] {
        assert_eq!(carried(&plan, other), None, "{other}");
    }
}

#[test]
fn a_reply_without_an_id_has_the_topic_of_a_push() {
    let mut profile = polling();
    profile.requests[0].topic = "kp1/{app}/cex/{token}/command/reboot".into();
    profile.requests[0].request_id = id(IdPlace::None, IdKind::Uuid, "cex");
    let plan = compile(&profile);
    let topic = "kp1/demo-v1/cex/ep-7/command/reboot/status";
    assert_eq!(carried(&plan, topic), Some((0, "reboot".into())));
}

#[test]
fn a_topic_without_captures_need_not_be_alike() {
    let mut profile = polling();
    profile.inbound[0].topic = "elsewhere/{token}".into();
    profile.inbound[0].key = vec!["id".into()];
    profile.inbound[0].answers[0].topic = "elsewhere/{token}/done".into();
    let plan = compile(&profile);
    let topic = "kp1/demo-v1/cex/ep-7/command/reboot/42/status";
    assert_eq!(carried(&plan, topic), Some((0, String::new())));
}

#[test]
fn without_the_inbound_message_nothing_is_carried() {
    let mut profile = polling();
    profile.inbound[0].name = "another".into();
    let plan = compile(&profile);
    let topic = "kp1/demo-v1/cex/ep-7/command/reboot/42/status";
    assert_eq!(carried(&plan, topic), None);
    assert_eq!(plan.carried(99, 7, topic, &mut Captures::new()), None);
}

#[test]
fn captures_that_the_reply_does_not_have_are_refused() {
    let error = refused(|p| p.inbound[0].topic = "kp1/{command_type}".into());
    assert!(
        error.starts_with("request poll, reply.carries: the inbound topic"),
        "{error}"
    );
}

#[test]
fn only_an_endpoint_carries_out_and_only_what_it_can_tell_apart() {
    let error = refused(|p| p.requests[0].from = Sender::Caller);
    assert!(
        error.contains("only a success that an endpoint hears"),
        "{error}"
    );
    let no_success = |p: &mut Profile| {
        let reply = p.requests[0].reply.as_mut().expect("a reply");
        reply.ok_topic = None;
    };
    let error = refused(no_success);
    assert!(
        error.contains("only a success that an endpoint hears"),
        "{error}"
    );
    let error = refused(|p| {
        p.requests[0].request_id.observe = true;
        p.requests[0].reply.as_mut().expect("a reply").carries = None;
    });
    assert_eq!(
        error,
        "request poll, request_id.observe: needs an ID and reply.carries"
    );
    let error = refused(|p| {
        p.requests[0].topic = "kp1/{app}/cex/{token}/command/reboot".into();
        p.requests[0].request_id = id(IdPlace::None, IdKind::Uuid, "cex");
        p.requests[0].request_id.observe = true;
    });
    assert_eq!(
        error,
        "request poll, request_id.observe: needs an ID and reply.carries"
    );
}
