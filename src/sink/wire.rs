//! Packets in a stream of bytes, by fixed header and remaining length alone (MQTT 3.1.1, section 2.2).
//!
//! Written apart from the crate's codec, which is part of what is measured. Not here: what is in them.

/// What a stream begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// A whole packet: where its body begins and where it ends.
    Packet {
        /// First byte after the fixed header.
        body: usize,
        /// First byte of the next packet.
        end: usize,
    },
    /// A packet that has not ended.
    Partial,
    /// No packet.
    Broken,
}

/// The first packet of `bytes`.
pub fn cut(bytes: &[u8]) -> Cut {
    let mut length = 0;
    for index in 1..=4 {
        let Some(byte) = bytes.get(index) else {
            return Cut::Partial;
        };
        length |= usize::from(byte & 127) << (7 * (index - 1));
        if byte & 128 == 0 {
            let body = index + 1;
            let end = body + length;
            return if end <= bytes.len() {
                Cut::Packet { body, end }
            } else {
                Cut::Partial
            };
        }
    }
    Cut::Broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_where_its_packets_end() {
        assert_eq!(cut(&[0xc0, 0, 0xc0]), Cut::Packet { body: 2, end: 2 });
        let long = [vec![0x30, 0x80, 0x01], vec![0; 128]].concat();
        assert_eq!(cut(&long), Cut::Packet { body: 3, end: 131 });
        assert_eq!(cut(&long[..130]), Cut::Partial);
        assert_eq!(cut(&[]), Cut::Partial);
        assert_eq!(cut(&[0x30, 0xff, 0xff, 0xff, 0xff]), Cut::Broken);
    }
}
