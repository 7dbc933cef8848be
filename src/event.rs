//! What an event loop is made of: a clock, a poller, a timer wheel, sockets' two system calls,
//! and room for tables.
//!
//! The fleet's workers and the simulated tenant run on the same parts and share nothing else
//! but the codec. Not here: connections, buffers, or any decision about what to do with an event.

pub mod clock;
pub mod poller;
pub mod room;
pub mod socket;
pub mod wheel;

pub use clock::{Clock, monotonic_ns};
pub use poller::{Event, Poller, Waiting};
pub use wheel::{Handle, Wheel};
