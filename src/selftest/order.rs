//! What a test wants to be run: a load on a tenant whose behaviour is known.
//!
//! Plain values, and the profile that says the same. Not here: carrying it out.

use std::fmt::Write as _;
use std::time::Duration;

use crate::event::ClockSet;

/// When requests are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// At even intervals.
    Constant,
    /// As a Poisson process.
    Poisson,
}

/// The generator is kept from running, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// From the beginning of the load to the first time.
    pub after: Duration,
    /// How long, each time.
    pub length: Duration,
    /// How long it may run in between.
    pub pause: Duration,
    /// How often.
    pub times: u32,
}

/// What a machine adds that does as it is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Machine {
    /// What each write takes the generator.
    pub write: Duration,
    /// Its wall clock is set, counted from the beginning of the run.
    pub clock_set: Option<ClockSet>,
}

/// A run.
#[derive(Debug, Clone)]
pub struct Order {
    /// Endpoints, each with its connection.
    pub endpoints: u32,
    /// Requests per second of the whole fleet.
    pub rate: u32,
    /// When they are due.
    pub arrivals: Arrivals,
    /// Length of the warm-up, ms.
    pub warm_up_ms: u32,
    /// Length of the measure phase, ms.
    pub measure_ms: u32,
    /// Requests that one endpoint may have in flight.
    pub in_flight_max: u32,
    /// Deadline of a request, ms.
    pub deadline_ms: u32,
    /// Whether requests are answered; otherwise they are done when they are written.
    pub answered: bool,
    /// Flags of the simulated tenant.
    pub tenant: Vec<(&'static str, String)>,
    /// Whether workers stay awake for the last microseconds before each instant.
    pub spin: bool,
    /// Whether the instants of every single message are wanted, of both sides.
    pub instants: bool,
    /// Whether and how the generator is kept from running.
    pub held: Option<Hold>,
    /// How a machine behaves that does as it is told. Not every runner has one.
    pub machine: Machine,
    /// Of schedule and tenant.
    pub seed: u64,
}

/// Nothing but the schedule and the far side decides when a request leaves.
const OUT_OF_THE_WAY: u32 = 100_000;

impl Default for Order {
    fn default() -> Self {
        Self {
            endpoints: 50,
            rate: 1_000,
            arrivals: Arrivals::Constant,
            warm_up_ms: 1_000,
            measure_ms: 5_000,
            in_flight_max: OUT_OF_THE_WAY,
            deadline_ms: 5_000,
            answered: true,
            tenant: Vec::new(),
            spin: false,
            instants: false,
            held: None,
            machine: Machine::default(),
            seed: 42,
        }
    }
}

impl Order {
    /// Name of the one request.
    pub const REQUEST: &'static str = "probe";
    /// Name of the profile's file.
    pub const FILE: &'static str = "./selftest.toml";

    /// With one more flag for the tenant.
    #[must_use]
    pub fn tenant(mut self, flag: &'static str, value: impl Into<String>) -> Self {
        self.tenant.push((flag, value.into()));
        self
    }

    /// Requests that are due in the measure phase, expected.
    pub fn expected(&self) -> f64 {
        f64::from(self.rate) * f64::from(self.measure_ms) / 1e3
    }

    /// The profile.
    pub fn profile(&self) -> String {
        let Self {
            endpoints,
            rate,
            warm_up_ms,
            measure_ms,
            in_flight_max,
            deadline_ms,
            seed,
            ..
        } = self;
        let arrivals = match self.arrivals {
            Arrivals::Constant => "constant",
            Arrivals::Poisson => "poisson",
        };
        let mut text = format!(
            "format = 1\nname = \"selftest\"\n\n[fleet]\nendpoints = {endpoints}\n\
             connect_rate = \"5_000/s\"\nsubscribe = \"none\"\n\n[load]\narrival_rate = \"{rate}/s\"\n\
             arrivals = \"{arrivals}\"\nwarm_up = \"{warm_up_ms}ms\"\nmeasure = \"{measure_ms}ms\"\n\
             drain = \"10s\"\nin_flight_max = {in_flight_max}\nseed = {seed}\n\n[limits]\n\
             messages_per_s = \"1_000_000/s\"\n\n[[request]]\nname = \"{}\"\n",
            Self::REQUEST
        );
        text.push_str(if self.answered {
            "topic = \"selftest/{endpoint}/{request_id}\"\n\
             request_id = { in = \"topic\", range = [10_000, 99_999] }\n\
             reply = { ok = \"{topic}/ok\", error = \"{topic}/error\" }\n"
        } else {
            "topic = \"selftest/{endpoint}\"\n"
        });
        if self.answered {
            let _ = writeln!(text, "deadline = \"{deadline_ms}ms\"");
        }
        text.push_str("payload = '{\"n\":{seq}}'\n\n[tenant]\n");
        let _ = writeln!(text, "seed = {seed}");
        for (flag, value) in &self.tenant {
            let _ = writeln!(text, "{} = \"{value}\"", flag.replace('-', "_"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Identities, Plan};
    use crate::profile;

    #[test]
    fn an_order_is_a_profile_that_compiles() {
        for (answered, arrivals) in [(true, Arrivals::Constant), (false, Arrivals::Poisson)] {
            let order = Order {
                arrivals,
                answered,
                ..Order::default()
            };
            let text = order.tenant("service-time", "exp:2ms").profile();
            let read = |_: &std::path::Path| Ok(text.clone());
            let loaded = profile::load(Order::FILE, &[], &read)
                .unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
            assert_eq!(loaded.profile.fleet.endpoints, 50);
            assert!(
                loaded
                    .profile
                    .tenant
                    .iter()
                    .any(|(flag, value)| flag == "service-time" && value == "exp:2ms"),
                "{:?}",
                loaded.profile.tenant
            );
            Plan::compile(&loaded.profile, Identities::none()).expect("a sound plan");
        }
    }
}
