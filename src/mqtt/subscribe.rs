//! SUBSCRIBE: a client asks for subscriptions (section 3.8). Not here: the set of subscriptions.

use super::place::Place;
use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Properties, Qos, Role, Version, topic, writer};

/// A client's request for subscriptions. Its pairs of filter and options were all judged when it was
/// read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subscribe<'a> {
    /// Never 0 [MQTT-2.3.1-1]; 5.0: [MQTT-2.2.1-3].
    pub packet_id: u16,
    /// A subscription identifier and user properties. 3.1.1 has none.
    pub properties: Properties<'a>,
    /// The payload as on the wire.
    pairs: &'a [u8],
    version: Version,
}

/// How a client wants the messages of one subscription (5.0: section 3.8.3.1). 3.1.1 has the QoS only,
/// and what stands here for the others is what it does: all messages, the RETAIN flag of a delivered one
/// 0, and retained ones sent at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubscribeOptions {
    /// The highest QoS of messages.
    pub qos: Qos,
    /// Not those of the client itself [MQTT-3.8.3-3].
    pub no_local: bool,
    /// With the RETAIN flag as published [MQTT-3.3.1-13].
    pub retain_as_published: bool,
    /// Whether retained messages are sent.
    pub retain_handling: RetainHandling,
}

/// When the retained messages of a subscription are sent (5.0: section 3.3.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RetainHandling {
    /// At each SUBSCRIBE [MQTT-3.3.1-9].
    Always = 0,
    /// When the subscription is new [MQTT-3.3.1-10].
    IfNew = 1,
    /// Not at all [MQTT-3.3.1-11].
    Never = 2,
}

const NO_LOCAL: u8 = 0b0000_0100;
const RETAIN_AS_PUBLISHED: u8 = 0b0000_1000;
const RETAIN_HANDLING_SHIFT: u32 = 4;

impl From<Qos> for SubscribeOptions {
    fn from(qos: Qos) -> Self {
        Self {
            qos,
            no_local: false,
            retain_as_published: false,
            retain_handling: RetainHandling::Always,
        }
    }
}

impl SubscribeOptions {
    /// Reserved bits are 0, and so are all but the QoS in 3.1.1 [MQTT-3.8.3-4], 5.0: [MQTT-3.8.3-5].
    fn read(byte: u8, version: Version) -> Result<Self, DecodeError> {
        let reserved = match version {
            Version::V311 => 0b1111_1100,
            Version::V5 => 0b1100_0000,
        };
        if byte & reserved != 0 {
            return Err(DecodeError::SubscribeOptions);
        }
        let retain_handling = match byte >> RETAIN_HANDLING_SHIFT {
            0 => RetainHandling::Always,
            1 => RetainHandling::IfNew,
            2 => RetainHandling::Never,
            _ => return Err(DecodeError::RetainHandling),
        };
        Ok(Self {
            qos: Qos::try_from(byte & 0b11)?,
            no_local: byte & NO_LOCAL != 0,
            retain_as_published: byte & RETAIN_AS_PUBLISHED != 0,
            retain_handling,
        })
    }

    fn byte(self, version: Version) -> u8 {
        let qos = self.qos as u8;
        if version == Version::V311 {
            return qos;
        }
        let flag = |set, bit| if set { bit } else { 0 };
        qos | flag(self.no_local, NO_LOCAL)
            | flag(self.retain_as_published, RETAIN_AS_PUBLISHED)
            | (self.retain_handling as u8) << RETAIN_HANDLING_SHIFT
    }

    /// A shared subscription is never without local messages (5.0: [MQTT-3.8.3-4]).
    fn check(self, filter: &str, version: Version) -> Result<(), DecodeError> {
        if version == Version::V5 && self.no_local && topic::shared(filter).is_some() {
            Err(DecodeError::NoLocalOnShared)
        } else {
            Ok(())
        }
    }
}

impl<'a> Subscribe<'a> {
    pub(super) fn read(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id()?;
        let properties = match version {
            Version::V311 => Properties::NONE,
            Version::V5 => {
                Properties::read(&mut reader, Place::read_by(Kind::Subscribe, Role::Server))?.0
            }
        };
        let pairs = reader.rest();
        if pairs.is_empty() {
            return Err(DecodeError::NoFilters);
        }
        while !reader.is_empty() {
            read_pair(&mut reader, version)?;
        }
        Ok(Self {
            packet_id,
            properties,
            pairs,
            version,
        })
    }

    /// The filters with the QoS asked for, in the order in which SUBACK answers them
    /// [MQTT-3.9.3-1]. At least one.
    pub fn filters(&self) -> impl Iterator<Item = (&'a str, Qos)> + Clone + use<'a> {
        self.subscriptions()
            .map(|(filter, options)| (filter, options.qos))
    }

    /// The same with all options.
    pub fn subscriptions(
        &self,
    ) -> impl Iterator<Item = (&'a str, SubscribeOptions)> + Clone + use<'a> {
        let (mut reader, version) = (Reader::new(self.pairs), self.version);
        std::iter::from_fn(move || read_pair(&mut reader, version).ok())
    }

    /// Appends the packet. To write one from filters, see [`write_subscribe`].
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_subscribe(
            self.packet_id,
            self.properties,
            self.subscriptions(),
            version,
            out,
        )
    }
}

/// A filter and the byte after it.
fn read_pair<'a>(
    reader: &mut Reader<'a>,
    version: Version,
) -> Result<(&'a str, SubscribeOptions), DecodeError> {
    let filter = reader.topic_filter(version)?;
    let options = SubscribeOptions::read(reader.byte()?, version)?;
    options.check(filter, version)?;
    Ok((filter, options))
}

/// Appends a SUBSCRIBE for `filters`, each with a [`Qos`] or [`SubscribeOptions`]; of those 3.1.1 has
/// the QoS only, and no properties. No filter, an invalid one, packet identifier 0, what is too long
/// and in 5.0 a property that has no place here are errors.
///
/// `filters` is walked three times, for the rules, the length and the bytes, and yields the same each
/// time.
pub fn write_subscribe<'f, O: Into<SubscribeOptions>>(
    packet_id: u16,
    properties: Properties<'_>,
    filters: impl Iterator<Item = (&'f str, O)> + Clone,
    version: Version,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let packet_id = writer::packet_id(packet_id)?;
    for (filter, options) in filters.clone() {
        options.into().check(filter, version)?;
    }
    let names = filters.clone().map(|(filter, _)| filter);
    let properties_len = match version {
        Version::V311 => 0,
        Version::V5 => {
            properties.check(Place::written(Kind::Subscribe))?;
            properties.len()
        }
    };
    let len = 2 + properties_len + writer::filters_len(names, 1, version)?;
    writer::begin(Kind::Subscribe.first_byte(), len, out)?;
    writer::number(packet_id, out);
    if properties_len > 0 {
        properties.write(out);
    }
    for (filter, options) in filters {
        writer::field(filter.as_bytes(), out);
        out.push(options.into().byte(version));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Property, PropertyList, vector};

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
        vector::written(|version, out| {
            write_subscribe(packet_id, Properties::NONE, filters, version, out)
        })
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

    #[test]
    fn version_5_has_properties_and_more_options() {
        let bytes = [
            0x82, // packet type 8, flags 0010
            12,   // remaining length
            0x00,
            0x0a, // packet identifier 10
            3,    // property length
            0x0b,
            0x80,
            0x01, // subscription identifier 128
            0,
            3,
            b'a',
            b'/',
            b'#',        // filter
            0b0010_1110, // retain handling 2, retain as published, no local, QoS 2
        ];
        let options = SubscribeOptions {
            qos: Qos::ExactlyOnce,
            no_local: true,
            retain_as_published: true,
            retain_handling: RetainHandling::Never,
        };
        let Ok(Packet::Subscribe(packet)) = vector::read_5(&bytes, Role::Server) else {
            panic!("{:?}", vector::read_5(&bytes, Role::Server));
        };
        let identifier = Property::SubscriptionIdentifier(128);
        assert_eq!(packet.properties.iter().collect::<Vec<_>>(), [identifier]);
        assert_eq!(
            packet.subscriptions().collect::<Vec<_>>(),
            [("a/#", options)]
        );
        vector::is_written_5(Packet::Subscribe(packet), &bytes);
        let mut list = PropertyList::new();
        list.push(identifier).expect("it fits");
        let mut out = Vec::new();
        let pairs = [("a/#", options)].into_iter();
        write_subscribe(10, list.as_properties(), pairs, Version::V5, &mut out).expect("valid");
        assert_eq!(out, bytes);
    }

    #[test]
    fn the_options_of_version_5_obey_section_3_8_3_1() {
        let read = |filter: &[u8], options: u8| {
            let len = 6 + filter.len() as u8;
            let head = [0x82, len, 0, 1, 0, 0, filter.len() as u8];
            let bytes = [&head, filter, &[options]].concat();
            vector::read_5(&bytes, Role::Server).map(|_| ())
        };
        for options in 0..=u8::MAX {
            let expected = if options & 0b1100_0000 != 0 {
                Err(DecodeError::SubscribeOptions)
            } else if options >> 4 == 3 {
                Err(DecodeError::RetainHandling)
            } else if options & 0b11 == 3 {
                Err(DecodeError::ReservedQos)
            } else {
                Ok(())
            };
            assert_eq!(read(b"a", options), expected, "{options:08b}");
        }
        let shared = b"$share/g/a";
        assert_eq!(read(shared, 0b10), Ok(()));
        assert_eq!(read(shared, 0b110), Err(DecodeError::NoLocalOnShared));
        assert_eq!(read(b"$share/g", 0), Err(DecodeError::SharedFilter));
        let local = SubscribeOptions {
            no_local: true,
            ..Qos::AtMostOnce.into()
        };
        let pairs = [("$share/g/a", local)].into_iter();
        let refused = write_subscribe(1, Properties::NONE, pairs, Version::V5, &mut Vec::new());
        let rule = DecodeError::NoLocalOnShared;
        assert_eq!(refused, Err(EncodeError::BreaksRule(rule)));
    }
}
