//! What tests with real processes share: a real broker, a freeze from outside, peace to measure in.
//!
//! A module of each test binary that needs it (`mod interop;`, beside `mod support;`). Not here: how
//! the program itself is called (see `support`), and what a test expects.
#![allow(
    dead_code,
    unused_imports,
    reason = "a module of several test binaries, each of which uses a part"
)]

mod alone;
mod door;
mod figures;
mod freeze;
mod mosquitto;
mod responder;

pub use alone::{alone, believed, ends_with_unless_disturbed};
pub use door::{all_went_well, nobody_comes_in};
pub use figures::{ms, names, rows, share_above, tail_ms};
pub use freeze::{freeze, freeze_for_good};
pub use mosquitto::{Message, Mosquitto, Subscriber, Websockets, program};
pub use responder::Responder;
