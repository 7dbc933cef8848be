//! mqtt-protocol-core's types to and from specimens. Not here: judging it.
//!
//! Its public parsers take a packet's body, so the fixed header is read by midge: this one has no
//! say about headers.

use std::sync::Arc;

use midge::mqtt::{Kind, Version, header};
use mqtt_protocol_core::mqtt::packet::v3_1_1::{
    Connack, Connect, Disconnect, Pingreq, Pingresp, Puback, Pubcomp, Publish, Pubrec, Pubrel,
    Suback, Subscribe, Unsuback, Unsubscribe,
};
use mqtt_protocol_core::mqtt::packet::{Qos, SubEntry, SubOpts};
use mqtt_protocol_core::mqtt::result_code::{ConnectReturnCode, MqttError, SubackReturnCode};

use crate::Reading;
use crate::specimen::{OwnedWill, Specimen};

pub fn read(bytes: &[u8]) -> Reading {
    let header = match header::read(bytes) {
        Ok(Some(header)) => header,
        Ok(None) => return Reading::Incomplete,
        Err(error) => return Reading::refused(error),
    };
    let kind = match Kind::of(header.first_byte, Version::V311) {
        Ok(kind) => kind,
        Err(error) => return Reading::refused(error),
    };
    let Some(body) = bytes.get(header.len..header.packet_len()) else {
        return Reading::Incomplete;
    };
    match specimen(kind, header.first_byte & 0x0f, body) {
        Ok((specimen, consumed)) if consumed == body.len() => Reading::Packet(specimen),
        Ok(_) => Reading::Refused("bytes are left".to_owned()),
        Err(error) => Reading::refused(error),
    }
}

fn specimen(kind: Kind, flags: u8, body: &[u8]) -> Result<(Specimen, usize), MqttError> {
    Ok(match kind {
        Kind::Connect => Connect::parse(body).map(|(packet, len)| (connect(&packet), len))?,
        Kind::ConnAck => {
            let (packet, len) = Connack::parse(body)?;
            let code = packet.return_code() as u8;
            (
                Specimen::ConnAck {
                    session_present: packet.session_present(),
                    code,
                },
                len,
            )
        }
        Kind::Publish => {
            let (packet, len) = Publish::parse(flags, Arc::from(body))?;
            let specimen = Specimen::Publish {
                dup: packet.dup(),
                qos: packet.qos() as u8,
                retain: packet.retain(),
                topic: packet.topic_name().to_owned(),
                packet_id: packet.packet_id().unwrap_or(0),
                payload: packet.payload().as_slice().to_vec(),
            };
            (specimen, len)
        }
        Kind::PubAck => {
            Puback::parse(body).map(|(packet, len)| (Specimen::PubAck(packet.packet_id()), len))?
        }
        Kind::PubRec => {
            Pubrec::parse(body).map(|(packet, len)| (Specimen::PubRec(packet.packet_id()), len))?
        }
        Kind::PubRel => {
            Pubrel::parse(body).map(|(packet, len)| (Specimen::PubRel(packet.packet_id()), len))?
        }
        Kind::PubComp => Pubcomp::parse(body)
            .map(|(packet, len)| (Specimen::PubComp(packet.packet_id()), len))?,
        Kind::Subscribe => {
            let (packet, len) = Subscribe::parse(body)?;
            let pairs = packet.entries().iter();
            let pairs = pairs.map(|entry| {
                (
                    entry.topic_filter().to_owned(),
                    entry.sub_opts().qos() as u8,
                )
            });
            (
                Specimen::Subscribe(packet.packet_id(), pairs.collect()),
                len,
            )
        }
        Kind::SubAck => {
            let (packet, len) = Suback::parse(body)?;
            let codes = packet.return_codes().into_iter().map(|code| code as u8);
            (Specimen::SubAck(packet.packet_id(), codes.collect()), len)
        }
        Kind::Unsubscribe => {
            let (packet, len) = Unsubscribe::parse(body)?;
            let filters = packet
                .entries()
                .iter()
                .map(|filter| filter.as_str().to_owned());
            (
                Specimen::Unsubscribe(packet.packet_id(), filters.collect()),
                len,
            )
        }
        Kind::UnsubAck => Unsuback::parse(body)
            .map(|(packet, len)| (Specimen::UnsubAck(packet.packet_id()), len))?,
        Kind::PingReq => Pingreq::parse(body).map(|(_, len)| (Specimen::PingReq, len))?,
        Kind::PingResp => Pingresp::parse(body).map(|(_, len)| (Specimen::PingResp, len))?,
        Kind::Disconnect => Disconnect::parse(body).map(|(_, len)| (Specimen::Disconnect, len))?,
        Kind::Auth => return Err(MqttError::MalformedPacket),
    })
}

fn connect(packet: &Connect) -> Specimen {
    Specimen::Connect {
        clean_session: packet.clean_session(),
        keep_alive: packet.keep_alive(),
        client_id: packet.client_id().to_owned(),
        username: packet.user_name().map(str::to_owned),
        password: packet.password().map(<[u8]>::to_vec),
        will: packet.will_topic().map(|topic| OwnedWill {
            topic: topic.to_owned(),
            payload: packet.will_payload().unwrap_or_default().to_vec(),
            qos: packet.will_qos() as u8,
            retain: packet.will_retain(),
        }),
    }
}

pub fn write(specimen: &Specimen) -> Option<Vec<u8>> {
    try_write(specimen).ok()
}

fn try_write(specimen: &Specimen) -> Result<Vec<u8>, MqttError> {
    let level = |qos: u8| Qos::try_from(qos).map_err(|_| MqttError::MalformedPacket);
    Ok(match specimen {
        Specimen::Connect { .. } => connect_bytes(specimen)?,
        Specimen::ConnAck {
            session_present,
            code,
        } => {
            let code =
                ConnectReturnCode::try_from(*code).map_err(|_| MqttError::MalformedPacket)?;
            Connack::builder()
                .session_present(*session_present)
                .return_code(code)
                .build()?
                .to_continuous_buffer()
        }
        Specimen::Publish {
            dup,
            qos,
            retain,
            topic,
            packet_id,
            payload,
        } => {
            let builder = Publish::builder()
                .topic_name(topic.as_str())?
                .qos(level(*qos)?)
                .dup(*dup)
                .retain(*retain);
            let builder = if *qos == 0 {
                builder
            } else {
                builder.packet_id(*packet_id)
            };
            builder
                .payload(payload.as_slice())
                .build()?
                .to_continuous_buffer()
        }
        Specimen::PubAck(id) => Puback::builder()
            .packet_id(*id)
            .build()?
            .to_continuous_buffer(),
        Specimen::PubRec(id) => Pubrec::builder()
            .packet_id(*id)
            .build()?
            .to_continuous_buffer(),
        Specimen::PubRel(id) => Pubrel::builder()
            .packet_id(*id)
            .build()?
            .to_continuous_buffer(),
        Specimen::PubComp(id) => Pubcomp::builder()
            .packet_id(*id)
            .build()?
            .to_continuous_buffer(),
        Specimen::Subscribe(id, pairs) => {
            let entry = |(filter, qos): &(String, u8)| {
                SubEntry::new(filter.as_str(), SubOpts::new().set_qos(level(*qos)?))
            };
            let entries = pairs.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
            Subscribe::builder()
                .packet_id(*id)
                .entries(entries)
                .build()?
                .to_continuous_buffer()
        }
        Specimen::SubAck(id, codes) => {
            let code =
                |&code| SubackReturnCode::try_from(code).map_err(|_| MqttError::MalformedPacket);
            let codes = codes.iter().map(code).collect::<Result<Vec<_>, _>>()?;
            Suback::builder()
                .packet_id(*id)
                .return_codes(codes)
                .build()?
                .to_continuous_buffer()
        }
        Specimen::Unsubscribe(id, filters) => {
            let filters = filters.iter().map(String::as_str);
            Unsubscribe::builder()
                .packet_id(*id)
                .entries(filters)?
                .build()?
                .to_continuous_buffer()
        }
        Specimen::UnsubAck(id) => Unsuback::builder()
            .packet_id(*id)
            .build()?
            .to_continuous_buffer(),
        Specimen::PingReq => Pingreq::new().to_continuous_buffer(),
        Specimen::PingResp => Pingresp::new().to_continuous_buffer(),
        Specimen::Disconnect => Disconnect::new().to_continuous_buffer(),
    })
}

fn connect_bytes(specimen: &Specimen) -> Result<Vec<u8>, MqttError> {
    let Specimen::Connect {
        clean_session,
        keep_alive,
        client_id,
        username,
        password,
        will,
    } = specimen
    else {
        return Err(MqttError::MalformedPacket);
    };
    let mut builder = Connect::builder();
    builder = builder
        .client_id(client_id.as_str())?
        .clean_session(*clean_session)
        .keep_alive(*keep_alive);
    if let Some(will) = will {
        let qos = Qos::try_from(will.qos).map_err(|_| MqttError::MalformedPacket)?;
        builder =
            builder.will_message(will.topic.as_str(), will.payload.clone(), qos, will.retain)?;
    }
    if let Some(username) = username {
        builder = builder.user_name(username.as_str())?;
    }
    if let Some(password) = password {
        builder = builder.password(password.clone())?;
    }
    Ok(builder.build()?.to_continuous_buffer())
}
