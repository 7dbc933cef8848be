//! The properties of a packet as on the wire, and how a list of them is made (5.0: section 2.2.2).
//! Not here: what each of them is, see `property`.

use std::fmt;

use super::place::Place;
use super::property::Property;
use super::reader::Reader;
use super::{DecodeError, EncodeError, header};

/// The properties of a packet that was read, or is to be written. 3.1.1 has none.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Properties<'a> {
    /// One after the other, without the length in front. Those of a packet that was read are valid.
    bytes: &'a [u8],
}

/// Which properties there are: a bit for each identifier, all of which are below 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen(u64);

impl Seen {
    pub(super) const TOPIC_ALIAS: u8 = 0x23;
    pub(super) const AUTHENTICATION_METHOD: u8 = 0x15;
    pub(super) const AUTHENTICATION_DATA: u8 = 0x16;

    pub(super) const fn has(self, id: u8) -> bool {
        self.0 & 1 << id != 0
    }
}

impl<'a> Properties<'a> {
    /// None at all.
    pub const NONE: Self = Self { bytes: &[] };

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// In the order in which they came, which means something for user properties only
    /// [MQTT-3.3.2-18].
    pub fn iter(&self) -> impl Iterator<Item = Property<'a>> + Clone + use<'a> {
        let mut reader = Reader::new(self.bytes);
        std::iter::from_fn(move || Property::read(&mut reader).ok())
    }

    /// Reads the length and as many bytes, and judges each property.
    pub(super) fn read(reader: &mut Reader<'a>, place: Place) -> Result<(Self, Seen), DecodeError> {
        let len = reader.variable()?;
        let properties = Self {
            bytes: reader.take(len as usize)?,
        };
        let seen = properties.check(place)?;
        Ok((properties, seen))
    }

    /// Each property has its place, a valid value and, if it may not be repeated, no other of its
    /// kind (section 2.2.2.2).
    pub(super) fn check(&self, place: Place) -> Result<Seen, DecodeError> {
        let mut reader = Reader::new(self.bytes);
        let mut seen = Seen(0);
        while !reader.is_empty() {
            let property = Property::read(&mut reader)?;
            property.check(place)?;
            let id = property.id();
            if seen.has(id) && !property.may_repeat(place) {
                return Err(DecodeError::DuplicateProperty(id));
            }
            seen.0 |= 1 << id;
        }
        Ok(seen)
    }

    /// Bytes with the length in front [MQTT-2.2.2-1].
    pub(super) const fn len(&self) -> usize {
        header::remaining_length_len(self.bytes.len()) + self.bytes.len()
    }

    /// Appends them, with the length in front. The packet's length was found to fit.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        header::write_remaining_length(self.bytes.len() as u32, out);
        out.extend_from_slice(self.bytes);
    }
}

impl fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|property| match property {
            // As secret as a password.
            Property::AuthenticationData(_) => Property::AuthenticationData(b"hidden"),
            other => other,
        });
        f.debug_list().entries(shown).finish()
    }
}

/// Properties in the making. Reusable: [`clear`](Self::clear) keeps its memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PropertyList {
    bytes: Vec<u8>,
}

impl PropertyList {
    /// Without properties.
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// Adds one. Text that is too long or has U+0000 is an error; whether the property has its place
    /// and its value is judged when the packet is written.
    pub fn push(&mut self, property: Property<'_>) -> Result<(), EncodeError> {
        property.write(&mut self.bytes)
    }

    /// Forgets them all.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// For a packet to be written.
    pub fn as_properties(&self) -> Properties<'_> {
        Properties { bytes: &self.bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Kind, Role};

    const PUBLISH: Place = Place::read_by(Kind::Publish, Role::Client);

    fn list(properties: &[Property<'_>]) -> PropertyList {
        let mut list = PropertyList::new();
        for &property in properties {
            list.push(property).expect("it is short");
        }
        list
    }

    #[test]
    fn properties_follow_their_length() {
        let bytes = [
            12, // property length
            0x01, 1, // payload format indicator: text
            0x26, 0, 1, b'n', 0, 1, b'v', // user property
            0x23, 0, 7,    // topic alias 7
            0xff, // what follows is not looked at
        ];
        let mut reader = Reader::new(&bytes);
        let (read, seen) = Properties::read(&mut reader, PUBLISH).expect("valid");
        let expected = [
            Property::PayloadFormatIndicator(true),
            Property::UserProperty(("n", "v")),
            Property::TopicAlias(7),
        ];
        assert_eq!(read.iter().collect::<Vec<_>>(), expected);
        assert_eq!(reader.rest(), [0xff]);
        assert!(seen.has(Seen::TOPIC_ALIAS) && !seen.has(Seen::AUTHENTICATION_METHOD));
        let made = list(&expected);
        assert_eq!(made.as_properties(), read);
        let mut out = Vec::new();
        read.write(&mut out);
        assert_eq!(out, bytes[..13]);
        assert_eq!(read.len(), 13);
    }

    #[test]
    fn the_length_is_that_of_whole_properties() {
        for bytes in [
            &[][..],          // no length
            &[1],             // fewer bytes than announced
            &[1, 0x01],       // no value
            &[2, 0x23, 0, 7], // half a value
            &[4, 0x03, 0, 2, b'a'],
        ] {
            let read = Properties::read(&mut Reader::new(bytes), PUBLISH);
            assert_eq!(read, Err(DecodeError::FieldTooLong), "{bytes:02x?}");
        }
        for bytes in [&[0x80, 0x00][..], &[0x80, 0x80, 0x80, 0x80, 0x01]] {
            let read = Properties::read(&mut Reader::new(bytes), PUBLISH);
            assert_eq!(read, Err(DecodeError::VariableByteInteger), "{bytes:02x?}");
        }
    }

    #[test]
    fn what_may_not_be_repeated_is_there_once() {
        let judged = |property, place| list(&[property, property]).as_properties().check(place);
        let user = Property::UserProperty(("n", "v"));
        assert!(judged(user, PUBLISH).is_ok());
        let subscription = Property::SubscriptionIdentifier(1);
        assert!(judged(subscription, PUBLISH).is_ok());
        let subscribe = Place::read_by(Kind::Subscribe, Role::Server);
        let duplicate = Err(DecodeError::DuplicateProperty(0x0b));
        assert_eq!(judged(subscription, subscribe), duplicate);
        let duplicate = Err(DecodeError::DuplicateProperty(0x03));
        assert_eq!(judged(Property::ContentType("a"), PUBLISH), duplicate);
    }

    #[test]
    fn a_list_takes_no_text_that_cannot_be_written() {
        let mut list = PropertyList::new();
        let long = "a".repeat(65_536);
        assert_eq!(
            list.push(Property::ContentType(&long)),
            Err(EncodeError::FieldTooLong)
        );
        assert_eq!(
            list.push(Property::UserProperty(("a", "\0"))),
            Err(EncodeError::BreaksRule(DecodeError::NullCharacter))
        );
        assert!(list.as_properties().is_empty());
        list.push(Property::TopicAlias(1)).expect("it fits");
        list.clear();
        assert_eq!(list.as_properties(), Properties::NONE);
    }
}
