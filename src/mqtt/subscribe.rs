//! SUBSCRIBE: a client asks for subscriptions (section 3.8). Not here: the set of subscriptions.

use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Qos, Version, writer};

/// A client's request for subscriptions. Its pairs of filter and QoS were all judged when it was
/// read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subscribe<'a> {
    /// Never 0 [MQTT-2.3.1-1].
    pub packet_id: u16,
    /// The payload as on the wire.
    pairs: &'a [u8],
}

impl<'a> Subscribe<'a> {
    pub(super) fn read(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let Version::V311 = version;
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id()?;
        let pairs = reader.rest();
        if pairs.is_empty() {
            return Err(DecodeError::NoFilters);
        }
        while !reader.is_empty() {
            read_pair(&mut reader)?;
        }
        Ok(Self { packet_id, pairs })
    }

    /// The filters with the QoS asked for, in the order in which SUBACK answers them
    /// [MQTT-3.9.3-1]. At least one.
    pub fn filters(&self) -> impl Iterator<Item = (&'a str, Qos)> + Clone + use<'a> {
        let mut reader = Reader::new(self.pairs);
        std::iter::from_fn(move || read_pair(&mut reader).ok())
    }

    /// Appends the packet. To write one from filters, see [`write_subscribe`].
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_subscribe(self.packet_id, self.filters(), version, out)
    }
}

/// A filter and the byte after it: the QoS, all other bits 0 [MQTT-3.8.3-4].
fn read_pair<'a>(reader: &mut Reader<'a>) -> Result<(&'a str, Qos), DecodeError> {
    let filter = reader.topic_filter()?;
    let options = reader.byte()?;
    if options > 0b11 {
        return Err(DecodeError::SubscribeOptions);
    }
    Ok((filter, Qos::try_from(options)?))
}

/// Appends a SUBSCRIBE for `filters`. No filter, an invalid one, packet identifier 0 and what is
/// too long are errors.
///
/// `filters` is walked twice, for the length and for the bytes, and yields the same both times.
pub fn write_subscribe<'f>(
    packet_id: u16,
    filters: impl Iterator<Item = (&'f str, Qos)> + Clone,
    version: Version,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let Version::V311 = version;
    let packet_id = writer::packet_id(packet_id)?;
    let len = 2 + writer::filters_len(filters.clone().map(|(filter, _)| filter), 1)?;
    writer::begin(Kind::Subscribe.first_byte(), len, out)?;
    writer::number(packet_id, out);
    for (filter, qos) in filters {
        writer::field(filter.as_bytes(), out);
        out.push(qos as u8);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Role, vector};

    const BYTES: [u8; 15] = [
        0x82, // packet type 8, flags 0010
        13,   // remaining length
        0x00,
        0x0a, // packet identifier 10
        0,
        3,
        b'a',
        b'/',
        b'#',        // filter
        0b0000_0001, // requested QoS 1
        0,
        2,
        b'/',
        b'+',        // filter
        0b0000_0010, // requested QoS 2
    ];
    const FILTERS: [(&str, Qos); 2] = [("a/#", Qos::AtLeastOnce), ("/+", Qos::ExactlyOnce)];

    fn read(bytes: &[u8]) -> Result<Subscribe<'_>, DecodeError> {
        match vector::read(bytes, Role::Server)? {
            Packet::Subscribe(packet) => Ok(packet),
            other => panic!("{other:?}"),
        }
    }

    fn write(packet_id: u16, filters: &[(&str, Qos)]) -> Result<Vec<u8>, EncodeError> {
        let filters = filters.iter().copied();
        vector::written(|version, out| write_subscribe(packet_id, filters, version, out))
    }

    #[test]
    fn filters_come_with_the_qos_asked_for() {
        let packet = read(&BYTES).expect("valid");
        assert_eq!(packet.packet_id, 10);
        assert_eq!(packet.filters().collect::<Vec<_>>(), FILTERS);
        assert_eq!(write(10, &FILTERS), Ok(BYTES.to_vec()));
        let again = vector::written(|version, out| packet.write(version, out));
        assert_eq!(again, Ok(BYTES.to_vec()));
    }

    #[test]
    fn the_payload_obeys_section_3_8_3() {
        assert_eq!(read(&[0x82, 2, 0, 1]), Err(DecodeError::NoFilters));
        assert_eq!(
            read(&[0x82, 5, 0, 0, 0, 1, b'a']),
            Err(DecodeError::PacketIdZero)
        );
        assert_eq!(
            read(&[0x82, 5, 0, 1, 0, 1, b'a']),
            Err(DecodeError::FieldTooLong)
        ); // no QoS
        assert_eq!(
            read(&[0x82, 6, 0, 1, 0, 1, b'a', 3]),
            Err(DecodeError::ReservedQos)
        );
        assert_eq!(
            read(&[0x82, 5, 0, 1, 0, 0, 0]),
            Err(DecodeError::EmptyTopic)
        );
        for options in 4..=u8::MAX {
            let refused = read(&[0x82, 6, 0, 1, 0, 1, b'a', options]).unwrap_err();
            assert_eq!(refused, DecodeError::SubscribeOptions);
        }
    }

    #[test]
    fn what_no_reader_would_accept_is_not_written() {
        let rule = |rule| Err(EncodeError::BreaksRule(rule));
        assert_eq!(write(0, &FILTERS), rule(DecodeError::PacketIdZero));
        assert_eq!(write(1, &[]), rule(DecodeError::NoFilters));
        assert_eq!(
            write(1, &[("a#", Qos::AtMostOnce)]),
            rule(DecodeError::MisplacedWildcard)
        );
        let long = "a".repeat(65_536);
        assert_eq!(
            write(1, &[FILTERS[0], (&long, Qos::AtMostOnce)]),
            Err(EncodeError::FieldTooLong)
        );
    }
}
