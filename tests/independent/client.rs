//! One connection of Eclipse Paho, as a value: publish, subscribe, what came.
//!
//! Not here: what should come (see `fixtures`).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::script::Script;

/// A message as Paho got it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Message {
    pub topic: String,
    pub payload: String,
    pub qos: u8,
    pub retain: bool,
}

impl Message {
    /// Not retained.
    pub fn new(topic: &str, payload: &str, qos: u8) -> Self {
        Self {
            topic: topic.to_owned(),
            payload: payload.to_owned(),
            qos,
            retain: false,
        }
    }

    /// The payload, which must be JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.payload).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A client that is connected.
#[derive(Debug)]
pub struct Client(Script);

impl Client {
    /// Connects to `mqtt://127.0.0.1:PORT` with an empty client id and a clean session.
    #[track_caller]
    pub fn connect(url: &str) -> Self {
        let mut script = Script::start("client.py", [""; 0]);
        script.ask(&json!({"do": "connect", "port": port(url), "client_id": ""}));
        Self(script)
    }

    /// Subscribes; the QoS that was asked for must be granted.
    #[track_caller]
    pub fn subscribe(&mut self, filter: &str, qos: u8) {
        let step = json!({"do": "subscribe", "filter": filter, "qos": qos});
        assert_eq!(self.0.ask(&step)["granted"], qos, "{filter}");
    }

    /// Publishes; returns when it is acknowledged, or written with QoS 0.
    #[track_caller]
    pub fn publish(&mut self, topic: &str, payload: &str, qos: u8) {
        let step = json!({"do": "publish", "topic": topic, "payload": payload, "qos": qos});
        self.0.ask(&step);
    }

    /// The next message, which must come.
    #[track_caller]
    pub fn next(&mut self) -> Message {
        let mut answer = self.0.ask(&json!({"do": "next"}));
        let message: Option<Message> =
            serde_json::from_value(answer["message"].take()).expect("a message");
        message.expect("a message should have come")
    }

    /// Returns when the other side has handled all that it was sent, and all its replies are here.
    #[track_caller]
    pub fn fence(&mut self) {
        self.0.ask(&json!({"do": "fence"}));
    }

    /// What has come and was not asked for yet.
    #[track_caller]
    pub fn waiting(&mut self) -> Vec<Message> {
        let mut answer = self.0.ask(&json!({"do": "waiting"}));
        serde_json::from_value(answer["messages"].take()).expect("messages")
    }

    /// What else has come, once the other side has handled everything.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<Message> {
        self.fence();
        self.waiting()
    }
}

/// The port of `mqtt://127.0.0.1:PORT`.
pub fn port(url: &str) -> u16 {
    let (_, port) = url.rsplit_once(':').expect("a URL with a port");
    port.parse().expect("a port")
}
