//! Packets of MQTT 5 that own their fields: what codecs are compared by. Shared by the oracle package
//! and `tests/codec.rs`.
//!
//! Not a codec: writing goes through midge. The tables of which property and which reason belong where
//! are the specification's, copied once more, so that those of the codec are held against something.

use midge::mqtt::{
    Auth, ConnAck, Connect, Disconnect, Kind, Packet, Properties, Property, PropertyList, PubAck,
    PubComp, PubRec, PubRel, Publish, Qos, Reason, Role, SubAck, UnsubAck, Version, Will, decode,
    write_subscribe, write_unsubscribe,
};

use crate::mutation::Random;

/// Properties in their order on the wire.
pub type Owned = Vec<(u8, Value)>;

/// The value of a property.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Flags and numbers of all sizes.
    Number(u32),
    /// Text.
    Text(String),
    /// Binary data.
    Bytes(Vec<u8>),
    /// A user property.
    Pair(String, String),
}

/// The fields of a packet, with plain numbers for QoS, options and reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the names are those of the codec's own structs"
)]
pub enum Specimen5 {
    Connect {
        clean_session: bool,
        keep_alive: u16,
        client_id: String,
        username: Option<String>,
        password: Option<Vec<u8>>,
        will: Option<OwnedWill5>,
        properties: Owned,
    },
    ConnAck(bool, u8, Owned),
    Publish {
        dup: bool,
        qos: u8,
        retain: bool,
        topic: String,
        packet_id: u16,
        payload: Vec<u8>,
        properties: Owned,
    },
    /// PUBACK, PUBREC, PUBREL or PUBCOMP by its type: packet identifier, reason, properties.
    Ack(u8, u16, u8, Owned),
    Subscribe(u16, Owned, Vec<(String, u8)>),
    /// SUBACK or UNSUBACK by its type: packet identifier, properties, codes.
    Codes(u8, u16, Owned, Vec<u8>),
    Unsubscribe(u16, Owned, Vec<String>),
    PingReq,
    PingResp,
    Disconnect(u8, Owned),
    Auth(u8, Owned),
}

/// The will of a CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the codec's own struct")]
pub struct OwnedWill5 {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: u8,
    pub retain: bool,
    pub properties: Owned,
}

fn owned(properties: Properties<'_>) -> Owned {
    let value = |property| match property {
        Property::PayloadFormatIndicator(flag)
        | Property::RequestProblemInformation(flag)
        | Property::RequestResponseInformation(flag)
        | Property::RetainAvailable(flag)
        | Property::WildcardSubscriptionAvailable(flag)
        | Property::SubscriptionIdentifierAvailable(flag)
        | Property::SharedSubscriptionAvailable(flag) => Value::Number(flag.into()),
        Property::MaximumQos(qos) => Value::Number(qos as u32),
        Property::ServerKeepAlive(number)
        | Property::ReceiveMaximum(number)
        | Property::TopicAliasMaximum(number)
        | Property::TopicAlias(number) => Value::Number(number.into()),
        Property::MessageExpiryInterval(number)
        | Property::SubscriptionIdentifier(number)
        | Property::SessionExpiryInterval(number)
        | Property::WillDelayInterval(number)
        | Property::MaximumPacketSize(number) => Value::Number(number),
        Property::ContentType(text)
        | Property::ResponseTopic(text)
        | Property::AssignedClientIdentifier(text)
        | Property::AuthenticationMethod(text)
        | Property::ResponseInformation(text)
        | Property::ServerReference(text)
        | Property::ReasonString(text) => Value::Text(text.to_owned()),
        Property::CorrelationData(bytes) | Property::AuthenticationData(bytes) => {
            Value::Bytes(bytes.to_vec())
        }
        Property::UserProperty((name, value)) => Value::Pair(name.to_owned(), value.to_owned()),
    };
    properties
        .iter()
        .map(|property| (property.id(), value(property)))
        .collect()
}

fn property(id: u8, value: &Value) -> Property<'_> {
    let number = match value {
        Value::Number(number) => *number,
        _ => 0,
    };
    let text = match value {
        Value::Text(text) => text.as_str(),
        _ => "",
    };
    let (flag, short) = (number == 1, number as u16);
    match (id, value) {
        (0x09, Value::Bytes(bytes)) => Property::CorrelationData(bytes),
        (0x16, Value::Bytes(bytes)) => Property::AuthenticationData(bytes),
        (0x26, Value::Pair(name, value)) => Property::UserProperty((name, value)),
        (0x01, _) => Property::PayloadFormatIndicator(flag),
        (0x02, _) => Property::MessageExpiryInterval(number),
        (0x03, _) => Property::ContentType(text),
        (0x08, _) => Property::ResponseTopic(text),
        (0x0b, _) => Property::SubscriptionIdentifier(number),
        (0x11, _) => Property::SessionExpiryInterval(number),
        (0x12, _) => Property::AssignedClientIdentifier(text),
        (0x13, _) => Property::ServerKeepAlive(short),
        (0x15, _) => Property::AuthenticationMethod(text),
        (0x17, _) => Property::RequestProblemInformation(flag),
        (0x18, _) => Property::WillDelayInterval(number),
        (0x19, _) => Property::RequestResponseInformation(flag),
        (0x1a, _) => Property::ResponseInformation(text),
        (0x1c, _) => Property::ServerReference(text),
        (0x1f, _) => Property::ReasonString(text),
        (0x21, _) => Property::ReceiveMaximum(short),
        (0x22, _) => Property::TopicAliasMaximum(short),
        (0x23, _) => Property::TopicAlias(short),
        (0x24, _) => Property::MaximumQos(qos(number as u8)),
        (0x25, _) => Property::RetainAvailable(flag),
        (0x27, _) => Property::MaximumPacketSize(number),
        (0x28, _) => Property::WildcardSubscriptionAvailable(flag),
        (0x29, _) => Property::SubscriptionIdentifierAvailable(flag),
        (0x2a, _) => Property::SharedSubscriptionAvailable(flag),
        other => panic!("no property: {other:?}"),
    }
}

fn list(properties: &Owned) -> PropertyList {
    let mut list = PropertyList::new();
    for (id, value) in properties {
        list.push(property(*id, value)).expect("it is short");
    }
    list
}

fn reason(code: u8) -> Reason {
    let known = Reason::ALL.iter().find(|known| **known as u8 == code);
    *known.expect("a reason code")
}

fn qos(level: u8) -> Qos {
    Qos::try_from(level).expect("a valid QoS")
}

impl Specimen5 {
    /// Copies what midge has read.
    pub fn of(packet: &Packet<'_>) -> Self {
        let ack = |kind: Kind, packet_id, reason: Reason, properties| {
            Self::Ack(kind as u8, packet_id, reason as u8, owned(properties))
        };
        match *packet {
            Packet::Connect(connect) => Self::Connect {
                clean_session: connect.clean_session,
                keep_alive: connect.keep_alive,
                client_id: connect.client_id.to_owned(),
                username: connect.username.map(str::to_owned),
                password: connect.password.map(<[u8]>::to_vec),
                will: connect.will.map(|will| OwnedWill5 {
                    topic: will.topic.to_owned(),
                    payload: will.payload.to_vec(),
                    qos: will.qos as u8,
                    retain: will.retain,
                    properties: owned(will.properties),
                }),
                properties: owned(connect.properties),
            },
            Packet::ConnAck(ack) => {
                Self::ConnAck(ack.session_present, ack.reason as u8, owned(ack.properties))
            }
            Packet::Publish(publish) => Self::Publish {
                dup: publish.dup,
                qos: publish.qos as u8,
                retain: publish.retain,
                topic: publish.topic.to_owned(),
                packet_id: publish.packet_id,
                payload: publish.payload.to_vec(),
                properties: owned(publish.properties),
            },
            Packet::PubAck(p) => ack(Kind::PubAck, p.packet_id, p.reason, p.properties),
            Packet::PubRec(p) => ack(Kind::PubRec, p.packet_id, p.reason, p.properties),
            Packet::PubRel(p) => ack(Kind::PubRel, p.packet_id, p.reason, p.properties),
            Packet::PubComp(p) => ack(Kind::PubComp, p.packet_id, p.reason, p.properties),
            Packet::Subscribe(subscribe) => Self::Subscribe(
                subscribe.packet_id,
                owned(subscribe.properties),
                subscribe
                    .subscriptions()
                    .map(|(filter, options)| {
                        let byte = options.qos as u8
                            | u8::from(options.no_local) << 2
                            | u8::from(options.retain_as_published) << 3
                            | (options.retain_handling as u8) << 4;
                        (filter.to_owned(), byte)
                    })
                    .collect(),
            ),
            Packet::SubAck(p) => Self::Codes(9, p.packet_id, owned(p.properties), p.codes.to_vec()),
            Packet::Unsubscribe(p) => Self::Unsubscribe(
                p.packet_id,
                owned(p.properties),
                p.filters().map(str::to_owned).collect(),
            ),
            Packet::UnsubAck(p) => {
                Self::Codes(11, p.packet_id, owned(p.properties), p.codes.to_vec())
            }
            Packet::PingReq => Self::PingReq,
            Packet::PingResp => Self::PingResp,
            Packet::Disconnect(p) => Self::Disconnect(p.reason as u8, owned(p.properties)),
            Packet::Auth(p) => Self::Auth(p.reason as u8, owned(p.properties)),
        }
    }

    /// The bytes midge writes for it. The specimen is valid.
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.append(&mut out);
        out
    }

    fn append(&self, out: &mut Vec<u8>) {
        let lists = self
            .clone()
            .lists_mut()
            .map(|owned| owned.map(|owned| list(owned)).unwrap_or_default());
        let [properties, of_will] = lists.each_ref().map(PropertyList::as_properties);
        let version = Version::V5;
        let packet = match self {
            Self::Connect {
                clean_session,
                keep_alive,
                client_id,
                username,
                password,
                will,
                ..
            } => Packet::Connect(Connect {
                clean_session: *clean_session,
                keep_alive: *keep_alive,
                client_id,
                username: username.as_deref(),
                password: password.as_deref(),
                will: will.as_ref().map(|will| Will {
                    topic: &will.topic,
                    payload: &will.payload,
                    qos: qos(will.qos),
                    retain: will.retain,
                    properties: of_will,
                }),
                properties,
            }),
            Self::ConnAck(session_present, code, _) => Packet::ConnAck(ConnAck {
                session_present: *session_present,
                reason: reason(*code),
                properties,
            }),
            Self::Publish {
                dup,
                qos: level,
                retain,
                topic,
                packet_id,
                payload,
                ..
            } => Packet::Publish(Publish {
                dup: *dup,
                qos: qos(*level),
                retain: *retain,
                topic,
                packet_id: *packet_id,
                payload,
                properties,
            }),
            Self::Ack(kind, packet_id, code, _) => {
                ack(*kind, *packet_id, reason(*code), properties)
            }
            Self::Subscribe(packet_id, _, pairs) => {
                return write_pairs(*packet_id, properties, pairs, out);
            }
            Self::Codes(kind, packet_id, _, codes) => {
                codes_of(*kind, *packet_id, properties, codes)
            }
            Self::Unsubscribe(packet_id, _, filters) => {
                let filters = filters.iter().map(String::as_str);
                return write_unsubscribe(*packet_id, properties, filters, version, out)
                    .expect("valid");
            }
            Self::PingReq => Packet::PingReq,
            Self::PingResp => Packet::PingResp,
            Self::Disconnect(code, _) => Packet::Disconnect(Disconnect {
                reason: reason(*code),
                properties,
            }),
            Self::Auth(code, _) => Packet::Auth(Auth {
                reason: reason(*code),
                properties,
            }),
        };
        packet
            .write(version, out)
            .unwrap_or_else(|error| panic!("{self:?}: {error}"));
    }

    /// The properties of the packet itself and of its will, to be changed.
    pub fn lists_mut(&mut self) -> [Option<&mut Owned>; 2] {
        match self {
            Self::Connect {
                properties, will, ..
            } => [
                Some(properties),
                will.as_mut().map(|will| &mut will.properties),
            ],
            Self::ConnAck(_, _, properties)
            | Self::Publish { properties, .. }
            | Self::Ack(_, _, _, properties)
            | Self::Subscribe(_, properties, _)
            | Self::Codes(_, _, properties, _)
            | Self::Unsubscribe(_, properties, _)
            | Self::Disconnect(_, properties)
            | Self::Auth(_, properties) => [Some(properties), None],
            Self::PingReq | Self::PingResp => [None, None],
        }
    }
}

fn ack(kind: u8, packet_id: u16, reason: Reason, properties: Properties<'_>) -> Packet<'_> {
    match kind {
        4 => Packet::PubAck(PubAck {
            packet_id,
            reason,
            properties,
        }),
        5 => Packet::PubRec(PubRec {
            packet_id,
            reason,
            properties,
        }),
        6 => Packet::PubRel(PubRel {
            packet_id,
            reason,
            properties,
        }),
        _ => Packet::PubComp(PubComp {
            packet_id,
            reason,
            properties,
        }),
    }
}

fn codes_of<'a>(
    kind: u8,
    packet_id: u16,
    properties: Properties<'a>,
    codes: &'a [u8],
) -> Packet<'a> {
    if kind == 9 {
        Packet::SubAck(SubAck {
            packet_id,
            properties,
            codes,
        })
    } else {
        Packet::UnsubAck(UnsubAck {
            packet_id,
            properties,
            codes,
        })
    }
}

/// Options have no public way from a byte: they are read from a SUBSCRIBE made by hand.
fn write_pairs(
    packet_id: u16,
    properties: Properties<'_>,
    pairs: &[(String, u8)],
    out: &mut Vec<u8>,
) {
    let by_hand: Vec<Vec<u8>> = pairs
        .iter()
        .map(|(_, options)| vec![0x82, 7, 0, 1, 0, 0, 1, b'a', *options])
        .collect();
    let options = by_hand.iter().map(|bytes| {
        let read = decode(bytes, Role::Server, Version::V5, 64).expect("valid");
        match read.expect("complete").0 {
            Packet::Subscribe(packet) => packet.subscriptions().next().expect("it has one").1,
            other => panic!("{other:?}"),
        }
    });
    let names = pairs.iter().map(|(filter, _)| filter.as_str());
    let pairs: Vec<_> = names.zip(options).collect();
    let pairs = pairs.iter().copied();
    write_subscribe(packet_id, properties, pairs, Version::V5, out).expect("valid");
}

/// Tables 2-4 and 3-1 to 3-11: identifiers of properties and reason codes in a packet of this type that
/// `reader` may get.
fn allowed(kind: u8, reader: Role) -> (&'static [u8], &'static [u8]) {
    let server = reader == Role::Client;
    match kind {
        1 => (&[0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27], &[]),
        2 => (
            &[
                0x11, 0x12, 0x13, 0x15, 0x16, 0x1a, 0x1c, 0x1f, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27,
                0x28, 0x29, 0x2a,
            ],
            &[
                0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90,
                0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
            ],
        ),
        3 if server => (&[0x01, 0x02, 0x03, 0x08, 0x09, 0x0b, 0x23, 0x26], &[]),
        3 => (&[0x01, 0x02, 0x03, 0x08, 0x09, 0x23, 0x26], &[]),
        4 | 5 if server => (
            &[0x1f, 0x26],
            &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
        ),
        4 | 5 => (
            &[0x1f, 0x26],
            &[0x00, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
        ),
        6 | 7 => (&[0x1f, 0x26], &[0x00, 0x92]),
        8 => (&[0x0b, 0x26], &[]),
        9 => (
            &[0x1f, 0x26],
            &[
                0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2,
            ],
        ),
        10 => (&[0x26], &[]),
        11 => (&[0x1f, 0x26], &[0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91]),
        14 if server => (
            &[0x1c, 0x1f, 0x26],
            &[
                0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94,
                0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
            ],
        ),
        14 => (
            &[0x11, 0x1f, 0x26],
            &[
                0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
            ],
        ),
        15 if server => (&[0x16, 0x1f, 0x26], &[0x00, 0x18]),
        15 => (&[0x16, 0x1f, 0x26], &[0x18, 0x19]),
        _ => (&[], &[]),
    }
}

/// A valid packet of any type, small, and who reads it.
pub fn random_specimen(random: &mut Random) -> (Specimen5, Role) {
    let kind = 1 + random.below(15) as u8;
    let reader = match kind {
        2 | 9 | 11 | 13 => Role::Client,
        1 | 8 | 10 | 12 => Role::Server,
        _ => *random.of(&[Role::Client, Role::Server]),
    };
    let (ids, reasons) = allowed(kind, reader);
    let mut properties = random_properties(random, ids, kind == 3);
    let id = 1 + random.below(65_535) as u16;
    let code = reasons.get(random.below(reasons.len())).copied();
    let code = code.unwrap_or_default();
    let specimen = match kind {
        1 => random_connect(random, properties),
        2 => Specimen5::ConnAck(code == 0 && random.flip(), code, properties),
        3 => random_publish(random, id, properties),
        4..=7 => Specimen5::Ack(kind, id, code, properties),
        8 => {
            let pairs = (0..=random.below(4)).map(|_| random_pair(random)).collect();
            Specimen5::Subscribe(id, properties, pairs)
        }
        9 | 11 => {
            let codes = (0..=random.below(6)).map(|_| *random.of(reasons)).collect();
            Specimen5::Codes(kind, id, properties, codes)
        }
        10 => {
            let filters = (0..=random.below(4)).map(|_| random_pair(random).0);
            Specimen5::Unsubscribe(id, properties, filters.collect())
        }
        12 => Specimen5::PingReq,
        13 => Specimen5::PingResp,
        14 => Specimen5::Disconnect(code, properties),
        _ => {
            if code != 0 || !properties.is_empty() {
                properties.insert(0, (0x15, Value::Text("method".to_owned())));
            }
            Specimen5::Auth(code, properties)
        }
    };
    (specimen, reader)
}

fn random_connect(random: &mut Random, mut properties: Owned) -> Specimen5 {
    const OF_WILL: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26];
    if !properties.iter().any(|(id, _)| *id == 0x15) {
        properties.retain(|(id, _)| *id != 0x16);
    }
    let will = random.flip().then(|| OwnedWill5 {
        topic: random_name(random),
        payload: random_bytes(random, 20),
        qos: random.below(3) as u8,
        retain: random.flip(),
        properties: random_properties(random, OF_WILL, false),
    });
    Specimen5::Connect {
        clean_session: random.flip(),
        keep_alive: random.below(65_536) as u16,
        client_id: random_text(random),
        username: random.flip().then(|| random_text(random)),
        password: random.flip().then(|| random_bytes(random, 20)),
        will,
        properties,
    }
}

fn random_publish(random: &mut Random, id: u16, properties: Owned) -> Specimen5 {
    let qos = random.below(3) as u8;
    let aliased = properties.iter().any(|(id, _)| *id == 0x23);
    let topic = if aliased && random.flip() {
        String::new()
    } else {
        random_name(random)
    };
    Specimen5::Publish {
        dup: qos > 0 && random.flip(),
        qos,
        retain: random.flip(),
        topic,
        packet_id: if qos == 0 { 0 } else { id },
        payload: random_bytes(random, 300),
        properties,
    }
}

fn random_properties(random: &mut Random, ids: &[u8], repeated_subscription: bool) -> Owned {
    let mut properties = Owned::new();
    for _ in 0..random.below(5).min(ids.len()) {
        let id = *random.of(ids);
        let there = properties.iter().any(|(known, _)| *known == id);
        if !there || id == 0x26 || (id == 0x0b && repeated_subscription) {
            properties.push((id, random_value(random, id)));
        }
    }
    properties
}

fn random_value(random: &mut Random, id: u8) -> Value {
    match id {
        0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28..=0x2a => Value::Number(random.below(2) as u32),
        0x09 | 0x16 => Value::Bytes(random_bytes(random, 12)),
        0x26 => Value::Pair(random_text(random), random_text(random)),
        0x08 => Value::Text(random_name(random)),
        0x03 | 0x12 | 0x15 | 0x1a | 0x1c | 0x1f => Value::Text(random_text(random)),
        0x0b => Value::Number(1 + random.below(268_435_455) as u32),
        0x13 | 0x21..=0x23 => Value::Number(1 + random.below(65_535) as u32),
        _ => Value::Number(1 + random.below(1 << 31) as u32),
    }
}

/// A filter with options, possibly a shared one.
fn random_pair(random: &mut Random) -> (String, u8) {
    let mut levels: Vec<String> = (0..=random.below(4))
        .map(|_| match random.below(3) {
            0 => "+".to_owned(),
            _ => random_name(random).replace('/', ""),
        })
        .collect();
    if random.below(3) == 0 || levels.iter().all(String::is_empty) {
        levels.push("#".to_owned());
    }
    let shared = random.below(4) == 0;
    if shared {
        levels.insert(0, "$share/group".to_owned());
    }
    let no_local = if shared { 0 } else { random.below(2) << 2 };
    let flags = no_local | random.below(2) << 3 | random.below(3) << 4;
    (levels.join("/"), (random.below(3) | flags) as u8)
}

fn random_bytes(random: &mut Random, max: usize) -> Vec<u8> {
    (0..random.below(max))
        .map(|_| random.below(256) as u8)
        .collect()
}

/// Text without the null character, of one to four bytes a character.
fn random_text(random: &mut Random) -> String {
    const CHARACTERS: &[char] = &[
        'a', 'z', '0', ' ', '/', '+', '#', 'é', '\u{feff}', '€', '𪛔',
    ];
    (0..random.below(12))
        .map(|_| *random.of(CHARACTERS))
        .collect()
}

fn random_name(random: &mut Random) -> String {
    let name = random_text(random).replace(['+', '#'], "/");
    if name.is_empty() {
        "n".to_owned()
    } else {
        name
    }
}
