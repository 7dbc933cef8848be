//! The shape that PINGREQ and PINGRESP share: a fixed header and nothing else, in all versions.
//!
//! Not here: what each of them means, which its own file says.

/// Gives a packet without fields its `read` and `write`.
macro_rules! empty {
    ($packet:ident) => {
        impl $packet {
            pub(super) fn read(body: &[u8]) -> Result<Self, super::DecodeError> {
                super::reader::Reader::new(body).finish()?;
                Ok(Self)
            }

            /// Appends the packet, two bytes. It is never refused.
            pub fn write(
                &self,
                _version: super::Version,
                out: &mut Vec<u8>,
            ) -> Result<(), super::EncodeError> {
                out.extend_from_slice(&[super::Kind::$packet.first_byte(), 0]);
                Ok(())
            }
        }
    };
}

pub(super) use empty;
