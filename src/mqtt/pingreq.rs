//! PINGREQ: a client asks whether the server is there (section 3.12). Not here: when it is due.

/// Keeps a connection alive; the server answers with PINGRESP [MQTT-3.12.4-1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PingReq;

super::empty::empty!(PingReq);

#[cfg(test)]
mod tests {
    use crate::mqtt::{Packet, Role, vector};

    const BYTES: [u8; 2] = [
        0xc0, // packet type 12, flags 0000
        0,    // remaining length: no variable header, no payload
    ];

    #[test]
    fn the_bytes_are_those_of_section_3_12_and_no_others() {
        vector::is_exactly(Packet::PingReq, &BYTES, Role::Server);
    }
}
