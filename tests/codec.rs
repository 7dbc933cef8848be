//! The MQTT codec against the specification: a table of conformance vectors, truncation, round
//! trips, mutations, splits.
//!
//! 3.1.1 is in this file, 5.0 in `codec/`. Not here: other codecs, which `tests/oracle` compares it with.

#[path = "codec/five.rs"]
mod five;
#[path = "oracle/src/mutation.rs"]
mod mutation;
#[path = "oracle/src/specimen.rs"]
mod specimen;
#[path = "oracle/src/specimen_5.rs"]
mod specimen_5;
#[path = "codec/vectors_5.rs"]
mod vectors_5;

use std::collections::BTreeSet;

use midge::mqtt::{DecodeError, Kind, Packet, Role, Version, decode, header};
use mutation::{Random, mutate};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use specimen::{Specimen, any_specimen};

const MAX_PACKET: usize = 1 << 16;
const MUTATIONS: usize = if cfg!(feature = "thorough") {
    10_000_000
} else {
    200_000
};
const ROLES: [Role; 2] = [Role::Client, Role::Server];

fn read(bytes: &[u8], reader: Role) -> Result<Option<(Packet<'_>, usize)>, DecodeError> {
    decode(bytes, reader, Version::V311, MAX_PACKET)
}

/// The roles that read packets of this kind: one or both.
fn readers(kind: Kind) -> impl Iterator<Item = Role> {
    ROLES
        .into_iter()
        .filter(move |&role| kind.is_read_by(role, Version::V311))
}

/// A statement of the specification, bytes that keep or break it, who reads them, and the error if
/// any.
type Vector = (&'static str, Role, &'static [u8], Result<(), DecodeError>);

use DecodeError as Error;
use Role::{Client, Server};

const VECTORS: &[Vector] = &[
    // The fixed header, section 2.2.
    (
        "table 2.1: type 0 is forbidden",
        Server,
        b"\x00\x00",
        Err(Error::ReservedType(0)),
    ),
    (
        "table 2.1: type 15 is forbidden",
        Client,
        b"\xf0\x00",
        Err(Error::ReservedType(15)),
    ),
    (
        "table 2.1: CONNECT goes to a server",
        Client,
        b"\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0",
        Err(Error::WrongDirection(Kind::Connect)),
    ),
    (
        "table 2.1: CONNACK goes to a client",
        Server,
        b"\x20\x02\0\0",
        Err(Error::WrongDirection(Kind::ConnAck)),
    ),
    (
        "table 2.1: SUBACK goes to a client",
        Server,
        b"\x90\x03\0\x01\0",
        Err(Error::WrongDirection(Kind::SubAck)),
    ),
    (
        "table 2.1: PINGREQ goes to a server",
        Client,
        b"\xc0\x00",
        Err(Error::WrongDirection(Kind::PingReq)),
    ),
    (
        "table 2.1: PINGRESP goes to a client",
        Server,
        b"\xd0\x00",
        Err(Error::WrongDirection(Kind::PingResp)),
    ),
    (
        "table 2.1: DISCONNECT goes to a server",
        Client,
        b"\xe0\x00",
        Err(Error::WrongDirection(Kind::Disconnect)),
    ),
    (
        "MQTT-2.2.2-2: PUBACK has flags 0000",
        Client,
        b"\x42\x02\0\x01",
        Err(Error::HeaderFlags(Kind::PubAck)),
    ),
    (
        "MQTT-3.6.1-1: PUBREL has flags 0010",
        Server,
        b"\x60\x02\0\x01",
        Err(Error::HeaderFlags(Kind::PubRel)),
    ),
    (
        "MQTT-3.6.1-1: PUBREL has flags 0010",
        Server,
        b"\x62\x02\0\x01",
        Ok(()),
    ),
    (
        "MQTT-3.8.1-1: SUBSCRIBE has flags 0010",
        Server,
        b"\x80\x06\0\x01\0\x01a\0",
        Err(Error::HeaderFlags(Kind::Subscribe)),
    ),
    (
        "MQTT-3.10.1-1: UNSUBSCRIBE has flags 0010",
        Server,
        b"\xa0\x05\0\x01\0\x01a",
        Err(Error::HeaderFlags(Kind::Unsubscribe)),
    ),
    (
        "MQTT-3.14.1-1: DISCONNECT has flags 0000",
        Server,
        b"\xe1\x00",
        Err(Error::HeaderFlags(Kind::Disconnect)),
    ),
    (
        "2.2.3: a fifth length byte",
        Server,
        b"\xc0\x80\x80\x80\x80\x00",
        Err(Error::RemainingLength),
    ),
    (
        "2.2.3: needless length bytes are not forbidden",
        Server,
        b"\xc0\x80\x80\x80\x00",
        Ok(()),
    ),
    (
        "our limit, by the header alone",
        Server,
        b"\x30\xff\xff\xff\x7f",
        Err(Error::TooLarge),
    ),
    (
        "3.12: PINGREQ has no body",
        Server,
        b"\xc0\x01\x00",
        Err(Error::TrailingBytes),
    ),
    (
        "3.14: DISCONNECT has no body",
        Server,
        b"\xe0\x01\x00",
        Err(Error::TrailingBytes),
    ),
    // Text, section 1.5.3.
    (
        "MQTT-1.5.3-1: a lone continuation byte",
        Client,
        b"\x30\x03\0\x01\x80",
        Err(Error::IllFormedUtf8),
    ),
    (
        "MQTT-1.5.3-1: a surrogate",
        Client,
        b"\x30\x05\0\x03\xed\xa0\x80",
        Err(Error::IllFormedUtf8),
    ),
    (
        "MQTT-1.5.3-1: an overlong form",
        Client,
        b"\x30\x04\0\x02\xc0\xaf",
        Err(Error::IllFormedUtf8),
    ),
    (
        "MQTT-1.5.3-1: above U+10FFFF",
        Client,
        b"\x30\x06\0\x04\xf4\x90\x80\x80",
        Err(Error::IllFormedUtf8),
    ),
    (
        "MQTT-1.5.3-2: the null character",
        Client,
        b"\x30\x05\0\x03a\0b",
        Err(Error::NullCharacter),
    ),
    (
        "MQTT-1.5.3-2: the null character in a client identifier",
        Server,
        b"\x10\x0e\0\x04MQTT\x04\x02\0\0\0\x02c\0",
        Err(Error::NullCharacter),
    ),
    (
        "MQTT-1.5.3-3: U+FEFF is a character",
        Client,
        b"\x30\x05\0\x03\xef\xbb\xbf",
        Ok(()),
    ),
    (
        "figure 1.2: A and U+2A6D4",
        Client,
        b"\x30\x07\0\x05A\xf0\xaa\x9b\x94",
        Ok(()),
    ),
    // PUBLISH, section 3.3.
    (
        "MQTT-3.3.1-2: DUP with QoS 0",
        Client,
        b"\x38\x03\0\x01a",
        Err(Error::DupWithQos0),
    ),
    (
        "MQTT-3.3.1-2: DUP with QoS 1",
        Client,
        b"\x3a\x05\0\x01a\0\x01",
        Ok(()),
    ),
    (
        "MQTT-3.3.1-4: QoS 3",
        Client,
        b"\x36\x05\0\x01a\0\x01",
        Err(Error::ReservedQos),
    ),
    (
        "MQTT-3.3.2-1: no topic",
        Client,
        b"\x30\x00",
        Err(Error::FieldTooLong),
    ),
    (
        "MQTT-3.3.2-1: a topic beyond the packet",
        Client,
        b"\x30\x03\0\x02a",
        Err(Error::FieldTooLong),
    ),
    (
        "MQTT-3.3.2-2: + in a topic name",
        Client,
        b"\x30\x05\0\x03a/+",
        Err(Error::WildcardInTopicName),
    ),
    (
        "MQTT-3.3.2-2: # in a topic name",
        Server,
        b"\x30\x05\0\x03a/#",
        Err(Error::WildcardInTopicName),
    ),
    (
        "MQTT-4.7.3-1: an empty topic name",
        Client,
        b"\x30\x02\0\0",
        Err(Error::EmptyTopic),
    ),
    (
        "MQTT-2.3.1-1: packet identifier 0",
        Client,
        b"\x32\x05\0\x01a\0\0",
        Err(Error::PacketIdZero),
    ),
    (
        "MQTT-2.3.1-1: no packet identifier",
        Client,
        b"\x32\x04\0\x01a\0",
        Err(Error::FieldTooLong),
    ),
    (
        "MQTT-2.3.1-5: QoS 0 has none: the payload is two zeros",
        Client,
        b"\x30\x05\0\x01a\0\0",
        Ok(()),
    ),
    (
        "3.3.3: an empty payload",
        Server,
        b"\x35\x05\0\x01a\0\x01",
        Ok(()),
    ),
    // Acknowledgements, sections 3.4 to 3.7 and 3.11.
    (
        "MQTT-2.3.1-6: PUBACK with packet identifier 0",
        Client,
        b"\x40\x02\0\0",
        Err(Error::PacketIdZero),
    ),
    (
        "3.4: PUBACK of one byte",
        Client,
        b"\x40\x01\0",
        Err(Error::FieldTooLong),
    ),
    (
        "3.5: PUBREC with a byte too many",
        Client,
        b"\x50\x03\0\x01\0",
        Err(Error::TrailingBytes),
    ),
    ("3.7: PUBCOMP", Server, b"\x70\x02\xff\xff", Ok(())),
    (
        "MQTT-2.3.1-7: UNSUBACK with packet identifier 0",
        Client,
        b"\xb0\x02\0\0",
        Err(Error::PacketIdZero),
    ),
    // CONNECT, section 3.1.
    (
        "MQTT-3.1.2-1: MQIsdp",
        Server,
        b"\x10\x0e\0\x06MQIsdp\x03\x02\0\0\0\0",
        Err(Error::ProtocolName),
    ),
    (
        "MQTT-3.1.2-1: mqtt",
        Server,
        b"\x10\x0c\0\x04mqtt\x04\x02\0\0\0\0",
        Err(Error::ProtocolName),
    ),
    (
        "MQTT-3.1.2-2: level 3",
        Server,
        b"\x10\x0c\0\x04MQTT\x03\x02\0\0\0\0",
        Err(Error::UnsupportedProtocol(3)),
    ),
    (
        "MQTT-3.1.2-2: level 5",
        Server,
        b"\x10\x0d\0\x04MQTT\x05\x02\0\0\0\0\0",
        Err(Error::UnsupportedProtocol(5)),
    ),
    (
        "MQTT-3.1.2-3: the reserved flag",
        Server,
        b"\x10\x0c\0\x04MQTT\x04\x03\0\0\0\0",
        Err(Error::ConnectReservedFlag),
    ),
    (
        "MQTT-3.1.2-9: a will without its fields",
        Server,
        b"\x10\x0c\0\x04MQTT\x04\x06\0\0\0\0",
        Err(Error::FieldTooLong),
    ),
    (
        "MQTT-3.1.2-11: will fields without the flag",
        Server,
        b"\x10\x11\0\x04MQTT\x04\x02\0\0\0\0\0\x01w\0\0",
        Err(Error::TrailingBytes),
    ),
    (
        "MQTT-3.1.2-13: will QoS without a will",
        Server,
        b"\x10\x0c\0\x04MQTT\x04\x0a\0\0\0\0",
        Err(Error::WillFlags),
    ),
    (
        "MQTT-3.1.2-15: will retain without a will",
        Server,
        b"\x10\x0c\0\x04MQTT\x04\x22\0\0\0\0",
        Err(Error::WillFlags),
    ),
    (
        "MQTT-3.1.2-14: will QoS 3",
        Server,
        b"\x10\x11\0\x04MQTT\x04\x1e\0\0\0\0\0\x01w\0\0",
        Err(Error::ReservedQos),
    ),
    (
        "MQTT-3.1.2-14: will QoS 2",
        Server,
        b"\x10\x11\0\x04MQTT\x04\x16\0\0\0\0\0\x01w\0\0",
        Ok(()),
    ),
    (
        "MQTT-3.1.3-10: an ill-formed will topic",
        Server,
        b"\x10\x11\0\x04MQTT\x04\x06\0\0\0\0\0\x01\xff\0\0",
        Err(Error::IllFormedUtf8),
    ),
    (
        "MQTT-4.7.1-1: a will topic with a wildcard",
        Server,
        b"\x10\x11\0\x04MQTT\x04\x06\0\0\0\0\0\x01#\0\0",
        Err(Error::WildcardInTopicName),
    ),
    (
        "MQTT-3.1.2-18: a user name without its flag",
        Server,
        b"\x10\x0f\0\x04MQTT\x04\x02\0\0\0\0\0\x01u",
        Err(Error::TrailingBytes),
    ),
    (
        "MQTT-3.1.2-19: no user name in spite of the flag",
        Server,
        b"\x10\x0c\0\x04MQTT\x04\x82\0\0\0\0",
        Err(Error::FieldTooLong),
    ),
    (
        "MQTT-3.1.2-20: a password without its flag",
        Server,
        b"\x10\x12\0\x04MQTT\x04\x82\0\0\0\0\0\x01u\0\x01p",
        Err(Error::TrailingBytes),
    ),
    (
        "MQTT-3.1.2-21: no password in spite of the flag",
        Server,
        b"\x10\x0f\0\x04MQTT\x04\xc2\0\0\0\0\0\x01u",
        Err(Error::FieldTooLong),
    ),
    (
        "MQTT-3.1.2-22: a password without a user name",
        Server,
        b"\x10\x0f\0\x04MQTT\x04\x42\0\0\0\0\0\x01p",
        Err(Error::PasswordWithoutUserName),
    ),
    (
        "3.1.3.5: a password need not be text",
        Server,
        b"\x10\x12\0\x04MQTT\x04\xc2\0\0\0\0\0\x01u\0\x01\xff",
        Ok(()),
    ),
    (
        "MQTT-3.1.3-3: no client identifier",
        Server,
        b"\x10\x0a\0\x04MQTT\x04\x02\0\0",
        Err(Error::FieldTooLong),
    ),
    (
        "MQTT-3.1.3-4: an ill-formed client identifier",
        Server,
        b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01\xff",
        Err(Error::IllFormedUtf8),
    ),
    (
        "MQTT-3.1.3-6: an empty client identifier",
        Server,
        b"\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0",
        Ok(()),
    ),
    (
        "MQTT-3.1.3-7: an empty client identifier, kept session",
        Server,
        b"\x10\x0c\0\x04MQTT\x04\0\0\0\0\0",
        Err(Error::EmptyClientId),
    ),
    (
        "MQTT-3.1.3-11: an ill-formed user name",
        Server,
        b"\x10\x0f\0\x04MQTT\x04\x82\0\0\0\0\0\x01\xff",
        Err(Error::IllFormedUtf8),
    ),
    // CONNACK, section 3.2.
    (
        "3.2.2.1: a reserved flag",
        Client,
        b"\x20\x02\x02\0",
        Err(Error::ConnAckFlags),
    ),
    (
        "MQTT-3.2.2-4: a refusal with a session",
        Client,
        b"\x20\x02\x01\x05",
        Err(Error::SessionPresentOnRefusal),
    ),
    (
        "table 3.1: return code 5",
        Client,
        b"\x20\x02\0\x05",
        Ok(()),
    ),
    (
        "table 3.1: return code 6",
        Client,
        b"\x20\x02\0\x06",
        Err(Error::ConnectReturnCode(6)),
    ),
    (
        "3.2: one byte",
        Client,
        b"\x20\x01\0",
        Err(Error::FieldTooLong),
    ),
    (
        "3.2: three bytes",
        Client,
        b"\x20\x03\0\0\0",
        Err(Error::TrailingBytes),
    ),
    // SUBSCRIBE, SUBACK, UNSUBSCRIBE, sections 3.8 to 3.10 and 4.7.
    (
        "MQTT-3.8.3-1: an ill-formed filter",
        Server,
        b"\x82\x06\0\x01\0\x01\xff\0",
        Err(Error::IllFormedUtf8),
    ),
    (
        "MQTT-3.8.3-3: no filter",
        Server,
        b"\x82\x02\0\x01",
        Err(Error::NoFilters),
    ),
    (
        "MQTT-3.8.3-4: QoS 3",
        Server,
        b"\x82\x06\0\x01\0\x01a\x03",
        Err(Error::ReservedQos),
    ),
    (
        "MQTT-3.8.3-4: reserved bits",
        Server,
        b"\x82\x06\0\x01\0\x01a\x04",
        Err(Error::SubscribeOptions),
    ),
    (
        "MQTT-2.3.1-1: SUBSCRIBE with packet identifier 0",
        Server,
        b"\x82\x06\0\0\0\x01a\0",
        Err(Error::PacketIdZero),
    ),
    (
        "MQTT-4.7.1-2: # before the end",
        Server,
        b"\x82\x08\0\x01\0\x03#/a\0",
        Err(Error::MisplacedWildcard),
    ),
    (
        "MQTT-4.7.1-2: # beside a character",
        Server,
        b"\x82\x07\0\x01\0\x02a#\0",
        Err(Error::MisplacedWildcard),
    ),
    (
        "MQTT-4.7.1-3: + beside a character",
        Server,
        b"\x82\x07\0\x01\0\x02a+\0",
        Err(Error::MisplacedWildcard),
    ),
    (
        "MQTT-4.7.1-3: + alone in its level",
        Server,
        b"\x82\x0a\0\x01\0\x05+/a/+\x02",
        Ok(()),
    ),
    (
        "MQTT-4.7.3-1: an empty filter",
        Server,
        b"\x82\x05\0\x01\0\0\0",
        Err(Error::EmptyTopic),
    ),
    (
        "MQTT-4.7.3-2: the null character in a filter",
        Server,
        b"\x82\x06\0\x01\0\x01\0\0",
        Err(Error::NullCharacter),
    ),
    (
        "3.9: no return code",
        Client,
        b"\x90\x02\0\x01",
        Err(Error::NoReturnCodes),
    ),
    (
        "MQTT-3.9.3-2: return code 3",
        Client,
        b"\x90\x03\0\x01\x03",
        Err(Error::SubAckCode(3)),
    ),
    (
        "MQTT-3.9.3-2: 0, 1, 2 and refused",
        Client,
        b"\x90\x06\0\x01\0\x01\x02\x80",
        Ok(()),
    ),
    (
        "MQTT-3.10.3-1: an ill-formed filter",
        Server,
        b"\xa2\x05\0\x01\0\x01\xff",
        Err(Error::IllFormedUtf8),
    ),
    (
        "MQTT-3.10.3-2: no filter",
        Server,
        b"\xa2\x02\0\x01",
        Err(Error::NoFilters),
    ),
    (
        "MQTT-4.7.1-2: a filter to give up is valid too",
        Server,
        b"\xa2\x06\0\x01\0\x02a#",
        Err(Error::MisplacedWildcard),
    ),
];

#[test]
fn every_vector_is_judged_as_the_specification_says() {
    for &(statement, reader, bytes, expected) in VECTORS {
        let found = read(bytes, reader).map(|read| {
            let (_, consumed) = read.unwrap_or_else(|| panic!("{statement}: incomplete"));
            assert_eq!(consumed, bytes.len(), "{statement}");
        });
        assert_eq!(found, expected, "{statement}: {bytes:02x?}");
    }
}

#[test]
fn the_vectors_reach_every_error_of_the_version() {
    let names: BTreeSet<&str> = VECTORS
        .iter()
        .filter_map(|vector| vector.3.err())
        .map(DecodeError::name)
        .collect();
    // Those of 5.0 besides: see `five`.
    assert_eq!(names.len(), 28, "{names:?}");
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same_with_every_role_that_may_read_it(specimen in any_specimen()) {
        let bytes = specimen.write();
        for role in ROLES {
            match read(&bytes, role) {
                Ok(Some((packet, consumed))) => {
                    prop_assert!(packet.kind().is_read_by(role, Version::V311));
                    prop_assert_eq!(Specimen::of(&packet), specimen.clone());
                    prop_assert_eq!(consumed, bytes.len());
                    let mut again = Vec::new();
                    prop_assert_eq!(packet.write(Version::V311, &mut again), Ok(()));
                    prop_assert_eq!(&again, &bytes);
                }
                other => prop_assert_eq!(other, Err(DecodeError::WrongDirection(specimen.kind()))),
            }
        }
    }

    #[test]
    fn every_truncation_is_incomplete(specimen in any_specimen()) {
        let bytes = specimen.write();
        for role in readers(specimen.kind()) {
            for end in 0..bytes.len() {
                prop_assert_eq!(read(&bytes[..end], role), Ok(None));
            }
        }
    }

    #[test]
    fn a_stream_split_anywhere_gives_the_same_packets(
        specimens in vec(any_specimen(), 1..8),
        role in prop::sample::select(&ROLES[..]),
    ) {
        let specimens: Vec<_> = specimens.into_iter().filter(|one| one.kind().is_read_by(role, Version::V311)).collect();
        let stream: Vec<u8> = specimens.iter().flat_map(Specimen::write).collect();
        for split in 0..=stream.len() {
            let (mut packets, first) = (Vec::new(), &stream[..split]);
            let left = take_all(first, role, &mut packets);
            take_all(&stream[split - left..], role, &mut packets);
            prop_assert_eq!(&packets, &specimens);
        }
    }

    #[test]
    fn bytes_out_of_nowhere_never_panic(bytes in vec(any::<u8>(), 0..64)) {
        for role in ROLES {
            judge(&bytes, role);
        }
    }
}

/// Takes packets until one is incomplete; returns the bytes left over.
fn take_all(mut bytes: &[u8], role: Role, packets: &mut Vec<Specimen>) -> usize {
    while let Some((packet, consumed)) = read(bytes, role).expect("valid") {
        packets.push(Specimen::of(&packet));
        bytes = &bytes[consumed..];
    }
    bytes.len()
}

/// What must hold for any bytes at all. Returns the kind of packet they were.
fn judge(bytes: &[u8], role: Role) -> Option<Kind> {
    let (packet, consumed) = read(bytes, role).ok()??;
    assert!((2..=bytes.len()).contains(&consumed), "{bytes:02x?}");
    let mut again = Vec::new();
    packet
        .write(Version::V311, &mut again)
        .expect("what was read can be written");
    let header = header::read(bytes).expect("valid").expect("complete");
    let shortest = 1 + header::remaining_length_len(header.remaining_length as usize);
    if header.len == shortest {
        assert_eq!(again, bytes[..consumed], "{packet:?}");
    } else {
        // The only freedom of the encoding: a remaining length with needless groups is written in
        // its shortest form.
        assert_eq!(again[shortest..], bytes[header.len..consumed], "{packet:?}");
        assert_eq!(read(&again, role), Ok(Some((packet, again.len()))));
    }
    Some(packet.kind())
}

#[test]
fn mutations_of_valid_packets_never_panic_and_what_reads_writes_the_same_bytes() {
    let mut runner = TestRunner::deterministic();
    let strategy = any_specimen();
    let mut specimen = || {
        strategy
            .new_tree(&mut runner)
            .expect("no filters to exhaust")
            .current()
    };
    let valid: Vec<Vec<u8>> = (0..400).map(|_| specimen().write()).collect();
    let mut random = Random::new(42);
    let (mut accepted, mut kinds) = (0, BTreeSet::new());
    for _ in 0..MUTATIONS {
        let bytes = mutate(&mut random, &valid);
        for role in ROLES {
            if let Some(kind) = judge(&bytes, role) {
                accepted += 1;
                kinds.insert(kind as u8);
            }
        }
    }
    // Neither side of the judgement is empty, and every packet type came through.
    assert!(
        (MUTATIONS / 10..MUTATIONS * 2).contains(&accepted),
        "{accepted} of {MUTATIONS}"
    );
    assert_eq!(kinds, (1..=14).collect());
}
