//! Whether an endpoint is told of changes of one resource, and on which topic (1/KP, observe).
//!
//! Pure. Not here: what changed, and how a topic is written.

/// What a request says about being told of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observe {
    /// Nothing.
    Unsaid,
    /// `"observe":true`
    Begin,
    /// `"observe":false`
    End,
}

/// A request for a resource that can be observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// What it says.
    pub observe: Observe,
    /// Its ID, if changes are told on its own reply topic.
    pub id: Option<u64>,
}

/// Where a change is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the resource's topic, without an ID.
    Resource,
    /// On the reply topic of the request with this ID.
    Request(u64),
}

/// What an endpoint last said about one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Watch {
    /// Nothing. It is told nevertheless.
    #[default]
    Unasked,
    /// That it wants to be told, here.
    Asked(Place),
    /// That it does not want to be told, until it asks again.
    Stopped,
}

impl Watch {
    /// The endpoint asked for the resource.
    pub fn ask(&mut self, asking: Asking) {
        *self = match (asking.observe, *self) {
            (Observe::Begin, _) => Self::Asked(asking.id.map_or(Place::Resource, Place::Request)),
            (Observe::End, _) => Self::Stopped,
            (Observe::Unsaid, Self::Stopped) => Self::Unasked,
            (Observe::Unsaid, unchanged) => unchanged,
        };
    }

    /// The endpoint speaks on another connection, or as another application version: the requests
    /// it made before are gone, and their IDs are free.
    pub fn moved(&mut self) {
        if let Self::Asked(place) = self {
            *place = Place::Resource;
        }
    }

    /// Where the endpoint is to be told. `None`: nowhere.
    pub fn place(self) -> Option<Place> {
        match self {
            Self::Unasked => Some(Place::Resource),
            Self::Asked(place) => Some(place),
            Self::Stopped => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(observe: Observe, id: Option<u64>) -> Asking {
        Asking { observe, id }
    }

    #[test]
    fn an_endpoint_is_told_where_it_asked_last_and_not_after_it_said_no() {
        let mut watch = Watch::default();
        assert_eq!(watch.place(), Some(Place::Resource));
        watch.ask(asking(Observe::Begin, Some(7)));
        assert_eq!(watch.place(), Some(Place::Request(7)));
        // A plain request in between changes nothing.
        watch.ask(asking(Observe::Unsaid, Some(8)));
        assert_eq!(watch.place(), Some(Place::Request(7)));
        watch.ask(asking(Observe::Begin, None));
        assert_eq!(watch.place(), Some(Place::Resource));
        watch.ask(asking(Observe::End, Some(9)));
        assert_eq!(watch.place(), None);
        watch.ask(asking(Observe::Unsaid, None));
        assert_eq!(watch.place(), Some(Place::Resource));
    }

    #[test]
    fn requests_of_an_earlier_connection_are_gone_but_a_no_holds() {
        let mut watch = Watch::default();
        watch.ask(asking(Observe::Begin, Some(7)));
        watch.moved();
        assert_eq!(watch.place(), Some(Place::Resource));
        watch.ask(asking(Observe::End, None));
        watch.moved();
        assert_eq!(watch.place(), None);
    }
}
