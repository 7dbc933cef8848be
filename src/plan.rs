//! plan: to be described.
