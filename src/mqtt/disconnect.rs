//! DISCONNECT: a client says goodbye (section 3.14). Not here: when it is due.

/// The last packet of a client: its will is not published. Its flags are 0000 [MQTT-3.14.1-1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Disconnect;

super::empty::empty!(Disconnect);

#[cfg(test)]
mod tests {
    use crate::mqtt::{Packet, Role, vector};

    const BYTES: [u8; 2] = [
        0xe0, // packet type 14, flags 0000
        0,    // remaining length: no variable header, no payload
    ];

    #[test]
    fn the_bytes_are_those_of_section_3_14_and_no_others() {
        vector::is_exactly(Packet::Disconnect, &BYTES, Role::Server);
    }
}
