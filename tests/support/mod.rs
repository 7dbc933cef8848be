//! What the end-to-end tests share: the real program, a tenant of its own, a broker that misbehaves.
//!
//! A module of each test binary (`mod support;`). Everything that is started here has a deadline and
//! ends with the value that stands for it. Not here: what a test expects.
#![allow(
    dead_code,
    unused_imports,
    reason = "a module of several test binaries, each of which uses a part"
)]

mod broker;
mod certificates;
mod midge;
mod outcome;
mod process;
#[cfg(target_os = "linux")]
mod refusal;
mod tenant;

pub use broker::{CONNACK, FakeBroker, Peer};
pub use certificates::{Authority, Pair};
pub use midge::{Midge, Running, program_contains};
pub use outcome::{LEDGER, Outcome};
pub use process::{Ended, Process};
#[cfg(target_os = "linux")]
pub use refusal::refusing;
pub use rustix::process::Signal;
pub use tenant::Tenant;
