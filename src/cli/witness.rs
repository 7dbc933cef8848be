//! `midge run --witness`: what can be asked of the witness, and its place in a run.
//!
//! Whatever the witness cannot do is a mistake in the arguments, said before anything is sent. Not
//! here: the client (see `witness`) and what its testimony is worth (see `measure`).

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;

use super::Failure;
use super::prepare::Prepared;
use crate::engine::{Run, Settings};
use crate::event::Clock;
use crate::measure::Testimony;
use crate::profile::Profile;
use crate::witness::{CONNECTIONS, Order, Setting, Witness};

/// Tells the IDs of the witness from the fleet's.
const NONCE: u64 = 0x0077_6974_6e65_7373;

#[derive(Debug, Args)]
pub(super) struct WitnessArgs {
    /// Lets a second, independent client (mqtt-async-client) send probes beside the fleet and shows its
    /// service times beside ours; needs a build with --features witness
    #[arg(long)]
    witness: bool,
    /// Probes per second, at most 200/s [default: 1 % of the arrival rate, at least 5/s]
    #[arg(long, value_name = "RATE", requires = "witness")]
    witness_rate: Option<String>,
}

impl WitnessArgs {
    /// Endpoints that need identities beside the fleet's.
    pub(super) fn endpoints(&self) -> u32 {
        if self.witness { CONNECTIONS } else { 0 }
    }

    /// What the witness is to do; none unless asked for.
    pub(super) fn order(&self, prepared: &Prepared) -> Result<Option<Order>, Failure> {
        if !self.witness {
            return Ok(None);
        }
        let profile = &prepared.loaded.profile;
        Order::new(&prepared.plan, profile, self.witness_rate.as_deref())
            .map(Some)
            .map_err(|said| refused(&said))
    }
}

fn refused(said: &str) -> Failure {
    Failure::usage(format!("{said}\nnothing was sent"))
}

/// Refuses addresses that the client cannot reach, and takes the witness's messages off the fleet's
/// cap: what the profile allows is allowed to both together.
pub(super) fn make_room(
    order: &Order,
    targets: &[SocketAddr],
    profile: &mut Profile,
) -> Result<(), Failure> {
    order.reach(targets).map_err(|said| refused(&said))?;
    profile.limits.messages_per_s.0 -= order.rate();
    Ok(())
}

/// The witness beside a run.
#[derive(Debug)]
pub(super) struct Beside {
    witness: Witness,
    /// Lengths of warm-up and measure, ns.
    warm_up: u64,
    measure: u64,
    drain: std::time::Duration,
    told: bool,
}

impl Beside {
    pub(super) fn start(
        order: Order,
        prepared: &Prepared,
        settings: &Settings,
        clock: Clock,
    ) -> Result<Self, Failure> {
        let load = &settings.profile.load;
        let setting = Setting {
            plan: Arc::clone(&prepared.plan),
            profile: settings.profile.clone(),
            targets: settings.targets.clone(),
            password: settings.password.clone(),
            nonce: settings.nonce ^ NONCE,
            clock,
            bounds: prepared.shape.bounds(),
        };
        let (warm_up, measure) = (
            load.warm_up.as_nanos() as u64,
            load.measure.as_nanos() as u64,
        );
        let drain = load.drain;
        let witness = Witness::start(order, setting)
            .map_err(|error| Failure::internal(format!("the witness cannot begin: {error}")))?;
        Ok(Self {
            witness,
            warm_up,
            measure,
            drain,
            told: false,
        })
    }

    /// To be called now and then: tells it when the measure phase is, as soon as that is known.
    pub(super) fn follow(&mut self, run: &Run) {
        if let (false, Some(begin)) = (self.told, run.load_start()) {
            let from = begin.saturating_add(self.warm_up);
            self.witness.begin(from, from.saturating_add(self.measure));
            self.told = true;
        }
    }

    /// The run was told to stop.
    pub(super) fn stop(&self) {
        self.witness.stop();
    }

    pub(super) fn finish(self) -> Testimony {
        self.witness.finish(self.drain)
    }
}
