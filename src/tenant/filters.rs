//! What a tenant subscribes to that is attached to a broker: everything that it answers or counts.
//!
//! No two filters match the same topic where that can be helped, because a broker may deliver a message
//! once for each (MQTT 3.1.1, section 3.3.5). Replies are left out where their topics have another number
//! of levels. Not here: subscribing, and replies that come back all the same (`echoes`).

use super::instances::{Extension, Instances};
use super::responder::Responder;
use crate::mqtt::topic;

/// The paths of an extension's requests (1/KP), `+` being a request ID or a name. A request whose ID is
/// missing has a topic of its own.
const fn paths(extension: Extension) -> &'static [&'static str] {
    match extension {
        Extension::DataCollection => &["json", "json/+", "plain/+", "plain/+/+"],
        Extension::Metadata => &[
            "get",
            "get/+",
            "get/keys/+",
            "update",
            "update/+",
            "update/keys/+",
            "delete/keys",
            "delete/keys/+",
        ],
        Extension::Commands => &[
            "command",
            "command/+",
            "command/+/+",
            "result/+",
            "result/+/+",
        ],
        Extension::Configuration | Extension::Software => &[
            "config/json",
            "config/json/+",
            "config/json/+/+",
            "applied/json",
            "applied/json/+",
            "applied/json/+/+",
        ],
        Extension::Binary => &["token", "token/+"],
    }
}

/// What Enapter's devices publish, and the commands of callers, whose answers are counted.
const OF_DEVICES: [&str; 6] = [
    "v1/from/+/+/v1/telemetry",
    "v1/from/+/+/v1/properties",
    "v1/from/+/+/v1/register",
    "v1/from/+/+/v3/logs",
    "v1/from/+/+/v1/command/responses",
    "v1/to/+/+/v1/command/requests",
];

/// All filters, those of definitions last.
pub(super) fn filters(instances: &Instances, responder: &Responder) -> Vec<String> {
    let of_instance = |(extension, name): (Extension, &str)| -> Vec<String> {
        let filter = |path: &&str| format!("kp1/+/{name}/+/{path}");
        paths(extension).iter().map(filter).collect()
    };
    let mut all: Vec<String> = instances.iter().flat_map(of_instance).collect();
    all.extend(OF_DEVICES.map(str::to_owned));
    for filter in responder.filters() {
        if !all.iter().any(|other| covers(other, &filter)) {
            all.retain(|other| !covers(&filter, other));
            all.push(filter);
        }
    }
    all
}

/// Whether every topic that the second one matches is matched by the first one too.
fn covers(filter: &str, other: &str) -> bool {
    let open = |filter: &str| filter.ends_with('#');
    (open(filter) || !open(other)) && topic::matches(filter, other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::definitions;

    const ACME: &str = r#"
        vars = { device = "d-{endpoint}" }
        [[request]]
        name = "up"
        topic = "acme/{device}/up/{request_id}"
        reply = { ok = "acme/{device}/up/{request_id}/ok" }
        [[request]]
        name = "known"
        topic = "v1/from/{device}/s/v1/telemetry"
        [[request]]
        name = "call"
        from = "caller"
        topic = "acme/{device}/call/{request_id}"
        [[inbound]]
        name = "command"
        topic = "acme/{device}/command"
        answer = [{ topic = "acme/{device}/answer" }]
    "#;

    fn all() -> Vec<String> {
        let found = definitions("./acme.toml", &|_| Ok(ACME.to_owned())).unwrap();
        filters(&Instances::default(), &Responder::new(&found))
    }

    #[test]
    fn every_request_is_heard_once_and_most_replies_are_not() {
        let all = all();
        let heard = |name: &str| all.iter().filter(|one| topic::matches(one, name)).count();
        for request in [
            "kp1/a-v1/dcx/t/json",
            "kp1/a-v1/dcx/t/json/42",
            "kp1/a-v1/dcx/t/plain/temperature/42",
            "kp1/a-v1/epmx/t/get/42",
            "kp1/a-v1/epmx/t/get/keys/42",
            "kp1/a-v1/epmx/t/update/keys",
            "kp1/a-v1/epmx/t/update/keys/42",
            "kp1/a-v1/epmx/t/delete/keys/42",
            "kp1/a-v1/cex/t/command/on/42",
            "kp1/a-v1/cex/t/result/on",
            "kp1/a-v1/cmx/t/config/json/42",
            "kp1/a-v1/cmx_ota/t/applied/json/42",
            "kp1/a-v1/bcx/t/token/42",
            "v1/from/S1/s/v1/telemetry",
            "v1/from/S1/s/v1/command/responses",
            "acme/d-1/up/7",
            "acme/d-1/answer",
        ] {
            assert_eq!(heard(request), 1, "{request}");
        }
        for reply in [
            "kp1/a-v1/dcx/t/json/42/status",
            "kp1/a-v1/epmx/t/get/42/error",
            "kp1/a-v1/epmx/t/update/keys/42/status",
            "kp1/a-v1/cex/t/command/on/42/status",
            "kp1/a-v1/bcx/t/token/42/status",
            "acme/d-1/up/7/ok",
            "acme/d-1/call/7",
            "acme/d-1/command",
        ] {
            assert_eq!(heard(reply), 0, "{reply}");
        }
    }

    #[test]
    fn a_filter_covers_what_it_matches_and_no_more() {
        for (filter, other, expected) in [
            ("a/+", "a/b", true),
            ("a/+", "a/+", true),
            ("a/#", "a/+/c", true),
            ("a/#", "a/#", true),
            ("a/+", "a/#", false),
            ("a/b", "a/+", false),
            ("a/+/c", "a/b/d", false),
        ] {
            assert_eq!(covers(filter, other), expected, "{filter} {other}");
        }
    }
}
