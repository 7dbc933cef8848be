//! What MQTT 5 says beside a connection and beside a message: the types alone. 3.1.1 has none of it.
//!
//! Not here: reading them from TOML (`read::properties`), and their bytes (the plan and the codec).

use std::collections::BTreeMap;

/// The word in a profile for the correlation data of a message, where an ID may stand (MQTT 5,
/// section 3.3.2.3.6).
pub const CORRELATION_DATA: &str = "correlation-data";

/// What every connection says of itself (MQTT 5, sections 3.1.2.11 and 3.8.3.1).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Session {
    /// Seconds for which the session outlives its connection; all bits 1: for ever. `None`: not said,
    /// which means 0.
    pub expiry_s: Option<u32>,
    /// Messages of `QoS` 1 and 2 that the target may send before one is acknowledged; not 0. `None`:
    /// 65,535.
    pub receive_maximum: Option<u16>,
    /// Highest topic alias that the target may use. `None`: 0.
    pub topic_alias_maximum: Option<u16>,
    /// Values by name: templates of what is fixed for an endpoint.
    pub user_properties: BTreeMap<String, String>,
    /// Messages of the connection itself are not delivered to it.
    pub no_local: bool,
    /// Delivered messages keep the retain flag that they were published with.
    pub retain_as_published: bool,
    /// Which retained messages a subscription brings.
    pub retained: Retained,
}

/// Which retained messages are delivered because somebody subscribes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Retained {
    /// All that fit, at each SUBSCRIBE.
    #[default]
    Always,
    /// Those that fit a subscription which did not exist before.
    New,
    /// None.
    Never,
}

/// What goes with a message (MQTT 5, section 3.3.2.3).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MessageProperties {
    /// Whether the payload is said to be text; `None`: nothing is said.
    pub text: Option<bool>,
    /// Seconds after which the message is of no use any more.
    pub expiry_s: Option<u32>,
    /// Template of what the payload is.
    pub content_type: Option<String>,
    /// Template of the topic that replies are asked for on.
    pub response_topic: Option<String>,
    /// Values by name: templates.
    pub user_properties: BTreeMap<String, String>,
}
