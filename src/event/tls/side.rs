//! What both ends of a connection have in common for rustls's part.

use rustls::unbuffered::{EncodeError, EncodeTlsData, InsufficientSizeError, UnbufferedStatus};

use super::Failure;

/// Which end of a connection it is: [`super::Client`] or [`super::Server`].
pub trait Side {
    /// What rustls keeps for this side.
    type Data;

    /// Lets rustls go on with these bytes of the peer.
    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data>;

    /// What an error of rustls means for this side.
    fn failure(&self, error: rustls::Error) -> Failure;

    /// Whether the handshake goes on.
    fn is_handshaking(&self) -> bool;

    /// Whether a message of the handshake, or an alert, waits to be encoded.
    fn has_to_say(&self) -> bool;
}

/// Appends a message of the handshake.
pub(super) fn encode<D>(mut data: EncodeTlsData<'_, D>, out: &mut Vec<u8>) {
    let from = out.len();
    let mut room = 0;
    loop {
        out.resize(from + room, 0);
        match data.encode(&mut out[from..]) {
            Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) => {
                room = required_size;
            }
            Ok(count) => return out.truncate(from + count),
            Err(EncodeError::AlreadyEncoded) => return out.truncate(from),
        }
    }
}
