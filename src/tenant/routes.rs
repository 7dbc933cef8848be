//! What the topics of each connection mean, found out once: endpoints repeat their topics, but for
//! the ID of a request.
//!
//! Kept is only what no other message can change. A few topics per connection; of more, those that
//! come often stay. Not here: what a topic means (`platforms`), and anything about payloads.

use super::enapter::Direction;
use super::endpoints::EndpointId;
use super::kaa::Resource;
use super::kaa_address::Spans;
use super::kind::Kind;
use super::sessions::ConnectionId;

/// Topics that are kept for one connection.
const TOPICS_MAX: usize = 4;

/// What a topic means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// A request to Kaa that can be done.
    Kaa {
        /// Where its parts are.
        spans: Spans,
        /// Who asks.
        endpoint: EndpointId,
        /// What it is counted as.
        kind: Kind,
        /// What it is about.
        resource: Resource,
    },
    /// A message from or to an Enapter device.
    Enapter {
        /// The device.
        device: EndpointId,
        /// From or to it.
        direction: Direction,
        /// What it is counted as.
        kind: Kind,
    },
    /// A message of a definition that gets no answer here.
    Defined {
        /// What it is counted as.
        name: u16,
        /// Who is named by the topic; `None`: nobody, the connection is the endpoint.
        endpoint: Option<EndpointId>,
        /// What it is.
        message: Unanswered,
    },
    /// A message of no platform.
    Other,
}

/// Messages of definitions that get no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// A request that wants none.
    Request,
    /// The answer to a push, by the place of its inbound definition.
    Answer(u16),
    /// What a caller sends to an endpoint.
    Call,
}

/// The part of a topic that an endpoint repeats: without the request ID in a topic of Kaa.
pub fn repeated(topic: &str) -> (&str, &str) {
    if !topic.starts_with("kp1/") {
        return (topic, "");
    }
    let bytes = topic.as_bytes();
    let digits = bytes.iter().rev().take_while(|b| b.is_ascii_digit());
    let digits = digits.count();
    let before = topic.len() - digits;
    if digits > 0 && bytes[..before].ends_with(b"/") {
        (&topic[..before - 1], &topic[before..])
    } else {
        (topic, "")
    }
}

#[derive(Debug)]
struct Route {
    topic: String,
    known: Known,
}

/// The topics of one connection, the more frequent ones in front.
#[derive(Debug)]
struct Row {
    connection: ConnectionId,
    routes: Vec<Route>,
}

/// What is known about topics, by the place of their connection.
#[derive(Debug, Default)]
pub struct Routes {
    rows: Vec<Option<Box<Row>>>,
}

impl Routes {
    /// What a topic of this connection means, if that is kept.
    pub fn find(&mut self, connection: ConnectionId, topic: &str) -> Option<Known> {
        let row = self.rows.get_mut(connection.slot())?.as_mut()?;
        if row.connection != connection {
            return None;
        }
        let mut routes = row.routes.iter();
        let at = routes.position(|route| route.topic == topic)?;
        let known = row.routes[at].known;
        if at > 0 {
            row.routes.swap(at - 1, at);
        }
        Some(known)
    }

    /// Keeps what a topic of this connection means, maybe instead of another one.
    pub fn keep(&mut self, connection: ConnectionId, topic: &str, known: Known) {
        let slot = connection.slot();
        if self.rows.len() <= slot {
            self.rows.resize_with(slot + 1, || None);
        }
        let row = self.rows[slot].get_or_insert_with(|| {
            let routes = Vec::new();
            Box::new(Row { connection, routes })
        });
        if row.connection != connection {
            row.connection = connection;
            row.routes.clear();
        }
        if row.routes.len() == TOPICS_MAX
            && let Some(last) = row.routes.last_mut()
        {
            last.topic.clear();
            last.topic.push_str(topic);
            last.known = known;
        } else {
            row.routes.reserve_exact(1);
            row.routes.push(Route {
                topic: topic.to_owned(),
                known,
            });
        }
    }

    /// A connection has ended.
    pub fn closed(&mut self, connection: ConnectionId) {
        if let Some(row) = self.rows.get_mut(connection.slot())
            && row.as_ref().is_some_and(|row| row.connection == connection)
        {
            *row = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ConnectionId = ConnectionId::new(3, 0);
    const LATER: ConnectionId = ConnectionId::new(3, 1);

    fn defined(name: u16) -> Known {
        Known::Defined {
            name,
            endpoint: None,
            message: Unanswered::Request,
        }
    }

    #[test]
    fn only_a_request_id_of_kaa_is_left_out() {
        for (topic, expected) in [
            ("kp1/a/dcx/t/json/42", ("kp1/a/dcx/t/json", "42")),
            ("kp1/a/dcx/t/json", ("kp1/a/dcx/t/json", "")),
            ("kp1/a/dcx/t/json/x7", ("kp1/a/dcx/t/json/x7", "")),
            ("kp1/a/dcx/t/json/", ("kp1/a/dcx/t/json/", "")),
            ("kp1/7", ("kp1", "7")),
            ("a/7", ("a/7", "")),
            ("7", ("7", "")),
        ] {
            assert_eq!(repeated(topic), expected, "{topic}");
        }
    }

    #[test]
    fn topics_belong_to_their_connection_until_it_ends() {
        let mut routes = Routes::default();
        assert_eq!(routes.find(ONE, "a"), None);
        routes.keep(ONE, "a", defined(1));
        assert_eq!(routes.find(ONE, "a"), Some(defined(1)));
        assert_eq!(routes.find(ONE, "b"), None);
        assert_eq!(routes.find(LATER, "a"), None);
        assert_eq!(routes.find(ConnectionId::new(2, 0), "a"), None);
        routes.keep(LATER, "b", defined(2));
        assert_eq!(routes.find(LATER, "a"), None);
        routes.closed(ONE);
        assert_eq!(routes.find(LATER, "b"), Some(defined(2)));
        routes.closed(LATER);
        assert_eq!(routes.find(LATER, "b"), None);
    }

    #[test]
    fn a_frequent_topic_outlives_any_number_of_others() {
        let mut routes = Routes::default();
        routes.keep(ONE, "often", defined(0));
        for name in 1..100 {
            routes.keep(ONE, &name.to_string(), defined(name));
            assert_eq!(routes.find(ONE, &name.to_string()), Some(defined(name)));
            assert_eq!(routes.find(ONE, "often"), Some(defined(0)));
        }
        let row = routes.rows[ONE.slot()].as_ref();
        assert_eq!(row.map(|row| row.routes.len()), Some(TOPICS_MAX));
    }
}
