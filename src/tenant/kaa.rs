//! Kaa's kp1 requests: which one a topic names, and whether its payload is acceptable.
//!
//! Strict and pure. Served are data collection (RFC 2/DCP) and endpoint metadata (RFC 10/EPMP);
//! everything else is an unknown path. Not here: the endpoint's state (`metadata`), who gets the
//! reply, faults.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::kind::Kind;
use super::metadata::Action;
use super::options::{Paths, TenantOptions};
use super::problem::{self, Problem};

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
/// Neither a number nor a number and a unit.
pub const INVALID_VALUE: Problem = Problem::new(
    "invalid-value",
    400,
    "Payload is not a number with an optional unit",
);
/// Not what the metadata resource asks for.
pub const INVALID_METADATA: Problem = Problem::new(
    "invalid-metadata",
    400,
    "Payload does not follow the schema",
);
/// A key with other characters than letters, digits and the underscore.
pub const INVALID_KEY: Problem =
    Problem::new("invalid-key", 400, "Key name does not match [a-zA-Z0-9_]+");
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
            ("dcx", "json") => (Kind::DcxJson, valid_json(payload).map(|()| Action::Accept)),
            ("dcx", path) => self.decide_plain(path, payload),
            ("epmx", "get") => (Kind::MetadataGet, wanted_keys(payload)),
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
            ("epmx", _) => (Kind::Unknown, Err(UNKNOWN_PATH)),
            _ => (Kind::Unknown, Err(UNKNOWN_EXTENSION)),
        }
    }

    fn decide_plain(&self, path: &str, payload: &[u8]) -> (Kind, Result<Action, Problem>) {
        match path.strip_prefix("plain/") {
            Some(metric) if self.paths == Paths::Relaxed && !metric.contains('/') => (
                Kind::DcxPlain,
                valid_measurement(payload).map(|()| Action::Accept),
            ),
            _ => (Kind::Unknown, Err(UNKNOWN_PATH)),
        }
    }

    fn written_values(&self, payload: &[u8]) -> Result<BTreeMap<String, Box<RawValue>>, Problem> {
        valid_json(payload)?;
        let values: BTreeMap<String, Box<RawValue>> =
            serde_json::from_slice(payload).map_err(|_| INVALID_METADATA)?;
        if values.is_empty() {
            return Err(INVALID_METADATA);
        }
        self.writable(values.keys())?;
        Ok(values)
    }

    fn deleted_keys(&self, payload: &[u8]) -> Result<Action, Problem> {
        valid_json(payload)?;
        let keys: Vec<String> = serde_json::from_slice(payload).map_err(|_| INVALID_METADATA)?;
        let unique: BTreeSet<&String> = keys.iter().collect();
        if keys.is_empty() || unique.len() != keys.len() {
            return Err(INVALID_METADATA);
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

/// `^[a-zA-Z0-9_]+$` (RFC 10/EPMP).
fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// One JSON value and nothing else (RFC 8259).
fn valid_json(payload: &[u8]) -> Result<(), Problem> {
    // Ignored strings are not checked for UTF-8 by the parser.
    let text = std::str::from_utf8(payload).map_err(|_| problem::INVALID_JSON)?;
    serde_json::from_str::<IgnoredAny>(text)
        .map(|_| ())
        .map_err(|_| problem::INVALID_JSON)
}

/// A number, or a number and a unit without anything between them: `200`, `47%`, `20m`.
fn valid_measurement(payload: &[u8]) -> Result<(), Problem> {
    let text = std::str::from_utf8(payload).map_err(|_| INVALID_VALUE)?;
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+');
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let is_number = number.parse::<f64>().is_ok_and(f64::is_finite);
    if is_number && !unit.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Ok(())
    } else {
        Err(INVALID_VALUE)
    }
}

/// The body of a get: nothing, `{}`, or `{"keys":[..]}`.
fn wanted_keys(payload: &[u8]) -> Result<Action, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        keys: Option<Vec<String>>,
    }
    if payload.is_empty() {
        return Ok(Action::Get(None));
    }
    valid_json(payload)?;
    // A derived struct would also take an array.
    if payload.trim_ascii_start().first() != Some(&b'{') {
        return Err(INVALID_METADATA);
    }
    let wanted: Wanted = serde_json::from_slice(payload).map_err(|_| INVALID_METADATA)?;
    if wanted.keys.iter().flatten().any(|key| !is_key(key)) {
        return Err(INVALID_KEY);
    }
    Ok(Action::Get(wanted.keys))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::metadata::Metadata;
    use super::*;

    /// One endpoint and its rules; `ask` gives the reply's topic suffix and payload.
    struct Endpoint {
        rules: Rules,
        metadata: Metadata,
    }

    impl Endpoint {
        fn new(flags: &[(&str, &str)]) -> Self {
            let mut options = TenantOptions::default();
            for (flag, value) in flags {
                options.set(flag, value).unwrap();
            }
            Self {
                rules: Rules::new(&options),
                metadata: Metadata::default(),
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
                .and_then(|action| self.metadata.perform(action, &mut body));
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
