//! A cursor over the body of one packet: every step is checked against the packet's end. Not here:
//! the fixed header.
//!
//! The body is complete when it gets here, so a step beyond its end is an error of the sender and
//! not "read more".

use super::{DecodeError, Version, topic};

/// What is left of a packet's body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(super) const fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(DecodeError::FieldTooLong)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, DecodeError> {
        let (&byte, rest) = self.rest.split_first().ok_or(DecodeError::FieldTooLong)?;
        self.rest = rest;
        Ok(byte)
    }

    /// A 16-bit number, high byte first (section 1.5.2).
    #[inline]
    pub(super) fn number(&mut self) -> Result<u16, DecodeError> {
        let (&bytes, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(DecodeError::FieldTooLong)?;
        self.rest = rest;
        Ok(u16::from_be_bytes(bytes))
    }

    /// A 32-bit number, high byte first (5.0: section 1.5.3).
    pub(super) fn long_number(&mut self) -> Result<u32, DecodeError> {
        let (&bytes, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(DecodeError::FieldTooLong)?;
        self.rest = rest;
        Ok(u32::from_be_bytes(bytes))
    }

    /// A number of one to four bytes, low seven bits first, in its shortest form (5.0:
    /// [MQTT-1.5.5-1]).
    #[inline]
    pub(super) fn variable(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21] {
            let group = self.byte()?;
            value |= u32::from(group & 0x7f) << shift;
            if group < 0x80 {
                return if group == 0 && shift > 0 {
                    Err(DecodeError::VariableByteInteger)
                } else {
                    Ok(value)
                };
            }
        }
        Err(DecodeError::VariableByteInteger)
    }

    /// A packet identifier, never 0 [MQTT-2.3.1-1].
    #[inline]
    pub(super) fn packet_id(&mut self) -> Result<u16, DecodeError> {
        match self.number()? {
            0 => Err(DecodeError::PacketIdZero),
            packet_id => Ok(packet_id),
        }
    }

    /// Bytes after their 16-bit length: a password, a will message.
    #[inline]
    pub(super) fn binary(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.number()?;
        self.take(usize::from(len))
    }

    /// Well-formed UTF-8 [MQTT-1.5.3-1]; a byte order mark stays in it [MQTT-1.5.3-3]. The null
    /// character is not looked for.
    #[inline]
    fn utf8(&mut self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.binary()?).map_err(|_| DecodeError::IllFormedUtf8)
    }

    /// Text without the null character [MQTT-1.5.3-2].
    pub(super) fn text(&mut self) -> Result<&'a str, DecodeError> {
        let text = self.utf8()?;
        topic::check_text(text)?;
        Ok(text)
    }

    /// Text that is a topic name [MQTT-3.3.2-2].
    #[inline]
    pub(super) fn topic_name(&mut self) -> Result<&'a str, DecodeError> {
        let name = self.utf8()?;
        topic::check_name(name)?;
        Ok(name)
    }

    /// Text that is a topic name, or nothing where a topic alias stands for it (5.0: section 3.3.2.1).
    #[inline]
    pub(super) fn topic_name_or_none(&mut self) -> Result<&'a str, DecodeError> {
        let name = self.utf8()?;
        if !name.is_empty() {
            topic::check_name(name)?;
        }
        Ok(name)
    }

    /// Text that is a topic filter (section 4.7.1), in 5.0 possibly a shared one (section 4.8.2).
    pub(super) fn topic_filter(&mut self, version: Version) -> Result<&'a str, DecodeError> {
        let filter = self.utf8()?;
        topic::check_filter(filter, version)?;
        Ok(filter)
    }

    /// Everything that is left.
    #[inline]
    pub(super) const fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Ends the packet: nothing may be left.
    pub(super) const fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::TrailingBytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_off_one_after_the_other() {
        let mut reader = Reader::new(&[
            0x07, // a byte
            0x12, 0x34, // a number, high byte first
            0x00, 0x02, 0xff, 0x00, // binary of two bytes, which need not be text
            0x00, 0x03, b'a', b'/', b'b', // a topic name of three bytes
            0x09, // the rest
        ]);
        assert_eq!(reader.byte(), Ok(7));
        assert_eq!(reader.number(), Ok(0x1234));
        assert_eq!(reader.binary(), Ok(&[0xff, 0x00][..]));
        assert_eq!(reader.topic_name(), Ok("a/b"));
        assert_eq!(reader.finish(), Err(DecodeError::TrailingBytes));
        assert_eq!(reader.rest(), [9]);
        assert_eq!(reader.byte(), Ok(9));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn a_field_beyond_the_end_is_an_error() {
        assert_eq!(Reader::new(&[]).byte(), Err(DecodeError::FieldTooLong));
        assert_eq!(Reader::new(&[0]).number(), Err(DecodeError::FieldTooLong));
        assert_eq!(
            Reader::new(&[0, 2, b'a']).text(),
            Err(DecodeError::FieldTooLong)
        );
        assert_eq!(
            Reader::new(&[0xff, 0xff]).binary(),
            Err(DecodeError::FieldTooLong)
        );
    }

    #[test]
    fn text_is_well_formed_utf8_without_the_null_character() {
        let text = |bytes: &[u8]| {
            let field = [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
            Reader::new(&field).text().map(str::to_owned)
        };
        assert_eq!(text("Ä𪛔".as_bytes()), Ok("Ä𪛔".to_owned()));
        // [MQTT-1.5.3-3]: U+FEFF is kept wherever it stands.
        assert_eq!(text(&[0xef, 0xbb, 0xbf, b'a']), Ok("\u{feff}a".to_owned()));
        assert_eq!(text(&[b'a', 0x00]), Err(DecodeError::NullCharacter));
        // Overlong form of U+0000, an encoded surrogate, a sequence cut short, a lone continuation,
        // above U+10FFFF.
        for ill_formed in [
            &[0xc0, 0x80][..],
            &[0xed, 0xa0, 0x80],
            &[0xe2, 0x82],
            &[0x80],
            &[0xf4, 0x90, 0x80, 0x80],
        ] {
            assert_eq!(text(ill_formed), Err(DecodeError::IllFormedUtf8));
        }
    }
}
