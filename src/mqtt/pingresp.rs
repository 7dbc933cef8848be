//! PINGRESP: the server is there (section 3.13). Not here: when it is due.

use super::reader::Reader;
use super::{DecodeError, EncodeError, Kind, Version};

/// Answers a PINGREQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PingResp;

impl PingResp {
    pub(super) fn read(body: &[u8], version: Version) -> Result<Self, DecodeError> {
        let Version::V311 = version;
        Reader::new(body).finish()?;
        Ok(Self)
    }

    /// Appends the packet, two bytes. It is never refused.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Version::V311 = version;
        out.extend_from_slice(&[Kind::PingResp.first_byte(), 0]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Role, decode};

    const BYTES: [u8; 2] = [
        0xd0, // packet type 13, flags 0000
        0,    // remaining length: no variable header, no payload
    ];

    #[test]
    fn the_bytes_are_those_of_section_3_13() {
        let mut out = Vec::new();
        PingResp.write(Version::V311, &mut out).expect("valid");
        assert_eq!(out, BYTES);
        let read = decode(&BYTES, Role::Client, Version::V311, BYTES.len());
        assert_eq!(read, Ok(Some((Packet::PingResp, BYTES.len()))));
    }

    #[test]
    fn a_body_or_a_flag_is_refused() {
        let body = [0xd0, 1, 0];
        assert_eq!(
            decode(&body, Role::Client, Version::V311, 3),
            Err(DecodeError::TrailingBytes)
        );
        for flags in 1..16 {
            let bytes = [0xd0 | flags, 0];
            let refused = decode(&bytes, Role::Client, Version::V311, 2);
            assert_eq!(refused, Err(DecodeError::HeaderFlags(Kind::PingResp)));
        }
    }
}
