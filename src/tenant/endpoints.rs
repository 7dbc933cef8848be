//! The endpoints that the tenant has heard of: which connection spoke last for each, and what it
//! keeps for it.
//!
//! A table of limited size. Not here: what a topic has to look like (`kaa`, `enapter`).

use std::sync::Arc;

use foldhash::HashMap;

use super::sessions::ConnectionId;
use super::thing::Thing;

/// Number of an endpoint in its table.
pub type EndpointId = u32;

/// Whether an endpoint spoke like this before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// It did not: the connection is another one, or the application version.
    First,
    /// It did.
    Further,
}

#[derive(Debug)]
struct Endpoint {
    identity: Arc<str>,
    speaker: Option<ConnectionId>,
    application: Box<str>,
    thing: Thing,
}

/// All endpoints, by identity.
#[derive(Debug)]
pub struct Endpoints {
    limit: usize,
    by_identity: HashMap<Arc<str>, EndpointId>,
    all: Vec<Endpoint>,
}

impl Endpoints {
    /// A table for at most `limit` endpoints.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            by_identity: HashMap::default(),
            all: Vec::new(),
        }
    }

    /// Number of endpoints.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// The endpoint of this identity, new if it must be. `None`: the table is full.
    pub fn find(&mut self, identity: &str) -> Option<EndpointId> {
        if let Some(&endpoint) = self.by_identity.get(identity) {
            return Some(endpoint);
        }
        if self.all.len() >= self.limit {
            return None;
        }
        let endpoint = EndpointId::try_from(self.all.len()).ok()?;
        let identity: Arc<str> = identity.into();
        self.by_identity.insert(Arc::clone(&identity), endpoint);
        self.all.push(Endpoint {
            identity,
            speaker: None,
            application: "".into(),
            thing: Thing::default(),
        });
        Some(endpoint)
    }

    /// A connection has spoken for this endpoint.
    pub fn spoke(&mut self, endpoint: EndpointId, connection: ConnectionId) -> Contact {
        let Some(endpoint) = self.all.get_mut(endpoint as usize) else {
            return Contact::Further;
        };
        if endpoint.speaker.replace(connection) == Some(connection) {
            Contact::Further
        } else {
            Contact::First
        }
    }

    /// The connection that last spoke for this endpoint; it may be closed by now.
    pub fn speaker(&self, endpoint: EndpointId) -> Option<ConnectionId> {
        self.all.get(endpoint as usize)?.speaker
    }

    /// As given to [`Endpoints::find`]; empty for an unknown number.
    pub fn identity(&self, endpoint: EndpointId) -> &str {
        self.all
            .get(endpoint as usize)
            .map_or("", |endpoint| &endpoint.identity)
    }

    /// The application version that a Kaa endpoint last spoke as.
    pub fn application(&self, endpoint: EndpointId) -> &str {
        self.all
            .get(endpoint as usize)
            .map_or("", |endpoint| &endpoint.application)
    }

    /// A Kaa endpoint has spoken as this application version.
    pub fn spoke_as(&mut self, endpoint: EndpointId, application: &str) -> Contact {
        match self.all.get_mut(endpoint as usize) {
            Some(endpoint) if *endpoint.application != *application => {
                endpoint.application = application.into();
                Contact::First
            }
            _ => Contact::Further,
        }
    }

    /// What is kept for this Kaa endpoint.
    pub fn thing(&mut self, endpoint: EndpointId) -> Option<&mut Thing> {
        self.all
            .get_mut(endpoint as usize)
            .map(|endpoint| &mut endpoint.thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_speaker_counts_and_the_table_is_limited() {
        let mut endpoints = Endpoints::new(2);
        let one = endpoints.find("one").unwrap();
        let two = endpoints.find("two").unwrap();
        assert_eq!(endpoints.find("one"), Some(one));
        assert_eq!(endpoints.find("three"), None);
        assert_eq!(endpoints.len(), 2);
        assert_eq!(endpoints.speaker(one), None);
        for (number, contact) in [
            (1, Contact::First),
            (1, Contact::Further),
            (2, Contact::First),
        ] {
            let connection = ConnectionId::new(number, 0);
            assert_eq!(endpoints.spoke(one, connection), contact);
        }
        for (application, contact) in [("a-1", Contact::First), ("a-1", Contact::Further)] {
            assert_eq!(endpoints.spoke_as(one, application), contact);
        }
        assert_eq!(endpoints.speaker(one), Some(ConnectionId::new(2, 0)));
        assert_eq!(endpoints.speaker(two), None);
        assert_eq!(endpoints.identity(two), "two");
    }
}
