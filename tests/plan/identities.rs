//! A list of identities and the profile that uses it: which columns there must be, and what may
//! stand in a topic.
//!
//! Not here: reading the file.

use midge::plan::{Identities, Plan, PlanError};
use midge::profile::{Generator, Pace, Profile, Subscribe};

use super::{encode, parse, plain, profile};

/// A profile with one request to this topic.
fn publishes_to(topic: &str) -> Profile {
    let mut listed = profile(3, 10.0, 1);
    listed.fleet.vars.clear();
    let mut request = plain("r", Pace::Weight(1.0));
    request.topic = topic.into();
    listed.requests = vec![request];
    listed
}

fn with(profile: &Profile, list: &str) -> Result<Plan, PlanError> {
    let identities = Identities::from_csv(list.as_bytes(), 3, 0..3).expect("three rows");
    Plan::compile(profile, identities)
}

#[track_caller]
fn refused(profile: &Profile, list: &str) -> String {
    with(profile, list)
        .expect_err("must be refused")
        .to_string()
}

#[test]
fn a_column_that_no_template_uses_is_a_mistake() {
    let profile = publishes_to("t/{token}/{site}");
    let list = "token,sites\na,x\nb,y\nc,z\n";
    let error = refused(&profile, list);
    assert!(
        error.starts_with("identities, line 1: no template uses the column `sites`; a column can be: site, token; did you mean `site`?"),
        "{error}"
    );
    let error = refused(&publishes_to("t"), "colour\nred\nblue\ngreen\n");
    assert!(
        error.ends_with("`colour`; a column can be: none"),
        "{error}"
    );
    let error = refused(&publishes_to("t/{id}"), "id\na\nb\nc\n");
    assert!(error.contains("must not be called `id`"), "{error}");
}

#[test]
fn a_field_without_a_column_names_the_columns_there_are() {
    let error = refused(
        &publishes_to("t/{token}/{sites}"),
        "token,site\na,x\nb,y\nc,z\n",
    );
    // The unused column is the same mistake from its other side.
    assert!(error.contains("did you mean `sites`?"), "{error}");
    let error = refused(&publishes_to("t/{token}/{tokens}"), "token\na\nb\nc\n");
    assert_eq!(
        error,
        "request r, topic: unknown field {tokens}; line 1 of fleet.identities has the columns token; did you mean {token}?"
    );
}

#[test]
fn columns_may_be_used_anywhere() {
    let list = "token\na\nb\nc\n";
    let mut named = publishes_to("t");
    named.fleet.client_id = "{token}".into();
    with(&named, list).expect("in the client id");
    let mut user = publishes_to("t");
    user.target.username = Some("{token}".into());
    with(&user, list).expect("in the user name");
    let mut filter = publishes_to("t");
    filter.fleet.subscribe = Subscribe::Filters(vec!["x/{token}/#".into()]);
    with(&filter, list).expect("in a filter");
    let mut var = publishes_to("t/{path}");
    var.fleet.vars.insert("path".into(), "p-{token}".into());
    with(&var, list).expect("in a variable");
    let mut hidden = publishes_to("t/{token}");
    hidden.fleet.vars.insert("token".into(), "ep".into());
    with(&hidden, list).expect("in place of a variable");
}

#[test]
fn cells_that_would_break_a_topic_are_found_in_any_row() {
    for (cell, character) in [("b+", '+'), ("#", '#'), ("b/c", '/')] {
        let list = format!("token\na\n{cell}\nc\n");
        assert_eq!(
            refused(&publishes_to("t/{token}"), &list),
            format!(
                "identities, line 3: column `token` has `{character}`, which a level of a topic must not have (request r, topic)"
            )
        );
        let mut payload = publishes_to("t");
        payload.requests[0].payload = midge::profile::Payload::Template("{token}".into());
        with(&payload, &list).expect("a payload takes it");
    }
}

#[test]
fn a_last_level_of_digits_is_warned_of_wherever_they_come_from() {
    let warnings = |profile: &Profile, list: &str| with(profile, list).expect("sound").warnings;
    let list = "token\na\n17\n4\n";
    let warned = warnings(&publishes_to("t/{token}"), list);
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(
        warned[0].contains("a number in line 3 of fleet.identities but not a request ID"),
        "{warned:?}"
    );
    for harmless in ["t/{token}/x", "t/x{token}", "t/{token}x", "t/{token}/"] {
        assert!(
            warnings(&publishes_to(harmless), list).is_empty(),
            "{harmless}"
        );
    }
    assert!(warnings(&publishes_to("t/{token}"), "token\na\nb\n1c\n").is_empty());

    let mut metric = publishes_to("t/{metric}");
    for (value, expected) in [
        ("7", 1),
        ("temperature", 0),
        ("{endpoint}", 1),
        ("m{endpoint}", 0),
    ] {
        metric.fleet.vars.insert("metric".into(), value.into());
        let plan = Plan::compile(&metric, Identities::none()).expect("sound");
        assert_eq!(plan.warnings.len(), expected, "{value}");
    }
    for (generator, expected) in [
        (Generator::Counter { start: 1, step: 1 }, 1),
        (Generator::Uuid, 0),
    ] {
        metric.fleet.vars.clear();
        metric.requests[0]
            .generators
            .insert("metric".into(), generator);
        let plan = Plan::compile(&metric, Identities::none()).expect("sound");
        assert_eq!(plan.warnings.len(), expected);
    }
}

#[test]
fn a_part_of_the_list_makes_the_same_messages() {
    let profile = publishes_to("t/{token}");
    let list = "token\nalpha\nb\ncharlie\n";
    let whole = with(&profile, list).expect("sound");
    let part = Identities::from_csv(list.as_bytes(), 3, 1..3).expect("three rows");
    let part = Plan::compile(&profile, part).expect("sound");
    for endpoint in 1..3 {
        let frame = |plan: &Plan| encode(plan, 0, endpoint, 0, &mut vec![0; plan.state_words]);
        assert_eq!(frame(&whole), frame(&part));
    }
    assert_eq!(
        parse(&encode(&part, 0, 2, 0, &mut vec![0; part.state_words])).topic,
        "t/charlie"
    );
    assert_eq!(
        whole.requests[0].frame_longest, part.requests[0].frame_longest,
        "buffers fit every row"
    );
}
