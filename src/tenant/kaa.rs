//! Kaa's kp1 requests: which one a topic names, and whether its payload is acceptable.
//!
//! Strict and pure. Served are data collection (RFC 2/DCP), endpoint metadata (RFC 10/EPMP),
//! commands (RFC 11/CEP), configuration (RFC 7/CMP) with software beside it, and upload tokens;
//! everything else is an unknown path. Not here: the endpoint's state (`thing`), who gets the
//! reply, faults.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::value::RawValue;

use super::configuration::Content;
use super::json;
use super::kaa_payload::{self as payloads, INVALID_KEY, is_key};
use super::kind::Kind;
use super::options::{Paths, TenantOptions};
use super::problem::{INVALID_FIELDS, Problem};
use super::thing::{Action, COMMAND_TYPE, Wanted};

/// The application version name is not among the known ones.
pub const UNKNOWN_APPLICATION: Problem =
    Problem::new("unknown-application", 404, "Unknown application version");
/// The endpoint token is not among the known ones.
pub const UNKNOWN_TOKEN: Problem = Problem::new("unknown-token", 401, "Unknown endpoint token");
/// The token contains a character that tokens must not have.
pub const MALFORMED_TOKEN: Problem =
    Problem::new("malformed-token", 400, "Malformed endpoint token");
/// No such extension.
pub const UNKNOWN_EXTENSION: Problem = Problem::new("unknown-extension", 404, "Unknown extension");
/// The extension has no such resource.
pub const UNKNOWN_PATH: Problem = Problem::new("unknown-path", 404, "Unknown resource path");
/// A key that endpoints must not write.
pub const READ_ONLY_KEY: Problem = Problem::new("read-only-key", 403, "Key is read-only");

/// What a kp1 topic says (RFC 1/KP): `kp1/{application}/{extension}/{token}/{path}[/{id}]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address<'a> {
    /// Application version name.
    pub application: &'a str,
    /// Extension instance name.
    pub extension: &'a str,
    /// Endpoint token.
    pub token: &'a str,
    /// Resource path without the request ID; empty if there is only an ID.
    pub path: &'a str,
    /// Request ID in canonical decimal: the last level, if it consists of digits. 0 counts.
    pub id: Option<&'a str>,
    /// The topic without the request ID.
    resource: &'a str,
}

impl<'a> Address<'a> {
    /// `None` if the topic is not of this form (also for empty levels).
    pub fn parse(topic: &'a str) -> Option<Self> {
        let rest = topic.strip_prefix("kp1/")?;
        let mut levels = rest.splitn(4, '/');
        let (application, extension) = (levels.next()?, levels.next()?);
        let (token, path) = (levels.next()?, levels.next()?);
        if application.is_empty() || extension.is_empty() || token.is_empty() {
            return None;
        }
        if path.split('/').any(str::is_empty) {
            return None;
        }
        let (before, last) = path.rsplit_once('/').unwrap_or(("", path));
        if !last.bytes().all(|b| b.is_ascii_digit()) {
            let id = None;
            return Some(Self {
                application,
                extension,
                token,
                path,
                id,
                resource: topic,
            });
        }
        let resource = &topic[..topic.len() - last.len() - 1];
        let id = Some(canonical(last));
        Some(Self {
            application,
            extension,
            token,
            path: before,
            id,
            resource,
        })
    }

    /// Appends the topic of the reply: `.../status` if `outcome` is ok, else `.../error`.
    pub fn write_reply_topic(&self, outcome: Result<(), Problem>, out: &mut String) {
        out.push_str(self.resource);
        if let Some(id) = self.id {
            out.push('/');
            out.push_str(id);
        }
        out.push_str(if outcome.is_ok() { "/status" } else { "/error" });
    }

    /// The name that all versions of the application share; tokens are unique within it.
    pub fn family(&self) -> &'a str {
        self.application
            .rsplit_once('-')
            .map_or(self.application, |(family, _)| family)
    }
}

/// The digits without leading zeros.
fn canonical(digits: &str) -> &str {
    let stripped = digits.trim_start_matches('0');
    if stripped.is_empty() {
        &digits[digits.len() - 1..]
    } else {
        stripped
    }
}

/// What this tenant accepts.
#[derive(Debug, Clone)]
pub struct Rules {
    applications: Option<HashSet<String>>,
    tokens: Option<HashSet<String>>,
    read_only_keys: BTreeSet<String>,
    paths: Paths,
}

impl Rules {
    /// The rules that the options ask for.
    pub fn new(options: &TenantOptions) -> Self {
        let hashed = |names: &Option<BTreeSet<String>>| {
            names.as_ref().map(|names| names.iter().cloned().collect())
        };
        Self {
            applications: hashed(&options.applications),
            tokens: hashed(&options.tokens),
            read_only_keys: options.read_only_keys.clone(),
            paths: options.paths,
        }
    }

    /// Whether this application and this endpoint exist.
    ///
    /// # Errors
    /// [`UNKNOWN_APPLICATION`], [`MALFORMED_TOKEN`] or [`UNKNOWN_TOKEN`].
    pub fn admit(&self, address: &Address) -> Result<(), Problem> {
        let name = address.application;
        let well_formed = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        if !well_formed
            || self
                .applications
                .as_ref()
                .is_some_and(|known| !known.contains(name))
        {
            return Err(UNKNOWN_APPLICATION);
        }
        if address.token.contains('.') {
            return Err(MALFORMED_TOKEN);
        }
        if self
            .tokens
            .as_ref()
            .is_some_and(|known| !known.contains(address.token))
        {
            return Err(UNKNOWN_TOKEN);
        }
        Ok(())
    }

    /// Which request this is, and what it asks the endpoint's state to do.
    pub fn decide(&self, address: &Address, payload: &[u8]) -> (Kind, Result<Action, Problem>) {
        match (address.extension, address.path) {
            ("dcx", "json") => (Kind::DcxJson, json::valid(payload).map(|()| Action::Accept)),
            ("dcx", path) => self.decide_plain(path, payload),
            ("epmx", "get") => (
                Kind::MetadataGet,
                payloads::wanted_keys(payload).map(Action::Get),
            ),
            ("epmx", "get/keys") => (Kind::MetadataKeys, Ok(Action::Keys)),
            ("epmx", "update") => (
                Kind::MetadataReplace,
                self.written_values(payload).map(Action::Replace),
            ),
            ("epmx", "update/keys") => (
                Kind::MetadataUpdate,
                self.written_values(payload).map(Action::Merge),
            ),
            ("epmx", "delete/keys") => (Kind::MetadataDelete, self.deleted_keys(payload)),
            ("cex", path) => decide_command(path, payload),
            ("cmx", path) => decide_configuration(Content::Settings, path, payload),
            ("cmx_ota", path) => decide_configuration(Content::Software, path, payload),
            ("bcx", "token") => (
                Kind::Token,
                payloads::nothing(payload).map(|()| Action::Token),
            ),
            ("epmx" | "bcx", _) => (Kind::Unknown, Err(UNKNOWN_PATH)),
            _ => (Kind::Unknown, Err(UNKNOWN_EXTENSION)),
        }
    }

    fn decide_plain(&self, path: &str, payload: &[u8]) -> (Kind, Result<Action, Problem>) {
        match path.strip_prefix("plain/") {
            Some(metric) if self.paths == Paths::Relaxed && !metric.contains('/') => (
                Kind::DcxPlain,
                payloads::valid_measurement(payload).map(|()| Action::Accept),
            ),
            _ => (Kind::Unknown, Err(UNKNOWN_PATH)),
        }
    }

    fn written_values(&self, payload: &[u8]) -> Result<BTreeMap<String, Box<RawValue>>, Problem> {
        let values: BTreeMap<String, Box<RawValue>> = json::value(payload)?;
        if values.is_empty() {
            return Err(INVALID_FIELDS);
        }
        self.writable(values.keys())?;
        Ok(values)
    }

    fn deleted_keys(&self, payload: &[u8]) -> Result<Action, Problem> {
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

/// Configurations: `config/json` asks for the latest one, `applied/json` says what became of one.
fn decide_configuration(
    content: Content,
    path: &str,
    payload: &[u8],
) -> (Kind, Result<Action, Problem>) {
    let (asked, applied) = match content {
        Content::Settings => (Kind::Config, Kind::ConfigApplied),
        Content::Software => (Kind::OtaConfig, Kind::OtaApplied),
    };
    match path {
        "config/json" => (
            asked,
            payloads::known_config(payload).map(|known| Action::Config(content, known)),
        ),
        "applied/json" => (
            applied,
            payloads::applied_config(payload)
                .map(|(id, status)| Action::Applied(content, id, status)),
        ),
        _ => (Kind::Unknown, Err(UNKNOWN_PATH)),
    }
}

/// Commands: `command/{type}` asks for the outstanding ones, `command` for those of all types,
/// `result/{type}` answers some.
fn decide_command(path: &str, payload: &[u8]) -> (Kind, Result<Action, Problem>) {
    let wanted = match path.strip_prefix("command") {
        Some("") => Some(Wanted::All),
        Some(rest) => rest
            .strip_prefix('/')
            .filter(|name| !name.contains('/'))
            .map(|name| match name {
                COMMAND_TYPE => Wanted::Ours,
                _ => Wanted::Others,
            }),
        None => None,
    };
    if let Some(wanted) = wanted {
        let action = payloads::observe(payload).map(|()| Action::Outstanding(wanted));
        return (Kind::CommandPoll, action);
    }
    if let Some(name) = path
        .strip_prefix("result/")
        .filter(|name| !name.contains('/'))
    {
        let action = payloads::command_results(payload).map(|results| Action::Results {
            known_type: name == COMMAND_TYPE,
            results,
        });
        return (Kind::CommandAnswer, action);
    }
    (Kind::Unknown, Err(UNKNOWN_PATH))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
            let outcome = self
                .rules
                .admit(&address)
                .and(decided)
                .and_then(|action| self.thing.perform(action, &mut body, &mut self.counts));
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
    fn the_request_id_is_the_last_level_if_it_is_all_digits() {
        for (topic, path, id) in [
            ("kp1/app-v1/dcx/tok/json/42", "json", Some("42")),
            ("kp1/app-v1/dcx/tok/json/0", "json", Some("0")),
            ("kp1/app-v1/dcx/tok/json/007", "json", Some("7")),
            ("kp1/app-v1/dcx/tok/json/000", "json", Some("0")),
            ("kp1/app-v1/dcx/tok/json", "json", None),
            ("kp1/app-v1/dcx/tok/json/4x", "json/4x", None),
            ("kp1/app-v1/dcx/tok/json/-1", "json/-1", None),
            (
                "kp1/app-v1/epmx/tok/get/keys/99999999999999999999",
                "get/keys",
                Some("99999999999999999999"),
            ),
            ("kp1/app-v1/dcx/tok/42", "", Some("42")),
            ("kp1/app-v1/dcx/12/json", "json", None),
        ] {
            let address = Address::parse(topic).unwrap();
            assert_eq!((address.path, address.id), (path, id), "{topic}");
        }
    }

    #[test]
    fn a_topic_with_too_few_or_empty_levels_is_no_address() {
        for topic in [
            "",
            "kp1",
            "kp1/app",
            "kp1/app/dcx/tok",
            "kp1/app/dcx/tok/",
            "kp1/app/dcx//json",
            "kp1//dcx/tok/json",
            "kp1/app/dcx/tok/json/",
            "/kp1/app/dcx/tok/json",
            "kp2/app/dcx/tok/json",
        ] {
            assert_eq!(Address::parse(topic), None, "{topic}");
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
        // A numeric metric name is a request ID, so no metric is left.
        assert_eq!(relaxed.status("dcx/tok/plain/7", "20"), 404);
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
    fn commands_are_outstanding_until_their_result() {
        let mut endpoint = Endpoint::new(&[]);
        assert_eq!(endpoint.ok("cex/tok/command/set_power/1", "{}"), "[]");
        let mut pushed = Vec::new();
        endpoint.thing.next_command(50, &mut pushed);
        assert_eq!(pushed, br#"[{"id":1,"payload":{"power":50}}]"#);
        endpoint.thing.next_command(100, &mut pushed);
        assert_eq!(
            endpoint.ok("cex/tok/command/set_power/2", r#"{"observe":true}"#),
            r#"[{"id":1,"payload":{"power":50}},{"id":2,"payload":{"power":100}}]"#
        );
        assert_eq!(endpoint.ok("cex/tok/command/other/3", ""), "[]");
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
        assert_eq!(
            endpoint.status("cex/tok/command/set_power/7", r#"{"x":1}"#),
            400
        );
        assert_eq!(endpoint.status("cex/tok/commands/7", "{}"), 404);
        assert_eq!(endpoint.status("cex/tok/command/a/b/7", "{}"), 404);
    }

    #[test]
    fn commands_of_all_types_carry_their_type() {
        let mut endpoint = Endpoint::new(&[]);
        assert_eq!(endpoint.ok("cex/tok/command/7", "{}"), "[]");
        let mut pushed = Vec::new();
        endpoint.thing.next_command(50, &mut pushed);
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
        let mut pushed = Vec::new();
        endpoint
            .thing
            .next_config(Content::Settings, 30, &mut pushed);
        let pushed = String::from_utf8(pushed).unwrap();
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
    fn software_is_a_configuration_of_its_own() {
        let mut endpoint = Endpoint::new(&[]);
        let latest = r#"{"configId":"1.0.1","config":{"link":"http://127.0.0.1/software/1.0.1.bin"},"statusCode":200,"reasonPhrase":"ok"}"#;
        assert!(!endpoint.thing.uses_software());
        assert_eq!(endpoint.ok("cmx_ota/tok/config/json/1", "{}"), latest);
        assert!(endpoint.thing.uses_software());
        for (known, expected) in [("1.0.0", latest), ("1.0.1", "{}")] {
            let payload = format!(r#"{{"configId":"{known}"}}"#);
            assert_eq!(endpoint.ok("cmx_ota/tok/config/json", &payload), expected);
        }
        let mut pushed = Vec::new();
        endpoint
            .thing
            .next_config(Content::Settings, 30, &mut pushed);
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

    #[test]
    fn versions_of_an_application_share_its_endpoints() {
        let family = |topic| Address::parse(topic).unwrap().family();
        assert_eq!(family("kp1/bspu-x-v1/dcx/t/json"), "bspu-x");
        assert_eq!(family("kp1/plain/dcx/t/json"), "plain");
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
