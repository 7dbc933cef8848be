//! event: to be described.
