//! PUBCOMP: the receiver forgets a PUBLISH of QoS 2, part three of three (section 3.7). Not here:
//! the exchange that it is a step of.

use super::{Properties, Reason};

/// Answer to PUBREL, the end of a delivery of QoS 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PubComp<'a> {
    /// That of the PUBREL, never 0 [MQTT-2.3.1-1]; 5.0: [MQTT-2.2.1-5].
    pub packet_id: u16,
    /// What became of it. 3.1.1 knows success only.
    pub reason: Reason,
    /// A reason string and user properties. 3.1.1 has none.
    pub properties: Properties<'a>,
}

super::ack::acknowledgement!(PubComp);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Packet, Role, vector};

    const BYTES: [u8; 4] = [
        0x70, // packet type 7, flags 0000
        2,    // remaining length
        0x12, 0x34, // packet identifier 0x1234
    ];

    #[test]
    fn the_bytes_are_those_of_section_3_7_and_no_others() {
        let packet = Packet::PubComp(PubComp::of(0x1234));
        vector::is_exactly(packet, &BYTES, Role::Client);
    }
}
