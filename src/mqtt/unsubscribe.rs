//! UNSUBSCRIBE: a client gives subscriptions up (section 3.10). Not here: the set of subscriptions.

use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Version, writer};

/// A client's request to end subscriptions. Its filters were all judged when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unsubscribe<'a> {
    /// Never 0 [MQTT-2.3.1-1].
    pub packet_id: u16,
    /// The payload as on the wire.
    fields: &'a [u8],
}

impl<'a> Unsubscribe<'a> {
    pub(super) fn read(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let Version::V311 = version;
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id()?;
        let fields = reader.rest();
        if fields.is_empty() {
            return Err(DecodeError::NoFilters);
        }
        while !reader.is_empty() {
            reader.topic_filter()?;
        }
        Ok(Self { packet_id, fields })
    }

    /// The filters. At least one [MQTT-3.10.3-2].
    pub fn filters(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        let mut reader = Reader::new(self.fields);
        std::iter::from_fn(move || reader.topic_filter().ok())
    }

    /// Appends the packet. To write one from filters, see [`write_unsubscribe`].
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_unsubscribe(self.packet_id, self.filters(), version, out)
    }
}

/// Appends an UNSUBSCRIBE for `filters`. No filter, an invalid one, packet identifier 0 and what is
/// too long are errors.
///
/// `filters` is walked twice, for the length and for the bytes, and yields the same both times.
pub fn write_unsubscribe<'f>(
    packet_id: u16,
    filters: impl Iterator<Item = &'f str> + Clone,
    version: Version,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let Version::V311 = version;
    let packet_id = writer::packet_id(packet_id)?;
    let len = 2 + writer::filters_len(filters.clone(), 0)?;
    writer::begin(Kind::Unsubscribe.first_byte(), len, out)?;
    writer::number(packet_id, out);
    for filter in filters {
        writer::field(filter.as_bytes(), out);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Role, vector};

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
        vector::written(|version, out| write_unsubscribe(packet_id, filters, version, out))
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
}
