//! rmqtt-codec's types to and from specimens. Not here: judging it.

use std::num::NonZeroU16;

use bytes::BytesMut;
use rmqtt_codec::types::{Protocol, Publish, QoS};
use rmqtt_codec::v3::{
    Codec, Connect, ConnectAck, ConnectAckReason, LastWill, Packet, SubscribeReturnCode,
};
use tokio_util::codec::{Decoder, Encoder};

use crate::Reading;
use crate::specimen::{OwnedWill, Specimen};

pub fn read(bytes: &[u8]) -> Reading {
    match Codec::new(0).decode(&mut BytesMut::from(bytes)) {
        Ok(Some((packet, _))) => Reading::Packet(specimen(packet)),
        Ok(None) => Reading::Incomplete,
        Err(error) => Reading::refused(error),
    }
}

pub fn write(specimen: &Specimen) -> Option<Vec<u8>> {
    let mut out = BytesMut::new();
    Codec::new(0).encode(packet(specimen)?, &mut out).ok()?;
    Some(out.to_vec())
}

fn specimen(packet: Packet) -> Specimen {
    match packet {
        Packet::Connect(connect) => Specimen::Connect {
            clean_session: connect.clean_session,
            keep_alive: connect.keep_alive,
            client_id: connect.client_id.to_string(),
            username: connect.username.map(|name| name.to_string()),
            password: connect.password.map(|password| password.to_vec()),
            will: connect.last_will.map(|will| OwnedWill {
                topic: will.topic.to_string(),
                payload: will.message.to_vec(),
                qos: will.qos.into(),
                retain: will.retain,
            }),
        },
        Packet::ConnectAck(ack) => Specimen::ConnAck {
            session_present: ack.session_present,
            code: ack.return_code.into(),
        },
        Packet::Publish(publish) => Specimen::Publish {
            dup: publish.dup,
            qos: publish.qos.into(),
            retain: publish.retain,
            topic: publish.topic.to_string(),
            packet_id: publish.packet_id.map_or(0, NonZeroU16::get),
            payload: publish.payload.to_vec(),
        },
        Packet::PublishAck { packet_id } => Specimen::PubAck(packet_id.get()),
        Packet::PublishReceived { packet_id } => Specimen::PubRec(packet_id.get()),
        Packet::PublishRelease { packet_id } => Specimen::PubRel(packet_id.get()),
        Packet::PublishComplete { packet_id } => Specimen::PubComp(packet_id.get()),
        Packet::Subscribe {
            packet_id,
            topic_filters,
        } => {
            let pairs = topic_filters
                .iter()
                .map(|(filter, qos)| (filter.to_string(), (*qos).into()));
            Specimen::Subscribe(packet_id.get(), pairs.collect())
        }
        Packet::SubscribeAck { packet_id, status } => {
            let codes = status.iter().map(|status| match status {
                SubscribeReturnCode::Success(qos) => (*qos).into(),
                SubscribeReturnCode::Failure => 0x80,
            });
            Specimen::SubAck(packet_id.get(), codes.collect())
        }
        Packet::Unsubscribe {
            packet_id,
            topic_filters,
        } => Specimen::Unsubscribe(
            packet_id.get(),
            topic_filters.iter().map(ToString::to_string).collect(),
        ),
        Packet::UnsubscribeAck { packet_id } => Specimen::UnsubAck(packet_id.get()),
        Packet::PingRequest => Specimen::PingReq,
        Packet::PingResponse => Specimen::PingResp,
        Packet::Disconnect => Specimen::Disconnect,
    }
}

fn packet(specimen: &Specimen) -> Option<Packet> {
    let id = |id: u16| NonZeroU16::new(id);
    let level = |qos: u8| QoS::try_from(qos).ok();
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
                Some(will) => Some(LastWill {
                    qos: level(will.qos)?,
                    retain: will.retain,
                    topic: will.topic.as_str().into(),
                    message: will.payload.clone().into(),
                }),
            };
            Packet::from(Connect {
                protocol: Protocol(4),
                clean_session: *clean_session,
                keep_alive: *keep_alive,
                last_will,
                client_id: client_id.as_str().into(),
                username: username.as_deref().map(Into::into),
                password: password.clone().map(Into::into),
                cert: None,
            })
        }
        Specimen::ConnAck {
            session_present,
            code,
        } => Packet::ConnectAck(ConnectAck {
            return_code: ConnectAckReason::try_from(*code).ok()?,
            session_present: *session_present,
        }),
        Specimen::Publish {
            dup,
            qos,
            retain,
            topic,
            packet_id,
            payload,
        } => Packet::Publish(Box::new(Publish {
            dup: *dup,
            retain: *retain,
            qos: level(*qos)?,
            topic: topic.as_str().into(),
            packet_id: id(*packet_id),
            payload: payload.clone().into(),
            properties: None,
        })),
        Specimen::PubAck(packet_id) => Packet::PublishAck {
            packet_id: id(*packet_id)?,
        },
        Specimen::PubRec(packet_id) => Packet::PublishReceived {
            packet_id: id(*packet_id)?,
        },
        Specimen::PubRel(packet_id) => Packet::PublishRelease {
            packet_id: id(*packet_id)?,
        },
        Specimen::PubComp(packet_id) => Packet::PublishComplete {
            packet_id: id(*packet_id)?,
        },
        Specimen::Subscribe(packet_id, pairs) => {
            let filters = pairs
                .iter()
                .map(|(filter, qos)| Some((filter.as_str().into(), level(*qos)?)));
            Packet::Subscribe {
                packet_id: id(*packet_id)?,
                topic_filters: filters.collect::<Option<_>>()?,
            }
        }
        Specimen::SubAck(packet_id, codes) => {
            let status = codes.iter().map(|&code| match level(code) {
                Some(qos) => SubscribeReturnCode::Success(qos),
                None => SubscribeReturnCode::Failure,
            });
            Packet::SubscribeAck {
                packet_id: id(*packet_id)?,
                status: status.collect(),
            }
        }
        Specimen::Unsubscribe(packet_id, filters) => Packet::Unsubscribe {
            packet_id: id(*packet_id)?,
            topic_filters: filters
                .iter()
                .map(|filter| filter.as_str().into())
                .collect(),
        },
        Specimen::UnsubAck(packet_id) => Packet::UnsubscribeAck {
            packet_id: id(*packet_id)?,
        },
        Specimen::PingReq => Packet::PingRequest,
        Specimen::PingResp => Packet::PingResponse,
        Specimen::Disconnect => Packet::Disconnect,
    })
}
