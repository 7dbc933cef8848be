//! Clients that this project did not make, on both sides of the wire: Eclipse Paho and Mosquitto's
//! own programs speak to the simulated tenant, and stand in for a tenant and for devices.
//!
//! What they send and what has to come back is written by hand, from the vendors' specifications, in
//! `independent/kaa.json` and `independent/enapter.json`. So a mistake that fleet and tenant share,
//! because one hand made both, shows here. Not here: how exact times are (`honesty`).
//!
//! Paho needs a Python of its own, which `tests/run` makes; without it these tests fail and say how
//! to make one.

#[path = "independent/client.rs"]
mod client;
#[path = "independent/enapter.rs"]
mod enapter;
#[path = "independent/fixtures.rs"]
mod fixtures;
#[path = "independent/fleet.rs"]
mod fleet;
mod interop;
#[path = "independent/kaa.rs"]
mod kaa;
#[path = "independent/kaa_observe.rs"]
mod kaa_observe;
#[path = "independent/kaa_pushes.rs"]
mod kaa_pushes;
#[path = "independent/mosquitto.rs"]
mod mosquitto;
#[path = "independent/pairs.rs"]
mod pairs;
#[path = "independent/script.rs"]
mod script;
mod support;
