//! UNSUBACK: the server has dropped subscriptions (section 3.11). Not here: the exchange that it is
//! a step of.

/// Acknowledges an UNSUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnsubAck {
    /// That of the UNSUBSCRIBE [MQTT-2.3.1-7], never 0 [MQTT-2.3.1-1].
    pub packet_id: u16,
}

super::ack::packet_id_alone!(UnsubAck);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Role, vector};

    const BYTES: [u8; 4] = [
        0xb0, // packet type 11, flags 0000
        2,    // remaining length
        0x12, 0x34, // packet identifier 0x1234
    ];

    #[test]
    fn the_bytes_are_those_of_section_3_11_and_no_others() {
        let packet = Packet::UnsubAck(UnsubAck { packet_id: 0x1234 });
        vector::is_exactly(packet, &BYTES, Role::Client);
    }
}
