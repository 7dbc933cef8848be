//! The codec against "MQTT Version 5.0" (OASIS Standard, 7 March 2019): round trips, truncation,
//! mutations. Not here: the vectors, see `vectors_5`.

use std::collections::BTreeSet;

use midge::mqtt::{DecodeError, Kind, Packet, Role, Version, decode};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::mutation::{Random, mutate};
use crate::specimen_5::{Specimen5, random_specimen};
use crate::vectors_5::VECTORS;
use crate::{MAX_PACKET, MUTATIONS, ROLES};

fn read(bytes: &[u8], reader: Role) -> Result<Option<(Packet<'_>, usize)>, DecodeError> {
    decode(bytes, reader, Version::V5, MAX_PACKET)
}

#[test]
fn every_vector_of_version_5_is_judged_as_the_specification_says() {
    for &(statement, reader, bytes, expected) in VECTORS {
        let found = read(bytes, reader).map(|read| {
            let (_, consumed) = read.unwrap_or_else(|| panic!("{statement}: incomplete"));
            assert_eq!(consumed, bytes.len(), "{statement}");
        });
        assert_eq!(found, expected, "{statement}: {bytes:02x?}");
    }
}

/// Errors that 5.0 cannot have: it has AUTH, other reasons, and allows what they refuse.
const OF_3_1_1: [&str; 4] = [
    "connect-return-code",
    "empty-client-id",
    "password-without-user-name",
    "suback-code",
];

#[test]
fn the_vectors_of_both_versions_reach_every_error() {
    let names = |vectors: &[crate::Vector]| -> BTreeSet<&str> {
        let errors = vectors.iter().filter_map(|vector| vector.3.err());
        errors.map(DecodeError::name).collect()
    };
    let (three, five) = (names(crate::VECTORS), names(VECTORS));
    // The number of variants of `DecodeError`: a new one needs a vector.
    assert_eq!(three.union(&five).count(), 38);
    let missing: Vec<_> = three.difference(&five).copied().collect();
    assert_eq!(missing, OF_3_1_1);
}

proptest! {
    #[test]
    fn what_is_written_in_version_5_reads_the_same(seed in any::<u64>()) {
        let (specimen, reader) = random_specimen(&mut Random::new(seed));
        let bytes = specimen.write();
        let (packet, consumed) = read(&bytes, reader).expect("valid").expect("complete");
        prop_assert_eq!(consumed, bytes.len());
        prop_assert_eq!(Specimen5::of(&packet), specimen);
        let mut again = Vec::new();
        prop_assert_eq!(packet.write(Version::V5, &mut again), Ok(()));
        prop_assert_eq!(&again, &bytes);
        for end in 0..bytes.len() {
            prop_assert_eq!(read(&bytes[..end], reader), Ok(None));
        }
    }

    #[test]
    fn the_other_role_refuses_what_is_not_for_it_and_reads_the_same_otherwise(seed in any::<u64>()) {
        let (specimen, reader) = random_specimen(&mut Random::new(seed));
        let other = if reader == Role::Client { Role::Server } else { Role::Client };
        let bytes = specimen.write();
        match read(&bytes, other) {
            Ok(Some((packet, _))) => prop_assert_eq!(Specimen5::of(&packet), specimen),
            Err(DecodeError::WrongDirection(kind)) => prop_assert!(!kind.is_read_by(other, Version::V5)),
            Err(DecodeError::ReasonCode(_)) => prop_assert!(matches!(bytes[0] >> 4, 4 | 5 | 14 | 15)),
            Err(DecodeError::MisplacedProperty(id)) => prop_assert!(matches!(id, 0x0b | 0x11 | 0x1c)),
            unexpected => prop_assert!(false, "{:?}: {:?}", specimen, unexpected),
        }
    }

    #[test]
    fn bytes_out_of_nowhere_never_panic_in_version_5(bytes in vec(any::<u8>(), 0..64)) {
        for role in ROLES {
            judge(&bytes, role);
        }
    }
}

/// What must hold for any bytes at all. Returns the kind of packet they were.
fn judge(bytes: &[u8], role: Role) -> Option<Kind> {
    let (packet, consumed) = read(bytes, role).ok()??;
    assert!((2..=bytes.len()).contains(&consumed), "{bytes:02x?}");
    let mut again = Vec::new();
    packet
        .write(Version::V5, &mut again)
        .expect("what was read can be written");
    if again != bytes[..consumed] {
        // The only freedom of the encoding: success and no properties may be said or not.
        assert!(matches!(packet.kind() as u8, 4..=7 | 14 | 15), "{packet:?}");
        assert!(again.len() < consumed, "{packet:?}");
        assert_eq!(read(&again, role), Ok(Some((packet, again.len()))));
    }
    let specimen = Specimen5::of(&packet);
    assert_eq!(specimen.write(), again, "{specimen:?}");
    Some(packet.kind())
}

#[test]
fn mutations_of_version_5_never_panic_and_what_reads_writes_the_same_bytes() {
    let mut random = Random::new(5);
    let valid: Vec<Vec<u8>> = (0..800)
        .map(|_| random_specimen(&mut random).0.write())
        .collect();
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
    assert_eq!(kinds, (1..=15).collect());
}
