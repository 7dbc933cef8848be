//! PUBREC: the receiver has a PUBLISH of QoS 2, part one of three (section 3.5). Not here: the
//! exchange that it is a step of.

use super::{DecodeError, EncodeError, Kind, Version, ack};

/// First answer to a PUBLISH of QoS 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PubRec {
    /// That of the PUBLISH [MQTT-2.3.1-6], never 0 [MQTT-2.3.1-1].
    pub packet_id: u16,
}

impl PubRec {
    pub(super) fn read(body: &[u8], version: Version) -> Result<Self, DecodeError> {
        let Version::V311 = version;
        Ok(Self {
            packet_id: ack::read(body)?,
        })
    }

    /// Appends the packet, four bytes.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Version::V311 = version;
        ack::write(Kind::PubRec, self.packet_id, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Role, decode};

    const BYTES: [u8; 4] = [
        0x50, // packet type 5, flags 0000
        2,    // remaining length
        0x12, 0x34, // packet identifier 0x1234
    ];

    #[test]
    fn the_bytes_are_those_of_section_3_5() {
        let packet = PubRec { packet_id: 0x1234 };
        let mut out = Vec::new();
        packet.write(Version::V311, &mut out).expect("valid");
        assert_eq!(out, BYTES);
        let read = decode(&BYTES, Role::Client, Version::V311, BYTES.len());
        assert_eq!(read, Ok(Some((Packet::PubRec(packet), BYTES.len()))));
    }

    #[test]
    fn other_flags_are_refused() {
        for flags in (0..16).filter(|&flags| flags != 0x50 & 0x0f) {
            let bytes = [0x50 & 0xf0 | flags, 2, 0x12, 0x34];
            let refused = decode(&bytes, Role::Client, Version::V311, BYTES.len());
            assert_eq!(refused, Err(DecodeError::HeaderFlags(Kind::PubRec)));
        }
    }
}
