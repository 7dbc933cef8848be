//! What the tenant sends by itself: commands and configurations for random endpoints.
//!
//! Makes the message; not here: when (`timers`), and whether it reaches anybody (`router`).

use std::io::Write as _;

use super::configuration::Content;
use super::endpoints::EndpointId;
use super::platforms::Platforms;
use super::thing::COMMAND_TYPE;

/// How a push finds its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As a reply would: over the connection that speaks for it.
    AsReply,
    /// Over the connection that subscribed, if there is one.
    ToSubscriber,
}

/// A push; topic and payload are in [`Platforms`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Push {
    /// Its name in the report.
    pub name: &'static str,
    /// Whom it is for.
    pub endpoint: EndpointId,
    /// How it gets there.
    pub way: Way,
}

impl Platforms {
    /// Makes up a command for a random endpoint. `None`: no endpoint yet.
    pub fn push_command(&mut self) -> Option<Push> {
        let position = self.random.below(self.things.len() + self.devices.len());
        self.topic.clear();
        self.payload.clear();
        let power = self.random.below(101) as u32 * 50;
        match position.checked_sub(self.things.len()) {
            None => {
                let endpoint = *self.things.get(position)?;
                self.write_kaa_topic(endpoint, "cex", &["command/", COMMAND_TYPE]);
                self.endpoints
                    .thing(endpoint)?
                    .next_command(power, &mut self.payload);
                Some(Push {
                    name: "command",
                    endpoint,
                    way: Way::AsReply,
                })
            }
            Some(position) => {
                let endpoint = *self.devices.get(position)?;
                self.write_enapter_command(endpoint, power)?;
                Some(Push {
                    name: "command",
                    endpoint,
                    way: Way::ToSubscriber,
                })
            }
        }
    }

    /// Makes up a configuration for a random Kaa endpoint, or software if it ever spoke of such.
    /// `None`: no endpoint yet.
    pub fn push_config(&mut self) -> Option<Push> {
        let position = self.random.below(self.things.len());
        let endpoint = *self.things.get(position)?;
        self.topic.clear();
        self.payload.clear();
        let interval = 1 + self.random.below(60) as u32;
        let uses_software = self.endpoints.thing(endpoint)?.uses_software();
        let (content, name) = if uses_software && self.random.below(2) == 1 {
            (Content::Software, "ota-config")
        } else {
            (Content::Settings, "config")
        };
        self.write_kaa_topic(endpoint, content.extension(), &["config/json"]);
        self.endpoints
            .thing(endpoint)?
            .next_config(content, interval, &mut self.payload);
        Some(Push {
            name,
            endpoint,
            way: Way::AsReply,
        })
    }

    /// The topic of a push has no request ID and ends as a reply's does (1/KP).
    fn write_kaa_topic(&mut self, endpoint: EndpointId, extension: &str, resource: &[&str]) {
        let application = self.endpoints.application(endpoint);
        let token = self
            .endpoints
            .identity(endpoint)
            .rsplit('/')
            .next()
            .unwrap_or_default();
        for part in ["kp1/", application, "/", extension, "/", token, "/"] {
            self.topic.push_str(part);
        }
        for part in resource {
            self.topic.push_str(part);
        }
        self.topic.push_str("/status");
    }

    fn write_enapter_command(&mut self, device: EndpointId, power: u32) -> Option<()> {
        let high = u128::from(self.random.word()) << 64;
        let bytes = (high | u128::from(self.random.word())).to_be_bytes();
        let id = uuid::Builder::from_random_bytes(bytes)
            .into_uuid()
            .to_string();
        self.open_command(device, &id).ok()?;
        for part in [
            "v1/to/",
            self.endpoints.identity(device),
            "/v1/command/requests",
        ] {
            self.topic.push_str(part);
        }
        // Writing into a Vec cannot fail.
        let _ = write!(
            self.payload,
            r#"{{"id":"{id}","name":"{COMMAND_TYPE}","arguments":{{"power":{power}}}}}"#
        );
        Some(())
    }
}
