//! mqttbytes-ng's types to and from specimens. Not here: judging it.
//!
//! Its login is two strings in which empty means absent, so it can neither tell an empty user name
//! from none nor hold a password that is no text.

use bytes::BytesMut;
use mqttbytes_ng::v4::{
    ConnAck, Connect, ConnectReturnCode, LastWill, Login, Packet, PubAck, PubComp, PubRec, PubRel,
    Publish, SubAck, Subscribe, SubscribeFilter, SubscribeReasonCode, UnsubAck, Unsubscribe,
};
use mqttbytes_ng::{Error, Protocol, QoS, qos};

use crate::Reading;
use crate::specimen::{OwnedWill, Specimen};

const MAX_PACKET: usize = 1 << 28;

pub fn read(bytes: &[u8]) -> Reading {
    match Packet::read(&mut BytesMut::from(bytes), MAX_PACKET) {
        Ok(packet) => {
            specimen(packet).map_or_else(|| Reading::Refused("MQTT 5".to_owned()), Reading::Packet)
        }
        Err(Error::InsufficientBytes(_)) => Reading::Incomplete,
        Err(error) => Reading::refused(error),
    }
}

pub fn write(specimen: &Specimen) -> Option<Vec<u8>> {
    let mut out = BytesMut::new();
    packet(specimen)?.write(&mut out, MAX_PACKET).ok()?;
    Some(out.to_vec())
}

fn specimen(packet: Packet) -> Option<Specimen> {
    Some(match packet {
        Packet::Connect(connect) => {
            if connect.protocol != Protocol::V4 {
                return None;
            }
            let login = connect.login.unwrap_or_else(|| Login::new("", ""));
            Specimen::Connect {
                clean_session: connect.clean_session,
                keep_alive: connect.keep_alive,
                client_id: connect.client_id,
                username: Some(login.username).filter(|name| !name.is_empty()),
                password: Some(login.password.into_bytes()).filter(|password| !password.is_empty()),
                will: connect.last_will.map(|will| OwnedWill {
                    topic: will.topic,
                    payload: will.message.to_vec(),
                    qos: will.qos as u8,
                    retain: will.retain,
                }),
            }
        }
        Packet::ConnAck(ack) => Specimen::ConnAck {
            session_present: ack.session_present,
            code: ack.code as u8,
        },
        Packet::Publish(publish) => Specimen::Publish {
            dup: publish.dup,
            qos: publish.qos as u8,
            retain: publish.retain,
            topic: publish.topic,
            packet_id: publish.pkid,
            payload: publish.payload.to_vec(),
        },
        Packet::PubAck(ack) => Specimen::PubAck(ack.pkid),
        Packet::PubRec(ack) => Specimen::PubRec(ack.pkid),
        Packet::PubRel(ack) => Specimen::PubRel(ack.pkid),
        Packet::PubComp(ack) => Specimen::PubComp(ack.pkid),
        Packet::Subscribe(subscribe) => {
            let pairs = subscribe
                .filters
                .into_iter()
                .map(|filter| (filter.path, filter.qos as u8));
            Specimen::Subscribe(subscribe.pkid, pairs.collect())
        }
        Packet::SubAck(ack) => {
            let codes = ack.return_codes.iter().map(|code| match code {
                SubscribeReasonCode::Success(qos) => *qos as u8,
                SubscribeReasonCode::Failure => 0x80,
            });
            Specimen::SubAck(ack.pkid, codes.collect())
        }
        Packet::Unsubscribe(unsubscribe) => {
            Specimen::Unsubscribe(unsubscribe.pkid, unsubscribe.topics)
        }
        Packet::UnsubAck(ack) => Specimen::UnsubAck(ack.pkid),
        Packet::PingReq => Specimen::PingReq,
        Packet::PingResp => Specimen::PingResp,
        Packet::Disconnect => Specimen::Disconnect,
    })
}

fn packet(specimen: &Specimen) -> Option<Packet> {
    let level = |number: u8| -> Option<QoS> { qos(number).ok() };
    Some(match specimen {
        Specimen::Connect {
            clean_session,
            keep_alive,
            client_id,
            username,
            password,
            will,
        } => {
            let last_will = match will {
                None => None,
                Some(will) => Some(LastWill::new(
                    &will.topic,
                    will.payload.clone(),
                    level(will.qos)?,
                    will.retain,
                )),
            };
            Packet::Connect(Connect {
                protocol: Protocol::V4,
                keep_alive: *keep_alive,
                client_id: client_id.clone(),
                clean_session: *clean_session,
                last_will,
                login: login(username.as_deref(), password.as_deref())?,
            })
        }
        Specimen::ConnAck {
            session_present,
            code,
        } => Packet::ConnAck(ConnAck::new(connect_code(*code)?, *session_present)),
        Specimen::Publish {
            dup,
            qos,
            retain,
            topic,
            packet_id,
            payload,
        } => Packet::Publish(Publish {
            dup: *dup,
            qos: level(*qos)?,
            retain: *retain,
            topic: topic.clone(),
            pkid: *packet_id,
            payload: payload.clone().into(),
        }),
        Specimen::PubAck(packet_id) => Packet::PubAck(PubAck::new(*packet_id)),
        Specimen::PubRec(packet_id) => Packet::PubRec(PubRec::new(*packet_id)),
        Specimen::PubRel(packet_id) => Packet::PubRel(PubRel::new(*packet_id)),
        Specimen::PubComp(packet_id) => Packet::PubComp(PubComp::new(*packet_id)),
        Specimen::Subscribe(packet_id, pairs) => {
            let filters = pairs
                .iter()
                .map(|(filter, qos)| Some(SubscribeFilter::new(filter.clone(), level(*qos)?)));
            Packet::Subscribe(Subscribe {
                pkid: *packet_id,
                filters: filters.collect::<Option<_>>()?,
            })
        }
        Specimen::SubAck(packet_id, codes) => {
            let codes = codes
                .iter()
                .map(|&code| SubscribeReasonCode::try_from(code).ok());
            Packet::SubAck(SubAck::new(*packet_id, codes.collect::<Option<_>>()?))
        }
        Specimen::Unsubscribe(packet_id, filters) => Packet::Unsubscribe(Unsubscribe {
            pkid: *packet_id,
            topics: filters.clone(),
        }),
        Specimen::UnsubAck(packet_id) => Packet::UnsubAck(UnsubAck::new(*packet_id)),
        Specimen::PingReq => Packet::PingReq,
        Specimen::PingResp => Packet::PingResp,
        Specimen::Disconnect => Packet::Disconnect,
    })
}

/// `None`: cannot be held. `Some(None)`: no login.
#[expect(clippy::option_option, reason = "two questions, two answers")]
fn login(username: Option<&str>, password: Option<&[u8]>) -> Option<Option<Login>> {
    if username == Some("") || password == Some(&[]) {
        return None;
    }
    let password = std::str::from_utf8(password.unwrap_or_default()).ok()?;
    Some(username.map(|username| Login::new(username, password)))
}

const fn connect_code(code: u8) -> Option<ConnectReturnCode> {
    Some(match code {
        0 => ConnectReturnCode::Success,
        1 => ConnectReturnCode::RefusedProtocolVersion,
        2 => ConnectReturnCode::BadClientId,
        3 => ConnectReturnCode::ServiceUnavailable,
        4 => ConnectReturnCode::BadUserNamePassword,
        5 => ConnectReturnCode::NotAuthorized,
        _ => return None,
    })
}
