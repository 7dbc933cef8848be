//! Which columns of the identities a profile asks for: a column that nothing uses is a mistake.
//!
//! Found by the names in its templates, before they are compiled. Not here: a field that is no
//! column (compiling the template finds it) and what a cell holds.

use std::collections::BTreeSet;

use crate::nearest::nearest;
use crate::plan::error::PlanError;
use crate::plan::identities::Identities;
use crate::plan::template::field_names;
use crate::profile::{Payload, Profile, Request, Subscribe};

/// Fields that mean something else in every template, whatever the columns are.
const RESERVED: [&str; 10] = [
    "endpoint",
    "id",
    "now",
    "now_ms",
    "now_s",
    "request_id",
    "seq",
    "status",
    "topic",
    "uuid",
];

/// Most names that an error lists.
const LISTED: usize = 20;

/// Fails for a column that no template of the profile uses, or that hides a field of another
/// meaning.
pub(crate) fn check(profile: &Profile, identities: &Identities) -> Result<(), PlanError> {
    if identities.columns().is_empty() {
        return Ok(());
    }
    let used = used(profile);
    for column in identities.columns() {
        let reason = if RESERVED.contains(&column.as_str()) {
            format!("a column must not be called `{column}`: that field has a meaning of its own")
        } else if used.contains(column.as_str()) {
            continue;
        } else {
            unused(column, &used)
        };
        return Err(PlanError::Identities { line: 1, reason });
    }
    Ok(())
}

fn unused(column: &str, used: &BTreeSet<&str>) -> String {
    let meant = nearest(column, used.iter().copied())
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default();
    let mut listed: Vec<&str> = used.iter().copied().take(LISTED).collect();
    if used.len() > LISTED {
        listed.push("...");
    }
    let listed = if listed.is_empty() {
        "none".to_owned()
    } else {
        listed.join(", ")
    };
    format!("no template uses the column `{column}`; a column can be: {listed}{meant}")
}

/// Names that a column may have: the fields of all templates, without generators, and variables.
fn used(profile: &Profile) -> BTreeSet<&str> {
    let mut used = BTreeSet::new();
    for request in &profile.requests {
        let fields = of_request(request).into_iter().flat_map(field_names);
        used.extend(fields.filter(|name| !request.generators.contains_key(*name)));
    }
    let mut texts: Vec<&str> = Vec::new();
    for pushed in &profile.inbound {
        texts.push(&pushed.topic);
        let answers = pushed.answers.iter();
        texts.extend(answers.flat_map(|answer| [answer.topic.as_str(), &answer.payload]));
    }
    let fleet = &profile.fleet;
    texts.push(&fleet.client_id);
    texts.extend(profile.target.username.as_deref());
    let own = profile.target.tls.own.iter();
    texts.extend(own.flat_map(|own| [own.certificate.as_str(), &own.key]));
    texts.extend(fleet.vars.values().map(String::as_str));
    if let Some(will) = &fleet.will {
        texts.extend([will.topic.as_str(), &will.payload]);
    }
    if let Subscribe::Filters(filters) = &fleet.subscribe {
        texts.extend(filters.iter().map(String::as_str));
    }
    used.extend(texts.into_iter().flat_map(field_names));
    used.extend(fleet.vars.keys().map(String::as_str));
    used.retain(|name| !RESERVED.contains(name));
    used
}

fn of_request(request: &Request) -> Vec<&str> {
    let mut texts = vec![request.topic.as_str()];
    match &request.payload {
        Payload::Template(text) | Payload::Batch { sample: text, .. } => texts.push(text),
        Payload::Bytes(_) | Payload::Literal(_) => {}
    }
    if let Some(reply) = &request.reply {
        let topics = [&reply.topic, &reply.ok_topic, &reply.error_topic];
        texts.extend(topics.into_iter().flatten().map(String::as_str));
    }
    texts
}
