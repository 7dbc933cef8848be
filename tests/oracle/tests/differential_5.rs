//! midge's codec of MQTT 5 against three published ones. Not here: the rules of the specification, see
//! midge's `tests/codec/vectors_5.rs`.

use std::collections::{BTreeMap, BTreeSet};

use midge::mqtt::{DecodeError, Role, Version, decode};
use midge_oracle::five::{ORACLES_5, Oracle5, Rewriting};
use midge_oracle::mutation::{Random, mutate};
use midge_oracle::specimen_5::{Specimen5, Value, random_specimen};

const WRITTEN: usize = 20_000;
const MUTATIONS: usize = 200_000;

fn read(bytes: &[u8], role: Role) -> Result<Option<Specimen5>, DecodeError> {
    let read = decode(bytes, role, Version::V5, 1 << 20)?;
    Ok(read.map(|(packet, _)| Specimen5::of(&packet)))
}

/// Without what says nothing: the order of properties but for repeated ones, and those whose value is
/// what their absence means. Codecs keep neither.
fn meaning(mut specimen: Specimen5) -> Specimen5 {
    let is_ack = matches!(specimen, Specimen5::ConnAck(..));
    for list in specimen.lists_mut().into_iter().flatten() {
        list.retain(|(id, value)| {
            !matches!(
                (id, value),
                // Payload format indicator, session expiry interval, will delay interval, request
                // response information, topic alias maximum: 0.
                (0x01 | 0x18 | 0x19 | 0x22, Value::Number(0))
                    // Request problem information, what a server has: 1.
                    | (0x17 | 0x25 | 0x28..=0x2a, Value::Number(1))
                    | (0x21, Value::Number(65_535))
            ) && (is_ack || (*id, value) != (0x11, &Value::Number(0)))
        });
        list.sort_by_key(|(id, _)| *id);
    }
    specimen
}

/// What another codec has read, as far as its own writing tells.
fn reading(oracle: &Oracle5, bytes: &[u8], role: Role) -> Option<Specimen5> {
    match (oracle.rewrite)(bytes) {
        Rewriting::Bytes(again) => read(&again, role).ok().flatten().map(meaning),
        Rewriting::Incomplete | Rewriting::Refused(_) => None,
    }
}

/// Packets that a codec cannot hold or misreads: which codec, what they are, how to tell, and the
/// section that allows them.
type Gap = (
    &'static str,
    &'static str,
    fn(&Specimen5) -> bool,
    &'static str,
);

const GAPS: &[Gap] = &[
    (
        "mqtt-protocol-core",
        "a password without a user name",
        password_alone,
        "3.1.2.9: 5.0 allows it",
    ),
    (
        "rmqtt-codec",
        "no client identifier for a kept session",
        unnamed_session,
        "3.1.3.1: only 3.1.1 ties them",
    ),
    (
        "mqttbytes-ng",
        "a login that is not two texts, each with something in it",
        login_no_text,
        "3.1.3.6: a password is binary data",
    ),
    (
        "mqttbytes-ng",
        "DISCONNECT with a reason and no property length",
        bare_disconnect,
        "3.14.2.2.1: it may be left out",
    ),
    (
        "mqttbytes-ng",
        "AUTH",
        |specimen| matches!(specimen, Specimen5::Auth(..)),
        "3.15: it is a packet of 5.0",
    ),
    (
        "mqttbytes-ng",
        "several subscription identifiers, each of which it counts as one byte too many",
        several_subscriptions,
        "3.3.2.3.8, MQTT-3.3.4-4",
    ),
];

fn password_alone(specimen: &Specimen5) -> bool {
    matches!(
        specimen,
        Specimen5::Connect {
            username: None,
            password: Some(_),
            ..
        }
    )
}

fn unnamed_session(specimen: &Specimen5) -> bool {
    matches!(specimen, Specimen5::Connect { client_id, clean_session: false, .. } if client_id.is_empty())
}

fn login_no_text(specimen: &Specimen5) -> bool {
    let Specimen5::Connect {
        username, password, ..
    } = specimen
    else {
        return false;
    };
    let is_text =
        |password: &Vec<u8>| std::str::from_utf8(password).is_ok_and(|text| !text.is_empty());
    username.as_deref() == Some("")
        || password.as_ref().is_some_and(|password| !is_text(password))
        || password.is_some() && username.is_none()
}

fn several_subscriptions(specimen: &Specimen5) -> bool {
    let Specimen5::Publish { properties, .. } = specimen else {
        return false;
    };
    properties.iter().filter(|(id, _)| *id == 0x0b).count() > 1
}

fn bare_disconnect(specimen: &Specimen5) -> bool {
    matches!(specimen, Specimen5::Disconnect(1.., properties) if properties.is_empty())
}

fn gap(oracle: &Oracle5, specimen: &Specimen5) -> Option<&'static str> {
    let of = GAPS.iter().filter(|(codec, ..)| *codec == oracle.name);
    of.filter(|(_, _, applies, _)| applies(specimen))
        .map(|(_, name, ..)| *name)
        .next()
}

#[test]
fn what_midge_writes_in_version_5_all_others_read_and_write_alike() {
    let mut random = Random::new(500);
    let mut differences = BTreeMap::new();
    let mut used = BTreeSet::new();
    for _ in 0..WRITTEN {
        let (specimen, role) = random_specimen(&mut random);
        let bytes = specimen.write();
        for oracle in &ORACLES_5 {
            let found = reading(oracle, &bytes, role);
            if found.as_ref() == Some(&meaning(specimen.clone())) {
                continue;
            }
            if let Some(name) = gap(oracle, &specimen) {
                used.insert((oracle.name, name));
                continue;
            }
            let key = (oracle.name, bytes[0] >> 4);
            let example = format!(
                "{specimen:?}: {bytes:02x?}: {:02x?}",
                (oracle.rewrite)(&bytes)
            );
            differences.entry(key).or_insert(example);
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    let listed = GAPS.iter().map(|(codec, name, ..)| (*codec, *name));
    assert_eq!(used, listed.collect(), "gaps out of use");
}

/// Packets that midge reads and the majority refuses or reads otherwise: what they are, how to tell,
/// and why midge is right.
type Exception = (&'static str, fn(&Specimen5) -> bool, &'static str);

const MIDGE_ALONE_ACCEPTS: &[Exception] = &[];

/// Errors for which midge refuses packets that all the others read, and the statement or section that
/// demands it.
const MIDGE_ALONE_REFUSES: &[(&str, &str)] = &[
    ("dup-with-qos-0", "MQTT-3.3.1-2"),
    ("empty-topic", "MQTT-4.7.3-1, section 3.3.2.1"),
    ("misplaced-property", "MQTT-3.3.4-6, MQTT-3.14.2-2"),
    ("misplaced-wildcard", "MQTT-4.7.1-1, MQTT-4.7.1-2"),
    ("no-local-on-shared", "MQTT-3.8.3-4"),
    ("null-character", "MQTT-1.5.4-2"),
    (
        "reason-code",
        "MQTT-3.14.2-1, MQTT-3.15.2-1: not of this sender",
    ),
    ("session-present-on-refusal", "MQTT-3.2.2-6"),
    ("variable-byte-integer", "MQTT-1.5.5-1"),
    ("wildcard-in-topic-name", "MQTT-4.7.0-1, MQTT-3.3.2-14"),
];

#[test]
fn mutations_of_version_5_that_midge_reads_a_majority_reads_alike() {
    let (mut used, mut unknown) = (BTreeSet::new(), BTreeMap::new());
    let mut accepted = 0;
    for_each_mutation(|bytes, role| {
        let Ok(Some(specimen)) = read(bytes, role) else {
            return;
        };
        accepted += 1;
        let expected = Some(meaning(specimen.clone()));
        let alike = |oracle: &&Oracle5| reading(oracle, bytes, role) == expected;
        if ORACLES_5.iter().filter(alike).count() >= 2 {
            return;
        }
        let gaps = ORACLES_5
            .iter()
            .filter(|oracle| gap(oracle, &specimen).is_some());
        let exception = MIDGE_ALONE_ACCEPTS
            .iter()
            .find(|(_, applies, _)| applies(&specimen));
        if let Some((name, ..)) = exception {
            used.insert(*name);
        } else if gaps.count() < 2 {
            let readings = ORACLES_5.map(|oracle| (oracle.rewrite)(bytes));
            let examples: &mut Vec<String> = unknown.entry(bytes[0] >> 4).or_default();
            if examples.len() < 4 {
                examples.push(format!("{specimen:?}: {bytes:02x?}: {readings:02x?}"));
            }
        }
    });
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert!(accepted > MUTATIONS / 10);
    let listed = MIDGE_ALONE_ACCEPTS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(used, listed, "exceptions out of use");
}

#[test]
fn mutations_of_version_5_that_midge_alone_refuses_break_a_rule_that_the_others_do_not_check() {
    let mut examples = BTreeMap::new();
    for_each_mutation(|bytes, role| {
        let Err(error) = read(bytes, role) else {
            return;
        };
        // None of the others knows who reads.
        if matches!(error, DecodeError::WrongDirection(_)) {
            return;
        }
        let rewritings = ORACLES_5.map(|oracle| (oracle.rewrite)(bytes));
        if rewritings
            .iter()
            .all(|rewriting| matches!(rewriting, Rewriting::Bytes(_)))
        {
            let example = format!("{error}: {bytes:02x?}, {rewritings:02x?}");
            examples.entry(error.name()).or_insert(example);
        }
    });
    let found: BTreeSet<_> = examples.keys().copied().collect();
    let listed = MIDGE_ALONE_REFUSES.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, listed, "{examples:#?}");
}

fn for_each_mutation(mut judge: impl FnMut(&[u8], Role)) {
    let mut random = Random::new(5);
    let valid: Vec<Vec<u8>> = (0..800)
        .map(|_| random_specimen(&mut random).0.write())
        .collect();
    for _ in 0..MUTATIONS {
        let bytes = mutate(&mut random, &valid);
        judge(&bytes, Role::Client);
        judge(&bytes, Role::Server);
    }
}
