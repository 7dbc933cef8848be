//! PUBACK: the receiver has a PUBLISH of QoS 1 (section 3.4). Not here: the exchange that it is a
//! step of.

use super::{Properties, Reason};

/// Acknowledges a PUBLISH of QoS 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PubAck<'a> {
    /// That of the PUBLISH [MQTT-2.3.1-6], never 0 [MQTT-2.3.1-1]; 5.0: [MQTT-2.2.1-5].
    pub packet_id: u16,
    /// What became of it. 3.1.1 knows success only.
    pub reason: Reason,
    /// A reason string and user properties. 3.1.1 has none.
    pub properties: Properties<'a>,
}

super::ack::acknowledgement!(PubAck);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Role, vector};

    const BYTES: [u8; 4] = [
        0x40, // packet type 4, flags 0000
        2,    // remaining length
        0x12, 0x34, // packet identifier 0x1234
    ];

    #[test]
    fn the_bytes_are_those_of_section_3_4_and_no_others() {
        let packet = Packet::PubAck(PubAck::of(0x1234));
        vector::is_exactly(packet, &BYTES, Role::Client);
    }
}
