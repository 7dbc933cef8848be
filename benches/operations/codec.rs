//! What the codec costs per packet: taking one off a stream, writing one.
//!
//! Not here: how a run writes its messages (it fills templates, see `encoder`).

use std::hint::black_box;

use midge::mqtt::{Packet, Properties, PubAck, Publish, Qos, Role, Version, decode};

use super::Measure;

const PACKET_MAX: usize = 1 << 20;
pub const TOPIC: &str = "kp1/bspu542ikfmmfgrk47s0-v1/dcx/ep-12345/json/54321/status";

const ACKNOWLEDGEMENT: PubAck<'static> = PubAck::of(4711);

/// One at `QoS` 1.
pub fn publish<'a>(topic: &'a str, payload: &'a [u8]) -> Publish<'a> {
    Publish {
        dup: false,
        qos: Qos::AtLeastOnce,
        retain: false,
        topic,
        packet_id: 4711,
        payload,
        properties: Properties::NONE,
    }
}

// As one function, whoever else calls what it calls.
#[inline(never)]
fn read(bytes: &[u8]) -> Option<(Packet<'_>, usize)> {
    decode(bytes, Role::Client, Version::V311, PACKET_MAX).expect("a valid packet")
}

pub fn each(measure: &mut impl Measure) {
    let (topic, payload) = (TOPIC.to_owned(), vec![b'x'; 200]);
    let publish = publish(&topic, &payload);
    let mut out = Vec::with_capacity(4096);
    publish
        .write(Version::V311, &mut out)
        .expect("a valid packet");
    let one = out.clone();
    measure.operation("codec/read a PUBLISH with 200 bytes", || {
        read(black_box(&one)).map(|(_, length)| length)
    });
    let stream = one.repeat(100);
    measure.operation("codec/read 100 of them from one buffer", || {
        let mut rest = black_box(stream.as_slice());
        while let Some((_, length)) = read(rest) {
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
    });
    measure.operation("codec/write a PUBLISH with 200 bytes", || {
        out.clear();
        let written = black_box(&publish).write(Version::V311, &mut out);
        written.expect("a valid packet");
        out.len()
    });
    small(measure);
}

fn small(measure: &mut impl Measure) {
    let mut out = Vec::with_capacity(64);
    measure.operation("codec/write a PUBACK", || {
        out.clear();
        let written = black_box(&ACKNOWLEDGEMENT).write(Version::V311, &mut out);
        written.expect("a valid packet");
        out.len()
    });
    let packets: [(&str, &[u8]); 4] = [
        ("a PUBACK", &out),
        ("a CONNACK", &[0x20, 2, 0, 0]),
        ("a SUBACK", &[0x90, 3, 0x12, 0x67, 1]),
        ("a PINGRESP", &[0xD0, 0]),
    ];
    for (what, bytes) in packets {
        let bytes = bytes.to_vec();
        measure.operation(&format!("codec/read {what}"), || {
            read(black_box(&bytes)).map(|(_, length)| length)
        });
    }
}
