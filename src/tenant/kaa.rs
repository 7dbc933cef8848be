//! Kaa's kp1 requests: which one a topic names, and whether its payload is acceptable.
//!
//! Strict and pure. Served are data collection (RFC 2/DCP), endpoint metadata (RFC 10/EPMP),
//! commands (RFC 11/CEP), configuration (RFC 7/CMP) with software beside it, and upload tokens;
//! everything else is an unknown path. Not here: the endpoint's state (`thing`), who gets the
//! reply, faults.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::configuration::{Content, Which};
use super::instances::{Extension, InstanceId};
use super::json;
use super::kaa_address::Address;
use super::kaa_payload::{self as payloads, INVALID_KEY, is_key};
use super::kind::Kind;
use super::options::{ObserveReplies, Paths};
use super::outstanding::{TypeId, Wanted};
use super::problem::{INVALID_FIELDS, Problem};
use super::rules::Rules;
use super::thing::Action;
use super::watch::{Asking, Observe};

/// No such extension.
pub const UNKNOWN_EXTENSION: Problem = Problem::new("unknown-extension", 404, "Unknown extension");
/// The extension has no such resource.
pub const UNKNOWN_PATH: Problem = Problem::new("unknown-path", 404, "Unknown resource path");
/// A resource that is not served, by a setting that makes it unanswered.
pub const IGNORED_PATH: Problem = Problem::new("ignored-path", 404, "Ignored resource path");
/// A key that endpoints must not write.
pub const READ_ONLY_KEY: Problem = Problem::new("read-only-key", 403, "Key is read-only");
/// A key that endpoints must not read.
pub const UNREADABLE_KEY: Problem = Problem::new("unreadable-key", 403, "Key is not readable");
/// A plain metric whose name consists of digits, which makes it a request ID (1/KP).
pub const METRIC_IS_ID: Problem = Problem::new(
    "metric-is-request-id",
    404,
    "A metric name of digits is a request ID",
);
/// A configuration's name that is too long, or has other characters than letters, digits, `_`
/// and `-`.
pub const INVALID_NAME: Problem = Problem::new(
    "invalid-name",
    400,
    "Configuration name does not match [a-zA-Z0-9_-]+",
);

/// What a topic is about, without its payload and its request ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// JSON samples.
    Samples,
    /// One value with an optional unit.
    Plain,
    /// Metadata: values.
    Get,
    /// Metadata: names of the keys.
    Keys,
    /// Metadata: replace everything.
    Replace,
    /// Metadata: replace the given keys.
    Update,
    /// Metadata: delete the given keys.
    Delete,
    /// Commands that are outstanding.
    Commands(InstanceId, Wanted),
    /// Results of commands of one type; `None`: a type that this tenant does not have.
    Results(InstanceId, Option<TypeId>),
    /// The latest configuration.
    Config(InstanceId, Content),
    /// What became of a configuration.
    Applied(InstanceId, Content),
    /// A token for uploads.
    Token,
}

/// What a topic is counted as, and what it is about.
type Found = (Kind, Result<Resource, Problem>);

impl Rules {
    /// Which request this is, and what it asks the endpoint's state to do.
    pub fn decide<'a>(
        &self,
        address: &Address<'a>,
        payload: &'a [u8],
    ) -> (Kind, Result<Action<'a>, Problem>) {
        let (kind, resource) = self.resource(address);
        let action = resource.and_then(|resource| self.action(resource, address, payload));
        (kind, action)
    }

    /// Which request this is.
    pub fn resource(&self, address: &Address) -> Found {
        let Some((instance, extension)) = self.instances.find(address.extension) else {
            return (Kind::Unknown, Err(UNKNOWN_EXTENSION));
        };
        let (kind, resource) = match (extension, address.path) {
            (Extension::DataCollection, "json") => (Kind::DcxJson, Resource::Samples),
            (Extension::DataCollection, _) => return self.plain(address),
            (Extension::Metadata, "get") => (Kind::MetadataGet, Resource::Get),
            (Extension::Metadata, "get/keys") => (Kind::MetadataKeys, Resource::Keys),
            (Extension::Metadata, "update") => (Kind::MetadataReplace, Resource::Replace),
            (Extension::Metadata, "update/keys") => (Kind::MetadataUpdate, Resource::Update),
            (Extension::Metadata, "delete/keys") => (Kind::MetadataDelete, Resource::Delete),
            (Extension::Commands, path) => return self.command(instance, path),
            (Extension::Configuration, path) => {
                return configuration(Content::Settings, instance, path);
            }
            (Extension::Software, path) => {
                return configuration(Content::Software, instance, path);
            }
            (Extension::Binary, "token") => (Kind::Token, Resource::Token),
            (Extension::Metadata | Extension::Binary, _) => {
                return (Kind::Unknown, Err(UNKNOWN_PATH));
            }
        };
        (kind, Ok(resource))
    }

    /// What a request asks the endpoint's state to do.
    ///
    /// # Errors
    /// Why its payload is not acceptable.
    pub fn action<'a>(
        &self,
        resource: Resource,
        address: &Address<'a>,
        payload: &'a [u8],
    ) -> Result<Action<'a>, Problem> {
        let which = |instance, content| Which {
            content,
            instance,
            name: configuration_name(address.path),
        };
        Ok(match resource {
            Resource::Samples => json::valid(payload).map(|()| Action::Accept)?,
            Resource::Plain => payloads::valid_measurement(payload).map(|()| Action::Accept)?,
            Resource::Get => self.wanted_keys(payload)?,
            Resource::Keys => Action::Keys,
            Resource::Replace => Action::Replace(self.written_values(payload)?),
            Resource::Update => Action::Merge(self.written_values(payload)?),
            Resource::Delete => self.deleted_keys(payload)?,
            Resource::Commands(instance, wanted) => {
                let observe = payloads::observe(payload)?;
                Action::Outstanding(instance, wanted, self.asking(address, observe))
            }
            Resource::Results(instance, command_type) => {
                Action::Results(instance, command_type, payloads::command_results(payload)?)
            }
            Resource::Config(instance, content) => {
                let (known, observe) = payloads::known_config(payload)?;
                let asking = self.asking(address, observe);
                Action::Config(which(instance, content), known, asking)
            }
            Resource::Applied(instance, content) => {
                let (id, status) = payloads::applied_config(payload)?;
                Action::Applied(which(instance, content), id, status)
            }
            Resource::Token => payloads::nothing(payload).map(|()| Action::Token)?,
        })
    }

    fn plain(&self, address: &Address) -> Found {
        match self.paths {
            Paths::Relaxed => {}
            Paths::Strict => return (Kind::Unknown, Err(UNKNOWN_PATH)),
            Paths::Silent => return (Kind::Unknown, Err(IGNORED_PATH)),
        }
        match address.path.strip_prefix("plain") {
            Some("") if address.id.is_some() => (Kind::DcxPlain, Err(METRIC_IS_ID)),
            Some(metric) if metric.starts_with('/') && !metric[1..].contains('/') => {
                (Kind::DcxPlain, Ok(Resource::Plain))
            }
            _ => (Kind::Unknown, Err(UNKNOWN_PATH)),
        }
    }

    /// Commands: `command/{type}` asks for the outstanding ones, `command` for those of all types,
    /// `result/{type}` answers some.
    fn command(&self, instance: InstanceId, path: &str) -> Found {
        let (resource, name) = match path.split_once('/') {
            Some((resource, name)) => (resource, Some(name)),
            None => (path, None),
        };
        if name.is_some_and(|name| name.contains('/')) {
            return (Kind::Unknown, Err(UNKNOWN_PATH));
        }
        match (resource, name) {
            ("command", name) => {
                let wanted = name.map_or(Wanted::All, |name| {
                    self.command_type(name).map_or(Wanted::Others, Wanted::One)
                });
                (Kind::CommandPoll, Ok(Resource::Commands(instance, wanted)))
            }
            ("result", Some(name)) => {
                let command_type = self.command_type(name);
                let resource = Resource::Results(instance, command_type);
                (Kind::CommandAnswer, Ok(resource))
            }
            _ => (Kind::Unknown, Err(UNKNOWN_PATH)),
        }
    }

    fn command_type(&self, name: &str) -> Option<TypeId> {
        let place = self.command_types.iter().position(|known| known == name)?;
        TypeId::try_from(place).ok()
    }

    /// An ID of more digits than anybody counts to has no reply topic that is kept.
    fn asking(&self, address: &Address, observe: Observe) -> Asking {
        let id = match self.observe_replies {
            ObserveReplies::Request => address.id.and_then(|id| id.parse().ok()),
            ObserveReplies::Resource => None,
        };
        Asking { observe, id }
    }

    fn wanted_keys<'a>(&self, payload: &[u8]) -> Result<Action<'a>, Problem> {
        let keys = payloads::wanted_keys(payload)?;
        let mut named = keys.iter().flatten();
        if named.any(|key| self.unreadable_keys.contains(key)) {
            return Err(UNREADABLE_KEY);
        }
        Ok(Action::Get(keys))
    }

    fn written_values(&self, payload: &[u8]) -> Result<BTreeMap<String, Box<RawValue>>, Problem> {
        let values: BTreeMap<String, Box<RawValue>> = json::value(payload)?;
        if values.is_empty() {
            return Err(INVALID_FIELDS);
        }
        self.writable(values.keys())?;
        Ok(values)
    }

    fn deleted_keys<'a>(&self, payload: &[u8]) -> Result<Action<'a>, Problem> {
        let keys: Vec<String> = json::value(payload)?;
        let unique: BTreeSet<&String> = keys.iter().collect();
        if keys.is_empty() || unique.len() != keys.len() {
            return Err(INVALID_FIELDS);
        }
        self.writable(keys.iter())?;
        Ok(Action::Delete(keys))
    }

    fn writable<'k>(
        &self,
        mut keys: impl Iterator<Item = &'k String> + Clone,
    ) -> Result<(), Problem> {
        if !keys.clone().all(|key| is_key(key)) {
            return Err(INVALID_KEY);
        }
        if keys.any(|key| self.read_only_keys.contains(key)) {
            return Err(READ_ONLY_KEY);
        }
        Ok(())
    }
}

/// Configurations: `config/json` asks for the latest one, `applied/json` says what became of
/// one; both may be followed by the name of a configuration (RFC 7/CMP).
fn configuration(content: Content, instance: InstanceId, path: &str) -> Found {
    let (asked, applied) = match content {
        Content::Settings => (Kind::Config, Kind::ConfigApplied),
        Content::Software => (Kind::OtaConfig, Kind::OtaApplied),
    };
    let (kind, resource, rest) = match (
        path.strip_prefix("config/json"),
        path.strip_prefix("applied/json"),
    ) {
        (Some(rest), _) => (asked, Resource::Config(instance, content), rest),
        (_, Some(rest)) => (applied, Resource::Applied(instance, content), rest),
        (None, None) => return (Kind::Unknown, Err(UNKNOWN_PATH)),
    };
    match rest.strip_prefix('/') {
        None if rest.is_empty() => (kind, Ok(resource)),
        Some(name) if !name.contains('/') => {
            let named = if is_name(name) {
                Ok(resource)
            } else {
                Err(INVALID_NAME)
            };
            (kind, named)
        }
        _ => (Kind::Unknown, Err(UNKNOWN_PATH)),
    }
}

/// The name of a configuration in a path of [`configuration`].
fn configuration_name(path: &str) -> Option<&str> {
    path.splitn(3, '/').nth(2)
}

/// Longer names of configurations are refused, because they are kept; bytes.
const NAME_LENGTH_MAX: usize = 256;

/// `^[a-zA-Z0-9_-]+$` (RFC 7/CMP).
fn is_name(name: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    (1..=NAME_LENGTH_MAX).contains(&name.len()) && name.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::options::TenantOptions;
    use super::super::report::Counts;
    use super::super::thing::Thing;
    use super::*;

    /// One endpoint and its rules; `ask` gives the reply's topic suffix and payload.
    struct Endpoint {
        rules: Rules,
        thing: Thing,
        counts: Counts,
    }

    impl Endpoint {
        fn new(flags: &[(&str, &str)]) -> Self {
            let mut options = TenantOptions::default();
            for (flag, value) in flags {
                options.set(flag, value).unwrap();
            }
            Self {
                rules: Rules::new(&options),
                thing: Thing::default(),
                counts: Counts::default(),
            }
        }

        fn ask(&mut self, topic: &str, payload: &str) -> (&'static str, String, String) {
            let address = Address::parse(topic).unwrap();
            let (kind, decided) = self.rules.decide(&address, payload.as_bytes());
            let mut body = Vec::new();
            let outcome = self.rules.admit(&address).and(decided).and_then(|action| {
                self.thing
                    .perform(action, &self.rules, &mut body, &mut self.counts)
            });
            if let Err(problem) = outcome {
                body.clear();
                problem.write(&mut body);
            }
            let mut reply = String::new();
            address.write_reply_topic(outcome, &mut reply);
            (kind.name(), reply, String::from_utf8(body).unwrap())
        }

        /// Asks, expects success, and gives the payload.
        fn ok(&mut self, resource: &str, payload: &str) -> String {
            let topic = format!("kp1/app-v1/{resource}");
            let (_, reply, body) = self.ask(&topic, payload);
            assert_eq!(reply, format!("{topic}/status"), "{body}");
            body
        }

        /// A new command of the first type.
        fn command(&mut self, power: u32) {
            self.thing.commands.add(2, 0, &[power]);
        }

        /// New settings; as they are pushed.
        fn configure(&mut self, interval: u32) -> String {
            let which = Which {
                content: Content::Settings,
                instance: 3,
                name: None,
            };
            let on_connect = self.rules.on_connect;
            let configurations = &mut self.thing.configurations;
            let settings = configurations.entry(which, on_connect).unwrap();
            settings.advance(interval);
            let mut pushed = Vec::new();
            settings.write(&mut pushed);
            String::from_utf8(pushed).unwrap()
        }

        /// Asks, expects failure, and gives the status code.
        fn status(&mut self, resource: &str, payload: &str) -> u16 {
            let topic = format!("kp1/app-v1/{resource}");
            let (_, reply, body) = self.ask(&topic, payload);
            assert_eq!(reply, format!("{topic}/error"), "{body}");
            let error: serde_json::Value = serde_json::from_str(&body).unwrap();
            let error = error.as_object().unwrap();
            assert!(error["reasonPhrase"].is_string());
            assert_eq!(error.len(), 2);
            error["statusCode"].as_u64().unwrap() as u16
        }
    }

    #[test]
    fn the_reply_topic_is_the_request_topic_and_a_suffix() {
        let mut endpoint = Endpoint::new(&[]);
        let reply = |(_, topic, _): (&str, String, String)| topic;
        assert_eq!(
            reply(endpoint.ask("kp1/a-1/dcx/t/json/42", "1")),
            "kp1/a-1/dcx/t/json/42/status"
        );
        assert_eq!(
            reply(endpoint.ask("kp1/a-1/dcx/t/json/007", "1")),
            "kp1/a-1/dcx/t/json/7/status"
        );
        assert_eq!(
            reply(endpoint.ask("kp1/a-1/dcx/t/json/42", "")),
            "kp1/a-1/dcx/t/json/42/error"
        );
        assert_eq!(
            reply(endpoint.ask("kp1/a-1/dcx/t/json", "{")),
            "kp1/a-1/dcx/t/json/error"
        );
    }

    #[test]
    fn data_collection_accepts_any_json_and_nothing_else() {
        let mut endpoint = Endpoint::new(&[]);
        for good in [
            "{}",
            "[85,34]",
            "[[85,34]]",
            "5",
            "null",
            " \"x\" ",
            r#"{"a":[1,{"b":null}]}"#,
        ] {
            assert_eq!(endpoint.ok("dcx/tok/json/1", good), "");
        }
        for bad in ["", "{", "{} {}", "{'a':1}", "NaN", "[1,]", "07.5", "nul"] {
            assert_eq!(endpoint.status("dcx/tok/json/1", bad), 400, "{bad}");
        }
        let address = Address::parse("kp1/app-v1/dcx/tok/json").unwrap();
        let (_, decided) = endpoint.rules.decide(&address, b"\"\xff\"");
        assert!(decided.is_err(), "not UTF-8");
    }

    #[test]
    fn plain_metrics_need_relaxed_paths() {
        let mut strict = Endpoint::new(&[]);
        assert_eq!(strict.status("dcx/tok/plain/t/1", "20"), 404);
        let mut relaxed = Endpoint::new(&[("relaxed-paths", "on")]);
        for good in ["200", "47%", "20m", "-3.5C", "20"] {
            assert_eq!(relaxed.ok("dcx/tok/plain/t/1", good), "");
        }
        for bad in ["", "m", "20 m", "1.2.3", "--1"] {
            assert_eq!(relaxed.status("dcx/tok/plain/t/1", bad), 400, "{bad}");
        }
        // A numeric metric name is a request ID, so no metric is left, unless an ID follows it.
        assert_eq!(relaxed.status("dcx/tok/plain/7", "20"), 404);
        assert_eq!(relaxed.ok("dcx/tok/plain/7/8", "20"), "");
        assert_eq!(relaxed.status("dcx/tok/plain", "20"), 404);
        assert_eq!(relaxed.status("dcx/tok/plainer/1", "20"), 404);
    }

    #[test]
    fn metadata_is_written_read_merged_replaced_and_deleted() {
        let mut endpoint = Endpoint::new(&[]);
        assert_eq!(endpoint.ok("epmx/tok/get/0", ""), "{}");
        assert_eq!(endpoint.ok("epmx/tok/get/keys/1", ""), "[]");
        assert_eq!(
            endpoint.ok("epmx/tok/update/2", r#"{"name":"x","loc":{"lat": 1.50}}"#),
            ""
        );
        assert_eq!(
            endpoint.ok("epmx/tok/get/3", "{}"),
            r#"{"loc":{"lat": 1.50},"name":"x"}"#
        );
        assert_eq!(
            endpoint.ok("epmx/tok/get/keys/4", "ignored"),
            r#"["loc","name"]"#
        );
        assert_eq!(
            endpoint.ok("epmx/tok/get/5", r#"{"keys":["name","absent"]}"#),
            r#"{"name":"x"}"#
        );
        assert_eq!(
            endpoint.ok("epmx/tok/update/keys/6", r#"{"name":null,"area":7}"#),
            ""
        );
        assert_eq!(
            endpoint.ok("epmx/tok/get/7", ""),
            r#"{"area":7,"loc":{"lat": 1.50},"name":null}"#
        );
        assert_eq!(
            endpoint.ok("epmx/tok/delete/keys/8", r#"["loc","absent"]"#),
            ""
        );
        assert_eq!(endpoint.ok("epmx/tok/get/keys/9", ""), r#"["area","name"]"#);
        assert_eq!(endpoint.ok("epmx/tok/update/10", r#"{"only":true}"#), "");
        assert_eq!(endpoint.ok("epmx/tok/get/11", ""), r#"{"only":true}"#);
    }

    #[test]
    fn metadata_that_breaks_the_schema_is_refused_and_changes_nothing() {
        let mut endpoint = Endpoint::new(&[("read-only-keys", "serial")]);
        endpoint.ok("epmx/tok/update/1", r#"{"name":"x"}"#);
        for (resource, payload, status) in [
            ("epmx/tok/update/2", "{}", 400),
            ("epmx/tok/update/2", "[]", 400),
            ("epmx/tok/update/2", "", 400),
            ("epmx/tok/update/2", r#"{"a-b":1}"#, 400),
            ("epmx/tok/update/keys/2", r#"{"":1}"#, 400),
            ("epmx/tok/update/2", r#"{"serial":1,"b":2}"#, 403),
            ("epmx/tok/update/keys/2", r#"{"serial":1}"#, 403),
            ("epmx/tok/delete/keys/2", r#"["serial"]"#, 403),
            ("epmx/tok/delete/keys/2", "[]", 400),
            ("epmx/tok/delete/keys/2", r#"["a","a"]"#, 400),
            ("epmx/tok/delete/keys/2", "[1]", 400),
            ("epmx/tok/get/2", r#"{"keys":"name"}"#, 400),
            ("epmx/tok/get/2", r#"{"other":1}"#, 400),
            ("epmx/tok/get/2", "[[]]", 400),
            ("epmx/tok/get/2", r#"{"keys":["a b"]}"#, 400),
            ("epmx/tok/put/2", "{}", 404),
            ("dcx/tok/xml/2", "{}", 404),
            ("nosuch/tok/json/2", "{}", 404),
        ] {
            assert_eq!(
                endpoint.status(resource, payload),
                status,
                "{resource} {payload}"
            );
        }
        assert_eq!(endpoint.ok("epmx/tok/get/3", ""), r#"{"name":"x"}"#);
    }

    #[test]
    fn absent_keys_are_left_out_or_refused() {
        let mut strict = Endpoint::new(&[("absent-keys", "error")]);
        strict.ok("epmx/tok/update/1", r#"{"a":1,"b":2}"#);
        assert_eq!(
            strict.ok("epmx/tok/get/2", r#"{"keys":["a"]}"#),
            r#"{"a":1}"#
        );
        assert_eq!(
            strict.status("epmx/tok/get/3", r#"{"keys":["a","c"]}"#),
            404
        );
        assert_eq!(strict.status("epmx/tok/delete/keys/4", r#"["a","c"]"#), 404);
        assert_eq!(strict.ok("epmx/tok/get/keys/5", ""), r#"["a","b"]"#);
        strict.ok("epmx/tok/delete/keys/6", r#"["a"]"#);
        assert_eq!(strict.ok("epmx/tok/get/7", ""), r#"{"b":2}"#);
        assert_eq!(strict.ok("epmx/tok/get/8", r#"{"keys":[]}"#), "{}");
    }

    #[test]
    fn unreadable_keys_can_be_written_and_are_never_shown() {
        let mut endpoint = Endpoint::new(&[("unreadable-keys", "secret")]);
        endpoint.ok("epmx/tok/update/1", r#"{"secret":1,"b":2}"#);
        assert_eq!(endpoint.ok("epmx/tok/get/2", ""), r#"{"b":2}"#);
        assert_eq!(endpoint.ok("epmx/tok/get/keys/3", ""), r#"["b"]"#);
        let both = r#"{"keys":["b","secret"]}"#;
        assert_eq!(endpoint.status("epmx/tok/get/4", both), 403);
    }

    #[test]
    fn one_message_has_the_results_of_several_commands() {
        let mut endpoint = Endpoint::new(&[("command-types", "set_power,reboot")]);
        for power in [1, 2, 3] {
            endpoint.command(power);
        }
        endpoint.thing.commands.add(2, 1, &[0]);
        let results = r#"[{"id":3,"statusCode":200,"payload":[1]},{"id":1,"statusCode":500,"reasonPhrase":"no"}]"#;
        assert_eq!(endpoint.ok("cex/tok/result/set_power/1", results), "");
        assert_eq!(
            endpoint.ok("cex/tok/command/2", "{}"),
            concat!(
                r#"[{"id":2,"type":"set_power","payload":{"power":2}},"#,
                r#"{"id":1,"type":"reboot","payload":{"value":0}}]"#
            )
        );
        assert_eq!(
            (
                endpoint.counts.results["completed"],
                endpoint.counts.results["error"]
            ),
            (1, 1)
        );
        // Nothing of a message that is wrong in one place counts.
        let half = r#"[{"id":2,"statusCode":200},{"id":"x","statusCode":200}]"#;
        assert_eq!(endpoint.status("cex/tok/result/set_power/3", half), 400);
        assert!(
            endpoint
                .ok("cex/tok/command/set_power/4", "{}")
                .starts_with(r#"[{"id":2,"#)
        );
    }

    #[test]
    fn commands_are_outstanding_until_their_result() {
        let mut endpoint = Endpoint::new(&[]);
        assert_eq!(endpoint.ok("cex/tok/command/set_power/1", "{}"), "[]");
        endpoint.command(50);
        endpoint.command(100);
        assert_eq!(
            endpoint.ok("cex/tok/command/set_power/2", r#"{"observe":true}"#),
            r#"[{"id":1,"payload":{"power":50}},{"id":2,"payload":{"power":100}}]"#
        );
        assert_eq!(endpoint.ok("cex/tok/command/other/3", "{}"), "[]");
        let results = r#"[{"id":1,"statusCode":200,"reasonPhrase":"Ok","payload":{}},{"id":2,"statusCode":500}]"#;
        assert_eq!(endpoint.ok("cex/tok/result/set_power/4", results), "");
        assert_eq!(endpoint.ok("cex/tok/command/set_power/5", "{}"), "[]");
        endpoint.ok(
            "cex/tok/result/set_power/6",
            r#"[{"id":1,"statusCode":200},{"id":9,"statusCode":200}]"#,
        );
        let counts = &endpoint.counts;
        assert_eq!(
            (counts.results["completed"], counts.results["error"]),
            (1, 1)
        );
        assert_eq!(
            (
                counts.rejected["second-final"],
                counts.rejected["unknown-command"]
            ),
            (1, 1)
        );
        for bad in [
            "",
            "[]",
            "{}",
            r#"[{"id":1}]"#,
            r#"[{"id":"1","statusCode":200}]"#,
        ] {
            assert_eq!(
                endpoint.status("cex/tok/result/set_power/7", bad),
                400,
                "{bad}"
            );
        }
        for bad in [
            "",
            "[]",
            r#"{"x":1}"#,
            r#"{"observe":null}"#,
            r#"{"observe":1}"#,
        ] {
            let status = endpoint.status("cex/tok/command/set_power/7", bad);
            assert_eq!(status, 400, "{bad}");
        }
        assert_eq!(endpoint.status("cex/tok/commands/7", "{}"), 404);
        assert_eq!(endpoint.status("cex/tok/command/a/b/7", "{}"), 404);
    }

    #[test]
    fn commands_of_all_types_carry_their_type() {
        let mut endpoint = Endpoint::new(&[]);
        assert_eq!(endpoint.ok("cex/tok/command/7", "{}"), "[]");
        endpoint.command(50);
        assert_eq!(
            endpoint.ok("cex/tok/command", "{}"),
            r#"[{"id":1,"type":"set_power","payload":{"power":50}}]"#
        );
    }

    #[test]
    fn a_configuration_is_told_until_it_is_known_and_applied_once() {
        let mut endpoint = Endpoint::new(&[]);
        let none = r#"{"configId":"","config":null,"statusCode":200,"reasonPhrase":"ok"}"#;
        assert_eq!(endpoint.ok("cmx/tok/config/json/1", "{}"), none);
        let pushed = endpoint.configure(30);
        assert_eq!(
            pushed,
            r#"{"configId":"c1","config":{"interval":30},"statusCode":200,"reasonPhrase":"ok"}"#
        );
        assert_eq!(
            endpoint.ok("cmx/tok/config/json/2", r#"{"observe":true}"#),
            pushed
        );
        assert_eq!(
            endpoint.ok("cmx/tok/config/json/3", r#"{"configId":"c0"}"#),
            pushed
        );
        assert_eq!(
            endpoint.ok("cmx/tok/config/json/4", r#"{"configId":"c1"}"#),
            "{}"
        );
        assert_eq!(
            endpoint.ok("cmx/tok/applied/json/5", r#"{"configId":"c1"}"#),
            ""
        );
        endpoint.ok(
            "cmx/tok/applied/json/6",
            r#"{"configId":"c1","statusCode":400}"#,
        );
        assert_eq!(
            endpoint.status("cmx/tok/applied/json/7", r#"{"configId":"c2"}"#),
            404
        );
        assert_eq!(endpoint.status("cmx/tok/applied/json/8", "{}"), 400);
        let results: Vec<_> = endpoint
            .counts
            .results
            .iter()
            .map(|(&name, &n)| (name, n))
            .collect();
        assert_eq!(results, [("applied", 1), ("not-applied", 1)]);
    }

    #[test]
    fn a_status_of_2xx_or_none_is_applied_and_3xx_is_a_setting() {
        for (redirects, applied, refused) in [("rejected", 3, 5), ("applied", 5, 3)] {
            let mut endpoint = Endpoint::new(&[("redirect-status", redirects)]);
            endpoint.configure(30);
            for status in ["", "200", "299", "199", "300", "399", "400", "500"] {
                let body = match status {
                    "" => r#"{"configId":"c1"}"#.to_owned(),
                    _ => {
                        format!(r#"{{"configId":"c1","statusCode":{status},"reasonPhrase":"why"}}"#)
                    }
                };
                endpoint.ok("cmx/tok/applied/json/1", &body);
            }
            let results = &endpoint.counts.results;
            let counted = (results["applied"], results["not-applied"]);
            assert_eq!(counted, (applied, refused), "{redirects}");
        }
    }

    #[test]
    fn a_configuration_has_a_name_or_none() {
        let mut endpoint = Endpoint::new(&[]);
        let none = r#"{"configId":"","config":null,"statusCode":200,"reasonPhrase":"ok"}"#;
        endpoint.configure(30);
        for resource in ["config/json/pump-1", "config/json/pump_2/5"] {
            assert_eq!(endpoint.ok(&format!("cmx/tok/{resource}"), "{}"), none);
        }
        // A name of digits is a request ID.
        assert!(endpoint.ok("cmx/tok/config/json/42", "{}").contains("c1"));
        let which = Which {
            content: Content::Settings,
            instance: 3,
            name: Some("pump-1"),
        };
        let on_connect = endpoint.rules.on_connect;
        let configurations = &mut endpoint.thing.configurations;
        configurations.entry(which, on_connect).unwrap().advance(7);
        let latest = endpoint.ok("cmx/tok/config/json/pump-1/6", "{}");
        assert!(latest.starts_with(r#"{"configId":"c1","config":{"interval":7},"#));
        let c1 = r#"{"configId":"c1"}"#;
        assert_eq!(endpoint.ok("cmx/tok/config/json/pump-1/7", c1), "{}");
        assert_eq!(endpoint.ok("cmx/tok/applied/json/pump-1/8", c1), "");
        assert_eq!(endpoint.counts.results["applied"], 1);
        for (resource, payload, status) in [
            ("applied/json/pump_2/9", c1, 404),
            ("applied/json/other/9", c1, 404),
            ("config/json/a b/9", "{}", 400),
            ("applied/json/a.b/9", c1, 400),
            ("config/json/a/b/9", "{}", 404),
            ("config/jsonx/9", "{}", 404),
        ] {
            let refused = endpoint.status(&format!("cmx/tok/{resource}"), payload);
            assert_eq!(refused, status, "{resource}");
        }
        let long = |length: usize| format!("cmx/tok/config/json/{}/1", "x".repeat(length));
        assert_eq!(endpoint.ok(&long(256), "{}"), none);
        assert_eq!(endpoint.status(&long(257), "{}"), 400);
        for number in 0..13 {
            endpoint.ok(&format!("cmx/tok/config/json/n{number}/1"), "{}");
        }
        assert_eq!(endpoint.status("cmx/tok/config/json/one-more/1", "{}"), 429);
        assert_eq!(endpoint.ok("cmx/tok/config/json/n3/2", "{}"), none);
    }

    #[test]
    fn instances_are_spoken_to_by_their_names() {
        let names = "dcx=data,dcx=data2,epmx=meta,cex=commands,cmx=cfg,cmx_ota=fw,bcx=bin";
        let mut endpoint = Endpoint::new(&[("instances", names)]);
        for (resource, payload) in [
            ("data/tok/json/1", "1"),
            ("data2/tok/json/1", "1"),
            ("meta/tok/get/1", ""),
            ("commands/tok/command/set_power/1", "{}"),
            ("cfg/tok/config/json/1", "{}"),
            ("fw/tok/config/json/1", "{}"),
            ("bin/tok/token/1", ""),
        ] {
            endpoint.ok(resource, payload);
        }
        for resource in [
            "dcx/tok/json/1",
            "epmx/tok/get/1",
            "cmx_ota/tok/config/json/1",
        ] {
            assert_eq!(endpoint.status(resource, "{}"), 404, "{resource}");
        }
    }

    #[test]
    fn software_is_a_configuration_of_its_own() {
        let mut endpoint = Endpoint::new(&[]);
        let latest = r#"{"configId":"1.0.1","config":{"link":"http://127.0.0.1/software/1.0.1.bin"},"statusCode":200,"reasonPhrase":"ok"}"#;
        assert_eq!(endpoint.ok("cmx_ota/tok/config/json/1", "{}"), latest);
        for (known, expected) in [("1.0.0", latest), ("1.0.1", "{}")] {
            let payload = format!(r#"{{"configId":"{known}"}}"#);
            assert_eq!(endpoint.ok("cmx_ota/tok/config/json", &payload), expected);
        }
        endpoint.configure(30);
        let applied = |id: &str| format!(r#"{{"configId":"{id}"}}"#);
        for (resource, id, expected) in [
            ("cmx_ota/tok/applied/json/2", "c1", 404),
            ("cmx_ota/tok/applied/json/2", "1.0.2", 404),
            ("cmx/tok/applied/json/2", "1.0.1", 404),
            ("cmx_ota/tok/applied/xml/2", "1.0.1", 404),
        ] {
            let status = endpoint.status(resource, &applied(id));
            assert_eq!(status, expected, "{resource} {id}");
        }
        assert_eq!(
            endpoint.ok("cmx_ota/tok/applied/json/3", &applied("1.0.1")),
            ""
        );
        let kind = |resource: &str| {
            let topic = format!("kp1/app-v1/{resource}");
            let address = Address::parse(&topic).unwrap();
            Rules::new(&TenantOptions::default())
                .decide(&address, b"{}")
                .0
        };
        assert_eq!(kind("cmx_ota/tok/config/json"), Kind::OtaConfig);
        assert_eq!(kind("cmx_ota/tok/applied/json"), Kind::OtaApplied);
        assert_eq!(kind("bcx/tok/token"), Kind::Token);
    }

    #[test]
    fn upload_tokens_are_handed_out_one_by_one() {
        let mut endpoint = Endpoint::new(&[]);
        assert_eq!(
            endpoint.ok("bcx/tok/token/1", ""),
            r#"{"token":"upload-1"}"#
        );
        assert_eq!(endpoint.ok("bcx/tok/token", ""), r#"{"token":"upload-2"}"#);
        assert_eq!(endpoint.status("bcx/tok/token/2", "{}"), 400);
        assert_eq!(endpoint.status("bcx/tok/tokens/2", ""), 404);
    }

    #[test]
    fn only_listed_applications_and_tokens_are_known() {
        let mut any = Endpoint::new(&[]);
        any.ok("dcx/whatever/json/1", "1");
        assert_eq!(any.status("dcx/with.dot/json/1", "1"), 400);
        let mut listed = Endpoint::new(&[("applications", "app-v1"), ("tokens", "t1,t2")]);
        listed.ok("dcx/t1/json/1", "1");
        assert_eq!(listed.status("dcx/t3/json/1", "1"), 401);
        let (_, reply, _) = listed.ask("kp1/app-v2/dcx/t1/json/1", "1");
        assert_eq!(reply, "kp1/app-v2/dcx/t1/json/1/error");
    }

    proptest! {
        #[test]
        fn any_topic_and_payload_is_decided_without_a_panic(topic in "(kp1/)?[a-z0-9./-]{0,40}", payload: Vec<u8>) {
            let rules = Rules::new(&TenantOptions::default());
            if let Some(address) = Address::parse(&topic) {
                let _ = rules.decide(&address, &payload);
                let mut reply = String::new();
                address.write_reply_topic(Ok(()), &mut reply);
                prop_assert!(reply.ends_with("/status"));
            }
        }
    }
}
