//! measure: to be described.
