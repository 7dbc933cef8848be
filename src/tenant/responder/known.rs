//! Who was heard of under the definitions: endpoints by the fields of their topics, or connections
//! where no topic tells.
//!
//! An endpoint's identity is a text that holds the values of its fields, so that nothing else is
//! kept for it here but its number. Not here: which connection speaks for it (`endpoints`).

use std::collections::hash_map::Entry;

use foldhash::HashMap;

use super::super::endpoints::EndpointId;
use super::super::sessions::ConnectionId;

/// Parts a value from the next one; no topic has it (MQTT 3.1.1, 1.5.3).
const SEPARATOR: char = '\0';

/// Number of a form.
pub type FormId = usize;

/// Endpoints that are told apart by the same fields.
#[derive(Debug)]
struct Form {
    /// In alphabetical order.
    fields: Vec<String>,
    members: Vec<EndpointId>,
}

/// All who were heard of.
#[derive(Debug, Default)]
pub struct Known {
    forms: Vec<Form>,
    connections: Vec<ConnectionId>,
    places: HashMap<ConnectionId, usize>,
}

impl Known {
    /// The form with these fields (in alphabetical order), new if it must be.
    pub fn form(&mut self, fields: &[&str]) -> FormId {
        if let Some(known) = self.forms.iter().position(|form| form.fields == fields) {
            return known;
        }
        self.forms.push(Form {
            fields: fields.iter().map(|&field| field.to_owned()).collect(),
            members: Vec::new(),
        });
        self.forms.len() - 1
    }

    /// Forms by number, with their fields.
    pub fn forms(&self) -> impl Iterator<Item = (FormId, &[String])> {
        let fields = self.forms.iter().map(|form| form.fields.as_slice());
        fields.enumerate()
    }

    /// The endpoints of a form.
    pub fn members(&self, form: FormId) -> &[EndpointId] {
        self.forms.get(form).map_or(&[], |form| &form.members)
    }

    /// A new endpoint of a form.
    pub fn add(&mut self, form: FormId, endpoint: EndpointId) {
        if let Some(form) = self.forms.get_mut(form) {
            form.members.push(endpoint);
        }
    }

    /// The connections that are endpoints themselves.
    pub fn connections(&self) -> &[ConnectionId] {
        &self.connections
    }

    /// A connection is an endpoint itself.
    pub fn spoke(&mut self, connection: ConnectionId) {
        if let Entry::Vacant(place) = self.places.entry(connection) {
            place.insert(self.connections.len());
            self.connections.push(connection);
        }
    }

    /// A connection has ended.
    pub fn closed(&mut self, connection: ConnectionId) {
        let Some(place) = self.places.remove(&connection) else {
            return;
        };
        self.connections.swap_remove(place);
        if let Some(&moved) = self.connections.get(place) {
            self.places.insert(moved, place);
        }
    }
}

/// Appends the identity of an endpoint. No other identity begins as it does.
pub fn write_identity<'a>(
    form: FormId,
    values: impl Iterator<Item = &'a str>,
    identity: &mut String,
) {
    identity.push(SEPARATOR);
    identity.push_str(itoa::Buffer::new().format(form));
    for value in values {
        identity.push(SEPARATOR);
        identity.push_str(value);
    }
}

/// The values in an identity, in the order of the form's fields.
pub fn values(identity: &str) -> impl Iterator<Item = &str> {
    identity.split(SEPARATOR).skip(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_hold_their_values() {
        let mut identity = String::new();
        write_identity(3, ["a", "b/c", ""].into_iter(), &mut identity);
        assert!(values(&identity).eq(["a", "b/c", ""]));
        let mut other = String::new();
        write_identity(31, ["a"].into_iter(), &mut other);
        assert!(values(&other).eq(["a"]));
    }

    #[test]
    fn forms_are_known_by_their_fields() {
        let mut known = Known::default();
        let thing = known.form(&["thing"]);
        assert_ne!(known.form(&["channel", "thing"]), thing);
        assert_eq!(known.form(&["thing"]), thing);
        known.add(thing, 7);
        assert_eq!(known.members(thing), [7]);
        assert_eq!(known.forms().count(), 2);
    }

    #[test]
    fn closed_connections_are_forgotten() {
        let connection = |number| ConnectionId::new(number, 0);
        let mut known = Known::default();
        for number in [1, 2, 3, 2] {
            known.spoke(connection(number));
        }
        known.closed(connection(1));
        known.closed(connection(1));
        known.closed(connection(3));
        assert_eq!(known.connections(), [connection(2)]);
        known.closed(connection(2));
        assert!(known.connections().is_empty() && known.places.is_empty());
    }
}
