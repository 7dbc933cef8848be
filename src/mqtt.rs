//! mqtt: to be described.
