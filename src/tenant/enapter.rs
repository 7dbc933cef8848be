//! Enapter's v1 messages: which one a topic names, and whether its payload is acceptable.
//!
//! Strict and pure. Device messages are never answered, so all that can be said about a bad one
//! is the reason it is counted under. Not here: which command ids are open (`commands`).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{AnyText, Each, object};
use super::kind::Kind;
use super::problem::{INVALID_FIELDS, Problem};

/// There is no `timestamp`.
pub const TIMESTAMP_MISSING: Problem =
    Problem::new("timestamp-missing", 400, "timestamp is missing");
/// `timestamp` is not a whole number of seconds.
pub const TIMESTAMP_NOT_INTEGER: Problem =
    Problem::new("timestamp-not-integer", 400, "timestamp is not an integer");
/// `timestamp` is too large for seconds.
pub const TIMESTAMP_IN_MILLISECONDS: Problem = Problem::new(
    "timestamp-in-milliseconds",
    400,
    "timestamp is not in seconds",
);
/// `alerts` is neither null nor an array of names.
pub const INVALID_ALERTS: Problem = Problem::new(
    "invalid-alerts",
    400,
    "alerts is neither null nor an array of names",
);
/// Seconds beyond this (year 5138) are taken for milliseconds.
const LATEST_SECOND: u64 = 100_000_000_000;

/// Which way a topic points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `v1/from/`: device to cloud.
    From,
    /// `v1/to/`: cloud to device.
    To,
}

/// What an Enapter topic says: `v1/{from|to}/{hardware}/{channel}/{message}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address<'a> {
    /// From or to the device.
    pub direction: Direction,
    /// Hardware ID.
    pub hardware: &'a str,
    /// Channel ID.
    pub channel: &'a str,
    /// The rest, such as `v1/telemetry`.
    pub message: &'a str,
}

impl<'a> Address<'a> {
    /// `None` if the topic (or filter) is not of this form.
    pub fn parse(topic: &'a str) -> Option<Self> {
        let (direction, rest) = match topic.strip_prefix("v1/from/") {
            Some(rest) => (Direction::From, rest),
            None => (Direction::To, topic.strip_prefix("v1/to/")?),
        };
        let mut levels = rest.splitn(3, '/');
        let (hardware, channel) = (levels.next()?, levels.next()?);
        let message = levels.next()?;
        let complete = !hardware.is_empty() && !channel.is_empty() && !message.is_empty();
        complete.then_some(Self {
            direction,
            hardware,
            channel,
            message,
        })
    }

    /// What kind of message this is. [`Kind::Unknown`]: none that the tenant knows.
    pub fn kind(&self) -> Kind {
        match (self.direction, self.message) {
            (Direction::From, "v1/telemetry") => Kind::Telemetry,
            // The documentation has the first, Enapter's own library the second.
            (Direction::From, "v1/properties" | "v1/register") => Kind::Properties,
            (Direction::From, "v3/logs") => Kind::Logs,
            (Direction::From, "v1/command/responses") => Kind::CommandAnswer,
            (Direction::To, "v1/command/requests") => Kind::Command,
            _ => Kind::Unknown,
        }
    }

    /// Appends the text by which an endpoint is known: hardware and channel.
    pub fn write_identity(&self, out: &mut String) {
        out.push_str(self.hardware);
        out.push('/');
        out.push_str(self.channel);
    }
}

/// What a device says about a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Still at it; any number of these.
    Log,
    /// Done. Final.
    Completed,
    /// Failed. Final.
    Error,
}

impl State {
    /// The word in the payload.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Completed => "completed",
            Self::Error => "error",
        }
    }
}

fn check_timestamp(timestamp: Option<&RawValue>) -> Result<(), Problem> {
    let text = timestamp.ok_or(TIMESTAMP_MISSING)?.get();
    match text.parse::<u64>() {
        Ok(seconds) if seconds > LATEST_SECOND => Err(TIMESTAMP_IN_MILLISECONDS),
        Ok(_) => Ok(()),
        Err(_) => Err(TIMESTAMP_NOT_INTEGER),
    }
}

/// Telemetry: an object with `timestamp` in whole seconds; `alerts` null or names.
///
/// # Errors
/// The reason it is refused for.
pub fn check_telemetry(payload: &[u8]) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Telemetry<'a> {
        #[serde(borrow)]
        timestamp: Option<&'a RawValue>,
        #[serde(borrow)]
        alerts: Option<&'a RawValue>,
    }
    let telemetry: Telemetry = object(payload)?;
    check_timestamp(telemetry.timestamp)?;
    match telemetry
        .alerts
        .map(|alerts| serde_json::from_str::<Each<AnyText>>(alerts.get()))
    {
        Some(Err(_)) => Err(INVALID_ALERTS),
        _ => Ok(()),
    }
}

/// Properties: an object with `timestamp` in whole seconds.
///
/// # Errors
/// The reason they are refused for.
pub fn check_properties(payload: &[u8]) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Properties<'a> {
        #[serde(borrow)]
        timestamp: Option<&'a RawValue>,
    }
    check_timestamp(object::<Properties>(payload)?.timestamp)
}

/// Logs: `timestamp`, `message`, `severity` debug to error, and optionally `persist`.
///
/// # Errors
/// The reason they are refused for.
pub fn check_logs(payload: &[u8]) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Logs<'a> {
        #[serde(borrow)]
        timestamp: Option<&'a RawValue>,
        #[serde(rename = "message")]
        _message: AnyText,
        #[serde(borrow)]
        severity: Cow<'a, str>,
        #[serde(rename = "persist")]
        _persist: Option<bool>,
    }
    let logs: Logs = object(payload)?;
    check_timestamp(logs.timestamp)?;
    match &*logs.severity {
        "debug" | "info" | "warning" | "error" => Ok(()),
        _ => Err(INVALID_FIELDS),
    }
}

/// A command request: its `id`.
///
/// # Errors
/// The reason it is refused for.
pub fn check_command(payload: &[u8]) -> Result<Cow<'_, str>, Problem> {
    #[derive(Deserialize)]
    struct Command<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
        #[serde(borrow)]
        name: Cow<'a, str>,
        #[serde(borrow, rename = "arguments")]
        arguments: Option<&'a RawValue>,
    }
    let command: Command = object(payload)?;
    let is_object = |value: &RawValue| value.get().starts_with('{');
    if command.id.is_empty() || command.name.is_empty() || !command.arguments.is_none_or(is_object)
    {
        return Err(INVALID_FIELDS);
    }
    Ok(command.id)
}

/// A command response: the `id` of its command and its `state`.
///
/// # Errors
/// The reason it is refused for.
pub fn check_command_answer(payload: &[u8]) -> Result<(Cow<'_, str>, State), Problem> {
    #[derive(Deserialize)]
    struct CommandAnswer<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
        state: State,
        #[serde(borrow)]
        payload: Option<&'a RawValue>,
    }
    let answer: CommandAnswer = object(payload)?;
    if answer
        .payload
        .is_some_and(|payload| !payload.get().starts_with('{'))
    {
        return Err(INVALID_FIELDS);
    }
    Ok((answer.id, answer.state))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::problem::INVALID_JSON;
    use super::*;

    #[test]
    fn every_topic_of_the_api_has_its_kind() {
        for (topic, kind) in [
            ("v1/from/S01/s/v1/telemetry", Kind::Telemetry),
            ("v1/from/S01/s/v1/properties", Kind::Properties),
            ("v1/from/S01/ucm/v1/register", Kind::Properties),
            ("v1/from/S01/s/v3/logs", Kind::Logs),
            ("v1/from/S01/s/v1/command/responses", Kind::CommandAnswer),
            ("v1/to/S01/s/v1/command/requests", Kind::Command),
            ("v1/from/S01/s/v1/command/requests", Kind::Unknown),
            ("v1/to/S01/s/v1/telemetry", Kind::Unknown),
            ("v1/from/S01/s/v2/telemetry", Kind::Unknown),
        ] {
            let address = Address::parse(topic).unwrap();
            assert_eq!(address.kind(), kind, "{topic}");
            let mut identity = String::new();
            address.write_identity(&mut identity);
            assert_eq!(identity, format!("S01/{}", address.channel));
        }
        for topic in [
            "v1/from",
            "v1/from/S01/s",
            "v1/from/S01/s/",
            "v1/from//s/v1/telemetry",
            "v1/of/S01/s/v1/telemetry",
        ] {
            assert_eq!(Address::parse(topic), None, "{topic}");
        }
    }

    #[test]
    fn telemetry_needs_a_timestamp_in_whole_seconds() {
        for (payload, expected) in [
            (r#"{"timestamp":1759212723,"temperature":23.5}"#, Ok(())),
            (r#"{"timestamp":1759212723,"alerts":null}"#, Ok(())),
            (r#"{"timestamp":1759212723,"alerts":["hot"]}"#, Ok(())),
            (r#" { "timestamp" : 0 } "#, Ok(())),
            (r#"{"temperature":23.5}"#, Err(TIMESTAMP_MISSING)),
            (r#"{"timestamp":null}"#, Err(TIMESTAMP_MISSING)),
            (r#"{"timestamp":"1759212723"}"#, Err(TIMESTAMP_NOT_INTEGER)),
            (r#"{"timestamp":1759212723.5}"#, Err(TIMESTAMP_NOT_INTEGER)),
            (r#"{"timestamp":-1}"#, Err(TIMESTAMP_NOT_INTEGER)),
            (r#"{"timestamp":1e9}"#, Err(TIMESTAMP_NOT_INTEGER)),
            (
                r#"{"timestamp":1759212723000}"#,
                Err(TIMESTAMP_IN_MILLISECONDS),
            ),
            (r#"{"timestamp":1,"alerts":"hot"}"#, Err(INVALID_ALERTS)),
            (r#"{"timestamp":1,"alerts":[1]}"#, Err(INVALID_ALERTS)),
            (r#"{"timestamp":1"#, Err(INVALID_JSON)),
            ("", Err(INVALID_JSON)),
            ("[1,null]", Err(INVALID_FIELDS)),
            ("5", Err(INVALID_FIELDS)),
        ] {
            assert_eq!(check_telemetry(payload.as_bytes()), expected, "{payload}");
        }
        assert_eq!(
            check_telemetry(b"{\"timestamp\":1,\"x\":\"\xff\"}"),
            Err(INVALID_JSON)
        );
    }

    #[test]
    fn properties_and_logs_are_checked() {
        let properties = br#"{"timestamp":1759212723,"vendor":"Enapter","fw_ver":"7.5.0"}"#;
        assert_eq!(check_properties(properties), Ok(()));
        assert_eq!(check_properties(b"{}"), Err(TIMESTAMP_MISSING));
        let logs = |severity: &str| {
            let text = format!(
                r#"{{"timestamp":1,"message":"m","severity":"{severity}","persist":false}}"#
            );
            check_logs(text.as_bytes())
        };
        assert_eq!(logs("warning"), Ok(()));
        assert_eq!(logs("fatal"), Err(INVALID_FIELDS));
        assert_eq!(check_logs(br#"{"timestamp":1}"#), Err(INVALID_FIELDS));
    }

    #[test]
    fn command_requests_and_responses_are_checked() {
        fn request(text: &str) -> Result<Cow<'_, str>, Problem> {
            check_command(text.as_bytes())
        }
        fn answer(text: &str) -> Result<(Cow<'_, str>, State), Problem> {
            check_command_answer(text.as_bytes())
        }
        assert_eq!(
            request(r#"{"id":"a","name":"set_power","arguments":{"power":5}}"#),
            Ok("a".into())
        );
        assert_eq!(
            request(r#"{"id":"a","name":"n","arguments":null}"#),
            Ok("a".into())
        );
        assert_eq!(
            request(r#"{"id":"a","name":"n","expires":1}"#),
            Ok("a".into())
        );
        for bad in [
            r#"{"id":1,"name":"n"}"#,
            r#"{"id":"a"}"#,
            r#"{"id":"","name":"n"}"#,
            r#"{"id":"a","name":"n","arguments":[]}"#,
        ] {
            assert_eq!(request(bad), Err(INVALID_FIELDS), "{bad}");
        }
        assert_eq!(
            answer(r#"{"id":"a","state":"log"}"#),
            Ok(("a".into(), State::Log))
        );
        assert_eq!(
            answer(r#"{"id":"a","state":"completed","payload":{"result":1}}"#),
            Ok(("a".into(), State::Completed))
        );
        assert_eq!(
            answer(r#"{"id":"a","state":"error"}"#),
            Ok(("a".into(), State::Error))
        );
        for bad in [
            r#"{"id":"a","state":"done"}"#,
            r#"{"state":"log"}"#,
            r#"{"id":"a","state":"log","payload":5}"#,
        ] {
            assert_eq!(answer(bad), Err(INVALID_FIELDS), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_payload_is_judged_without_a_panic(payload: Vec<u8>) {
            let _ = check_telemetry(&payload);
            let _ = check_logs(&payload);
            let _ = check_command(&payload);
            let _ = check_command_answer(&payload);
        }
    }
}
