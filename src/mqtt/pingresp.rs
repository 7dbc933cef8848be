//! PINGRESP: the server is there (section 3.13). Not here: when it is due.

/// Answers a PINGREQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PingResp;

super::empty::empty!(PingResp);

#[cfg(test)]
mod tests {
    use crate::mqtt::{Packet, Role, vector};

    const BYTES: [u8; 2] = [
        0xd0, // packet type 13, flags 0000
        0,    // remaining length: no variable header, no payload
    ];

    #[test]
    fn the_bytes_are_those_of_section_3_13_and_no_others() {
        vector::is_exactly(Packet::PingResp, &BYTES, Role::Client);
    }
}
