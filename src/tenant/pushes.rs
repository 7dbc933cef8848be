//! What the tenant sends by itself: commands and configurations for random endpoints, and
//! configurations for those that have just come.
//!
//! Makes the message; not here: when (`timers`), and whether it reaches anybody (`router`).

use std::fmt::Write as _;

use super::configuration::{Content, Which};
use super::endpoints::EndpointId;
use super::instances::{Extension, InstanceId};
use super::outstanding::{TypeId, Wanted, write_arguments};
use super::platforms::Platforms;
use super::watch::Place;

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
    /// New commands or configurations in it.
    pub items: u64,
    /// Commands in it that were pushed before.
    pub repeated: u64,
}

impl Platforms {
    /// Makes up commands for a random endpoint. `None`: no endpoint yet, or it does not want to be
    /// told of them.
    pub fn push_command(&mut self) -> Option<Push> {
        let position = self.random.below(self.things.len() + self.devices.len());
        self.topic.clear();
        self.payload.clear();
        let command_type = self.command_turn % self.rules.command_types.len().max(1);
        self.command_turn = self.command_turn.wrapping_add(1);
        let amount = self.amount();
        match position.checked_sub(self.things.len()) {
            None => {
                let endpoint = *self.things.get(position)?;
                self.push_kaa_commands(endpoint, command_type as TypeId, amount)
            }
            Some(position) => {
                let endpoint = *self.devices.get(position)?;
                self.write_enapter_command(endpoint, command_type, amount)?;
                Some(Push {
                    name: "command",
                    endpoint,
                    way: Way::ToSubscriber,
                    items: 1,
                    repeated: 0,
                })
            }
        }
    }

    fn amount(&mut self) -> u32 {
        self.random.below(101) as u32 * 50
    }

    /// Commands for a Kaa endpoint, with all that is outstanding or without.
    fn push_kaa_commands(
        &mut self,
        endpoint: EndpointId,
        command_type: TypeId,
        amount: u32,
    ) -> Option<Push> {
        let mut amounts = vec![amount];
        amounts.extend((1..self.rules.commands_per_push).map(|_| self.amount()));
        let share = self.rules.command_redelivery;
        let repeats = share > 0.0 && self.random.chance(share);

        let commands = &mut self.endpoints.thing(endpoint)?.commands;
        let first = self.rules.instances.first(Extension::Commands);
        let instance = commands.instance().unwrap_or(first);
        commands.add(instance, command_type, &amounts);
        let (wanted, place) = commands.told(instance, command_type)?;
        let count = match commands.count(instance, command_type) {
            all if repeats => all,
            all => amounts.len().min(all),
        };
        let line = (instance, command_type);
        let types = &self.rules.command_types;
        commands.write_latest(line, count, wanted, types, &mut self.payload);

        self.write_kaa_topic(endpoint, instance, "command");
        if wanted != Wanted::All {
            self.topic.push('/');
            self.topic
                .push_str(&self.rules.command_types[usize::from(command_type)]);
        }
        self.end_kaa_topic(place);
        Some(Push {
            name: "command",
            endpoint,
            way: Way::AsReply,
            items: amounts.len() as u64,
            repeated: count.saturating_sub(amounts.len()) as u64,
        })
    }

    /// Makes up a configuration for a random Kaa endpoint: settings, or any other that it ever
    /// spoke of. `None`: no endpoint yet, or it does not want to be told.
    pub fn push_config(&mut self) -> Option<Push> {
        let position = self.random.below(self.things.len());
        let endpoint = *self.things.get(position)?;
        let interval = 1 + self.random.below(60) as u32;
        let first = self.rules.instances.first(Extension::Configuration);
        let all = &mut self.endpoints.thing(endpoint)?.configurations;
        all.ensure_settings(first, self.rules.on_connect);
        let place = match all.len() {
            1 => 0,
            more => self.random.below(more),
        };
        all.at(place)?.advance(interval);
        self.write_configuration(endpoint, place)
    }

    /// The next configuration for an endpoint that has just come, if it has not applied it.
    pub fn greet(&mut self) -> Option<Push> {
        loop {
            let (endpoint, place) = self.greeted?;
            let Some(configuration) = self.endpoints.thing(endpoint)?.configurations.at(place)
            else {
                self.greeted = None;
                return None;
            };
            let is_due = configuration.is_due();
            self.greeted = Some((endpoint, place + 1));
            if is_due && let Some(push) = self.write_configuration(endpoint, place) {
                return Some(push);
            }
        }
    }

    /// Writes the configuration at this place of an endpoint as a push. `None`: the endpoint does
    /// not want to be told.
    fn write_configuration(&mut self, endpoint: EndpointId, place: usize) -> Option<Push> {
        self.topic.clear();
        self.payload.clear();
        let all = &mut self.endpoints.thing(endpoint)?.configurations;
        let instance = all.at(place)?.which().instance;
        self.write_kaa_topic(endpoint, instance, "config/json");
        let configuration = self.endpoints.thing(endpoint)?.configurations.at(place)?;
        let told = configuration.watch.place()?;
        configuration.write(&mut self.payload);
        let Which { content, name, .. } = configuration.which();
        if let Some(name) = name {
            self.topic.push('/');
            self.topic.push_str(name);
        }
        self.end_kaa_topic(told);
        Some(Push {
            name: match content {
                Content::Settings => "config",
                Content::Software => "ota-config",
            },
            endpoint,
            way: Way::AsReply,
            items: 1,
            repeated: 0,
        })
    }

    /// The topic of a push up to its resource (1/KP).
    fn write_kaa_topic(&mut self, endpoint: EndpointId, instance: InstanceId, resource: &str) {
        let application = self.endpoints.application(endpoint);
        let instance = self.rules.instances.name(instance);
        let identity = self.endpoints.identity(endpoint);
        let token = identity.rsplit('/').next().unwrap_or_default();
        for part in [
            "kp1/",
            application,
            "/",
            instance,
            "/",
            token,
            "/",
            resource,
        ] {
            self.topic.push_str(part);
        }
    }

    /// It ends as a reply's: with the ID of the request that asked to be told, or without.
    fn end_kaa_topic(&mut self, place: Place) {
        // Writing into a String cannot fail.
        let _ = match place {
            Place::Resource => write!(self.topic, "/status"),
            Place::Request(id) => write!(self.topic, "/{id}/status"),
        };
    }

    fn write_enapter_command(
        &mut self,
        device: EndpointId,
        command_type: usize,
        amount: u32,
    ) -> Option<()> {
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
        let name = self.rules.command_types.get(command_type)?;
        let start = format!(r#"{{"id":"{id}","name":"{name}","arguments":"#);
        self.payload.extend_from_slice(start.as_bytes());
        write_arguments(name, amount, &mut self.payload);
        self.payload.push(b'}');
        Some(())
    }
}
