//! The types of properties' values on the wire (5.0: section 1.5): how each is read, how long it is
//! and how it is written. Not here: which property has which.
#![expect(
    clippy::unnecessary_wraps,
    reason = "all types have the same three functions"
)]

/// A byte that is 0 or 1.
pub(super) mod flag {
    use crate::mqtt::reader::Reader;
    use crate::mqtt::{DecodeError, EncodeError};

    pub(in crate::mqtt) fn read(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
        match reader.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(DecodeError::PropertyValue(other)),
        }
    }

    pub(in crate::mqtt) const fn len(_: bool) -> Result<usize, EncodeError> {
        Ok(1)
    }

    pub(in crate::mqtt) fn write(value: bool, out: &mut Vec<u8>) {
        out.push(u8::from(value));
    }
}

/// A byte that is a QoS.
pub(super) mod level {
    use crate::mqtt::reader::Reader;
    use crate::mqtt::{DecodeError, EncodeError, Qos};

    pub(in crate::mqtt) fn read(reader: &mut Reader<'_>) -> Result<Qos, DecodeError> {
        let byte = reader.byte()?;
        Qos::try_from(byte).map_err(|_| DecodeError::PropertyValue(byte))
    }

    pub(in crate::mqtt) const fn len(_: Qos) -> Result<usize, EncodeError> {
        Ok(1)
    }

    pub(in crate::mqtt) fn write(value: Qos, out: &mut Vec<u8>) {
        out.push(value as u8);
    }
}

/// A number of two bytes, high byte first (section 1.5.2).
pub(super) mod two {
    use crate::mqtt::reader::Reader;
    use crate::mqtt::{DecodeError, EncodeError, writer};

    pub(in crate::mqtt) fn read(reader: &mut Reader<'_>) -> Result<u16, DecodeError> {
        reader.number()
    }

    pub(in crate::mqtt) const fn len(_: u16) -> Result<usize, EncodeError> {
        Ok(2)
    }

    pub(in crate::mqtt) fn write(value: u16, out: &mut Vec<u8>) {
        writer::number(value, out);
    }
}

/// A number of four bytes, high byte first (section 1.5.3).
pub(super) mod four {
    use crate::mqtt::reader::Reader;
    use crate::mqtt::{DecodeError, EncodeError};

    pub(in crate::mqtt) fn read(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
        reader.long_number()
    }

    pub(in crate::mqtt) const fn len(_: u32) -> Result<usize, EncodeError> {
        Ok(4)
    }

    pub(in crate::mqtt) fn write(value: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// A number of one to four bytes (section 1.5.5).
pub(super) mod variable {
    use crate::mqtt::reader::Reader;
    use crate::mqtt::{DecodeError, EncodeError, header};

    pub(in crate::mqtt) fn read(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
        reader.variable()
    }

    pub(in crate::mqtt) const fn len(value: u32) -> Result<usize, EncodeError> {
        if value > header::MAX_REMAINING_LENGTH {
            return Err(EncodeError::PacketTooLarge);
        }
        Ok(header::remaining_length_len(value as usize))
    }

    pub(in crate::mqtt) fn write(value: u32, out: &mut Vec<u8>) {
        header::write_remaining_length(value, out);
    }
}

/// Text after its length (section 1.5.4).
pub(super) mod text {
    use crate::mqtt::reader::Reader;
    use crate::mqtt::{DecodeError, EncodeError, topic, writer};

    pub(in crate::mqtt) fn read<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
        reader.text()
    }

    pub(in crate::mqtt) fn len(value: &str) -> Result<usize, EncodeError> {
        topic::check_text(value)?;
        writer::field_len(value.as_bytes())
    }

    pub(in crate::mqtt) fn write(value: &str, out: &mut Vec<u8>) {
        writer::field(value.as_bytes(), out);
    }
}

/// Bytes after their length (section 1.5.6).
pub(super) mod binary {
    use crate::mqtt::reader::Reader;
    use crate::mqtt::{DecodeError, EncodeError, writer};

    pub(in crate::mqtt) fn read<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
        reader.binary()
    }

    pub(in crate::mqtt) const fn len(value: &[u8]) -> Result<usize, EncodeError> {
        writer::field_len(value)
    }

    pub(in crate::mqtt) fn write(value: &[u8], out: &mut Vec<u8>) {
        writer::field(value, out);
    }
}

/// Two texts (section 1.5.7).
pub(super) mod pair {
    use super::text;
    use crate::mqtt::reader::Reader;
    use crate::mqtt::{DecodeError, EncodeError};

    /// Both are text [MQTT-1.5.7-1].
    pub(in crate::mqtt) fn read<'a>(
        reader: &mut Reader<'a>,
    ) -> Result<(&'a str, &'a str), DecodeError> {
        Ok((reader.text()?, reader.text()?))
    }

    pub(in crate::mqtt) fn len((name, value): (&str, &str)) -> Result<usize, EncodeError> {
        Ok(text::len(name)? + text::len(value)?)
    }

    pub(in crate::mqtt) fn write((name, value): (&str, &str), out: &mut Vec<u8>) {
        text::write(name, out);
        text::write(value, out);
    }
}

#[cfg(test)]
mod tests {
    use crate::mqtt::reader::Reader;
    use crate::mqtt::{DecodeError, EncodeError};

    #[test]
    fn a_number_takes_as_many_bytes_as_it_says() {
        for value in [1, 127, 128, 16_384, 268_435_455] {
            let mut out = Vec::new();
            super::variable::write(value, &mut out);
            assert_eq!(super::variable::len(value), Ok(out.len()));
            assert_eq!(super::variable::read(&mut Reader::new(&out)), Ok(value));
        }
        let too_large = super::variable::len(268_435_456);
        assert_eq!(too_large, Err(EncodeError::PacketTooLarge));
    }

    #[test]
    fn text_is_judged_before_it_is_written() {
        let rule = Err(EncodeError::BreaksRule(DecodeError::NullCharacter));
        assert_eq!(super::text::len("a\0"), rule);
        assert_eq!(super::pair::len(("a", "\0")), rule);
        assert_eq!(super::pair::len(("ab", "c")), Ok(7));
        let long = "a".repeat(65_536);
        assert_eq!(super::text::len(&long), Err(EncodeError::FieldTooLong));
        assert_eq!(
            super::binary::len(long.as_bytes()),
            Err(EncodeError::FieldTooLong)
        );
    }
}
