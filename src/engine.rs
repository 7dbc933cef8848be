//! engine: to be described.
