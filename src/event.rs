//! What an event loop is made of: a clock, a poller, a timer wheel, sockets, TLS and WebSocket over them,
//! and room for tables.
//!
//! The fleet's workers and the simulated tenant run on the same parts and share nothing else
//! but the codec. Clock, poller and socket have a second form, in which time is moved by hand and bytes
//! go through memory: a loop on those is the same loop, without a kernel and without chance.
//! Not here: connections, buffers, or any decision about what to do with an event.

pub mod clock;
pub mod memory;
pub mod poller;
pub mod room;
pub mod socket;
pub mod stamps;
pub mod tls;
pub mod websocket;
pub mod wheel;

pub use clock::{Clock, ClockSet, monotonic_ns};
pub use poller::{Event, Poller, Waiting};
pub use socket::{Listener, Socket};
pub use stamps::{Aside, available as timestamps_available, wall_clock_ns};
pub use wheel::{Handle, Wheel};
