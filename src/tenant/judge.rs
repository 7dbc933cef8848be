//! Would this tenant accept a message? Its rules for topics and payloads, without a connection.
//!
//! Only the form is judged: whether a command or a configuration exists that a message speaks of is
//! a matter of the moment. Not here: the rules themselves (`kaa`, `enapter`).

use super::enapter;
use super::kaa;
use super::kaa_address::Address;
use super::kind::Kind;
use super::options::TenantOptions;
use super::problem::{self, Problem};
use super::rules::Rules;

/// What the tenant would do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Take it for a message of this kind and find nothing wrong with its form.
    Accepted {
        /// As in the tenant's report.
        kind: &'static str,
    },
    /// Refuse it.
    Refused {
        /// The key in `rejected` of the tenant's report.
        reason: &'static str,
        /// Status code of the error reply; `None` where the platform has no replies.
        status: Option<u16>,
        /// What the reply says.
        words: &'static str,
        /// What to look at in the profile.
        advice: &'static str,
    },
    /// Pass it on: no platform of the tenant has such topics.
    Unknown,
}

/// The rules of one tenant.
#[derive(Debug)]
pub struct Judge {
    rules: Rules,
}

impl Judge {
    /// The rules of a tenant with these options.
    pub fn new(options: &TenantOptions) -> Self {
        Self {
            rules: Rules::new(options),
        }
    }

    /// Judges one message by its topic and payload.
    pub fn judge(&self, topic: &str, payload: &[u8]) -> Judgement {
        if let Some(address) = Address::parse(topic) {
            let (kind, decided) = self.rules.decide(&address, payload);
            let admitted = self.rules.admit(&address);
            return match admitted.and(decided.map(|_| ())) {
                Ok(()) => Judgement::Accepted { kind: kind.name() },
                Err(problem) => refused(problem, Some(problem.status)),
            };
        }
        if let Some(address) = enapter::Address::parse(topic) {
            let kind = address.kind();
            return match check(kind, payload) {
                Ok(()) => Judgement::Accepted { kind: kind.name() },
                Err(problem) => refused(problem, None),
            };
        }
        if topic.starts_with("kp1/") {
            let problem = problem::MALFORMED_TOPIC;
            return refused(problem, Some(problem.status));
        }
        Judgement::Unknown
    }
}

fn check(kind: Kind, payload: &[u8]) -> Result<(), Problem> {
    match kind {
        Kind::Telemetry => enapter::check_telemetry(payload),
        Kind::Properties => enapter::check_properties(payload),
        Kind::Logs => enapter::check_logs(payload),
        Kind::Command => enapter::check_command(payload).map(|_| ()),
        Kind::CommandAnswer => enapter::check_command_answer(payload).map(|_| ()),
        _ => Err(kaa::UNKNOWN_PATH),
    }
}

fn refused(problem: Problem, status: Option<u16>) -> Judgement {
    Judgement::Refused {
        reason: problem.name,
        status,
        words: problem.phrase,
        advice: advice(problem.name),
    }
}

/// What to look at, by the name of a problem.
fn advice(reason: &str) -> &'static str {
    match reason {
        "invalid-json" => {
            "look at the payload above: texts need quotes around their field, as in \"{name}\""
        }
        "invalid-fields" => {
            "compare the payload with a definition of `midge profiles show kaa` or `midge profiles show enapter`"
        }
        "invalid-value" => "write a number, or a number and its unit without a space: 20m",
        "invalid-key" => "rename the key: letters, digits and underscores only",
        "read-only-key" => "leave the key out, or change tenant.read_only_keys",
        "unknown-application" => {
            "set fleet.vars.appversion_name (a-z, 0-9, - and _) to a version that exists; tenant.applications has the list, if there is one"
        }
        "unknown-token" => "set the tokens of endpoints that exist; tenant.tokens has the list",
        "malformed-token" => "write tokens without a dot",
        "malformed-topic" => {
            "write kp1/{appversion}/{extension}/{token}/{path}, without empty levels"
        }
        "unknown-extension" => {
            "the third level of the topic is dcx, epmx, cex, cmx, cmx_ota or bcx"
        }
        "unknown-path" => {
            "compare the topic with a definition of `midge profiles show kaa` or `midge profiles show enapter`; plain values need tenant.relaxed_paths = \"on\""
        }
        name if name.starts_with("timestamp") => {
            "write the timestamp in whole seconds: \"timestamp\":{now_s}"
        }
        "invalid-alerts" => "write alerts as null or as an array of names",
        _ => "look at the topic and the payload above",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(flags: &[(&str, &str)], topic: &str, payload: &str) -> Judgement {
        let mut options = TenantOptions::default();
        for (flag, value) in flags {
            options.set(flag, value).expect("a flag");
        }
        Judge::new(&options).judge(topic, payload.as_bytes())
    }

    #[track_caller]
    fn accepted(topic: &str, payload: &str) -> &'static str {
        match judge(&[], topic, payload) {
            Judgement::Accepted { kind } => kind,
            other => panic!("{topic} {payload}: {other:?}"),
        }
    }

    #[track_caller]
    fn reason(topic: &str, payload: &str) -> (&'static str, Option<u16>) {
        match judge(&[], topic, payload) {
            Judgement::Refused { reason, status, .. } => (reason, status),
            other => panic!("{topic} {payload}: {other:?}"),
        }
    }

    #[test]
    fn good_messages_are_accepted_as_what_they_are() {
        for (topic, payload, kind) in [
            ("kp1/a-1/dcx/t/json/1", r#"{"t":1}"#, "dcx-json"),
            ("kp1/a-1/epmx/t/get/0", "{}", "metadata-get"),
            (
                "v1/from/S1/s/v1/telemetry",
                r#"{"timestamp":1}"#,
                "telemetry",
            ),
            (
                "v1/to/S1/s/v1/command/requests",
                r#"{"id":"1","name":"n"}"#,
                "command",
            ),
        ] {
            assert_eq!(accepted(topic, payload), kind);
        }
    }

    #[test]
    fn what_depends_on_the_moment_is_not_refused() {
        for (topic, payload, kind) in [
            (
                "kp1/a-1/cex/t/result/reboot/5",
                r#"[{"id":9,"statusCode":200}]"#,
                "command-answer",
            ),
            (
                "kp1/a-1/cmx/t/applied/json/5",
                r#"{"configId":"never told"}"#,
                "config-applied",
            ),
            (
                "v1/from/S1/s/v1/command/responses",
                r#"{"id":"unheard of","state":"completed"}"#,
                "command-answer",
            ),
        ] {
            assert_eq!(accepted(topic, payload), kind);
        }
    }

    #[test]
    fn bad_messages_are_refused_for_the_reason_of_the_report() {
        for (topic, payload, expected) in [
            ("kp1/a-1/dcx/t/json/1", "{", ("invalid-json", Some(400))),
            ("kp1/a-1/dcx/t/plain/m/1", "2", ("unknown-path", Some(404))),
            (
                "kp1/a-1/xyz/t/json/1",
                "2",
                ("unknown-extension", Some(404)),
            ),
            (
                "kp1/a-1/dcx/t.x/json/1",
                "2",
                ("malformed-token", Some(400)),
            ),
            (
                "kp1/A/dcx/t/json/1",
                "2",
                ("unknown-application", Some(404)),
            ),
            ("kp1/a-1/dcx", "2", ("malformed-topic", Some(400))),
            (
                "kp1/a-1/cex/t/result/reboot",
                r#"[{"id":"9","statusCode":200}]"#,
                ("invalid-fields", Some(400)),
            ),
            (
                "v1/from/S1/s/v1/telemetry",
                r#"{"timestamp":1759212723456}"#,
                ("timestamp-in-milliseconds", None),
            ),
            (
                "v1/from/S1/s/v1/command/responses",
                r#"{"id":1,"state":"completed"}"#,
                ("invalid-fields", None),
            ),
            ("v1/from/S1/s/v9/x", "{}", ("unknown-path", None)),
        ] {
            assert_eq!(reason(topic, payload), expected, "{topic}");
        }
    }

    #[test]
    fn the_options_of_the_tenant_count() {
        let topic = "kp1/a-1/dcx/t/plain/m/1";
        let relaxed = judge(&[("relaxed-paths", "on")], topic, "20m");
        assert_eq!(relaxed, Judgement::Accepted { kind: "dcx-plain" });
        let topic = "kp1/a-1/epmx/t/update/keys/1";
        let guarded = judge(&[("read-only-keys", "serial")], topic, r#"{"serial":1}"#);
        assert!(
            matches!(guarded, Judgement::Refused { reason: "read-only-key", status: Some(403), advice, .. } if advice.contains("read_only_keys")),
            "{guarded:?}"
        );
    }

    #[test]
    fn topics_of_no_platform_are_not_judged() {
        for topic in ["bench/1", "v1/devices/me/telemetry", "kp2/a/b/c/d"] {
            assert_eq!(judge(&[], topic, "{"), Judgement::Unknown);
        }
    }
}
