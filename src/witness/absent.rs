//! In place of the witness where the program was built without it: refuses, and says what to build.
//!
//! The same names as the real one, so that the command line is the same. Nothing here can exist.

mod setting;

use std::net::SocketAddr;
use std::time::Duration;

use crate::measure::Testimony;
use crate::plan::Plan;
use crate::profile::Profile;

pub use setting::Setting;

/// Endpoints of the witness: none.
pub const CONNECTIONS: u32 = 0;

/// What to probe: there is none.
#[derive(Debug)]
pub enum Order {}

impl Order {
    /// Always refused.
    ///
    /// # Errors
    /// Always; the text says how to build the program with the witness.
    pub fn new(_: &Plan, _: &Profile, _: Option<&str>) -> Result<Self, String> {
        Err("this program was built without the witness\n\
             help: cargo build --release --features witness"
            .into())
    }

    /// Probes per second.
    pub fn rate(&self) -> f64 {
        match *self {}
    }

    /// Whether the client can connect to these addresses.
    ///
    /// # Errors
    /// Never.
    pub fn reach(&self, _: &[SocketAddr]) -> Result<(), String> {
        match *self {}
    }
}

/// A witness at work: there is none.
#[derive(Debug)]
pub enum Witness {}

impl Witness {
    /// Starts it.
    ///
    /// # Errors
    /// Never.
    #[allow(clippy::needless_pass_by_value, reason = "as the real one does")]
    pub fn start(order: Order, _: Setting) -> std::io::Result<Self> {
        match order {}
    }

    /// Probes are due between these two instants, ns of the run's clock.
    pub fn begin(&self, _: u64, _: u64) {
        match *self {}
    }

    /// No more probes.
    pub fn stop(&self) {
        match *self {}
    }

    /// Takes the testimony.
    pub fn finish(self, _: Duration) -> Testimony {
        match self {}
    }
}
