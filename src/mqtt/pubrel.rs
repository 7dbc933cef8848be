//! PUBREL: the sender will not repeat a PUBLISH of QoS 2, part two of three (section 3.6). Not
//! here: the exchange that it is a step of.

use super::{Properties, Reason};

/// Answer to PUBREC. Its flags are 0010 [MQTT-3.6.1-1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PubRel<'a> {
    /// That of the PUBLISH [MQTT-2.3.1-6], never 0 [MQTT-2.3.1-1]; 5.0: [MQTT-2.2.1-5].
    pub packet_id: u16,
    /// What became of it. 3.1.1 knows success only.
    pub reason: Reason,
    /// A reason string and user properties. 3.1.1 has none.
    pub properties: Properties<'a>,
}

super::ack::acknowledgement!(PubRel);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Role, vector};

    const BYTES: [u8; 4] = [
        0x62, // packet type 6, flags 0010
        2,    // remaining length
        0x12, 0x34, // packet identifier 0x1234
    ];

    #[test]
    fn the_bytes_are_those_of_section_3_6_and_no_others() {
        let packet = Packet::PubRel(PubRel::of(0x1234));
        vector::is_exactly(packet, &BYTES, Role::Server);
    }
}
