//! What the packets' tests share: a packet against its annotated bytes, in both directions.
//!
//! Tests only. Not here: the bytes, which stand in each packet's own file.

use super::{DecodeError, EncodeError, Packet, Role, Version, decode};

/// Reads the one packet of 3.1.1 that takes all of `bytes`. Panics when it is incomplete or followed by
/// more.
pub(super) fn read(bytes: &[u8], reader: Role) -> Result<Packet<'_>, DecodeError> {
    read_whole(bytes, reader, Version::V311)
}

/// The same in 5.0.
pub(super) fn read_5(bytes: &[u8], reader: Role) -> Result<Packet<'_>, DecodeError> {
    read_whole(bytes, reader, Version::V5)
}

fn read_whole(bytes: &[u8], reader: Role, version: Version) -> Result<Packet<'_>, DecodeError> {
    match decode(bytes, reader, version, 1 << 20)? {
        Some((packet, consumed)) if consumed == bytes.len() => Ok(packet),
        other => panic!("{other:?}"),
    }
}

/// What `write` appends. Panics when it refuses and appends all the same.
pub(super) fn written(
    write: impl FnOnce(Version, &mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    let outcome = write(Version::V311, &mut out);
    assert!(outcome.is_ok() || out.is_empty(), "{outcome:?}: {out:?}");
    outcome.map(|()| out)
}

/// In 5.0, the packet is written as these bytes.
pub(super) fn is_written_5(packet: Packet<'_>, bytes: &[u8]) {
    let mut out = Vec::new();
    assert_eq!(packet.write(Version::V5, &mut out), Ok(()));
    assert_eq!(out, bytes);
}

/// For a packet of fixed length: it is these bytes, both ways, and with other flags or one byte
/// more it is none.
pub(super) fn is_exactly(packet: Packet<'_>, bytes: &[u8], reader: Role) {
    assert_eq!(
        written(|version, out| packet.write(version, out)),
        Ok(bytes.to_vec())
    );
    assert_eq!(read(bytes, reader), Ok(packet));
    for flags in (0..16).filter(|flags| bytes[0] & 0x0f != *flags) {
        let mut other = bytes.to_vec();
        other[0] = bytes[0] & 0xf0 | flags;
        assert_eq!(
            read(&other, reader),
            Err(DecodeError::HeaderFlags(packet.kind()))
        );
    }
    let mut longer = bytes.to_vec();
    longer[1] += 1;
    longer.push(0);
    assert_eq!(read(&longer, reader), Err(DecodeError::TrailingBytes));
}
