//! The fixed header: one byte of type and flags, then the remaining length in one to four bytes
//! (section 2.2).
//!
//! Not here: what the first byte means, see [`Kind`](super::Kind).

use super::DecodeError;

/// The largest remaining length, in bytes: four groups of seven bits (section 2.2.3, table 2.4).
pub const MAX_REMAINING_LENGTH: u32 = 268_435_455;

/// A fixed header as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Packet type and flags.
    pub first_byte: u8,
    /// Bytes of the packet after this header, at most [`MAX_REMAINING_LENGTH`].
    pub remaining_length: u32,
    /// Bytes of this header, 2 to 5.
    pub len: usize,
}

impl Header {
    /// Bytes of the whole packet.
    pub const fn packet_len(&self) -> usize {
        self.len + self.remaining_length as usize
    }

    /// Whether the remaining length takes no more bytes than it needs, as 5.0 demands
    /// [MQTT-1.5.5-1].
    pub const fn is_shortest(&self) -> bool {
        self.len == 1 + remaining_length_len(self.remaining_length as usize)
    }
}

/// Reads a fixed header without judging its first byte. `Ok(None)`: incomplete.
///
/// A remaining length with needless groups (`0x80 0x00` for 0) is accepted: 3.1.1 limits it to four
/// bytes and demands no shortest form; 5.0 does, see [`Header::is_shortest`]. A fifth byte is [`DecodeError::RemainingLength`], as soon as
/// the fourth announces it.
#[inline]
pub fn read(bytes: &[u8]) -> Result<Option<Header>, DecodeError> {
    match *bytes {
        // One and two bytes, spelled out: nearly every packet of a load test.
        [first_byte, a, ..] if a < 0x80 => Ok(Some(Header {
            first_byte,
            remaining_length: u32::from(a),
            len: 2,
        })),
        [first_byte, a, b, ..] if b < 0x80 => Ok(Some(Header {
            first_byte,
            remaining_length: u32::from(a & 0x7f) | u32::from(b) << 7,
            len: 3,
        })),
        _ => read_long(bytes),
    }
}

fn read_long(bytes: &[u8]) -> Result<Option<Header>, DecodeError> {
    let Some((&first_byte, groups)) = bytes.split_first() else {
        return Ok(None);
    };
    let mut remaining_length = 0;
    for (index, &group) in groups.iter().take(4).enumerate() {
        remaining_length |= u32::from(group & 0x7f) << (7 * index);
        if group < 0x80 {
            return Ok(Some(Header {
                first_byte,
                remaining_length,
                len: index + 2,
            }));
        }
    }
    if groups.len() < 4 {
        Ok(None)
    } else {
        Err(DecodeError::RemainingLength)
    }
}

/// Bytes that a remaining length of `n` takes: 1 to 4, and 5 for what is above
/// [`MAX_REMAINING_LENGTH`] and fits no packet.
pub const fn remaining_length_len(n: usize) -> usize {
    match n {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        2_097_152..=268_435_455 => 4,
        _ => 5,
    }
}

/// Appends `n` as a remaining length in its shortest form.
///
/// `n` is at most [`MAX_REMAINING_LENGTH`]; anything larger takes a fifth byte, which every reader
/// refuses.
pub fn write_remaining_length(n: u32, out: &mut Vec<u8>) {
    let mut rest = n;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(n: u32) -> Vec<u8> {
        let mut out = Vec::new();
        write_remaining_length(n, &mut out);
        out
    }

    #[test]
    fn the_limits_of_table_2_4_take_the_bytes_it_says() {
        let table: [(u32, &[u8]); 8] = [
            (0, &[0x00]),
            (127, &[0x7f]),
            (128, &[0x80, 0x01]),
            (16_383, &[0xff, 0x7f]),
            (16_384, &[0x80, 0x80, 0x01]),
            (2_097_151, &[0xff, 0xff, 0x7f]),
            (2_097_152, &[0x80, 0x80, 0x80, 0x01]),
            (268_435_455, &[0xff, 0xff, 0xff, 0x7f]),
        ];
        for (n, bytes) in table {
            assert_eq!(written(n), bytes);
            assert_eq!(remaining_length_len(n as usize), bytes.len());
        }
    }

    #[test]
    fn the_example_of_section_2_2_3_reads_as_321() {
        // 193 = 65 + 128: low group 65, more to come; 2: second group. 65 + 2 x 128 = 321.
        let header = read(&[0x30, 193, 2]).expect("valid").expect("complete");
        assert_eq!(
            header,
            Header {
                first_byte: 0x30,
                remaining_length: 321,
                len: 3
            }
        );
        assert_eq!(header.packet_len(), 324);
    }

    #[test]
    fn needless_groups_are_read_up_to_four_bytes() {
        for bytes in [
            &[0xc0, 0x00][..],
            &[0xc0, 0x80, 0x00],
            &[0xc0, 0x80, 0x80, 0x00],
            &[0xc0, 0x80, 0x80, 0x80, 0x00],
        ] {
            let header = read(bytes).expect("valid").expect("complete");
            assert_eq!((header.remaining_length, header.len), (0, bytes.len()));
        }
    }

    #[test]
    fn a_fifth_byte_is_refused_as_soon_as_it_is_announced() {
        assert_eq!(read(&[0xc0, 0x80, 0x80, 0x80]), Ok(None));
        assert_eq!(
            read(&[0xc0, 0x80, 0x80, 0x80, 0x80]),
            Err(DecodeError::RemainingLength)
        );
        assert_eq!(
            read(&[0xc0, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            Err(DecodeError::RemainingLength)
        );
    }

    #[test]
    fn what_fits_no_packet_takes_five_bytes_and_is_refused() {
        assert_eq!(remaining_length_len(MAX_REMAINING_LENGTH as usize + 1), 5);
        let bytes = [&[0x30][..], &written(MAX_REMAINING_LENGTH + 1)].concat();
        assert_eq!(bytes.len(), 6);
        assert_eq!(read(&bytes), Err(DecodeError::RemainingLength));
    }

    proptest! {
        #[test]
        fn every_length_reads_back_and_every_prefix_is_incomplete(n in 0..=MAX_REMAINING_LENGTH) {
            let bytes = [&[0x30][..], &written(n)].concat();
            prop_assert_eq!(bytes.len(), 1 + remaining_length_len(n as usize));
            prop_assert_eq!(read(&bytes), Ok(Some(Header { first_byte: 0x30, remaining_length: n, len: bytes.len() })));
            for end in 0..bytes.len() {
                prop_assert_eq!(read(&bytes[..end]), Ok(None));
            }
        }
    }
}
