//! Packets that own their fields: what codecs are compared by. Shared by the oracle package and
//! `tests/codec.rs`.
//!
//! Not a codec: writing goes through midge, and what another codec read is copied in here field by
//! field.

use midge::mqtt::{
    ConnAck, Connect, Disconnect, Kind, Packet, Properties, PubAck, PubComp, PubRec, PubRel,
    Publish, Qos, SubAck, UnsubAck, Version, Will, write_subscribe, write_unsubscribe,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// The fields of a packet, with plain numbers for QoS and return codes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the names are those of the codec's own structs"
)]
pub enum Specimen {
    Connect {
        clean_session: bool,
        keep_alive: u16,
        client_id: String,
        username: Option<String>,
        password: Option<Vec<u8>>,
        will: Option<OwnedWill>,
    },
    ConnAck {
        session_present: bool,
        code: u8,
    },
    Publish {
        dup: bool,
        qos: u8,
        retain: bool,
        topic: String,
        packet_id: u16,
        payload: Vec<u8>,
    },
    PubAck(u16),
    PubRec(u16),
    PubRel(u16),
    PubComp(u16),
    Subscribe(u16, Vec<(String, u8)>),
    SubAck(u16, Vec<u8>),
    Unsubscribe(u16, Vec<String>),
    UnsubAck(u16),
    PingReq,
    PingResp,
    Disconnect,
}

/// The will of a CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the codec's own struct")]
pub struct OwnedWill {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: u8,
    pub retain: bool,
}

impl Specimen {
    /// Copies what midge has read.
    pub fn of(packet: &Packet<'_>) -> Self {
        match *packet {
            Packet::Connect(connect) => Self::Connect {
                clean_session: connect.clean_session,
                keep_alive: connect.keep_alive,
                client_id: connect.client_id.to_owned(),
                username: connect.username.map(str::to_owned),
                password: connect.password.map(<[u8]>::to_vec),
                will: connect.will.map(|will| OwnedWill {
                    topic: will.topic.to_owned(),
                    payload: will.payload.to_vec(),
                    qos: will.qos as u8,
                    retain: will.retain,
                }),
            },
            Packet::ConnAck(ack) => Self::ConnAck {
                session_present: ack.session_present,
                code: ConnAck::RETURN_CODES
                    .iter()
                    .position(|reason| *reason == ack.reason)
                    .expect("a return code") as u8,
            },
            Packet::Publish(publish) => Self::Publish {
                dup: publish.dup,
                qos: publish.qos as u8,
                retain: publish.retain,
                topic: publish.topic.to_owned(),
                packet_id: publish.packet_id,
                payload: publish.payload.to_vec(),
            },
            Packet::PubAck(ack) => Self::PubAck(ack.packet_id),
            Packet::PubRec(ack) => Self::PubRec(ack.packet_id),
            Packet::PubRel(ack) => Self::PubRel(ack.packet_id),
            Packet::PubComp(ack) => Self::PubComp(ack.packet_id),
            Packet::Subscribe(subscribe) => {
                let pairs = subscribe
                    .filters()
                    .map(|(filter, qos)| (filter.to_owned(), qos as u8));
                Self::Subscribe(subscribe.packet_id, pairs.collect())
            }
            Packet::SubAck(ack) => Self::SubAck(ack.packet_id, ack.codes.to_vec()),
            Packet::Unsubscribe(unsubscribe) => Self::Unsubscribe(
                unsubscribe.packet_id,
                unsubscribe.filters().map(str::to_owned).collect(),
            ),
            Packet::UnsubAck(ack) => Self::UnsubAck(ack.packet_id),
            Packet::PingReq => Self::PingReq,
            Packet::PingResp => Self::PingResp,
            Packet::Disconnect(_) => Self::Disconnect,
            Packet::Auth(_) => unreachable!("3.1.1 has none"),
        }
    }

    /// The bytes midge writes for it. The specimen is valid.
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.append(&mut out);
        out
    }

    fn append(&self, out: &mut Vec<u8>) {
        let version = Version::V311;
        let written = match self {
            Self::Connect {
                clean_session,
                keep_alive,
                client_id,
                username,
                password,
                will,
            } => Connect {
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
                    properties: Properties::NONE,
                }),
                properties: Properties::NONE,
            }
            .write(version, out),
            Self::ConnAck {
                session_present,
                code,
            } => {
                let reason = ConnAck::RETURN_CODES[usize::from(*code)];
                ConnAck::of(*session_present, reason).write(version, out)
            }
            Self::Publish {
                dup,
                qos: level,
                retain,
                topic,
                packet_id,
                payload,
            } => {
                let (dup, retain, packet_id) = (*dup, *retain, *packet_id);
                Publish {
                    dup,
                    qos: qos(*level),
                    retain,
                    topic,
                    packet_id,
                    payload,
                    properties: Properties::NONE,
                }
                .write(version, out)
            }
            Self::PubAck(packet_id) => PubAck::of(*packet_id).write(version, out),
            Self::PubRec(packet_id) => PubRec::of(*packet_id).write(version, out),
            Self::PubRel(packet_id) => PubRel::of(*packet_id).write(version, out),
            Self::PubComp(packet_id) => PubComp::of(*packet_id).write(version, out),
            Self::Subscribe(packet_id, pairs) => {
                let filters = pairs
                    .iter()
                    .map(|(filter, level)| (filter.as_str(), qos(*level)));
                write_subscribe(*packet_id, Properties::NONE, filters, version, out)
            }
            Self::SubAck(packet_id, codes) => SubAck {
                packet_id: *packet_id,
                properties: Properties::NONE,
                codes,
            }
            .write(version, out),
            Self::Unsubscribe(packet_id, filters) => {
                let filters = filters.iter().map(String::as_str);
                write_unsubscribe(*packet_id, Properties::NONE, filters, version, out)
            }
            Self::UnsubAck(packet_id) => UnsubAck {
                packet_id: *packet_id,
                properties: Properties::NONE,
                codes: &[],
            }
            .write(version, out),
            Self::PingReq => Packet::PingReq.write(version, out),
            Self::PingResp => Packet::PingResp.write(version, out),
            Self::Disconnect => Disconnect::NORMAL.write(version, out),
        };
        written.unwrap_or_else(|error| panic!("{self:?}: {error}"));
    }

    /// The type of the packet.
    pub fn kind(&self) -> Kind {
        Kind::of(self.write()[0], Version::V311).expect("a packet type")
    }
}

fn qos(level: u8) -> Qos {
    Qos::try_from(level).expect("a valid QoS")
}

/// Any valid packet of any type, with small fields.
pub fn any_specimen() -> impl Strategy<Value = Specimen> {
    let id = || 1..=u16::MAX;
    prop_oneof![
        3 => any_connect(),
        1 => any_connack(),
        4 => any_publish(),
        1 => id().prop_map(Specimen::PubAck),
        1 => id().prop_map(Specimen::PubRec),
        1 => id().prop_map(Specimen::PubRel),
        1 => id().prop_map(Specimen::PubComp),
        2 => (id(), vec((any_filter(), 0..3_u8), 1..5)).prop_map(|(id, pairs)| Specimen::Subscribe(id, pairs)),
        1 => (id(), vec(prop_oneof![0..3_u8, Just(0x80)], 1..9)).prop_map(|(id, codes)| Specimen::SubAck(id, codes)),
        2 => (id(), vec(any_filter(), 1..5)).prop_map(|(id, filters)| Specimen::Unsubscribe(id, filters)),
        1 => id().prop_map(Specimen::UnsubAck),
        1 => Just(Specimen::PingReq),
        1 => Just(Specimen::PingResp),
        1 => Just(Specimen::Disconnect),
    ]
}

fn any_connack() -> impl Strategy<Value = Specimen> {
    (any::<bool>(), 0..6_u8).prop_map(|(present, code)| Specimen::ConnAck {
        session_present: present && code == 0,
        code,
    })
}

fn any_publish() -> impl Strategy<Value = Specimen> {
    let flags = (any::<bool>(), 0..3_u8, any::<bool>());
    (flags, any_name(), 1..=u16::MAX, vec(any::<u8>(), 0..300)).prop_map(
        |((dup, qos, retain), topic, id, payload)| {
            let packet_id = if qos == 0 { 0 } else { id };
            Specimen::Publish {
                dup: dup && qos > 0,
                qos,
                retain,
                topic,
                packet_id,
                payload,
            }
        },
    )
}

fn any_connect() -> impl Strategy<Value = Specimen> {
    let will = (any_name(), vec(any::<u8>(), 0..20), 0..3_u8, any::<bool>()).prop_map(
        |(topic, payload, qos, retain)| OwnedWill {
            topic,
            payload,
            qos,
            retain,
        },
    );
    let login = (option::of(any_text()), option::of(vec(any::<u8>(), 0..20)));
    (
        any::<bool>(),
        any::<u16>(),
        any_text(),
        login,
        option::of(will),
    )
        .prop_map(
            |(clean, keep_alive, client_id, (username, password), will)| Specimen::Connect {
                clean_session: clean || client_id.is_empty(),
                keep_alive,
                client_id,
                password: password.filter(|_| username.is_some()),
                username,
                will,
            },
        )
}

/// Text without the null character, of one to four bytes a character.
fn any_text() -> impl Strategy<Value = String> {
    "[a-z0-9 /+#é\u{feff}€𪛔-]{0,24}"
}

fn any_name() -> impl Strategy<Value = String> {
    "[$a-z0-9 /é€𪛔-]{1,40}"
}

fn any_filter() -> impl Strategy<Value = String> {
    let level = prop_oneof![2 => "[$a-z0-9 é𪛔-]{0,6}", 1 => Just("+".to_owned())];
    (vec(level, 0..5), any::<bool>()).prop_map(|(mut levels, all)| {
        if all || levels.iter().all(String::is_empty) {
            levels.push("#".to_owned());
        }
        levels.join("/")
    })
}
