//! The pieces that packets are written from. All checks come first, so that a refused packet leaves
//! nothing behind.
//!
//! Not here: the order of the fields, which each packet's own file spells out.

use super::{DecodeError, EncodeError, Version, header, topic};

/// Bytes that `field` takes with its 16-bit length in front; more than 65,535 do not fit
/// [MQTT-4.7.3-3].
pub(super) const fn field_len(field: &[u8]) -> Result<usize, EncodeError> {
    if field.len() > u16::MAX as usize {
        Err(EncodeError::FieldTooLong)
    } else {
        Ok(2 + field.len())
    }
}

/// Appends the fixed header of a packet and makes room for its body.
pub(super) fn begin(
    first_byte: u8,
    remaining_length: usize,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let length = u32::try_from(remaining_length)
        .ok()
        .filter(|&length| length <= header::MAX_REMAINING_LENGTH)
        .ok_or(EncodeError::PacketTooLarge)?;
    out.reserve(1 + header::remaining_length_len(remaining_length) + remaining_length);
    out.push(first_byte);
    header::write_remaining_length(length, out);
    Ok(())
}

/// Appends a 16-bit number, high byte first (section 1.5.2).
pub(super) fn number(value: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a field whose length [`field_len`] has approved.
pub(super) fn field(field: &[u8], out: &mut Vec<u8>) {
    number(field.len() as u16, out);
    out.extend_from_slice(field);
}

/// Bytes of all `filters` with `after_each` more behind each. None, an invalid and a too long one
/// are errors.
pub(super) fn filters_len<'f>(
    filters: impl Iterator<Item = &'f str>,
    after_each: usize,
    version: Version,
) -> Result<usize, EncodeError> {
    let mut len = 0;
    for filter in filters {
        len += field_len(filter.as_bytes())? + after_each;
        topic::check_filter(filter, version)?;
    }
    if len == 0 {
        // [MQTT-3.8.3-3], [MQTT-3.10.3-2].
        return Err(EncodeError::BreaksRule(DecodeError::NoFilters));
    }
    Ok(len)
}

/// A packet identifier that may be written [MQTT-2.3.1-1].
pub(super) const fn packet_id(packet_id: u16) -> Result<u16, EncodeError> {
    match packet_id {
        0 => Err(EncodeError::BreaksRule(DecodeError::PacketIdZero)),
        packet_id => Ok(packet_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_65535_bytes_fits_and_one_more_does_not() {
        assert_eq!(field_len(&vec![0; 65_535]), Ok(65_537));
        assert_eq!(field_len(&vec![0; 65_536]), Err(EncodeError::FieldTooLong));
    }

    #[test]
    fn a_packet_that_is_too_large_leaves_nothing_behind() {
        let mut out = vec![1];
        let too_large = header::MAX_REMAINING_LENGTH as usize + 1;
        assert_eq!(
            begin(0x30, too_large, &mut out),
            Err(EncodeError::PacketTooLarge)
        );
        assert_eq!(out, [1]);
    }
}
