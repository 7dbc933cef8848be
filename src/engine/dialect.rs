//! Which MQTT a run speaks, and what only MQTT 5 has: what CONNECT says, the target's terms, aliases of
//! topics and messages with properties. Section numbers are those of 5.0.
//!
//! A run of 3.1.1 passes all of it by: its connections have [`AllTerms::NONE`], its messages no
//! properties and its requests no alias. Not here: packets (the codec), and reasons (`failure`).

use std::collections::HashMap;

use super::connection::State;
use super::exchange::Ticket;
use super::terms::{AllTerms, Terms};
use super::worker::Worker;
use crate::measure::{DropReason, FailReason};
use crate::mqtt::{
    ConnAck, EncodeError, Property, PropertyList, Publish, Qos, RetainHandling, SubscribeOptions,
    Version,
};
use crate::plan::{Heard, Plan, Request, TopicAs, Will};
use crate::profile::{Profile, Protocol, Retained};

/// What a worker has to know of its connections beside their rows.
#[derive(Debug)]
pub(super) struct Dialect {
    pub version: Version,
    terms: AllTerms,
    aliases: Aliases,
    /// Client identifiers that the target made up, by connection: a session is found again by them.
    assigned: HashMap<u32, Box<str>>,
}

/// Which numbers stand for which topics, by us to the target (section 3.3.2.3.4).
#[derive(Debug)]
struct Aliases {
    /// Requests that have one.
    requests: usize,
    /// Per endpoint and request with an alias: the generation of the connection that was told.
    told: Vec<u16>,
    /// Told in frames of which it is not known yet that the kernel takes them.
    under_way: Vec<Telling>,
}

#[derive(Debug)]
struct Telling {
    connection: u32,
    generation: u16,
    place: usize,
}

impl Dialect {
    /// For so many endpoints.
    pub(super) fn new(profile: &Profile, plan: &Plan, endpoints: usize) -> Self {
        let requests = plan.requests.iter().filter_map(Request::alias).count();
        Self {
            version: match profile.target.protocol {
                Protocol::V311 => Version::V311,
                Protocol::V5 => Version::V5,
            },
            terms: AllTerms::new(),
            aliases: Aliases {
                requests,
                told: vec![0; endpoints * requests],
                under_way: Vec::new(),
            },
            assigned: HashMap::new(),
        }
    }
}

impl Worker<'_> {
    /// What CONNECT says beside its fields, and what goes with its will (sections 3.1.2.11 and 3.1.3.2).
    pub(super) fn connect_properties(
        &self,
        endpoint: u32,
        will: Option<&Will>,
    ) -> Result<[PropertyList; 2], EncodeError> {
        let (mut own, mut of_will) = (PropertyList::new(), PropertyList::new());
        let profile = &self.settings.profile;
        if self.dialect.version == Version::V311 {
            return Ok([own, of_will]);
        }
        let session = &profile.fleet.session;
        let packet_max = u32::try_from(profile.limits.packet_size).unwrap_or(u32::MAX);
        own.push(Property::MaximumPacketSize(packet_max))?;
        if let Some(seconds) = session.expiry_s {
            own.push(Property::SessionExpiryInterval(seconds))?;
        }
        if let Some(messages) = session.receive_maximum {
            own.push(Property::ReceiveMaximum(messages))?;
        }
        if let Some(highest) = session.topic_alias_maximum {
            own.push(Property::TopicAliasMaximum(highest))?;
        }
        for (name, value) in self.plan.user_properties(endpoint) {
            own.push(Property::UserProperty((name.as_str(), value.as_str())))?;
        }
        if let (Some(will), Some(said)) = (will, &profile.fleet.will) {
            if let Some(seconds) = said.delay_s {
                of_will.push(Property::WillDelayInterval(seconds))?;
            }
            if let Some(text) = said.properties.text {
                of_will.push(Property::PayloadFormatIndicator(text))?;
            }
            if let Some(seconds) = said.properties.expiry_s {
                of_will.push(Property::MessageExpiryInterval(seconds))?;
            }
            if let Some(text) = &will.content_type {
                of_will.push(Property::ContentType(text))?;
            }
            if let Some(topic) = &will.response_topic {
                of_will.push(Property::ResponseTopic(topic))?;
            }
            for (name, value) in &will.user_properties {
                of_will.push(Property::UserProperty((name.as_str(), value.as_str())))?;
            }
        }
        Ok([own, of_will])
    }

    /// Whether CONNECT begins a new session. In 3.1.1 there is none without a client identifier.
    pub(super) fn clean_start(&self, client_id: &str) -> bool {
        let nameless = client_id.is_empty() && self.dialect.version == Version::V311;
        self.settings.profile.fleet.clean_start || nameless
    }

    /// Whether sessions outlive their connections. In 5.0 they do for as long as is said, which is not
    /// at all where nothing is (section 3.1.2.11.2).
    pub(super) fn sessions_last(&self) -> bool {
        let fleet = &self.settings.profile.fleet;
        let kept = self.dialect.version == Version::V311 || fleet.session.expiry_s > Some(0);
        !fleet.clean_start && kept
    }

    /// The client identifier that the target has made up for this connection before, if the profile
    /// leaves it to the target.
    pub(super) fn recall_client_id(&self, connection: u32, client_id: &mut String) {
        if client_id.is_empty()
            && let Some(assigned) = self.dialect.assigned.get(&connection)
        {
            client_id.push_str(assigned);
        }
    }

    /// Keeps what an accepting CONNACK says.
    pub(super) fn agree(&mut self, connection: u32, connack: &ConnAck<'_>) {
        if self.dialect.version == Version::V311 {
            return;
        }
        let row = &mut self.connections[connection as usize];
        row.terms = self.dialect.terms.note(Terms::of(connack));
        let kept = !self.settings.profile.fleet.clean_start;
        for property in connack.properties.iter() {
            match property {
                Property::AssignedClientIdentifier(assigned) => {
                    self.dialect.assigned.insert(connection, assigned.into());
                }
                // Instead of what was asked for (section 3.2.2.3.2).
                Property::SessionExpiryInterval(seconds) => row.session = kept && seconds > 0,
                _ => {}
            }
        }
    }

    /// What a connection's target allows and asks for.
    pub(super) fn terms_of(&self, connection: u32) -> &Terms {
        let row = &self.connections[connection as usize];
        self.dialect.terms.get(row.terms)
    }

    /// How a filter is subscribed to (section 3.8.3.1).
    pub(super) fn subscribe_options(&self, filter: &str, qos: Qos) -> SubscribeOptions {
        let session = &self.settings.profile.fleet.session;
        SubscribeOptions {
            // Not with a shared subscription [MQTT-3.8.3-4].
            no_local: session.no_local && !filter.starts_with("$share/"),
            retain_as_published: session.retain_as_published,
            retain_handling: match session.retained {
                Retained::Always => RetainHandling::Always,
                Retained::New => RetainHandling::IfNew,
                Retained::Never => RetainHandling::Never,
            },
            ..SubscribeOptions::from(qos)
        }
    }

    /// Whether the target takes such a message now.
    #[inline]
    pub(super) fn is_allowed(&self, connection: u32, request: &Request) -> Result<(), DropReason> {
        let row = &self.connections[connection as usize];
        if row.terms == AllTerms::NONE {
            return Ok(());
        }
        let terms = self.dialect.terms.get(row.terms);
        if request.qos > terms.qos_max || request.retain && !terms.retains {
            Err(DropReason::NotSupported)
        } else if request.qos > 0 && row.unacknowledged >= terms.receive_max {
            Err(DropReason::BackPressure)
        } else {
            Ok(())
        }
    }

    /// Whether the target takes no packet as long as the one that was rendered last.
    #[inline]
    pub(super) fn is_too_long(&self, connection: u32) -> bool {
        let row = &self.connections[connection as usize];
        row.terms != AllTerms::NONE
            && self.batch.unmarked() > self.dialect.terms.get(row.terms).packet_max as usize
    }

    /// Undoes what was done for a message that cannot be sent as it was rendered.
    #[cold]
    pub(super) fn take_back(
        &mut self,
        connection: u32,
        packet_id: u16,
        ticket: Option<Ticket>,
        topic: TopicAs,
    ) {
        self.batch.take_back();
        self.tells_nothing(topic);
        let row = &mut self.connections[connection as usize];
        if packet_id > 0
            && let Some(slot) = self.acks.find(row.acks, packet_id)
        {
            self.acks.remove(&mut row.acks, slot);
            row.unacknowledged -= 1;
        }
        if let Some(ticket) = ticket {
            self.end_exchange(ticket.slot);
        }
    }

    /// How the next packet of a request says its topic.
    #[inline]
    pub(super) fn topic_as(
        &mut self,
        endpoint: u32,
        connection: u32,
        request: &Request,
    ) -> TopicAs {
        match request.alias() {
            Some(alias) => self.topic_or_alias(endpoint, connection, alias),
            None => TopicAs::Name,
        }
    }

    fn topic_or_alias(&mut self, endpoint: u32, connection: u32, alias: u16) -> TopicAs {
        let row = &self.connections[connection as usize];
        if alias > self.dialect.terms.get(row.terms).alias_max {
            return TopicAs::Name;
        }
        let aliases = &mut self.dialect.aliases;
        let place = endpoint as usize * aliases.requests + usize::from(alias - 1);
        if aliases.told[place] == row.generation {
            return TopicAs::Alias;
        }
        aliases.under_way.push(Telling {
            connection,
            generation: row.generation,
            place,
        });
        TopicAs::Introduced
    }

    /// A frame of this connection was taken back: nothing is told by it.
    fn tells_nothing(&mut self, topic: TopicAs) {
        if topic == TopicAs::Introduced {
            self.dialect.aliases.under_way.pop();
        }
    }

    /// A connection's frames were given to the kernel, as far as it took them. A frame that waits may
    /// never leave, so what it tells is told once more.
    #[inline]
    pub(super) fn may_have_told(&mut self, connection: u32) {
        if !self.dialect.aliases.under_way.is_empty() {
            self.has_told(connection);
        }
    }

    fn has_told(&mut self, connection: u32) {
        let row = &self.connections[connection as usize];
        let taken = row.state == State::Up && row.backlog() == 0;
        let Aliases {
            told, under_way, ..
        } = &mut self.dialect.aliases;
        under_way.retain(|telling| {
            let mine = telling.connection == connection;
            if mine && taken && telling.generation == row.generation {
                told[telling.place] = telling.generation;
            }
            !mine
        });
    }

    /// A message from the target that has properties.
    pub(super) fn message_with_properties(
        &mut self,
        connection: u32,
        publish: &Publish<'_>,
        at: u64,
    ) {
        let (mut alias, mut correlation) = (None, None);
        for property in publish.properties.iter() {
            match property {
                Property::TopicAlias(number) => alias = Some(number),
                Property::CorrelationData(data) => correlation = Some(data),
                _ => {}
            }
        }
        let heard = Heard {
            topic: publish.topic,
            payload: publish.payload,
            correlation,
        };
        match alias {
            None => self.message(connection, &heard, at),
            Some(alias) => self.message_by_alias(connection, alias, &heard, at),
        }
    }

    /// A message with an alias, which tells what stands for its topic, or stands for it.
    fn message_by_alias(&mut self, connection: u32, alias: u16, heard: &Heard<'_, '_>, at: u64) {
        let highest = self.settings.profile.fleet.session.topic_alias_maximum;
        if alias > highest.unwrap_or(0) {
            return self.lose(connection, FailReason::Protocol);
        }
        let row = &mut self.connections[connection as usize];
        let known = &mut self.cold.lend(&mut row.cold).aliases;
        let place = known.iter().position(|(number, _)| *number == alias);
        match place {
            _ if !heard.topic.is_empty() => {
                if let Some(place) = place {
                    known[place].1.clear();
                    known[place].1.push_str(heard.topic);
                } else {
                    known.push((alias, heard.topic.to_owned()));
                }
                self.message(connection, heard, at);
            }
            None => self.lose(connection, FailReason::Protocol),
            Some(place) => {
                // Taken out and put back, so that it is not copied for each message.
                let topic = std::mem::take(&mut known[place].1);
                let heard = Heard {
                    topic: &topic,
                    ..*heard
                };
                self.message(connection, &heard, at);
                let cold = self.connections[connection as usize].cold.as_mut();
                // Without it the connection was lost, and its aliases with it.
                if let Some(known) = cold.and_then(|cold| cold.aliases.get_mut(place)) {
                    known.1 = topic;
                }
            }
        }
    }
}
