//! tenant: to be described.
