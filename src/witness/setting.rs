//! What the witness is given by the run. Not here: what it is asked to do (see `order`).

use std::net::SocketAddr;
use std::sync::Arc;

use crate::event::Clock;
use crate::measure::Bounds;
use crate::plan::Plan;
use crate::profile::Profile;

/// Everything but what to probe.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The encoder and the patterns; the fleet's endpoints are `0..plan.endpoints`, the witness's follow.
    pub plan: Arc<Plan>,
    /// Keep-alive, time to connect, limits.
    pub profile: Profile,
    /// Resolved addresses; the connections are spread over them. Not empty.
    pub targets: Vec<SocketAddr>,
    /// The password itself.
    pub password: Option<Vec<u8>>,
    /// Different for every run, and not the fleet's.
    pub nonce: u64,
    /// The run's.
    pub clock: Clock,
    /// Range of the histograms.
    pub bounds: Bounds,
}
