//! What the tenant pushes from the definitions of inbound messages: topic and payload for one
//! endpoint.
//!
//! Fields that are the endpoint's have its values, all others are a running number. Not here: when
//! something is pushed (`timers`), and what the endpoint answers.

use super::super::endpoints::EndpointId;
use super::super::random::Random;
use super::super::sessions::ConnectionId;
use super::known::{FormId, Known, values};
use super::names::{Depth, Names, Token};
use super::pattern::Pattern;
use crate::mqtt::topic;
use crate::profile::{CORRELATION_DATA, Inbound};

/// To whom something is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// An endpoint that its topics name.
    Endpoint(EndpointId),
    /// A connection that is an endpoint itself.
    Connection(ConnectionId),
}

/// One inbound definition with a payload.
#[derive(Debug)]
pub struct Pushed {
    /// Its place among the inbound definitions.
    pub inbound: u16,
    /// Whether its ID is its correlation data.
    pub correlated: bool,
    topic: Vec<Piece>,
    payload: Vec<Piece>,
    /// Its topic as a subscription may name it.
    pattern: Pattern,
    /// A topic of this form, for subscriptions with wildcards.
    example: String,
    /// Places of the endpoint's fields in the pattern, and the form of such endpoints; none where
    /// each connection is an endpoint.
    own: Vec<usize>,
    form: Option<FormId>,
    /// Forms whose endpoints can be pushed to, each with the places of the fields in it.
    forms: Vec<(FormId, Vec<usize>)>,
}

#[derive(Debug)]
enum Piece {
    Literal(Box<str>),
    /// A field of the endpoint, by its place in `own`.
    Own(usize),
    Number,
}

impl Piece {
    fn text<'a>(&'a self, own: &[&'a str], number: &'a str) -> &'a str {
        match self {
            Self::Literal(text) => text,
            Self::Own(place) => own.get(*place).copied().unwrap_or_default(),
            Self::Number => number,
        }
    }
}

impl Pushed {
    /// Of a definition; `payload` is its payload.
    ///
    /// # Errors
    /// When topic or payload cannot be written.
    pub fn new(
        definition: &Inbound,
        inbound: u16,
        names: &Names<'_>,
        depth: Depth,
        known: &mut Known,
    ) -> Result<Option<Self>, String> {
        let Some(payload) = &definition.payload else {
            return Ok(None);
        };
        let tokens = names.expand(&definition.topic, None, depth)?;
        let pattern = Pattern::new(tokens.clone())?;
        let fields = pattern.fields().iter().map(String::as_str);
        let mut own: Vec<&str> = fields
            .filter(|field| names.of_pushed_endpoint(field))
            .collect();
        own.sort_unstable();
        let topic = pieces(tokens, &own, names)?;
        let payload = pieces(names.expand(payload, None, depth)?, &own, names)?;
        let form = (!own.is_empty()).then(|| known.form(&own));
        let own = own
            .iter()
            .filter_map(|field| pattern.place(field))
            .collect();
        Ok(Some(Self {
            inbound,
            correlated: definition.id.as_deref() == Some(CORRELATION_DATA),
            topic,
            payload,
            example: pattern.example(),
            pattern,
            own,
            form,
            forms: Vec::new(),
        }))
    }

    /// Finds the forms that have all fields; for when all of them are there.
    pub fn settle(&mut self, known: &Known) {
        let fields = self.pattern.fields();
        let own = self.own.iter().map(|&place| &fields[place]);
        let within = |form: &[String]| -> Option<Vec<usize>> {
            let place = |field| form.iter().position(|known| known == field);
            own.clone().map(place).collect()
        };
        let forms = known.forms();
        self.forms = forms
            .filter_map(|(form, fields)| Some((form, within(fields)?)))
            .collect();
    }

    /// How many could be pushed to.
    pub fn candidates(&self, known: &Known) -> usize {
        if self.own.is_empty() {
            return known.connections().len();
        }
        let forms = self.forms.iter();
        forms.map(|(form, _)| known.members(*form).len()).sum()
    }

    /// One of them.
    pub fn choose(&self, known: &Known, random: &mut Random) -> Option<Target> {
        let mut at = random.below(self.candidates(known));
        if self.own.is_empty() {
            return known.connections().get(at).copied().map(Target::Connection);
        }
        for (form, _) in &self.forms {
            let members = known.members(*form);
            match members.get(at) {
                Some(&endpoint) => return Some(Target::Endpoint(endpoint)),
                None => at -= members.len(),
            }
        }
        None
    }

    /// Appends topic and payload for an endpoint of this identity (empty for a connection).
    pub fn write(&self, identity: &str, number: u64, topic: &mut String, payload: &mut Vec<u8>) {
        let values: Vec<&str> = values(identity).collect();
        let form = identity
            .split('\0')
            .nth(1)
            .and_then(|form| form.parse().ok());
        let places = self.forms.iter().find(|(known, _)| Some(*known) == form);
        let places = places.map_or(&[][..], |(_, places)| places.as_slice());
        let own: Vec<&str> = places
            .iter()
            .map(|&place| values.get(place).copied().unwrap_or_default())
            .collect();
        let number = number.to_string();
        for piece in &self.topic {
            topic.push_str(piece.text(&own, &number));
        }
        for piece in &self.payload {
            payload.extend_from_slice(piece.text(&own, &number).as_bytes());
        }
    }

    /// What a subscription says about who is there: `None` if it is not for this message.
    pub fn subscribed<'f>(&self, filter: &'f str) -> Option<Subscriber<'f>> {
        let Some(form) = self.form else {
            return topic::matches(filter, &self.example).then_some(Subscriber::Connection);
        };
        let found = self.pattern.matches(filter)?;
        let values: Vec<&str> = self.own.iter().map(|&place| found[place]).collect();
        let wild = values.iter().any(|value| value.contains(['+', '#']));
        (!wild).then_some(Subscriber::Endpoint(form, values))
    }
}

/// Who subscribed to pushed messages.
#[derive(Debug, PartialEq, Eq)]
pub enum Subscriber<'f> {
    /// The endpoint of this form with these values.
    Endpoint(FormId, Vec<&'f str>),
    /// A connection that is an endpoint itself.
    Connection,
}

fn pieces(tokens: Vec<Token>, own: &[&str], names: &Names<'_>) -> Result<Vec<Piece>, String> {
    let piece = |token: Token| match token {
        Token::Literal(text) => Ok(Piece::Literal(text.into())),
        Token::Field(name) => {
            if let Some(place) = own.iter().position(|field| *field == name) {
                return Ok(Piece::Own(place));
            }
            if let Some(text) = names.constant(&name) {
                return Ok(Piece::Literal(text.into()));
            }
            if names.of_pushed_endpoint(&name) {
                return Err(format!(
                    "its payload has {{{name}}}, which its topic does not tell"
                ));
            }
            Ok(Piece::Number)
        }
    };
    tokens.into_iter().map(piece).collect()
}
