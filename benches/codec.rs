//! What the codec costs per packet: taking a PUBLISH off a stream, writing one, the small packets.
//!
//! Not here: how a run writes its messages (it fills templates, see `plan`), and sockets.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use midge::mqtt::{Packet, PubAck, Publish, Qos, Role, Version, decode};

const PACKET_MAX: usize = 1 << 20;
const TOPIC: &str = "kp1/bspu542ikfmmfgrk47s0-v1/dcx/ep-12345/json/54321/status";

fn publish(payload: &[u8]) -> Publish<'_> {
    Publish {
        dup: false,
        qos: Qos::AtLeastOnce,
        retain: false,
        topic: TOPIC,
        packet_id: 4711,
        payload,
    }
}

fn bytes_of(publish: &Publish) -> Vec<u8> {
    let mut out = Vec::new();
    publish
        .write(Version::V311, &mut out)
        .expect("a valid packet");
    out
}

fn read(bytes: &[u8]) -> Option<(Packet<'_>, usize)> {
    decode(bytes, Role::Client, Version::V311, PACKET_MAX).expect("a valid packet")
}

fn packets(criterion: &mut Criterion) {
    let payload = [b'x'; 200];
    let publish = publish(&payload);
    let one = bytes_of(&publish);
    let mut group = criterion.benchmark_group("codec");
    group.throughput(Throughput::Bytes(one.len() as u64));
    group.bench_function("decode a PUBLISH of 200 bytes", |bencher| {
        bencher.iter(|| read(black_box(&one)).map(|(_, length)| length));
    });
    let mut out = Vec::with_capacity(4096);
    group.bench_function("encode a PUBLISH of 200 bytes", |bencher| {
        bencher.iter(|| {
            out.clear();
            black_box(&publish)
                .write(Version::V311, &mut out)
                .expect("a valid packet");
            out.len()
        });
    });
    group.finish();

    let stream = one.repeat(100);
    criterion.bench_function("codec/decode a read of 100 PUBLISH", |bencher| {
        bencher.iter(|| {
            let mut rest = black_box(stream.as_slice());
            let mut count = 0;
            while let Some((_, length)) = read(rest) {
                rest = &rest[length..];
                count += 1;
            }
            assert_eq!(count, 100);
        });
    });

    let mut acknowledgement = Vec::new();
    PubAck { packet_id: 4711 }
        .write(Version::V311, &mut acknowledgement)
        .expect("a valid packet");
    criterion.bench_function("codec/decode a PUBACK", |bencher| {
        bencher.iter(|| read(black_box(&acknowledgement)).map(|(_, length)| length));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(500));
    targets = packets
}
criterion_main!(benches);
