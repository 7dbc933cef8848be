//! What a request to become a WebSocket carries.
//!
//! Names, and values or where they are found, never a secret. Not here: resolving a secret.

use super::Secret;

/// One header of HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// As it is written; capitals mean nothing.
    pub name: String,
    /// What stands behind the colon.
    pub value: HeaderValue,
}

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderValue {
    /// Everybody may read it.
    Text(String),
    /// Not written anywhere.
    Secret(Secret),
}

impl Header {
    /// Whether a value can stand in a header (RFC 9110, section 5.5).
    pub fn can_be(value: &[u8]) -> bool {
        let visible = |byte: &u8| matches!(byte, b' '..=b'~');
        value.iter().all(visible) && value.trim_ascii() == value
    }
}
