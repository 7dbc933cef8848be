//! The hand-written cases: what is sent, and what has to come back.
//!
//! `kaa.json` says what its words mean. Not here: who sends it.

use serde::Deserialize;
use serde_json::Value;

use crate::client::Message;

/// Cases for tenants that are started alike.
#[derive(Debug, Deserialize)]
pub struct Group {
    /// Flags of the tenant.
    pub tenant: Vec<String>,
    pub cases: Vec<Case>,
}

/// What one endpoint does, step by step.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// Number of the resource in the specification's table; 0: rules of all.
    pub row: u32,
    pub name: String,
    pub steps: Vec<Step>,
}

/// A request and its reply.
#[derive(Debug, Clone, Deserialize)]
pub struct Step {
    pub send: String,
    pub payload: String,
    /// Topic of the reply; none: silence.
    pub reply: Option<String>,
    /// Silence is right too.
    #[serde(default)]
    pub optional: bool,
    #[serde(flatten)]
    pub expected: Expected,
}

/// What a reply's payload has to be. Exactly one of these, or none for silence.
#[derive(Debug, Clone, Deserialize)]
pub struct Expected {
    exactly: Option<String>,
    json: Option<Value>,
    set: Option<Vec<String>>,
    holds: Option<Value>,
    strings: Option<Vec<String>>,
    #[serde(default)]
    error: bool,
}

/// All groups of `kaa.json`.
pub fn kaa() -> Vec<Group> {
    #[derive(Deserialize)]
    struct File {
        groups: Vec<Group>,
    }
    let file: File = serde_json::from_str(include_str!("kaa.json")).expect("kaa.json");
    file.groups
}

/// What devices report, and whether the tenant takes it.
#[derive(Debug, Deserialize)]
pub struct Reports {
    pub reports: Vec<Report>,
    /// By the tenant, as received.
    pub counted: Value,
}

/// One message of a device.
#[derive(Debug, Deserialize)]
pub struct Report {
    pub send: String,
    pub payload: String,
    /// Why the tenant does not take it.
    pub refused: Option<String>,
}

/// `enapter.json`
pub fn enapter() -> Reports {
    serde_json::from_str(include_str!("enapter.json")).expect("enapter.json")
}

impl Report {
    /// Whether it reaches those who subscribed to it: a broker passes everything on.
    pub fn goes_on(&self, delivery: &str) -> bool {
        self.refused.is_none() || delivery == "broker"
    }
}

impl Step {
    /// The step of this endpoint.
    pub fn of(&self, token: &str) -> Self {
        let with_token = |topic: &String| topic.replace("{token}", token);
        Self {
            send: with_token(&self.send),
            reply: self.reply.as_ref().map(with_token),
            ..self.clone()
        }
    }

    /// Fails unless this is the reply, in its request's QoS.
    #[track_caller]
    pub fn is_answered_by(&self, message: &Message, qos: u8, case: &str) {
        let place = format!("{case}\n{self:?}\n{message:?}");
        assert_eq!(Some(&message.topic), self.reply.as_ref(), "{place}");
        assert_eq!((message.qos, message.retain), (qos, false), "{place}");
        self.expected.holds_for(message, &place);
    }

    /// Whether silence is right.
    pub fn may_be_silent(&self) -> bool {
        self.optional || self.reply.is_none()
    }
}

impl Expected {
    #[track_caller]
    fn holds_for(&self, message: &Message, place: &str) {
        let mut checks = 0;
        if let Some(bytes) = &self.exactly {
            assert_eq!(&message.payload, bytes, "{place}");
            checks += 1;
        }
        if let Some(value) = &self.json {
            assert_eq!(&message.json(), value, "{place}");
            checks += 1;
        }
        if let Some(texts) = &self.set {
            let value = message.json();
            let mut found: Vec<_> = value.as_array().expect(place).iter().collect();
            found.sort_by_key(|value| value.as_str().expect(place));
            assert_eq!(found, texts.iter().collect::<Vec<_>>(), "{place}");
            checks += 1;
        }
        if let Some(members) = &self.holds {
            for (name, value) in members.as_object().expect("an object") {
                assert_eq!(message.json().get(name), Some(value), "{name}\n{place}");
            }
            checks += 1;
        }
        if let Some(names) = &self.strings {
            for name in names {
                let text = message.json()[name].as_str().map(str::len);
                assert!(text.is_some_and(|length| length > 0), "{name}\n{place}");
            }
            checks += 1;
        }
        if self.error {
            is_error(message, place);
            checks += 1;
        }
        assert_eq!(checks, 1, "a fixture expects one thing\n{place}");
    }
}

#[track_caller]
fn is_error(message: &Message, place: &str) {
    let error = message.json();
    let members = error.as_object().expect(place);
    assert_eq!(members.len(), 2, "{place}");
    let status = members["statusCode"].as_u64().expect(place);
    assert!((400..600).contains(&status), "{place}");
    let reason = members["reasonPhrase"].as_str().expect(place);
    assert!(!reason.is_empty(), "{place}");
}
