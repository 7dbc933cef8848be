//! midge's codec against three published ones. Not here: the rules of the specification, see
//! midge's `tests/codec.rs`.

use std::collections::{BTreeMap, BTreeSet};

use midge::mqtt::{DecodeError, Role, Version, decode};
use midge_oracle::mutation::{Random, mutate};
use midge_oracle::specimen::{Specimen, any_specimen};
use midge_oracle::{ORACLES, Oracle, Reading};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const MUTATIONS: usize = 200_000;

fn read(bytes: &[u8], role: Role) -> Result<Option<Specimen>, DecodeError> {
    let read = decode(bytes, role, Version::V311, 1 << 20)?;
    Ok(read.map(|(packet, _)| Specimen::of(&packet)))
}

/// Whether a codec's own types can hold the packet. Only mqttbytes-ng's cannot hold all: an empty
/// user name or password is none to it, and a password is text, although it is binary data (section
/// 3.1.3.5).
fn can_hold(oracle: &Oracle, specimen: &Specimen) -> bool {
    let Specimen::Connect {
        username, password, ..
    } = specimen
    else {
        return true;
    };
    oracle.name != "mqttbytes-ng"
        || (username.as_deref() != Some("")
            && password.as_deref() != Some(&[])
            && std::str::from_utf8(password.as_deref().unwrap_or_default()).is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_midge_writes_all_others_read_with_equal_fields(specimen in any_specimen()) {
        let bytes = specimen.write();
        for oracle in ORACLES.iter().filter(|oracle| can_hold(oracle, &specimen)) {
            prop_assert_eq!((oracle.read)(&bytes), Reading::Packet(specimen.clone()), "{}", oracle.name);
        }
    }

    #[test]
    fn what_the_others_write_midge_reads_with_equal_fields(specimen in any_specimen()) {
        let role = if specimen.kind().is_read_by(Role::Client, Version::V311) { Role::Client } else { Role::Server };
        for oracle in ORACLES.iter().filter(|oracle| can_hold(oracle, &specimen)) {
            let bytes = (oracle.write)(&specimen);
            prop_assert!(bytes.is_some(), "{} cannot write it", oracle.name);
            let bytes = bytes.unwrap_or_default();
            prop_assert_eq!(read(&bytes, role), Ok(Some(specimen.clone())), "{}", oracle.name);
            prop_assert_eq!(&bytes, &specimen.write(), "{}", oracle.name);
        }
    }
}

/// Packets that midge reads and the majority refuses or reads otherwise: what they are, how to
/// tell, and why midge is right.
type Exception = (&'static str, fn(&Specimen) -> bool, &'static str);

/// Empty: with eight million mutations there was none.
const MIDGE_ALONE_ACCEPTS: &[Exception] = &[];

/// Errors for which midge refuses packets that all the others read, and the statement that demands
/// it.
const MIDGE_ALONE_REFUSES: &[(&str, &str)] = &[
    ("dup-with-qos-0", "MQTT-3.3.1-2"),
    ("misplaced-wildcard", "MQTT-4.7.1-2, MQTT-4.7.1-3"),
    ("null-character", "MQTT-1.5.3-2"),
    ("session-present-on-refusal", "MQTT-3.2.2-4"),
    ("subscribe-options", "MQTT-3.8.3-4"),
    ("wildcard-in-topic-name", "MQTT-3.3.2-2"),
];

#[test]
fn mutations_that_midge_reads_a_majority_reads_alike() {
    let mut used = BTreeSet::new();
    let mut accepted = 0;
    for_each_mutation(|bytes, role| {
        let Ok(Some(specimen)) = read(bytes, role) else {
            return;
        };
        accepted += 1;
        let alike = |oracle: &&Oracle| (oracle.read)(bytes) == Reading::Packet(specimen.clone());
        if ORACLES.iter().filter(alike).count() >= 2 {
            return;
        }
        match MIDGE_ALONE_ACCEPTS
            .iter()
            .find(|(_, applies, _)| applies(&specimen))
        {
            Some((name, _, _)) => drop(used.insert(*name)),
            None => panic!(
                "{bytes:02x?} is {specimen:?}; {:?}",
                ORACLES.map(|oracle| (oracle.read)(bytes))
            ),
        }
    });
    assert!(accepted > MUTATIONS / 10);
    assert_eq!(
        used,
        MIDGE_ALONE_ACCEPTS.iter().map(|(name, ..)| *name).collect(),
        "exceptions out of use"
    );
}

#[test]
fn mutations_that_midge_alone_refuses_break_a_rule_that_the_others_do_not_check() {
    let mut examples = BTreeMap::new();
    for_each_mutation(|bytes, role| {
        let Err(error) = read(bytes, role) else {
            return;
        };
        // None of the others knows who reads.
        if matches!(error, DecodeError::WrongDirection(_)) {
            return;
        }
        let readings = ORACLES.map(|oracle| (oracle.read)(bytes));
        if readings
            .iter()
            .all(|reading| matches!(reading, Reading::Packet(_)))
        {
            let example = format!("{error}: {bytes:02x?}, {readings:?}");
            examples.entry(error.name()).or_insert(example);
        }
    });
    let found: BTreeSet<_> = examples.keys().copied().collect();
    let listed = MIDGE_ALONE_REFUSES.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, listed, "{examples:#?}");
}

fn for_each_mutation(mut judge: impl FnMut(&[u8], Role)) {
    let mut runner = TestRunner::deterministic();
    let strategy = any_specimen();
    let mut specimen = || {
        strategy
            .new_tree(&mut runner)
            .expect("nothing is filtered")
            .current()
    };
    let valid: Vec<Vec<u8>> = (0..400).map(|_| specimen().write()).collect();
    let mut random = Random::new(311);
    for _ in 0..MUTATIONS {
        let bytes = mutate(&mut random, &valid);
        judge(&bytes, Role::Client);
        judge(&bytes, Role::Server);
    }
}
