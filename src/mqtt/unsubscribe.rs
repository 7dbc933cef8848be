//! UNSUBSCRIBE: a client gives subscriptions up (section 3.10). Not here: the set of subscriptions.

use super::place::Place;
use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Properties, Role, Version, writer};

/// A client's request to end subscriptions. Its filters were all judged when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unsubscribe<'a> {
    /// Never 0 [MQTT-2.3.1-1]; 5.0: [MQTT-2.2.1-3].
    pub packet_id: u16,
    /// User properties. 3.1.1 has none.
    pub properties: Properties<'a>,
    /// The payload as on the wire.
    fields: &'a [u8],
    version: Version,
}

impl<'a> Unsubscribe<'a> {
    pub(super) fn read(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id()?;
        let properties = match version {
            Version::V311 => Properties::NONE,
            Version::V5 => {
                Properties::read(&mut reader, Place::read_by(Kind::Unsubscribe, Role::Server))?.0
            }
        };
        let fields = reader.rest();
        if fields.is_empty() {
            return Err(DecodeError::NoFilters);
        }
        while !reader.is_empty() {
            reader.topic_filter(version)?;
        }
        Ok(Self {
            packet_id,
            properties,
            fields,
            version,
        })
    }

    /// The filters. At least one [MQTT-3.10.3-2].
    pub fn filters(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        let (mut reader, version) = (Reader::new(self.fields), self.version);
        std::iter::from_fn(move || reader.topic_filter(version).ok())
    }

    /// Appends the packet. To write one from filters, see [`write_unsubscribe`].
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_unsubscribe(
            self.packet_id,
            self.properties,
            self.filters(),
            version,
            out,
        )
    }
}

/// Appends an UNSUBSCRIBE for `filters`, in 3.1.1 without properties. No filter, an invalid one, packet
/// identifier 0, what is too long and in 5.0 a property that has no place here are errors.
///
/// `filters` is walked twice, for the length and for the bytes, and yields the same both times.
pub fn write_unsubscribe<'f>(
    packet_id: u16,
    properties: Properties<'_>,
    filters: impl Iterator<Item = &'f str> + Clone,
    version: Version,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let packet_id = writer::packet_id(packet_id)?;
    let properties_len = match version {
        Version::V311 => 0,
        Version::V5 => {
            properties.check(Place::written(Kind::Unsubscribe))?;
            properties.len()
        }
    };
    let len = 2 + properties_len + writer::filters_len(filters.clone(), 0, version)?;
    writer::begin(Kind::Unsubscribe.first_byte(), len, out)?;
    writer::number(packet_id, out);
    if properties_len > 0 {
        properties.write(out);
    }
    for filter in filters {
        writer::field(filter.as_bytes(), out);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Property, vector};

    const BYTES: [u8; 13] = [
        0xa2, // packet type 10, flags 0010
        11,   // remaining length
        0x00, 0x0a, // packet identifier 10
        0, 3, b'a', b'/', b'#', // filter
        0, 2, b'/', b'+', // filter
    ];
    const FILTERS: [&str; 2] = ["a/#", "/+"];

    fn read(bytes: &[u8]) -> Result<Unsubscribe<'_>, DecodeError> {
        match vector::read(bytes, Role::Server)? {
            Packet::Unsubscribe(packet) => Ok(packet),
            other => panic!("{other:?}"),
        }
    }

    fn write(packet_id: u16, filters: &[&str]) -> Result<Vec<u8>, EncodeError> {
        let filters = filters.iter().copied();
        vector::written(|version, out| {
            write_unsubscribe(packet_id, Properties::NONE, filters, version, out)
        })
    }

    #[test]
    fn filters_follow_one_another() {
        let packet = read(&BYTES).expect("valid");
        assert_eq!(packet.packet_id, 10);
        assert_eq!(packet.filters().collect::<Vec<_>>(), FILTERS);
        assert_eq!(write(10, &FILTERS), Ok(BYTES.to_vec()));
        let again = vector::written(|version, out| packet.write(version, out));
        assert_eq!(again, Ok(BYTES.to_vec()));
    }

    #[test]
    fn the_payload_obeys_section_3_10_3() {
        assert_eq!(read(&[0xa2, 2, 0, 1]), Err(DecodeError::NoFilters));
        assert_eq!(
            read(&[0xa2, 5, 0, 0, 0, 1, b'a']),
            Err(DecodeError::PacketIdZero)
        );
        assert_eq!(
            read(&[0xa2, 6, 0, 1, 0, 1, b'a', 0]),
            Err(DecodeError::FieldTooLong)
        );
        assert_eq!(read(&[0xa2, 4, 0, 1, 0, 0]), Err(DecodeError::EmptyTopic));
        assert_eq!(
            read(&[0xa2, 6, 0, 1, 0, 2, b'a', b'+']),
            Err(DecodeError::MisplacedWildcard)
        );
    }

    #[test]
    fn what_no_reader_would_accept_is_not_written() {
        let rule = |rule| Err(EncodeError::BreaksRule(rule));
        assert_eq!(write(0, &FILTERS), rule(DecodeError::PacketIdZero));
        assert_eq!(write(1, &[]), rule(DecodeError::NoFilters));
        assert_eq!(write(1, &["a#"]), rule(DecodeError::MisplacedWildcard));
        let long = "a".repeat(65_536);
        assert_eq!(write(1, &["a", &long]), Err(EncodeError::FieldTooLong));
    }

    #[test]
    fn version_5_has_user_properties() {
        let bytes = [
            0xa2, // packet type 10, flags 0010
            13,   // remaining length
            0x00, 0x0a, // packet identifier 10
            7,    // property length
            0x26, 0, 1, b'n', 0, 1, b'v', // user property
            0, 1, b'a', // filter
        ];
        let Ok(Packet::Unsubscribe(packet)) = vector::read_5(&bytes, Role::Server) else {
            panic!("{:?}", vector::read_5(&bytes, Role::Server));
        };
        let user = Property::UserProperty(("n", "v"));
        assert_eq!(packet.properties.iter().collect::<Vec<_>>(), [user]);
        assert_eq!(packet.filters().collect::<Vec<_>>(), ["a"]);
        vector::is_written_5(Packet::Unsubscribe(packet), &bytes);
        let shared = [
            0xa2, 13, 0, 1, 0, 0, 8, b'$', b's', b'h', b'a', b'r', b'e', b'/', b'g',
        ];
        let refused = vector::read_5(&shared, Role::Server);
        assert_eq!(refused, Err(DecodeError::SharedFilter));
    }
}
