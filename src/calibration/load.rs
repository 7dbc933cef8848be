//! The loads that find a machine's ceiling: which profile, against whom, and how much of it.
//!
//! Not here: carrying them out (the command), and what they have yielded (see `figures`).

use std::time::Duration;

use crate::profile::{self, Loaded, ProfileError};

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FarSide {
    /// The null broker.
    Sink,
    /// The simulated tenant.
    Tenant,
}

impl FarSide {
    /// As the file and the screen call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sink => "sink",
            Self::Tenant => "simulated tenant",
        }
    }
}

/// How much of a load there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Endpoints, each with a connection.
    pub endpoints: u32,
    /// Before it is measured.
    pub warm_up: Duration,
    /// Measured.
    pub measure: Duration,
}

/// One load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// In words.
    pub title: &'static str,
    /// Who takes it.
    pub far: FarSide,
    profile: &'static str,
    /// What is different from the profile.
    sets: &'static [&'static str],
}

impl Load {
    /// Messages that nothing answers, one per write.
    pub const QOS0: Self = Self {
        title: "QoS 0, one message per write",
        far: FarSide::Sink,
        profile: "flood",
        sets: &["load.batch=1"],
    };
    /// The same, several per write.
    pub const QOS0_BATCHED: Self = Self {
        title: "QoS 0, 16 messages per write",
        far: FarSide::Sink,
        profile: "flood",
        sets: &["load.batch=16"],
    };
    /// Messages that are acknowledged before the next one leaves.
    pub const QOS1: Self = Self {
        title: "QoS 1, one in flight per connection",
        far: FarSide::Sink,
        profile: "closed",
        sets: &[],
    };
    /// Messages whose acknowledgement is acknowledged before the next one leaves.
    pub const QOS2: Self = Self {
        title: "QoS 2, one in flight per connection",
        far: FarSide::Sink,
        profile: "closed",
        sets: &["request.telemetry.qos=2"],
    };
    /// Requests that are replied to before the next one leaves.
    pub const REQUEST_REPLY: Self = Self {
        title: "request and reply, one in flight per connection",
        far: FarSide::Tenant,
        profile: "request-reply",
        sets: &["load.arrival_rate=max", "load.in_flight_max=1"],
    };
    /// Connections that come up as fast as they can, and next to no message.
    pub const CONNECTS: Self = Self {
        title: "connects",
        far: FarSide::Sink,
        profile: "idle",
        sets: &[
            "fleet.connect_rate=10_000_000/s",
            "fleet.connects_in_progress=1000",
        ],
    };
    /// Messages that leave at an instant, 1,000 per second.
    pub const PACED_1000: Self = Self {
        title: "schedule lag at 1,000/s",
        far: FarSide::Sink,
        profile: "paced",
        sets: &["load.arrival_rate=1_000/s"],
    };
    /// Messages that leave at an instant, 20,000 per second.
    pub const PACED_20000: Self = Self {
        title: "schedule lag at 20,000/s",
        far: FarSide::Sink,
        profile: "paced",
        sets: &["load.arrival_rate=20_000/s"],
    };

    /// Its profile in this size. Every part of it ends by itself.
    ///
    /// # Errors
    /// The size is none that a profile may have.
    pub fn load(&self, size: Size) -> Result<Loaded, Vec<ProfileError>> {
        let mut sets: Vec<String> = self.sets.iter().map(|set| (*set).to_owned()).collect();
        sets.extend([
            format!("fleet.endpoints={}", size.endpoints),
            format!("load.warm_up={}us", size.warm_up.as_micros()),
            format!("load.measure={}us", size.measure.as_micros()),
            "load.drain=1s".to_owned(),
            "target.connect_timeout=5s".to_owned(),
        ]);
        profile::load_bench(self.profile, &sets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Model, Pace};

    #[test]
    fn every_load_is_a_profile_in_its_size() {
        let size = Size {
            endpoints: 7,
            warm_up: Duration::from_millis(250),
            measure: Duration::from_micros(1_500_001),
        };
        for load in [
            Load::QOS0,
            Load::QOS0_BATCHED,
            Load::QOS1,
            Load::QOS2,
            Load::REQUEST_REPLY,
            Load::CONNECTS,
            Load::PACED_1000,
            Load::PACED_20000,
        ] {
            let profile = load.load(size).expect(load.title).profile;
            assert_eq!(profile.fleet.endpoints, size.endpoints, "{}", load.title);
            assert_eq!(profile.load.warm_up, size.warm_up);
            assert_eq!(profile.load.measure, size.measure);
            assert_eq!(profile.load.drain, Duration::from_secs(1));
            assert_eq!(profile.requests.len(), 1, "one row is looked at");
            assert!(matches!(profile.requests[0].pace, Pace::Weight(_)));
        }
        let qos = |load: &Load| load.load(size).unwrap().profile.requests[0].qos;
        assert_eq!(
            [Load::QOS0, Load::QOS1, Load::QOS2].map(|load| qos(&load)),
            [0, 1, 2]
        );
        let request = Load::REQUEST_REPLY.load(size).unwrap().profile;
        assert_eq!(request.load.model, Model::Max);
        assert_eq!(request.load.in_flight_max, 1);
    }
}
