//! cli: to be described.
